# SPDX-License-Identifier: Apache-2.0
"""The roll-ups of configurations of which attempts are gone, against those that are left and what is known of the others."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from schema_guard.records.counts.recount import input_weight, tallies_number
from schema_guard.records.counts.rollups import shape
from schema_guard.records.sqlite.counts import hours, inputs
from schema_guard.records.sqlite.counts.deleted_sums import DeletedSums

if TYPE_CHECKING:
    import sqlite3

    from schema_guard.records.counts.recount import Recounted
    from schema_guard.records.sqlite.check.notes import Notes

__all__ = ["compare"]

_JUDGED = ("valid_first_time", "repaired", "fixed_by_retry", "failed", "unseen")


def compare(
    connection: sqlite3.Connection,
    named: tuple[int, str],
    remaining: Recounted,
    sums: DeletedSums | None,
    notes: Notes,
) -> None:
    """Note where the numbers of what is kept are not those of what is left and what is gone.

    Args:
        connection: In a transaction.
        named: The `id` of the configuration, and how it is called.
        remaining: What the attempts that are left add up to.
        sums: Of those that are gone.
        notes: Is added to.
    """
    number, where = named
    known = sums or DeletedSums(0, 0)
    with notes.reading("inputs"):
        every = inputs.totals(connection, number).items()
        if sum(input_weight(key, n, k) for key, (n, k) in every) != remaining.inputs + known.inputs:
            notes.add(
                "inputs", f"{where}: the calls of its inputs are not those of its attempts, left and gone"
            )
    with notes.reading("roll_ups"):
        tallies, by_hour = _tallies(connection, number), _hours(connection, number)
        if (
            tallies_number(tallies, by_hour)
            != tallies_number(remaining.tallies, remaining.hours) + known.tallies
        ):
            notes.add("roll_ups", f"{where}: its counts are not those of its attempts, left and gone")
        sql = "SELECT n, bits FROM outcomes WHERE configuration_id = ?"
        outcomes = connection.execute(sql, [number]).fetchall()
        failed = sum(int.from_bytes(bits).bit_count() for _, bits in outcomes)
        judged = sum(tallies.get(("calls", way), 0) for way in _JUDGED)
        if (sum(n for n, _ in outcomes), failed) != (judged, tallies.get(("calls", "failed"), 0)):
            notes.add("roll_ups", f"{where}: how its calls ended, in their order, is not what its counts say")


def _tallies(connection: sqlite3.Connection, number: int) -> dict[tuple[str, str], int]:
    """Give the tallies, less the inputs that were called so often, which no sum of calls tells."""
    tallies: dict[tuple[str, str], int] = defaultdict(int)
    sql = "SELECT tally, key, count FROM tallies WHERE configuration_id = ?"
    for tally, key, count in connection.execute(sql, [number]):
        tallies[tally, key] += count
    for _, tally, key, count in hours.open_tallies(connection, "configuration_id = ?", [number]):
        tallies[tally, key] += count
    for n, k in inputs.totals(connection, number, with_pending=False).values():
        tallies["inputs", shape(n, k)] -= 1
    return tallies


def _hours(connection: sqlite3.Connection, number: int) -> dict[tuple[int, str], int]:
    sql = "SELECT hour, tally, count FROM hours WHERE configuration_id = ?"
    return {(hour, tally): count for hour, tally, count in connection.execute(sql, [number])}
