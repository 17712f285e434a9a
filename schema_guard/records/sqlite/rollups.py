# SPDX-License-Identifier: Apache-2.0
"""The roll-ups of a SQLite store: kept by its writer in the transaction that stores the attempts.

Tables: `configurations`, a row for each; `tallies`, its counts; those of the module `inputs`, the only
ones that grow with the calls; `outcomes`, one bit a judged call, 1 for failed, in the order of storing,
the first call of a byte in its most significant bit; `hours`, the calls of each hour by way and part; those of
the module `hours`.

Rules: ordered figures follow the order of storing. Each attempt is counted in the transaction that stores it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from schema_guard.records.counts.rollups import CHUNK_CALLS, LARGEST, chunks, configuration_key, started
from schema_guard.records.rows import CONFIGURATION_COLUMNS
from schema_guard.records.sqlite.counts import hours as hours_kept
from schema_guard.records.sqlite.counts import inputs

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Mapping

    from schema_guard.records.counts.rollups import Addition, StoredRow
    from schema_guard.records.rows import Row

TABLES = (
    """CREATE TABLE configurations (
        id INTEGER PRIMARY KEY,
        key BLOB NOT NULL UNIQUE,
        function TEXT NOT NULL, schema_name TEXT NOT NULL, schema_fingerprint TEXT NOT NULL,
        model TEXT, provider TEXT, strategies TEXT NOT NULL, settings TEXT NOT NULL, version TEXT NOT NULL,
        segment TEXT, tuned INTEGER NOT NULL,
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
    """CREATE TABLE hours (
        hour INTEGER NOT NULL, configuration_id INTEGER NOT NULL REFERENCES configurations,
        tally TEXT NOT NULL, count INTEGER NOT NULL,
        PRIMARY KEY (hour, configuration_id, tally)
    ) STRICT, WITHOUT ROWID""",
    *inputs.TABLES,
    *hours_kept.TABLES,
)

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
_TALLY = f"""
INSERT INTO tallies VALUES (?, ?, ?, ?)
ON CONFLICT DO UPDATE SET count = MIN(count + excluded.count, {LARGEST})
"""
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
    return {
        configuration: _configuration_id(connection, configuration, starts)
        for configuration, starts in started(rows).items()
    }


def add(connection: sqlite3.Connection, additions: Mapping[Row, Addition], ids: Mapping[Row, int]) -> None:
    """Add what calls add to the roll-ups of their configurations."""
    tallies: list[tuple[int, str, str, int]] = []
    hours: list[tuple[int, int, str, int]] = []
    for configuration, addition in additions.items():
        configuration_id = ids[configuration]
        calls = _add_outcomes(connection, configuration_id, addition)
        closed = hours_kept.add(connection, configuration_id, addition, calls)
        tallies += (
            (configuration_id, tally, str(key), min(count, LARGEST))
            for (tally, key), count in closed.items()
            if count
        )
        hours += ((hour, configuration_id, way, calls) for (hour, way), calls in addition.hours.items())
    connection.executemany(_TALLY, tallies)
    connection.executemany(_HOUR, hours)
    inputs.append(
        connection,
        {ids[configuration]: addition.input_calls for configuration, addition in additions.items()},
    )


def _configuration_id(connection: sqlite3.Connection, configuration: Row, started_at: list[float]) -> int:
    first, last = (min(started_at), max(started_at)) if started_at else (None, None)
    values = (configuration_key(configuration), *configuration, first, last)
    ((configuration_id,),) = connection.execute(_CONFIGURATION, values).fetchall()
    return int(configuration_id)


def _add_outcomes(connection: sqlite3.Connection, configuration_id: int, addition: Addition) -> int:
    """Write the outcomes after those that are there, and begin a chunk where one is full; gives how many those are."""
    stored = connection.execute(_LAST_CHUNK, (configuration_id,)).fetchall()
    last = stored[0] if stored else None
    for chunk in chunks(last, addition):
        connection.execute(_CHUNK, (configuration_id, *chunk))
    return 0 if last is None else int(last[0] * CHUNK_CALLS + last[1])
