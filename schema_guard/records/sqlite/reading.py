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

from schema_guard.records.counts.rollups import LARGEST, additions, whole_calls
from schema_guard.records.counts.tallies import IDENTITY, counts_of, hour_counts
from schema_guard.records.declarations import Declared, DeclaredRung, DeclaredTarget
from schema_guard.records.rows import CONFIGURATION_COLUMNS, key_fingerprint
from schema_guard.records.sqlite import attempts
from schema_guard.records.sqlite.kept import hours, inputs, windows
from schema_guard.records.sqlite.payloads import removal
from schema_guard.records.sqlite.payloads import texts as payloads
from schema_guard.records.sqlite.tables import hash_key, noted_keys
from schema_guard.records.sqlite.writing import every_drop

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Mapping, Sequence

    from schema_guard.records.attempts import Where
    from schema_guard.records.backend import DropCount
    from schema_guard.records.counts.configurations import ConfigurationCounts, HourCounts
    from schema_guard.records.counts.rollups import StoredRow
    from schema_guard.records.counts.tallies import Tallies
    from schema_guard.records.payloads.texts import Texts
    from schema_guard.records.rows import Row
    from schema_guard.records.sqlite.attempts import Part

_PAGE = 1_000
_SINCE_ROLL_UPS = 2  # the version of the tables with which roll-ups and declarations came
_SINCE_HOURS = 3  # and counts by the hour, and what is named a function's or tuned
_HOUR_S = 3_600
_ALL_HOURS = 10**10
_PLAIN = {name: name for name in CONFIGURATION_COLUMNS}


class SQLiteSnapshot:
    """One state of a database: what a connection sees within one transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._tables = attempts.parts(connection)
        self._version = int(self._select("PRAGMA user_version")[0][0])

    def span(self, where: Where) -> tuple[int, int]:
        """Give the least and the greatest `id` that attempts in these times can have; (0, 0) for none."""
        return self._span(self._tables, where)

    def _span(self, tables: Sequence[Part], where: Where) -> tuple[int, int]:
        if not where.is_timed:
            return 0, attempts.last_id(self._connection, tables)
        # Both in one: SQLite then looks at the index of times, not at one attempt after the other.
        several = []
        for part in tables:
            if not part.has_no_hours:
                known = hours.span(self._connection, where)
                several += [] if known is None else [known]
                continue
            condition, values = _condition(part.columns, _times(where))
            sql = f"SELECT MIN(a.id), MAX(a.id) FROM {part.table} AS a WHERE {condition}"
            several += [ids for ids in self._select(sql, values) if ids[0] is not None]
        return min((first for first, _ in several), default=0), max((last for _, last in several), default=0)

    def page(self, where: Where, *, first: int, last: int) -> list[StoredRow]:
        """Give the next attempts with an `id` from *first* to *last*; none when that was all."""
        return self._page(self._tables, where, first, last)

    def _page(self, tables: Sequence[Part], where: Where, first: int, last: int) -> list[StoredRow]:
        if where.call_ids is not None:
            self._connection.create_function("packed", 1, attempts.packed, deterministic=True)
        conditions = []
        for part in tables:
            terms = [("a.id BETWEEN ? AND ?", [first, last]), *_times(where), *_names(where)]
            if where.call_ids is not None:
                terms.append((part.is_call, [json.dumps(list(where.call_ids))]))
            conditions.append(_condition(part.columns, terms))
        return attempts.page(self._connection, tables, conditions, _PAGE)

    def texts(self, call_ids: Sequence[str]) -> list[Texts]:
        """Give what is kept of the prompts and replies of these calls."""
        return payloads.read(self._connection, call_ids)

    def rows_since(self) -> float | None:
        """Give when the earliest call began that has rows, where rows have gone; None where none have, or all."""
        return removal.rows_since(self._connection) if self._version >= _SINCE_HOURS else None

    def drops(self, *, since: float | None) -> dict[str, int]:
        """Give the attempts that were dropped since then, by reason."""
        sql = "SELECT reason, SUM(count) FROM drops WHERE at >= ? GROUP BY reason ORDER BY reason"
        return dict(self._select(sql, [since or 0.0]))

    def roll_ups(self, where: Where) -> list[ConfigurationCounts] | None:
        """Give the roll-ups of the configurations of one schema and function, or of all."""
        if not (self._has_roll_ups() and self._is_counted()):
            return None
        return read_roll_ups(
            self._connection, where, tuned=self._named("tuned", "0"), has_log=self._version >= _SINCE_HOURS
        )

    def window(self, where: Where) -> list[ConfigurationCounts] | None:
        """Give the counts of the calls in these times from what is kept by the hour."""
        if self._version < _SINCE_HOURS or not self._is_counted():
            return None
        condition, values = _condition(_PLAIN, _names(where))

        def attempts_of(hour: int) -> Iterator[list[StoredRow]]:
            times = replace(where, since=float(hour * _HOUR_S), until=float((hour + 1) * _HOUR_S))
            return whole_calls(self._pages(self._tables, times))

        return windows.counted(self._connection, where, condition, values, attempts_of)

    def names(self) -> list[Row] | None:
        """Give the values of `CONFIGURATION_COLUMNS` of all configurations; None where not all are counted."""
        return list(self.configuration_ids()) if self._has_roll_ups() and self._is_counted() else None

    def configuration_ids(self) -> dict[Row, int]:
        """Give the `id` of each configuration; none where there are no roll-ups."""
        if not self._has_roll_ups():
            return {}
        columns = {**_PLAIN, "tuned": self._named("tuned", "0")}
        sql = f"SELECT id, {', '.join(columns.values())} FROM configurations"
        return {tuple(configuration): number for number, *configuration in self._select(sql)}

    def chunks(self, configuration_id: int) -> list[tuple[int, int]]:
        """Give all judged calls of a configuration in chunks: how many, and the `id` of the first attempt."""
        sql = "SELECT n, first_attempt FROM outcomes WHERE configuration_id = ? ORDER BY chunk"
        return self._select(sql, [configuration_id])

    def frequent_inputs(self, configuration_id: int, least: int) -> list[tuple[bytes, int, int]]:
        """Give the inputs that a configuration was called with so often or more: key, calls, unhandled ones."""
        if not self._has_roll_ups():
            return []
        if self._version < _SINCE_HOURS:
            sql = "SELECT input, n, k FROM inputs WHERE configuration_id = ? AND n >= ? ORDER BY input"
            return self._select(sql, [configuration_id, least])
        return inputs.frequent(self._connection, configuration_id, least)

    def pairs(self, before_id: int, after_id: int) -> tuple[int, int, int]:
        """Give the inputs that two configurations share, and those unhandled only in the first, or the second."""
        if not self._has_roll_ups():
            return 0, 0, 0
        if self._version < _SINCE_HOURS:
            sql = """SELECT COUNT(*), TOTAL(one.k > other.k), TOTAL(one.k < other.k)
                FROM inputs AS one JOIN inputs AS other USING (input)
                WHERE one.configuration_id = ? AND other.configuration_id = ? AND one.n = 1 AND other.n = 1"""
            ((shared, before, after),) = self._select(sql, [before_id, after_id])
            return shared, int(before), int(after)
        return inputs.pairs(self._connection, before_id, after_id)

    def hours(self, where: Where) -> list[HourCounts]:
        """Give the counts by hour: those that are kept, and of the attempts of an earlier version those that are counted."""
        first = None if where.since is None else floor(where.since / _HOUR_S)
        last = None if where.until is None else ceil(where.until / _HOUR_S)
        found: dict[tuple[int, Row], dict[str, int]] = defaultdict(lambda: defaultdict(int))
        if self._version >= _SINCE_HOURS:
            condition, values = _condition(_PLAIN, _names(where))
            names = ", ".join(f"c.{name}" for name in CONFIGURATION_COLUMNS)
            sql = f"""SELECT h.hour, h.tally, h.count, {names} FROM hours AS h
                JOIN configurations AS c ON c.id = h.configuration_id
                WHERE h.hour >= ? AND h.hour < ? AND {condition}"""
            bounds = [-_ALL_HOURS if first is None else first, _ALL_HOURS if last is None else last]
            for hour, tally, count, *named in self._select(sql, [*bounds, *values]):
                found[hour, tuple(named)][tally] += count
        times = [None if hour is None else float(hour * _HOUR_S) for hour in (first, last)]
        for rows in self._uncounted(replace(where, since=times[0], until=times[1])):
            for configuration, addition in additions(rows, has_order=False).items():
                for (hour, tally), count in addition.hours.items():
                    found[hour, configuration][tally] += count
        ids = self.configuration_ids()
        order = sorted(found, key=lambda key: (key[0], ids.get(key[1], 0)))
        return [hour_counts(*key, found[key]) for key in order]

    def _uncounted(self, where: Where) -> Iterator[list[StoredRow]]:
        """Give the whole calls whose hours are not kept."""
        yield from whole_calls(self._pages([part for part in self._tables if part.has_no_hours], where))

    def _pages(self, tables: Sequence[Part], where: Where) -> Iterator[list[StoredRow]]:
        first, last = self._span(tables, where)
        while rows := self._page(tables, where, first, last):
            yield rows
            first = rows[-1][0] + 1

    def functions(self, schema_fingerprint: str) -> list[str]:
        """Give the functions that have calls with a schema, by name."""
        if not self._has_roll_ups():
            return []
        sql = "SELECT DISTINCT function FROM configurations WHERE schema_fingerprint = ? ORDER BY function"
        return [name for (name,) in self._select(sql, [schema_fingerprint])]

    def keys(self) -> frozenset[str]:
        """Give the fingerprint of each key of whose hashes there are some."""
        if not self._tables:
            return frozenset()
        noted = noted_keys(self._connection)
        if noted or not attempts.last_id(self._connection, self._tables):
            return noted
        return frozenset([key_fingerprint(hash_key(self._connection))])

    def key(self) -> bytes | None:
        """Give the key with which a session would hash; None for an empty file."""
        return hash_key(self._connection) if self._tables else None

    def every_drop(self) -> list[DropCount]:
        """Give each count of drops that was stored, in the order of storing."""
        return every_drop(self._connection) if self._tables else []

    def every_declaration(self) -> list[Declared]:
        """Give all that was ever declared, by schema, each in the order of storing."""
        if not self._has_roll_ups():
            return []
        function = self._named("function", "NULL")
        rungs: dict[str, list[DeclaredRung]] = defaultdict(list)
        sql = (
            f"SELECT schema_fingerprint, rung, status, reason, at, {function} FROM declared_rungs ORDER BY id"
        )
        for which, *one in self._select(sql):
            rungs[which].append(DeclaredRung(*one))
        targets: dict[str, list[DeclaredTarget]] = defaultdict(list)
        sql = f"SELECT schema_fingerprint, at, target, {function} FROM declared_targets ORDER BY id"
        for which, *one in self._select(sql):
            targets[which].append(DeclaredTarget(*one))
        return [
            Declared(which, tuple(rungs[which]), tuple(targets[which])) for which in sorted(rungs | targets)
        ]

    def declared_rungs(self, schema_fingerprint: str) -> list[DeclaredRung]:
        """Give the declaration stored last of each rung and function, the one stored first at the beginning."""
        if not self._has_roll_ups():
            return []
        function = self._named("function", "NULL")
        sql = f"""SELECT rung, status, reason, at, {function} FROM declared_rungs WHERE id IN
            (SELECT MAX(id) FROM declared_rungs WHERE schema_fingerprint = ? GROUP BY rung, {function})
            ORDER BY id"""
        return [DeclaredRung(*row) for row in self._select(sql, [schema_fingerprint])]

    def declared_targets(self, schema_fingerprint: str) -> list[DeclaredTarget]:
        """Give every target that was set, the first one first."""
        if not self._has_roll_ups():
            return []
        function = self._named("function", "NULL")
        sql = f"SELECT at, target, {function} FROM declared_targets WHERE schema_fingerprint = ? ORDER BY id"
        return [DeclaredTarget(*row) for row in self._select(sql, [schema_fingerprint])]

    def _has_roll_ups(self) -> bool:
        """Say whether the file, which a reader does not bring to this version, has roll-ups and declarations."""
        return self._version >= _SINCE_ROLL_UPS

    def _named(self, column: str, otherwise: str) -> str:
        """Give a column of version 3, or what stands for it in a file that is older."""
        return column if self._version >= _SINCE_HOURS else otherwise

    def _is_counted(self) -> bool:
        """Say whether the roll-ups are of all attempts, up to those that are counted with the next write."""
        sql = """SELECT 1 FROM meta AS counted, meta AS needed WHERE counted.key = 'rolled_up_to'
            AND needed.key = 'uncounted_to' AND CAST(counted.value AS INTEGER) < CAST(needed.value AS INTEGER)"""
        return not self._select(sql)

    def _select(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        return self._connection.execute(sql, parameters).fetchall()


def read_roll_ups(
    connection: sqlite3.Connection, where: Where, *, tuned: str = "tuned", has_log: bool = True
) -> list[ConfigurationCounts]:
    """Give the roll-ups of the configurations of one schema and function, or of all, first stored first.

    Args:
        connection: To a database that has roll-ups.
        where: Which ones; its names alone.
        tuned: The column of that name, or what stands for it in a file without.
        has_log: Whether there may be inputs that are noted and not counted.
    """
    condition, values = _condition({**_PLAIN, "tuned": tuned}, _names(where))
    identity = ", ".join(tuned if name == "tuned" else name for name in IDENTITY)
    sql = f"SELECT {identity} FROM configurations WHERE {condition} ORDER BY id"
    found = connection.execute(sql, values).fetchall()
    chosen = f"configuration_id IN (SELECT id FROM configurations WHERE {condition})"
    tallies: dict[int, Tallies] = defaultdict(lambda: defaultdict(dict))
    sql = f"SELECT configuration_id, tally, key, count FROM tallies WHERE {chosen}"
    for configuration_id, tally, key, count in connection.execute(sql, values):
        tallies[configuration_id][tally][key] = count
    for configuration_id, tally, key, count in (
        hours.open_tallies(connection, chosen, values) if has_log else ()
    ):
        counts = tallies[configuration_id][tally]
        counts[key] = min(counts.get(key, 0) + count, LARGEST)
    for configuration_id, more in (inputs.pending(connection, chosen, values) if has_log else {}).items():
        shapes = tallies[configuration_id]["inputs"]
        for key, count in inputs.shapes(connection, configuration_id, more).items():
            shapes[key] = shapes.get(key, 0) + count
    outcomes: dict[int, list[bytes]] = defaultdict(list)
    sql = f"SELECT configuration_id, bits FROM outcomes WHERE {chosen} ORDER BY configuration_id, chunk"
    for configuration_id, bits in connection.execute(sql, values):
        outcomes[configuration_id].append(bits)
    return [counts_of(row, tallies[row[0]], b"".join(outcomes[row[0]])) for row in found]


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
