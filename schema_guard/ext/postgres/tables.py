# SPDX-License-Identifier: Apache-2.0
"""The tables of a PostgreSQL store, in a schema of their own.

Rules: The tables are made in one transaction under an advisory lock. A schema with the tables of another program doesn't
change. A write first locks the row of `meta` with the last `id`. So writes happen one after another, and the order of
`id` is that of the commits. `meta` also has the last batch of each writer, which identifies a batch whose answer was
lost.
"""

from __future__ import annotations

import hashlib
import re
from contextlib import contextmanager, suppress
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from schema_guard.records.sql.tables import LAYOUT, TABLES
from schema_guard.records.sql.writing import new_key
from schema_guard.records.values import WriteRefused, made_before_first_release

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from schema_guard.ext.postgres.address import Address

_PROGRAM = "schema-guard"
_LOCKS = 0x53475244  # "SGRD": the first half of our advisory locks

_TYPES = {"INTEGER": "BIGINT", "REAL": "DOUBLE PRECISION", "BLOB": "BYTEA"}
_INSERT = re.compile(r"INSERT INTO (\w+) VALUES \([?, ]+\)(.*)", re.DOTALL)
_COLUMN = re.compile(r"[(,]\s*\w+ (INTEGER|REAL|BLOB|TEXT)\b")
_VERSION = "SELECT value FROM meta WHERE key = 'version'"


class PostgresConnection:
    """A connection, with the methods that every engine has."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def select(self, sql: str, values: Sequence[Any] = ()) -> list[Any]:
        """Return all rows."""
        rows: list[Any] = self._connection.execute(_placed(sql), values or None).fetchall()
        return rows

    def execute(self, sql: str, values: Sequence[Any] = ()) -> int:
        """Run a statement, and return the number of rows that it changed."""
        changed: int = self._connection.execute(_placed(sql), values or None).rowcount
        return changed

    def many(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """Run a statement for each row of values."""
        listed = list(rows)
        match = _INSERT.fullmatch(sql)
        if match is None:
            with self._connection.cursor() as cursor:
                cursor.executemany(_placed(sql), listed)
        elif listed:
            # An array for each column takes a third of the time of a statement for each row.
            table, rest = match.groups()
            columns = ", ".join(f"%s::{kind}[]" for kind in _column_types(table))
            arrays = [_array(column) for column in zip(*listed, strict=True)]
            self._connection.execute(f"INSERT INTO {table} SELECT * FROM unnest({columns}) {rest}", arrays)


@lru_cache(maxsize=16)
def _column_types(table: str) -> tuple[str, ...]:
    return tuple(_TYPES.get(kind, kind) for kind in _COLUMN.findall(TABLES[table]))


def _array(values: Iterable[Any]) -> str:
    r"""Return the text of an array of numbers, texts, or bytes.

    >>> print(_array([1, None, 0.5]), _array(['a"b', None]), _array([b"x"]))
    {1,NULL,0.5} {"a\"b",NULL} {"\\x78"}
    """
    return "{" + ",".join(["NULL" if value is None else _element(value) for value in values]) + "}"


def _element(value: Any) -> str:
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return f'"\\\\x{value.hex()}"' if isinstance(value, bytes) else repr(value)


def _placed(sql: str) -> str:
    return sql.replace("?", "%s")


def _statements() -> list[str]:
    return [re.sub("INTEGER|REAL|BLOB", lambda match: _TYPES[match[0]], sql) for sql in TABLES.values()]


@contextmanager
def transaction(
    connection: Any, schema: str, limit_s: float, *, lock_s: float | None = None
) -> Iterator[None]:
    """Commit the changes of the block, or roll them back. Without *lock_s*, the block reads one state.

    The settings apply only to this transaction, because a pooler may use another session for the next one.
    """
    kind = "" if lock_s is not None else " ISOLATION LEVEL REPEATABLE READ READ ONLY"
    connection.execute(
        f"BEGIN{kind}; SET LOCAL search_path = {schema}; SET LOCAL statement_timeout = {_ms(limit_s)};"
        f" SET LOCAL lock_timeout = {_ms(lock_s or limit_s)};"
        f" SET LOCAL idle_in_transaction_session_timeout = {_ms(limit_s)}"
    )
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        with suppress(Exception):
            connection.execute("ROLLBACK")
        raise


def _ms(seconds: float) -> int:
    return max(1, round(seconds * 1_000))


def has_tables(connection: Any, address: Address) -> bool:
    """Return whether the schema has tables of this layout. An empty schema has none.

    Args:
        connection: Connection in a transaction.
        address: Location of the store.

    Raises:
        WriteRefused: The tables belong to another program, or have another layout.
    """
    sql = "SELECT c.relname FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE n.nspname = %s"
    tables = {name for (name,) in connection.execute(sql, (address.schema,)).fetchall()}
    if not tables:
        return False
    where = f"{address.url}: its schema {address.schema!r}"
    if not tables >= {"meta", "attempts"}:
        raise WriteRefused(
            f"{where} has tables of another program. Name another PostgreSQL schema with ?schema="
        )
    rows = connection.execute(_VERSION).fetchall()
    program, _, layout = rows[0][0].partition(" ") if rows else ("", "", "")
    if program != _PROGRAM:
        raise WriteRefused(
            f"{where} has tables of another program. Name another PostgreSQL schema with ?schema="
        )
    if layout.isdecimal() and int(layout) > LAYOUT:
        raise WriteRefused(
            f"{where} has tables of version {layout}, but this version of schema-guard reads up to {LAYOUT}. Upgrade schema-guard"
        )
    if layout != str(LAYOUT):
        raise made_before_first_release(where, "Name another one with ?schema=")
    return True


def make_tables(connection: Any, address: Address, limit_s: float) -> None:
    """Make the tables, unless they are there or another process makes them."""
    schema = address.schema
    with transaction(connection, schema, limit_s, lock_s=limit_s):
        if has_tables(connection, address):
            return
    with transaction(connection, schema, limit_s, lock_s=limit_s):
        connection.execute("SELECT pg_advisory_xact_lock(%s, %s)", (_LOCKS, _lock_of(schema)))
        if has_tables(connection, address):
            return
        _check_server(connection, address)
        sql = "SELECT 1 FROM pg_namespace WHERE nspname = %s"
        # Checked first, because a user who has a schema may lack the right to create one.
        if not connection.execute(sql, (schema,)).fetchall():
            connection.execute(f"CREATE SCHEMA {schema}")
        connection.execute(";".join(_statements()))
        meta = (("version", f"{_PROGRAM} {LAYOUT}"), ("last_id", "0"), new_key())
        for row in meta:
            connection.execute("INSERT INTO meta VALUES (%s, %s)", row)


def _check_server(connection: Any, address: Address) -> None:
    ((encoding,),) = connection.execute("SHOW server_encoding").fetchall()
    if encoding != "UTF8":
        raise WriteRefused(
            f"{address.url}: expected a database with the encoding UTF8, got {encoding}. Use another database"
        )


def _lock_of(schema: str) -> int:
    return int.from_bytes(hashlib.sha256(schema.encode()).digest()[:4], "big", signed=True)
