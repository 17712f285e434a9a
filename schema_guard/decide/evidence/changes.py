# SPDX-License-Identifier: Apache-2.0
"""Evidence on how a failure rate changed over time, as frozen values."""

from __future__ import annotations

from datetime import date
from math import ceil
from typing import TYPE_CHECKING, Any, NamedTuple

from schema_guard.text import percent, plural

if TYPE_CHECKING:
    from collections.abc import Mapping


NARROWER = "a pattern narrower than a weekend, a day, or 8 hours of each day is not covered"
"""The limits of the search for a weekly pattern, in words."""


class Counted(NamedTuple):
    """Calls, inputs or answers, and those of them that missed what is asked for."""

    n: int
    missed: int


class ChangeEvidence(NamedTuple):
    """When the failure rate last changed, over all versions.

    Attributes:
        direction: `rise` or `fall`.
        start: Number of the call from which it is likeliest to have been another rate.
        alarm_at: Number of the call at which it was noticed.
        after: Calls after the alarm, missed without a valid attempt; so the next two.
        since: Calls from the start on.
        prior: Calls before the start, back to the change before.
        is_open: Whether it lasts: the rate has not changed again since.
        changed: What else changed then, each in words: version, model snapshot, settings, traffic.
        days: Of the start and of the alarm; None when unknown.
        first_failed: Id of the first failed call from the start on, by the order of arrival. None if the first day has all of them.
        part: The part of the week in which it was noticed; None without a weekly pattern.
        pattern_from: The day before which no weekly pattern can be proved; None if that day has passed.
        growing_since: The day since which the rate may have been growing; None if that does not fit the calls.
    """

    direction: str
    start: int
    alarm_at: int
    after: Counted
    since: Counted
    prior: Counted
    is_open: bool
    changed: tuple[str, ...] = ()
    days: tuple[str, str] | None = None
    first_failed: str | None = None
    part: str | None = None
    pattern_from: str | None = None
    growing_since: str | None = None


class PartOfWeekCounts(NamedTuple):
    """The calls in a part of the week, in whole weeks.

    Attributes:
        name: Name of the part, such as `weekends`.
        n: Number of calls.
        k: Number of failed calls.
    """

    name: str
    n: int
    k: int


class WeeklyEvidence(NamedTuple):
    """The search for a weekly pattern.

    Attributes:
        zone: Time zone of the weeks.
        complete: Number of complete weeks.
        parts: The parts of the week that fail at different rates; empty if no pattern is proved.
        whole: Number of whole weeks since the last change in any part.
        n: Number of calls in these weeks; without a whole week, of the calls since that change.
        k: Number of failed calls among them.
        days: Of the calls without a whole week, the first and the last day; None if not known.
        whole_on: The day on which their first whole week ends; None if not known.
        given: All counts of the search.
    """

    zone: str
    complete: int
    parts: tuple[PartOfWeekCounts, ...]
    whole: int
    n: int
    k: int
    given: Mapping[str, Any]
    days: tuple[str, str] | None = None
    whole_on: str | None = None

    @property
    def is_young(self) -> bool:
        """Whether there is a pattern, and no whole week of calls: a rate of a part of a week is one of another mix."""
        return bool(self.parts) and not self.whole

    @property
    def calls_until_whole(self) -> int:
        """Further calls until the first whole week ends, if as many come each day as until now."""
        try:
            first, last, end = (
                date.fromisoformat(day).toordinal() for day in (*(self.days or ()), self.whole_on or "")
            )
        except ValueError:  # not known, or evidence from a file with any text
            return 1
        return max(1, ceil(self.n * (end - last) / max(last - first + 1, 1)))

    @property
    def young_text(self) -> str:
        """The calls that are no whole week, in words."""
        days = "" if self.days is None else f" from {self.days[0]} to {self.days[1]}"
        ends = "" if self.whole_on is None else f"; the first one ends on {self.whole_on}"
        return f"the {plural(self.n, 'call')}{days} are no whole week of its weekly pattern{ends}"

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> WeeklyEvidence:
        """Return the value of the key `weekly`."""
        parts = (
            PartOfWeekCounts(one["name"], int(one["n"]), int(one["k"])) for one in given.get("parts", ())
        )
        whole, n, k = (int(given.get(name, 0)) for name in ("whole", "n", "k"))
        days = given.get("days")
        return cls(
            given["zone"],
            int(given["complete"]),
            tuple(parts),
            whole,
            n,
            k,
            given,
            (days[0], days[1]) if days else None,
            given.get("whole_on"),
        )

    def as_dict(self) -> dict[str, Any]:
        """Return all counts of the search, with the pattern in words."""
        return {**self.given, **({"text": self.text} if self.parts else {})}

    @property
    def text(self) -> str:
        """The pattern in words: weekends fail 3%, the rest 0.3%, for 3 weeks now."""
        known = [part for part in self.parts if part.n]
        rates = [
            f"{part.name} {'' if index else 'fail '}{percent(part.k / part.n)}"
            for index, part in enumerate(known)
        ]
        names = " and ".join(part.name for part in self.parts)
        pattern = ", ".join(rates) if rates else f"{names} fail at different rates"
        since = (
            f"for {plural(self.whole, 'week')} now" if self.whole else "no whole week since the last change"
        )
        return f"{pattern}, {since} (time zone {self.zone}); {NARROWER}"
