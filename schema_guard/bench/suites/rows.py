# SPDX-License-Identifier: Apache-2.0
"""Read a suite from one file: lines in schema_guard's own form, or rows whose columns the user maps.

Rows are CSV, or JSON Lines such as an export of a Hugging Face data set. Rules:
1. A column without a mapping is ignored. A null in an optional column means no value.
2. A gold or schema that is JSON written as text is read as JSON. A gold that is not JSON stays a text. The prefix
   `equals:` of a gold, as promptfoo writes it, is removed.
"""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

from schema_guard.bench.suites.reading import BROKEN, Line, SuiteReader, decoded, own_task, suite_of_lines
from schema_guard.bench.suites.values import Task
from schema_guard.errors import InvalidArgument
from schema_guard.text import clip, did_you_mean
from schema_guard.validation.violations import describe

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from schema_guard.bench.suites.values import Suite
    from schema_guard.schema import Schema


# The fields that a column can be mapped to.
_FIELDS = ("input", "gold", "schema", "id", "instruction", "source", "licence")
_NEEDED = ("input", "gold", "schema")
_TEXTS = ("input", "instruction", "source", "licence")


def load_rows(path: Path, columns: Mapping[str, str] | None, schema: Schema[Any] | None) -> Suite:
    """Load the rows of a file.

    Args:
        path: CSV or JSON Lines.
        columns: The columns of the fields: `{"input": "text", "gold": "label_json"}`. Default of each field: the column
            with its name.
        schema: The schema of all rows, instead of a column.

    Raises:
        InvalidArgument: *columns* has an unknown field or no name of a column, *columns* and *schema* both set the
            schema, or the suite has problems.
    """
    for name, column in (columns or {}).items():
        if name not in _FIELDS or not isinstance(column, str):
            raise InvalidArgument(
                f"columns={{{clip(repr(name))}: {clip(repr(column))}}}: expected the name of a column for one of the fields "
                f"{', '.join(map(repr, _FIELDS))}{did_you_mean(name, _FIELDS)}"
            )
    if schema is not None and "schema" in (columns or {}):
        raise InvalidArgument("columns={'schema': ...} and schema= both set the schema. Use only one of them")
    reader = SuiteReader.of_file(path)
    return suite_of_lines(reader, path, _lines(reader, path, columns or {}, schema))


def _lines(
    reader: SuiteReader, path: Path, columns: Mapping[str, str], schema: Schema[Any] | None
) -> Iterator[Line]:
    for number, (where, row) in enumerate(_rows(reader, path), 1):
        names = {name: columns.get(name, name) for name in _FIELDS}
        fields = {name: row.get(column) for name, column in names.items()}
        if schema is not None:
            fields["schema"], names["schema"] = schema.document, ""
        problems = [
            f"expected a column {clip(repr(column))} for {name!r}{did_you_mean(column, row)}"
            for name, column in names.items()
            if column and column not in row and (name in columns or name in _NEEDED)
        ]
        problems += [
            f"expected a text for {name!r}, got {describe(fields[name])}"
            for name in _TEXTS
            if names[name] in row and not _is_text(fields[name], may_be_null=name not in _NEEDED)
        ]
        reader.problems += [f"{where}: {problem}" for problem in problems]
        if not problems:
            yield _line(fields, where, f"{path.stem}-{number}", path.stem if schema is None else schema.name)


def _rows(reader: SuiteReader, path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the place and the columns of each row."""
    if path.suffix.lower() != ".csv":
        yield from reader.read_rows(path.name, "row")
        return
    rows = csv.DictReader(io.StringIO(reader.read_text(path.name) or "", newline=""), strict=True)
    try:
        for row in rows:
            where = f"{path.name}:{rows.line_num}"
            if None in row:
                reader.problems.append(f"{where}: expected {len(rows.fieldnames or ())} cells, got more")
            else:
                yield where, row
    except csv.Error as error:
        reader.problems.append(f"{path.name}:{rows.line_num}: broken CSV: {error}")


def _is_text(value: Any, *, may_be_null: bool) -> bool:
    return (isinstance(value, str) and bool(value)) or (may_be_null and value is None)


def _line(fields: dict[str, Any], where: str, number: str, name: str) -> Line:
    task = Task(
        number if fields["id"] is None else str(fields["id"]),
        fields["input"],
        fields["instruction"] or "",
        _read(_stated(fields["gold"])),
    )
    return Line(where, task, _read(fields["schema"]), name, fields["source"], fields["licence"])


def _stated(gold: Any) -> Any:
    return gold.removeprefix("equals:") if isinstance(gold, str) else gold


def _read(value: Any) -> Any:
    """Return the value of JSON written as text. Return any other value unchanged."""
    if not isinstance(value, str):
        return value
    try:
        return decoded(value)
    except ValueError:
        return value


def load_jsonl(path: Path) -> Suite:
    """Load a suite from its file.

    Raises:
        InvalidArgument: The suite has problems. The message lists all of them.
    """
    reader = SuiteReader.of_file(path)
    return suite_of_lines(reader, path, _own_lines(reader, path))


def _own_lines(reader: SuiteReader, path: Path) -> Iterator[Line]:
    files: dict[str, Any] = {}
    for where, row in reader.read_rows(path.name, "line"):
        if ("schema" in row) == ("schema_file" in row):
            got = "both" if "schema" in row else "neither"
            reader.problems.append(f"{where}: expected either 'schema' or 'schema_file', got {got}")
            continue
        file = row.get("schema_file")
        if file is not None and file not in files:
            files[file] = reader.read_json(file)
        document = row["schema"] if file is None else files[file]
        if document is not BROKEN:
            name = path.stem if file is None else Path(file).stem
            yield Line(where, own_task(row), document, name, row.get("source"), row.get("licence"))
