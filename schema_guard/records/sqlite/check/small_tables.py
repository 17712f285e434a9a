# SPDX-License-Identifier: Apache-2.0
"""The small tables of a SQLite store, each row of which has its own checksum, and the statements that made them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schema_guard.records.counts.rollups import configuration_key
from schema_guard.records.rows import CONFIGURATION_COLUMNS
from schema_guard.records.sqlite.checksums import checksum
from schema_guard.records.sqlite.tables import changed_parts

if TYPE_CHECKING:
    import sqlite3

    from schema_guard.records.sqlite.check.notes import Notes

__all__ = ["check"]

_SEALED = {
    "models": ("reply_models", "model, snapshot"),
    "payloads": ("payloads", "attempt_id, prompt, reply, touched"),
    "inputs": ("input_log", "configuration_id, hour, calls"),
    "hours": (
        "hour_details",
        "hour, configuration_id, first_attempt, first_started_at, last_started_at, is_open, calls, tallies",
    ),
    "lost_records": ("lost_records", "reason, count, at"),
    "steps": ("declared_steps", "schema_fingerprint, step, status, reason, at, function"),
    "targets": ("declared_targets", "schema_fingerprint, at, target, function"),
}
_PART = {"steps": "declarations", "targets": "declarations"}


def check(connection: sqlite3.Connection, notes: Notes) -> None:
    """Compare each row with its checksum."""
    for name, (table, columns) in _SEALED.items():
        part = _PART.get(name, name)
        with notes.reading(part):
            sql = f"SELECT rowid, checksum, {columns} FROM {table}"
            for row, stored_checksum, *values in connection.execute(sql):
                if checksum(values) != stored_checksum:
                    notes.add(part, f"row {row} of {table} is not as it was written")
    with notes.reading("configurations"):
        sql = f"SELECT id, key, {', '.join(CONFIGURATION_COLUMNS)} FROM configurations"
        for row, key, *values in connection.execute(sql):
            if configuration_key(tuple(values)) != key:
                notes.add("configurations", f"configuration {row} is not as it was written")
    with notes.reading("tables"):
        for name in changed_parts(connection):
            notes.add("tables", f"{name} is not as it was made")
