"""From counts to rates: what is left of the evidence after preparation, with bounds and states.

Rules: transport failures are no failures of format and leave the counts; an input that repeats counts once,
as the mean of its calls; after a drift alarm only what came after it counts. A state is read off its own
bounds, so that the two cannot disagree.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import fsum
from typing import TYPE_CHECKING, Any

from schema_guard.stats import Hazards, bounds, e_value, retry_hazards

if TYPE_CHECKING:
    from collections.abc import Mapping

    from schema_guard.decide.evidence import AttemptCounts, StrategyCounts

FIXED_BY_DECODING = ("syntax", "structure")


@dataclass(frozen=True, slots=True)
class UnhandledRate:
    """An unhandled rate.

    Attributes:
        n: Calls, or distinct inputs where inputs repeat.
        k: Of these, unhandled; a sum of means where inputs repeat.
        rate: k / n; None without data.
        lower: Bound that holds at all times; 0 without data.
        upper: Bound that holds at all times; 1 without data.
        state: `pass` (upper <= target), `fail` (lower > target), `inconclusive` or `no_data`.
    """

    n: int
    k: float
    rate: float | None
    lower: float
    upper: float
    state: str

    @property
    def point(self) -> float:
        """The rate, where there is data."""
        assert self.rate is not None
        return self.rate


@dataclass(frozen=True, slots=True)
class Measured:
    """A strategy after preparation.

    Attributes:
        strategy: As it was given.
        unhandled: Its rate.
        calls: Calls behind n: more than n where inputs repeat.
        failed_calls: Calls behind k.
        failure_kinds: Of those calls; empty when not recorded.
        attempts: Of those calls; empty when not recorded.
        retries: What re-asking does; None when attempts are not recorded.
        e_ok: Evidence that the rate is below the target, as odds.
        e_bad: Evidence that it is above.
        notes: What preparation left out.
    """

    strategy: StrategyCounts
    unhandled: UnhandledRate
    calls: int
    failed_calls: int
    failure_kinds: Mapping[str, int]
    attempts: tuple[AttemptCounts, ...]
    retries: Hazards | None
    e_ok: float
    e_bad: float
    notes: tuple[str, ...]

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
        """Count the failures known to be neither of syntax nor of structure, in the unit of k."""
        calls = sum(count for kind, count in self.failure_kinds.items() if kind not in FIXED_BY_DECODING)
        return (
            calls if self.unhandled.k == self.failed_calls else calls * self.unhandled.k / self.failed_calls
        )


@dataclass(frozen=True, slots=True)
class _Counts:
    n: int
    k: float
    calls: int
    failed_calls: int
    failure_kinds: Mapping[str, int]
    attempts: tuple[AttemptCounts, ...]
    notes: tuple[str, ...]


def has_data(strategy: StrategyCounts) -> bool:
    """Say whether anything is left of a strategy after preparation."""
    return _prepared(strategy).n > 0


def measured(strategy: StrategyCounts, *, target: float, alpha: float) -> Measured:
    """Prepare a strategy's counts and bound its rate at *alpha* a side."""
    counts = _prepared(strategy)
    return Measured(
        strategy=strategy,
        unhandled=rate_of(counts.k, counts.n, target=target, alpha=alpha),
        calls=counts.calls,
        failed_calls=counts.failed_calls,
        failure_kinds=counts.failure_kinds,
        attempts=counts.attempts,
        retries=retry_hazards(counts.attempts) if counts.attempts else None,
        e_ok=e_value(counts.k, counts.n, target, side="ok"),
        e_bad=e_value(counts.k, counts.n, target, side="bad"),
        notes=counts.notes,
    )


def rate_of(k: float, n: int, *, target: float, alpha: float) -> UnhandledRate:
    """Bound a rate at *alpha* a side and compare it with the target."""
    found = bounds(k, n, alpha=alpha)
    if n == 0:
        return UnhandledRate(n, k, None, found.lower, found.upper, "no_data")
    return UnhandledRate(n, k, k / n, found.lower, found.upper, _state(found.lower, found.upper, target))


def _state(lower: float, upper: float, target: float) -> str:
    if upper <= target:
        return "pass"
    return "fail" if lower > target else "inconclusive"


def as_figures(rate: UnhandledRate) -> dict[str, Any]:
    """Give a rate as plain JSON; its bounds are null without data."""
    known = rate.rate is not None
    return {
        "n": rate.n,
        "k": rate.k,
        "rate": rate.rate,
        "lower": rate.lower if known else None,
        "upper": rate.upper if known else None,
        "state": rate.state,
    }


def _prepared(strategy: StrategyCounts) -> _Counts:
    name, notes = strategy.id, []
    n, k, attempts, kinds = strategy.n, strategy.k_final, strategy.attempts, dict(strategy.failure_kinds)
    if strategy.drift:
        n, k, attempts = strategy.drift.post_n, strategy.drift.post_k, strategy.drift.post_attempts
        notes.append(
            f"{name}: drift alarm at call {strategy.drift.alarm_at}, only the {n} calls after it count"
        )
        if sum(kinds.values()) > k:
            kinds = {}
            notes.append(f"{name}: the failure kinds include calls before the alarm and are not used")
    transport = kinds.pop("transport", 0)
    if transport:
        n, k = n - transport, k - transport
        notes.append(f"{name}: {transport} transport failures are no failures of format and left out")
    unknown = k - sum(kinds.values())
    if unknown and k:
        notes.append(f"{name}: the kind of {unknown} of {k} unhandled calls is not recorded")
    if not strategy.clusters:
        return _Counts(n, k, n, k, kinds, attempts, tuple(notes))
    inputs = sum(cluster.inputs for cluster in strategy.clusters)
    if inputs < n:
        notes.append(f"{name}: {n} calls of {inputs} distinct inputs count as {inputs}")
    means = fsum(cluster.inputs * cluster.k / cluster.n for cluster in strategy.clusters)
    return _Counts(inputs, means, n, k, kinds, attempts, tuple(notes))
