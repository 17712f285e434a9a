# SPDX-License-Identifier: Apache-2.0
"""The values of which a training set is made.

Rules: pure. The source of an answer shows who has checked it. Inputs that are left out are counted with their reason,
and no input is lost otherwise.
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
"""The file that describes the other files of a training set."""


def file_of(side: Side) -> str:
    """Return the name of the file of a side."""
    return f"{side}.jsonl"


@dataclass(frozen=True, slots=True)
class TrainingRow:
    """An input with its answer, or with the reason why it has no answer that a model can learn.

    Attributes:
        messages: The messages for the input at attempt 1, as a tuned model receives them, without the answer. Empty if
            they are unknown.
        answer: Plain JSON, valid for the schema.
        source: Source of the answer, which shows who has checked it.
        origin: Place that it is from: `"call ID"`, `"suite NAME: TASK"`, `"answers FILE, line 3"`.
        call_id: Id of the recorded call; None without one.
        input_hash: The store's keyed hash of the input; None without one.
        cluster: The user's tag of inputs that belong together.
        segment: Part of the traffic.
        failure: Failure of the first attempt, `kind/code`; None without a known failure.
        model: Model that gave the answer; None for a person.
        version: Version of the function's prompt.
        licence: Licence of a suite.
        at: Start of the call; 0 without a call.
        side: Side in the suite's own split, train or test; None without one.
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
        """All messages, as one text."""
        return "\n".join(message["content"] for message in self.messages)


@dataclass
class GatheredRows:
    """The rows of the sources, before any comparison.

    Attributes:
        rows: Inputs with an answer.
        left_out: How many inputs were left out, by reason.
        open: Inputs without an answer, which a person could answer.
        notes: Other notes about a source.
    """

    rows: list[TrainingRow] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    open: list[TrainingRow] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, other: GatheredRows) -> None:
        """Add the rows of another source."""
        self.rows += other.rows
        self.left_out += other.left_out
        self.open += other.open
        self.notes += other.notes


@dataclass(frozen=True, slots=True)
class ExportSettings:
    """The settings of a training set.

    Attributes:
        host: Host whose form of rows is used: a name of `hosts.HOSTS`.
        strategy: Strategy with which the tuned model will be called: `bare` or `system_prompt`.
        min_examples: Smallest number of training rows.
        max_examples: Largest number of rows, taken by turns from every segment and failure; None takes all.
        accept_unchecked: Whether to accept answers with unchecked values.
        base: The model to tune. Its own unchecked answers are never accepted.
        validation: Share of the rows.
        test: Share of the rows.
        seed: Seed of the split.
        prompt_from: Function that returns the prompt of a task, a text or messages, for a function that builds its own
            prompt.
        typed: The schema as a Python type, which gives the value of a reply that it converted; None if unknown.
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
