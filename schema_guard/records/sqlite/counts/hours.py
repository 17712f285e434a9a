# SPDX-License-Identifier: Apache-2.0
"""What is kept of each hour, and what is told of any times from it.

Tables: `hour_details`, of each configuration and hour the tallies of its calls, the `id` of its first attempt, when
its first and its last call began, and which of the configuration's judged calls are its own, as runs of
[number of the first, how many]; `hour_spans`, of each hour the least and the greatest `id` of an attempt in
`stored_attempts`, which stands for an index of times.

Rules: of each configuration the latest hour is open: its tallies are in the details alone, and go among those of all
times when a later one begins. Each batch adds rows of its own, which are made
one from time to time. Each attempt is in the details. An hour that is meant in part is counted by its attempts.
"""

from __future__ import annotations

import json
from collections import defaultdict
from math import ceil, floor, inf
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from schema_guard.records.counts.hours import HOUR_S, LARGEST_HOUR, hour_of
from schema_guard.records.rows import COLUMNS
from schema_guard.records.sqlite.checksums import sealed

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from schema_guard.records.attempts import Where
    from schema_guard.records.counts.hours import HourAddition
    from schema_guard.records.counts.rollups import Addition, StoredRow
    from schema_guard.records.counts.tallies import Tallies

__all__ = [
    "TABLES",
    "HourDetails",
    "Hours",
    "add",
    "add_spans",
    "open_tallies",
    "span",
]

TABLES = (
    """CREATE TABLE hour_details (
        id INTEGER PRIMARY KEY,
        hour INTEGER NOT NULL, configuration_id INTEGER NOT NULL REFERENCES configurations,
        first_attempt INTEGER NOT NULL, first_started_at REAL NOT NULL, last_started_at REAL NOT NULL,
        is_open INTEGER NOT NULL, calls TEXT NOT NULL, tallies TEXT NOT NULL,
        checksum INTEGER NOT NULL
    ) STRICT""",
    "CREATE INDEX hour_details_hour ON hour_details (hour, configuration_id)",
    "CREATE INDEX hour_details_open ON hour_details (configuration_id) WHERE is_open",
    """CREATE TABLE hour_spans (
        hour INTEGER PRIMARY KEY, first_attempt INTEGER NOT NULL, last_attempt INTEGER NOT NULL
    ) STRICT""",
)

_STARTED_AT = COLUMNS.index("started_at")

_INSERT = f"INSERT INTO hour_details VALUES (NULL, {', '.join('?' * 9)})"
_ROWS = """SELECT first_attempt, first_started_at, last_started_at, calls, tallies FROM hour_details
WHERE hour = ? AND configuration_id = ? AND is_open = ? ORDER BY id"""
_DELETE = "DELETE FROM hour_details WHERE hour = ? AND configuration_id = ? AND is_open = ?"
_COUNT = "SELECT COUNT(*) FROM hour_details WHERE hour = ? AND configuration_id = ? AND is_open = ?"
_MOST_ROWS = 16
_OPEN_HOUR = "SELECT hour FROM hour_details WHERE is_open AND configuration_id = ? LIMIT 1"
_OPEN = "SELECT configuration_id, tallies FROM hour_details WHERE is_open AND {condition}"
_SPAN = """INSERT INTO hour_spans VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET
first_attempt = MIN(first_attempt, excluded.first_attempt), last_attempt = MAX(last_attempt, excluded.last_attempt)"""


class Hours(NamedTuple):
    """Which hours some times are.

    Attributes:
        first: The first one that is meant whole.
        last: The one after the last of them.
        parts: Those that are meant in part.
    """

    first: int
    last: int
    parts: tuple[int, ...]

    @classmethod
    def of(cls, where: Where) -> Hours | None:
        """Give the hours of some times; None where they are none that a store keeps apart."""
        bounds = [at for at in (where.since, where.until) if at is not None]
        if any(not abs(at) < LARGEST_HOUR * HOUR_S for at in bounds):
            return None
        first = -LARGEST_HOUR if where.since is None else ceil(where.since / HOUR_S)
        last = LARGEST_HOUR + 1 if where.until is None else floor(where.until / HOUR_S)
        parts = {floor(at / HOUR_S) for at in bounds if at % HOUR_S}
        return cls(first, last, tuple(sorted(parts)))


Tallied: TypeAlias = dict[tuple[str, str | int], int]
"""Counts by tally and key."""


def add(connection: sqlite3.Connection, configuration_id: int, addition: Addition, calls: int) -> Tallied:
    """Add what calls of a configuration add to their hours.

    Args:
        connection: In a transaction.
        configuration_id: Of the configuration.
        addition: What they add.
        calls: Judged ones of the configuration before them.

    Returns:
        What is to be added to the tallies of all times.
    """
    closed = defaultdict(int, addition.rest)
    rows = connection.execute(_OPEN_HOUR, (configuration_id,)).fetchall()
    open_hour = rows[0][0] if rows else None
    for hour, more in addition.by_hour.items():
        if hour is not None:
            if open_hour is not None and hour > open_hour:
                for tally, counts in _compact(connection, (open_hour, configuration_id, True), False).items():
                    for key, count in counts.items():
                        closed[tally, key] += count
            open_hour = hour if open_hour is None else max(hour, open_hour)
            _add(connection, (hour, configuration_id, hour == open_hour), more, calls)
        if hour is None or hour != open_hour:
            for name, count in more.tallies.items():
                closed[name] += count
    return closed


_Place: TypeAlias = tuple[int, int, bool]  # hour, configuration, whether it is open


def _add(connection: sqlite3.Connection, place: _Place, more: HourAddition, calls: int) -> None:
    """Add a row, and make one of all when there are many."""
    tallies: dict[str, dict[str | int, int]] = {}
    for (tally, key), count in more.tallies.items():
        if count:
            tallies.setdefault(tally, {})[key] = count
    runs: list[int] = []
    _extend(runs, ((calls + number, 1) for number in more.places))
    _insert(connection, place, (more.first, *(more.starts or (0.0, 0.0))), runs, tallies)
    ((rows,),) = connection.execute(_COUNT, place).fetchall()
    if rows >= _MOST_ROWS:
        _compact(connection, place, place[2])


def _insert(
    connection: sqlite3.Connection, place: _Place, known: tuple[object, ...], runs: object, tallies: object
) -> None:
    row = (*place[:2], *known, int(place[2]), *map(_compact_json, (runs, tallies)))
    connection.execute(_INSERT, sealed(row))


def _compact(connection: sqlite3.Connection, place: _Place, is_open: bool) -> Tallies:
    """Make one row of all, open or not; gives its tallies."""
    rows = connection.execute(_ROWS, place).fetchall()
    details = HourDetails()
    for row in rows:
        details.add(*row)
    connection.execute(_DELETE, place)
    _insert(
        connection,
        (*place[:2], is_open),
        (details.first_attempt, details.first_started_at, details.last_started_at),
        details.runs,
        details.tallies,
    )
    return details.tallies


class HourDetails:
    """What is kept of some hours of a configuration, added up.

    Attributes:
        first_attempt: The least `id` of an attempt.
        first_started_at: When the earliest call began.
        last_started_at: When the latest call began.
        runs: Which judged calls of the configuration, in the order in which rows were added.
        tallies: The counts.
    """

    def __init__(self) -> None:
        self.first_attempt = 2**63 - 1
        self.first_started_at = inf
        self.last_started_at = -inf
        self.runs: list[int] = []
        self.tallies: Tallies = defaultdict(dict)

    def add(
        self, first_attempt: int, first_started_at: float, last_started_at: float, runs: str, tallies: str
    ) -> None:
        """Add a row."""
        self.add_starts(first_attempt, first_started_at, last_started_at)
        self.add_stored_runs(runs)
        self.add_tallies(json.loads(tallies))

    def add_starts(self, first_attempt: int, first_started_at: float, last_started_at: float) -> None:
        """Take in where calls begin."""
        self.first_attempt = min(self.first_attempt, first_attempt)
        self.first_started_at = min(self.first_started_at, first_started_at)
        self.last_started_at = max(self.last_started_at, last_started_at)

    def add_stored_runs(self, runs: str) -> None:
        """Add the runs of a row."""
        flat = json.loads(runs)
        self.add_runs(zip(flat[::2], flat[1::2], strict=True))

    def add_runs(self, runs: Iterable[tuple[int, int]]) -> None:
        """Add runs of judged calls."""
        _extend(self.runs, runs)

    def sorted_runs(self) -> list[tuple[int, int]]:
        """Give the runs in the order of the calls."""
        return sorted(zip(self.runs[::2], self.runs[1::2], strict=True))

    def add_tallies(self, tallies: Mapping[str, Mapping[str, int]]) -> None:
        """Add counts."""
        for tally, counts in tallies.items():
            mine = self.tallies[tally]
            if mine:
                known = mine.get
                for key, count in counts.items():
                    mine[key] = known(key, 0) + count
            else:
                mine.update(counts)


def open_tallies(
    connection: sqlite3.Connection, condition: str, values: Sequence[object]
) -> Iterator[tuple[int, str, str, int]]:
    """Give the counts of the open hours of configurations that meet a condition, by configuration, tally and key."""
    for configuration_id, text in connection.execute(_OPEN.format(condition=condition), values).fetchall():
        for tally, counts in json.loads(text).items():
            for key, count in counts.items():
                yield configuration_id, tally, key, count


def _extend(runs: list[int], more: Iterable[tuple[int, int]]) -> None:
    """Add runs to others."""
    for first, n in more:
        if runs and runs[-2] + runs[-1] == first:
            runs[-1] += n
        else:
            runs += (first, n)


def _compact_json(document: object) -> str:
    return json.dumps(document, separators=(",", ":"))


def add_spans(connection: sqlite3.Connection, rows: Sequence[StoredRow]) -> None:
    """Note where the attempts of each hour are."""
    spans: dict[int, list[int]] = {}
    began, hour = None, None
    for attempt_id, row in rows:
        if row[_STARTED_AT] != began:  # else another attempt of the same call
            began = row[_STARTED_AT]
            hour = hour_of(began)
        if hour is not None:
            spans.setdefault(hour, []).append(attempt_id)
    connection.executemany(_SPAN, [(hour, min(ids), max(ids)) for hour, ids in spans.items()])


def span(connection: sqlite3.Connection, where: Where) -> tuple[int, int] | None:
    """Give the least and the greatest `id` of attempts in the hours of these times; None where there are none."""
    bounds = [
        -LARGEST_HOUR if where.since is None else hour_of(where.since),
        LARGEST_HOUR if where.until is None else hour_of(where.until),
    ]
    sql = "SELECT MIN(first_attempt), MAX(last_attempt) FROM hour_spans WHERE hour BETWEEN ? AND ?"
    ((least, greatest),) = connection.execute(sql, bounds).fetchall()
    return None if least is None else (least, greatest)
