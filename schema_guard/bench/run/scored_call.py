# SPDX-License-Identifier: Apache-2.0
"""One finished call of a benchmark, in the form in which it is counted, compared and shown.

Rules:
1. A call has one format. The formats clean, unwrapped, repaired, fixed_by_retry, and failed add up to the calls
   with a validated reply. A lost call has none; it says nothing about the format and stands in no rate.
2. Of texts only the beginnings of failed replies are kept, for people to look at.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

from schema_guard.bench.suites.scoring import Score, score, unanswered
from schema_guard.text import clip

if TYPE_CHECKING:
    from schema_guard.bench.run.plan import Cell, Variant
    from schema_guard.bench.suites.values import Difficulty, Task
    from schema_guard.values import Attempt, Failure, Outcome

Format: TypeAlias = Literal["clean", "unwrapped", "repaired", "fixed_by_retry", "failed", "lost"]

# What is kept of a failed reply and of the words about it, in characters.
_REPLY_CHARS, _MESSAGE_CHARS = 400, 200


class FailedAttempt(NamedTuple):
    """An attempt without a valid value.

    Attributes:
        number: 1 for the first attempt of its call.
        kind: Of the failure.
        code: Of the failure.
        location: Instance location of the most relevant violation; None when the schema was not broken.
        keyword: The keyword broken there; None with *location*.
        message: One line for people.
        reply: The first 400 characters that came back; None when there was no text.
    """

    number: int
    kind: str
    code: str
    location: str | None
    keyword: str | None
    message: str
    reply: str | None


@dataclass(frozen=True, slots=True)
class Scored:
    """One task, asked once in one variant.

    Attributes:
        variant: Name of the variant.
        schema: Name of the suite's schema.
        group: What the schema is sampled and shown with: its source, or itself.
        task: Id of the task.
        epoch: 0 for the first time that the task is asked.
        difficulty: Of the task; None where nobody measured it.
        format: How the call went; `"lost"` without a judged reply.
        content: How right the value is; without a valid value no leaf is right.
        attempts: That were made, lost ones included.
        failures: Those that were judged and failed, in order.
        input_tokens: Over all attempts; None when one of them is unknown.
        output_tokens: As input_tokens.
        cost: Over all attempts, in the currency of the prices; None without prices or when tokens are unknown.
        elapsed_s: Seconds over all attempts; None for a model that has no time of its own.
        error: The words of what the provider raised, for a lost call; else None.
    """

    variant: str
    schema: str
    group: str
    task: str
    epoch: int
    difficulty: Difficulty | None
    format: Format
    content: Score
    attempts: int
    failures: tuple[FailedAttempt, ...]
    input_tokens: int | None
    output_tokens: int | None
    cost: float | None
    elapsed_s: float | None
    error: str | None = None

    @property
    def is_valid(self) -> bool:
        """Whether a valid value came out."""
        return self.format not in ("failed", "lost")

    @property
    def is_lost(self) -> bool:
        """Whether no reply was judged."""
        return self.format == "lost"


def format_of(outcome: Outcome[Any]) -> Format:
    """Say how a call went, in one word."""
    last = outcome.attempts[-1]
    if outcome.ok:
        if last.form not in ("clean", "unwrapped"):
            return "repaired"
        return last.form if last.number == 1 else "fixed_by_retry"
    return "failed" if any(is_judged(attempt) for attempt in outcome.attempts) else "lost"


def is_judged(attempt: Attempt) -> bool:
    """Say whether a reply came back that could be judged."""
    return attempt.failure is None or attempt.failure.kind != "transport"


def content_of(outcome: Outcome[Any], task: Task) -> Score:
    """Compare what came out of a call with the task's gold."""
    return score(outcome.value, task.gold, task.match) if outcome.ok else unanswered(task.gold)


def failed_attempts(outcome: Outcome[Any]) -> tuple[FailedAttempt, ...]:
    """Give the attempts of a call that were judged and failed."""
    return tuple(
        _failed(attempt, attempt.failure)
        for attempt in outcome.attempts
        if attempt.failure is not None and is_judged(attempt)
    )


def _failed(attempt: Attempt, failure: Failure) -> FailedAttempt:
    first = failure.violations[0] if failure.violations else None
    return FailedAttempt(
        attempt.number,
        failure.kind,
        failure.code,
        None if first is None else first.instance_location,
        None if first is None else first.keyword,
        clip(failure.message, _MESSAGE_CHARS),
        None if attempt.reply is None else attempt.reply[:_REPLY_CHARS],
    )


def scored_of(outcome: Outcome[Any], cell: Cell, *, cost: float | None, elapsed_s: float | None) -> Scored:
    """Put together what is kept of a finished call."""
    lost = next((a.failure for a in outcome.attempts if a.failure is not None and not is_judged(a)), None)
    return Scored(
        variant=cell.variant.name,
        schema=cell.entry.name,
        group=cell.entry.group,
        task=cell.task.id,
        epoch=cell.epoch,
        difficulty=cell.task.difficulty,
        format=format_of(outcome),
        content=content_of(outcome, cell.task),
        attempts=len(outcome.attempts),
        failures=failed_attempts(outcome),
        input_tokens=outcome.usage.input_tokens,
        output_tokens=outcome.usage.output_tokens,
        cost=cost,
        elapsed_s=elapsed_s,
        error=None if lost is None else clip(lost.message, _MESSAGE_CHARS),
    )


@dataclass(frozen=True, slots=True)
class Setup:
    """The suite, plan, and settings of a run.

    Attributes:
        suite: Name of the suite.
        suite_fingerprint: Of everything in it that decides results.
        suite_tasks: How many tasks it scores.
        plan: Fingerprint of everything that was planned.
        variants: In the order given.
        tasks: How many tasks were planned.
        epochs: How often each of them was to be asked in each variant.
        seed: Of the sample and the order.
        max_attempts: Of each call.
        started_at: UTC, ISO 8601; None when no model has a time of its own.
        currency: Of the costs; None without prices.
        stopped: Why calls were left out, one line a reason.
        left_out: Why tasks were left out, one line a reason.
        target: The failure rate that a variant was held against, in (0, 1); None where none was given.
        library_version: Of schema-guard.
    """

    suite: str
    suite_fingerprint: str
    suite_tasks: int
    plan: str
    variants: tuple[Variant, ...]
    tasks: int
    epochs: int
    seed: int
    max_attempts: int
    started_at: str | None
    currency: str | None
    stopped: tuple[str, ...]
    left_out: tuple[str, ...]
    target: float | None
    library_version: str


@dataclass(frozen=True, slots=True)
class Run:
    """A run, finished or stopped.

    Attributes:
        setup: What was run.
        scored: The finished calls, in the planned order.
    """

    setup: Setup
    scored: tuple[Scored, ...]
