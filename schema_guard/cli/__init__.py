"""The command `schema-guard`: each subcommand is one call of the library, in a file with its kin."""

from __future__ import annotations

import sys

import click

from schema_guard.cli import bench, check, climb, demo, report
from schema_guard.cli.group import command
from schema_guard.text import safe

__all__ = ["bench", "check", "climb", "command", "demo", "main", "report"]


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
