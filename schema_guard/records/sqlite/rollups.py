# SPDX-License-Identifier: Apache-2.0
"""The roll-ups of a SQLite store: kept by its writer in the transaction that stores the attempts.

Tables: `configurations`, a row for each; `tallies`, its counts; `inputs`, the calls of each input, the only
table that grows with the calls; `outcomes`, one bit a judged call, 1 for unhandled, in the order of storing,
the first call of a byte in its most significant bit; `hours`, the calls of each hour by way and part.

Rules: what has an order is counted in the order of storing, up to the `id` that is `meta.rolled_up_to`.
Version 1 counted nothing: up to `meta.uncounted_to` there are attempts that have to be counted before the
roll-ups can be read. Hours, and the causes of calls outside of the rate, which came with version 3, are
counted for exactly the attempts in `stored_attempts`, when they come there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from schema_guard.records.counts.rollups import configuration_key, configuration_of, shape
from schema_guard.records.rows import COLUMNS, CONFIGURATION_COLUMNS

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Mapping

    from schema_guard.records.counts.rollups import Addition, StoredRow
    from schema_guard.records.rows import Row

CHUNK_CALLS = 8_192  # a row of `outcomes` is 1 KiB, so that four fit into a page

TABLES_SINCE_2 = (
    """CREATE TABLE configurations (
        id INTEGER PRIMARY KEY,
        key BLOB NOT NULL UNIQUE,
        function TEXT NOT NULL, schema_name TEXT NOT NULL, schema_fingerprint TEXT NOT NULL,
        model TEXT, target TEXT, strategies TEXT NOT NULL, settings TEXT NOT NULL, version TEXT NOT NULL,
        segment TEXT,
        first_started_at REAL, last_started_at REAL
    ) STRICT""",
    """CREATE TABLE tallies (
        configuration_id INTEGER NOT NULL REFERENCES configurations,
        tally TEXT NOT NULL, key TEXT NOT NULL, count INTEGER NOT NULL,
        PRIMARY KEY (configuration_id, tally, key)
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE inputs (
        configuration_id INTEGER NOT NULL REFERENCES configurations,
        input BLOB NOT NULL, n INTEGER NOT NULL, k INTEGER NOT NULL,
        PRIMARY KEY (configuration_id, input)
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE outcomes (
        configuration_id INTEGER NOT NULL REFERENCES configurations,
        chunk INTEGER NOT NULL, n INTEGER NOT NULL, bits BLOB NOT NULL, first_attempt INTEGER NOT NULL,
        PRIMARY KEY (configuration_id, chunk)
    ) STRICT""",
)

SINCE_3 = (
    "ALTER TABLE configurations ADD COLUMN tuned INTEGER NOT NULL DEFAULT 0",
    """CREATE TABLE hours (
        hour INTEGER NOT NULL, configuration_id INTEGER NOT NULL REFERENCES configurations,
        tally TEXT NOT NULL, count INTEGER NOT NULL,
        PRIMARY KEY (hour, configuration_id, tally)
    ) STRICT, WITHOUT ROWID""",
)

_STARTED_AT = COLUMNS.index("started_at")

# The scalar MIN and MAX of SQLite are NULL when one argument is.
_CONFIGURATION = f"""
INSERT INTO configurations (key, {", ".join(CONFIGURATION_COLUMNS)}, first_started_at, last_started_at)
VALUES ({", ".join("?" * (len(CONFIGURATION_COLUMNS) + 3))})
ON CONFLICT (key) DO UPDATE SET
    first_started_at = COALESCE(MIN(first_started_at, excluded.first_started_at),
        first_started_at, excluded.first_started_at),
    last_started_at = COALESCE(MAX(last_started_at, excluded.last_started_at),
        last_started_at, excluded.last_started_at)
RETURNING id
"""
# A sum that no longer fits into 64 bits stays at the largest number: it must not cost the attempts.
_LARGEST = 2**63 - 1
_TALLY = f"""
INSERT INTO tallies VALUES (?, ?, ?, ?)
ON CONFLICT DO UPDATE SET count = MIN(count + excluded.count, {_LARGEST})
"""
_INPUT = """
INSERT INTO inputs VALUES (?, ?, ?, ?)
ON CONFLICT DO UPDATE SET n = n + excluded.n, k = k + excluded.k
RETURNING n, k
"""
# Inputs that are called again leave their shape: without this an input of a million calls would leave
# a row for each batch that it was in.
_NO_INPUTS = "DELETE FROM tallies WHERE configuration_id = ? AND tally = 'inputs' AND count = 0"
_LAST_CHUNK = "SELECT chunk, n, bits FROM outcomes WHERE configuration_id = ? ORDER BY chunk DESC LIMIT 1"
_CHUNK = """
INSERT INTO outcomes (configuration_id, chunk, n, bits, first_attempt) VALUES (?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET n = excluded.n, bits = excluded.bits
"""
_HOUR = """
INSERT INTO hours VALUES (?, ?, ?, ?)
ON CONFLICT DO UPDATE SET count = count + excluded.count
"""


def configuration_ids(connection: sqlite3.Connection, rows: Iterable[StoredRow]) -> dict[Row, int]:
    """Give the number of each configuration, and note when its calls began."""
    started: dict[Row, list[float]] = {}
    for _, row in rows:
        starts = started.setdefault(configuration_of(row), [])
        at = row[_STARTED_AT]
        if isinstance(at, float):
            starts.append(at)
    return {
        configuration: _configuration_id(connection, configuration, starts)
        for configuration, starts in started.items()
    }


def add(connection: sqlite3.Connection, found: Mapping[Row, Addition], ids: Mapping[Row, int]) -> None:
    """Add what calls add to the roll-ups of their configurations."""
    tallies: list[tuple[int, str, str, int]] = []
    hours: list[tuple[int, int, str, int]] = []
    for configuration, addition in found.items():
        configuration_id = ids[configuration]
        _add_inputs(connection, configuration_id, addition)
        _add_outcomes(connection, configuration_id, addition)
        tallies += (
            (configuration_id, tally, str(key), min(count, _LARGEST))
            for (tally, key), count in addition.tallies.items()
            if count
        )
        hours += ((hour, configuration_id, way, calls) for (hour, way), calls in addition.hours.items())
    connection.executemany(_TALLY, tallies)
    connection.executemany(_HOUR, hours)
    left = {
        configuration_id for configuration_id, tally, _, count in tallies if tally == "inputs" and count < 0
    }
    connection.executemany(_NO_INPUTS, [(configuration_id,) for configuration_id in left])


def _configuration_id(connection: sqlite3.Connection, configuration: Row, started_at: list[float]) -> int:
    first, last = (min(started_at), max(started_at)) if started_at else (None, None)
    values = (configuration_key(configuration), *configuration, first, last)
    ((configuration_id,),) = connection.execute(_CONFIGURATION, values).fetchall()
    return int(configuration_id)


def _add_inputs(connection: sqlite3.Connection, configuration_id: int, addition: Addition) -> None:
    """Count the calls of each input; an input that had calls before leaves the shape that it had."""
    for key, (more_n, more_k) in sorted(addition.inputs.items()):
        ((n, k),) = connection.execute(_INPUT, (configuration_id, key, more_n, more_k)).fetchall()
        addition.tallies["inputs", shape(n, k)] += 1
        if n > more_n:
            addition.tallies["inputs", shape(n - more_n, k - more_k)] -= 1


def _add_outcomes(connection: sqlite3.Connection, configuration_id: int, addition: Addition) -> None:
    """Write the outcomes after those that are there, and begin a chunk where one is full."""
    outcomes, starts = "".join(addition.outcomes), addition.starts
    stored = connection.execute(_LAST_CHUNK, (configuration_id,)).fetchall()
    chunk, n, bits = stored[0] if stored else (0, 0, b"")
    while outcomes:
        if n == CHUNK_CALLS:
            chunk, n, bits = chunk + 1, 0, b""
        room = CHUNK_CALLS - n
        bits = _with_outcomes(bits, n, outcomes[:room])
        n += len(outcomes[:room])
        connection.execute(_CHUNK, (configuration_id, chunk, n, bits, starts[0]))
        outcomes, starts = outcomes[room:], starts[room:]


def _with_outcomes(bits: bytes, n: int, outcomes: str) -> bytes:
    """Give the first n bits of *bits* followed by *outcomes*, filled with zeros up to a whole byte."""
    whole = n // 8
    begun = f"{bits[whole]:08b}"[: n % 8] if n % 8 else ""
    text = begun + outcomes
    size = -(-len(text) // 8)
    return bits[:whole] + int(text.ljust(size * 8, "0"), 2).to_bytes(size, "big")
