# SPDX-License-Identifier: Apache-2.0
"""Put a suite together from what its files hold.

Rules:
1. A suite that was loaded is right: every gold is valid and fits its match, every id is unique.
2. Every problem is reported, and a suite with a problem is refused.
3. Tasks of one file belong together when schema, source and licence are the same; the schema with its keys in the
   same order, for the order reaches the prompt.
"""

from __future__ import annotations

from collections import Counter
from hashlib import sha256
from typing import TYPE_CHECKING, Any, NamedTuple

from schema_guard.bench.suites.reading import violations_text
from schema_guard.bench.suites.scoring import match_problems
from schema_guard.bench.suites.values import Suite, SuiteSchema, Task, as_written
from schema_guard.errors import InvalidArgument, InvalidSchema
from schema_guard.schema import Schema
from schema_guard.text import clip
from schema_guard.validation.violations import describe

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from schema_guard.bench.suites.reading import SuiteReader
    from schema_guard.bench.suites.scoring import Match

NO_LICENCE = "not stated"


class Line(NamedTuple):
    """A task as a file states it, whatever the form of the file.

    Attributes:
        where: File and line.
        task: The task. Its gold and match are not checked yet.
        document: Its schema, not loaded yet.
        name: What to call its schema when nothing names a source.
        source: Where the task comes from, its schema's group.
        licence: Of the task.
        schema_file: The file of the schema, for its problems. Default: the place of the task.
    """

    where: str
    task: Task
    document: Any
    name: str
    source: str | None = None
    licence: str | None = None
    schema_file: str = ""


def own_task(row: dict[str, Any], instruction: str = "", most_output_tokens: int | None = None) -> Task:
    """Return the task of a row in this library's own form; *instruction* is that of its schema."""
    return Task(
        row["id"],
        row["input"],
        row.get("instruction", instruction),
        row["gold"],
        row.get("match", {}),
        tuple(row.get("tags", ())),
        row.get("split", "test"),
        row.get("difficulty"),
        most_output_tokens,
    )


def loaded_schema(document: Any, name: str) -> Schema[Any] | str:
    """Load a schema, or return the reason why that is impossible."""
    # Schema.of would take a text for the path of a file, which may lie anywhere.
    if not isinstance(document, (dict, bool)):
        return f"expected an object or a boolean, got {describe(document)}"
    try:
        return Schema.of(document, name=name)
    except (InvalidSchema, InvalidArgument) as error:
        return str(error)


def gold_problems(schema: Schema[Any], gold: Any, match: Match) -> list[str]:
    """Return the problems of a gold and its match."""
    try:
        broken = schema.violations(gold)
    except InvalidArgument as error:
        return [str(error)]
    problems = [f"the gold is not valid {violations_text(broken)}"] if broken else []
    return problems + match_problems(match, gold)


def suite_of_lines(reader: SuiteReader, path: Path, lines: Iterable[Line]) -> Suite:
    """Put together a suite.

    Args:
        reader: Of its files; the problems are raised here.
        path: Its file or folder.
        lines: Its tasks.

    Raises:
        InvalidArgument: The suite has a problem, or no task.
    """
    places: dict[str, str] = {}
    schemas: dict[tuple[str, str], Schema[Any] | str] = {}
    groups: dict[tuple[str, str | None, str | None], list[Line]] = {}
    for line in lines:
        first = places.setdefault(line.task.id, line.where)
        if first != line.where:
            reader.problems.append(f"{line.where}: id {clip(repr(line.task.id))} was used before, at {first}")
        text = as_written(line.document)
        is_new = (line.schema_file, text) not in schemas
        if is_new:
            schemas[line.schema_file, text] = loaded_schema(line.document, line.name)
        schema = schemas[line.schema_file, text]
        problems = _problems(line, schema)
        if is_new or not isinstance(schema, str):
            reader.problems += [f"{place}: {text}" for place, text in problems]
        if not problems:
            groups.setdefault((text, line.source, line.licence), []).append(line)
    if not groups and not reader.problems:
        reader.problems.append(f"{path.name}: expected at least one task")
    reader.refuse_problems(path)
    names = unique_names([group[0].source or group[0].name for group in groups.values()])
    entries = tuple(map(_entry, groups.values(), names))
    return Suite(path.stem, fingerprint_of(entries), entries)


def _problems(line: Line, schema: Schema[Any] | str) -> list[tuple[str, str]]:
    """Return the problems of a task or of its schema, each after its place."""
    if isinstance(schema, str):
        return [(line.schema_file, schema) if line.schema_file else (line.where, f"schema: {schema}")]
    return [(line.where, problem) for problem in gold_problems(schema, line.task.gold, line.task.match)]


def _entry(lines: Sequence[Line], name: str) -> SuiteSchema:
    """Return the lines of one schema, source and licence as an entry of the suite."""
    first, tasks = lines[0], tuple(line.task for line in lines)
    # Loaded again, now that it has a name: that is what records call it.
    schema = Schema.of(first.document, name=name, allow_unknown=True)
    return SuiteSchema(name, first.source or name, first.licence or NO_LICENCE, schema, tasks)


def fingerprint_of(entries: Iterable[SuiteSchema]) -> str:
    """Give 16 hex digits of SHA-256 over everything that a result depends on."""
    contents = [
        [
            entry.name,
            entry.schema.document,
            [
                [
                    t.id,
                    t.text,
                    t.gold,
                    t.match,
                    t.split,
                    t.most_output_tokens,
                    *([t.before] if t.before else []),
                ]
                for t in entry.tasks
            ],
        ]
        for entry in entries
    ]
    return sha256(as_written(contents).encode()).hexdigest()[:16]


def unique_names(bases: Sequence[str]) -> list[str]:
    """Give each schema a name of its own: what it is called, numbered where several are called so.

    >>> unique_names(["a", "b", "a"])
    ['a-1', 'b', 'a-2']
    """
    counts, names = Counter(bases), []
    used = {base for base, count in counts.items() if count == 1}
    numbers: Counter[str] = Counter()
    for base in bases:
        name = base
        while counts[base] > 1 and (name == base or name in used):
            numbers[base] += 1
            name = f"{base}-{numbers[base]}"
        used.add(name)
        names.append(name)
    return names
