# SPDX-License-Identifier: Apache-2.0
"""The weeks of a function, and the parts of the week in which its calls fail at different rates.

Rules: A week has seven days by the clock of a time zone, and the first week begins with the hour of the function's first
call. A week is complete when a later call is recorded. The calls of an hour belong together.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from datetime import UTC, datetime, timedelta, tzinfo
from typing import TYPE_CHECKING, NamedTuple

from schema_guard.errors import InvalidArgument
from schema_guard.stats import Change, WeekCounts, WeekPart, changes, growing_since, week_parts
from schema_guard.stats.cycles import HOURS, LEAST_WINDOWS, WINDOWS
from schema_guard.text import clip

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_HOUR_S = 3_600
_DAYS = 7
_TIME_ZONE = "UTC"


class Calendar(NamedTuple):
    """The weeks of a function.

    Attributes:
        zone: The time zone.
        begins: When the hour of the first call began, in seconds since the epoch.
        ends: When the latest known hour ended.
    """

    zone: tzinfo
    begins: int
    ends: float

    @classmethod
    def of(cls, zone: tzinfo, hours: tuple[int, int], starts: Iterable[float | None]) -> Calendar:
        """Return the weeks of calls from their first *hours* to their last ones. They begin with the latest of *starts*."""
        begins = max((at for at in starts if at is not None), default=hours[0])
        return cls(zone, min(int(begins // _HOUR_S) * _HOUR_S, hours[0]), hours[1])

    def start(self, week: int) -> int:
        """Return when a week began; the first week is 0."""
        first = datetime.fromtimestamp(self.begins, self.zone).replace(tzinfo=None)
        return round((first + timedelta(days=_DAYS * week)).replace(tzinfo=self.zone).timestamp())

    @property
    def complete(self) -> int:
        """Number of complete weeks."""
        weeks = max(0, int((self.ends - self.begins) // (_DAYS * 24 * _HOUR_S)) - 1)
        while self.start(weeks + 1) <= self.ends:
            weeks += 1
        return weeks

    def day(self, at: float) -> str:
        """Return the day of a time."""
        return day_of(at, self.zone)

    def time(self, at: float) -> str:
        """Return a time with its distance from UTC."""
        return datetime.fromtimestamp(at, self.zone).isoformat()

    def hour_of_week(self, at: float) -> int:
        """Return the hour of the week of a time; hour 0 begins on Monday at 0:00."""
        moment = datetime.fromtimestamp(at, self.zone)
        return 24 * moment.weekday() + moment.hour


def day_of(at: float, zone: tzinfo = UTC) -> str:
    """Return the day of a time, in ISO format."""
    return datetime.fromtimestamp(at, zone).date().isoformat()


def time_zone(name: object) -> tzinfo:
    """Return the time zone with a name of the IANA database, such as `Europe/Berlin`; None means UTC.

    Raises:
        InvalidArgument: There is no such time zone.
    """
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError  # most calls do not name one

    if name is None or name == _TIME_ZONE:
        return UTC
    try:
        return ZoneInfo(str(name))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InvalidArgument(
            f"time zone {clip(repr(name))}: expected a name such as Europe/Berlin or UTC"
        ) from None


class Week(NamedTuple):
    """A complete week of calls in their order.

    Attributes:
        begins: When it began.
        counts: Its calls by the hour of the week.
    """

    begins: int
    counts: WeekCounts


class PartOfWeek(NamedTuple):
    """The calls in one part of the week.

    Attributes:
        part: The hours, and the proof that their rate differs.
        spans: First and last number of successive calls, among all calls.
        changes: The changes of the rate of these calls, with numbers among all calls.
        growing: The call since which their rate may have been growing, among all calls. None if it jumped or did not
            rise.
    """

    part: WeekPart
    spans: tuple[tuple[int, int], ...]
    changes: tuple[Change, ...]
    growing: int | None


class Weeks:
    """The weeks of calls in their order, and the pattern of the complete ones.

    Attributes:
        calendar: When the weeks began.
        complete: Number of complete weeks.
        weeks: The latest complete weeks, `WINDOWS` at most.
        starts: Number of the first call of each complete week, and of the call after the last one.
        parts: The parts of the week; empty if no pattern is proved.
    """

    def __init__(self, failed: Sequence[int], hours: Sequence[tuple[int, int]], calendar: Calendar) -> None:
        """Look for a pattern in the complete weeks of calls.

        Args:
            failed: Numbers of the failed calls, in rising order; the first call is 1.
            hours: Number of the last call of each hour, and when the hour began.
            calendar: The weeks of the function.
        """
        self._failed, self._hours, self.calendar = failed, hours, calendar
        self.complete = calendar.complete
        edges = [calendar.start(week) for week in range(self.complete + 1)]
        before = [bisect_left(hours, at, key=lambda hour: hour[1]) for at in edges]
        self.starts = tuple((hours[index - 1][0] if index else 0) + 1 for index in before)
        latest = range(max(0, self.complete - WINDOWS), self.complete)
        self.weeks = tuple(Week(edges[week], self._counted(week)) for week in latest)
        counts = [week.counts for week in self.weeks]
        found = week_parts(counts) if self.complete >= LEAST_WINDOWS else ()
        self.parts = tuple(map(self._with_changes, found))

    def part_of(self, change: Change) -> PartOfWeek | None:
        """Return the part in which a change was detected. None without a pattern."""
        return next((part for part in self.parts if change in part.changes), None)

    def _counted(self, week: int) -> WeekCounts:
        """Count the calls of a week by the hour of the week."""
        n, k = [0] * HOURS, [0] * HOURS
        first, after = self.starts[week : week + 2]
        for end, at in self._hours[bisect_left(self._hours, (first, 0)) :]:
            if first >= after:
                break
            hour = self.calendar.hour_of_week(at)
            n[hour] += end - first + 1
            k[hour] += len(self._failed_within(first, end))
            first = end + 1
        return WeekCounts(tuple(n), tuple(k))

    def _failed_within(self, first: int, last: int) -> Sequence[int]:
        return self._failed[bisect_left(self._failed, first) : bisect_right(self._failed, last)]

    def _with_changes(self, part: WeekPart) -> PartOfWeek:
        """Look for changes in the calls of one part of the week, as if there were no others."""
        spans = self._spans(frozenset(part.hours))
        numbers: list[int] = []
        sizes = [0]
        for first, last in spans:
            numbers += [one - first + 1 + sizes[-1] for one in self._failed_within(first, last)]
            sizes.append(sizes[-1] + last - first + 1)

        def among_all(number: int) -> int:
            index = bisect_left(sizes, number) - 1
            return spans[index][0] + number - sizes[index] - 1

        found = changes(numbers, sizes[-1])
        growing = growing_since(numbers, sizes[-1], found)
        placed = tuple(
            change._replace(start=among_all(change.start), alarm_at=among_all(change.alarm_at))
            for change in found
        )
        return PartOfWeek(part, tuple(spans), placed, None if growing is None else among_all(growing))

    def _spans(self, own: frozenset[int]) -> list[tuple[int, int]]:
        """Return the first and the last number of the calls in some hours of the week. Join calls that follow each other."""
        spans: list[tuple[int, int]] = []
        before = 0
        for end, at in self._hours:
            if self.calendar.hour_of_week(at) in own:
                first = spans.pop()[0] if spans and spans[-1][1] == before else before + 1
                spans.append((first, end))
            before = end
        return spans
