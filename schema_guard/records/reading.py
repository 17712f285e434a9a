"""What can be asked of a database: attempts, roll-ups, and counts of chosen attempts.

Apart from the store, so that a process that only records does not import it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from schema_guard.records.attempts import Where, page, span
from schema_guard.records.backend import has_roll_ups
from schema_guard.records.configurations import (
    configuration_ids,
    no_calls,
    place_after,
    read_configurations,
)
from schema_guard.records.rollups import without_judged
from schema_guard.records.sqlite.recount import recount

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schema_guard.records.backend import Backend
    from schema_guard.records.configurations import ConfigurationCounts
    from schema_guard.records.rollups import StoredRow


def pages(backend: Backend, where: Where, *, first: int = 0) -> Iterator[list[StoredRow]]:
    """Give the attempts that are stored now, from an `id` on, in order.

    A page is read at a time: an open read would keep the log from being checkpointed.
    """
    with backend.reading() as select:
        least, last = span(select, where)
    first = max(first, least)
    while True:
        with backend.reading() as select:
            rows = page(select, where, first=first, last=last)
        if not rows:
            return
        yield rows
        first = rows[-1][0] + 1


def configurations(backend: Backend, where: Where) -> list[ConfigurationCounts]:
    """Count calls: by the roll-ups when all times are meant, else by the attempts."""
    with backend.reading() as select:
        if where.since is None and where.until is None and has_roll_ups(select):
            return read_configurations(select, where)
        ids = configuration_ids(select)
    return [replace(counts, id=ids.get(counts.configuration)) for counts in recount(pages(backend, where))]


def configuration_after(backend: Backend, configuration_id: int, call_number: int) -> ConfigurationCounts:
    """Count the calls of a configuration after its first *call_number* judged ones; `InvalidArgument`."""
    with backend.reading() as select:
        place = place_after(select, configuration_id, call_number)
    stored = pages(backend, Where(configuration=place.configuration), first=place.first)
    found = recount(without_judged(stored, place.judged))
    return (
        replace(found[0], id=configuration_id) if found else no_calls(place.configuration, configuration_id)
    )
