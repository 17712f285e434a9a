# SPDX-License-Identifier: Apache-2.0
"""The tables of a SQLite store, their version, and the key of its hashes."""

from __future__ import annotations

import os
import secrets
import sqlite3
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from schema_guard.records.backend import WriteRefused
from schema_guard.records.rows import COLUMNS
from schema_guard.records.sqlite.backup import back_up
from schema_guard.records.sqlite.rollups import catch_up, make_roll_ups, roll_up

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from schema_guard.records.declarations import DeclaredRung, DeclaredTarget
    from schema_guard.records.rows import Row

SCHEMA_VERSION = 2

_TABLES = (
    """CREATE TABLE attempts (
        id INTEGER PRIMARY KEY,
        call_id TEXT NOT NULL, started_at REAL, function TEXT NOT NULL,
        schema_name TEXT NOT NULL, schema_fingerprint TEXT NOT NULL,
        model TEXT, target TEXT, strategies TEXT NOT NULL, settings TEXT NOT NULL, version TEXT NOT NULL,
        segment TEXT, cluster TEXT, input_hash TEXT, parent_call_id TEXT,
        number INTEGER, final INTEGER NOT NULL, strategy TEXT NOT NULL,
        kind TEXT, code TEXT, form TEXT, repairs TEXT NOT NULL, finish_reason TEXT,
        input_tokens INTEGER, cached_input_tokens INTEGER, output_tokens INTEGER, reasoning_tokens INTEGER,
        elapsed_s REAL, cost REAL, prompt_chars INTEGER NOT NULL, reply_bytes INTEGER, reply_hash TEXT,
        violations TEXT NOT NULL
    ) STRICT""",
    "CREATE INDEX attempts_call_id ON attempts (call_id)",
    "CREATE INDEX attempts_started_at ON attempts (started_at)",
    "CREATE TABLE drops (reason TEXT NOT NULL, count INTEGER NOT NULL, at REAL NOT NULL) STRICT",
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT",
)
_TABLES_SINCE_2 = (
    """CREATE TABLE declared_rungs (
        id INTEGER PRIMARY KEY,
        schema_fingerprint TEXT NOT NULL, rung TEXT NOT NULL, status TEXT NOT NULL, reason TEXT NOT NULL,
        at REAL NOT NULL
    ) STRICT""",
    """CREATE TABLE declared_targets (
        id INTEGER PRIMARY KEY,
        schema_fingerprint TEXT NOT NULL, target REAL NOT NULL, at REAL NOT NULL
    ) STRICT""",
)
_INSERT = f"INSERT INTO attempts ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))})"
_INSERT_DROPS = "INSERT INTO drops (reason, count, at) VALUES (?, ?, ?)"
_INSERT_RUNG = """
INSERT INTO declared_rungs (schema_fingerprint, rung, status, reason, at) VALUES (?, ?, ?, ?, ?)
"""
_INSERT_TARGET = "INSERT INTO declared_targets (schema_fingerprint, at, target) VALUES (?, ?, ?)"


def make_tables(connection: sqlite3.Connection, path: Path) -> None:
    """Bring the tables to this version; a file that cannot be written fails here, not at the first record.

    A file of an earlier version is copied first, to `PATH.vVERSION.backup`. The transaction is held from
    the copy to the end: a process that dies in between leaves the file as it was.
    """
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    with transaction(connection):
        version = check_version(connection, path)
        if version == 0:
            for statement in _TABLES:
                connection.execute(statement)
            connection.execute("INSERT INTO meta VALUES ('hash_key', ?)", (secrets.token_hex(32),))
        elif version < SCHEMA_VERSION:
            back_up(path, version)
        if version < SCHEMA_VERSION:
            for statement in _TABLES_SINCE_2:
                connection.execute(statement)
            make_roll_ups(connection)
        # Also when it is so already: BEGIN IMMEDIATE alone does not fail on a read-only file.
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


def check_version(connection: sqlite3.Connection, path: Path) -> int:
    """Give the version of the tables, 0 when there are none; `WriteRefused` if they are not for us."""
    ((version,),) = connection.execute("PRAGMA user_version").fetchall()
    if version > SCHEMA_VERSION:
        raise WriteRefused(
            f"{path} has schema version {version}, this version knows up to {SCHEMA_VERSION}: "
            "upgrade schema-guard"
        )
    ((tables,),) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchall()
    if version == 0 and tables:
        raise WriteRefused(f"{path} is a SQLite database of another program: name another file")
    return int(version)


def append(connection: sqlite3.Connection, rows: Sequence[Row], drops: Mapping[str, int], at: float) -> None:
    """Store the attempts of whole calls and counts of drops, all or nothing."""
    with transaction(connection):
        if rows:
            # SQLite gives a new row the largest `id` and one.
            stored = list(enumerate(rows, start=catch_up(connection) + 1))
            connection.executemany(_INSERT, rows)
            roll_up(connection, stored)
        connection.executemany(_INSERT_DROPS, [(reason, count, at) for reason, count in drops.items()])


def declare_rung(connection: sqlite3.Connection, schema_fingerprint: str, declared: DeclaredRung) -> None:
    """Add a declaration about a rung."""
    with transaction(connection):
        connection.execute(_INSERT_RUNG, (schema_fingerprint, *declared))


def set_target(connection: sqlite3.Connection, schema_fingerprint: str, declared: DeclaredTarget) -> None:
    """Add a target rate."""
    with transaction(connection):
        connection.execute(_INSERT_TARGET, (schema_fingerprint, *declared))


def hash_key(connection: sqlite3.Connection) -> bytes:
    """Give the fleet's key when there is one, else the key that was made with the store."""
    named = os.environ.get("SCHEMA_GUARD_HASH_KEY")
    if named:
        return named.encode("utf-8", "surrogateescape")
    ((stored,),) = connection.execute("SELECT value FROM meta WHERE key = 'hash_key'").fetchall()
    return bytes.fromhex(stored)


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Commit what the block does, or roll it back.

    IMMEDIATE: a deferred transaction that reads and then writes can fail with SQLITE_BUSY, which no
    timeout retries.
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        with suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
        raise
