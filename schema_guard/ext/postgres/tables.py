# SPDX-License-Identifier: Apache-2.0
"""The tables of a PostgreSQL store, in a schema of their own, their layout, and the key of its hashes.

Rules: the tables are made in one transaction under an advisory lock; a schema that has tables of
another program is left as it is. The one row of `place` is what a write locks first: writes go one after the other,
so that the order of `id` is that of the commits. `batches` has the last batch of each writer: one whose answer was
lost is known by it.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from schema_guard.ext.postgres import removal
from schema_guard.records.backend import LAYOUT, WriteRefused, made_before_first_release
from schema_guard.records.rows import COLUMNS, CONFIGURATION_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from schema_guard.ext.postgres.address import Address

_PROGRAM = "schema-guard"
_LOCKS = 0x53475244  # "SGRD": the first half of our advisory locks

ATTEMPT_COLUMNS = tuple(name for name in COLUMNS if name not in CONFIGURATION_COLUMNS)
_TYPES = {
    **dict.fromkeys(("started_at", "elapsed_s", "cost"), "double precision"),
    **dict.fromkeys(
        ("number", "final", "input_tokens", "cached_input_tokens", "output_tokens", "reasoning_tokens",
         "prompt_chars", "reply_bytes", "tuned", "unseen", "adapted", "gateway_repaired", "stopped_at",
         "retries"), "bigint"
    ),
}  # fmt: skip


_KNOWN = frozenset(
    ("call_id", "final", "strategy", "repairs", "coercions", "violations", "prompt_chars", "unseen", "adapted", "gateway_repaired",
     "function", "schema_name", "schema_fingerprint", "strategies", "settings", "version", "tuned")
)  # fmt: skip


def type_of(column: str) -> str:
    """Give the type of a column of `rows.COLUMNS`."""
    return _TYPES.get(column, "text")


def _columns(names: Iterable[str]) -> str:
    return ", ".join(f"{name} {type_of(name)}{' NOT NULL' if name in _KNOWN else ''}" for name in names)


_STATEMENTS = (
    "CREATE TABLE meta (key text PRIMARY KEY, value text NOT NULL)",
    "CREATE TABLE place (is_one boolean PRIMARY KEY CHECK (is_one), last_id bigint NOT NULL)",
    "INSERT INTO place VALUES (true, 0)",
    "CREATE TABLE batches (writer uuid PRIMARY KEY, number bigint NOT NULL, at timestamptz NOT NULL)",
    f"""CREATE TABLE configurations (
        id bigint PRIMARY KEY, key bytea NOT NULL UNIQUE, {_columns(CONFIGURATION_COLUMNS)},
        first_started_at double precision, last_started_at double precision
    )""",
    f"""CREATE TABLE attempts (
        id bigint PRIMARY KEY, configuration_id bigint NOT NULL REFERENCES configurations,
        {_columns(ATTEMPT_COLUMNS)}
    )""",
    "CREATE INDEX attempts_call_id ON attempts (call_id)",
    "CREATE INDEX attempts_started_at ON attempts (started_at)",
    "CREATE TABLE payloads (attempt_id bigint PRIMARY KEY, prompt bytea, reply bytea, touched text)",
    # Room in the pages, for rows that each write changes.
    """CREATE TABLE tallies (
        configuration_id bigint NOT NULL, tally text NOT NULL, key text NOT NULL, count bigint NOT NULL,
        PRIMARY KEY (configuration_id, tally, key)
    ) WITH (fillfactor = 60)""",
    """CREATE TABLE inputs (
        configuration_id bigint NOT NULL, input bytea NOT NULL, n bigint NOT NULL, k bigint NOT NULL,
        PRIMARY KEY (configuration_id, input)
    )""",
    """CREATE TABLE outcomes (
        configuration_id bigint NOT NULL, chunk bigint NOT NULL, n bigint NOT NULL, bits bytea NOT NULL,
        first_attempt bigint NOT NULL, PRIMARY KEY (configuration_id, chunk)
    )""",
    """CREATE TABLE hours (
        hour bigint NOT NULL, configuration_id bigint NOT NULL, tally text NOT NULL, count bigint NOT NULL,
        PRIMARY KEY (hour, configuration_id, tally)
    ) WITH (fillfactor = 60)""",
    "CREATE TABLE lost_records (id bigserial PRIMARY KEY, reason text NOT NULL, count bigint NOT NULL, at double precision NOT NULL)",
    """CREATE TABLE declared_steps (
        id bigserial PRIMARY KEY, schema_fingerprint text NOT NULL, step text NOT NULL, status text NOT NULL,
        reason text NOT NULL, at double precision NOT NULL, function text
    )""",
    """CREATE TABLE declared_targets (
        id bigserial PRIMARY KEY, schema_fingerprint text NOT NULL, target double precision NOT NULL,
        at double precision NOT NULL, function text
    )""",
    *removal.TABLES,
)

_VERSION = "SELECT value FROM meta WHERE key = 'version'"
_KEY_NOTE = "hashes_of_"


@contextmanager
def transaction(
    connection: Any, schema: str, limit_s: float, *, lock_s: float | None = None
) -> Iterator[None]:
    """Commit what the block does, or roll it back; without *lock_s* it reads one state.

    The settings are this transaction's: behind a pooler the next one may have another session.
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
        connection: In a transaction.
        address: Of the store.

    Raises:
        WriteRefused: The tables belong to another program, or have another layout.
    """
    sql = "SELECT c.relname FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE n.nspname = %s"
    tables = {name for (name,) in connection.execute(sql, (address.schema,)).fetchall()}
    if not tables:
        return False
    where = f"{address.url}: its schema {address.schema!r}"
    if not tables >= {"meta", "place", "attempts"}:
        raise WriteRefused(f"{where} has tables of another program: name another one with ?schema=")
    rows = connection.execute(_VERSION).fetchall()
    program, _, layout = rows[0][0].partition(" ") if rows else ("", "", "")
    if program != _PROGRAM:
        raise WriteRefused(f"{where} has tables of another program: name another one with ?schema=")
    if layout.isdecimal() and int(layout) > LAYOUT:
        raise WriteRefused(
            f"{where} has version {layout} of the tables, this version knows up to {LAYOUT}: upgrade schema-guard"
        )
    if layout != str(LAYOUT):
        raise made_before_first_release(where, "name another one with ?schema=")
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
        # Asked first: whoever was given a schema need not have the right to make one.
        if not connection.execute(sql, (schema,)).fetchall():
            connection.execute(f"CREATE SCHEMA {schema}")
        connection.execute(";".join(_STATEMENTS))
        sql = "INSERT INTO meta VALUES ('version', %s), ('hash_key', %s)"
        connection.execute(sql, (f"{_PROGRAM} {LAYOUT}", secrets.token_hex(32)))


def _check_server(connection: Any, address: Address) -> None:
    ((encoding,),) = connection.execute("SHOW server_encoding").fetchall()
    if encoding != "UTF8":
        raise WriteRefused(
            f"{address.url}: the database has the encoding {encoding}: name one that was made with encoding UTF8"
        )


def _lock_of(schema: str) -> int:
    return int.from_bytes(hashlib.sha256(schema.encode()).digest()[:4], "big", signed=True)


def hash_key(connection: Any) -> bytes:
    """Give the fleet's key when there is one, else the key that was made with the store."""
    named = os.environ.get("SCHEMA_GUARD_HASH_KEY")
    if named:
        return named.encode("utf-8", "surrogateescape")
    ((stored,),) = connection.execute("SELECT value FROM meta WHERE key = 'hash_key'").fetchall()
    return bytes.fromhex(stored)


def note_keys(connection: Any, fingerprints: Iterable[str]) -> None:
    """Note that there are hashes of these keys."""
    sql = "INSERT INTO meta SELECT k, '' FROM unnest(%s::text[]) AS k ON CONFLICT DO NOTHING"
    connection.execute(sql, ([f"{_KEY_NOTE}{fingerprint}" for fingerprint in fingerprints],))


def noted_keys(connection: Any) -> frozenset[str]:
    """Give the keys of which it was noted that there are hashes."""
    sql = "SELECT key FROM meta WHERE starts_with(key, %s)"
    rows = connection.execute(sql, (_KEY_NOTE,)).fetchall()
    return frozenset(key.removeprefix(_KEY_NOTE) for (key,) in rows)
