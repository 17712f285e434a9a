# SPDX-License-Identifier: Apache-2.0
"""Where the attempts of a SQLite store are, and how one of them lies there.

Rules: an attempt is in one of two tables. `stored_attempts` has those of this version: of the configuration
and of the reply's model only the number, 32 hex digits as 16 bytes, and NULL for what goes without saying. A
file of an earlier version has its own table beside it, as it was but for its name; a process of that version
that has the file open goes on to write there. An `id` is in one of them only, and a later one is greater.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from schema_guard.records.rows import COLUMNS, CONFIGURATION_COLUMNS
from schema_guard.records.sqlite import checksums
from schema_guard.records.sqlite.kept import hours
from schema_guard.records.sqlite.kept.hours import OLD_TABLE

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Mapping, Sequence

    from schema_guard.records.counts.rollups import StoredRow
    from schema_guard.records.rows import Row


# Those of versions 1 and 2, which the view `attempts` has still.
COLUMNS_BEFORE_3 = (
    "call_id", "started_at", "function", "schema_name", "schema_fingerprint", "model", "target", "strategies",
    "settings", "version", "segment", "cluster", "input_hash", "parent_call_id", "number", "final", "strategy",
    "kind", "code", "form", "repairs", "finish_reason", "input_tokens", "cached_input_tokens", "output_tokens",
    "reasoning_tokens", "elapsed_s", "cost", "prompt_chars", "reply_bytes", "reply_hash", "violations",
)  # fmt: skip

TABLES = (
    """CREATE TABLE reply_models (
        id INTEGER PRIMARY KEY, model TEXT, snapshot TEXT, checksum INTEGER NOT NULL
    ) STRICT""",
    "CREATE INDEX reply_models_names ON reply_models (model, snapshot)",
    """CREATE TABLE stored_attempts (
        id INTEGER PRIMARY KEY,
        configuration_id INTEGER NOT NULL REFERENCES configurations,
        call_id ANY NOT NULL, started_at REAL, cluster TEXT, input_hash ANY, parent_call_id ANY,
        number INTEGER, final INTEGER NOT NULL, strategy TEXT,
        kind TEXT, code TEXT, form TEXT, repairs TEXT, finish_reason TEXT,
        input_tokens INTEGER, cached_input_tokens INTEGER, output_tokens INTEGER, reasoning_tokens INTEGER,
        elapsed_s REAL, cost REAL, prompt_chars INTEGER NOT NULL, reply_bytes INTEGER, reply_hash ANY,
        violations TEXT, model_id INTEGER REFERENCES reply_models, exception TEXT,
        unseen INTEGER NOT NULL, adapted INTEGER NOT NULL, healed INTEGER NOT NULL, stopped_at INTEGER,
        retries INTEGER
    ) STRICT""",
    "CREATE INDEX stored_attempts_call_id ON stored_attempts (call_id)",
)

_FIRST_OF_ATTEMPT = COLUMNS.index("number")
_FIRST_OF_CONFIGURATION = COLUMNS.index(CONFIGURATION_COLUMNS[0])
_CONFIGURATION_END = _FIRST_OF_CONFIGURATION + len(CONFIGURATION_COLUMNS)
_STRATEGIES, _STRATEGY, _REPAIRS, _REPLY_MODEL = (
    COLUMNS.index(name) for name in ("strategies", "strategy", "repairs", "reply_model")
)

_INSERT = f"INSERT INTO stored_attempts VALUES ({', '.join('?' * 32)})"
_HEX = 32


class Part(NamedTuple):
    """One of the tables.

    Attributes:
        table: Its name.
        source: What follows FROM; the table is `a` there.
        columns: The expression for each of `COLUMNS`.
        is_call: The condition that an attempt is of one of the calls in a JSON list; the connection has to
            know the function `packed`.
        has_no_hours: Whether its attempts are not in the counts by the hour.
    """

    table: str
    source: str
    columns: Mapping[str, str]
    is_call: str
    has_no_hours: bool

    def select(self, names: Iterable[str]) -> str:
        """Give the statement, up to its condition, that gives the `id` and these columns."""
        named = ", ".join(f"{self.columns[name]} AS {name}" for name in names)
        return f"SELECT a.id AS id, {named} FROM {self.source}"


def _unpacked(name: str) -> str:
    return f"CASE typeof(a.{name}) WHEN 'blob' THEN lower(hex(a.{name})) ELSE a.{name} END"


_NEW = Part(
    "stored_attempts",
    # CROSS: the attempts go first, whatever the planner would think of, so that they come in their order.
    "stored_attempts AS a CROSS JOIN configurations AS c ON c.id = a.configuration_id"
    " LEFT JOIN reply_models AS m ON m.id = a.model_id",
    {
        **{name: f"a.{name}" for name in COLUMNS},
        **{name: f"c.{name}" for name in CONFIGURATION_COLUMNS},
        **{name: _unpacked(name) for name in ("call_id", "input_hash", "parent_call_id", "reply_hash")},
        **{name: f"COALESCE(a.{name}, '[]')" for name in ("repairs", "violations")},
        "strategy": "COALESCE(a.strategy, c.strategies)",
        "reply_model": "m.model",
        "snapshot": "m.snapshot",
    },
    "a.call_id IN (SELECT packed(value) FROM json_each(?))",
    has_no_hours=False,
)


def _old(table: str) -> Part:
    return Part(
        table,
        f"{table} AS a",
        {
            **dict.fromkeys(COLUMNS, "NULL"),
            **dict.fromkeys(("tuned", "unseen", "adapted", "healed"), "0"),
            **{name: f"a.{name}" for name in COLUMNS_BEFORE_3},
        },
        "a.call_id IN (SELECT value FROM json_each(?))",
        has_no_hours=True,
    )


OLD = _old(OLD_TABLE)
_UNTOUCHED = _old("attempts")


def parts(connection: sqlite3.Connection) -> list[Part]:
    """Give the tables that a file has; none when it is empty."""
    sql = "SELECT name FROM sqlite_schema WHERE type = 'table'"
    tables = {name for (name,) in connection.execute(sql).fetchall()}
    return [part for part in (_NEW, OLD, _UNTOUCHED) if part.table in tables]


def view(has_old: bool) -> str:
    """Give the statement that makes the view `attempts`, with the columns of versions 1 and 2."""
    plain = _NEW._replace(source=_NEW.source.partition(" LEFT JOIN ")[0])
    selects = [part.select(COLUMNS_BEFORE_3) for part in (plain, *([OLD] if has_old else []))]
    return f"CREATE VIEW attempts AS {' UNION ALL '.join(selects)}"


TRIGGER = f"""CREATE TRIGGER attempts_are_stored INSTEAD OF INSERT ON attempts BEGIN
    INSERT INTO {OLD_TABLE} (id, {", ".join(COLUMNS_BEFORE_3)}) VALUES (
        1 + MAX(COALESCE((SELECT MAX(id) FROM stored_attempts), 0),
            COALESCE((SELECT MAX(id) FROM {OLD_TABLE}), 0)),
        {", ".join(f"NEW.{name}" for name in COLUMNS_BEFORE_3)});
END"""
"""What a process of an earlier version inserts goes into the table that it knew."""


def last_id(connection: sqlite3.Connection, tables: Iterable[Part]) -> int:
    """Give the `id` of the attempt that was stored last, 0 for none."""
    several = [connection.execute(f"SELECT MAX(id) FROM {part.table}").fetchall()[0][0] for part in tables]
    return max((found or 0 for found in several), default=0)


def page(
    connection: sqlite3.Connection,
    tables: Iterable[Part],
    conditions: Sequence[tuple[str, Sequence[Any]]],
    limit: int,
) -> list[StoredRow]:
    """Give the first attempts that meet the condition on their table, in the order of storing."""
    selects = [
        f"{part.select(COLUMNS)} WHERE {condition}"
        for part, (condition, _) in zip(tables, conditions, strict=True)
    ]
    if not selects:
        return []
    values = [value for _, several in conditions for value in several]
    sql = f"{' UNION ALL '.join(selects)} ORDER BY id LIMIT {limit}"
    return [(attempt_id, tuple(row)) for attempt_id, *row in connection.execute(sql, values).fetchall()]


def after(
    connection: sqlite3.Connection, tables: Sequence[Part], attempt_id: int, limit: int
) -> list[StoredRow]:
    """Give the first attempts after one."""
    return page(connection, tables, [("a.id > ?", [attempt_id])] * len(tables), limit)


def known_calls(
    connection: sqlite3.Connection, tables: Iterable[Part], call_ids: Sequence[str]
) -> frozenset[str]:
    """Give those of the calls that have attempts here."""
    connection.create_function("packed", 1, packed, deterministic=True)
    asked = json.dumps(call_ids)
    several = [
        f"SELECT {part.columns['call_id']} FROM {part.table} AS a WHERE {part.is_call}" for part in tables
    ]
    return frozenset(
        call_id for sql in several for (call_id,) in connection.execute(sql, (asked,)).fetchall()
    )


def insert(connection: sqlite3.Connection, rows: Sequence[StoredRow], ids: Mapping[Row, int]) -> None:
    """Store attempts under their `id`, and note where those of each hour are.

    Args:
        connection: In a transaction.
        rows: With an `id` that no attempt has.
        ids: The number of each configuration.
    """
    hours.add_spans(connection, rows)
    models = _model_ids(connection, {row[_REPLY_MODEL : _REPLY_MODEL + 2] for _, row in rows})
    narrow = [
        _narrow(
            attempt_id,
            row,
            ids[row[_FIRST_OF_CONFIGURATION:_CONFIGURATION_END]],
            models[row[_REPLY_MODEL : _REPLY_MODEL + 2]],
        )
        for attempt_id, row in rows
    ]
    connection.executemany(_INSERT, narrow)
    checksums.add(connection, narrow)


def packed(text: Any) -> Any:
    """Give 32 hex digits as their 16 bytes, everything else as it is.

    >>> packed("0" * 31 + "f")[-1], packed("0" * 31 + "F")[-1], packed("mine")
    (15, 'F', 'mine')
    """
    if text is None or len(text) != _HEX:
        return text
    try:
        blob = bytes.fromhex(text)
    except ValueError:
        return text
    return blob if blob.hex() == text else text


def _narrow(attempt_id: int, row: Any, configuration_id: int, model_id: int | None) -> tuple[Any, ...]:
    cluster, input_hash, parent_call_id = row[_CONFIGURATION_END:_FIRST_OF_ATTEMPT]
    strategy, repairs, violations = row[_STRATEGY], row[_REPAIRS], row[_REPLY_MODEL - 1]
    return (
        attempt_id,
        configuration_id,
        packed(row[0]),
        row[1],
        cluster,
        packed(input_hash),
        None if parent_call_id is None else packed(parent_call_id),
        *row[_FIRST_OF_ATTEMPT:_STRATEGY],
        None if strategy == row[_STRATEGIES] else strategy,
        *row[_STRATEGY + 1 : _REPAIRS],
        None if repairs == "[]" else repairs,
        *row[_REPAIRS + 1 : _REPLY_MODEL - 2],
        packed(row[_REPLY_MODEL - 2]),
        None if violations == "[]" else violations,
        model_id,
        *row[_REPLY_MODEL + 2 :],
    )


def _model_ids(connection: sqlite3.Connection, names: Iterable[Row]) -> dict[Row, int | None]:
    """Give the number of each pair of model and snapshot; None for the pair that says nothing."""
    found: dict[Row, int | None] = {}
    for pair in names:
        if pair == (None, None):
            found[pair] = None
            continue
        sql = "SELECT id FROM reply_models WHERE model IS ? AND snapshot IS ?"
        known = connection.execute(sql, pair).fetchall()
        sql = "INSERT INTO reply_models (model, snapshot, checksum) VALUES (?, ?, ?)"
        found[pair] = known[0][0] if known else connection.execute(sql, checksums.sealed(pair)).lastrowid
    return found
