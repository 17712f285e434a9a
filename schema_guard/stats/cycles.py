# SPDX-License-Identifier: Apache-2.0
"""Does a failure rate follow the week? Find hours of the week that fail more, or less, than the other hours.

Rules: The input is the calls and the failed calls of each hour of the week, in complete weeks. At least two weeks
must show a pattern, so one outage is no pattern. The candidates are fixed. A pattern that is narrower than a
candidate is not found.
"""

from __future__ import annotations

from math import exp, fsum, log
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

HOURS = 168
"""Hours of a week; hour 0 begins on Monday at 0:00."""

WINDOWS = 4
"""Number of complete weeks that count: the latest ones."""

LEAST_WINDOWS = 2
"""Number of weeks that must show a pattern."""

_ENOUGH = 100.0
_ODDS = (2.0, 4.0, 8.0)
# There are 20 candidates in two directions. With this stake, about 1% of the streams with a constant rate show a pattern
# within eight weeks.
_STAKE = 0.2
_LARGEST_LOG = 700.0  # of a float
_DAYS = ("Mondays", "Tuesdays", "Wednesdays", "Thursdays", "Fridays", "Saturdays", "Sundays")
_WEEKEND = 5
_SPAN = 8

Direction: TypeAlias = Literal["more", "less"]


class WeekCounts(NamedTuple):
    """Counts of the calls in one complete week, grouped by the hour of the week in which each call began.

    Attributes:
        n: Number of calls in each hour of the week.
        k: Number of failed calls in each hour of the week.
    """

    n: tuple[int, ...]
    k: tuple[int, ...]


class Candidate(NamedTuple):
    """Hours of the week that are compared with the others."""

    name: str
    hours: frozenset[int]


class Split(NamedTuple):
    """A proof that the hours of a candidate fail at another rate than the others.

    Attributes:
        candidate: Name of the candidate.
        direction: Whether its hours fail more or less than the others.
        evidence: The evidence of each week, as odds.
        product: The product of the evidence of the two weeks with the most evidence.
    """

    candidate: str
    direction: Direction
    evidence: tuple[float, ...]
    product: float


class WeekPart(NamedTuple):
    """A set of hours of the week with its own failure rate.

    Attributes:
        name: Name of this set of hours, such as `weekends` or `the rest`.
        hours: Hours of the week, from 0 (the first hour of Monday) to 167, in ascending order.
        splits: The splits of the week that led to this set of hours, in order, with their evidence.
    """

    name: str
    hours: tuple[int, ...]
    splits: tuple[Split, ...]


def candidates() -> tuple[Candidate, ...]:
    """Return the weekend, the seven days, and the twelve spans of eight hours that begin at an even hour.

    >>> [one.name for one in candidates()][:2], len(candidates())
    (['weekends', 'Mondays'], 20)
    """
    return _CANDIDATES


def _candidates() -> Iterator[Candidate]:
    yield Candidate("weekends", frozenset(range(24 * _WEEKEND, HOURS)))
    for day, name in enumerate(_DAYS):
        yield Candidate(name, frozenset(range(24 * day, 24 * (day + 1))))
    for first in range(0, 24, 2):
        of_day = {(first + more) % 24 for more in range(_SPAN)}
        name = f"the hours from {first:02}:00 to {(first + _SPAN) % 24:02}:00"
        yield Candidate(name, frozenset(hour for hour in range(HOURS) if hour % 24 in of_day))


_CANDIDATES = tuple(_candidates())
_DIRECTIONS: tuple[Direction, Direction] = ("more", "less")
_EVERY_HOUR = frozenset(range(HOURS))


def week_parts(weeks: Sequence[WeekCounts]) -> tuple[WeekPart, ...]:
    """Return the sets of hours of the week that have provably different failure rates.

    The function first splits the week at the candidate with the largest product of evidence. The function then applies
    the same rule once to each of the two resulting sets of hours. If the evidence proves no split, the result is empty.

    Args:
        weeks: The counts of complete weeks, from the oldest week to the latest. The function uses only the latest four
            weeks (`WINDOWS`).

    Source: `week_evidence`. The function compares 20 candidate splits. A split needs two weeks that each have evidence
    of at least 1, with a product of at least 100. The script `benchmarks/cycle_simulation.py` justifies the size of the
    stake.
    """
    latest = tuple(weeks[-WINDOWS:])
    first = best_split(latest, _EVERY_HOUR)
    if first is None:
        return ()
    parts: list[WeekPart] = []
    for name, hours in _halves(first, _EVERY_HOUR, ""):
        second = best_split(latest, hours)
        if second is None:
            parts.append(WeekPart(name, tuple(sorted(hours)), (first,)))
            continue
        parts += [
            WeekPart(narrower, tuple(sorted(some)), (first, second))
            for narrower, some in _halves(second, hours, name)
        ]
    return tuple(parts)


def _halves(split: Split, hours: frozenset[int], within: str) -> tuple[tuple[str, frozenset[int]], ...]:
    own = hours & next(one.hours for one in _CANDIDATES if one.name == split.candidate)
    inside = f"{split.candidate} of {within}" if within else split.candidate
    outside = f"the rest of {within}" if within else "the rest"
    return (inside, own), (outside, hours - own)


def best_split(weeks: Sequence[WeekCounts], hours: frozenset[int]) -> Split | None:
    """Return the proved split of some hours that has the largest product; None if no split is proved."""
    totals = [_sums(week, hours) for week in weeks]
    if sum(k > 0 for _, k in totals) < LEAST_WINDOWS:
        return None
    found: list[Split] = []
    for candidate in _CANDIDATES:
        inside = hours & candidate.hours
        if inside and inside != hours:
            counts = [_sums(week, inside) for week in weeks]
            found += _proved(candidate.name, counts, totals)
    return max(found, key=lambda split: split.product, default=None)


def _proved(
    name: str, counts: Sequence[tuple[int, int]], totals: Sequence[tuple[int, int]]
) -> Iterator[Split]:
    for direction in _DIRECTIONS:
        evidence = tuple(
            week_evidence(k, n, all_k, all_n, direction)
            for (n, k), (all_n, all_k) in zip(counts, totals, strict=True)
        )
        shows = sorted(one for one in evidence if one >= 1)[-LEAST_WINDOWS:]
        product = exp(min(fsum(map(log, shows)), _LARGEST_LOG))
        if len(shows) >= LEAST_WINDOWS and product >= _ENOUGH:
            yield Split(name, direction, evidence, product)


def week_evidence(k: int, n: int, all_k: int, all_n: int, direction: Direction) -> float:
    """Return the evidence of one week that some hours fail more, or less, than the others, as odds.

    If all calls fail at one rate, the failures of a week are spread over its calls at random. Then the mean of the
    result is at most 0.2. So one week has little evidence by chance, also in the best of 20 candidates.

    Args:
        k: Failed calls of these hours.
        n: Calls of these hours.
        all_k: Failed calls of the week.
        all_n: Calls of the week.
        direction: Whether these hours fail more or less than the others.

    Source: Hoeffding (1963), Probability inequalities for sums of bounded random variables, JASA 58:13-30, theorem 4.
    The mean of a convex function of a sample without replacement is at most that with replacement. With replacement,
    the mean of each likelihood ratio is 1. `log_e_value`, halved, was measured too. It showed a pattern in 2.3, 2.0,
    2.0, and 0.0% of 300 streams with constant rates, and this one in 0.3, 1.0, 0.7, and 0.0%
    (`benchmarks/cycle_simulation.py`).

    >>> round(week_evidence(24, 800, 30, 2_800, "more"))
    1691109
    """
    if not 0 < n < all_n:
        return 0.0
    share = n / all_n
    odds = _ODDS if direction == "more" else tuple(1 / one for one in _ODDS)
    each = [k * log(one) - all_k * log(1 - share + one * share) for one in odds]
    return _STAKE * fsum(exp(min(one, _LARGEST_LOG)) for one in each) / len(odds)


def _sums(week: WeekCounts, hours: frozenset[int]) -> tuple[int, int]:
    return sum(week.n[hour] for hour in hours), sum(week.k[hour] for hour in hours)
