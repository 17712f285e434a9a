# SPDX-License-Identifier: Apache-2.0
"""The calls of a function in one order, over its versions, snapshots, and segments, and the changes of their rate.

Rules: Each configuration has its calls in the order of its `outcomes`, counted by the hour. Within an hour, its calls
are assumed to be evenly spread. They begin with its first call ever or the start of the hour. They end with its last
call ever or the end of the hour. The result of a call doesn't matter, so calls that fail at a constant rate do so in
this order too.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from itertools import count, pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

from schema_guard.decide.evidence.changes import PartOfWeekCounts
from schema_guard.decide.evidence.reading import to_json
from schema_guard.decide.recorded.weeks import Calendar, PartOfWeek, Weeks
from schema_guard.stats import Bursts, Change, bursts_of, changes, growing_since, unpacked
from schema_guard.stats.cycles import LEAST_WINDOWS

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Sequence

    from schema_guard.records import ConfigurationCounts, HourCounts
    from schema_guard.records.rows import Row


class CallsInOrder(NamedTuple):
    """Calls in one order.

    Attributes:
        failed: Numbers of the calls without a valid attempt. The first call is 1.
        n: Number of calls.
        hours: Number of the last call of each hour, and the start of the hour in seconds since the epoch.
        changes: The changes of their rate.
        parts: Calls of each configuration in each hour, and the number of earlier calls. Empty for calls of one
            configuration.
        weeks: The weeks, and the parts of the week that fail at different rates. None if the weeks are unknown.
        growing: The call since which the rate may have been growing. None if it jumped, did not rise, or has a weekly
            pattern.
    """

    failed: tuple[int, ...]
    n: int
    hours: tuple[tuple[int, int], ...]
    changes: tuple[Change, ...]
    parts: tuple[tuple[int, tuple[_Some, ...]], ...] = ()
    weeks: Weeks | None = None
    growing: int | None = None

    def at(self, number: int) -> int | None:
        """Return the start of the hour of a call. None if unknown."""
        index = bisect_left(self.hours, (number, 0))
        return self.hours[min(index, len(self.hours) - 1)][1] if self.hours else None

    def part(self, configurations: Container[Row]) -> PartOfCalls:
        """Return the calls of some of the configurations, or all calls if there is only one."""
        if not self.parts:
            return PartOfCalls(self.failed, self.n, ())
        failed: list[int] = []
        shares: list[_Share] = []
        n = 0
        for before, some in self.parts:
            own = [one for one in some if one.configuration in configurations]
            if own:
                shares.append(_Share(before, n, some, tuple(own)))
                failed += _merged(own, n)
                n += sum(one.calls for one in own)
        return PartOfCalls(tuple(failed), n, tuple(shares))

    @property
    def series(self) -> list[tuple[Change, ...]]:
        """The changes of each part of the week. Without a weekly pattern, all changes."""
        parts = self.weeks.parts if self.weeks else ()
        return [part.changes for part in parts] or [self.changes]

    @property
    def outages(self) -> list[int]:
        """The number of the first call after each rise that fell again."""
        return sorted(
            fall.start
            for series in self.series
            for rise, fall in pairwise(series)
            if (rise.direction, fall.direction) == ("rise", "fall")
        )

    def spans(self, change: Change) -> Sequence[tuple[int, int]]:
        """Return the first and last numbers of the calls among which a change was detected."""
        part = self.weeks.part_of(change) if self.weeks else None
        return ((1, self.n),) if part is None else part.spans

    def is_open(self, change: Change) -> bool:
        """Return whether a rate has not changed again since a change."""
        return any(change == series[-1] for series in self.series if series)

    def whole_weeks(self, own: PartOfCalls) -> range:
        """Return the complete weeks that count, which are all weeks since the last change in any part of the week."""
        weeks = self.weeks
        assert weeks is not None
        first = bisect_left(weeks.starts, self.begin_of(own))
        if first >= weeks.complete:
            return range(weeks.complete, weeks.complete)
        # If several weeks begin with the same call, all but the last one are empty.
        return range(min(bisect_right(weeks.starts, weeks.starts[first]) - 1, weeks.complete), weeks.complete)

    def begin_of(self, own: PartOfCalls) -> int:
        """Return the first call that can count: the first own one, or the one after the last change was detected."""
        return max(own.first, max((change.alarm_at + 1 for change in self.changes), default=1))

    def _part_of_week(self, begin: int) -> dict[str, Any]:
        """Return the first and last day of the calls from *begin* on, and the day on which a first whole week ends."""
        begins, ends, weeks = self.at(begin), self.at(self.n), self.weeks
        if begins is None or ends is None or weeks is None:
            return {}
        calendar = weeks.calendar
        week = next(week for week in count() if calendar.start(week) >= begins)
        return {
            "days": [calendar.day(begins), calendar.day(ends)],
            "whole_on": calendar.day(calendar.start(week + 1)),
        }

    def weekly_evidence(self, own: PartOfCalls) -> dict[str, Any] | None:
        """Return the `weekly` of evidence: the counts behind the search for a weekly pattern, and the pattern.

        Args:
            own: The calls of one configuration among them.
        """
        weeks = self.weeks
        if weeks is None or weeks.complete < LEAST_WINDOWS:
            return None
        calendar = weeks.calendar
        known: dict[str, Any] = {
            "zone": str(calendar.zone),
            "complete": weeks.complete,
            "weeks": [
                {
                    "begins": calendar.time(week.begins),
                    "n": " ".join(map(str, week.counts.n)),
                    "k": " ".join(map(str, week.counts.k)),
                }
                for week in weeks.weeks
            ],
        }
        if not weeks.parts:
            return known
        whole = self.whole_weeks(own)
        spans = [(weeks.starts[week], weeks.starts[week + 1] - 1) for week in whole]
        first, last = weeks.starts[whole.start], weeks.starts[-1] - 1
        if not whole:
            begin = self.begin_of(own)
            spans, known = [(begin, self.n)], known | self._part_of_week(begin)
        n, k = own.within(spans)
        return known | {
            "whole": len(whole),
            "n": n,
            "k": k,
            "parts": [_part_evidence(part, own, first, last) for part in weeks.parts],
        }

    def change_in_weeks(self, change: Change) -> dict[str, str]:
        """Return the weekly facts of a change.

        These are the part of the week that changed, the day from which a pattern can be proved, and the day since which
        the rate may have been growing.
        """
        weeks, known = self.weeks, dict[str, str]()
        if weeks is None:
            return known
        part = weeks.part_of(change)
        growing = self.growing if part is None else part.growing
        if part is not None:
            known["part"] = part.part.name
        if weeks.complete < LEAST_WINDOWS:
            known["pattern_from"] = weeks.calendar.day(weeks.calendar.start(LEAST_WINDOWS))
        began, at = self.at(change.start), None if growing is None else self.at(growing)
        at = at if self.is_open(change) else None
        if at is not None and began is not None and weeks.calendar.day(at) < weeks.calendar.day(began):
            hours = (hour for _, hour in self.hours if at <= hour <= began)
            pauses = (after - before for before, after in pairwise(hours))
            # Without calls in most of the time before the rise, nothing shows that the rate grew in that time.
            if 2 * max(pauses) <= began - at:
                known["growing_since"] = weeks.calendar.day(at)
        return known


class PartOfCalls(NamedTuple):
    """Some of the calls, in their own order.

    Attributes:
        failed: Numbers of those without a valid attempt. The first of these calls is 1.
        n: Number of these calls.
        shares: Their places among all calls. Empty if these are all calls.
    """

    failed: tuple[int, ...]
    n: int
    shares: tuple[_Share, ...]

    @property
    def first(self) -> int:
        """The number, among all calls, of the first of them; 1 if there is none."""
        if not self.shares:
            return 1
        share = self.shares[0]
        return share.before + min(_place(one, 0, share.some) for one in share.own)

    def count_before(self, number: int) -> int:
        """Count the calls of this part before a number among all calls."""
        if not self.shares:
            return min(max(number - 1, 0), self.n)
        index = bisect_left(self.shares, number, key=lambda share: share.before + 1) - 1
        return self.shares[index].own_before(number) if index >= 0 else 0

    def within(self, spans: Iterable[tuple[int, int]], number: int = 1) -> tuple[int, int]:
        """Count the calls of this part from *number* on, in spans of numbers among all calls, and the failed ones."""
        n = k = 0
        for first, last in spans:
            if last >= number:
                before, until = self.count_before(max(first, number)), self.count_before(last + 1)
                n += until - before
                k += bisect_left(self.failed, until + 1) - bisect_left(self.failed, before + 1)
        return n, k

    def bursts(self, number: int, last: int | None = None) -> Bursts:
        """Return the bursts of this part from a number among all calls on, regardless of other calls between them.

        Args:
            number: Number of the first call among all calls.
            last: Number of the last call among all calls. None for no end.
        """
        until, failed = self.n, self.failed
        if last is not None:
            until = self.count_before(last + 1)
            failed = failed[: bisect_left(failed, until + 1)]
        return bursts_of(failed, until, first=min(self.count_before(number), until) + 1)


class _Share(NamedTuple):
    """Calls of an hour, and the own calls among them.

    Attributes:
        before: Number of all calls before the hour.
        own_calls: Number of own calls before the hour.
        some: Calls of the hour.
        own: The own calls of the hour.
    """

    before: int
    own_calls: int
    some: tuple[_Some, ...]
    own: tuple[_Some, ...]

    def own_before(self, number: int) -> int:
        """Count the own calls up to this hour that come before a number among all calls."""
        return self.own_calls + sum(self._before(one, number) for one in self.own)

    def _before(self, one: _Some, number: int) -> int:
        def place(index: int) -> int:
            return self.before + _place(one, index, self.some)

        return bisect_left(range(one.calls), number, key=place)


def stream_of(
    rows: Sequence[ConfigurationCounts], hours: Iterable[HourCounts], calendar: Calendar | None = None
) -> CallsInOrder:
    """Put the calls of several configurations into one order.

    Args:
        rows: Configurations of one function, strategy, and model.
        hours: Calls by the hour of these and of other configurations.
        calendar: The weeks of the function. None means no search for a weekly pattern.
    """
    known = {row.configuration: row for row in rows}
    marks = {key: unpacked(row.outcomes, row.calls) for key, row in known.items()}
    by_hour: dict[int, dict[Row, int]] = defaultdict(dict)
    for hour in hours:
        if hour.configuration in known and hour.calls:
            by_hour[hour.at][hour.configuration] = hour.calls
    used = dict.fromkeys(known, 0)
    failed: list[int] = []
    ends: list[tuple[int, int]] = []
    parts: list[tuple[int, tuple[_Some, ...]]] = []
    n = 0
    for at, calls in sorted(by_hour.items()):
        some = []
        for place, (key, row) in enumerate(known.items()):
            # At most the existing calls, because some may be deleted or have an unknown hour.
            count = min(calls.get(key, 0), row.calls - used[key])
            if count:
                first, last = _within(row, at)
                some.append(_Some(key, place, count, first, last, _next(marks[key], used[key], count)))
                used[key] += count
        failed += _merged(some, n)
        parts.append((n, tuple(some)))
        n += sum(one.calls for one in some)
        ends.append((n, at))
    for place, (key, row) in enumerate(known.items()):  # whose start is unknown
        rest = row.calls - used[key]
        some = [_Some(key, place, rest, 0, 0, _next(marks[key], used[key], rest))]
        failed += _merged(some, n)
        parts.append((n, tuple(some)))
        n += rest
    shared_hours = tuple(parts) if len(known) > 1 else ()
    return in_order(failed, n, ends, calendar)._replace(parts=shared_hours)


def in_order(
    failed: Sequence[int], n: int, hours: Sequence[tuple[int, int]], calendar: Calendar | None
) -> CallsInOrder:
    """Return calls in one order with the changes of their rate. With a weekly pattern, these are those of each part.

    Args:
        failed: Numbers of the failed calls, as in `CallsInOrder`.
        n: Number of calls.
        hours: The hours in which they began, as in `CallsInOrder`.
        calendar: The weeks of the function. None means no search for a weekly pattern.
    """
    weeks = None if calendar is None else Weeks(failed, hours, calendar)
    growing = None
    if weeks is None or not weeks.parts:
        found = changes(failed, n)
        growing = growing_since(failed, n, found)
    else:
        found = sorted((one for part in weeks.parts for one in part.changes), key=lambda one: one.alarm_at)
    return CallsInOrder(tuple(failed), n, tuple(hours), tuple(found), weeks=weeks, growing=growing)


class _Some(NamedTuple):
    """Calls of one configuration in one hour.

    Attributes:
        configuration: The configuration.
        place: Place of the configuration. Of calls at the same time, those of the earlier configuration come first.
        calls: Number of calls.
        first: Earliest time of the first call, in microseconds.
        last: Latest time of the last call, in microseconds.
        failed: Indexes of the calls without a valid attempt. The first call is 0.
    """

    configuration: Row
    place: int
    calls: int
    first: int
    last: int
    failed: list[int]


def _within(row: ConfigurationCounts, hour: int) -> tuple[int, int]:
    """Return the part of an hour in which a configuration can have been called, in microseconds."""
    begins, ends = hour * 10**6, (hour + 3_600) * 10**6
    first, last = (
        begins if at is None else round(at * 10**6) for at in (row.first_started_at, row.last_started_at)
    )
    return min(max(first, begins), ends), max(min(last, ends), begins)


def _next(marks: list[int], start: int, count: int) -> list[int]:
    """Return the indexes of the failed calls among a configuration's next calls."""
    first, last = bisect_left(marks, start + 1), bisect_left(marks, start + count + 1)
    return [mark - start - 1 for mark in marks[first:last]]


def _merged(some: list[_Some], before: int) -> list[int]:
    """Return the numbers of the failed calls of one hour. *before* is the number of earlier calls."""
    numbers = [before + _place(one, index, some) for one in some for index in one.failed]
    return numbers if len(some) == 1 else sorted(numbers)


def _place(one: _Some, index: int, some: Sequence[_Some]) -> int:
    """Return the number of a call among those of its hour. The first is 1."""
    return index + 1 + sum(_earlier(one, index, other) for other in some if other is not one)


def _earlier(one: _Some, index: int, other: _Some) -> int:
    """Count the calls of another configuration that come before a call.

    The call with an index is at first + (index + 1/2) (last - first) / calls. The comparison uses only whole numbers.
    """
    twice = 2 * one.calls
    at = one.first * twice + (2 * index + 1) * (one.last - one.first)  # multiplied by `twice`
    width, is_first = other.last - other.first, other.place < one.place
    if width <= 0:
        begins = other.first * twice
        return other.calls if begins < at or (begins == at and is_first) else 0
    # The number of j with (2 j + 1) width / (2 other.calls) < at / twice - other.first
    bottom = 2 * width * one.calls
    top = other.calls * (at - other.first * twice) - width * one.calls
    earlier = top // bottom + 1 if is_first else -(-top // bottom)
    return min(max(earlier, 0), other.calls)


def _part_evidence(part: PartOfWeek, own: PartOfCalls, first: int, last: int) -> dict[str, Any]:
    n, k = own.within([(begin, min(end, last)) for begin, end in part.spans if begin <= last], first)
    hours = [list(span) for span in _joined(part.part.hours)]
    splits = [
        dict(zip(("candidate", "direction", "e", "product"), split, strict=True))
        for split in part.part.splits
    ]
    return dict(to_json(PartOfWeekCounts(part.part.name, hours, n, k, splits)))


def _joined(hours: Sequence[int]) -> list[tuple[int, int]]:
    """Return the first and last hour of each run of consecutive hours."""
    spans: list[tuple[int, int]] = []
    for hour in hours:
        first = spans.pop()[0] if spans and spans[-1][1] == hour - 1 else hour
        spans.append((first, hour))
    return spans
