# SPDX-License-Identifier: Apache-2.0
"""The calls of a report that show the present: those of the configurations in use, and those of the last day.

Rules: `decide` defines which configurations are in use, so that report and verdict are about the same calls.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from schema_guard.configuration.recorded_settings import SHADOWS
from schema_guard.decide.recorded.configurations import is_rated, is_trial
from schema_guard.records.selection import rows_of
from schema_guard.report.over_time import DAY_S, HOUR_S, begin_of
from schema_guard.report.pools import added, pooled
from schema_guard.stats import Rate

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from schema_guard.records import Store
    from schema_guard.records.counts.configurations import (
        ConfigurationCounts,
        FailureCount,
        ViolationCount,
    )
    from schema_guard.records.rows import Row

MOST_PLACES = 10


class PresentCalls(NamedTuple):
    """A group's calls with the configurations in use, of all times or of the last day.

    Attributes:
        since: Start of these calls, in seconds since the epoch, UTC. For the last day, it is 24 hours before the end of
            the hour of the report's last call that isn't a trial. None if unknown.
        failed: No attempt was valid. Its n is the number of calls with a validated reply, and may be 0.
        failures: Attempts by kind and code, most frequent first.
        violations: Attempts by place and keyword, most frequent first, at most ten.
        is_switch: Whether the configurations in use began after the last call of those that they replaced.
    """

    since: float | None
    failed: Rate
    failures: tuple[FailureCount, ...] = ()
    violations: tuple[ViolationCount, ...] = ()
    is_switch: bool = False

    def differs_from(self, whole: Rate) -> bool:
        """Return whether the bounds of this rate and of the whole time's rate do not touch."""
        day, all_calls = self.failed.bounds, whole.bounds
        return bool(self.failed.n) and (day.lower > all_calls.upper or day.upper < all_calls.lower)


def rated(members: Sequence[ConfigurationCounts]) -> tuple[ConfigurationCounts, ...]:
    """Leave out calls without a rate, and calls beside an answer, unless there are no others."""
    found = tuple(filter(is_rated, members)) or tuple(members)
    return tuple(row for row in found if not row.function.startswith(SHADOWS)) or found


def in_use_of(
    members: Sequence[ConfigurationCounts], counted: Iterable[ConfigurationCounts], gone: Collection[Row]
) -> PresentCalls | None:
    """Return the calls of a group with the configurations in use.

    Args:
        members: Configurations of the group.
        counted: All configurations of the report.
        gone: Configurations that are no longer in use, of all times.

    Returns:
        None if none is in use, or no other configuration of the same functions and schema is gone.
    """
    functions, schemas = {row.function for row in members}, {row.schema_name for row in members}
    replaced = [
        row
        for row in counted
        if row.configuration in gone and row.function in functions and row.schema_name in schemas
    ]
    used = [row for row in members if row.calls and row.configuration not in gone]
    if not replaced or not used:
        return None
    ended = max(row.last_started_at or 0.0 for row in replaced)
    began = min((row.first_started_at for row in used if row.first_started_at is not None), default=None)
    return _calls(used, began)._replace(is_switch=began is not None and began > ended)


def last_days(
    store: Store,
    counted: Iterable[ConfigurationCounts],
    which: Mapping[str, Any],
    names: Sequence[str],
    gone: Collection[Row],
) -> Callable[[Row], PresentCalls | None]:
    """Return a function that gives the newest calls of a group by its names.

    Args:
        store: The store of the report.
        counted: All configurations of the report.
        which: The calls of the report, as `rows_of` takes them.
        names: Names that the configurations of a group have in common.
        gone: Configurations that are in use no more.
    """
    own = [row for row in counted if not is_trial(row)]
    times = [at for row in own for at in (row.first_started_at, row.last_started_at) if at is not None]
    if not times or max(times) - min(times) < 2 * DAY_S:
        return lambda _: None
    since = begin_of(int(max(times)), HOUR_S) + HOUR_S - DAY_S
    newest = [row for row in rows_of(store, **{**which, "since": since}) if row.configuration not in gone]
    days = {group: _calls(rated(members), since) for group, members in pooled(newest, names).items()}
    none = PresentCalls(since, Rate.of(0, 0))
    return lambda group: days.get(group, none)


def _calls(members: Sequence[ConfigurationCounts], since: float | None) -> PresentCalls:
    counts = added(members)
    failed = Rate.of(max(counts.failed, 0), counts.calls)
    return PresentCalls(since, failed, counts.failures, counts.violations[:MOST_PLACES])
