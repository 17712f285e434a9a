# SPDX-License-Identifier: Apache-2.0
"""What is written to a SQLite store: each function is one transaction."""

from __future__ import annotations

import sqlite3
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from schema_guard.records.backend import DropCount
from schema_guard.records.counts.rollups import additions, new_calls
from schema_guard.records.declarations import Declared, DeclaredRung, DeclaredTarget, joined
from schema_guard.records.rows import COLUMNS
from schema_guard.records.sqlite import attempts, rollups
from schema_guard.records.sqlite.checksums import sealed
from schema_guard.records.sqlite.payloads import texts
from schema_guard.records.sqlite.payloads.removal import closed_hours
from schema_guard.records.sqlite.tables import hash_key, note_keys, noted_keys, replace_hash_key, transaction

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from schema_guard.records.payloads.texts import Payload
    from schema_guard.records.rows import Row

_INSERT_DROPS = "INSERT INTO drops (reason, count, at, checksum) VALUES (?, ?, ?, ?)"
_INSERT_RUNG = """
INSERT INTO declared_rungs (schema_fingerprint, rung, status, reason, at, function, checksum)
VALUES (?, ?, ?, ?, ?, ?, ?)
"""
_INSERT_TARGET = """
INSERT INTO declared_targets (schema_fingerprint, at, target, function, checksum) VALUES (?, ?, ?, ?, ?)
"""
_CALL_ID = COLUMNS.index("call_id")
_SET = "UPDATE meta SET value = ? WHERE key = ?"
_LAST_ID = "SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'last_id'"


class Batch(NamedTuple):
    """What is stored at once.

    Attributes:
        rows: Of whole calls.
        drops: By reason.
        at: When.
        key_note: Of the key of the rows' hashes, where that is not noted yet.
        payloads: The texts of each row; empty when none has any.
    """

    rows: Sequence[Row]
    drops: Mapping[str, int]
    at: float
    key_note: str | None
    payloads: Sequence[Payload | None]


def append(connection: sqlite3.Connection, batch: Batch) -> None:
    """Store the attempts of whole calls, their texts, and counts of drops, all or nothing."""
    with transaction(connection):
        if batch.rows:
            first_id = _append(connection, batch.rows)
            texts.insert(connection, first_id, batch.payloads)
        if batch.key_note is not None:
            note_keys(connection, [batch.key_note])
        drops = [(reason, count, batch.at) for reason, count in batch.drops.items()]
        connection.executemany(_INSERT_DROPS, map(sealed, drops))


def add_calls(connection: sqlite3.Connection, rows: Sequence[Row], payloads: Sequence[Payload | None]) -> int:
    """Store those of whole calls that are not stored, and their texts; gives how many attempts that were."""
    call_ids = sorted({str(row[_CALL_ID]) for row in rows})
    with transaction(connection):
        known = set(attempts.known_calls(connection, call_ids))
        new = new_calls(rows, known, closed_hours(connection))
        if new:
            first_id = _append(connection, [rows[place] for place in new])
            texts.insert(connection, first_id, [payloads[place] for place in new] if payloads else [])
    return len(new)


def add_drops(connection: sqlite3.Connection, drops: Sequence[DropCount]) -> int:
    """Add those counts that are not there, each as often as it comes; gives how many."""
    with transaction(connection):
        there = Counter(every_drop(connection))
        new = list((Counter(drops) - there).elements())
        connection.executemany(_INSERT_DROPS, map(sealed, new))
    return len(new)


def adopted_key(connection: sqlite3.Connection, key: bytes) -> bytes:
    """Make a key that of a file without hashes; gives the one that holds then, which the environment may name."""
    with transaction(connection):
        if not attempts.last_id(connection) and not noted_keys(connection):
            replace_hash_key(connection, key)
        return hash_key(connection)


def every_drop(connection: sqlite3.Connection) -> list[DropCount]:
    """Give each count of drops that was stored."""
    sql = "SELECT reason, count, at FROM drops ORDER BY rowid"
    return [DropCount(*found) for found in connection.execute(sql).fetchall()]


def add_declared(connection: sqlite3.Connection, declared: Declared) -> int:
    """Put declarations about a schema among those that are there; gives how many came."""
    which = declared.schema_fingerprint
    with transaction(connection):
        sql = "SELECT rung, status, reason, at, function FROM declared_rungs WHERE schema_fingerprint = ? ORDER BY id"
        rungs = [DeclaredRung(*found) for found in connection.execute(sql, (which,)).fetchall()]
        sql = "SELECT at, target, function FROM declared_targets WHERE schema_fingerprint = ? ORDER BY id"
        targets = [DeclaredTarget(*found) for found in connection.execute(sql, (which,)).fetchall()]
        all_rungs, all_targets = joined(rungs, declared.rungs), joined(targets, declared.targets)
        # Their order is that of `id`: what comes between two others is stored with all that follow.
        if len(all_rungs) > len(rungs):
            connection.execute("DELETE FROM declared_rungs WHERE schema_fingerprint = ?", (which,))
            connection.executemany(_INSERT_RUNG, [sealed((which, *one)) for one in all_rungs])
        if len(all_targets) > len(targets):
            connection.execute("DELETE FROM declared_targets WHERE schema_fingerprint = ?", (which,))
            connection.executemany(_INSERT_TARGET, [sealed((which, *one)) for one in all_targets])
    return len(all_rungs) - len(rungs) + len(all_targets) - len(targets)


def _append(connection: sqlite3.Connection, rows: Sequence[Row]) -> int:
    """Store attempts and count them; gives the `id` of the first."""
    ((noted,),) = connection.execute(_LAST_ID).fetchall()
    # The `id`s of deleted attempts are not reused. A damaged file can have later attempts than the noted one.
    last = max(int(noted), attempts.last_id(connection))
    stored = list(enumerate(rows, start=last + 1))
    ids = rollups.configuration_ids(connection, stored)
    attempts.insert(connection, stored, ids)
    rollups.add(connection, additions(stored), ids)
    connection.execute(_SET, (str(last + len(rows)), "last_id"))
    return last + 1


def declare_rung(connection: sqlite3.Connection, schema_fingerprint: str, declared: DeclaredRung) -> None:
    """Add a declaration about a rung."""
    with transaction(connection):
        connection.execute(_INSERT_RUNG, sealed((schema_fingerprint, *declared)))


def set_target(connection: sqlite3.Connection, schema_fingerprint: str, declared: DeclaredTarget) -> None:
    """Add a target rate."""
    with transaction(connection):
        connection.execute(_INSERT_TARGET, sealed((schema_fingerprint, *declared)))
