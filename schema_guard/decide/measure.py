# SPDX-License-Identifier: Apache-2.0
"""From counts to rates: what is left of the evidence after preparation, with bounds and states.

Rules: transport failures are no failures of format and leave the counts; an input that repeats counts once,
as the mean of its calls; after a drift alarm only what came after it counts. A state is read off its own
bounds, so that the two cannot disagree.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import fsum
from typing import TYPE_CHECKING, Any

from schema_guard.stats import Hazards, Rate, e_value, retry_hazards

if TYPE_CHECKING:
    from collections.abc import Mapping

    from schema_guard.decide.evidence import AttemptCounts, StrategyCounts

FIXED_BY_DECODING = ("syntax", "structure")

UNRATED = "unrated"
"""The state of imported calls that were chosen by how they ended, or by nobody knows what."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A strategy after preparation.

    Attributes:
        strategy: As it was given.
        unhandled: Its rate, in inputs where inputs repeat.
        state: What that says of the target, as `state_of` gives it; `UNRATED` where it says nothing.
        calls: Calls behind the rate's n: more than n where inputs repeat.
        unhandled_calls: Calls behind the rate's count.
        failure_kinds: Of those calls; empty when not recorded.
        attempts: Of those calls; empty when not recorded.
        retries: What re-asking does; None when attempts are not recorded.
        e_ok: Evidence that the rate is below the target, as odds.
        e_bad: Evidence that it is above.
        notes: What preparation left out.
    """

    strategy: StrategyCounts
    unhandled: Rate
    state: str
    calls: int
    unhandled_calls: int
    failure_kinds: Mapping[str, int]
    attempts: tuple[AttemptCounts, ...]
    retries: Hazards | None
    e_ok: float
    e_bad: float
    notes: tuple[str, ...]

    @property
    def point(self) -> float:
        """The unhandled rate, where there is data."""
        assert self.unhandled.rate is not None
        return self.unhandled.rate

    @property
    def mean_attempts(self) -> float:
        """Attempts per call; 1 when they are not recorded."""
        mean = self.retries.mean_attempts if self.retries else None
        return 1.0 if mean is None else mean

    @property
    def calls_per_unit(self) -> float:
        """Calls that bring one more distinct input; 1 when inputs do not repeat."""
        return self.calls / self.unhandled.n if self.unhandled.n else 1.0

    def not_fixable_by_decoding(self) -> float:
        """Count the failures known to be neither of syntax nor of structure, in the unit of the rate."""
        calls = sum(count for kind, count in self.failure_kinds.items() if kind not in FIXED_BY_DECODING)
        if self.unhandled.count == self.unhandled_calls:
            return calls
        return calls * self.unhandled.count / self.unhandled_calls


@dataclass(frozen=True, slots=True)
class _Counts:
    n: int
    unhandled: float
    calls: int
    unhandled_calls: int
    failure_kinds: Mapping[str, int]
    attempts: tuple[AttemptCounts, ...]
    notes: tuple[str, ...]


def has_data(strategy: StrategyCounts) -> bool:
    """Say whether anything is left of a strategy after preparation that a rate of the traffic can be read from."""
    return strategy.is_rated and _prepared(strategy).n > 0


def measured(strategy: StrategyCounts, *, target: float, alpha: float) -> Measured:
    """Prepare a strategy's counts and bound its rate at *alpha* a side."""
    counts = _prepared(strategy)
    rate = Rate.of(counts.unhandled, counts.n, alpha=alpha)
    return Measured(
        strategy=strategy,
        unhandled=rate,
        state=state_of(rate, target) if strategy.is_rated else UNRATED,
        calls=counts.calls,
        unhandled_calls=counts.unhandled_calls,
        failure_kinds=counts.failure_kinds,
        attempts=counts.attempts,
        retries=retry_hazards(counts.attempts) if counts.attempts else None,
        e_ok=e_value(counts.unhandled, counts.n, target, side="ok"),
        e_bad=e_value(counts.unhandled, counts.n, target, side="bad"),
        notes=counts.notes,
    )


def state_of(rate: Rate, target: float) -> str:
    """Say what a rate's bounds prove.

    Returns:
        `pass` (upper <= target), `fail` (lower > target), `inconclusive`, or `no_data`.
    """
    if rate.n == 0:
        return "no_data"
    if rate.bounds.upper <= target:
        return "pass"
    return "fail" if rate.bounds.lower > target else "inconclusive"


def as_figures(rate: Rate, state: str) -> dict[str, Any]:
    """Give a rate and its state as plain JSON; its bounds are null without data."""
    return {
        "n": rate.n,
        "k": rate.count,
        "rate": rate.rate,
        "lower": rate.lower,
        "upper": rate.upper,
        "state": state,
    }


def _prepared(strategy: StrategyCounts) -> _Counts:
    name, notes = strategy.id, []
    n, unhandled, attempts = strategy.n, strategy.unhandled, strategy.attempts
    kinds = dict(strategy.failure_kinds)
    if strategy.drift:
        n, unhandled, attempts = (
            strategy.drift.post_n,
            strategy.drift.post_unhandled,
            strategy.drift.post_attempts,
        )
        notes.append(
            f"{name}: drift alarm at call {strategy.drift.alarm_at}, only the {n} calls after it count"
        )
        if sum(kinds.values()) > unhandled:
            kinds = {}
            notes.append(f"{name}: the failure kinds include calls before the alarm and are not used")
    transport = kinds.pop("transport", 0)
    if transport:
        n, unhandled = n - transport, unhandled - transport
        notes.append(f"{name}: {transport} transport failures are no failures of format and left out")
    unknown = unhandled - sum(kinds.values())
    if unknown and unhandled:
        notes.append(f"{name}: the kind of {unknown} of {unhandled} unhandled calls is not recorded")
    if not strategy.clusters:
        return _Counts(n, unhandled, n, unhandled, kinds, attempts, tuple(notes))
    inputs = sum(cluster.inputs for cluster in strategy.clusters)
    if inputs < n:
        notes.append(f"{name}: {n} calls of {inputs} distinct inputs count as {inputs}")
    means = fsum(cluster.inputs * cluster.unhandled / cluster.n for cluster in strategy.clusters)
    return _Counts(inputs, means, n, unhandled, kinds, attempts, tuple(notes))
