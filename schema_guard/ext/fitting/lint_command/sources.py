# SPDX-License-Identifier: Apache-2.0
"""The schemas on a command line: files, glob patterns, standard input, and Python types, with their lines.

Rules: All unreadable schemas are reported together, and don't keep the others from being checked. A file is named by
its path from the working directory, so that other programs find it.
"""

from __future__ import annotations

import glob
import inspect
import json
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from schema_guard.cli.shared.options import imported
from schema_guard.errors import SchemaGuardError
from schema_guard.pointer import escape, unescape
from schema_guard.schema import Schema

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from schema_guard.ext.fitting.linting import Finding
    from schema_guard.ext.fitting.rules.rule import Rules

_WILD = frozenset("*?[")
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+')


@dataclass(frozen=True)
class NamedSchema:
    """A schema, and the lines of its places.

    Attributes:
        name: Name on the command line, or the file that a pattern matched.
        schema: The schema.
        file: Path of its file from the working directory, with `/`. None for standard input and for types without a
            file.
        lines: Line of each place, 1-based, by the pointer of the place. A type has only the lines of its definitions.
    """

    name: str
    schema: Schema[Any]
    file: str | None
    lines: Mapping[str, int] = field(default_factory=dict)

    def line_of(self, location: str, keyword: str) -> int | None:
        """Return the line of a keyword, or of the innermost place around it that has one. None if there is none."""
        place = f"{location}/{keyword}"
        while place not in self.lines:
            if not place:
                return None
            place = place.rpartition("/")[0]
        return self.lines[place]


@dataclass(frozen=True)
class Linted:
    """The findings for a schema and a provider.

    Attributes:
        source: The schema, and the lines of its places.
        provider: Name of the provider.
        rules: Table of the provider.
        findings: Findings of `lint`, outermost places first.
    """

    source: NamedSchema
    provider: str
    rules: Rules
    findings: list[Finding]


def has_errors(linted: list[Linted]) -> bool:
    """Return whether any finding is an error."""
    return any(finding.severity == "error" for entry in linted for finding in entry.findings)


def sources_of(names: Iterable[str]) -> tuple[list[NamedSchema], list[str]]:
    """Return the named schemas, each once, and a message for each one that cannot be read."""
    sources: dict[str, NamedSchema] = {}
    problems: list[str] = []
    for name in (file for named in names for file in _files(named)):
        if name in sources:
            continue
        try:
            sources[name] = _source(name)
        except (SchemaGuardError, click.UsageError) as error:
            problems.append(
                f"{name}: {error.format_message() if isinstance(error, click.UsageError) else error}"
            )
    return list(sources.values()), problems


def _files(named: str) -> Iterator[str]:
    if not _WILD & set(named) or Path(named).exists():
        yield named
    else:
        paths = glob.glob(named, recursive=True)  # noqa: PTH207 - a pattern may be absolute
        # A pattern without a match is reported when it is read.
        yield from sorted(path for path in paths if Path(path).is_file()) or [named]


def _source(name: str) -> NamedSchema:
    if name == "-":
        return _read(name, sys.stdin.buffer.read(), None)
    path = Path(name)
    if path.is_dir():
        raise click.UsageError(f"this is a folder. Name its files, such as '{name.rstrip('/')}/**/*.json'")
    if path.exists():
        return _read(name, path.read_bytes(), _from_here(path))
    if _WILD & set(name):
        raise click.UsageError("no file matches this pattern. Check the pattern")
    if ":" in name:
        return _of_type(name)
    raise click.UsageError("the file does not exist. Expected a file, a glob pattern, '-', or module:Model")


def _read(name: str, data: bytes, file: str | None) -> NamedSchema:
    if name.endswith((".yaml", ".yml")):
        raise click.UsageError("this is a YAML file. Convert the schema to JSON")
    try:
        text = data.decode("utf-8-sig")
        document = json.loads(text)
    except ValueError as error:
        raise click.UsageError(f"expected JSON, but reading it failed: {error}") from error
    except RecursionError as error:
        raise click.UsageError(
            "the JSON is nested too deeply. Reduce the nesting, or check that the file is a schema"
        ) from error
    schema = Schema.of(document) if file is None else Schema.of(Path(name))
    return NamedSchema(name, schema, file, lines_of(text))


def _of_type(name: str) -> NamedSchema:
    schema = Schema.of(imported(name))
    if not isinstance(schema.annotation, type):
        return NamedSchema(name, schema, None)
    home = sys.modules[schema.annotation.__module__]
    places = {"": schema.annotation} | {
        f"/$defs/{key}": getattr(home, unescape(key), None)
        for key in (schema.document.get("$defs", {}) if isinstance(schema.document, dict) else {})
    }
    file = _file_of(schema.annotation)
    lines = {place: _line_of(held) for place, held in places.items() if file and _file_of(held) == file}
    return NamedSchema(name, schema, file and _from_here(Path(file)), lines)


def _file_of(held: Any) -> str | None:
    try:
        return inspect.getsourcefile(held)
    except TypeError:
        return None


def _line_of(held: Any) -> int:
    try:
        return inspect.getsourcelines(held)[1]
    except OSError:
        return 1


def _from_here(path: Path) -> str:
    try:
        return Path(os.path.relpath(path)).as_posix()
    except ValueError:  # on another drive
        return path.resolve().as_posix()


def lines_of(text: str) -> dict[str, int]:
    r"""Return the line of each place in a JSON text, by its pointer. A member has the line of its key.

    Args:
        text: Valid JSON. A key that occurs twice has the line of the second.

    >>> lines_of('{\n "a": [1,\n 2]}')
    {'': 1, '/a': 2, '/a/0': 2, '/a/1': 3}
    """
    lines: dict[str, int] = {}
    # The pointer of each open array or object, and the index of its current item, or None for an object.
    held: list[tuple[str, int | None]] = []
    where, line, end, is_key = "", 1, 0, False
    for token in _TOKEN.finditer(text):
        line += text.count("\n", end, token.start())
        end, sign = token.start(), token[0]
        if is_key and sign[0] == '"':
            where, is_key = f"{held[-1][0]}/{escape(json.loads(sign))}", False
            lines[where] = line
        elif sign in "{[":
            lines.setdefault(where, line)
            is_key = sign == "{"
            held.append((where, None if is_key else 0))
            where = where if is_key else f"{where}/0"
        elif sign in "]}":
            held.pop()
        elif sign == ",":
            above, items = held[-1]
            is_key = items is None
            if items is not None:
                held[-1] = (above, items + 1)
                where = f"{above}/{items + 1}"
        elif sign != ":":
            lines.setdefault(where, line)
    return lines
