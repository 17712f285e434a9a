# SPDX-License-Identifier: Apache-2.0
"""The values of an improvement: its task, its settings, and its result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path

    from schema_guard.bench.suites.scoring import Match
    from schema_guard.configuration.recorded_settings import Layout
    from schema_guard.ext.improve.candidates import PoolExample, PromptCandidate
    from schema_guard.ext.improve.failure_map import FailureMap, MapCall
    from schema_guard.ext.improve.race import Runner
    from schema_guard.models import Model
    from schema_guard.prompting import Example
    from schema_guard.records import Store
    from schema_guard.schema import Schema
    from schema_guard.stats import Bounds

CURRENT = "the prompt in use"
"""The name of the prompt in use in the race."""
LEAST_INPUTS = 60
"""With fewer inputs, nothing can be proved, so nothing is sent."""


class ImproveInput(NamedTuple):
    """An input.

    Attributes:
        text: The task, as the function gets it.
        gold: The right answer. None if it is not known.
        match: How values are compared with the right answer.
        is_labeled: Whether the right answer is known.
    """

    text: str
    gold: Any = None
    match: Match | None = None
    is_labeled: bool = False


@dataclass(frozen=True, slots=True)
class PromptInUse:
    """The prompt that the function sends now.

    Attributes:
        strategy: The strategy of its first attempt.
        layout: The layout of its prompts.
        examples: The examples that it shows. Empty if the schema gives them.
        before: Messages before the text of each task.
        has_choice: Whether its layout can be changed.
    """

    strategy: str = "system_prompt"
    layout: Layout = "turns"
    examples: tuple[Example, ...] = ()
    before: tuple[dict[str, str], ...] = ()
    has_choice: bool = True

    @property
    def file_strategy(self) -> str:
        """The strategy whose text and examples the improved prompt replaces."""
        return "system_prompt" if self.strategy in ("bare", "few_shot") else self.strategy


@dataclass(frozen=True, slots=True, kw_only=True)
class ImproveTask:
    """A prompt to improve, and all that it takes.

    Attributes:
        schema: The schema of the answers.
        inputs: Different inputs.
        model: The model.
        prompt: The prompt in use.
        folder: The folder for the prompt and the journals.
        function: The function. None without one.
        recorded: Recorded calls of the prompt in use, by the text of the input. None measures the map.
        pool: Examples that may be shown, if they are no near copies of raced inputs.
        writer: The model that writes candidates with gepa. None if no model writes any.
        output_tokens: The output limit of a call; None for none.
    """

    schema: Schema[Any]
    inputs: tuple[ImproveInput, ...]
    model: Model
    folder: Path
    prompt: PromptInUse
    function: str | None = None
    recorded: Mapping[str, MapCall] | None = None
    pool: tuple[PoolExample, ...] = ()
    writer: Model | None = None
    output_tokens: int | None = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class ImproveSettings:
    """The settings of an improvement.

    Attributes:
        max_calls: The most calls of map, race, and proof together.
        alpha: Error probability of the proof. The race drops the best candidate with at most half of it.
        seed: Seed of the split and of the order of the inputs.
        concurrency: Calls at the same time.
        store: The store for the calls of the proof; None for nowhere.
    """

    max_calls: int = 600
    alpha: float = 0.05
    seed: int = 0
    concurrency: int = 4
    store: Store | None = field(default=None, compare=False)


class Proof(NamedTuple):
    """The winner and the prompt in use on inputs that no candidate saw.

    Attributes:
        n: Inputs that both answered.
        before: Failures of the prompt in use.
        after: Failures of the winner.
        e_value: Evidence that the winner fails less, as odds.
        better: Bounds of the failure rate before minus the failure rate after.
        tokens_before: Mean input tokens of a call; None if unknown.
        tokens_after: The same with the winner.
        right: Right answers before and after; None without labels.
        values: Bounds of the share of right answers after minus before; None without labels.
        alpha: Error probability of the bounds.
    """

    n: int
    before: int
    after: int
    e_value: float
    better: Bounds
    tokens_before: float | None
    tokens_after: float | None
    right: tuple[int, int] | None
    values: Bounds | None
    alpha: float = 0.05

    @property
    def is_proved(self) -> bool:
        """Whether the winner fails less, and its values are not proved worse."""
        return self.is_better and (self.values is None or self.values.upper >= 0)

    @property
    def is_better(self) -> bool:
        """Whether the winner is proved to fail less."""
        return self.better.lower >= 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ImproveResult:
    """The result of `schema-guard improve`.

    Attributes:
        schema_name: Label of the schema.
        schema_fingerprint: Identity of the schema.
        function: The function. None without one.
        model: Name of the model.
        prompt: The prompt in use.
        at: When it began, in UTC.
        inputs: Number of inputs.
        parts: Inputs of the map, the race, and the proof.
        seed: Seed of the split.
        calls: Calls that were sent, by this run and by earlier ones into the same folder.
        failures: The failure map. None if nothing was sent.
        runners: The candidates in the race, the prompt in use first.
        winner: The winner. None if no candidate fails less than the prompt in use.
        proof: The proof. None without a winner.
        path: The file of the prompt. None if nothing is proved.
        ended: Why it ended early. Empty if it did not.
    """

    schema_name: str
    schema_fingerprint: str
    function: str | None
    model: str
    prompt: PromptInUse
    at: str
    inputs: int
    parts: tuple[int, int, int]
    seed: int
    calls: int = 0
    failures: FailureMap | None = None
    runners: tuple[Runner, ...] = ()
    winner: PromptCandidate | None = None
    proof: Proof | None = None
    path: Path | None = None
    ended: str = ""

    @property
    def is_proved(self) -> bool:
        """Whether the winner is proved better, in a run that did not end early."""
        return self.proof is not None and self.proof.is_proved and not self.ended
