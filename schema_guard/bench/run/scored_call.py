# SPDX-License-Identifier: Apache-2.0
"""One finished call of a benchmark, in the form that results count, compare, and show.

Rules:
1. A call has one format. The formats clean, unwrapped, repaired, fixed_by_retry, and failed add up to the calls
   with a validated reply. A lost call has no format and is in no rate.
2. Only the beginnings of failed replies are stored, for people to read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

from schema_guard.bench.suites.scoring import nulls, score, unanswered
from schema_guard.pointer import join, split
from schema_guard.records.counts.calls import PART
from schema_guard.text import clip

if TYPE_CHECKING:
    from schema_guard.bench.run.plan import Cell, Variant
    from schema_guard.values import Attempt, Failure, Outcome

Format: TypeAlias = Literal["clean", "unwrapped", "repaired", "fixed_by_retry", "failed", "lost"]

# Stored characters of a failed reply, and of the message about it.
_REPLY_CHARS, _MESSAGE_CHARS = 400, 200
# A key that a model made up may be as long as its reply.
_LOCATION_CHARS = 120


class FailedRow(NamedTuple):
    """The counted facts of a failed attempt.

    Attributes:
        kind: Kind of the failure.
        code: Code of the failure.
        keyword: The most relevant violated keyword. None if the reply does not violate the schema.
        location: Its location, with `*` for array indexes. None with *keyword*.
    """

    kind: str
    code: str
    keyword: str | None
    location: str | None


class CallRow(NamedTuple):
    """The counted facts of a call.

    Attributes:
        variant: Index of its variant.
        schema: Name of the schema.
        group: Name of the group of schemas in which the result shows it.
        task: Id of the task, unique in its schema.
        epoch: 0 for the first run of the task.
        difficulty: Difficulty of the task. None if it was not measured.
        format: Format of the reply.
        right: Whether a valid value came out that equals the gold.
        leaves_right: Leaves of the gold that are right. 0 without a valid value.
        leaves: Leaves of the gold, at least 1.
        attempts: Number of attempts.
        failures: Validated attempts that failed, in order.
        input_tokens: Sum of all attempts. None if unknown.
        output_tokens: As input_tokens.
        cost: Dollars of all attempts. None without prices, or if tokens are unknown.
        elapsed_s: Seconds of all attempts. None for a scripted model, which has no time.
        error: Error of the provider for a lost call. Otherwise None.
        invented: Leaves that are null in the gold, and have another value in a valid reply. None if the gold has no null.
    """

    variant: int
    schema: str
    group: str
    task: str
    epoch: int
    difficulty: str | None
    format: Format
    right: bool
    leaves_right: int
    leaves: int
    attempts: int
    failures: tuple[FailedRow, ...]
    input_tokens: int | None
    output_tokens: int | None
    cost: float | None
    elapsed_s: float | None
    error: str | None
    invented: int | None = None

    @property
    def is_valid(self) -> bool:
        """Whether a valid value came out."""
        return self.format not in ("failed", "lost")

    @property
    def is_lost(self) -> bool:
        """Whether no reply was validated."""
        return self.format == "lost"


class FailedExample(NamedTuple):
    """A failed attempt, for people to read.

    Attributes:
        variant: Index of its variant.
        schema: Name of the schema.
        task: Id of the task.
        epoch: 0 for the first run of the task.
        attempt: 1 for the first of its call.
        kind: Kind of the failure.
        code: Code of the failure.
        message: One line for people.
        reply: Beginning of the reply, which is untrusted text. None without a reply.
    """

    variant: int
    schema: str
    task: str
    epoch: int
    attempt: int
    kind: str
    code: str
    message: str
    reply: str | None


def format_of(outcome: Outcome[Any]) -> Format:
    """Return the format of a call."""
    last = outcome.attempts[-1]
    if outcome.ok:
        if last.form not in ("clean", "unwrapped"):
            return "repaired"
        parts = sum(one.failure is not None and one.failure.code == PART for one in outcome.attempts)
        return last.form if last.number == 1 + parts else "fixed_by_retry"
    return "failed" if any(is_judged(attempt) for attempt in outcome.attempts) else "lost"


def is_judged(attempt: Attempt) -> bool:
    """Return whether an attempt got a reply that was validated."""
    return attempt.failure is None or attempt.failure.kind != "transport"


def call_row(
    outcome: Outcome[Any], cell: Cell, variant: int, *, cost: float | None, elapsed_s: float | None
) -> CallRow:
    """Return the counted facts of a finished call. *variant* is the index of its variant."""
    task, attempts = cell.task, outcome.attempts
    content = score(outcome.value, task.gold, task.match) if outcome.ok else unanswered(task.gold)
    lost = next((a.failure for a in attempts if a.failure is not None and not is_judged(a)), None)
    return CallRow(
        variant=variant,
        schema=cell.entry.name,
        group=cell.entry.group,
        task=task.id,
        epoch=cell.epoch,
        difficulty=task.difficulty,
        format=format_of(outcome),
        right=outcome.ok and content.exact,
        leaves_right=content.right if outcome.ok else 0,
        leaves=content.leaves,
        attempts=len(attempts),
        failures=tuple(_failed_row(failure) for _, failure in _failed(outcome)),
        input_tokens=outcome.usage.input_tokens,
        output_tokens=outcome.usage.output_tokens,
        cost=cost,
        elapsed_s=elapsed_s,
        error=None if lost is None else utf8_text(clip(lost.message, _MESSAGE_CHARS)),
        invented=content.invented if nulls(task.gold) else None,
    )


def failed_examples(outcome: Outcome[Any], call: CallRow) -> tuple[FailedExample, ...]:
    """Return the failed attempts of a call, with the beginning of their replies."""
    return tuple(
        FailedExample(
            call.variant,
            call.schema,
            call.task,
            call.epoch,
            attempt.number,
            failure.kind,
            utf8_text(failure.code),
            utf8_text(clip(failure.message, _MESSAGE_CHARS)),
            None if attempt.reply is None else utf8_text(attempt.reply[:_REPLY_CHARS]),
        )
        for attempt, failure in _failed(outcome)
    )


def _failed(outcome: Outcome[Any]) -> list[tuple[Attempt, Failure]]:
    return [(a, a.failure) for a in outcome.attempts if a.failure is not None and is_judged(a)]


def _failed_row(failure: Failure) -> FailedRow:
    first = failure.violations[0] if failure.violations else None
    place = (None, None) if first is None else (first.keyword, general_location(first.instance_location))
    return FailedRow(failure.kind, utf8_text(failure.code), *place)


def general_location(location: str) -> str:
    """Return a location with `*` for every array index, so that equal places of different items are one place.

    An object key that consists of digits counts as an index.

    >>> general_location("/lines/0/qty"), general_location("")
    ('/lines/*/qty', '')
    """
    tokens = ["*" if token.isdecimal() else token for token in split(location)]
    return clip(utf8_text(join(tokens)), _LOCATION_CHARS)


def utf8_text(text: str) -> str:
    """Return a text that UTF-8 can encode. A lone surrogate, which a model can send, is escaped."""
    return text.encode("utf-8", "backslashreplace").decode()


@dataclass(frozen=True, slots=True)
class Setup:
    """The suite, plan, and settings of a run.

    Attributes:
        suite: Name of the suite.
        suite_fingerprint: Fingerprint of everything in the suite that affects results.
        suite_tasks: Number of tasks that the suite scores.
        plan: Fingerprint of the plan.
        variants: The variants, in the given order.
        tasks: Number of planned tasks.
        epochs: Planned number of runs of each task in each variant.
        seed: Seed of the sample and the order.
        max_attempts: Attempts of each call.
        started_at: Start of the run in UTC, ISO 8601. None if no model is timed.
        currency: Currency of the costs. None without prices.
        stopped: Reasons why calls were not made, one line each.
        left_out: Reasons why tasks were not planned, one line each.
        target: Target for the failure rate of each variant, in (0, 1). None without a target.
        library_version: Version of schema-guard.
        teacher: The test rows that a model answered, such as `22 of 22`. Their numbers are agreement with that model. None
            if people answered all.
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
    teacher: str | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """A run, finished or stopped.

    Attributes:
        setup: Suite, plan, and settings of the run.
        calls: The finished calls, in the planned order.
        failed: Their failed attempts.
    """

    setup: Setup
    calls: tuple[CallRow, ...]
    failed: tuple[FailedExample, ...]
