"""Read a suite: schemas in order of difficulty, each with tasks, golds and instances.

Rules:
1. A suite that was loaded is right: every gold is valid, every instance is what it says it is, every id is unique.
2. All problems are told at once, each with its file and line.
3. Nothing outside the suite's folder is read.

The files and their keys are described in `schemas/README.md`, and the forms below are that page as JSON Schemas.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from schema_guard.bench.scoring import match_problems
from schema_guard.core.pointer import pointer
from schema_guard.core.schema import Schema
from schema_guard.core.violations import describe
from schema_guard.errors import InvalidArgument, InvalidSchema, clip, did_you_mean

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Mapping

    from schema_guard.bench.scoring import Matcher
    from schema_guard.core.values import Violation

Split: TypeAlias = Literal["dev", "test"]
Difficulty: TypeAlias = Literal["easy", "medium", "hard"]

# Three times the gold leaves room for white space, a fence and a wordy wrong answer; below 64 a fenced reply to a
# short gold is cut off, above 128 a small model that loops costs more than it tells.
_GOLD_FACTOR, _LEAST_TOKENS, _MOST_TOKENS = 3, 64, 128


@dataclass(frozen=True, slots=True)
class Task:
    """One input with its right answer.

    Attributes:
        id: Unique in the suite.
        input: The text to work on.
        instruction: What to do with it: the task's own, else its schema's.
        gold: A right answer, valid for the schema.
        match: Location -> matcher (see `scoring`); empty compares everything exactly.
        tags: What is hard about it, for reports.
        split: `"test"` is scored; `"dev"` is for examples in prompts and for trying things out.
        difficulty: Within its schema.
    """

    id: str
    input: str
    instruction: str
    gold: Any
    match: Mapping[str, Matcher]
    tags: tuple[str, ...]
    split: Split
    difficulty: Difficulty

    @property
    def text(self) -> str:
        """The instruction and the input, as a guarded function takes its task."""
        return f"{self.instruction}\n\n{self.input}"

    @property
    def output_tokens(self) -> int:
        """The output limit for one attempt, in tokens: three times the gold, at least 64 and at most 128."""
        return min(_MOST_TOKENS, max(_LEAST_TOKENS, _GOLD_FACTOR * estimated_tokens(self.gold)))


@dataclass(frozen=True, slots=True)
class Instance:
    """A valid or invalid value, for tests of validators.

    Attributes:
        valid: Whether it is valid.
        data: The value.
        location: Instance location of the one broken keyword; None for a valid instance.
        keyword: The one broken keyword; None for a valid instance.
    """

    valid: bool
    data: Any
    location: str | None = None
    keyword: str | None = None


@dataclass(frozen=True, slots=True)
class SuiteSchema:
    """One schema of a suite with what belongs to it.

    Attributes:
        name: Of its folder.
        description: One line for people.
        licence: SPDX identifier.
        schema: The schema, loaded.
        tasks: In the order of the file.
        instances: In the order of the file.
    """

    name: str
    description: str
    licence: str
    schema: Schema[Any]
    tasks: tuple[Task, ...]
    instances: tuple[Instance, ...]

    def tasks_of(self, split: Split) -> tuple[Task, ...]:
        """Give the tasks of one split."""
        return tuple(task for task in self.tasks if task.split == split)


@dataclass(frozen=True, slots=True)
class Suite:
    """Schemas with tasks and golds.

    Attributes:
        name: For people and records.
        description: One line for people.
        licence: SPDX identifier.
        fingerprint: 16 hex digits of SHA-256 over everything that a result depends on: the schemas as they are
            written (the order of keys reaches the prompt) and their tasks.
        schemas: From the easiest to the hardest.
    """

    name: str
    description: str
    licence: str
    fingerprint: str
    schemas: tuple[SuiteSchema, ...]

    def output_tokens(self, split: Split) -> int:
        """Give the most tokens that one attempt at each task of a split can generate."""
        return sum(task.output_tokens for schema in self.schemas for task in schema.tasks_of(split))


def estimated_tokens(value: Any) -> int:
    """Estimate the tokens of a value's compact JSON: one for each digit and for three other characters.

    Small models' tokenizers split numbers into digits. Against SmolLM2's own tokenizer the estimate is 0.82 to 1.20
    of the count on the golds of the built-in suite (median 1.00), and 0.82 to 1.21 on 450 golds of public
    extraction tasks (10th to 90th percentile, median 1.04).

    >>> estimated_tokens({"date": "2026-03-04", "minutes": 30})
    18
    """
    text = _compact(value)
    digits = sum(character.isdecimal() for character in text)
    return digits + ceil((len(text) - digits) / 3)


def load_suite(path: str | os.PathLike[str]) -> Suite:
    """Load a suite.

    Args:
        path: The folder that holds `suite.json`, or `"builtin"`. A folder of that name is `"./builtin"`.

    Raises:
        InvalidArgument: There is no such folder, or the suite is not right; the message lists every problem.
    """
    reader = _Reader(_folder(path))
    manifest = reader.read_object("suite.json", "suite") or {}
    names = reader.schema_folders(manifest["schemas"]) if manifest else []
    schemas = [reader.read_schema(name, manifest["licence"]) for name in names]
    if reader.problems:
        count = len(reader.problems)
        lines = "".join(f"\n  {problem}" for problem in reader.problems)
        raise InvalidArgument(f"suite {str(path)!r}: {count} problem{'' if count == 1 else 's'}{lines}")
    return Suite(
        name=manifest["name"],
        description=manifest["description"],
        licence=manifest["licence"],
        fingerprint=sha256(_compact(reader.contents).encode()).hexdigest()[:16],
        schemas=tuple(schema for schema in schemas if schema is not None),
    )


def _folder(path: str | os.PathLike[str]) -> Path:
    if path == "builtin":
        package = Path(__file__).parent.parent
        # An installed package carries the suite; in a checkout it lies beside the package.
        for folder in (package / "_suite", package.parent / "schemas"):
            if (folder / "suite.json").is_file():
                return folder
        raise InvalidArgument(
            "suite 'builtin' is not in this installation: pip install --force-reinstall schema-guard"
        )
    folder = Path(path)
    if not folder.is_dir():
        raise InvalidArgument(
            f"suite {str(path)!r}: no such folder{did_you_mean(path, ['builtin'])} "
            "(expected 'builtin' or a folder with a suite.json)"
        )
    return folder


_FOLDER_NAME = re.compile("[A-Za-z0-9_][A-Za-z0-9_.-]{0,79}")
# What _Reader gives for text that is no JSON; None is a JSON value.
_BROKEN = object()


@dataclass(slots=True)
class _Reader:
    """Reads the files of one suite and keeps the list of what is wrong with them.

    Attributes:
        root: The suite's folder.
        problems: One line each.
        contents: What the fingerprint is made of, schema by schema.
        ids: Task id -> where it was used first.
    """

    root: Path
    problems: list[str] = field(default_factory=list)
    contents: list[Any] = field(default_factory=list)
    ids: dict[str, str] = field(default_factory=dict)

    def schema_folders(self, names: list[str]) -> list[str]:
        """Give the listed folders that are there and inside the suite; report the rest, and those not listed."""
        there = []
        for index, name in enumerate(names):
            where = f"suite.json at /schemas/{index}"
            folder = self.root / name
            if not _FOLDER_NAME.fullmatch(name) or not self._is_inside(folder):
                self.problems.append(f"{where}: {clip(repr(name))} is no folder inside the suite")
            elif not folder.is_dir():
                hint = did_you_mean(name, (path.name for path in self.root.iterdir() if path.is_dir()))
                self.problems.append(f"{where}: there is no folder {clip(repr(name))}{hint}")
            else:
                there.append(name)
        self.problems.extend(
            f"{path.parent.name}: this folder is not listed in suite.json at /schemas"
            for path in sorted(self.root.glob("*/schema.json"))
            if path.parent.name not in names
        )
        return there

    def read_schema(self, name: str, licence: str) -> SuiteSchema | None:
        """Read one schema's folder; None when it cannot be used."""
        document = self._read_json(f"{name}/schema.json")
        schema = self._load(document, name)
        meta = self.read_object(f"{name}/meta.json", "meta")
        tasks = [
            self._task(row, where, meta, schema)
            for where, row in self._read_rows(f"{name}/tasks.jsonl", "task")
        ]
        rows = self._read_rows(f"{name}/instances.jsonl", "instance")
        instances = [self._instance(row, where, schema) for where, row in rows]
        if schema is None or meta is None:
            return None
        self.contents.append([name, document, [[t.id, t.text, t.gold, t.match, t.split] for t in tasks]])
        return SuiteSchema(
            name=name,
            description=meta["description"],
            licence=meta.get("licence", licence),
            schema=schema,
            tasks=tuple(tasks),
            instances=tuple(instances),
        )

    def read_object(self, relative: str, form: str) -> dict[str, Any] | None:
        """Read a file that holds one object of a form; None when it is not that."""
        value = self._read_json(relative)
        return value if value is not _BROKEN and self._conforms(value, form, relative) else None

    def _load(self, document: Any, name: str) -> Schema[Any] | None:
        where = f"{name}/schema.json"
        if document is _BROKEN:
            return None
        # Schema.of would take a text for the path of a file, which may lie anywhere.
        if not isinstance(document, (dict, bool)):
            self.problems.append(f"{where}: expected an object or a boolean, got {describe(document)}")
            return None
        try:
            return Schema.of(document, name=name)
        except (InvalidSchema, InvalidArgument) as error:
            self.problems.append(f"{where}: {error}")
            return None

    def _task(
        self, row: dict[str, Any], where: str, meta: dict[str, Any] | None, schema: Schema[Any] | None
    ) -> Task:
        first = self.ids.setdefault(row["id"], where)
        if first != where:
            self.problems.append(f"{where}: id {row['id']!r} was used before, at {first}")
        if broken := self._violations(schema, row["gold"], where):
            self.problems.append(f"{where}: the gold is not valid {_told(broken)}")
        match = row.get("match", {})
        self.problems += [f"{where}: {problem}" for problem in match_problems(match, row["gold"])]
        return Task(
            id=row["id"],
            input=row["input"],
            instruction=row.get("instruction", meta["instruction"] if meta else ""),
            gold=row["gold"],
            match=match,
            tags=tuple(row.get("tags", ())),
            split=row["split"],
            difficulty=row["difficulty"],
        )

    def _instance(self, row: dict[str, Any], where: str, schema: Schema[Any] | None) -> Instance:
        instance = Instance(**row)
        broken = self._violations(schema, instance.data, where)
        if broken is None:
            return instance
        found = [(violation.instance_location, violation.keyword) for violation in broken]
        if instance.valid != (not broken):
            told = f"valid, but is not {_told(broken)}" if broken else "invalid, but is valid"
            self.problems.append(f"{where}: the instance is said to be {told}")
        elif broken and found != [(instance.location, instance.keyword)]:
            stated = f"{instance.keyword!r} at {pointer(str(instance.location))}"
            told = ", ".join(f"{keyword!r} at {pointer(location)}" for location, keyword in found[:3])
            self.problems.append(f"{where}: the instance is said to break only {stated}, but breaks {told}")
        return instance

    def _violations(self, schema: Schema[Any] | None, value: Any, where: str) -> list[Violation] | None:
        """Give the violations of a value; None when there is no schema or it cannot judge the value."""
        if schema is None:
            return None
        try:
            return schema.violations(value)
        except InvalidArgument as error:
            self.problems.append(f"{where}: {error}")
            return None

    def _read_rows(self, relative: str, form: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """Read a file of one object a line, blank lines skipped: where each of the right form stands, and the object."""
        text = self._read_text(relative)
        if text is None:
            return
        # Not splitlines(): U+2028 may stand inside a JSON string.
        lines = [(number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
        if not lines:
            self.problems.append(f"{relative}: expected at least one {form}")
        for number, line in lines:
            where = f"{relative}:{number}"
            row = self._decode(line, relative, number)
            if row is not _BROKEN and self._conforms(row, form, where):
                yield where, row

    def _read_json(self, relative: str) -> Any:
        text = self._read_text(relative)
        return _BROKEN if text is None else self._decode(text, relative)

    def _read_text(self, relative: str) -> str | None:
        path = self.root / relative
        if not self._is_inside(path):
            self.problems.append(f"{relative}: this file lies outside the suite")
            return None
        try:
            return path.read_text(encoding="utf-8")
        except FileNotFoundError:
            self.problems.append(f"{relative}: this file is missing")
        except OSError as error:
            self.problems.append(f"{relative}: this file cannot be read: {error.strerror}")
        except UnicodeDecodeError as error:
            self.problems.append(f"{relative}: this file is not UTF-8: {error.reason} at byte {error.start}")
        return None

    def _is_inside(self, path: Path) -> bool:
        return path.resolve().is_relative_to(self.root.resolve())

    def _decode(self, text: str, relative: str, number: int | None = None) -> Any:
        """Read JSON; *number* is the line of its file that the text is, None when it is the whole file."""
        where = relative if number is None else f"{relative}:{number}"
        try:
            return json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse)
        except json.JSONDecodeError as error:
            line = f"{relative}:{number or error.lineno}"
            self.problems.append(f"{line}: broken JSON at column {error.colno}: {error.msg}")
        except ValueError as error:
            self.problems.append(f"{where}: broken JSON: {error}")
        except RecursionError:
            self.problems.append(f"{where}: broken JSON: nested too deep to be read")
        return _BROKEN

    def _conforms(self, value: Any, form: str, where: str) -> bool:
        """Say whether a value is of a form, and report what is not."""
        schema = _form(form)
        known = schema.document["properties"]
        unknown = [key for key in value if key not in known] if isinstance(value, dict) else []
        told = [f"unknown key {clip(repr(key))}{did_you_mean(key, known)}" for key in unknown]
        broken = self._violations(schema, value, where)
        told += [_told([v]) for v in broken or () if v.keyword != "additionalProperties"]
        self.problems += [f"{where}: {problem}" for problem in told]
        return broken == []


def _told(broken: list[Violation]) -> str:
    """Tell the most relevant violation, and how many more there are."""
    first, more = broken[0], len(broken) - 1
    return f"at {pointer(first.instance_location)}: expected {first.expected}, got {first.actual}" + (
        f" and {more} more" if more else ""
    )


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members: dict[str, Any] = {}
    for key, value in pairs:
        if key in members:
            raise ValueError(f"duplicate key {clip(repr(key))}")
        members[key] = value
    return members


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON number")


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


_TEXT = {"type": "string", "minLength": 1}
_SAYS_VALID, _SAYS_INVALID = (
    {"properties": {"valid": {"const": claim}}, "required": ["valid"]} for claim in (True, False)
)
_FORMS: dict[str, dict[str, Any]] = {
    "suite": {
        "properties": {
            "format": {"const": 1},
            "name": _TEXT,
            "description": _TEXT,
            "licence": _TEXT,
            "schemas": {"type": "array", "items": _TEXT, "minItems": 1, "uniqueItems": True},
        },
        "required": ["format", "name", "description", "licence", "schemas"],
    },
    "meta": {
        "properties": {"description": _TEXT, "instruction": _TEXT, "licence": _TEXT},
        "required": ["description", "instruction"],
    },
    "task": {
        "properties": {
            "id": {"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9_.-]*$", "maxLength": 80},
            "input": _TEXT,
            "instruction": _TEXT,
            "gold": True,
            "match": {"type": "object"},
            "tags": {"type": "array", "items": _TEXT},
            "split": {"enum": ["dev", "test"]},
            "difficulty": {"enum": ["easy", "medium", "hard"]},
        },
        "required": ["id", "input", "gold", "split", "difficulty"],
    },
    "instance": {
        "properties": {
            "valid": {"type": "boolean"},
            "data": True,
            "location": {"type": "string"},
            "keyword": _TEXT,
        },
        "required": ["valid", "data"],
        "allOf": [
            {"if": _SAYS_INVALID, "then": {"required": ["location", "keyword"]}},
            {"if": _SAYS_VALID, "then": {"properties": {"location": False, "keyword": False}}},
        ],
    },
}


@cache
def _form(name: str) -> Schema[Any]:
    """Give the form of a file's objects as a schema; loaded when first used."""
    return Schema.of({"type": "object", "additionalProperties": False, **_FORMS[name]}, name=name)
