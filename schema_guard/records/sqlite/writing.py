# SPDX-License-Identifier: Apache-2.0
"""What is written to a SQLite store: each function is one transaction."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, NamedTuple

from schema_guard.records.counts.rollups import additions, whole_calls
from schema_guard.records.sqlite import attempts, rollups
from schema_guard.records.sqlite.tables import transaction

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from schema_guard.records.declarations import DeclaredRung, DeclaredTarget
    from schema_guard.records.rows import Row
    from schema_guard.records.sqlite.attempts import Part

# Of attempts that a process of version 1 left uncounted, so many are counted with a write: a tenth of a second.
_CAUGHT_UP_ROWS = 2_000

_INSERT_DROPS = "INSERT INTO drops (reason, count, at) VALUES (?, ?, ?)"
_INSERT_RUNG = """
INSERT INTO declared_rungs (schema_fingerprint, rung, status, reason, at, function) VALUES (?, ?, ?, ?, ?, ?)
"""
_INSERT_TARGET = "INSERT INTO declared_targets (schema_fingerprint, at, target, function) VALUES (?, ?, ?, ?)"
_SET = "UPDATE meta SET value = ? WHERE key = ?"


class _Place(NamedTuple):
    """How far the roll-ups are.

    Attributes:
        counted: `id` of the last attempt in them.
        last: `id` of the attempt that was stored last.
        rows: How many were counted now.
    """

    counted: int
    last: int
    rows: int = 0


def append(
    connection: sqlite3.Connection,
    tables: Sequence[Part],
    rows: Sequence[Row],
    drops: Mapping[str, int],
    at: float,
) -> None:
    """Store the attempts of whole calls and counts of drops, all or nothing."""
    with transaction(connection):
        if rows:
            _append(connection, tables, rows)
        connection.executemany(_INSERT_DROPS, [(reason, count, at) for reason, count in drops.items()])


def _append(connection: sqlite3.Connection, tables: Sequence[Part], rows: Sequence[Row]) -> None:
    place = _catch_up(connection, tables, _CAUGHT_UP_ROWS)
    stored = list(enumerate(rows, start=place.last + 1))
    last = place.last + len(rows)
    ids = rollups.configuration_ids(connection, stored)
    attempts.insert(connection, stored, ids)
    is_whole = place.counted == place.last
    rollups.add(connection, additions(stored, has_order=is_whole), ids)
    connection.execute(_SET, (str(last), "rolled_up_to" if is_whole else "uncounted_to"))


def _catch_up(connection: sqlite3.Connection, tables: Sequence[Part], limit: int) -> _Place:
    """Count, up to a limit, attempts that are stored and not counted."""
    sql = "SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'rolled_up_to'"
    ((counted,),) = connection.execute(sql).fetchall()
    place = _Place(counted, attempts.last_id(connection, tables))
    if place.counted >= place.last:
        return place._replace(counted=place.last)
    page = attempts.after(connection, tables, counted, limit)
    for rows in whole_calls([page]):
        ids = rollups.configuration_ids(connection, rows)
        rollups.add(connection, additions(rows, has_details=False), ids)
        place = _Place(rows[-1][0], place.last, len(rows))
    if len(page) < limit:  # a call without an end does not stand in the way of those after it
        place = place._replace(counted=place.last)
    connection.execute(_SET, (str(place.counted), "rolled_up_to"))
    return place


def left_to_rebuild(connection: sqlite3.Connection, tables: Sequence[Part]) -> int:
    """Give how many attempts are still to be counted and to be moved."""
    sql = "SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'rolled_up_to'"
    ((counted,),) = connection.execute(sql).fetchall()
    return old_rows(connection, tables) + max(0, attempts.last_id(connection, tables) - int(counted))


def old_rows(connection: sqlite3.Connection, tables: Sequence[Part]) -> int:
    """Give how many attempts are in the table of an earlier version."""
    if attempts.OLD not in tables:
        return 0
    ((rows,),) = connection.execute(f"SELECT count(*) FROM {attempts.OLD_TABLE}").fetchall()
    return int(rows)


def rebuild(connection: sqlite3.Connection, tables: Sequence[Part], limit: int) -> int:
    """Count attempts that are not counted, else move some of an earlier version's; gives how many, 0 at the end."""
    with transaction(connection):
        place = _catch_up(connection, tables, limit)
        if place.rows or place.counted < place.last:
            return place.rows
        return _move(connection, limit) if attempts.OLD in tables else 0


def _move(connection: sqlite3.Connection, limit: int) -> int:
    page = attempts.after(connection, [attempts.OLD], 0, limit)
    # What has no end at the end of the table is moved as it is: a call is stored whole or not at all.
    rows = next(whole_calls([page]), page)
    if not rows:
        return 0
    ids = rollups.configuration_ids(connection, rows)
    attempts.insert(connection, rows, ids)
    rollups.add(connection, additions(rows, has_order=False), ids)
    connection.execute(f"DELETE FROM {attempts.OLD_TABLE} WHERE id <= ?", (rows[-1][0],))
    return len(rows)


def declare_rung(connection: sqlite3.Connection, schema_fingerprint: str, declared: DeclaredRung) -> None:
    """Add a declaration about a rung."""
    with transaction(connection):
        connection.execute(_INSERT_RUNG, (schema_fingerprint, *declared))


def set_target(connection: sqlite3.Connection, schema_fingerprint: str, declared: DeclaredTarget) -> None:
    """Add a target rate."""
    with transaction(connection):
        connection.execute(_INSERT_TARGET, (schema_fingerprint, *declared))
