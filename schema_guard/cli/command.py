# SPDX-License-Identifier: Apache-2.0
"""The command `schema-guard` itself, and the report of an error.

Results go to stdout, progress and errors to stderr. Exit status: 0 good, 1 findings, 2 usage or environment.
"""

from __future__ import annotations

import gc
import sys

import click

import schema_guard
from schema_guard.cli.shared.group import LazyGroup
from schema_guard.errors import SchemaGuardError
from schema_guard.text import safe

# The help's line for each command. The group's help loads no command.
LINES = {
    "bench": "Measure how often models return valid and right values, and compare results.",
    "comment": "Post Markdown files as a comment on the pull request or merge request of this CI job.",
    "completion": "Print a script that adds command completion to your shell.",
    "decide": "Decide whether prompting is enough, which fix to try next, or whether to fine-tune.",
    "demo": "Measure a sample function with a small local model, fix it, and measure it again.",
    "doctor": "Show the installed versions, extras, store, and local model, to find a problem or report a bug.",
    "help": "Show a chapter of the documentation.",
    "improve": "Find a better prompt for a function, and prove that it is better on new inputs.",
    "label": "Label replies as right or wrong, to estimate the share of wrong values.",
    "report": "Show failure rates with confidence limits, the fields that fail, tokens, and durations.",
    "schema": "Validate documents, and test how providers and servers treat a schema.",
    "store": "Inspect, check, export, import, and delete records.",
    "tune": "Prepare a training set, and tune a model with it.",
    "watch": "Check whether a failure rate in production is too high or has risen.",
}


@click.group(
    cls=LazyGroup,
    package=__package__,
    lines=LINES,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(schema_guard.__version__, prog_name="schema-guard")
def command() -> None:
    """Make LLM replies match a schema, and measure how often they do.

    \b
    schema-guard demo                                       can I see it work on a small local model?
    schema-guard report                                     how often do my functions fail?
    schema-guard decide --function extract_invoice          is prompting enough? should we fine-tune?
    schema-guard watch --max-failure-rate 1%                has the failure rate risen?
    schema-guard schema check invoice.json reply.txt        is this reply valid?
    schema-guard schema lint invoice.json --provider gemini does Gemini accept this schema?
    schema-guard schema probe --model local                 does this server enforce schemas?
    schema-guard bench run tasks.jsonl --model local        how often does a model fail at my tasks?
    schema-guard bench run --playbook --schema ticket       which fix helps?
    schema-guard improve extract_invoice                    is there a better prompt?
    schema-guard bench compare before.json after.json       has a result become worse?
    schema-guard store import logs.jsonl --from langfuse    how often did my earlier replies fail?
    schema-guard tune prepare --schema Invoice -o set       can my records become a training set?
    schema-guard tune run set --backend local               can the set tune a model?
    schema-guard store delete --cluster customer-4711       how do I delete the records of a customer?
    """


def main(argv: list[str] | None = None) -> int:
    """Run a command line.

    Args:
        argv: Arguments without the program's name. With None, the function reads the arguments of the process.

    Returns:
        The exit status.
    """
    arguments = _arguments() if argv is None else argv
    stdout = sys.stdout
    try:
        status = command.main(arguments, prog_name="schema-guard", standalone_mode=False)
        print(end="", flush=True)
    except click.exceptions.NoArgsIsHelpError as error:
        # A group without a command shows its help.
        print(error.format_message(), file=sys.stderr)
        return 2
    except click.ClickException as error:
        return _print_error(error.format_message(), 2)
    except click.Abort:
        return _print_error("interrupted", 2)
    except (BrokenPipeError, SystemExit) as error:
        # If the reader of stdout has closed it, click replaces stdout and exits.
        if isinstance(error, SystemExit) and sys.stdout is stdout:
            raise
        # Otherwise, Python reports the broken pipe again when it exits.
        sys.stdout = None
        return 0
    except Exception as error:
        # Errors of the library, of a model, or of the file system.
        if not {"-v", "--verbose"}.isdisjoint(arguments):
            raise
        return _print_error(_message(error), 2)
    return status if isinstance(status, int) else 0


def _arguments() -> list[str]:
    """Return the arguments of this process, which runs only this command."""
    # Objects that a command reads stay in use to its end. Fewer collections save 6% of the CPU time of `decide` on a
    # large store.
    gc.set_threshold(100_000, 50, 50)
    return sys.argv[1:]


def _message(error: Exception) -> str:
    """Return the message of an error, with its class only if neither the library nor the system wrote it."""
    if isinstance(error, (SchemaGuardError, OSError)):
        return str(error)
    if isinstance(error, MemoryError):
        return "out of memory. Pass less data to the command. To print the traceback, add --verbose"
    words = f": {error}" if str(error) else ""
    return f"unexpected {type(error).__name__}{words}. To print the traceback, add --verbose"


def _print_error(message: str, status: int) -> int:
    # A message can have a key of an unknown author's schema. The line breaks of a list of problems stay.
    lines = "\n".join(safe(line.replace("\t", "  ")) for line in message.split("\n"))
    print(f"schema-guard: {lines}", file=sys.stderr)
    return status
