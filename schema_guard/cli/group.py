"""The command `schema-guard` itself, and what its subcommands have in common.

Results go to stdout, progress and errors to stderr. Exit status: 0 good, 1 findings, 2 usage or environment.
"""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

import click

import schema_guard
from schema_guard.text import did_you_mean, safe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.progress import TaskID

    from schema_guard.records import Store


# Calls may end faster than anybody reads.
_REDRAW_S = 0.1


class CommandGroup(click.Group):
    """Suggests the nearest command for an unknown one."""

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        """Find the command, or say which one is near."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            near = did_you_mean(args[0], self.list_commands(ctx))
            raise click.UsageError(f"no such command {safe(args[0])!r}{near}", ctx) from error


@click.group(
    cls=CommandGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(schema_guard.__version__, prog_name="schema-guard")
def command() -> None:
    """Keep language-model calls to a schema, and measure how well that works.

    \b
    schema-guard check invoice.schema.json reply.txt     is this reply valid?
    schema-guard bench --model local                     how often does a model fail?
    schema-guard report                                  how often do my functions fail?
    schema-guard decide --schema Invoice                 is prompting enough? should we fine-tune?
    schema-guard climb --schema ticket                   measure the next remedies on a real model
    schema-guard watch --slo 0.01                        has the failure rate risen?
    schema-guard test invoice.schema.json                do the library's laws hold for my schema?
    """


def shared(*names: str) -> Callable[[Any], Any]:
    """Give the options that several commands have, in one wording."""
    options = {
        "store": click.option("--store", metavar="URL", help="Where records are: sqlite:///FILE. Else $SCHEMA_GUARD_STORE, else the user's data folder."),
        "format": click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True),
        "pages": click.option("--format", "form", type=click.Choice(["text", "json", "markdown", "html"]), default="text", show_default=True),
        "markdown": click.option("--format", "form", type=click.Choice(["text", "json", "markdown"]), default="text", show_default=True),
        "debug": click.option("--debug", is_flag=True, help="Show a traceback when something goes wrong."),
    }  # fmt: skip

    def add(function: Any) -> Any:
        for name in reversed(names):
            function = options[name](function)
        return function

    return add


def print_json(value: Any) -> None:
    """Print a value as JSON, in ASCII."""
    print(json.dumps(value, indent=2, ensure_ascii=True))


def readable(url: str | None) -> Store:
    """Give the store to read: the one named, else the default one."""
    from schema_guard.records import default_store, resolve_store

    found = default_store() if url is None else resolve_store(url)
    if found is None:
        raise click.UsageError(
            "no store: $SCHEMA_GUARD_STORE is 'none'; name one with --store sqlite:///FILE"
        )
    return found


_AGO = re.compile(r"(\d+)([mhd])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


def since_of(given: str | None) -> float | None:
    """Read a point in time: an ISO date, local time unless it says otherwise, or so long ago."""
    if given is None:
        return None
    ago = _AGO.fullmatch(given)
    try:
        if ago:
            return (datetime.now(UTC) - timedelta(**{_UNITS[ago[2]]: int(ago[1])})).timestamp()
        return datetime.fromisoformat(given).timestamp()
    except (ValueError, OverflowError) as error:
        raise click.UsageError(
            f"--since {safe(given)!r}: expected a date such as 2026-11-01, or 90m, 24h, 7d"
        ) from error


def reasoned(text: str, rungs: tuple[str, ...]) -> tuple[str, str]:
    """Read RUNG=REASON."""
    rung, _, reason = text.partition("=")
    if rung not in rungs:
        raise click.UsageError(
            f"no rung {safe(rung)!r}: expected one of {' '.join(rungs)}{did_you_mean(rung, rungs)}"
        )
    if not reason.strip():
        raise click.UsageError(
            f"{safe(text)!r}: expected RUNG=REASON; a rung without a reason counts as untested"
        )
    return rung, reason.strip()


def json_file(name: str) -> dict[str, Any]:
    """Read a file that holds a JSON object; `-` is standard input."""
    try:
        found = json.loads(sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise click.UsageError(f"{safe(name)}: expected a JSON file: {safe(str(error))}") from error
    if not isinstance(found, dict):
        raise click.UsageError(f"{safe(name)}: expected a JSON object, got {type(found).__name__}")
    return found


def option(text: str) -> tuple[str, Any]:
    """Read KEY=VALUE, the value JSON or a text."""
    key, separator, value = text.partition("=")
    if not separator:
        raise click.UsageError(f"--option {safe(text)!r}: expected KEY=VALUE, such as temperature=0.7")
    try:
        return key, json.loads(value)
    except ValueError:
        return key, value


@contextmanager
def progress(total: int, failed_word: str = "unhandled") -> Iterator[Callable[[str, bool], None]]:
    """Show a bar on stderr for what is asked, and the running count of calls without a valid value.

    Args:
        total: Calls of each thing that is asked; each has a bar of its own.
        failed_word: What the others are called.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        asked: dict[str, TaskID] = {}
        failed: Counter[str] = Counter()
        done: Counter[str] = Counter()
        shown_at = 0.0

        def show() -> None:
            for what, task in asked.items():
                said = f"{what}, {failed[what]}/{done[what]} {failed_word}"
                bar.update(task, completed=done[what], description=said)

        def on_call(what: str, ok: bool) -> None:
            nonlocal shown_at
            if what not in asked:
                asked[what] = bar.add_task(what, total=total)
            done[what] += 1
            failed[what] += not ok
            if monotonic() - shown_at > _REDRAW_S:
                show()
                shown_at = monotonic()

        yield on_call
        show()
