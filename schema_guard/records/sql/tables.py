# SPDX-License-Identifier: Apache-2.0
"""The tables of a store. SQLite and PostgreSQL have the same ones, and the same statements use them.

- `attempts`: a row for each attempt. The order of `id` is the order of arrival.
- `configurations`: the names by which calls are counted, with the counts of all times.
- `roll_ups`: the counts of a configuration and an hour, in parts of at most `PART_CALLS` calls and a batch. They stay when
  attempts are deleted.
- `inputs`: how often a configuration was called with an input, and how often the call failed.
- `payloads`: the texts of attempts.
- `content`: whether the values of a call are right: its values in the source, a second model's opinion, and a label, and how
  sure a decision model was. It has a row for each call that was checked or decided.
- `schemas`: the texts of each schema, by its fingerprint.
- `notes`: dated entries: declared steps, target rates, messages of `watch --notify`, and counts of lost records.
- `meta`: the version of the tables, the key of the hashes, and the `id` of the last attempt and of the last imported one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from schema_guard.records.rows import COLUMNS, CONFIGURATION_COLUMNS

if TYPE_CHECKING:
    from schema_guard.records.counts.calls import StoredRow

LAYOUT = 10
"""The version of the tables."""

PART_CALLS = 512
"""A part of a roll-up with this many calls takes no more batches, so a write never copies a large row."""

TABLES = {
    "meta": "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL)",
    "configurations": """CREATE TABLE configurations (
        id INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE,
        function TEXT NOT NULL, schema_name TEXT NOT NULL, schema_fingerprint TEXT NOT NULL,
        model TEXT, provider TEXT, strategies TEXT NOT NULL, settings TEXT NOT NULL, version TEXT NOT NULL,
        tuned INTEGER NOT NULL, segment TEXT,
        first_started_at REAL, last_started_at REAL, results TEXT NOT NULL, tallies TEXT NOT NULL
    )""",
    "attempts": """CREATE TABLE attempts (
        id INTEGER PRIMARY KEY, configuration_id INTEGER NOT NULL,
        call_id BLOB NOT NULL, started_at REAL, cluster TEXT, input_hash BLOB, parent_call_id BLOB,
        number INTEGER, final INTEGER NOT NULL, strategy TEXT,
        kind TEXT, code TEXT, form TEXT, repairs TEXT, coercions TEXT, finish_reason TEXT,
        input_tokens INTEGER, cached_input_tokens INTEGER, output_tokens INTEGER, reasoning_tokens INTEGER,
        elapsed_s REAL, cost REAL, prompt_chars INTEGER NOT NULL, reply_bytes INTEGER, reply_hash BLOB,
        violations TEXT, reply_model TEXT, snapshot TEXT, exception TEXT,
        unseen INTEGER NOT NULL, adapted INTEGER NOT NULL, gateway_repaired INTEGER NOT NULL, stopped_at INTEGER
    )""",
    "attempts_call_id": "CREATE INDEX attempts_call_id ON attempts (call_id)",
    "roll_ups": """CREATE TABLE roll_ups (
        configuration_id INTEGER NOT NULL, hour INTEGER NOT NULL, part INTEGER NOT NULL,
        deleted INTEGER NOT NULL, first_id INTEGER NOT NULL, last_id INTEGER NOT NULL, attempts INTEGER NOT NULL,
        first_started_at REAL, last_started_at REAL, results TEXT NOT NULL, tallies TEXT NOT NULL,
        outcomes BLOB NOT NULL, inputs BLOB NOT NULL,
        PRIMARY KEY (configuration_id, hour, part)
    )""",
    "roll_ups_hour": "CREATE INDEX roll_ups_hour ON roll_ups (hour)",
    "inputs": """CREATE TABLE inputs (
        configuration_id INTEGER NOT NULL, input INTEGER NOT NULL, n INTEGER NOT NULL, k INTEGER NOT NULL,
        PRIMARY KEY (configuration_id, input)
    )""",
    "payloads": "CREATE TABLE payloads (attempt_id INTEGER PRIMARY KEY, prompt BLOB, reply BLOB, touched TEXT)",
    "content": """CREATE TABLE content (
        call_id BLOB PRIMARY KEY, configuration_id INTEGER NOT NULL, hour INTEGER NOT NULL, unit TEXT NOT NULL,
        pair BLOB, sought INTEGER, grounded INTEGER, kinds TEXT, list_rows INTEGER, source_rows INTEGER,
        second_model TEXT, leaves INTEGER, agreed INTEGER, differing REAL, cost REAL, second_reply BLOB,
        block INTEGER, label TEXT, wrong REAL, confidence TEXT, wrong_at TEXT
    )""",
    "content_configuration": "CREATE INDEX content_configuration ON content (configuration_id)",
    "content_block": "CREATE INDEX content_block ON content (block) WHERE block IS NOT NULL",
    "schemas": """CREATE TABLE schemas (
        fingerprint TEXT NOT NULL, hash TEXT NOT NULL, name TEXT NOT NULL, text TEXT NOT NULL, at REAL NOT NULL,
        PRIMARY KEY (fingerprint, hash)
    )""",
    "notes": """CREATE TABLE notes (
        id INTEGER PRIMARY KEY, kind TEXT NOT NULL, schema_fingerprint TEXT, function TEXT, name TEXT, status TEXT,
        reason TEXT, number REAL, at REAL NOT NULL
    )""",
}
"""Table or index -> the statement that creates it, in the types of SQLite."""


class Connection(Protocol):
    """An open database, in a transaction if that matters. Both engines have one."""

    def select(self, sql: str, values: Sequence[Any] = ()) -> list[Any]:
        """Return all rows. Placeholders are `?`."""

    def execute(self, sql: str, values: Sequence[Any] = ()) -> int:
        """Run a statement, and return the number of rows that it changed."""

    def many(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """Run a statement for each row of values."""


def portions(whole: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    """Yield the values of a sequence in portions, because a statement takes only some thousands."""
    for first in range(0, len(whole), size):
        yield whole[first : first + size]


def placeholders(number: int) -> str:
    """Return a list of placeholders: `?, ?`."""
    return ", ".join("?" * number)


_HEX = 32
_TAG = b"\0"


def packed(text: Any) -> bytes | None:
    r"""Return a text as it is stored in a column of bytes: 32 hex digits as 16 bytes, another text behind a zero byte.

    >>> len(packed("0f" * 16)), packed("mine"), unpacked(packed("fifteen letters"))
    (16, b'\x00mine', 'fifteen letters')
    """
    if text is None:
        return None
    if len(text) == _HEX:
        try:
            blob = bytes.fromhex(text)
        except ValueError:
            blob = b""
        if blob.hex() == text:
            return blob
    stored: bytes = _TAG + text.encode()
    return _TAG + stored if len(stored) == _HEX // 2 else stored


def unpacked(stored: bytes | None) -> str | None:
    """Return the text that `packed` stored."""
    if stored is None:
        return None
    # psycopg and sqlite3 both return bytes.
    return stored.hex() if len(stored) == _HEX // 2 else stored.lstrip(_TAG).decode()


_END = COLUMNS.index(CONFIGURATION_COLUMNS[0])
_START = _END + len(CONFIGURATION_COLUMNS)
_STRATEGIES, _STRATEGY, _REPAIRS, _REPLY_HASH = (
    COLUMNS.index(name) for name in ("strategies", "strategy", "repairs", "reply_hash")
)
_EMPTY = "[]"

INSERT_ATTEMPT = (
    f"INSERT INTO attempts VALUES ({placeholders(len(COLUMNS) - len(CONFIGURATION_COLUMNS) + 2)})"
)
SELECT_ATTEMPTS = f"""SELECT a.id, {", ".join(f"{'c' if name in CONFIGURATION_COLUMNS else 'a'}.{name}" for name in COLUMNS)}
FROM attempts AS a JOIN configurations AS c ON c.id = a.configuration_id"""


def attempt_row(attempt_id: int, configuration_id: int, row: Any) -> tuple[Any, ...]:
    """Return the values of `INSERT_ATTEMPT`. None stands for the strategy of the configuration, and for an empty list."""
    strategy, repairs, coercions, violations = (
        row[_STRATEGY], row[_REPAIRS], row[_REPAIRS + 1], row[_REPLY_HASH + 1]
    )  # fmt: skip
    return (
        attempt_id,
        configuration_id,
        packed(row[0]),
        row[1],
        row[_START],
        packed(row[_START + 1]),
        packed(row[_START + 2]),
        *row[_START + 3 : _STRATEGY],
        None if strategy == row[_STRATEGIES] else strategy,
        *row[_STRATEGY + 1 : _REPAIRS],
        None if repairs == _EMPTY else repairs,
        None if coercions == _EMPTY else coercions,
        *row[_REPAIRS + 2 : _REPLY_HASH],
        packed(row[_REPLY_HASH]),
        None if violations == _EMPTY else violations,
        *row[_REPLY_HASH + 2 :],
    )


def stored_row(selected: Sequence[Any]) -> StoredRow:
    """Return an attempt that `SELECT_ATTEMPTS` gave, with its `id`."""
    attempt_id, *row = selected
    row[0] = unpacked(row[0])
    row[_START + 1], row[_START + 2] = unpacked(row[_START + 1]), unpacked(row[_START + 2])
    if row[_STRATEGY] is None:
        row[_STRATEGY] = row[_STRATEGIES]
    row[_REPAIRS], row[_REPAIRS + 1] = row[_REPAIRS] or _EMPTY, row[_REPAIRS + 1] or _EMPTY
    row[_REPLY_HASH], row[_REPLY_HASH + 1] = unpacked(row[_REPLY_HASH]), row[_REPLY_HASH + 1] or _EMPTY
    return attempt_id, tuple(row)
