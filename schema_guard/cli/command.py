# SPDX-License-Identifier: Apache-2.0
"""The command `schema-guard` itself, and what becomes of an error.

Results go to stdout, progress and errors to stderr. Exit status: 0 good, 1 findings, 2 usage or environment.
"""

from __future__ import annotations

import sys

import click

import schema_guard
from schema_guard.cli.shared.group import LazyGroup
from schema_guard.text import safe

# What `--help` says of each command: the first sentence of its own help, for that stands in a file that is not loaded.
LINES = {
    "bench": "Measure how often models keep to schemas, and are right; compare and gate results.",
    "check": "Judge replies, or plain JSON documents, against SCHEMA.",
    "climb": "Measure the next remedies of the ladder on a real model, each on the same inputs, until the verdict is clear.",
    "decide": "Say whether prompting is enough, what to try next, or whether to fine-tune: with the arithmetic.",
    "demo": "Show it all on a small model that runs here: a function measured, judged, mended, and judged again.",
    "doctor": "Show versions, extras, the store and the local model's weights: what to send with a bug report.",
    "export": "Write a training set out of recorded calls, labelled files and a person's answers: clean, split, and told apart.",
    "help": "Show a chapter of the documentation, by its name or a command's; without TOPIC: which there are.",
    "import": "Bring in what other tools have stored: replies that a team has already, judged and recorded.",
    "lint": "Say what a provider or an engine would do with SCHEMA: refuse it, ignore a part, or rule right answers out.",
    "probe": "Find out whether a server enforces the schemas that it takes, by asking for what they forbid.",
    "report": "Show failure rates with bounds, what failed and where, tokens and seconds: of each function, the worst first.",
    "store": "Inspect, check, prune, export, import and merge stores.",
    "test": "Try on SCHEMA the laws that must hold for every schema, with drawn instances and replies; exit 1 if one fails.",
    "tune": "Tune a model on the training set in DIR, at a host or here, and say what to do with it.",
    "watch": "Say in one line whether something in production is proved to be wrong, as `decide` says it; exit 1 if so.",
}


@click.group(
    cls=LazyGroup,
    package=__package__,
    lines=LINES,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(schema_guard.__version__, prog_name="schema-guard")
def command() -> None:
    """Keep language-model calls to a schema, and measure how well that works.

    \b
    schema-guard check invoice.schema.json reply.txt     is this reply valid?
    schema-guard lint schema.json --target openai        is this schema taken?
    schema-guard probe --model local                     does the server enforce what it takes?
    schema-guard bench --model local                     how often does a model fail?
    schema-guard report                                  how often do my functions fail?
    schema-guard decide --schema Invoice                 is prompting enough? should we fine-tune?
    schema-guard climb --schema ticket                   measure the next remedies on a real model
    schema-guard export --schema Invoice -o set          a training set out of what was recorded
    schema-guard tune set --backend local                a tuned model out of it
    schema-guard watch --slo 0.01                        has the failure rate risen?
    schema-guard test invoice.schema.json                do the library's laws hold for my schema?
    """


def main(argv: list[str] | None = None) -> int:
    """Run a command line.

    Args:
        argv: Arguments without the program's name; None takes the process's own.

    Returns:
        The exit status.
    """
    arguments = sys.argv[1:] if argv is None else argv
    stdout = sys.stdout
    try:
        status = command.main(arguments, prog_name="schema-guard", standalone_mode=False)
        print(end="", flush=True)
    except click.ClickException as error:
        return _told(error.format_message(), 2)
    except click.Abort:
        return _told("interrupted", 2)
    except (BrokenPipeError, SystemExit) as error:
        # When the reader of stdout has gone click puts another stream in its place and exits.
        if isinstance(error, SystemExit) and sys.stdout is stdout:
            raise
        # Python would complain once more at its end.
        sys.stdout = None
        return 0
    except Exception as error:
        # The library's own errors, and those of a model or a file system.
        if "--debug" in arguments:
            raise
        # A subclass that users do not know goes by the name that they do.
        known = (
            kind.__name__
            for kind in type(error).__mro__
            if not kind.__module__.startswith("schema_guard.records")
        )
        return _told(f"{next(known)}: {error}", 2)
    return status if isinstance(status, int) else 0


def _told(message: str, status: int) -> int:
    # A message may name a key of a stranger's schema; the line breaks of a list of problems stay.
    lines = "\n".join(safe(line) for line in message.split("\n"))
    print(f"schema-guard: {lines}", file=sys.stderr)
    return status
