# SPDX-License-Identifier: Apache-2.0
"""How commands take their options: frozen dataclasses, each field with the option of the command line that fills it.

Also the options that several commands have, and how a value that is more than a word is read.
"""

from __future__ import annotations

import json
import re
import sys
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime, timedelta
from functools import wraps
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from schema_guard.records import default_store, resolve_store
from schema_guard.schema import Schema
from schema_guard.text import did_you_mean, safe

if TYPE_CHECKING:
    from collections.abc import Callable

    from schema_guard.records import Store

_ADD = "add"


def option(*flags: str, **settings: Any) -> Any:
    """Give a field of a dataclass of options.

    Args:
        flags: What the command line calls it; none: the field's name, `max_cost` as `--max-cost`.
        settings: As `click.option` takes them.
    """

    def add(name: str) -> Callable[[Any], Any]:
        return click.option(*(flags or (f"--{name.replace('_', '-')}",)), name, **settings)

    return field(metadata={_ADD: add})


def argument(**settings: Any) -> Any:
    """Give a field of a dataclass of options that is a word without a flag; *settings* as `click.argument` takes them."""
    return field(metadata={_ADD: lambda name: click.argument(name, **settings)})


def takes(**kinds: type) -> Callable[[Callable[..., int]], Callable[..., int]]:
    """Add the options of dataclasses to a command, in this order, and give it each dataclass as one argument."""

    def add(function: Callable[..., int]) -> Callable[..., int]:
        @wraps(function)
        def command(**given: Any) -> int:
            read = {
                name: kind(**{one.name: given.pop(one.name) for one in fields(kind)})
                for name, kind in kinds.items()
            }
            return function(**read, **given)

        for kind in reversed(kinds.values()):
            for one in reversed(fields(kind)):
                command = one.metadata[_ADD](one.name)(command)
        return command

    return add


def shared(*names: str) -> Callable[[Any], Any]:
    """Add the options that several commands have, in one wording; `debug` is read by `main` alone."""
    options = {
        "store": click.option("--store", metavar="URL", help="Where records are: a path, sqlite:///FILE, or postgresql://USER@HOST/DATABASE. Else $SCHEMA_GUARD_STORE, else the user's data folder."),
        "format": click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True),
        "pages": click.option("--format", "form", type=click.Choice(["text", "json", "markdown", "html"]), default="text", show_default=True),
        "markdown": click.option("--format", "form", type=click.Choice(["text", "json", "markdown"]), default="text", show_default=True),
        "debug": click.option("--debug", is_flag=True, expose_value=False, help="Show a traceback when something goes wrong."),
    }  # fmt: skip

    def add(function: Any) -> Any:
        for name in reversed(names):
            function = options[name](function)
        return function

    return add


def print_json(value: Any) -> None:
    """Print a value as JSON, in ASCII."""
    print(json.dumps(value, indent=2, ensure_ascii=True))


def store_of(url: str | None) -> Store | None:
    """Give the store that is named, else the default one; None where nothing is to be recorded."""
    return default_store() if url is None else resolve_store(url)


def readable(url: str | None) -> Store:
    """Give the store to read: the one named, else the default one."""
    found = store_of(url)
    if found is None:
        raise click.UsageError(
            "no store: $SCHEMA_GUARD_STORE is 'none'; name one with --store sqlite:///FILE"
        )
    return found


_AGO = re.compile(r"(\d+)([mhd])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


def since_of(given: str | None, flag: str = "--since") -> float | None:
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
            f"{flag} {safe(given)!r}: expected a date such as 2026-11-01, or 90m, 24h, 7d"
        ) from error


@dataclass(frozen=True, kw_only=True)
class WhichCalls:
    """Which of the recorded calls are meant."""

    schema: str | None = option(metavar="NAME", help="Only this schema, by name or fingerprint.")
    function: str | None = option(
        metavar="NAME", help="Only this function: its name, or an end of it behind a dot that no other has."
    )
    segment: str | None = option(metavar="NAME", help="Only this part of the traffic.")
    since: str | None = option(
        metavar="TIME",
        help="Only calls from then on: 2026-11-01, 2026-11-01T08:00, or 90m, 24h, 7d ago.",
    )

    def named(self) -> dict[str, Any]:
        """Give them as the functions that read a store take them."""
        return {
            "schema": self.schema,
            "function": self.function,
            "segment": self.segment,
            "since": since_of(self.since),
        }

    @property
    def are_all(self) -> bool:
        """Whether none are left out."""
        return not any((self.schema, self.function, self.segment, self.since))


def schema_of(named: str) -> Schema[Any]:
    """Load the schema of an option `--schema`: a file, or `module:Model` from where the command runs."""
    module, colon, _ = named.partition(":")
    if not colon or Path(named).exists() or not module.replace(".", "").isidentifier():
        return Schema.of(Path(named))
    try:
        return Schema.of(imported(named))
    except click.UsageError as error:
        raise click.UsageError(f"--schema {safe(named)!r}: {error.format_message()}") from error


def imported(named: str, *, expected: str = "a file, or module:Model") -> Any:
    """Give what `module:Model` names, from where the command runs; *expected* is what its error asks for.

    Raises:
        click.UsageError: It is not there, or its module cannot be imported.
    """
    module, _, model = named.partition(":")
    if "" not in sys.path:
        sys.path.insert(0, "")
    found: Any
    try:
        found = import_module(module)
    except (ImportError, ValueError) as error:
        raise click.UsageError(f"expected {expected}: {safe(str(error))}") from error
    except Exception as error:
        said = f"importing {module} raised {type(error).__name__}: {error}"
        raise click.UsageError(f"expected {expected}: {safe(said)}") from error
    try:
        for name in model.split("."):
            found = getattr(found, name)
    except AttributeError as error:
        raise click.UsageError(f"expected {expected}: {safe(str(error))}") from error
    return found


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


def key_value(text: str) -> tuple[str, Any]:
    """Read KEY=VALUE, the value JSON or a text."""
    key, separator, value = text.partition("=")
    if not separator:
        raise click.UsageError(f"--option {safe(text)!r}: expected KEY=VALUE, such as temperature=0.7")
    try:
        return key, json.loads(value)
    except ValueError:
        return key, value


def output_path(name: str) -> Path:
    """Give the file that `--output` names; a folder that is not there is an error now, and not when the calls are paid for."""
    path = Path(name)
    if not path.parent.is_dir():
        raise click.UsageError(f"--output {safe(name)}: there is no folder {safe(str(path.parent))!r}")
    return path
