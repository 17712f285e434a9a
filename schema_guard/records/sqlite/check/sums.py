# SPDX-License-Identifier: Apache-2.0
"""The roll-ups of a SQLite store against what its attempts add up to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from schema_guard.records.counts.recount import Recounted, input_weight, recounted
from schema_guard.records.counts.rollups import CHUNK_CALLS, LARGEST, shape, whole_calls
from schema_guard.records.rows import CONFIGURATION_COLUMNS, HASH_BYTES
from schema_guard.records.sqlite import attempts
from schema_guard.records.sqlite.check import pruned
from schema_guard.records.sqlite.counts import deleted_sums, hours, inputs
from schema_guard.records.sqlite.payloads import removal

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Mapping

    from schema_guard.records.counts.rollups import StoredRow
    from schema_guard.records.rows import Row
    from schema_guard.records.sqlite.check.notes import Notes
    from schema_guard.records.sqlite.counts.deleted_sums import DeletedSums

__all__ = ["check", "compare"]

_PAGE = 1_000


def check(connection: sqlite3.Connection, notes: Notes) -> None:
    """Compare the roll-ups with a recount."""
    counted: dict[Row, Recounted] = {}
    with notes.reading("roll_ups"):
        _check_place(connection, notes)
        for rows in whole_calls(_pages(connection, notes)):
            recounted(counted, rows)
        compare(connection, counted, notes, has_log=True, sums=deleted_sums.deleted_sums_of(connection))


def _check_place(connection: sqlite3.Connection, notes: Notes) -> None:
    """Check the note of the last attempt, and the number of calls that wait to be merged."""
    sql = "SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'last_id'"
    ((noted,),) = connection.execute(sql).fetchall()
    last = attempts.last_id(connection)
    if noted < last or (noted > last and not removal.has_removed(connection)):
        notes.add("roll_ups", f"attempts up to {noted} are counted, and the last one is {last}")
    sql = "SELECT merged_to, pending, (SELECT MAX(id) FROM input_log) FROM input_merges"
    ((merged, waiting, logged),) = connection.execute(sql).fetchall()
    sql = "SELECT COALESCE(SUM(LENGTH(calls)), 0) FROM input_log WHERE id > ?"
    ((size,),) = connection.execute(sql, [merged]).fetchall()
    if merged > (logged or 0) or size != waiting * (HASH_BYTES + 1):
        notes.add("inputs", "how many of their calls are put together is another number")


def _pages(connection: sqlite3.Connection, notes: Notes) -> Iterator[list[StoredRow]]:
    first = done = 0
    while page := attempts.page(connection, "a.id > ?", [first], _PAGE):
        yield page
        first, done = page[-1][0], done + len(page)
        notes.on_step("roll-ups", done, notes.attempts)


def compare(
    connection: Any,
    counted: dict[Row, Recounted],
    notes: Notes,
    *,
    has_log: bool,
    sums: Mapping[int, DeletedSums] | None = None,
) -> None:
    """Note where the roll-ups that a connection has are not what was counted.

    Args:
        connection: To a database with these tables.
        counted: What was counted, by configuration.
        notes: Is added to.
        has_log: Whether inputs are noted first and counted later, and the latest hours are open.
        sums: Of what is gone, by configuration; None where that is not kept.
    """
    columns = ", ".join(CONFIGURATION_COLUMNS)
    sql = f"SELECT id, first_started_at, last_started_at, {columns} FROM configurations ORDER BY id"
    closed = removal.closed_configurations(connection)
    for number, first, last, *named in connection.execute(sql).fetchall():
        wanted = counted.pop(tuple(named), Recounted())
        where = f"configuration {number} ({named[0]})"
        if number in closed:  # its counts are of more than its attempts
            if sums is not None:
                pruned.compare(connection, (number, where), wanted, sums.get(number), notes)
            continue
        if (first, last) != (wanted.first_started_at, wanted.last_started_at):
            notes.add("roll_ups", f"{where}: the times of its first and last call are other ones")
        with notes.reading("inputs"):
            _compare_inputs(connection, number, where, wanted, notes, has_log=has_log)
        with notes.reading("roll_ups"):
            _compare_tallies(connection, number, where, wanted, notes, has_log=has_log)
            _compare_outcomes(connection, number, where, wanted, notes)
        with notes.reading("hours"):
            _compare_hours(connection, number, where, wanted, notes)
    for named in counted:
        notes.add("roll_ups", f"{named[0]}: a configuration that has attempts has no roll-ups")


def _compare_inputs(
    connection: sqlite3.Connection,
    number: int,
    where: str,
    wanted: Recounted,
    notes: Notes,
    *,
    has_log: bool,
) -> None:
    if has_log:
        merged, every = (inputs.totals(connection, number, with_pending=pending) for pending in (False, True))
    else:
        sql = "SELECT input, n, k FROM inputs WHERE configuration_id = ?"
        merged = every = {key: (n, k) for key, n, k in connection.execute(sql, [number])}
    for n, k in merged.values():
        wanted.tallies["inputs", shape(n, k)] += 1
    if sum(input_weight(key, n, k) for key, (n, k) in every.items()) != wanted.inputs:
        notes.add("inputs", f"{where}: the calls of its inputs are not those of its attempts")


def _compare_tallies(
    connection: sqlite3.Connection,
    number: int,
    where: str,
    wanted: Recounted,
    notes: Notes,
    *,
    has_log: bool,
) -> None:
    sql = "SELECT tally, key, count FROM tallies WHERE configuration_id = ?"
    counts = {(tally, key): count for tally, key, count in connection.execute(sql, [number]) if count}
    for _, tally, key, count in (
        hours.open_tallies(connection, "configuration_id = ?", [number]) if has_log else ()
    ):
        counts[tally, key] = min(counts.get((tally, key), 0) + count, LARGEST)
    right = {name: min(count, LARGEST) for name, count in wanted.tallies.items() if count}
    for tally, key in sorted(counts.keys() | right.keys()):
        if (stored := counts.get((tally, key), 0)) != (other := right.get((tally, key), 0)):
            notes.add("roll_ups", f"{where}: {tally} {key} is {stored}, its attempts say {other}")


def _compare_outcomes(
    connection: sqlite3.Connection, number: int, where: str, wanted: Recounted, notes: Notes
) -> None:
    sql = "SELECT chunk, n, bits, first_attempt FROM outcomes WHERE configuration_id = ? ORDER BY chunk"
    rows = connection.execute(sql, [number]).fetchall()
    right = []
    for first in range(0, len(wanted.outcomes), CHUNK_CALLS):
        text = wanted.outcomes[first : first + CHUNK_CALLS].decode("ascii")
        size = -(-len(text) // 8)
        bits = int(text.ljust(size * 8, "0"), 2).to_bytes(size, "big")
        right.append((first // CHUNK_CALLS, len(text), bits, wanted.starts[first]))
    if rows != right:
        notes.add("roll_ups", f"{where}: how its calls ended, in their order, is not what its attempts say")


def _compare_hours(
    connection: sqlite3.Connection, number: int, where: str, wanted: Recounted, notes: Notes
) -> None:
    sql = "SELECT hour, tally, count FROM hours WHERE configuration_id = ?"
    counts = {(hour, tally): count for hour, tally, count in connection.execute(sql, [number])}
    for hour, tally in sorted(counts.keys() | wanted.hours.keys()):
        if (stored := counts.get((hour, tally), 0)) != (other := wanted.hours.get((hour, tally), 0)):
            notes.add("hours", f"{where}: {tally} of hour {hour} is {stored}, its attempts say {other}")
