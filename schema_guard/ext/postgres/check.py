# SPDX-License-Identifier: Apache-2.0
"""Looking for damage in a PostgreSQL store: its roll-ups against what its attempts add up to.

The bytes are the server's business, which has checksums of its pages (`SHOW data_checksums`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from schema_guard.ext.postgres.reading import PostgresSnapshot
from schema_guard.records.attempts import Where
from schema_guard.records.backend import StoreCheck
from schema_guard.records.counts.recount import Recounted, recounted
from schema_guard.records.counts.rollups import configuration_key, whole_calls
from schema_guard.records.sqlite.check.notes import Notes
from schema_guard.records.sqlite.check.sums import compare

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from schema_guard.records.counts.rollups import StoredRow
    from schema_guard.records.rows import Row


class _Queries:
    """Asks the server what SQLite is asked: the roll-ups of both have the same names."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def execute(self, sql: str, values: Sequence[Any] = ()) -> Any:
        return self._connection.execute(sql.replace("?", "%s"), values or None)


def check(connection: Any, url: str, on_step: Callable[[str, int, int], None]) -> StoreCheck:
    """Look for damage in all that is stored.

    Args:
        connection: In a transaction, so that it sees one state.
        url: Of the store.
        on_step: Is told what is looked at, how many attempts of it are done, and how many there are.
    """
    notes = Notes(on_step)
    snapshot = PostgresSnapshot(connection)
    for configuration, number in snapshot.configuration_ids().items():
        ((key,),) = connection.execute("SELECT key FROM configurations WHERE id = %s", (number,)).fetchall()
        if key != configuration_key(configuration):
            notes.add("configurations", f"configuration {number} is not as it was written")
    ((last,),) = connection.execute("SELECT last_id FROM place").fetchall()
    ((total, greatest),) = connection.execute("SELECT COUNT(*), MAX(id) FROM attempts").fetchall()
    if (greatest or 0) > last:
        notes.add("attempts", f"attempt {greatest} was stored after {last}, the last one that was written")
    recounts: dict[Row, Recounted] = {}
    for rows in whole_calls(_pages(snapshot, notes, total)):
        recounted(recounts, rows)
    compare(_Queries(connection), recounts, notes, has_log=False)
    return StoreCheck(
        url=url,
        attempts=notes.attempts,
        with_checksum=0,  # the server has checksums of its pages
        damage=tuple(notes.damage),
    )


def _pages(snapshot: PostgresSnapshot, notes: Notes, total: int) -> Iterator[list[StoredRow]]:
    first, last = snapshot.span(Where())
    while page := snapshot.page(Where(), first=first, last=last):
        notes.attempts += len(page)
        notes.on_step("roll-ups", notes.attempts, total)
        yield page
        first = page[-1][0] + 1
