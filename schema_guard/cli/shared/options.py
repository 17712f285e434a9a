# SPDX-License-Identifier: Apache-2.0
"""The options of commands, as frozen dataclasses. Each field has the option of the command line that fills it.

This module also has the options that several commands share, their completion in a shell, checks of the typed options,
and readers of values that are more than a word.
"""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields
from functools import wraps
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource
from click.shell_completion import CompletionItem

from schema_guard.cli.shared.group import Command, Option
from schema_guard.cli.shared.quantities import DURATION, MOMENT, SHARE
from schema_guard.configuration.project import place_of, setting
from schema_guard.errors import InvalidArgument, SchemaGuardError, StoreError
from schema_guard.records import default_store, resolve_store
from schema_guard.schema import Schema
from schema_guard.text import did_you_mean, reason_of, safe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import click

    from schema_guard.records import Store
    from schema_guard.records.attempts import Names

_ADD = "add"


def option(*flags: str, **settings: Any) -> Any:
    """Return a field of a dataclass of options. A `bool` field is a flag, and a tuple a repeatable option.

    Args:
        flags: Names of the option on the command line. Default: the field's name, such as `--max-cost` for `max_cost`.
        settings: Arguments of `Option`. `advanced=True` lists the option under "Advanced options" in the help.
    """

    def add(name: str, annotation: str) -> Callable[[Any], Any]:
        words = flags or (f"--{name.replace('_', '-')}",)
        is_flag, multiple = annotation == "bool", annotation.startswith("tuple[")
        return click.option(*words, name, cls=Option, is_flag=is_flag, multiple=multiple, **settings)

    return field(metadata={_ADD: add})


def argument(**settings: Any) -> Any:
    """Return a field of a dataclass of options for a word without a flag. *settings* are those of `click.argument`."""
    return field(metadata={_ADD: lambda name, _: click.argument(name, **settings)})


def takes(**kinds: type) -> Callable[[Callable[..., int]], Callable[..., int]]:
    """Add the options of dataclasses to a command, in this order, and pass it each dataclass as one argument."""

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
                command = one.metadata[_ADD](one.name, str(one.type))(command)
        return command

    return add


def build_command(name: str, **settings: Any) -> Callable[[Callable[..., int]], click.Command]:
    """Build a command, as `click.command` does, with the global options and its options in groups."""
    return click.command(name, cls=Command, **settings)


def shared(*names: str) -> Callable[[Any], Any]:
    """Add the options that several commands have, in one wording."""
    options = {
        "store": click.option("--store", metavar="URL", cls=Option, shell_complete=complete_files, help="Store for the records: a path, sqlite:///FILE, or postgresql://USER@HOST/DATABASE. Default: $SCHEMA_GUARD_STORE, `store` in pyproject.toml, or a file in your data folder."),
        "format": click.option("--format", "form", cls=Option, type=click.Choice(["text", "json"]), default="text", help="Format of the result."),
        "pages": click.option("--format", "form", cls=Option, type=click.Choice(["text", "json", "markdown", "html"]), default="text", help="Format of the result."),
        "results": click.option("--format", "form", cls=Option, type=click.Choice(["text", "json", "markdown", "junit"]), default="text", help="Format of the result. The format junit is for CI systems, and requires --gate."),
        "output": click.option("-o", "--output", cls=Option, type=click.Path(dir_okay=False), help="File for the result. Default: standard output."),
        "yes": click.option("--yes", is_flag=True, cls=Option, help="Run without asking for confirmation."),
        "dry-run": click.option("--dry-run", is_flag=True, cls=Option, help="Print the plan and its cost. The command doesn't send, download, or change anything."),
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
    """Return the named store, or the default one without a name. None if records are switched off."""
    return default_store() if url is None else resolve_store(url)


def place_of_store() -> str:
    """Return the place that names the default store."""
    return place_of("store") if setting("store").is_of_project else "$SCHEMA_GUARD_STORE"


def readable(url: str | None) -> Store:
    """Return the store to read: the one named, or the default one."""
    found = store_of(url)
    if found is None:
        raise click.UsageError(
            f"{safe(place_of_store())} is 'none', so there is no store. Name a store with --store sqlite:///FILE"
        )
    return found


def existing(url: str | None) -> Store:
    """Return the store to read. It must exist.

    Raises:
        click.UsageError: It does not exist: the named file is missing, or the default store has no calls yet.
    """
    found = readable(url)
    if (missing := absent(found, url)) is not None:
        raise click.UsageError(missing)
    return found


def absent(store: Store, url: str | None) -> str | None:
    """Return one sentence about a store that does not exist. None if it exists.

    Args:
        store: The store.
        url: The value of `--store`. None for the default store.
    """
    try:
        info = store.info()
    except StoreError:  # a damaged file exists
        return None
    if info.schema_version is not None or info.refusal is not None:
        return None
    if url is not None:
        return f"{safe(info.path or info.url)} does not exist, so it has no calls. Check the value of --store"
    return f"{safe(info.url)} has no calls yet. Call a function that is decorated with @guard(...)"


@contextmanager
def naming(**options: str) -> Iterator[None]:
    """Name the option of the command line in errors of the library, which name a Python argument.

    Args:
        options: The option of each argument: `target="--provider"`.
    """
    try:
        yield
    except InvalidArgument as error:
        text = str(error)
        for argument, flag in options.items():
            for mark in ("=", " ", ":", "["):
                if text.startswith(f"{argument}{mark}"):
                    rest = text[len(argument) + 1 :]
                    joint = mark if mark in ":[" else "" if rest.startswith(":") else " "
                    raise click.UsageError(f"{flag}{joint}{rest}") from error
        raise


def complete_files(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Let the shell complete the name of a file."""
    return [CompletionItem(incomplete, type="file")]


def complete_functions(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the recorded functions that start with the word. The word can also start a part of the name after a dot."""
    names = {row.function for row in _names(ctx)}
    ends = {name.rpartition(".")[2] for name in names}
    return [CompletionItem(name) for name in sorted(names | ends) if name.startswith(incomplete)]


def complete_schemas(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the recorded schemas that start with the word."""
    names = {row.schema_name for row in _names(ctx)}
    return [CompletionItem(name) for name in sorted(names) if name.startswith(incomplete)]


def _names(ctx: click.Context) -> set[Names]:
    # A shell shows the output of a completion, so a store that cannot be read offers no names, and no error.
    try:
        store = store_of(ctx.params.get("store"))
        return set() if store is None else store.names()
    except (SchemaGuardError, OSError):
        return set()


_COMMON: dict[str, dict[str, Any]] = {
    "schema": {
        "metavar": "NAME",
        "shell_complete": complete_schemas,
        "help": "Schema whose calls are used, by name or fingerprint. Default: all schemas.",
    },
    "function": {
        "metavar": "NAME",
        "shell_complete": complete_functions,
        "help": "Function whose calls are used. Use its full name, such as app.extract, or the part after a dot, such as extract. Default: all functions.",
    },
    "segment": {"metavar": "NAME", "help": "Traffic segment to select. Default: all segments."},
    "since": {
        "type": MOMENT,
        "help": "Start of the period whose calls are used, such as 2026-11-01, yesterday, 24h, 7d, or the ID of a call. "
        "Default: the first call.",
    },
    "until": {
        "type": MOMENT,
        "help": "End of the period whose calls are used. Default: now.",
    },
    "min_right": {
        "type": SHARE,
        "help": "Lowest acceptable share of right values, such as 95%. Default: none.",
    },
    "max_p95": {
        "type": DURATION,
        "help": "Highest acceptable duration of 95% of the calls, such as 2.5s. Default: no limit.",
    },
    "burst_length": {
        "type": click.FloatRange(min=0, min_open=True),
        "metavar": "CALLS",
        "help": "Mean number of calls that fail together in an outage, such as 20. The command then widens its limits. "
        "Default: no outages.",
    },
    "priority": {
        "metavar": "NAME",
        "shell_complete": complete_functions,
        "help": "Function that needs a verdict first. It gets half of the allowed probability of an error, and the other "
        "functions share the rest. Default: equal parts for all functions.",
    },
    "time_zone": {
        "metavar": "ZONE",
        "help": "Time zone in which the command looks for weekly patterns of failures, such as Europe/Berlin. Default: UTC.",
    },
    "prices": {
        "metavar": "SOURCE",
        "setting": "prices",
        "help": "Token prices: a JSON file, LiteLLM's price file, or genai-prices. Default: $SCHEMA_GUARD_PRICES, or `prices` in pyproject.toml.",
    },
}


def common(name: str, before: str = "", **settings: Any) -> Any:
    """Return the field of an option that several commands have. *before* is the start of its help."""
    found = {**_COMMON[name], **settings}
    text = found["help"]
    return option(**{**found, "help": f"{before}{text[0].lower()}{text[1:]}" if before else text})


@dataclass(frozen=True, kw_only=True)
class WhichRows:
    """Filters of the recorded calls that apply to single rows."""

    schema: str | None = common("schema")
    function: str | None = common("function")
    since: float | None = common("since")
    until: float | None = common("until")


@dataclass(frozen=True, kw_only=True)
class WhichCalls(WhichRows):
    """Filters of the recorded calls."""

    segment: str | None = common("segment")

    def named(self) -> dict[str, Any]:
        """Return the filters that were given, as keyword arguments of the functions that read a store."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    @property
    def are_all(self) -> bool:
        """Whether no call is left out."""
        return not any(asdict(self).values())


def schema_of(named: str, flag: str = "--schema") -> Schema[Any]:
    """Load the schema of an option: a file, or `module:Model` from the current folder.

    Args:
        named: The file, or the module and its model.
        flag: The option or argument, for the error.
    """
    module, colon, _ = named.partition(":")
    if not colon or Path(named).exists() or not module.replace(".", "").isidentifier():
        return Schema.of(Path(named))
    try:
        return Schema.of(imported(named))
    except click.UsageError as error:
        raise click.UsageError(f"{flag} {safe(named)!r}: {error.format_message()}") from error


def imported(named: str, *, expected: str = "a file, or module:Model") -> Any:
    """Return the object that `module:Model` names, from the current folder. The error names the form *expected*.

    Raises:
        click.UsageError: The object does not exist, or its module cannot be imported.
    """
    module, _, model = named.partition(":")
    if "" not in sys.path:
        sys.path.insert(0, "")
    found: Any
    try:
        found = import_module(module)
    except (ImportError, ValueError) as error:
        raise click.UsageError(f"expected {expected}, but importing it failed: {safe(str(error))}") from error
    except Exception as error:
        said = f"importing {module} raised {type(error).__name__}: {error}"
        raise click.UsageError(f"expected {expected}, but {safe(said)}") from error
    try:
        for name in model.split("."):
            found = getattr(found, name)
    except AttributeError as error:
        raise click.UsageError(f"expected {expected}, but {safe(str(error))}") from error
    return found


def reasoned(text: str, steps: tuple[str, ...]) -> tuple[str, str]:
    """Return the step and the reason of STEP=REASON."""
    step, _, reason = text.partition("=")
    if step not in steps:
        raise click.UsageError(
            f"--decline {safe(step)!r}: expected one of {', '.join(steps)}{did_you_mean(step, steps)}"
        )
    if not reason.strip():
        raise click.UsageError(
            f"--decline {safe(text)!r}: expected STEP=REASON, because a step without a reason counts as untested"
        )
    return step, reason.strip()


def json_file(name: str) -> dict[str, Any]:
    """Read a file with a JSON object. `-` is standard input."""
    try:
        found = json.loads(sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise click.UsageError(
            f"{safe(name)}: expected a JSON file, but reading it failed: {safe(reason_of(error))}"
        ) from error
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
    except (ValueError, RecursionError):
        return key, value


def output_path(name: str) -> Path:
    """Return the file that `--output` names. A missing folder is an error, so that it is reported before any cost."""
    path = Path(name)
    if not path.parent.is_dir():
        raise click.UsageError(
            f"--output {safe(name)}: the folder {safe(str(path.parent))!r} does not exist. Create it, or name another file"
        )
    return path


def is_given(name: str) -> bool:
    """Return whether the user typed a parameter of the running command. *name* is its Python name."""
    return click.get_current_context().get_parameter_source(name) is ParameterSource.COMMANDLINE


def refuse(reason: str, names: Iterable[str]) -> None:
    """Refuse parameters that have no effect with the other ones.

    Args:
        reason: Follows the option's name in the error.
        names: Python names of the parameters.

    Raises:
        click.UsageError: The user typed one of them.
    """
    wanted = set(names)
    for param in click.get_current_context().command.params:
        if param.name in wanted and is_given(param.name):
            name = max(param.opts, key=len) if isinstance(param, click.Option) else param.human_readable_name
            raise click.UsageError(f"{name} {reason}")
