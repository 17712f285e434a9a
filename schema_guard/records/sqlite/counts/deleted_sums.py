# SPDX-License-Identifier: Apache-2.0
"""What attempts that are gone had added to the counts that stay, so that a check knows what these have to be.

Table: `gone_sums`, of each configuration the numbers that `counts.recount` gives of its attempts that were taken out:
one for tallies and hours, one for inputs. With those of the attempts that are left they are those of what is kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

    from schema_guard.records.counts.recount import Recounted
    from schema_guard.records.counts.rollups import StoredRow
    from schema_guard.records.rows import Row

__all__ = ["TABLES", "DeletedSums", "deleted_sums_of", "note", "rename_input"]

TABLES = (
    """CREATE TABLE gone_sums (
        configuration_id INTEGER PRIMARY KEY REFERENCES configurations, tallies TEXT NOT NULL, inputs TEXT NOT NULL
    ) STRICT""",
)


class DeletedSums(NamedTuple):
    """The numbers of attempts of a configuration that are gone."""

    tallies: int
    inputs: int


def deleted_sums_of(connection: sqlite3.Connection) -> dict[int, DeletedSums]:
    """Give the numbers of each configuration that has attempts no more, by its `id`."""
    rows = connection.execute("SELECT configuration_id, tallies, inputs FROM gone_sums").fetchall()
    return {number: DeletedSums(int(tallies), int(known)) for number, tallies, known in rows}


def note(connection: sqlite3.Connection, rows: Iterable[StoredRow]) -> None:
    """Note what the attempts of whole calls, which are about to be taken out, had added; in that transaction."""
    from schema_guard.records.counts.recount import (  # not needed by who only records
        recounted,
        tallies_number,
    )
    from schema_guard.records.counts.rollups import configuration_key

    counted: dict[Row, Recounted] = {}
    recounted(counted, rows)
    for configuration, sums in counted.items():
        sql = "SELECT id FROM configurations WHERE key = ?"
        ((number,),) = connection.execute(sql, (configuration_key(configuration),)).fetchall()
        _add(connection, number, DeletedSums(tallies_number(sums.tallies, sums.hours), sums.inputs))


def rename_input(connection: sqlite3.Connection, old: bytes, new: bytes) -> None:
    """Note that an input is about to get another name, everywhere, whose attempts are all gone."""
    from schema_guard.records.counts.recount import input_weight  # as above
    from schema_guard.records.sqlite.counts import inputs

    for (number,) in connection.execute("SELECT configuration_id FROM gone_sums").fetchall():
        n = k = 0
        for table in ("inputs", "recent_inputs"):
            sql = f"SELECT n, k FROM {table} WHERE configuration_id = ? AND input = ?"
            for more_n, more_k in connection.execute(sql, (number, old)):
                n, k = n + more_n, k + more_k
        more_n, more_k = (
            inputs.pending(connection, "configuration_id = ?", [number]).get(number, {}).get(old, (0, 0))
        )
        n, k = n + more_n, k + more_k
        if n:
            _add(connection, number, DeletedSums(0, input_weight(new, n, k) - input_weight(old, n, k)))


def _add(connection: sqlite3.Connection, number: int, more: DeletedSums) -> None:
    known = connection.execute(
        "SELECT tallies, inputs FROM gone_sums WHERE configuration_id = ?", (number,)
    ).fetchall()
    tallies, of_inputs = map(int, known[0]) if known else (0, 0)
    connection.execute(
        "INSERT OR REPLACE INTO gone_sums VALUES (?, ?, ?)",
        (number, str(tallies + more.tallies), str(of_inputs + more.inputs)),
    )
