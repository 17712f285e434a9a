# SPDX-License-Identifier: Apache-2.0
"""Evidence on how a failure rate changed over time, as frozen values."""

from __future__ import annotations

from datetime import date
from math import ceil
from typing import Annotated, Any, NamedTuple

from schema_guard.text import percent, plural

NARROWER = "patterns narrower than a weekend, a day, or 8 hours of each day are not searched"
"""The limits of the search for a weekly pattern, in words."""


class Counted(NamedTuple):
    """A number of calls, inputs, or answers, and how many of them missed a requirement."""

    n: int
    missed: Annotated[int, "k"]


class ChangeEvidence(NamedTuple):
    """The last change of the failure rate, over all versions.

    Attributes:
        direction: `rise` or `fall`.
        start: Number of the call at which the rate most likely changed.
        alarm_at: Number of the call at which the change was detected.
        n: Calls after the alarm.
        k: Of these, calls without a valid attempt.
        since_n: Calls from the start on.
        since_k: Of these, calls without a valid attempt.
        prior_n: Calls before the start, back to the previous change.
        prior_k: Of these, calls without a valid attempt.
        is_open: Whether the change lasts, because the rate hasn't changed again since.
        changed: Other changes at that time, each in words: version, model snapshot, settings, traffic.
        days: Days of the start and of the alarm. None if unknown.
        first_failed: Id of the first failed call from the start on, by the order of arrival. None if all failed calls
            are on the first day, or if the order is unknown.
        part: The part of the week in which it was detected. None without a weekly pattern.
        pattern_from: The day before which no weekly pattern can be proved. None if that day has passed.
        growing_since: The day since which the rate may have been growing. None if that doesn't fit the calls.
    """

    direction: str
    start: Annotated[int, "at"]
    alarm_at: int
    n: int
    k: int
    since_n: int
    since_k: int
    prior_n: int
    prior_k: int
    is_open: Annotated[bool, "open"]
    changed: Annotated[tuple[str, ...], "with"] = ()
    days: tuple[str, str] | None = None
    first_failed: str | None = None
    part: str | None = None
    pattern_from: str | None = None
    growing_since: str | None = None


class PartOfWeekCounts(NamedTuple):
    """The calls in a part of the week, in whole weeks.

    Attributes:
        name: Name of the part, such as `weekends`.
        hours: Its hours of the week, as pairs of the first and the last one.
        n: Number of calls.
        k: Number of failed calls.
        splits: The comparisons that prove the part.
    """

    name: str
    hours: Any
    n: int
    k: int
    splits: Any = None


class UngroundedRise(NamedTuple):
    """The newest rise of the calls in which an unusual share of values is not in the source.

    Attributes:
        since: Day of the first such call after the rise.
        n: Calls since the rise, whose values were searched for.
        above: Of these, calls with an unusual share.
        prior_n: Calls before the rise, back to the change before.
        prior_above: Of these, calls with an unusual share.
    """

    since: str
    n: int
    above: int
    prior_n: int
    prior_above: int

    @property
    def text(self) -> str:
        """All of it in words."""
        return (
            f"more values are not in the source since {self.since}: {self.above:,} of {plural(self.n, 'call')} have an unusual "
            f"share of such values, and {self.prior_above:,} of {self.prior_n:,} before"
        )


class WeeklyEvidence(NamedTuple):
    """The search for a weekly pattern.

    Attributes:
        zone: Time zone of the weeks.
        complete: Number of complete weeks.
        weeks: The counts of the latest weeks by the hour.
        parts: The parts of the week that fail at different rates; empty if no pattern is proved.
        whole: Number of whole weeks since the last change in any part.
        n: Number of calls in these weeks; without a whole week, of the calls since that change.
        k: Number of failed calls among them.
        days: Of the calls without a whole week, the first and the last day; None if not known.
        whole_on: The day on which their first whole week ends; None if not known.
    """

    zone: str
    complete: int
    weeks: Any = None
    days: tuple[str, str] | None = None
    whole_on: str | None = None
    whole: int = 0
    n: int = 0
    k: int = 0
    parts: tuple[PartOfWeekCounts, ...] = ()

    @property
    def is_young(self) -> bool:
        """Whether there is a pattern but no whole week of calls. The rate of a part of a week is one of another mix."""
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
        """The calls that are less than a whole week, in words."""
        days = "" if self.days is None else f" from {self.days[0]} to {self.days[1]}"
        ends = "" if self.whole_on is None else f"; the first whole week ends on {self.whole_on}"
        return f"the {plural(self.n, 'call')}{days} cover less than a whole week of the weekly pattern{ends}"

    @property
    def text(self) -> str:
        """The pattern in words: weekends fail in 3%, the rest 0.3%, for 3 weeks."""
        known = [part for part in self.parts if part.n]
        rates = [
            f"{part.name} {'' if index else 'fail in '}{percent(part.k / part.n)}"
            for index, part in enumerate(known)
        ]
        names = " and ".join(part.name for part in self.parts)
        pattern = ", ".join(rates) if rates else f"{names} fail at different rates"
        since = (
            f"for {plural(self.whole, 'week')}"
            if self.whole
            else "less than a whole week since the last change"
        )
        return f"{pattern}, {since} (time zone {self.zone}); {NARROWER}"
