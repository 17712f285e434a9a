# SPDX-License-Identifier: Apache-2.0
"""The attempts of a SQLite store, in the table `stored_attempts`.

A row has the numbers of its configuration and of the reply's model, 32 hex digits as 16 bytes, and NULL for defaults.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from schema_guard.records.rows import COLUMNS, CONFIGURATION_COLUMNS
from schema_guard.records.sqlite import checksums
from schema_guard.records.sqlite.counts import hours

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Mapping, Sequence

    from schema_guard.records.counts.rollups import StoredRow
    from schema_guard.records.rows import Row


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
        kind TEXT, code TEXT, form TEXT, repairs TEXT, coercions TEXT, finish_reason TEXT,
        input_tokens INTEGER, cached_input_tokens INTEGER, output_tokens INTEGER, reasoning_tokens INTEGER,
        elapsed_s REAL, cost REAL, prompt_chars INTEGER NOT NULL, reply_bytes INTEGER, reply_hash ANY,
        violations TEXT, model_id INTEGER REFERENCES reply_models, exception TEXT,
        unseen INTEGER NOT NULL, adapted INTEGER NOT NULL, gateway_repaired INTEGER NOT NULL, stopped_at INTEGER,
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

_INSERT = f"INSERT INTO stored_attempts VALUES ({', '.join('?' * 33)})"
_HEX = 32


def _unpacked(name: str) -> str:
    return f"CASE typeof(a.{name}) WHEN 'blob' THEN lower(hex(a.{name})) ELSE a.{name} END"


EXPRESSIONS = {
    **{name: f"a.{name}" for name in COLUMNS},
    **{name: f"c.{name}" for name in CONFIGURATION_COLUMNS},
    **{name: _unpacked(name) for name in ("call_id", "input_hash", "parent_call_id", "reply_hash")},
    **{name: f"COALESCE(a.{name}, '[]')" for name in ("repairs", "coercions", "violations")},
    "strategy": "COALESCE(a.strategy, c.strategies)",
    "reply_model": "m.model",
    "snapshot": "m.snapshot",
}
"""SQL expressions by the columns that they read."""

IS_CALL = "a.call_id IN (SELECT packed(value) FROM json_each(?))"
"""The condition that an attempt belongs to a call in a JSON list. It needs `add_packed_function`."""

_SELECT = f"SELECT a.id, {', '.join(EXPRESSIONS[name] for name in COLUMNS)}"
# CROSS makes SQLite read the attempts first, so that they come in their order.
_FROM = """FROM stored_attempts AS a CROSS JOIN configurations AS c ON c.id = a.configuration_id
LEFT JOIN reply_models AS m ON m.id = a.model_id"""


def last_id(connection: sqlite3.Connection) -> int:
    """Return the `id` of the attempt that was stored last, 0 for none."""
    ((attempt_id,),) = connection.execute("SELECT MAX(id) FROM stored_attempts").fetchall()
    return attempt_id or 0


def page(
    connection: sqlite3.Connection, condition: str, values: Sequence[Any], limit: int = -1
) -> list[StoredRow]:
    """Return the first attempts that meet a condition, in the order of storing. A negative *limit* means all."""
    sql = f"{_SELECT} {_FROM} WHERE {condition} ORDER BY a.id LIMIT {limit}"
    return [(attempt_id, tuple(row)) for attempt_id, *row in connection.execute(sql, values).fetchall()]


def add_packed_function(connection: sqlite3.Connection) -> None:
    """Add the function `packed` to the SQL of a connection."""
    connection.create_function("packed", 1, packed, deterministic=True)


def stored_calls(connection: sqlite3.Connection, call_ids: Sequence[str]) -> frozenset[str]:
    """Return the calls that have attempts in this store."""
    add_packed_function(connection)
    sql = f"SELECT {EXPRESSIONS['call_id']} FROM stored_attempts AS a WHERE {IS_CALL}"
    return frozenset(call_id for (call_id,) in connection.execute(sql, (json.dumps(call_ids),)).fetchall())


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
    strategy, violations = row[_STRATEGY], row[_REPLY_MODEL - 1]
    repairs, coercions = row[_REPAIRS : _REPAIRS + 2]
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
        None if coercions == "[]" else coercions,
        *row[_REPAIRS + 2 : _REPLY_MODEL - 2],
        packed(row[_REPLY_MODEL - 2]),
        None if violations == "[]" else violations,
        model_id,
        *row[_REPLY_MODEL + 2 :],
    )


def _model_ids(connection: sqlite3.Connection, names: Iterable[Row]) -> dict[Row, int | None]:
    """Give the number of each pair of model and snapshot; None for the pair that says nothing."""
    ids: dict[Row, int | None] = {}
    for pair in names:
        if pair == (None, None):
            ids[pair] = None
            continue
        sql = "SELECT id FROM reply_models WHERE model IS ? AND snapshot IS ?"
        known = connection.execute(sql, pair).fetchall()
        sql = "INSERT INTO reply_models (model, snapshot, checksum) VALUES (?, ?, ?)"
        ids[pair] = known[0][0] if known else connection.execute(sql, checksums.sealed(pair)).lastrowid
    return ids
