# SPDX-License-Identifier: Apache-2.0
"""The tables of a SQLite store, their version, and the key of its hashes.

A file of this version says in its header whose it is (`application_id`). Files of versions 1 and 2 do not, and
are known by their tables. One of them is brought to this version in one transaction that takes as long for a
million attempts as for ten: their table is renamed and stays, and what it had is made beside it.
"""

from __future__ import annotations

import json
import os
import secrets
import sqlite3
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from schema_guard.records.backend import WriteRefused
from schema_guard.records.rows import key_fingerprint
from schema_guard.records.sqlite import attempts, checksums, rollups
from schema_guard.records.sqlite.kept import gone
from schema_guard.records.sqlite.kept.hours import OLD_TABLE
from schema_guard.records.sqlite.payloads import removal, texts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

SCHEMA_VERSION = 3
APPLICATION_ID = 0x53475244  # "SGRD"
_SINCE_ROLL_UPS = 2
_SINCE_APPLICATION_ID = 3
_TABLES_OF_OURS = {"attempts", "drops", "meta"}

_TABLES = (
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
    *rollups.TABLES_SINCE_2,
)
_SINCE_3 = (
    "ALTER TABLE declared_rungs ADD COLUMN function TEXT",
    "ALTER TABLE declared_targets ADD COLUMN function TEXT",
    *rollups.SINCE_3,
    *attempts.TABLES,
    *texts.TABLES,
    *checksums.TABLES,
    *removal.TABLES,
    *gone.TABLES,
)


def make_tables(connection: sqlite3.Connection, path: Path) -> None:
    """Bring the tables to this version; a file that cannot be written fails here, not at the first record."""
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    with transaction(connection):
        version = check_version(connection, path)
        if version < SCHEMA_VERSION:
            for statement in _statements(version):
                connection.execute(statement)
        if version == 0:
            connection.execute("INSERT INTO meta VALUES ('hash_key', ?)", (secrets.token_hex(32),))
        elif version < SCHEMA_VERSION:
            note_keys(connection, [key_fingerprint(hash_key(connection))])
        if version < SCHEMA_VERSION:
            made = json.dumps(_parts_made(connection))
            connection.execute("INSERT INTO meta VALUES ('checksums', ?)", (made,))
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        # Also when it is so already: BEGIN IMMEDIATE alone does not fail on a read-only file.
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


def _statements(version: int) -> Iterator[str]:
    """Give what brings a file of an earlier version to this one; nothing of it looks at an attempt."""
    has_old = version > 0
    if has_old:
        yield f"ALTER TABLE attempts RENAME TO {OLD_TABLE}"
    else:
        yield from _TABLES
    if version < _SINCE_ROLL_UPS:
        yield from _TABLES_SINCE_2
        yield "INSERT INTO meta VALUES ('rolled_up_to', '0')"
        last = f"(SELECT MAX(id) FROM {OLD_TABLE})" if has_old else "NULL"
        yield f"INSERT INTO meta VALUES ('uncounted_to', CAST(COALESCE({last}, 0) AS TEXT))"
    else:
        yield "INSERT INTO meta VALUES ('uncounted_to', '0')"
    yield from _SINCE_3
    yield attempts.view(has_old)
    if has_old:
        yield attempts.TRIGGER


def check_version(connection: sqlite3.Connection, path: Path) -> int:
    """Give the version of the tables, 0 when there are none; `WriteRefused` if they are not for us."""
    ((version,),) = connection.execute("PRAGMA user_version").fetchall()
    ((application_id,),) = connection.execute("PRAGMA application_id").fetchall()
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_schema").fetchall()}
    if application_id == 0:
        is_ours = not tables if version == 0 else tables >= _TABLES_OF_OURS
    else:
        is_ours = application_id == APPLICATION_ID
    if not is_ours or (application_id == 0 and version >= _SINCE_APPLICATION_ID):
        raise WriteRefused(f"{path} is a SQLite database of another program: name another file")
    if application_id and version < _SINCE_APPLICATION_ID:
        raise WriteRefused(f"{path} is damaged: keep a copy of it and name another file")
    if version > SCHEMA_VERSION:
        raise WriteRefused(
            f"{path} has schema version {version}, this version knows up to {SCHEMA_VERSION}: "
            "upgrade schema-guard"
        )
    return int(version)


def changed_parts(connection: sqlite3.Connection) -> list[str]:
    """Name the tables, indexes and so on that are no longer as they were made, and the key if it is not."""
    ((kept,),) = connection.execute("SELECT value FROM meta WHERE key = 'checksums'").fetchall()
    found = _parts_made(connection)
    notes = connection.execute("SELECT key, value FROM meta WHERE key LIKE ?", (f"{_KEY_NOTE}%",)).fetchall()
    return [
        *(name for name, made in json.loads(kept).items() if found.get(name) != made),
        *(name for name, made in notes if str(checksums.checksum([name])) != made),
    ]


def _parts_made(connection: sqlite3.Connection) -> dict[str, int]:
    """Give the checksum of each statement by which a table or the like was made, and of the key."""
    made = connection.execute("SELECT type || ' ' || name, tbl_name, sql FROM sqlite_schema").fetchall()
    made += connection.execute("SELECT 'hash key', value, NULL FROM meta WHERE key = 'hash_key'").fetchall()
    return {name: checksums.checksum(rest) for name, *rest in made}


def replace_hash_key(connection: sqlite3.Connection, key: bytes) -> None:
    """Write another key of the hashes, with the checksum by which `changed_parts` knows it."""
    connection.execute("UPDATE meta SET value = ? WHERE key = 'hash_key'", (key.hex(),))
    ((kept,),) = connection.execute("SELECT value FROM meta WHERE key = 'checksums'").fetchall()
    made = json.loads(kept) | {"hash key": _parts_made(connection)["hash key"]}
    connection.execute("UPDATE meta SET value = ? WHERE key = 'checksums'", (json.dumps(made),))


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
    found = connection.execute(sql, (len(_KEY_NOTE), _KEY_NOTE)).fetchall()
    return frozenset(key.removeprefix(_KEY_NOTE) for (key,) in found)


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
