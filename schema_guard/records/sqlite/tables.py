# SPDX-License-Identifier: Apache-2.0
"""The tables of a SQLite file, and its header.

The header of a file names its program (`application_id`) and the layout of its tables (`user_version`).
"""

from __future__ import annotations

import re
import sqlite3
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from schema_guard.records.sql.tables import LAYOUT, TABLES
from schema_guard.records.sql.writing import new_key
from schema_guard.records.values import WriteRefused, made_before_first_release

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from schema_guard.records.sql.checking import Notes

APPLICATION_ID = 0x53475244  # "SGRD"
# The earliest files have no `application_id`. These tables identify them.
_FIRST_TABLES = {"attempts", "drops", "meta"}

_WITHOUT_ROWID = ("meta", "inputs")
_MOST_REPORTED = 100


class SQLiteConnection:
    """A connection, with the methods that every engine has."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def select(self, sql: str, values: Sequence[Any] = ()) -> list[Any]:
        """Return all rows."""
        return self._connection.execute(sql, values).fetchall()

    def execute(self, sql: str, values: Sequence[Any] = ()) -> int:
        """Run a statement, and return the number of rows that it changed."""
        return self._connection.execute(sql, values).rowcount

    def many(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """Run a statement for each row of values."""
        self._connection.executemany(sql, rows)


def statements() -> dict[str, str]:
    """Return the statement that makes each table and index."""
    return {
        name: sql + _options(name) if sql.startswith("CREATE TABLE") else sql for name, sql in TABLES.items()
    }


def _options(table: str) -> str:
    return " STRICT, WITHOUT ROWID" if table in _WITHOUT_ROWID else " STRICT"


def make_tables(connection: sqlite3.Connection, path: Path) -> None:
    """Create the tables of an empty file. A read-only file fails here, not at the first record."""
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    with transaction(connection):
        if not has_tables(connection, path):
            for statement in statements().values():
                connection.execute(statement)
            connection.execute("INSERT INTO meta VALUES (?, ?)", new_key())
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        # Run it in any case, because BEGIN IMMEDIATE alone does not fail on a read-only file.
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
        raise WriteRefused(f"{path} is a SQLite database of another program. Name another file")
    if layout > LAYOUT:
        raise WriteRefused(
            f"{path} has schema version {layout}, but this version of schema-guard reads up to {LAYOUT}. Upgrade schema-guard"
        )
    if layout < LAYOUT:
        raise made_before_first_release(str(path))
    return True


def changed_parts(connection: SQLiteConnection) -> list[str]:
    """Return the names of the tables and indexes that are not as they were made."""
    made = {name: _plain(sql) for name, sql in statements().items()}
    stored = {
        name: _plain(sql) for name, sql in connection.select("SELECT name, sql FROM sqlite_schema") if sql
    }
    return [
        *(name for name, sql in made.items() if stored.get(name) != sql),
        *sorted(stored.keys() - made.keys()),
    ]


def _plain(sql: str) -> str:
    return re.sub(r"\s+", " ", sql)


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Commit the changes of the block, or roll them back.

    The transaction is IMMEDIATE. A deferred transaction that reads and then writes can fail with SQLITE_BUSY, which no
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


def check_file(connection: SQLiteConnection, notes: Notes) -> None:
    """Record damage of the pages, the indexes, and the statements that made the tables."""
    notes.step("the file", 0, 0)
    with notes.reading("file"):
        for (message,) in connection.select(f"PRAGMA integrity_check({_MOST_REPORTED})"):
            if message != "ok":
                notes.add("file", str(message).removeprefix("*** in database main ***\n"))
    with notes.reading("tables"):
        for name in changed_parts(connection):
            notes.add("tables", f"{name} is not as it was made")
