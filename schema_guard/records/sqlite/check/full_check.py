# SPDX-License-Identifier: Apache-2.0
"""A check of a whole SQLite store, one look after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schema_guard.records.backend import StoreCheck
from schema_guard.records.sqlite.check import rows, small_tables, sums
from schema_guard.records.sqlite.check.notes import Notes

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

__all__ = ["check"]

_MOST_REPORTED = 100  # by SQLite's own check


def check(connection: sqlite3.Connection, url: str, on_step: Callable[[str, int, int], None]) -> StoreCheck:
    """Look for damage in all that is stored.

    Args:
        connection: In a transaction, so that it sees one state.
        url: Of the store.
        on_step: Is told what is looked at, how many attempts of it are done, and how many there are.
    """
    notes = Notes(on_step)
    _by_sqlite(connection, notes)
    small_tables.check(connection, notes)
    with notes.reading("attempts"):
        rows.check(connection, notes)
    sums.check(connection, notes)
    return StoreCheck(
        url=url,
        attempts=notes.attempts,
        with_checksum=notes.with_checksum,
        damage=tuple(notes.damage),
    )


def _by_sqlite(connection: sqlite3.Connection, notes: Notes) -> None:
    """Let SQLite look at its pages and indexes, and at what refers to what."""
    notes.on_step("the file", 0, 0)
    with notes.reading("file"):
        for (message,) in connection.execute(f"PRAGMA integrity_check({_MOST_REPORTED})"):
            if message != "ok":
                notes.add("file", str(message).removeprefix("*** in database main ***\n"))
    with notes.reading("references"):
        for table, row, other, _ in connection.execute("PRAGMA foreign_key_check"):
            notes.add("references", f"row {row} of {table} refers to a row of {other} that is not there")
