# SPDX-License-Identifier: Apache-2.0
"""Checksums of what a SQLite store holds: where bits change on a disk, SQLite itself often sees nothing.

Rules: a checksum is of the values that reading gives, not of bytes of the file. Of attempts there is one for each
thousand `id`s, the sum of one for each row: the order of writing, and the batches in which it went, change no sum, and
a row that is taken out is subtracted. Of the small tables each row has its own; a configuration's key is one of its names.
"""

from __future__ import annotations

from marshal import dumps
from typing import TYPE_CHECKING, Any
from zlib import crc32

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence

CHUNK_ROWS = 1_000  # `id`s, of which one checksum is kept

TABLES = (
    """CREATE TABLE checksums (
        chunk INTEGER PRIMARY KEY, rows INTEGER NOT NULL, sum INTEGER NOT NULL
    ) STRICT""",
)

_ADD = """
INSERT INTO checksums VALUES (?, ?, ?)
ON CONFLICT DO UPDATE SET rows = rows + excluded.rows, sum = sum + excluded.sum
"""
_EMPTY = "DELETE FROM checksums WHERE rows = 0"
# Of version 2, whose bytes for None, numbers, text, bytes and tuples no Python has changed: no references to what was
# told before, which depend on what else the process holds. Six times as fast as any text of a row.
_FORMAT = 2


def checksum(row: Sequence[Any]) -> int:
    """Give the checksum of values as a STRICT table gives them: 32 bits, which every burst up to that length changes.

    >>> checksum((1, None, 0.5, "é", b"x"))
    2059437351
    """
    return crc32(dumps(tuple(row), _FORMAT))


def sealed(row: Sequence[Any]) -> tuple[Any, ...]:
    """Give a row with its checksum behind it."""
    return (*row, checksum(row))


def sums_of(rows: Iterable[tuple[Any, ...]]) -> dict[int, tuple[int, int]]:
    """Give of each chunk how many of these rows it has, and the sum of their checksums; the `id` stands first."""
    sums: dict[int, tuple[int, int]] = {}
    for row in rows:
        chunk = row[0] // CHUNK_ROWS
        count, total = sums.get(chunk, (0, 0))
        sums[chunk] = count + 1, total + crc32(dumps(row, _FORMAT))
    return sums


def add(connection: sqlite3.Connection, rows: Iterable[tuple[Any, ...]]) -> None:
    """Count in rows that are stored now, as the table of attempts has them."""
    connection.executemany(_ADD, [(chunk, *sums) for chunk, sums in sums_of(rows).items()])


def take_out(connection: sqlite3.Connection, condition: str, values: Sequence[Any]) -> None:
    """Count out the attempts that are about to be deleted, in the transaction that does it.

    Args:
        connection: In a transaction.
        condition: On a row of `stored_attempts`.
        values: Of its parameters.
    """
    rows = connection.execute(f"SELECT * FROM stored_attempts WHERE {condition}", values)
    connection.executemany(_ADD, [(chunk, -count, -total) for chunk, (count, total) in sums_of(rows).items()])
    connection.execute(_EMPTY)
