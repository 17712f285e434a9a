# SPDX-License-Identifier: Apache-2.0
"""Read the files of a suite, collect every problem with its file and line, and build the suite.

Rules:
1. Only the file that the user named and files inside the suite's folder are read, even if a name or a link leads
   outside.
2. Reading continues after a problem, so that one error reports all of them. A suite with a problem is refused.
3. A loaded suite is correct: every gold is valid and fits its match, and every id is unique.
4. Tasks of one file belong together if schema, source, and licence are the same. The keys of the schema must have the
   same order, because the order reaches the prompt.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Any, NamedTuple

from schema_guard.bench.suites.forms import form
from schema_guard.bench.suites.scoring import match_problems
from schema_guard.bench.suites.values import Suite, SuiteSchema, Task, as_written
from schema_guard.errors import InvalidArgument, InvalidSchema
from schema_guard.pointer import pointer
from schema_guard.schema import Schema
from schema_guard.text import clip, did_you_mean
from schema_guard.validation.violations import describe

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from schema_guard.bench.suites.scoring import Match
    from schema_guard.values import Violation

# The value of a text that is not JSON. None is a JSON value.
BROKEN = object()


@dataclass(slots=True)
class SuiteReader:
    """A reader of the files of one suite, which collects their problems.

    Attributes:
        root: The suite's folder.
        named: The file that the user named. None if the user named the folder.
        problems: The problems, one line each.
    """

    root: Path
    named: Path | None = None
    problems: list[str] = field(default_factory=list)

    @classmethod
    def of_file(cls, path: Path) -> SuiteReader:
        """Return the reader of a suite that is one file, with its folder as the root."""
        return cls(path.parent, path)

    def refuse_problems(self, suite: object) -> None:
        """Raise an error if there are problems.

        Raises:
            InvalidArgument: There are problems. The message lists all of them.
        """
        if self.problems:
            count = len(self.problems)
            lines = "".join(f"\n  {problem}" for problem in self.problems)
            raise InvalidArgument(f"suite {str(suite)!r}: {count} problem{'' if count == 1 else 's'}{lines}")

    def read_object(self, relative: str, kind: str) -> dict[str, Any] | None:
        """Read a file with one object of a form. None if it has another content."""
        value = self.read_json(relative)
        return value if value is not BROKEN and self.conforms(value, kind, relative) else None

    def read_rows(self, relative: str, kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield the place and the object of each line of a file that has the form. Skip blank lines."""
        text = self.read_text(relative)
        if text is None:
            return
        # Not splitlines(), because a JSON string can contain U+2028.
        lines = [(number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
        if not lines:
            self.problems.append(f"{relative}: expected at least one {kind}")
        for number, line in lines:
            where = f"{relative}:{number}"
            row = self._decode(line, relative, number)
            if row is not BROKEN and self.conforms(row, kind, where):
                yield where, row

    def read_json(self, relative: str) -> Any:
        """Read a file of JSON. `BROKEN` if it is not JSON or cannot be read."""
        text = self.read_text(relative)
        return BROKEN if text is None else self._decode(text, relative)

    def read_text(self, relative: str) -> str | None:
        """Read a file. None if it cannot be read."""
        path = self.root / relative
        if path != self.named and not self.is_inside(path):
            self.problems.append(f"{relative}: this file is outside the suite. Move it into the suite")
            return None
        try:
            if path.is_fifo():
                self.problems.append(f"{relative}: expected a file, got a pipe")
                return None
            # Not read_text(), because it turns every carriage return into a line feed, even inside the cells of a CSV.
            return path.read_bytes().decode("utf-8-sig")
        except FileNotFoundError:
            self.problems.append(f"{relative}: this file is missing")
        except OSError as error:
            self.problems.append(f"{relative}: this file cannot be read: {error.strerror}")
        except UnicodeDecodeError as error:
            self.problems.append(f"{relative}: this file is not UTF-8: {error.reason} at byte {error.start}")
        return None

    def is_inside(self, path: Path) -> bool:
        """Return whether a path is inside the suite's folder after all links are followed."""
        try:
            return path.resolve().is_relative_to(self.root.resolve())
        except (OSError, RuntimeError, ValueError):
            # The path has a loop of links, or NUL in a name.
            return False

    def conforms(self, value: Any, kind: str, where: str) -> bool:
        """Return whether a value has a form, and report its problems."""
        schema = form(kind)
        known = schema.document.get("properties", {})
        is_closed = schema.document.get("additionalProperties") is False
        unknown = [key for key in value if key not in known] if is_closed and isinstance(value, dict) else []
        problems = [f"unknown key {clip(repr(key))}{did_you_mean(key, known)}" for key in unknown]
        try:
            broken = schema.violations(value)
        except InvalidArgument as error:
            problems.append(str(error))
        else:
            problems += [violations_text([v]) for v in broken if v.keyword != "additionalProperties"]
        self.problems += [f"{where}: {problem}" for problem in problems]
        return not problems

    def _decode(self, text: str, relative: str, number: int | None = None) -> Any:
        """Read JSON. *number* is the line of the text in its file, or None for the whole file."""
        where = relative if number is None else f"{relative}:{number}"
        try:
            return decoded(text)
        except json.JSONDecodeError as error:
            line = f"{relative}:{number or error.lineno}"
            self.problems.append(f"{line}: invalid JSON at column {error.colno}: {error.msg}")
        except ValueError as error:
            self.problems.append(f"{where}: invalid JSON: {error}")
        return BROKEN


def decoded(text: str) -> Any:
    """Read JSON with unique keys and finite numbers.

    Raises:
        JSONDecodeError: The text is not JSON.
        ValueError: A key occurs twice, a number is not finite, or the nesting is too deep.
    """
    try:
        return json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse)
    except RecursionError:
        raise ValueError("the value is nested too deeply. Reduce the nesting") from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members: dict[str, Any] = {}
    for key, value in pairs:
        if key in members:
            raise ValueError(f"the key {clip(repr(key))} occurs twice. Remove one of the two")
        members[key] = value
    return members


def _refuse(constant: str) -> None:
    raise ValueError(f"the value {constant} is not a JSON number. Use a finite number")


def violations_text(broken: list[Violation]) -> str:
    """Return a text with the most relevant violation and the number of others."""
    first, more = broken[0], len(broken) - 1
    return f"at {pointer(first.instance_location)}: expected {first.expected}, got {first.actual}" + (
        f" and {more} more" if more else ""
    )


NO_LICENCE = "not stated"


class Line(NamedTuple):
    """A task from a file of any form.

    Attributes:
        where: File and line.
        task: The task. Its gold and match are not checked yet.
        document: Its schema, not loaded yet.
        name: Name of its schema if the task has no source.
        source: Source of the task, which becomes its schema's group.
        licence: Licence of the task.
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
    """Return the task of a row in schema_guard's own form. *instruction* is the schema's, for rows without one."""
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
    # Schema.of reads a text as the path of a file, which can be anywhere.
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
    """Build a suite.

    Args:
        reader: Reader of its files, whose problems are raised here.
        path: Its file or folder.
        lines: Its tasks.

    Raises:
        InvalidArgument: The suite has a problem, or no task.
    """
    places: dict[str, str] = {}
    schemas: dict[tuple[str, str], Schema[Any] | str] = {}
    groups: dict[tuple[str, str | None, str], list[Line]] = {}
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
            groups.setdefault((text, line.source, line.licence or NO_LICENCE), []).append(line)
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
    # Loaded again with its name, which records use.
    schema = Schema.of(first.document, name=name, allow_unknown=True)
    return SuiteSchema(name, first.source or name, first.licence or NO_LICENCE, schema, tasks)


def fingerprint_of(entries: Iterable[SuiteSchema]) -> str:
    """Return 16 hex digits of SHA-256 over everything that affects a result."""
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
    """Return a unique name for each schema. Equal names get numbers.

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
