# SPDX-License-Identifier: Apache-2.0
"""What is read from a SQLite store.

Apart from what writes, so that a process that only records does not import it.
"""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import replace
from math import ceil, floor
from typing import TYPE_CHECKING, Any, TypeAlias

from schema_guard.records.counts.rollups import LARGEST, whole_calls
from schema_guard.records.counts.tallies import IDENTITY, counts_of, hour_counts
from schema_guard.records.declarations import Declared, DeclaredStep, DeclaredTarget
from schema_guard.records.rows import CONFIGURATION_COLUMNS
from schema_guard.records.sqlite import attempts
from schema_guard.records.sqlite.counts import hours, inputs, windows
from schema_guard.records.sqlite.payloads import removal
from schema_guard.records.sqlite.payloads import texts as payloads
from schema_guard.records.sqlite.tables import hash_key, noted_keys
from schema_guard.records.sqlite.writing import every_lost_record

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Mapping, Sequence

    from schema_guard.records.attempts import Where
    from schema_guard.records.backend import LostRecords
    from schema_guard.records.counts.configurations import ConfigurationCounts, HourCounts
    from schema_guard.records.counts.rollups import StoredRow
    from schema_guard.records.counts.tallies import Tallies
    from schema_guard.records.payloads.retention import Forgotten, Retention
    from schema_guard.records.payloads.texts import Texts
    from schema_guard.records.rows import Row

_PAGE = 1_000
_HOUR_S = 3_600
_ALL_HOURS = 10**10
_PLAIN = {name: name for name in CONFIGURATION_COLUMNS}


class SQLiteSnapshot:
    """One state of a database: what a connection sees within one transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def span(self, where: Where) -> tuple[int, int]:
        """Give the least and the greatest `id` that attempts in these times can have; (0, 0) for none."""
        if not where.is_timed:
            return 0, attempts.last_id(self._connection)
        return hours.span(self._connection, where) or (0, 0)

    def page(self, where: Where, *, first: int, last: int) -> list[StoredRow]:
        """Give the next attempts with an `id` from *first* to *last*; none when that was all."""
        terms = [("a.id BETWEEN ? AND ?", [first, last]), *_times(where), *_names(where)]
        if where.call_ids is not None:
            attempts.add_packed_function(self._connection)
            terms.append((attempts.IS_CALL, [json.dumps(list(where.call_ids))]))
        return attempts.page(self._connection, *_condition(attempts.EXPRESSIONS, terms), _PAGE)

    def texts(self, call_ids: Sequence[str]) -> list[Texts]:
        """Give what is kept of the prompts and replies of these calls."""
        return payloads.read(self._connection, call_ids)

    def rows_since(self) -> float | None:
        """Give when the earliest call began that has rows, where rows have gone; None where none have, or all."""
        return removal.rows_since(self._connection)

    def count_of(self, what: Forgotten) -> int:
        """Return the number of rows that a removal would delete."""
        return removal.count_of(self._connection, what)

    def is_counted(self, what: Forgotten) -> bool:
        """Return whether the counts still know an input or a cluster."""
        return removal.is_counted(self._connection, what)

    def excess(self, retention: Retention, now: float) -> int:
        """Return about how many rows a removal would delete because they are old or too many."""
        return removal.excess_of(self._connection, retention, now)

    def clusters(self) -> list[str]:
        """Return the clusters of the stored rows."""
        return removal.clusters(self._connection)

    def lost_records(self, *, since: float | None) -> dict[str, int]:
        """Return the number of lost records since then, by reason."""
        sql = "SELECT reason, SUM(count) FROM lost_records WHERE at >= ? GROUP BY reason ORDER BY reason"
        return dict(self._select(sql, [since or 0.0]))

    def roll_ups(self, where: Where) -> list[ConfigurationCounts]:
        """Give the roll-ups of the configurations of one schema and function, or of all."""
        return read_roll_ups(self._connection, where)

    def window(self, where: Where) -> list[ConfigurationCounts] | None:
        """Give the counts of the calls in these times from what is kept by the hour."""
        condition, values = _condition(_PLAIN, _names(where))

        def attempts_of(hour: int) -> Iterator[list[StoredRow]]:
            times = replace(where, since=float(hour * _HOUR_S), until=float((hour + 1) * _HOUR_S))
            return whole_calls(self._pages(times))

        return windows.counted(self._connection, where, condition, values, attempts_of)

    def names(self) -> list[Row]:
        """Return the values of `CONFIGURATION_COLUMNS` of all configurations."""
        return list(self.configuration_ids())

    def configuration_ids(self) -> dict[Row, int]:
        """Return the `id` of each configuration."""
        sql = f"SELECT id, {', '.join(CONFIGURATION_COLUMNS)} FROM configurations"
        return {tuple(configuration): number for number, *configuration in self._select(sql)}

    def chunks(self, configuration_id: int) -> list[tuple[int, int]]:
        """Give all judged calls of a configuration in chunks: how many, and the `id` of the first attempt."""
        sql = "SELECT n, first_attempt FROM outcomes WHERE configuration_id = ? ORDER BY chunk"
        return self._select(sql, [configuration_id])

    def frequent_inputs(self, configuration_id: int, least: int) -> list[tuple[bytes, int, int]]:
        """Give the inputs that a configuration was called with so often or more: key, calls, failed ones."""
        return inputs.frequent(self._connection, configuration_id, least)

    def pairs(self, before_id: int, after_id: int) -> tuple[int, int, int]:
        """Give the inputs that two configurations share, and those failed only in the first, or the second."""
        return inputs.pairs(self._connection, before_id, after_id)

    def hours(self, where: Where) -> list[HourCounts]:
        """Return the counts by hour, in the order of time."""
        first = -_ALL_HOURS if where.since is None else floor(where.since / _HOUR_S)
        last = _ALL_HOURS if where.until is None else ceil(where.until / _HOUR_S)
        tallies: dict[tuple[int, Row], dict[str, int]] = defaultdict(dict)
        condition, values = _condition(_PLAIN, _names(where))
        names = ", ".join(f"c.{name}" for name in CONFIGURATION_COLUMNS)
        sql = f"""SELECT h.hour, h.tally, h.count, {names} FROM hours AS h
            JOIN configurations AS c ON c.id = h.configuration_id
            WHERE h.hour >= ? AND h.hour < ? AND {condition}"""
        for hour, tally, count, *named in self._select(sql, [first, last, *values]):
            tallies[hour, tuple(named)][tally] = count
        ids = self.configuration_ids()
        order = sorted(tallies, key=lambda key: (key[0], ids.get(key[1], 0)))
        return [hour_counts(*key, tallies[key]) for key in order]

    def _pages(self, where: Where) -> Iterator[list[StoredRow]]:
        first, last = self.span(where)
        while rows := self.page(where, first=first, last=last):
            yield rows
            first = rows[-1][0] + 1

    def functions(self, schema_fingerprint: str) -> list[str]:
        """Give the functions that have calls with a schema, by name."""
        sql = "SELECT DISTINCT function FROM configurations WHERE schema_fingerprint = ? ORDER BY function"
        return [name for (name,) in self._select(sql, [schema_fingerprint])]

    def keys(self) -> frozenset[str]:
        """Give the fingerprint of each key of whose hashes there are some."""
        return noted_keys(self._connection)

    def key(self) -> bytes | None:
        """Give the key with which a session would hash; None for an empty file."""
        return hash_key(self._connection)

    def every_lost_record(self) -> list[LostRecords]:
        """Give each count of lost records that was stored, in the order of storing."""
        return every_lost_record(self._connection)

    def every_declaration(self) -> list[Declared]:
        """Give all that was ever declared, by schema, each in the order of storing."""
        steps: dict[str, list[DeclaredStep]] = defaultdict(list)
        sql = "SELECT schema_fingerprint, step, status, reason, at, function FROM declared_steps ORDER BY id"
        for which, *fields in self._select(sql):
            steps[which].append(DeclaredStep(*fields))
        targets: dict[str, list[DeclaredTarget]] = defaultdict(list)
        sql = "SELECT schema_fingerprint, at, target, function FROM declared_targets ORDER BY id"
        for which, *fields in self._select(sql):
            targets[which].append(DeclaredTarget(*fields))
        return [
            Declared(which, tuple(steps[which]), tuple(targets[which])) for which in sorted(steps | targets)
        ]

    def declared_steps(self, schema_fingerprint: str) -> list[DeclaredStep]:
        """Give the declaration stored last of each step and function, the one stored first at the beginning."""
        sql = """SELECT step, status, reason, at, function FROM declared_steps WHERE id IN
            (SELECT MAX(id) FROM declared_steps WHERE schema_fingerprint = ? GROUP BY step, function)
            ORDER BY id"""
        return [DeclaredStep(*row) for row in self._select(sql, [schema_fingerprint])]

    def declared_targets(self, schema_fingerprint: str) -> list[DeclaredTarget]:
        """Give every target that was set, the first one first."""
        sql = "SELECT at, target, function FROM declared_targets WHERE schema_fingerprint = ? ORDER BY id"
        return [DeclaredTarget(*row) for row in self._select(sql, [schema_fingerprint])]

    def _select(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        return self._connection.execute(sql, parameters).fetchall()


def read_roll_ups(connection: sqlite3.Connection, where: Where) -> list[ConfigurationCounts]:
    """Give the roll-ups of the configurations of one schema and function, or of all, first stored first.

    Args:
        connection: To a database.
        where: Which ones; its names alone.
    """
    condition, values = _condition(_PLAIN, _names(where))
    sql = f"SELECT {', '.join(IDENTITY)} FROM configurations WHERE {condition} ORDER BY id"
    rows = connection.execute(sql, values).fetchall()
    chosen = f"configuration_id IN (SELECT id FROM configurations WHERE {condition})"
    tallies: dict[int, Tallies] = defaultdict(lambda: defaultdict(dict))
    sql = f"SELECT configuration_id, tally, key, count FROM tallies WHERE {chosen}"
    for configuration_id, tally, key, count in connection.execute(sql, values):
        tallies[configuration_id][tally][key] = count
    for configuration_id, tally, key, count in hours.open_tallies(connection, chosen, values):
        counts = tallies[configuration_id][tally]
        counts[key] = min(counts.get(key, 0) + count, LARGEST)
    for configuration_id, more in inputs.pending(connection, chosen, values).items():
        shapes = tallies[configuration_id]["inputs"]
        for key, count in inputs.shapes(connection, configuration_id, more).items():
            shapes[key] = shapes.get(key, 0) + count
    outcomes: dict[int, list[bytes]] = defaultdict(list)
    sql = f"SELECT configuration_id, bits FROM outcomes WHERE {chosen} ORDER BY configuration_id, chunk"
    for configuration_id, bits in connection.execute(sql, values):
        outcomes[configuration_id].append(bits)
    return [counts_of(row, tallies[row[0]], b"".join(outcomes[row[0]])) for row in rows]


_Terms: TypeAlias = "Sequence[tuple[str, list[Any]]]"


def _names(where: Where) -> _Terms:
    """Give the conditions on a configuration, columns in braces, with their parameters."""
    terms: list[tuple[str, list[Any]]] = []
    if where.schema is not None:
        terms.append(("({schema_name} = ? OR {schema_fingerprint} = ?)", [where.schema, where.schema]))
    if where.function is not None:
        terms.append(("{function} = ?", [where.function]))
    if where.configuration is not None:
        same = " AND ".join(f"{{{name}}} IS ?" for name in CONFIGURATION_COLUMNS)
        terms.append((same, list(where.configuration)))
    return terms


def _times(where: Where) -> _Terms:
    terms: list[tuple[str, list[Any]]] = []
    if where.since is not None:
        terms.append(("{started_at} >= ?", [where.since]))
    if where.until is not None:
        terms.append(("{started_at} < ?", [where.until]))
    return terms


def _condition(columns: Mapping[str, str], terms: _Terms) -> tuple[str, list[Any]]:
    """Give one condition, with these expressions for the columns, and its parameters."""
    text = " AND ".join(["1", *(term.format_map(columns) for term, _ in terms)])
    return text, [value for _, values in terms for value in values]
