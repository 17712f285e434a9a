# SPDX-License-Identifier: Apache-2.0
"""What is written to a SQLite store: each function is one transaction."""

from __future__ import annotations

import sqlite3
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from schema_guard.records.backend import LostRecords
from schema_guard.records.counts.rollups import additions, new_calls
from schema_guard.records.declarations import Declared, DeclaredStep, DeclaredTarget, joined
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

_INSERT_LOST = "INSERT INTO lost_records (reason, count, at, checksum) VALUES (?, ?, ?, ?)"
_INSERT_STEP = """
INSERT INTO declared_steps (schema_fingerprint, step, status, reason, at, function, checksum)
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
        lost_records: By reason.
        at: When.
        key_note: Of the key of the rows' hashes, where that is not noted yet.
        payloads: The texts of each row; empty when none has any.
    """

    rows: Sequence[Row]
    lost_records: Mapping[str, int]
    at: float
    key_note: str | None
    payloads: Sequence[Payload | None]


def append(connection: sqlite3.Connection, batch: Batch) -> None:
    """Store the attempts of whole calls, their texts, and counts of lost records, all or nothing."""
    with transaction(connection):
        if batch.rows:
            first_id = _append(connection, batch.rows)
            texts.insert(connection, first_id, batch.payloads)
        if batch.key_note is not None:
            note_keys(connection, [batch.key_note])
        lost_records = [(reason, count, batch.at) for reason, count in batch.lost_records.items()]
        connection.executemany(_INSERT_LOST, map(sealed, lost_records))


def add_calls(connection: sqlite3.Connection, rows: Sequence[Row], payloads: Sequence[Payload | None]) -> int:
    """Store those of whole calls that are not stored, and their texts; gives how many attempts that were."""
    call_ids = sorted({str(row[_CALL_ID]) for row in rows})
    with transaction(connection):
        known = set(attempts.stored_calls(connection, call_ids))
        new = new_calls(rows, known, closed_hours(connection))
        if new:
            first_id = _append(connection, [rows[place] for place in new])
            texts.insert(connection, first_id, [payloads[place] for place in new] if payloads else [])
    return len(new)


def add_lost_records(connection: sqlite3.Connection, lost_records: Sequence[LostRecords]) -> int:
    """Add those counts that are not there, each as often as it comes; gives how many."""
    with transaction(connection):
        there = Counter(every_lost_record(connection))
        new = list((Counter(lost_records) - there).elements())
        connection.executemany(_INSERT_LOST, map(sealed, new))
    return len(new)


def adopted_key(connection: sqlite3.Connection, key: bytes) -> bytes:
    """Make a key that of a file without hashes; gives the one that holds then, which the environment may name."""
    with transaction(connection):
        if not attempts.last_id(connection) and not noted_keys(connection):
            replace_hash_key(connection, key)
        return hash_key(connection)


def every_lost_record(connection: sqlite3.Connection) -> list[LostRecords]:
    """Give each count of lost records that was stored."""
    sql = "SELECT reason, count, at FROM lost_records ORDER BY rowid"
    return [LostRecords(*found) for found in connection.execute(sql).fetchall()]


def add_declared(connection: sqlite3.Connection, declared: Declared) -> int:
    """Put declarations about a schema among those that are there; gives how many came."""
    which = declared.schema_fingerprint
    with transaction(connection):
        sql = "SELECT step, status, reason, at, function FROM declared_steps WHERE schema_fingerprint = ? ORDER BY id"
        steps = [DeclaredStep(*row) for row in connection.execute(sql, (which,)).fetchall()]
        sql = "SELECT at, target, function FROM declared_targets WHERE schema_fingerprint = ? ORDER BY id"
        targets = [DeclaredTarget(*row) for row in connection.execute(sql, (which,)).fetchall()]
        all_steps, all_targets = joined(steps, declared.steps), joined(targets, declared.targets)
        # Their order is that of `id`: what comes between two others is stored with all that follow.
        if len(all_steps) > len(steps):
            connection.execute("DELETE FROM declared_steps WHERE schema_fingerprint = ?", (which,))
            connection.executemany(_INSERT_STEP, [sealed((which, *declaration)) for declaration in all_steps])
        if len(all_targets) > len(targets):
            connection.execute("DELETE FROM declared_targets WHERE schema_fingerprint = ?", (which,))
            connection.executemany(
                _INSERT_TARGET, [sealed((which, *declaration)) for declaration in all_targets]
            )
    return len(all_steps) - len(steps) + len(all_targets) - len(targets)


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


def declare_step(connection: sqlite3.Connection, schema_fingerprint: str, declared: DeclaredStep) -> None:
    """Add a declaration about a step."""
    with transaction(connection):
        connection.execute(_INSERT_STEP, sealed((schema_fingerprint, *declared)))


def set_target(connection: sqlite3.Connection, schema_fingerprint: str, declared: DeclaredTarget) -> None:
    """Add a target rate."""
    with transaction(connection):
        connection.execute(_INSERT_TARGET, sealed((schema_fingerprint, *declared)))
