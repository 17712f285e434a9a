# SPDX-License-Identifier: Apache-2.0
"""A suite and its parts, as values."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from schema_guard.token_estimate import tokens_in

if TYPE_CHECKING:
    from schema_guard.bench.suites.scoring import Match
    from schema_guard.schema import Schema

Split: TypeAlias = Literal["dev", "test"]
Difficulty: TypeAlias = Literal["easy", "medium", "hard"]

# Three times the gold leaves room for white space, a fence, and a wordy wrong answer. Below 64 tokens, a fenced reply
# to a short gold is cut off.
_GOLD_FACTOR, _LEAST_TOKENS = 3, 64
# Upper limits of difficulties: thirds of the share of leaves that the reference model has wrong.
_EASY_BELOW, _MEDIUM_BELOW = 1 / 3, 2 / 3


@dataclass(frozen=True, slots=True)
class Task:
    """One input with its right answer.

    Attributes:
        id: Id, unique in the suite.
        input: The text to work on.
        instruction: The instruction of the task, or by default of its schema. Empty if the input needs none.
        gold: A right answer, valid for the schema.
        match: Matchers by location (see `scoring`). Empty to compare everything exactly.
        tags: The difficult properties of the task, for reports.
        split: `"test"` is scored. `"dev"` is for examples in prompts and for experiments.
        hardness: The share of its leaves that a reference model has wrong, in [0, 1]. None if it was not measured.
        most_output_tokens: Largest output limit of an attempt. None for no limit.
        before: Messages with `role` and `content` before the text, a system message first. Empty for none.
    """

    id: str
    input: str
    instruction: str
    gold: Any
    match: Match = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    split: Split = "test"
    hardness: float | None = None
    most_output_tokens: int | None = None
    before: tuple[dict[str, str], ...] = ()

    @property
    def text(self) -> str:
        """The instruction and the input, as the argument of a guarded function."""
        return f"{self.instruction}\n\n{self.input}" if self.instruction else self.input

    @property
    def difficulty(self) -> Difficulty | None:
        """The hardness in a word: easy below 1/3, medium below 2/3, or hard. None if it was not measured."""
        if self.hardness is None:
            return None
        if self.hardness < _EASY_BELOW:
            return "easy"
        return "medium" if self.hardness < _MEDIUM_BELOW else "hard"

    @property
    def output_tokens(self) -> int:
        """The output limit for one attempt, in tokens: three times the gold, at least 64, at most the cap."""
        limit = max(_LEAST_TOKENS, _GOLD_FACTOR * estimated_tokens(self.gold))
        return limit if self.most_output_tokens is None else min(self.most_output_tokens, limit)


@dataclass(frozen=True, slots=True)
class SuiteSchema:
    """One schema of a suite with what belongs to it.

    Attributes:
        name: Name, unique in the suite, from its folder or from the names in its file.
        group: Group for sampling and for tables: the source of its tasks. Default: its own name.
        licence: SPDX identifier, or the words of its source.
        schema: The loaded schema.
        tasks: Its tasks in the order of the file.
    """

    name: str
    group: str
    licence: str
    schema: Schema[Any]
    tasks: tuple[Task, ...]

    def tasks_of(self, split: Split) -> tuple[Task, ...]:
        """Return the tasks of one split."""
        return tuple(task for task in self.tasks if task.split == split)


@dataclass(frozen=True, slots=True)
class Suite:
    """Schemas with tasks and golds.

    Attributes:
        name: Name for people and records.
        fingerprint: 16 hex digits of SHA-256 over everything that affects a result: the schemas as they are written,
            because the order of keys reaches the prompt, and their tasks.
        schemas: The schemas in the order of the files.
        function: The function that the tasks belong to, as records name it. None if unknown.
        teacher: The test rows that a model answered, such as `22 of 22`. None if people answered all.
    """

    name: str
    fingerprint: str
    schemas: tuple[SuiteSchema, ...]
    function: str | None = None
    teacher: str | None = None


def estimated_tokens(value: Any) -> int:
    """Estimate the tokens of a value's compact JSON, as `tokens_in` does.

    >>> estimated_tokens({"date": "2026-03-04", "minutes": 30})
    18
    """
    return tokens_in(as_written(value))


def as_written(value: Any) -> str:
    """Return a value as compact JSON, with its keys in their order."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
