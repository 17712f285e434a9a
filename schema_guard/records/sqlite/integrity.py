# SPDX-License-Identifier: Apache-2.0
"""The check of a SQLite file: its pages, its indexes, and the statements that made its tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schema_guard.records.sqlite.tables import changed_parts

if TYPE_CHECKING:
    from schema_guard.records.sql.checking import Notes
    from schema_guard.records.sqlite.tables import SQLiteConnection

__all__ = ["check_file"]

_MOST_REPORTED = 100


def check_file(connection: SQLiteConnection, notes: Notes) -> None:
    """Note damage of the file."""
    notes.on_step("the file", 0, 0)
    with notes.reading("file"):
        for (message,) in connection.select(f"PRAGMA integrity_check({_MOST_REPORTED})"):
            if message != "ok":
                notes.add("file", str(message).removeprefix("*** in database main ***\n"))
    with notes.reading("tables"):
        for name in changed_parts(connection):
            notes.add("tables", f"{name} is not as it was made")
