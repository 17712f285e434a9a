# SPDX-License-Identifier: Apache-2.0
"""The number of calls a month, read from the latest days that have one volume.

Rules: A day has 24 hours, and the last one ends with the last call. Only whole days count. If there are two whole weeks,
only whole weeks count. Earlier days do not count if their volume was another one. A sample is divided by its share.
"""

from __future__ import annotations

from itertools import accumulate
from math import fsum, log
from typing import TYPE_CHECKING, NamedTuple

from schema_guard.configuration.recorded_settings import again_of, traffic_of
from schema_guard.decide.recorded.configurations import last_call
from schema_guard.records.rows import CONFIGURATION_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schema_guard.records import ConfigurationCounts, HourCounts

_HOUR_S = 3_600
_DAY_S = 24 * _HOUR_S
_DAYS_A_MONTH = 365.25 / 12
# A volume is read from the days of a year at most.
_MOST_DAYS = 366
_WEEK = 7
# Days on each side of a split, and the ratio of the means that makes it one.
_LEAST_SIDE, _RATIO = 3, 2
# Log likelihood ratio that a few quiet days of few calls do not reach.
_PROVED = 5.0

_SETTINGS = CONFIGURATION_COLUMNS.index("settings")


class Volume(NamedTuple):
    """The number of a function's calls.

    Attributes:
        per_month: Calls a month.
        days: Days from which the number is computed.
        calls: Recorded calls of these days.
    """

    per_month: float
    days: float
    calls: int


def volume_of(rows: Sequence[ConfigurationCounts], hours: Sequence[HourCounts]) -> Volume | None:
    """Return the volume of a function. None if its calls span under an hour, or are an unknown part of the traffic.

    Args:
        rows: Rows of the function's configurations.
        hours: Their calls by the hour, in the order of time.
    """
    drawn = {row.configuration: _drawn(row) for row in rows}
    known = [
        (hour.at, hour.calls + hour.transport, share)
        for hour in hours
        if (share := drawn.get(hour.configuration)) and again_of(str(hour.configuration[_SETTINGS])) is None
    ]
    first = min((row.first_started_at for row in rows if row.first_started_at is not None), default=None)
    last = max(map(last_call, rows))
    if not known or first is None or last - first < _HOUR_S:
        return None
    days = min(int((last - first) // _DAY_S), _MOST_DAYS)
    calls, weights = [0.0] * days, [0.0] * days
    for at, count, share in known:
        for back, part in _days_of(max(at, first), min(at + _HOUR_S, last), last):
            if back < days:
                calls[-1 - back] += part * count
                weights[-1 - back] += part * count / share
    latest = latest_days(weights)
    if latest:
        return Volume(
            fsum(latest) / len(latest) * _DAYS_A_MONTH, len(latest), round(fsum(calls[-len(latest) :]))
        )
    span = (last - first) / _DAY_S
    total = fsum(count / share for _, count, share in known)
    return Volume(total / span * _DAYS_A_MONTH, span, sum(count for _, count, _ in known))


def _days_of(begin: float, end: float, last: float) -> list[tuple[int, float]]:
    """Return how many days before the last one the calls of an hour are, and which part of them; they are spread evenly."""
    older, newer = int((last - begin) // _DAY_S), int((last - end) // _DAY_S)
    if end <= begin or older == newer:
        return [(newer, 1.0)]
    part = (end - (last - older * _DAY_S)) / (end - begin)
    return [(older, 1 - part), (newer, part)]


def latest_days(days: Sequence[float]) -> Sequence[float]:
    """Return the calls of the latest days that have one volume; of two weeks or more, those of whole weeks.

    >>> latest_days([1] * 30 + [100, 120, 90, 100])
    [100, 120, 90, 100]
    """
    while (at := _split(days)) is not None:
        days = days[at:]
    return days[len(days) % _WEEK :] if len(days) >= 2 * _WEEK else days


def _split(days: Sequence[float]) -> int | None:
    """Return the day at which the volume most likely changed. None if it has not."""
    sums = [0.0, *accumulate(days)]
    best, found = _PROVED, None
    for at in range(_LEAST_SIDE, len(days) - _LEAST_SIDE + 1):
        low, high = sorted((sums[end] - sums[begin]) / (end - begin) for begin, end in _sides(at, len(days)))
        gain = _likelihood(sums[at], at) + _likelihood(sums[-1] - sums[at], len(days) - at)
        gain -= _likelihood(sums[-1], len(days))
        if high > _RATIO * low and gain > best:
            best, found = gain, at
    return found


def _sides(at: int, n: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return the days before and after a day that are compared. Less than a week is compared with the same days of another week."""
    if n >= 2 * _WEEK and n - at < _WEEK:
        return (at - _WEEK, n - _WEEK), (at, n)
    if n >= 2 * _WEEK and at < _WEEK:
        return (0, at), (_WEEK, _WEEK + at)
    return (0, at), (at, n)


def _likelihood(calls: float, days: int) -> float:
    return calls * log(calls / days) if calls else 0.0


def _drawn(row: ConfigurationCounts) -> float | None:
    """Return the share of the traffic's calls that were recorded. None if unknown."""
    traffic = traffic_of(row.settings)
    return 1.0 if traffic is None else traffic.drawn
