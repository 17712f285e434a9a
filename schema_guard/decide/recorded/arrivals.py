# SPDX-License-Identifier: Apache-2.0
"""The order in which a function's calls arrived, as far as a store knows it, and the use of its configurations.

Rules: Calls are ordered by arrival. The last `MOST_ATTEMPTS` attempts of the store are read one by one. Earlier calls,
and calls that arrived before the end of an import, are known by the hour. So the cost of reading does not grow with the
store.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import replace
from datetime import UTC, datetime, tzinfo
from typing import TYPE_CHECKING, Any, TypeVar

from schema_guard.configuration.recorded_settings import again_of
from schema_guard.decide.in_use import Arrival, absences, before, calls_in_use, main_of, rounded_up
from schema_guard.decide.recorded.configurations import (
    RecordedConfiguration,
    is_rated,
    is_trial,
    versions_of,
)
from schema_guard.decide.recorded.weeks import day_of
from schema_guard.locks import cached_property
from schema_guard.records.selection import select
from schema_guard.stats import bounds

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Mapping, Sequence

    from schema_guard.records import ConfigurationCounts, HourCounts, Store
    from schema_guard.records.rows import Row

MOST_ATTEMPTS = 200_000
# A report reads fewer, because it must stay fast.
_MOST_OF_REPORT = 50_000

_DAY_S = 86_400
_HOUR_S = 3_600
# Clocks that are set by a time server differ by less.
_DRIFT_S = 60
# Latest days of the function. Days without a call do not count.
_DAYS = 14
_HOURS_A_DAY = 24
# A configuration that is called in at most this many hours of the day has its own hours.
_MOST_OWN_HOURS = 12
_FEWEST_DAYS = 2

K = TypeVar("K", bound="Hashable")


class StoreArrivals:
    """The last calls of a store, read when they are first needed."""

    def __init__(self, store: Store, most: int = MOST_ATTEMPTS) -> None:
        self._store, self._most = store, most

    @cached_property
    def imported(self) -> frozenset[int]:
        """The `ConfigurationCounts.id` of each configuration without a call after the last import, if there was one."""
        with self._store.reading() as snapshot:
            return snapshot.imported()

    @cached_property
    def _calls(self) -> list[tuple[int, float]]:
        """The `ConfigurationCounts.id` and the time of each of the last calls, in the order of arrival."""
        with self._store.reading() as snapshot:
            arrivals = snapshot.arrivals(self._most)
        return [(number, at) for number, at in arrivals if at is not None]

    def of(self, ids: Iterable[int | None]) -> list[tuple[int, float]]:
        """Return the configuration and the time of the last calls of configurations, in the order of arrival."""
        known = frozenset(ids)
        return [call for call in self._calls if call[0] in known]

    def last(self, ids: Iterable[int | None], until: float | None) -> dict[int, int]:
        """Return the place of the last call of each configuration that has calls before *until*; None is no end."""
        known = frozenset(ids)
        return {
            number: place
            for place, (number, at) in enumerate(self._calls)
            if number in known and (until is None or at < until)
        }


class FunctionArrivals:
    """The calls of a function under one schema, in their order of arrival.

    Attributes:
        rows: The rows by configuration. A call that a router repeats counts once, with its first configuration.
        by_hour: For each hour its calls of each configuration.
        zone: The time zone of days and hours.
    """

    def __init__(
        self,
        everything: Iterable[ConfigurationCounts],
        hours: Iterable[HourCounts],
        last: StoreArrivals,
        *,
        until: float | None,
        zone: tzinfo,
    ) -> None:
        """Count the calls by hour.

        Args:
            everything: All rows of that function and schema in production, of all times.
            hours: The same by the hour.
            last: The last calls of the store.
            until: The end of the time of the calls; None for all times.
            zone: The time zone of days and hours.
        """
        self.rows = {row.configuration: row for row in everything if again_of(row.settings) is None}
        self.by_hour: dict[int, Counter[Row]] = defaultdict(Counter)
        for hour in hours:
            calls = hour.calls + hour.transport
            if calls and hour.configuration in self.rows:
                self.by_hour[hour.at][hour.configuration] += calls
        days = sorted({at // _DAY_S for at in self.by_hour})
        # The start of the last days with calls.
        self.begins = days[-_DAYS:][0] * _DAY_S if days else 0
        self.zone = zone
        self._last, self._until = last, until

    @cached_property
    def _in_order(self) -> list[Row]:
        """Return the configuration of each of the last calls.

        This uses no clock, because the clocks of two machines can differ.
        """
        ids = {row.id: configuration for configuration, row in self.rows.items()}
        return [
            ids[number]
            for number, at in self._last.of(ids)
            if at >= self.begins and (self._until is None or at < self._until)
        ]

    def clocks(self, now: float) -> dict[str, int] | None:
        """Return how many of the last calls are dated later than now, or over an hour earlier than the call before it.

        Returns:
            These numbers as `ahead` and `behind`, and all `calls`; None if there are none. Imported calls do not count.
        """
        times = [at for _, at in self._last.of(row.id for row in self.rows.values())]
        ahead = behind = 0
        latest = 0.0
        for at in times:
            if at > now + _DRIFT_S:
                ahead += 1
            elif at < latest - _HOUR_S:
                behind += 1
            else:
                latest = max(latest, at)
        return {"calls": len(times), "ahead": ahead, "behind": behind} if ahead or behind else None

    def of(self, owner: Mapping[Row, Any]) -> tuple[list[dict[Any, int]], list[Any]]:
        """Return the calls of the last days as `in_use.absences` takes them.

        Args:
            owner: The key of each configuration. A configuration that has none is a key of its own.
        """
        hours = [self.by_hour[at] for at in sorted(self.by_hour) if at >= self.begins]
        keys = {row: owner.get(row, row) for calls in self.by_hour.values() for row in calls}
        # The order of the calls of one key says nothing.
        calls = self._in_order if len(set(keys.values())) > 1 else []
        grouped = []
        for hour in before(hours, calls):
            counts: Counter[Any] = Counter()
            for row, count in hour.items():
                counts[keys[row]] += count
            grouped.append(dict(counts))
        return grouped, [keys[row] for row in calls]

    def absences(self, owner: Mapping[Row, K]) -> dict[K, Arrival]:
        """Return how long the configurations of each key were absent. Keys without recent calls are left out."""
        named = set(owner.values())
        found = self._with_imports(owner, *self.of(owner))
        return {key: absence for key, absence in found.items() if key in named}

    def _with_imports(
        self, owner: Mapping[Row, Any], hours: Sequence[Mapping[Any, int]], calls: Sequence[Any]
    ) -> dict[Any, Arrival]:
        """Return the result of `in_use.absences`. If calls were imported, a machine's last day of calls may be missing.

        So an imported configuration that was used beside another one is in use until it was absent for a day.
        """
        found = absences(hours, calls)
        later = {owner.get(row, row) for row, one in self.rows.items() if one.id not in self._last.imported}
        gone = {key for key, absence in found.items() if absence.is_gone} - later
        if not gone:
            return found
        times: dict[Any, list[int]] = defaultdict(list)
        for at, made in sorted(self.by_hour.items()):
            for row in made:
                times[owner.get(row, row)].append(at)
        began = min(times[key][0] for key, absence in found.items() if not absence.is_gone)
        for key in gone:
            if began < times[key][-1] > max(self.by_hour) - _DAY_S:
                found[key] = found[key]._replace(longest_absence=found[key].absent)
        return found

    def with_uses(
        self, configurations: Sequence[RecordedConfiguration], latest: Mapping[Row, int]
    ) -> list[RecordedConfiguration]:
        """Return the configurations of the function and schema with their use, and their share of the *latest* calls."""
        owner = {
            row.configuration: place
            for place, configuration in enumerate(configurations)
            for row in configuration.rows
            if row.configuration in self.rows
        }
        earlier, calls = self.of(owner)
        found = self._with_imports(owner, earlier, calls)
        ours = {key: one for key, one in found.items() if isinstance(key, int)}
        total = sum(latest.values())
        counts = calls_in_use(earlier, calls, ours, total)
        main = main_of(counts, ours, {place: _lower(configurations[place]) for place in ours})
        return [
            replace(
                one,
                share=sum(latest.get(row.configuration, 0) for row in one.rows) / total if total else 0.0,
                arrival=self._use(one, ours.get(place)),
                is_main=place == main,
            )
            for place, one in enumerate(configurations)
        ]

    def _use(self, configuration: RecordedConfiguration, absence: Arrival | None) -> Arrival | None:
        """Return how a configuration is used. None without production calls."""
        rows = [row for row in configuration.rows if row.configuration in self.rows]
        own = [at for at, made in self.by_hour.items() if any(row.configuration in made for row in rows)]
        if not own:
            return None
        absence = absence or Arrival(self._calls_after(max(own)), 0)
        ended = max((row.last_started_at for row in rows if row.last_started_at is not None), default=None)
        day = None if ended is None else day_of(ended, self.zone)
        mine, used = ([self._hour(at) for at in hours if at >= self.begins] for hours in (own, self.by_hour))
        return absence._replace(last_day=day, hours=_hours_of_day(mine, {hour for _, hour in used}))

    def _hour(self, at: int) -> tuple[int, int]:
        """Return the day and the hour of the day of a time."""
        moment = datetime.fromtimestamp(at, self.zone)
        return moment.toordinal(), moment.hour

    def _calls_after(self, hour: int) -> int:
        return sum(sum(calls.values()) for at, calls in self.by_hour.items() if at > hour)


def gone_of(store: Store, rows: Iterable[ConfigurationCounts], until: float | None) -> frozenset[Row]:
    """Return the configurations that are no longer in use, of each function that has several.

    A configuration without a validated reply replaces none, because its calls may be those of an outage.

    Args:
        store: The store of the calls.
        rows: The configurations to check.
        until: The end of the period of the calls. None if it has no end.
    """
    last, gone = StoreArrivals(store, _MOST_OF_REPORT), set()
    own: dict[tuple[str, str], list[ConfigurationCounts]] = defaultdict(list)
    for row in rows:
        if row.calls and not is_trial(row) and is_rated(row) and again_of(row.settings) is None:
            own[row.function, row.schema_name].append(row)
    for (function, _), members in own.items():
        owner = {
            row.configuration: (row.schema_fingerprint, same, version)
            for same, by_version in versions_of(members).items()
            for version, group in by_version.items()
            for row in group
        }
        if len(set(owner.values())) > 1:
            hours = _last_hours(store, members, function, until)
            absent = FunctionArrivals(members, hours, last, until=until, zone=UTC).absences(owner)
            used = {key for key, absence in absent.items() if not absence.is_gone}
            gone |= {row for row, key in owner.items() if used and key not in used}
    return frozenset(gone)


def _last_hours(
    store: Store, rows: Sequence[ConfigurationCounts], function: str, until: float | None
) -> list[HourCounts]:
    """Return hours with the last days that have calls. A part of the time has them for most functions."""
    latest = max(row.last_started_at or 0.0 for row in rows)
    latest = latest if until is None else min(latest, until)
    hours = store.by_hour(since=latest - 2 * _DAYS * _DAY_S, until=until, function=function)
    known = {row.configuration for row in rows}
    days = {
        hour.at // _DAY_S for hour in hours if hour.configuration in known and hour.calls + hour.transport
    }
    return hours if len(days) > _DAYS else store.by_hour(until=until, function=function)


def alpha_shares(
    store: Store, everything: Sequence[ConfigurationCounts], priority: str | None
) -> dict[str, Any]:
    """Return the `n_functions` and `priority` of evidence, which set how the functions of a store share alpha.

    Args:
        store: The store, named in messages.
        everything: All rows of the store.
        priority: Name of the function that has half of alpha, or an ending of it after a dot. None for no such
            function.

    Raises:
        InvalidArgument: The function is not recorded, or several have that ending.
    """
    named = None if priority is None else select(store, everything, function=priority).function
    last = {
        row.function: row.last_started_at
        for row in sorted(everything, key=lambda row: row.last_started_at or 0.0)
        if row.last_started_at is not None and not is_trial(row)
    }
    ends = max(last.values(), default=0.0)
    functions = sum(at > ends - _DAYS * _DAY_S for at in last.values())
    return {"n_functions": rounded_up(functions) if functions > 1 else None, "priority": named}


def _lower(configuration: RecordedConfiguration) -> float:
    return bounds(configuration.failed, configuration.n).lower if configuration.n else 0.0


def _hours_of_day(own: Sequence[tuple[int, int]], used: set[int]) -> tuple[int, int] | None:
    """Return the hours of the day at which a configuration is called, if they are few of the hours in use.

    Args:
        own: Day and hour of the day of the hours with its calls.
        used: Hours of the day with calls of the function.
    """
    mine = sorted({hour for _, hour in own})
    if len({day for day, _ in own}) < _FEWEST_DAYS or not mine:
        return None
    gaps = [(after - at - 1) % _HOURS_A_DAY for at, after in zip(mine, [*mine[1:], mine[0]], strict=True)]
    widest = max(range(len(gaps)), key=gaps.__getitem__) if len(mine) > 1 else 0
    first, last = mine[(widest + 1) % len(mine)], mine[widest]
    length = (last - first) % _HOURS_A_DAY + 1
    outside = {hour for hour in used if (hour - first) % _HOURS_A_DAY >= length}
    if length > _MOST_OWN_HOURS or len(outside) < length:
        return None
    return first, (last + 1) % _HOURS_A_DAY
