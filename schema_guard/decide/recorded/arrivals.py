# SPDX-License-Identifier: Apache-2.0
"""The order in which a function's calls arrived, as a store knows it, and what it says of each configuration.

Rules: Calls are ordered by arrival. The last `MOST_ATTEMPTS` attempts of the store are read one by one. Earlier calls are known by the hour. So the cost of
reading does not grow with the store.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from schema_guard.configuration.traffic import again_of, traffic_of
from schema_guard.decide.functions import rounded_up
from schema_guard.decide.in_use import Absence, absences, before, calls_in_use, main_of
from schema_guard.decide.recorded.configurations import is_trial
from schema_guard.records.reading import arrivals
from schema_guard.records.rows import CONFIGURATION_COLUMNS
from schema_guard.records.selection import select
from schema_guard.stats import bounds

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from schema_guard.decide.recorded.configurations import RecordedConfiguration
    from schema_guard.records import ConfigurationCounts, HourCounts, Store
    from schema_guard.records.rows import Row

MOST_ATTEMPTS = 200_000

_DAY_S = 86_400
_HOUR_S = 3_600
# Of the function. Days without a call do not count.
_DAYS = 14
_HOURS_A_DAY = 24
# A configuration that is called at so few hours of the day has hours of its own.
_MOST_OWN_HOURS = 12
_FEWEST_DAYS = 2

_SETTINGS = CONFIGURATION_COLUMNS.index("settings")


class StoreArrivals:
    """The last calls of a store, read when somebody asks."""

    def __init__(self, store: Store) -> None:
        self._store = store

    @cached_property
    def calls(self) -> list[tuple[int, float | None]]:
        """The calls among the last attempts, as `records.reading.arrivals` returns them."""
        return arrivals(self._store.backend, MOST_ATTEMPTS)


class ConfigurationUse(NamedTuple):
    """How a configuration is used.

    Attributes:
        absence: How long it was absent.
        last_at: When its last call began, in seconds since the epoch; None if not known.
        hours: At which hours of the day (UTC) it is called, from one up to another; None for more than half of them.
    """

    absence: Absence
    last_at: float | None
    hours: tuple[int, int] | None

    def as_evidence(self) -> dict[str, Any]:
        """Return the `arrival` of evidence."""
        day = None if self.last_at is None else datetime.fromtimestamp(self.last_at, UTC).date().isoformat()
        return {
            "absent": self.absence.now,
            "longest_absence": self.absence.longest,
            "last_day": day,
            "hours": None if self.hours is None else list(self.hours),
        }


class Uses(NamedTuple):
    """How the configurations of a function are used.

    Attributes:
        by_row: The use of the configuration that a row belongs to.
        main: The rows of the main configuration; empty without one.
    """

    by_row: Mapping[Row, ConfigurationUse]
    main: frozenset[Row]

    def of(self, rows: Iterable[ConfigurationCounts]) -> ConfigurationUse | None:
        """Return how the configuration of these rows is used; None without calls of production."""
        return next(
            (self.by_row[row.configuration] for row in rows if row.configuration in self.by_row), None
        )

    def is_main(self, configuration: RecordedConfiguration) -> bool:
        """Return whether this is the main configuration."""
        return any(row.configuration in self.main for row in configuration.rows)


def uses_of_rows(
    configurations: Sequence[RecordedConfiguration],
    everything: Sequence[ConfigurationCounts],
    hours: Sequence[HourCounts],
    last: StoreArrivals,
    *,
    latest: int,
    until: float | None = None,
) -> Uses:
    """Return how configurations are used.

    Args:
        configurations: Of one function and schema.
        everything: All rows of that function and schema in production, of all times.
        hours: The same by the hour.
        last: The last calls of the store.
        latest: How many of the last calls the main configuration is chosen by, at most.
        until: The end of the time of the calls; None for all times.
    """
    rows = {row.configuration: row for row in everything if again_of(row.settings) is None}
    owner: dict[Row, int] = {}
    for place, configuration in enumerate(configurations):
        owner |= {row.configuration: place for row in configuration.rows if row.configuration in rows}
    by_hour: dict[int, Counter[Any]] = defaultdict(Counter)
    own_hours: dict[Any, list[int]] = defaultdict(list)
    for hour in hours:
        calls = hour.calls + hour.transport
        if calls and hour.configuration in rows:
            key = owner.get(hour.configuration, hour.configuration)
            by_hour[hour.at][key] += calls
            own_hours[key].append(hour.at)
    begins = _begin(by_hour)
    known = [by_hour[at] for at in sorted(by_hour) if at >= begins]
    calls_in_order = _in_order(rows, owner, last, begins, until) if len(own_hours) > 1 else []
    earlier = before(known, calls_in_order)
    found = absences(earlier, calls_in_order)
    ours = {key: one for key, one in found.items() if isinstance(key, int)}
    counts = calls_in_use(earlier, calls_in_order, ours, latest)
    lowers = {place: _lower(configurations[place]) for place in ours}
    main = main_of(counts, ours, lowers)
    used_hours = {at // _HOUR_S % _HOURS_A_DAY for at in by_hour if at >= begins}
    by_row: dict[Row, ConfigurationUse] = {}
    for place, configuration in enumerate(configurations):
        mine = [row for row in configuration.rows if row.configuration in rows]
        if not mine or place not in own_hours:
            continue
        absence = found.get(place) or Absence(_since(by_hour, own_hours[place]), 0)
        ended = max((row.last_started_at for row in mine if row.last_started_at is not None), default=None)
        recent = [at for at in own_hours[place] if at >= begins]
        use = ConfigurationUse(absence, ended, _hours_of_day(recent, used_hours))
        by_row |= {row.configuration: use for row in mine}
    return Uses(by_row, frozenset(row for row, place in owner.items() if place == main))


def alpha_shares(
    store: Store, everything: Sequence[ConfigurationCounts], priority: str | None
) -> dict[str, Any]:
    """Return the `n_functions` and `priority` of evidence: how the functions of a store share alpha.

    Args:
        store: For the messages.
        everything: All rows of the store.
        priority: Name of the function that has half of alpha, or an end of it behind a dot; None for none.

    Raises:
        InvalidArgument: The function is not recorded, or several have that end.
    """
    named = None if priority is None else select(store, everything, function=priority).function
    last = {
        (row.function, row.schema_name): row.last_started_at
        for row in sorted(everything, key=lambda row: row.last_started_at or 0.0)
        if row.last_started_at is not None and not is_trial(row)
    }
    ends = max(last.values(), default=0.0)
    functions = sum(at > ends - _DAYS * _DAY_S for at in last.values())
    return {"n_functions": rounded_up(functions) if functions > 1 else None, "priority": named}


def _begin(by_hour: Iterable[int]) -> int:
    """Return when the last days that have calls began."""
    days = sorted({at // _DAY_S for at in by_hour})
    return days[-_DAYS:][0] * _DAY_S if days else 0


def _in_order(
    rows: Mapping[Row, ConfigurationCounts],
    owner: Mapping[Row, int],
    last: StoreArrivals,
    begins: int,
    until: float | None,
) -> list[Any]:
    """Return the configuration of each of the last calls of the function.

    Imported calls arrive later than they were made. So with them, the hour in which a call began goes first. Otherwise
    no clock is needed: the clocks of two machines can differ.
    """
    keys = {row.id: owner.get(configuration, configuration) for configuration, row in rows.items()}
    known = [
        (at // _HOUR_S, keys[number])
        for number, at in last.calls
        if number in keys and at is not None and at >= begins and (until is None or at < until)
    ]
    if any(traffic_of(row.settings) is not None for row in rows.values()):
        known.sort(key=lambda one: one[0])
    return [key for _, key in known]


def _lower(configuration: RecordedConfiguration) -> float:
    return bounds(configuration.failed, configuration.n).lower if configuration.n else 0.0


def _since(by_hour: Mapping[int, Counter[Any]], own: Sequence[int]) -> int:
    """Count the calls in the hours after the last one of a configuration."""
    return sum(sum(calls.values()) for at, calls in by_hour.items() if at > max(own))


def _hours_of_day(own: Sequence[int], used: set[int]) -> tuple[int, int] | None:
    """Return the hours of the day at which a configuration is called, where it is called at few of those that are used."""
    mine = sorted({at // _HOUR_S % _HOURS_A_DAY for at in own})
    if len({at // _DAY_S for at in own}) < _FEWEST_DAYS or not mine:
        return None
    gaps = [(after - at - 1) % _HOURS_A_DAY for at, after in zip(mine, [*mine[1:], mine[0]], strict=True)]
    widest = max(range(len(gaps)), key=gaps.__getitem__) if len(mine) > 1 else 0
    first, last = mine[(widest + 1) % len(mine)], mine[widest]
    length = (last - first) % _HOURS_A_DAY + 1
    outside = {hour for hour in used if (hour - first) % _HOURS_A_DAY >= length}
    if length > _MOST_OWN_HOURS or len(outside) < length:
        return None
    return first, (last + 1) % _HOURS_A_DAY
