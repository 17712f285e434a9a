# SPDX-License-Identifier: Apache-2.0
"""Test cases of promptfoo in CSV.

Columns whose names begin with two underscores are read as promptfoo reads them, all others are variables:

| column | what becomes of it |
|---|---|
| `__expected`, `__expected1` ... | assertions, see below |
| `__prefix`, `__suffix` | put before and after the input |
| `__metadata:KEY` | a tag `KEY=value` |
| `__description`, `__metric` | names for people: not read |
| any other `__...` | a problem where it is filled in |

The input is the variable's value; with several variables, a line `name: value` for each.

| assertion | what becomes of it |
|---|---|
| `is-json`, `contains-json` | nothing to do: a task is always judged by its schema |
| `is-json:{...}`, `contains-json:{...}` | the task's schema |
| `equals:{...}`, or JSON alone | the gold |
| any other | a problem: it cannot be said as a gold |

Source: `src/csv.ts` of promptfoo/promptfoo.
"""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from schema_guard.bench.suites.assembly import Line, suite_of_lines
from schema_guard.bench.suites.reading import SuiteReader, decoded
from schema_guard.text import clip

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from schema_guard.bench.suites.values import Suite
    from schema_guard.schema import Schema

_ASSERTION = re.compile(r"(is-json|contains-json|equals)(?::([\s\S]*))?")
_TAG = "__metadata:"
_NOT_READ = frozenset({"__description", "__metric"})
_READ = frozenset({"__prefix", "__suffix"})
# What promptfoo gives a meaning only after two underscores.
_RESERVED = re.compile(
    "_(expected|prefix|suffix|description|metric|metadata|threshold|providerOutput|config)"
)


def load_promptfoo(path: Path, schema: Schema[Any] | None) -> Suite:
    """Load the test cases of a file.

    Args:
        path: The CSV.
        schema: For the rows whose assertions state none.

    Raises:
        InvalidArgument: The suite is not right, or says something that is not supported here.
    """
    reader = SuiteReader.of_file(path)
    return suite_of_lines(reader, path, _lines(reader, path, schema))


def _lines(reader: SuiteReader, path: Path, schema: Schema[Any] | None) -> Iterator[Line]:
    for number, (line, cells) in enumerate(_rows(reader, path.name), 1):
        where = f"{path.name}:{line}"
        row = _Row(document=None if schema is None else schema.document)
        row.read(cells)
        text = _input(cells)
        if not text.strip():
            row.problems.append("no text: every variable is empty")
        if row.document is None:
            row.problems.append("no schema: give one with schema=, or in an assertion 'is-json:{...}'")
        if not row.golds and not row.problems:
            row.problems.append("no right answer: expected an assertion 'equals:' with JSON")
        reader.problems += [f"{where}: {problem}" for problem in row.problems]
        if not row.problems:
            name = path.stem if schema is None or row.document is not schema.document else schema.name
            yield Line(
                where=where,
                id=f"{path.stem}-{number}",
                input=text,
                instruction="",
                gold=row.golds[0],
                document=row.document,
                name=name,
                match={},
                tags=tuple(row.tags),
            )


def _rows(reader: SuiteReader, name: str) -> Iterator[tuple[int, dict[str, str]]]:
    """Read a CSV: the line on which each row begins, and its cells by their column."""
    text = reader.read_text(name)
    if text is None:
        return
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = next(rows, [])
        if problems := _header_problems(header):
            reader.problems += [f"{name}:1: {problem}" for problem in problems]
            return
        begins = rows.line_num + 1
        for cells in rows:
            if len(cells) > len(header):
                reader.problems.append(f"{name}:{begins}: expected {len(header)} cells, got {len(cells)}")
            elif any(cell.strip() for cell in cells):
                yield begins, dict(zip(header, [*cells, *[""] * (len(header) - len(cells))], strict=True))
            begins = rows.line_num + 1
    except csv.Error as error:
        reader.problems.append(f"{name}:{rows.line_num}: broken CSV: {error}")


def _header_problems(header: list[str]) -> list[str]:
    problems = [f"column {name!r}, did you mean {'_' + name!r}?" for name in header if _RESERVED.match(name)]
    problems += [
        f"column {clip(repr(name))}, did you mean {clip(repr(name.strip()))}?"
        for name in header
        if name != name.strip() and name.strip().startswith("_")
    ]
    problems += [f"column {number} has no name" for number, name in enumerate(header, 1) if not name.strip()]
    problems += [
        f"column {clip(repr(name))} stands there twice"
        for name in sorted(filter(str.strip, set(header)))
        if header.count(name) > 1
    ]
    if not any(name.startswith("__expected") for name in header):
        problems.append("expected a column '__expected'")
    return problems


@dataclass(slots=True)
class _Row:
    """What a row says, apart from its input.

    Attributes:
        document: The schema.
        golds: The right answers that it states: one, if all is well.
        tags: From its metadata.
        problems: What is wrong with it.
    """

    document: Any
    golds: list[Any] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    _is_stated: bool = False

    def read(self, cells: dict[str, str]) -> None:
        """Take in the cells of the columns that are no variables."""
        for column, cell in cells.items():
            if not column.startswith("__") or column in _NOT_READ | _READ or not cell.strip():
                continue
            if column.startswith("__expected"):
                self._assert(column, cell)
            elif column.startswith(_TAG):
                self.tags.append(f"{column.removeprefix(_TAG)}={cell}")
            else:
                self.problems.append(f"column {clip(repr(column))} is not supported")

    def _assert(self, column: str, cell: str) -> None:
        match = _ASSERTION.fullmatch(cell)
        kind, text = (match[1], match[2] or "") if match else ("equals", cell)
        if kind != "equals" and not text.strip():
            return
        try:
            value = decoded(text)
        except ValueError:
            self.problems.append(
                f"{column} {clip(repr(cell))} is not supported: expected JSON, 'equals:' with JSON, or 'is-json' or "
                "'contains-json', with a JSON Schema or alone"
            )
            return
        if kind == "equals":
            self._take_gold(value)
        else:
            self._take_schema(value)

    def _take_gold(self, value: Any) -> None:
        if self.golds:
            self.problems.append("there are two right answers: expected one")
        self.golds.append(value)

    def _take_schema(self, document: Any) -> None:
        if self._is_stated and document != self.document:
            self.problems.append("there are two schemas: expected one")
        self.document, self._is_stated = document, True


def _input(cells: dict[str, str]) -> str:
    variables = {column: cell for column, cell in cells.items() if not column.startswith("__")}
    joined = "\n".join(f"{name}: {cell}" for name, cell in variables.items())
    text = next(iter(variables.values())) if len(variables) == 1 else joined
    if not any(cell.strip() for cell in variables.values()):
        return ""
    return f"{cells.get('__prefix', '')}{text}{cells.get('__suffix', '')}"
