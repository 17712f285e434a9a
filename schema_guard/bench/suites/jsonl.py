# SPDX-License-Identifier: Apache-2.0
"""A suite that is one file of this library's own form: every line a task with its schema."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from schema_guard.bench.suites.assembly import Line, suite_of_lines
from schema_guard.bench.suites.reading import BROKEN, SuiteReader
from schema_guard.bench.suites.values import Task

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schema_guard.bench.suites.values import Suite


def load_jsonl(path: Path) -> Suite:
    """Load a suite from its file.

    Raises:
        InvalidArgument: The suite is not right.
    """
    reader = SuiteReader.of_file(path)
    return suite_of_lines(reader, path, _lines(reader, path))


def _lines(reader: SuiteReader, path: Path) -> Iterator[Line]:
    files: dict[str, Any] = {}
    for where, row in reader.read_rows(path.name, "line"):
        if ("schema" in row) == ("schema_file" in row):
            reader.problems.append(f"{where}: expected either 'schema' or 'schema_file', got {_which(row)}")
            continue
        file = row.get("schema_file")
        if file is not None and file not in files:
            files[file] = reader.read_json(file)
        document = row["schema"] if file is None else files[file]
        if document is not BROKEN:
            yield _line(row, where, document, path.stem if file is None else Path(file).stem)


def _which(row: dict[str, Any]) -> str:
    return "both" if "schema" in row else "neither"


def _line(row: dict[str, Any], where: str, document: Any, name: str) -> Line:
    task = Task(
        row["id"],
        row["input"],
        row.get("instruction", ""),
        row["gold"],
        match=row.get("match", {}),
        tags=tuple(row.get("tags", ())),
        split=row.get("split", "test"),
        hardness=row.get("difficulty"),
    )
    return Line(where, task, document, name, row.get("source"), row.get("licence"))
