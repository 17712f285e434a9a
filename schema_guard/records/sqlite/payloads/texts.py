# SPDX-License-Identifier: Apache-2.0
"""The texts of attempts in a SQLite store: a table of their own, by the `id` of the attempt.

A row of attempts stays narrow, and whoever counts rows never reads a page of texts.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from schema_guard.records.payloads.texts import Payload, Texts, texts_of
from schema_guard.records.sqlite import attempts
from schema_guard.records.sqlite.checksums import sealed

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

TABLES = (
    """CREATE TABLE payloads (
        attempt_id INTEGER PRIMARY KEY, prompt BLOB, reply BLOB, touched TEXT, checksum INTEGER NOT NULL
    ) STRICT""",
)


def insert(connection: sqlite3.Connection, first_id: int, payloads: Sequence[Payload | None]) -> None:
    """Store the texts of attempts whose `id`s follow one another."""
    connection.executemany(
        "INSERT INTO payloads VALUES (?, ?, ?, ?, ?)",
        [
            sealed((attempt_id, *payload))
            for attempt_id, payload in enumerate(payloads, start=first_id)
            if payload is not None
        ],
    )


def read(connection: sqlite3.Connection, call_ids: Sequence[str]) -> list[Texts]:
    """Give what is stored of the texts of calls, in the order of storing."""
    attempts.add_packed_function(connection)
    sql = """SELECT CASE typeof(a.call_id) WHEN 'blob' THEN lower(hex(a.call_id)) ELSE a.call_id END,
        a.number, p.prompt, p.reply, p.touched
        FROM stored_attempts AS a CROSS JOIN payloads AS p ON p.attempt_id = a.id
        WHERE a.call_id IN (SELECT packed(value) FROM json_each(?)) ORDER BY a.id"""
    rows = connection.execute(sql, [json.dumps(list(call_ids))]).fetchall()
    return [texts_of(call_id, number, Payload(*stored)) for call_id, number, *stored in rows]
