# SPDX-License-Identifier: Apache-2.0
"""Detection of bursts of failures, and bounds of a failure rate that allow for bursts.

Rules: A burst begins with a failure and ends with `BURST_GAP` calls without one. Bounds for independent failures aren't
valid if failures come in bursts. The bounds in this module are valid if bursts begin and continue at constant rates.
"""

from __future__ import annotations

from bisect import bisect_right
from itertools import pairwise
from math import exp, inf, log, log1p
from typing import TYPE_CHECKING, NamedTuple

from schema_guard.errors import InvalidArgument
from schema_guard.stats.checks import fraction
from schema_guard.stats.rates import Bounds, bounds, upper_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

BURST_GAP = 16
"""Calls without a failure that end a burst."""

_AFTER = (1, 8, 64)
_RATES = (0.05, 0.1, 0.3, 0.6, 0.9)
_BETS = tuple((rate, log(rate), log1p(-rate)) for rate in _RATES)
_EVIDENCE_OF_BASELINE = -log(0.01)
# Largest forecast.
_MOST_CALLS = 2**40
# An outdated bound exceeds the current one by at most about this factor.
_OUT_OF_DATE = 1.05


class Bursts(NamedTuple):
    """The bursts of failed calls in a sequence of calls.

    Attributes:
        entries: Number of bursts.
        at_risk: Number of calls that could begin a burst: the calls not in any burst, and the first call of each burst.
        failures: Number of failed calls.
        calls: Number of calls.
        longest: Length of the longest burst in calls, from its first failure to its last.
        e_value: Evidence, as odds, that a call is more likely to fail soon after another failed call.
    """

    entries: int
    at_risk: int
    failures: int
    calls: int
    longest: int
    e_value: float

    def bounds(self, *, alpha: float = 0.05) -> Bounds:
        """Return bounds that are valid for the failure rate even if failures come in bursts.

        Each bound holds at all times with a probability of at least 1 - *alpha*.

        The method uses two rates. The first is the share of burst starts among the calls that could begin a burst. The
        second is the share of burst starts among the failed calls. `schema_guard.stats.bounds` returns bounds for each
        rate, with an error probability of alpha / 2.

        Raises:
            InvalidArgument: The value of *alpha* isn't between 0 and 1.
        """
        alpha = fraction("alpha", alpha)
        if not self.failures:
            return bounds(0, self.calls, alpha=alpha)
        begins = bounds(self.entries, self.at_risk, alpha=alpha / 2)
        share = bounds(self.entries, self.failures, alpha=alpha / 2)
        upper = begins.upper / (begins.upper + share.lower)
        return Bounds(self.at_risk / self.calls * begins.lower / share.upper, upper)

    def calls_needed(self, target: float, *, alpha: float = 0.05) -> int | None:
        """Return the approximate number of further calls that would decide whether the rate is below a target.

        The forecast assumes that further calls fail as often as the earlier calls, as in
        `schema_guard.stats.calls_needed`.

        Returns:
            The number of further calls. The result is None if there are no calls, or if the rate equals the target or
            is too near the target.
        """
        if not self.calls or self.failures == target * self.calls:
            return None
        is_below = self.failures < target * self.calls

        def decided(more: int) -> bool:
            grown = (self.calls + more) / self.calls
            later = self._replace(
                entries=round(self.entries * grown),
                at_risk=round(self.at_risk * grown),
                failures=round(self.failures * grown),
                calls=self.calls + more,
            )
            known = later.bounds(alpha=alpha)
            return known.upper <= target if is_below else known.lower > target

        low, high = -1, 1
        while not decided(high):
            low, high = high, 2 * high
            if high > _MOST_CALLS:
                return None
        while high - low > max(1, high // 1_000):
            middle = (low + high) // 2
            low, high = (low, middle) if decided(middle) else (middle, high)
        return high


def bursts_of(failed: Sequence[int], n: int, *, first: int = 1) -> Bursts:
    """Return the bursts of failed calls in the calls from number *first* to number *n*.

    The evidence comes from fifteen bets that calls fail more often soon after a failure than at other times. Each bet
    covers up to 1, 8, or 64 calls after a failure, and assumes one of five failure rates. The bet compares its rate
    with an upper bound for the failure rate of earlier calls. The mean of the likelihood ratios of these bets is an
    e-value. If calls fail independently at a constant rate, the e-value reaches 1/alpha with a probability of at most
    alpha + 0.01.

    Args:
        failed: Numbers of the failed calls in ascending order. The function ignores numbers outside the range from
            *first* to *n*.
        n: Number of the last call.
        first: Number of the first call.

    Raises:
        InvalidArgument: The value of *n* is below *first* - 1.

    Source: Ville (1939) for the inequality behind the guarantee. See Wald (1945), Annals of Mathematical Statistics
    16(2):117-186, for the likelihood ratios of the bets. See Vovk & Wang (2021), Annals of Statistics 49(3):1736-1754,
    for the mean of e-values.

    >>> bursts_of([10, 12, 13, 200], 1_000)
    Bursts(entries=2, at_risk=965, failures=4, calls=1000, longest=4, e_value=...)
    """
    if n < first - 1:
        raise InvalidArgument(
            f"n={n}: expected at least {first - 1}, because the count starts after call {first - 1}"
        )
    inside = [position for position in failed if first <= position <= n]
    entries = longest = covered = 0
    began = last = -inf
    for position in inside:
        if position - last > BURST_GAP:
            entries, began = entries + 1, position
        else:
            covered += int(position - last)
        longest = max(longest, int(position - began) + 1)
        last = position
    # Calls within the gap after a burst's last failure aren't at risk either.
    covered += _quiet_after(inside, n)
    calls = n - first + 1
    return Bursts(entries, calls - covered, len(inside), calls, longest, _e_value(inside, n, first))


def _quiet_after(failed: Sequence[int], n: int) -> int:
    """Return the number of calls within `BURST_GAP` after the last failure of each burst, summed over the bursts."""
    following = (*failed[1:], inf)[: len(failed)]
    return sum(
        int(min(BURST_GAP, n - position))
        for position, after in zip(failed, following, strict=True)
        if after - position > BURST_GAP
    )


def _e_value(failed: Sequence[int], n: int, first: int) -> float:
    """Return the evidence for calls that are likelier to fail after a failure."""
    logs = [[0.0] * len(_RATES) for _ in _AFTER]
    # Distance from each failure to the next. The last failure has none.
    gaps = [after - position for position, after in pairwise(failed)]
    last = n + 1 - failed[-1] if failed else 0
    for baseline, begin, end in _baselines(failed, first):
        if baseline >= _RATES[-1]:
            continue  # no bet is above it
        log_failed, log_clean = log(baseline), log1p(-baseline)
        some = gaps[begin:end]
        for window, sums in zip(_AFTER, logs, strict=True):
            within = [gap for gap in some if gap <= window]
            follows = len(within)
            clean = sum(within) - follows + (len(some) - follows) * window
            if end == len(failed):
                clean += min(window, last - 1)
            for index, (rate, log_rate, log_other) in enumerate(_BETS):
                if rate > baseline:
                    sums[index] += clean * (log_other - log_clean) + follows * (log_rate - log_failed)
    largest = max(max(sums) for sums in logs)
    if largest > 700:
        return inf
    return sum(exp(one) for sums in logs for one in sums) / (len(_AFTER) * len(_RATES))


def _baselines(failed: Sequence[int], first: int) -> Iterator[tuple[float, int, int]]:
    """Yield upper bounds of the rate of the calls so far, each with the range of failures to which it applies.

    An earlier bound stays valid, so a new one is computed only after the calls or the failures have grown by about 5%.
    """
    begin = 0
    while begin < len(failed):
        k, n = begin + 1, failed[begin] - first + 1
        end = min(int(k * _OUT_OF_DATE), bisect_right(failed, first - 1 + int(n * _OUT_OF_DATE)))
        yield upper_of(k, n, _EVIDENCE_OF_BASELINE), begin, end
        begin = end
