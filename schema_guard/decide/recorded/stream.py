# SPDX-License-Identifier: Apache-2.0
"""The calls of a function in one order, over its versions, snapshots and segments: when did their rate change?

Rules: each configuration has its calls in the order in which they were stored, and is counted by the hour. Within an hour
they are taken to have come evenly, from its first call of all or the beginning of the hour to its last call of all or the
end of the hour, whatever came of them: so calls that fail at a constant rate do so in this order too.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from schema_guard.stats import Change, bursts_of, changes, unpacked

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from schema_guard.records import ConfigurationCounts, HourCounts
    from schema_guard.records.rows import Row
    from schema_guard.stats import Bursts


class CallsInOrder(NamedTuple):
    """Calls in one order.

    Attributes:
        failed: Numbers of those without a valid attempt; the first call is 1.
        n: All of them.
        hours: Number of the last call of each hour, and when it began, in seconds since the epoch.
        changes: When their rate changed.
    """

    failed: tuple[int, ...]
    n: int
    hours: tuple[tuple[int, int], ...]
    changes: tuple[Change, ...]

    def at(self, number: int) -> int | None:
        """Give when the hour of a call began; None when it is not known."""
        index = bisect_left(self.hours, (number, 0))
        return self.hours[min(index, len(self.hours) - 1)][1] if self.hours else None

    def failed_from(self, number: int) -> int:
        """Count the calls from one on that have no valid attempt."""
        return len(self.failed) - bisect_left(self.failed, number)

    def bursts(self, first: int) -> Bursts:
        """Give the bursts in which the calls from one on failed."""
        return bursts_of(self.failed, self.n, first=first)

    @property
    def outages(self) -> list[int]:
        """The number of the first call after each rise that fell again."""
        return [
            fall.start
            for rise, fall in zip(self.changes, self.changes[1:], strict=False)
            if (rise.direction, fall.direction) == ("rise", "fall")
        ]


def stream_of(rows: Sequence[ConfigurationCounts], hours: Iterable[HourCounts]) -> CallsInOrder:
    """Put the calls of several configurations into one order.

    Args:
        rows: Those of one function, strategy and model.
        hours: Of these and of others.
    """
    known = {row.configuration: row for row in rows}
    marks = {key: unpacked(row.outcomes, row.calls) for key, row in known.items()}
    by_hour: dict[int, dict[Row, int]] = defaultdict(dict)
    for hour in hours:
        if hour.configuration in known and hour.calls:
            by_hour[hour.at][hour.configuration] = hour.calls
    taken = dict.fromkeys(known, 0)
    failed: list[int] = []
    ends: list[tuple[int, int]] = []
    n = 0
    for at, calls in sorted(by_hour.items()):
        some = []
        for place, (key, row) in enumerate(known.items()):
            # Of calls that are deleted, or whose hour nobody knows, no more than there are.
            count = min(calls.get(key, 0), row.calls - taken[key])
            if count:
                first, last = _within(row, at)
                some.append(_Some(place, count, first, last, _next(marks[key], taken[key], count)))
                taken[key] += count
        failed += _merged(some, n)
        n += sum(one.calls for one in some)
        ends.append((n, at))
    for place, (key, row) in enumerate(known.items()):  # whose start is unknown
        rest = row.calls - taken[key]
        failed += _merged([_Some(place, rest, 0, 0, _next(marks[key], taken[key], rest))], n)
        n += rest
    return CallsInOrder(tuple(failed), n, tuple(ends), tuple(changes(failed, n)))


class _Some(NamedTuple):
    """Calls of one configuration in one hour.

    Attributes:
        place: Of the configuration: of calls at one moment those of the earlier one come first.
        calls: How many.
        first: When the first of them can have begun, in microseconds.
        last: When the last of them can have begun.
        failed: Which of them have no valid attempt; the first is 0.
    """

    place: int
    calls: int
    first: int
    last: int
    failed: list[int]


def _within(row: ConfigurationCounts, hour: int) -> tuple[int, int]:
    """Give the part of an hour in which a configuration can have been called, in microseconds."""
    begins, ends = hour * 10**6, (hour + 3_600) * 10**6
    first, last = (
        begins if at is None else round(at * 10**6) for at in (row.first_started_at, row.last_started_at)
    )
    return min(max(first, begins), ends), max(min(last, ends), begins)


def _next(marks: list[int], taken: int, count: int) -> list[int]:
    """Give which of a configuration's next calls failed."""
    first, last = bisect_left(marks, taken + 1), bisect_left(marks, taken + count + 1)
    return [mark - taken - 1 for mark in marks[first:last]]


def _merged(some: list[_Some], before: int) -> list[int]:
    """Give the numbers of the failed ones of calls that come in one hour, after so many calls."""
    if len(some) == 1:
        return [before + index + 1 for index in some[0].failed]
    return sorted(
        before + index + 1 + sum(_earlier(one, index, other) for other in some if other is not one)
        for one in some
        for index in one.failed
    )


def _earlier(one: _Some, index: int, other: _Some) -> int:
    """Count the calls of another configuration that come before a call.

    The call with an index of *calls* comes at first + (index + 1/2) (last - first) / count: all in whole numbers.
    """
    twice = 2 * one.calls
    at = one.first * twice + (2 * index + 1) * (one.last - one.first)  # times twice
    width, is_first = other.last - other.first, other.place < one.place
    if width <= 0:
        begins = other.first * twice
        return other.calls if begins < at or (begins == at and is_first) else 0
    # (2 j + 1) width / (2 other.calls) < at / twice - other.first, for how many j
    bottom = 2 * width * one.calls
    top = other.calls * (at - other.first * twice) - width * one.calls
    earlier = top // bottom + 1 if is_first else -(-top // bottom)
    return min(max(earlier, 0), other.calls)
