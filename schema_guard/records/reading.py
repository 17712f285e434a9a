# SPDX-License-Identifier: Apache-2.0
"""Reading a store page by page, so that a long read keeps no transaction open.

Attempts are only ever appended. So pages up to the `id` that was the last one at the beginning show one state.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from schema_guard.records.rows import CONFIGURATION_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schema_guard.records.attempts import Where
    from schema_guard.records.backend import Backend
    from schema_guard.records.counts.calls import StoredRow


class Names(NamedTuple):
    """How the schema, the function and the part of the traffic of calls are called."""

    schema_name: str
    schema_fingerprint: str
    function: str
    segment: str | None


_PLACES = [CONFIGURATION_COLUMNS.index(name) for name in Names._fields]


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


def names(backend: Backend) -> set[Names]:
    """Return the names of functions and schemas."""
    with backend.reading() as snapshot:
        rows: list[tuple[Any, ...]] = [*snapshot.names()]
    return {Names(*(row[place] for place in _PLACES)) for row in rows}


def failed_calls(
    backend: Backend, configuration_id: int, calls: int, most: int
) -> list[tuple[int, str, float]]:
    """Return the failed ones of the last *calls* validated calls of a configuration, the last one first.

    Returns:
        The `id` of their last attempt, the id of the call, and when it began. Calls are looked for among the last *most*
        attempts of the store.
    """
    with backend.reading() as snapshot:
        return snapshot.failed_calls(configuration_id, calls, most)


def arrivals(backend: Backend, most: int) -> list[tuple[int, float | None]]:
    """Return the calls among the last *most* attempts, in the order of arrival.

    Returns:
        For each call the `ConfigurationCounts.id`, and when it began, in seconds since the epoch; None if not known.
    """
    with backend.reading() as snapshot:
        return snapshot.arrivals(most)
