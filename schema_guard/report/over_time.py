# SPDX-License-Identifier: Apache-2.0
"""Rates over time: the failed share of each group of calls, by hour, day, or week.

Rules: All series of a report have the same step, so you can compare them. A step without a validated call has no point,
because missing data isn't a rate of 0. Times are UTC.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING

from schema_guard.stats import Rate

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

MOST_PLOTS = 12
"""Most groups that are drawn: the ones with the highest lower bounds."""

HOUR_S, DAY_S, WEEK_S = 3_600, 86_400, 604_800
_LONGEST_S = 4 * WEEK_S
_STEPS_S = (HOUR_S, 6 * HOUR_S, DAY_S, WEEK_S, _LONGEST_S)

# More points than this cannot be told apart on a phone.
_MOST_POINTS = 72

# The epoch began on a Thursday; weeks begin on Mondays.
_FIRST_MONDAY_S = 4 * DAY_S

_WORDS = {
    HOUR_S: "hour",
    6 * HOUR_S: "6 hours",
    DAY_S: "day",
    WEEK_S: "week",
    _LONGEST_S: "4 weeks",
}


@dataclass(frozen=True, slots=True)
class TimedCalls:
    """The calls of an hour, or of a longer step.

    Attributes:
        at: When the step began, in seconds since the epoch, UTC.
        count: Failed calls. In an hour, a call that the prompt saved counts as -1.
        n: Calls with at least one validated reply. In a series, never 0.
    """

    at: int
    count: int
    n: int

    @property
    def failed(self) -> Rate:
        """The rate with its bounds, which hold for this step alone."""
        return Rate.of(self.count, self.n)


@dataclass(frozen=True, slots=True)
class OverTime:
    """The failure rates of all groups over time.

    Attributes:
        step_s: Seconds from one point to the next.
        series: The points of each group that have calls, in the order of the groups and of time.
    """

    step_s: int
    series: tuple[tuple[TimedCalls, ...], ...]

    @property
    def step(self) -> str:
        """The step in words: `hour`, `6 hours`, `day`, `week`, `4 weeks` and so on."""
        return step_text(self.step_s)

    @property
    def span(self) -> tuple[int, int] | None:
        """The begin of the first step and the end of the last one. None without points."""
        starts = [point.at for points in self.series for point in points]
        return (min(starts), max(starts) + self.step_s) if starts else None


def over_time(groups: Sequence[Iterable[TimedCalls]]) -> OverTime:
    """Add up the hours of each group to the shortest step for which all points fit into a plot."""
    hours = [[hour for hour in group if hour.n or hour.count] for group in groups]
    step_s = _step_s([hour.at for group in hours for hour in group])
    return OverTime(step_s, tuple(joined(group, step_s) for group in hours))


def joined(several: Iterable[TimedCalls], step_s: int) -> tuple[TimedCalls, ...]:
    """Add up calls to longer steps, in the order of time."""
    sums: dict[int, tuple[int, int]] = {}
    for calls in several:
        at = begin_of(calls.at, step_s)
        count, n = sums.get(at, (0, 0))
        sums[at] = count + calls.count, n + calls.n
    # A call that was saved in a later step than it failed can make a count negative.
    return tuple(TimedCalls(at, max(count, 0), n) for at, (count, n) in sorted(sums.items()) if n)


def begin_of(at: int, step_s: int) -> int:
    """Return when the step of a time begins. Weeks begin on Mondays."""
    return (at - _FIRST_MONDAY_S) // step_s * step_s + _FIRST_MONDAY_S


def step_text(step_s: int) -> str:
    """Return a step in words: `hour`, `6 hours`, `day`, `week`, `4 weeks` and so on."""
    return _WORDS.get(step_s) or f"{step_s // WEEK_S} weeks"


def _step_s(hours: Sequence[int]) -> int:
    span_s = max(hours) - min(hours) + HOUR_S if hours else 0
    for step_s in _STEPS_S:
        # One more, because the first and the last step are seldom complete.
        if span_s <= step_s * (_MOST_POINTS - 1):
            return step_s
    return _LONGEST_S * ceil(span_s / (_LONGEST_S * (_MOST_POINTS - 1)))
