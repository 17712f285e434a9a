# SPDX-License-Identifier: Apache-2.0
"""What a training set is made of, as values.

Rules: pure. An answer says who has looked at it; what is left out is counted with its reason, and nothing else is lost.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

if TYPE_CHECKING:
    from schema_guard.schema import Schema

AnswerSource: TypeAlias = Literal["gold", "agreed", "checked", "valid"]
SOURCES: Final[tuple[AnswerSource, ...]] = ("gold", "agreed", "checked", "valid")
"""The source of an answer, the best first.

`gold`: a person or a labelled file. `agreed`: a model's, valid, and a second model gave the same values. `checked`: a
model's, valid, and passed by at least one check of the user's. `valid`: a model's, with unchecked values.
"""

Side: TypeAlias = Literal["train", "validation", "test"]
SIDES: Final[tuple[Side, ...]] = ("train", "validation", "test")

MANIFEST: Final = "manifest.json"
"""The file of a training set that says what the others are."""


def file_of(side: Side) -> str:
    """Return the name of the file of a side."""
    return f"{side}.jsonl"


@dataclass(frozen=True, slots=True)
class TrainingRow:
    """An input with its answer, or with the reason why it has no answer that a model can learn.

    Attributes:
        messages: What is sent for the input at attempt 1, as a tuned model is asked; the answer is none of them. Empty if
            they are not known.
        answer: Plain JSON, valid for the schema.
        source: Who has looked at it.
        origin: Where it is from: `"call ID"`, `"suite NAME: TASK"`, `"answers FILE, line 3"`.
        call_id: Of the recorded call; None without one.
        input_hash: The store's keyed hash of the input; None without one.
        cluster: The user's tag of inputs that belong together.
        segment: Part of the traffic.
        failure: What the first attempt failed by, `kind/code`; None where it did not, or none is known.
        model: That gave the answer; None for a person.
        version: Of the function's prompt.
        licence: Of a suite.
        at: When the call began; 0 without a call.
        side: Where a suite's own split puts it, to train on or to test; None where that is not said.
        why: The reason why it has no answer that a model can learn. Empty if it has one.
    """

    messages: tuple[dict[str, Any], ...]
    answer: Any
    source: AnswerSource
    origin: str
    call_id: str | None = None
    input_hash: str | None = None
    cluster: str | None = None
    segment: str | None = None
    failure: str | None = None
    model: str | None = None
    version: str | None = None
    licence: str | None = None
    at: float = 0.0
    side: Side | None = None
    why: str = ""

    @property
    def text(self) -> str:
        """All that is sent, as one text."""
        return "\n".join(message["content"] for message in self.messages)


@dataclass
class GatheredRows:
    """What the sources have, before anything is compared.

    Attributes:
        rows: With an answer.
        left_out: How many inputs were left out, by reason.
        open: Inputs without an answer, which a person could answer.
        notes: What else has to be said of a source.
    """

    rows: list[TrainingRow] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    open: list[TrainingRow] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, other: GatheredRows) -> None:
        """Take in what another source has."""
        self.rows += other.rows
        self.left_out += other.left_out
        self.open += other.open
        self.notes += other.notes


@dataclass(frozen=True, slots=True)
class ExportSettings:
    """How a training set is made.

    Attributes:
        host: In whose spelling: a name of `hosts.HOSTS`.
        strategy: By which a tuned model will be asked: `bare` or `system_prompt`.
        min_examples: Fewer rows to train on are too few.
        max_examples: No more are taken, by turns from every segment and failure; None takes all.
        accept_unchecked: Whether answers are taken whose values nobody has looked at.
        base: The model that is to be tuned; its own unchecked answers are never taken.
        validation: Share of the rows.
        test: Share of the rows.
        seed: Of the split.
        prompt_from: Gives what a function that builds its own prompt sends for a task: a text or messages.
        typed: The schema as a Python type, which says what it made of a reply that it converted; None if unknown.
        wrong: Bounds of the wrong values of the valid calls, as labels prove them: `lower upper unit labels`. None if
            they are unknown.
    """

    host: str = "messages"
    strategy: str = "bare"
    min_examples: int = 100
    max_examples: int | None = None
    accept_unchecked: bool = False
    base: str | None = None
    validation: float = 0.1
    test: float = 0.1
    seed: int = 0
    prompt_from: Callable[..., Any] | None = None
    typed: Schema[Any] | None = None
    wrong: dict[str, Any] | None = None
