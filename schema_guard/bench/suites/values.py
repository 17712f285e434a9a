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

# Three times the gold leaves room for white space, a fence and a wordy wrong answer; below 64 a fenced reply to a
# short gold is cut off.
_GOLD_FACTOR, _LEAST_TOKENS = 3, 64
# Where the words of difficulty end: thirds of the share of leaves that the reference model has wrong.
_EASY_BELOW, _MEDIUM_BELOW = 1 / 3, 2 / 3


@dataclass(frozen=True, slots=True)
class Task:
    """One input with its right answer.

    Attributes:
        id: Unique in the suite.
        input: The text to work on.
        instruction: What to do with it: the task's own, else its schema's; empty when the input says it all.
        gold: A right answer, valid for the schema.
        match: Location -> matcher (see `scoring`); empty compares everything exactly.
        tags: What is hard about it, for reports.
        split: `"test"` is scored; `"dev"` is for examples in prompts and for trying things out.
        hardness: The share of its leaves that a reference model has wrong, in [0, 1]; None where nobody measured it.
        most_output_tokens: The cap of an attempt's output limit; None without one.
        before: Messages with `role` and `content` that stand before the text, a system message first; empty for none.
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
        """The instruction and the input, as a guarded function takes its task."""
        return f"{self.instruction}\n\n{self.input}" if self.instruction else self.input

    @property
    def difficulty(self) -> Difficulty | None:
        """The hardness in a word: easy below 1/3, medium below 2/3, else hard; None where nobody measured it."""
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
        name: Unique in the suite: of its folder, or made from the names in its file.
        group: What it is sampled and shown with: the source of its tasks, else its own name.
        licence: SPDX identifier, or what its source says.
        schema: The schema, loaded.
        tasks: In the order of the file.
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
        name: For people and records.
        fingerprint: 16 hex digits of SHA-256 over everything that a result depends on: the schemas as they are
            written (the order of keys reaches the prompt) and their tasks.
        schemas: In the order of the files.
        function: Whose tasks they are, as records name it; None where nobody says.
        teacher: The test rows that a model answered, such as `22 of 22`; None if people answered all.
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
    """Return a value as compact JSON, its keys in the order in which they are written."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
