# SPDX-License-Identifier: Apache-2.0
"""Rates from counts: the evidence that remains after preparation, with bounds and states.

Rules: Transport failures say nothing about the format, so they are removed from the counts. In production, every call
counts as it comes. Otherwise, an input that repeats counts once, as the mean of its calls. After a change, only the
calls after its detection count. If failures come in bursts, which are no changes, all calls count, with bounds that
allow for bursts. If failures follow the week, only the calls of whole weeks count. Each state is derived from its own
bounds, so the two can't disagree.
"""

from __future__ import annotations

from bisect import bisect_left
from math import ceil, fsum, inf
from typing import TYPE_CHECKING, Any, NamedTuple

from schema_guard.decide.evidence.values import KINDS, AttemptCounts, Config, RightBound, StrategyCounts
from schema_guard.decide.failures import Failures
from schema_guard.decide.playbook import DECISION
from schema_guard.stats import Bounds, Bursts, Rate, bounds, e_value, retry_hazards
from schema_guard.text import plural

if TYPE_CHECKING:
    from schema_guard.decide.evidence.changes import Counted
    from schema_guard.decide.evidence.values import ContentEvidence

# One of 20 calls may be slower than the required 95th percentile.
_SLOWER = 0.05

# "Enough" allows for bursts of a mean length B only after this many times B / target calls, in all and after an outage.
# With fewer calls, a history of clean calls says too little about bursts that haven't occurred yet.
_CALLS_FOR_BURSTS = 1.75
_CALLS_AFTER_OUTAGE = 3.0

# Doublings of n before a forecast gives up: 2^40 times the calls at hand.
_MOST_DOUBLINGS = 40


class Met(NamedTuple):
    """The result for one requirement.

    Attributes:
        name: `format`, `right`, or `latency`.
        limit: The share that may miss the requirement.
        rate: The share that misses it. Without data if it was not measured.
        state: The result of `state_of` for this rate and limit.
    """

    name: str
    limit: float
    rate: Rate
    state: str


class ContentState(NamedTuple):
    """How many right values a decision model loses beside a prompt. Without the comparison, its format shows nothing.

    Attributes:
        state: `pass` if the loss is at most the margin, `fail` if it is larger, `no_data` without known answers, otherwise
            `inconclusive`.
        loss: Bounds of the share of inputs with fewer right values, less the share with more; None without known answers.
    """

    state: str
    loss: Bounds | None = None


UNRATED = "unrated"
"""The state of imported calls that were selected by their results, or in an unknown way."""


class PreparedCounts:
    """The counts of a strategy that show a rate of the traffic.

    Attributes:
        strategy: The counts before preparation.
        n: Calls, or inputs if inputs repeat.
        count: Failed calls, or a sum of shares if inputs repeat.
        calls: Calls behind *n*: more than n if inputs repeat.
        failed_calls: Calls behind *count*.
        failure_kinds: The failed calls by kind. Empty if not recorded.
        attempts: The attempts of these calls. Empty if not recorded.
        notes: The counts that were left out, in words.
    """

    def __init__(self, strategy: StrategyCounts) -> None:
        self.strategy, name = strategy, strategy.id
        n, failed, self.attempts, notes = _counted(strategy)
        kinds = {kind: strategy.failure_kinds[kind] for kind in KINDS if kind in strategy.failure_kinds}
        if sum(kinds.values()) > failed:
            kinds = {}
            notes.append(
                f"{name}: the verdict ignores the failure kinds, because they include calls before the alarm"
            )
        transport = kinds.pop("transport", 0)
        if transport:
            n, failed = n - transport, failed - transport
            notes.append(
                f"{name}: {transport} transport failures are not counted, because they say nothing about the format"
            )
        unknown = failed - sum(kinds.values())
        if unknown and failed:
            notes.append(
                f"{name}: {unknown} of {plural(failed, 'failed call')} {'has' if unknown == 1 else 'have'} no recorded failure kind"
            )
        self.n: int = n
        self.count: float = failed
        self.calls, self.failed_calls, self.failure_kinds, self.notes = n, failed, kinds, notes
        if strategy.clusters and strategy.traffic_share is None:
            self.n = sum(cluster.inputs for cluster in strategy.clusters)
            self.count = fsum(one.inputs * one.failed / one.n for one in strategy.clusters)
            if self.n < n:
                notes.append(f"{name}: {n} calls with {self.n} distinct inputs count as {self.n} calls")


class Measured(PreparedCounts):
    """A strategy after preparation, with its rates.

    Attributes:
        failed: Its failure rate, in inputs if inputs repeat.
        state: The result for all requirements: `fail` if one is missed, `pass` if all are met, `no_data` without calls,
            `UNRATED` if the calls show no rate, otherwise `inconclusive`.
        met: The result for each requirement, the format first.
        inputs: The rate of inputs that come for the first time. None if unknown.
        calls_for_bursts: Further calls before "enough" allows for bursts of the required length; 0 if it does.
        retries: The effect of retries. None if attempts are not recorded.
        e_ok: Evidence that the rate is below the target, as odds. None if failures come in bursts.
        e_bad: Evidence that the rate is above the target. None as for `e_ok`.
        content: Its values, compared with those of a prompt. None for models that aren't decision models, and if a
            share of right values is required.
    """

    def __init__(self, strategy: StrategyCounts, *, config: Config, alpha: float) -> None:
        """Prepare a strategy's counts and bound its rates.

        To pass, every upper bound must be low enough, so each has *alpha*. To fail, one lower bound is enough, so they
        share it.
        """
        super().__init__(strategy)
        limits = _limits_beside(config)
        alpha_lower = alpha / (1 + len(limits))
        self.failed = rate = self._rate(alpha, alpha_lower)
        self.calls_for_bursts = _calls_for_bursts(strategy, config)
        state = state_of(rate, config.target)
        is_young = strategy.weekly is not None and strategy.weekly.is_young and rate.n > 0
        waits = state == "pass" and self.calls_for_bursts
        self.met = (
            Met("format", config.target, rate, "inconclusive" if is_young or waits else state),
            *(_met(name, limit, strategy, alpha, alpha_lower) for name, limit in limits.items()),
        )
        self.content = _content(strategy, config, alpha)
        self.state = _with_content(state_of_all(self.met), self.content) if strategy.is_rated else UNRATED
        shares = strategy.inputs
        self.inputs = None if shares is None else Rate.of(shares.missed, shares.n, alpha=alpha)
        self.retries = retry_hazards(self.attempts) if self.attempts else None
        self.e_ok: float | None = None
        self.e_bad: float | None = None
        if strategy.bursts is None:
            self.e_ok = e_value(self.count, self.n, config.target, side="ok")
            self.e_bad = e_value(self.count, self.n, config.target, side="bad")

    def _rate(self, alpha: float, alpha_lower: float) -> Rate:
        bursts = self.strategy.bursts
        if bursts is None or not self.n:
            return Rate.of(self.count, self.n, alpha=alpha, alpha_lower=alpha_lower)
        estimate = Bursts(*bursts, e_value=inf)
        lower, upper = estimate.bounds(alpha=alpha_lower).lower, estimate.bounds(alpha=alpha).upper
        rate = self.count / self.n
        return Rate(self.count, self.n, rate, min(lower, rate), max(upper, rate))

    @property
    def point(self) -> float:
        """The failure rate. Requires data."""
        assert self.failed.rate is not None
        return self.failed.rate

    @property
    def mean_attempts(self) -> float:
        """Attempts per call; 1 if they are not recorded."""
        mean = self.retries.mean_attempts if self.retries else None
        return 1.0 if mean is None else mean

    @property
    def calls_per_unit(self) -> float:
        """Calls that bring one more distinct input; 1 if inputs don't repeat."""
        return self.calls / self.failed.n if self.failed.n else 1.0

    @property
    def burst_margin(self) -> float | None:
        """Approximate mean burst length that "enough" allows for: target / upper. None if unproved, and for trials."""
        if self.state != "pass" or self.strategy.traffic_share is None or not self.failed.bounds.upper:
            return None
        return self.met[0].limit / self.failed.bounds.upper

    @property
    def is_rated(self) -> bool:
        """Whether there is data that shows a rate of the traffic."""
        return self.strategy.is_rated and self.failed.n > 0

    @property
    def failures(self) -> Failures:
        """The failed calls by kind and code."""
        hazards = self.retries.hazards if self.retries else ()
        codes = (self.strategy.failure_codes or {}) if self.failure_kinds else {}
        again = hazards[1] if len(hazards) > 1 else None
        return Failures(self.failed_calls, self.failure_kinds, codes, again)

    @property
    def misses_any(self) -> bool:
        """Whether there is anything to fix."""
        return self.failed_calls > 0 or any(met.state == "fail" for met in self.met)

    def missed(self, name: str) -> bool:
        """Return whether a requirement is proved to be missed."""
        return any(met.name == name and met.state == "fail" for met in self.met)

    def in_unit(self, calls: float) -> float:
        """Return a number of the failed calls in the unit of the rate."""
        if self.failed.count == self.failed_calls:
            return calls
        return calls * self.failed.count / self.failed_calls


def has_data(strategy: StrategyCounts) -> bool:
    """Return whether a strategy has data after preparation that shows a rate of the traffic."""
    return strategy.is_rated and PreparedCounts(strategy).n > 0


def _limits_beside(config: Config) -> dict[str, float]:
    """Return the share that may miss each requirement except the format."""
    limits = {} if config.right is None else {"right": 1 - config.right}
    return limits if config.latency_p95_s is None else {**limits, "latency": _SLOWER}


def _content(strategy: StrategyCounts, config: Config, alpha: float) -> ContentState | None:
    if strategy.step != DECISION or config.right is not None:
        return None
    counts = strategy.content
    if counts is None or not counts.n:
        return ContentState("no_data")
    loss = loss_of(counts.worse, counts.better, counts.n, alpha / counts.compared)
    if loss.upper <= config.content_margin:
        return ContentState("pass", loss)
    return ContentState("fail" if loss.lower > config.content_margin else "inconclusive", loss)


def _with_content(state: str, content: ContentState | None) -> str:
    """Return a state that a decision model's format alone cannot pass."""
    if content is None or state in ("no_data", "fail"):
        return state
    if "fail" in (state, content.state):
        return "fail"
    return state if content.state == "pass" else "inconclusive"


def loss_of(worse: float, better: float, n: int, alpha: float) -> Bounds:
    """Return the bounds of worse/n - better/n. For a forecast, the counts may be fractional."""
    lost, won = bounds(worse, n, alpha=alpha / 4), bounds(better, n, alpha=alpha / 4)
    return Bounds(lost.lower - won.upper, lost.upper - won.lower)


def pairs_needed(content: ContentEvidence, alpha: float, margin: float) -> int | None:
    """Return a forecast of the further answers that decide if the loss exceeds the margin, at the observed rates."""
    n, alpha = content.n, alpha / content.compared
    if n == 0:
        return None

    def decided(more: int) -> bool:
        grown = (n + more) / n
        worse = min(content.worse * grown, n + more)
        loss = loss_of(worse, min(content.better * grown, n + more), n + more, alpha)
        return loss.lower > margin or loss.upper <= margin

    high = next((n << step for step in range(_MOST_DOUBLINGS) if decided(n << step)), None)
    if high is None:
        return None
    low = 0 if high == n else high // 2
    return low + 1 + bisect_left(range(low + 1, high), True, key=decided)


def _met(name: str, limit: float, strategy: StrategyCounts, alpha: float, alpha_lower: float) -> Met:
    counted: Counted | None = getattr(strategy, name)
    n, missed = counted or (0, 0)
    rate = Rate.of(missed, n, alpha=alpha, alpha_lower=alpha_lower)
    if name == "right" and counted is None and strategy.right_bound is not None:
        rate = rate_of_labels(strategy.right_bound, alpha_lower)
    return Met(name, limit, rate, state_of(rate, limit))


def wrong_values(strategy: StrategyCounts, alpha: float, alpha_of_labels: float) -> Rate | None:
    """Return the rate of wrong values among valid ones. None if no right answer is known."""
    right, bound = strategy.right, strategy.right_bound
    if right is not None and right.n:
        return Rate.of(right.missed, right.n, alpha=alpha)
    return rate_of_labels(bound, alpha_of_labels) if bound and bound.blocks > bound.skipped else None


def rate_of_labels(bound: RightBound, alpha: float) -> Rate:
    """Return the share of wrong values as a rate. Bounds with a larger alpha than needed prove nothing."""
    lower, upper = (bound.lower, bound.upper) if bound.alpha <= alpha * (1 + 1e-9) else (0.0, 1.0)
    if not (n := bound.blocks - bound.skipped):
        return Rate(0, 0, None, None, None)
    wrong = n * (bound.lower + bound.upper) / 2 if bound.wrong is None else bound.wrong
    return Rate(wrong, n, wrong / n, lower, upper)


def state_of_all(met: tuple[Met, ...]) -> str:
    """Return the state for all requirements together, as `state_of` does for one."""
    states = [one.state for one in met]
    if states[0] == "no_data":
        return "no_data"
    if "fail" in states:
        return "fail"
    return "pass" if set(states) == {"pass"} else "inconclusive"


def _calls_for_bursts(strategy: StrategyCounts, config: Config) -> int:
    """Return the further production calls before "enough" allows for bursts of the required length."""
    history, length = strategy.history, config.burst_length
    if history is None or strategy.traffic_share is None or length <= 1:
        return 0
    unit = length / config.target
    missing = [ceil(_CALLS_FOR_BURSTS * unit) - history.calls]
    if history.outages:
        missing.append(ceil(_CALLS_AFTER_OUTAGE * unit) - history.since_outage)
    return max(0, *missing)


def state_of(rate: Rate, target: float) -> str:
    """Return the state that a rate's bounds prove.

    Returns:
        `pass` (upper <= target), `fail` (lower > target), `inconclusive`, or `no_data`.
    """
    if rate.n == 0:
        return "no_data"
    if rate.bounds.upper <= target:
        return "pass"
    return "fail" if rate.bounds.lower > target else "inconclusive"


def as_figures(rate: Rate, state: str) -> dict[str, Any]:
    """Return a rate and its state as plain JSON. Its bounds are null without data."""
    return {**rate_figures(rate), "state": state}


def rate_figures(rate: Rate) -> dict[str, Any]:
    """Return a rate as plain JSON. Its bounds are null without data."""
    return {"n": rate.n, "k": rate.count, "rate": rate.rate, "lower": rate.lower, "upper": rate.upper}


def _counted(strategy: StrategyCounts) -> tuple[int, int, tuple[AttemptCounts, ...], list[str]]:
    """Return the calls that count, the failed calls, their attempts, and notes on calls that don't count."""
    name, weekly, change = strategy.id, strategy.weekly, strategy.change
    if weekly and weekly.parts:
        weeks = f"so only the {weekly.n} calls of {plural(weekly.whole, 'whole week')} count"
        note = f"{name}: the failures have a weekly pattern, {f'and {weekly.young_text}' if weekly.is_young else weeks}"
        return weekly.n, weekly.k, (), [note]
    if change and not strategy.bursts:
        # The calls that raised the alarm were chosen for their failures.
        note = f"{name}: the verdict uses only the {change.n} calls after the {change.direction} in the failure rate"
        return change.n, change.k, (), [note]
    return strategy.n, strategy.failed, strategy.attempts, []
