# SPDX-License-Identifier: Apache-2.0
"""The attempts of a SQLite store against their checksums."""

from __future__ import annotations

import sqlite3
from bisect import bisect_right
from typing import TYPE_CHECKING, Any, NamedTuple

from schema_guard.records.backend import Damage
from schema_guard.records.counts.hours import hour_of
from schema_guard.records.sqlite.checksums import CHUNK_ROWS, sums_of
from schema_guard.records.sqlite.payloads import removal

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from schema_guard.records.sqlite.check.notes import Notes

__all__ = ["check"]


class _Unread(NamedTuple):
    """Attempts that cannot be read.

    Attributes:
        first: `id` of the first one.
        last: Of the last one.
        why: What SQLite says.
    """

    first: int
    last: int
    why: str


_LEAST_ID, _LARGEST_ID = -(2**63), 2**63 - 1  # a bit that changes can make any number of an `id`
_STARTED_AT = 3


def check(connection: sqlite3.Connection, notes: Notes) -> None:
    """Compare each chunk of attempts with its checksum."""
    sums: dict[int, tuple[int, int]] = {}
    with notes.reading("attempts"):
        for chunk, count, total in connection.execute("SELECT chunk, rows, sum FROM checksums"):
            sums[chunk] = count, total
    total, done = sum(count for count, _ in sums.values()), 0
    for chunk in _chunks(connection, sorted(sums), notes):
        notes.on_step("checksums", done, total)
        done += _check_chunk(connection, chunk, sums.get(chunk, (0, 0)), notes)
    notes.on_step("checksums", total, total)
    _check_hours(connection, notes)


def _chunks(connection: sqlite3.Connection, chunks: Sequence[int], notes: Notes) -> Iterator[int]:
    """Give the chunks of which there are rows or a checksum, in order."""
    place, first = 0, _LEAST_ID
    while True:
        candidates = list(chunks[place : place + 1])
        with notes.reading("attempts"):
            sql = "SELECT id FROM stored_attempts WHERE id >= ? ORDER BY id LIMIT 1"
            candidates += [row[0] // CHUNK_ROWS for row in connection.execute(sql, [first])]
        if not candidates:
            return
        chunk = min(candidates)
        yield chunk
        place, first = bisect_right(chunks, chunk), (chunk + 1) * CHUNK_ROWS
        if first > _LARGEST_ID:
            return


def _check_chunk(connection: sqlite3.Connection, chunk: int, checksum: tuple[int, int], notes: Notes) -> int:
    """Compare one chunk; gives how many attempts of it could be read."""
    first, last = chunk * CHUNK_ROWS, (chunk + 1) * CHUNK_ROWS - 1
    rows, unread = _rows(connection, first, last)
    notes.attempts += len(rows)
    _note_hours(rows, notes)
    count, total = sums_of(rows).get(chunk, (0, 0))
    if unread is None and (count, total) == checksum:
        notes.with_checksum += count
        return count
    starts = [row[_STARTED_AT] for row in rows if isinstance(row[_STARTED_AT], float)]
    difference = _difference(count, checksum[0])
    if unread is not None:
        first, last, difference = unread.first, unread.last, f"cannot all be read: {unread.why}"
    notes.damage.append(
        Damage("attempts", difference, first, last, min(starts, default=None), max(starts, default=None))
    )
    return len(rows)


def _note_hours(rows: list[Any], notes: Notes) -> None:
    """Note where the attempts of each hour are."""
    for row in rows:
        hour = hour_of(row[_STARTED_AT]) if isinstance(row[_STARTED_AT], float) else None
        if hour is not None:
            first, last = notes.spans.get(hour, (row[0], row[0]))
            notes.spans[hour] = min(first, row[0]), max(last, row[0])


def _check_hours(connection: sqlite3.Connection, notes: Notes) -> None:
    """Compare where the attempts of each hour are with where they are said to be."""
    with notes.reading("hours"):
        sql = "SELECT hour, first_attempt, last_attempt FROM hour_spans"
        spans = {hour: (first, last) for hour, first, last in connection.execute(sql)}
        has_gaps = removal.has_removed(connection)
        for hour in sorted(spans.keys() | notes.spans.keys()):
            span, right = spans.get(hour), notes.spans.get(hour)
            if span != right and not (has_gaps and _covers(span, right)):
                notes.add("hours", f"the attempts of hour {hour} are not where they are said to be")


def _covers(span: tuple[int, int] | None, right: tuple[int, int] | None) -> bool:
    """Say whether all attempts are where they are said to be, though some that were there are gone."""
    return right is None or (span is not None and span[0] <= right[0] and span[1] >= right[1])


def _difference(count: int, written: int) -> str:
    if count < written:
        return f"{written - count} of {written} attempts are missing"
    if count > written:
        return f"there are {count} attempts, {written} were written"
    return "not all of them are as they were written"


def _rows(connection: sqlite3.Connection, first: int, last: int) -> tuple[list[Any], _Unread | None]:
    """Give the rows that can be read, and which cannot."""
    sql = "SELECT * FROM stored_attempts WHERE id BETWEEN ? AND ?"
    try:
        return connection.execute(sql, [first, last]).fetchall(), None
    except sqlite3.Error as error:
        why = str(error)
    rows: list[Any] = []
    unread: list[int] = []
    for attempt_id in range(first, last + 1):
        try:
            rows += connection.execute(sql, [attempt_id, attempt_id]).fetchall()
        except sqlite3.Error:
            unread.append(attempt_id)
    return rows, _Unread(unread[0] if unread else first, unread[-1] if unread else last, why)
