# SPDX-License-Identifier: Apache-2.0
"""What can be asked of every database: attempts, roll-ups, and counts of chosen attempts.

Attempts are only ever appended, so that pages that are read one after the other, up to an `id` that was
the last one at the beginning, are of one state of the database.
Apart from the store, so that a process that only records does not import it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from schema_guard.errors import InvalidArgument
from schema_guard.records.attempts import Where
from schema_guard.records.counts.rollups import calls, is_judged, whole_calls, without_judged
from schema_guard.records.counts.tallies import no_calls
from schema_guard.records.rows import CONFIGURATION_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schema_guard.records.backend import Backend, Snapshot
    from schema_guard.records.counts.configurations import ConfigurationCounts
    from schema_guard.records.counts.rollups import StoredRow
    from schema_guard.records.rows import Row


class Names(NamedTuple):
    """How the schema, the function and the part of the traffic of calls are called."""

    schema_name: str
    schema_fingerprint: str
    function: str
    segment: str | None


_PLACES = [CONFIGURATION_COLUMNS.index(name) for name in Names._fields]


class _Place(NamedTuple):
    """Where in the attempts some calls of a configuration begin.

    Attributes:
        configuration: Values of `CONFIGURATION_COLUMNS`.
        first: The `id` from which to read.
        judged: How many judged calls of the configuration to leave out from there.
        calls: How many it had from there on.
        has_gaps: Whether rows were taken out of the store.
    """

    configuration: Row
    first: int
    judged: int
    calls: int
    has_gaps: bool


def pages(backend: Backend, where: Where, *, first: int = 0) -> Iterator[list[StoredRow]]:
    """Give the attempts that are stored now, from an `id` on, in order.

    A page is read at a time: an open read would keep the log from being checkpointed.
    """
    with backend.reading() as snapshot:
        least, last = snapshot.span(where)
    first = max(first, least)
    while True:
        with backend.reading() as snapshot:
            rows = snapshot.page(where, first=first, last=last)
        if not rows:
            return
        yield rows
        first = rows[-1][0] + 1


def configurations(backend: Backend, where: Where) -> list[ConfigurationCounts]:
    """Count calls: by what is kept of all times or of each hour, else by the attempts."""
    with backend.reading() as snapshot:
        counts = snapshot.window(where) if where.is_timed else snapshot.roll_ups(where)
    return scanned(backend, where) if counts is None else counts


def names(backend: Backend) -> set[Names]:
    """Return the names of functions and schemas."""
    with backend.reading() as snapshot:
        rows: list[tuple[Any, ...]] = [*snapshot.names()]
    return {Names(*(row[place] for place in _PLACES)) for row in rows}


def scanned(backend: Backend, where: Where) -> list[ConfigurationCounts]:
    """Count calls by the attempts alone."""
    with backend.reading() as snapshot:
        ids = snapshot.configuration_ids()
    counted = backend.recount(pages(backend, where))
    return [replace(counts, id=ids.get(counts.configuration)) for counts in counted]


def configuration_after(backend: Backend, configuration_id: int, call_number: int) -> ConfigurationCounts:
    """Count the calls of a configuration after its first *call_number* judged ones; `InvalidArgument`."""
    with backend.reading() as snapshot:
        place = _place_after(snapshot, configuration_id, call_number)
    where = Where(configuration=place.configuration)
    leave_out = place.judged
    if leave_out and place.has_gaps:  # of what was taken out the first calls are missing
        groups = whole_calls(pages(backend, where, first=place.first))
        there = sum(map(is_judged, (call for rows in groups for call in calls(rows))))
        leave_out = max(0, leave_out - (place.calls - there))
    counted = backend.recount(without_judged(pages(backend, where, first=place.first), leave_out))
    return (
        replace(counted[0], id=configuration_id)
        if counted
        else no_calls(place.configuration, configuration_id)
    )


def _place_after(snapshot: Snapshot, configuration_id: int, call_number: int) -> _Place:
    """Find where the judged calls after the first *call_number* begin."""
    by_id = {number: configuration for configuration, number in snapshot.configuration_ids().items()}
    if configuration_id not in by_id:
        raise InvalidArgument(
            f"configuration_id={configuration_id!r}: the store has no such configuration, `configurations()` "
            "gives those that it has"
        )
    count = first = judged = before = 0
    for n, first_attempt in snapshot.chunks(configuration_id):
        if count < call_number:
            first, judged, before = first_attempt, call_number - count, count
        count += n
    if not 0 <= call_number <= count:
        raise InvalidArgument(
            f"call_number={call_number!r}: expected 0 to {count}, the judged calls of the configuration"
        )
    has_gaps = snapshot.rows_since() is not None
    return _Place(by_id[configuration_id], first, judged, count - before, has_gaps)
