# SPDX-License-Identifier: Apache-2.0
"""The settings of a project: `[tool.schema_guard]` in the nearest `pyproject.toml`. Environment variables win over it.

A command reads the settings when it starts. The library reads them at its first record, and never at an import.
"""

from __future__ import annotations

import os
import re
import tomllib  # not at the first record: a child forked during an import would wait for it forever
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from schema_guard.errors import InvalidArgument
from schema_guard.text import clip, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping

_FILE = "pyproject.toml"
_VARIABLES = {
    "store": "SCHEMA_GUARD_STORE",
    "provider": "SCHEMA_GUARD_LINT_PROVIDER",
    "prices": "SCHEMA_GUARD_PRICES",
}
_EXPECTED = {
    "store": 'a path or URL, such as "records.db"',
    "max_failure_rate": 'a share above 0 and below 1, such as "1%" or 0.01',
    "provider": 'the name of a provider, such as "openai"',
    "prices": 'a JSON file, such as "prices.json", or "genai-prices"',
    "redact": 'a function of your project, such as "shop.privacy:mask"',
    "payload": '"off", "hash", "second_opinion", "redacted", or "full"',
}
KEYS = tuple(_EXPECTED)
"""The keys of the table."""

_FORMS = {"payload": "off|hash|second_opinion|redacted|full", "redact": r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*"}
_RATE = re.compile(r"(\d*\.?\d+)\s*(%?)")
_AS_THEY_ARE = ("none", "genai-prices")


class Setting(NamedTuple):
    """A value, and its source: a variable such as `$SCHEMA_GUARD_STORE`, a file, or `default`.

    A value of None is not set.
    """

    value: Any
    source: str

    @property
    def is_of_project(self) -> bool:
        """Whether the value comes from a `pyproject.toml`."""
        return self.source.endswith(_FILE)


class _Table(NamedTuple):
    """The path of the file, its valid settings, and the error for each other key."""

    file: str = ""
    values: Mapping[str, Any] = {}
    errors: Mapping[str, str] = {}


_tables: dict[Path, _Table] = {}


def setting(key: str, *, alone: bool = False) -> Setting:
    """Return a setting. With *alone*, the other keys of the table may be wrong.

    Raises:
        InvalidArgument: The table has a wrong value or an unknown key.
    """
    variable = _VARIABLES.get(key, "")
    if text := os.environ.get(variable):
        return Setting(text, f"${variable}")
    file, values, errors = _table()
    for wrong, error in errors.items():
        if wrong == key or not alone:
            raise InvalidArgument(error)
    return Setting(values[key], file) if key in values else Setting(None, "default")


def place_of(key: str) -> str:
    """Return the place of a setting of the project, for an error: file, table, and key."""
    return f"{_table()[0]}: [tool.schema_guard] {key}"


def _table() -> _Table:
    """Return the table of the nearest file. It is read once for each current folder."""
    try:
        folder = Path.cwd()
    except OSError:  # the folder was deleted
        return _Table()
    if folder not in _tables:
        _tables[folder] = _read(folder)
    return _tables[folder]


def _read(folder: Path) -> _Table:
    file = next((path for one in (folder, *folder.parents) if (path := one / _FILE).is_file()), None)
    if file is None:
        return _Table()
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, ValueError):  # this user's project has another file
        return _Table()
    if "tool.schema-guard" in text:
        raise InvalidArgument(f"{file}: unknown table [tool.schema-guard]. Rename it to [tool.schema_guard]")
    if "schema_guard" not in text:
        return _Table(str(file))
    try:
        table = tomllib.loads(text).get("tool", {}).get("schema_guard", {})
    except tomllib.TOMLDecodeError as error:
        raise InvalidArgument(f"{file}: expected TOML, but reading it failed: {error}") from error
    values, errors = {}, {}
    for key, value in table.items():
        try:
            values[key] = _valid(file, key, value)
        except InvalidArgument as error:
            errors[key] = str(error)
    return _Table(str(file), values, errors)


def _valid(file: Path, key: str, value: Any) -> Any:
    place = f"{file}: [tool.schema_guard] {key}"
    if key not in _EXPECTED:
        near = did_you_mean(key, KEYS)
        raise InvalidArgument(f"{place}: unknown key. Expected one of {', '.join(KEYS)}{near}")
    found = _rate(value) if key == "max_failure_rate" else _text(key, value)
    if found is None:
        raise InvalidArgument(f"{place} = {clip(repr(value))}: expected {_EXPECTED[key]}")
    return _whole(str(found), file.parent) if key in ("store", "prices") else found


def _text(key: str, value: Any) -> str | None:
    if not isinstance(value, str) or not re.fullmatch(_FORMS.get(key, r".*\S.*"), value):
        return None
    return value


def _rate(value: Any) -> float | None:
    match = _RATE.fullmatch(value.strip() if isinstance(value, str) else repr(value))
    rate = 0.0 if match is None else float(match[1]) / (100 if match[2] else 1)
    return rate if 0 < rate < 1 else None


def _whole(named: str, folder: Path) -> str:
    """Return a path in the file as a whole path, because it is relative to the folder of the file."""
    path = named.removeprefix("sqlite:///")
    if "://" in path or path in _AS_THEY_ARE or path.startswith("~"):
        return named
    return f"{named.removesuffix(path)}{folder / path}"
