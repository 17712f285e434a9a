# SPDX-License-Identifier: Apache-2.0
"""The weekly pattern of calls, as evidence.

Rules: With a pattern, only whole weeks count, from the last change in any part of the week on. All counts behind the search
are in the evidence, so that a reader can repeat it.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from itertools import count, pairwise
from typing import TYPE_CHECKING, Any

from schema_guard.stats.cycles import LEAST_WINDOWS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schema_guard.decide.recorded.stream import CallsInOrder, PartOfCalls
    from schema_guard.decide.recorded.weeks import PartOfWeek
    from schema_guard.stats import Change


def whole_weeks(stream: CallsInOrder, own: PartOfCalls) -> range:
    """Return the complete weeks that count: all since the last change in any part of the week."""
    weeks = stream.weeks
    assert weeks is not None
    first = bisect_left(weeks.starts, begin_of(stream, own))
    if first >= weeks.complete:
        return range(weeks.complete, weeks.complete)
    # Of weeks that begin with the same call, all but the last one are empty.
    return range(min(bisect_right(weeks.starts, weeks.starts[first]) - 1, weeks.complete), weeks.complete)


def begin_of(stream: CallsInOrder, own: PartOfCalls) -> int:
    """Return the first call that can count: the first own one, or the one after the last change was noticed."""
    return max(own.first, max((change.alarm_at + 1 for change in stream.changes), default=1))


def _part_of_week(stream: CallsInOrder, begin: int) -> dict[str, Any]:
    """Return the days of the calls from one on, and the day on which the first whole week of them ends."""
    begins, ends, weeks = stream.at(begin), stream.at(stream.n), stream.weeks
    if begins is None or ends is None or weeks is None:
        return {}
    calendar = weeks.calendar
    week = next(week for week in count() if calendar.start(week) >= begins)
    return {
        "days": [calendar.day(begins), calendar.day(ends)],
        "whole_on": calendar.day(calendar.start(week + 1)),
    }


def weekly_evidence(stream: CallsInOrder, own: PartOfCalls) -> dict[str, Any] | None:
    """Return the `weekly` of evidence: the counts behind the search for a weekly pattern, and the pattern.

    Args:
        stream: All calls in their order.
        own: The calls of one configuration among them.
    """
    weeks = stream.weeks
    if weeks is None or weeks.complete < LEAST_WINDOWS:
        return None
    calendar = weeks.calendar
    known: dict[str, Any] = {
        "zone": calendar.name,
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
    whole = whole_weeks(stream, own)
    spans = [(weeks.starts[week], weeks.starts[week + 1] - 1) for week in whole]
    first, last = weeks.starts[whole.start], weeks.starts[-1] - 1
    if not whole:
        begin = begin_of(stream, own)
        spans, known = [(begin, stream.n)], known | _part_of_week(stream, begin)
    n, k = own.within(spans)
    return known | {
        "whole": len(whole),
        "n": n,
        "k": k,
        "parts": [_part_evidence(part, own, first, last) for part in weeks.parts],
    }


def change_in_weeks(change: Change, stream: CallsInOrder) -> dict[str, str]:
    """Return the part of the week that changed, when a pattern can be proved, and since when the rate may have been growing."""
    weeks, known = stream.weeks, dict[str, str]()
    if weeks is None:
        return known
    part, growing = weeks.part_of(change), stream.growing_at(change)
    if part is not None:
        known["part"] = part.part.name
    if weeks.complete < LEAST_WINDOWS:
        known["pattern_from"] = weeks.calendar.known_from
    began, at = stream.at(change.start), None if growing is None else stream.at(growing)
    if at is not None and began is not None and weeks.calendar.day(at) < weeks.calendar.day(began):
        pauses = (after - before for before, after in pairwise(stream.hours_within(at, began)))
        # Without calls in most of the time before the rise, nothing shows that the rate grew in that time.
        if 2 * max(pauses) <= began - at:
            known["growing_since"] = weeks.calendar.day(at)
    return known


def _part_evidence(part: PartOfWeek, own: PartOfCalls, first: int, last: int) -> dict[str, Any]:
    n, k = own.within([(begin, min(end, last)) for begin, end in part.spans if begin <= last], first)
    return {
        "name": part.part.name,
        "hours": [list(span) for span in _joined(part.part.hours)],
        "n": n,
        "k": k,
        "splits": [
            {
                "candidate": split.candidate,
                "direction": split.direction,
                "e": list(split.evidence),
                "product": split.product,
            }
            for split in part.part.splits
        ],
    }


def _joined(hours: Sequence[int]) -> list[tuple[int, int]]:
    """Return the first and the last of hours that follow each other."""
    spans: list[tuple[int, int]] = []
    for hour in hours:
        first = spans.pop()[0] if spans and spans[-1][1] == hour - 1 else hour
        spans.append((first, hour))
    return spans
