# SPDX-License-Identifier: Apache-2.0
"""The tables of a SQLite store, their layout, and the key of its hashes.

The header of a file names its program (`application_id`) and the layout of its tables (`user_version`).
"""

from __future__ import annotations

import json
import os
import secrets
import sqlite3
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from schema_guard.records.backend import LAYOUT, WriteRefused, made_before_first_release
from schema_guard.records.sqlite import attempts, checksums, rollups
from schema_guard.records.sqlite.counts import deleted_sums
from schema_guard.records.sqlite.payloads import removal, texts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

APPLICATION_ID = 0x53475244  # "SGRD"
# The earliest files have no `application_id`. These tables identify them.
_FIRST_TABLES = {"attempts", "drops", "meta"}

_TABLES = (
    """CREATE TABLE lost_records (
        reason TEXT NOT NULL, count INTEGER NOT NULL, at REAL NOT NULL, checksum INTEGER NOT NULL
    ) STRICT""",
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT",
    "INSERT INTO meta VALUES ('last_id', '0')",
    """CREATE TABLE declared_steps (
        id INTEGER PRIMARY KEY,
        schema_fingerprint TEXT NOT NULL, step TEXT NOT NULL, status TEXT NOT NULL, reason TEXT NOT NULL,
        at REAL NOT NULL, function TEXT, checksum INTEGER NOT NULL
    ) STRICT""",
    """CREATE TABLE declared_targets (
        id INTEGER PRIMARY KEY,
        schema_fingerprint TEXT NOT NULL, target REAL NOT NULL, at REAL NOT NULL, function TEXT,
        checksum INTEGER NOT NULL
    ) STRICT""",
    *rollups.TABLES,
    *attempts.TABLES,
    *texts.TABLES,
    *checksums.TABLES,
    *removal.TABLES,
    *deleted_sums.TABLES,
)


def make_tables(connection: sqlite3.Connection, path: Path) -> None:
    """Make the tables of an empty file; a file that cannot be written fails here, not at the first record."""
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    with transaction(connection):
        if not has_tables(connection, path):
            for statement in _TABLES:
                connection.execute(statement)
            connection.execute("INSERT INTO meta VALUES ('hash_key', ?)", (secrets.token_hex(32),))
            sums = json.dumps(_existing_parts(connection))
            connection.execute("INSERT INTO meta VALUES ('checksums', ?)", (sums,))
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        # Also when it is so already: BEGIN IMMEDIATE alone does not fail on a read-only file.
        connection.execute(f"PRAGMA user_version = {LAYOUT}")


def has_tables(connection: sqlite3.Connection, path: Path) -> bool:
    """Return whether a file has tables of this layout. An empty file has none.

    Raises:
        WriteRefused: The file belongs to another program, or its tables have another layout.
    """
    ((layout,),) = connection.execute("PRAGMA user_version").fetchall()
    ((application_id,),) = connection.execute("PRAGMA application_id").fetchall()
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_schema").fetchall()}
    if application_id == layout == 0 and not tables:
        return False
    is_early = application_id == 0 and 0 < layout < LAYOUT and tables >= _FIRST_TABLES
    if application_id != APPLICATION_ID and not is_early:
        raise WriteRefused(f"{path} is a SQLite database of another program: name another file")
    if layout > LAYOUT:
        raise WriteRefused(
            f"{path} has schema version {layout}, this version knows up to {LAYOUT}: upgrade schema-guard"
        )
    if layout < LAYOUT:
        raise made_before_first_release(str(path))
    return True


def changed_parts(connection: sqlite3.Connection) -> list[str]:
    """Name the tables, indexes and so on that are no longer as they were made, and the key if it is not."""
    ((stored_text,),) = connection.execute("SELECT value FROM meta WHERE key = 'checksums'").fetchall()
    parts = _existing_parts(connection)
    notes = connection.execute("SELECT key, value FROM meta WHERE key LIKE ?", (f"{_KEY_NOTE}%",)).fetchall()
    return [
        *(name for name, checksum in json.loads(stored_text).items() if parts.get(name) != checksum),
        *(name for name, checksum in notes if str(checksums.checksum([name])) != checksum),
    ]


def _existing_parts(connection: sqlite3.Connection) -> dict[str, int]:
    """Give the checksum of each statement by which a table or the like was made, and of the key."""
    rows = connection.execute("SELECT type || ' ' || name, tbl_name, sql FROM sqlite_schema").fetchall()
    rows += connection.execute("SELECT 'hash key', value, NULL FROM meta WHERE key = 'hash_key'").fetchall()
    return {name: checksums.checksum(rest) for name, *rest in rows}


def replace_hash_key(connection: sqlite3.Connection, key: bytes) -> None:
    """Replace the key of the hashes, and the checksum that `changed_parts` compares it with."""
    connection.execute("UPDATE meta SET value = ? WHERE key = 'hash_key'", (key.hex(),))
    ((checksums,),) = connection.execute("SELECT value FROM meta WHERE key = 'checksums'").fetchall()
    parts = json.loads(checksums) | {"hash key": _existing_parts(connection)["hash key"]}
    connection.execute("UPDATE meta SET value = ? WHERE key = 'checksums'", (json.dumps(parts),))


def hash_key(connection: sqlite3.Connection) -> bytes:
    """Give the fleet's key when there is one, else the key that was made with the store."""
    named = os.environ.get("SCHEMA_GUARD_HASH_KEY")
    if named:
        return named.encode("utf-8", "surrogateescape")
    ((stored,),) = connection.execute("SELECT value FROM meta WHERE key = 'hash_key'").fetchall()
    return bytes.fromhex(stored)


_KEY_NOTE = "hashes_of_"


def note_keys(connection: sqlite3.Connection, fingerprints: Iterable[str]) -> None:
    """Note that there are hashes of these keys."""
    sql = "INSERT OR IGNORE INTO meta VALUES (?, ?)"
    names = [f"{_KEY_NOTE}{fingerprint}" for fingerprint in fingerprints]
    connection.executemany(sql, [(name, str(checksums.checksum([name]))) for name in names])


def noted_keys(connection: sqlite3.Connection) -> frozenset[str]:
    """Give the keys of which it was noted that there are hashes."""
    sql = "SELECT key FROM meta WHERE substr(key, 1, ?) = ?"
    rows = connection.execute(sql, (len(_KEY_NOTE), _KEY_NOTE)).fetchall()
    return frozenset(key.removeprefix(_KEY_NOTE) for (key,) in rows)


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
