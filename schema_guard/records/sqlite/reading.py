# SPDX-License-Identifier: Apache-2.0
"""What is read from a SQLite store.

Apart from what writes, so that a process that only records does not import it.
"""

from __future__ import annotations

import json
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from schema_guard.records.declarations import DeclaredRung, DeclaredTarget
from schema_guard.records.rows import COLUMNS, CONFIGURATION_COLUMNS
from schema_guard.records.tallies import IDENTITY, counts_of

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from schema_guard.records.attempts import Where
    from schema_guard.records.configurations import ConfigurationCounts
    from schema_guard.records.rollups import StoredRow
    from schema_guard.records.rows import Row
    from schema_guard.records.tallies import Tallies

_PAGE = 1_000
_SINCE_ROLL_UPS = 2  # the version of the tables with which roll-ups and declarations came


class SQLiteSnapshot:
    """One state of a database: what a connection sees within one transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def span(self, where: Where) -> tuple[int, int]:
        """Give the least and the greatest `id` that attempts in these times can have; (0, 0) for none."""
        if not where.is_timed:
            ((last,),) = self._select("SELECT MAX(id) FROM attempts")
            return 0, last or 0
        condition, values = _all_of(_times(where))
        # Both in one: SQLite then looks at the index of times, not at one attempt after the other.
        ((first, last),) = self._select(f"SELECT MIN(id), MAX(id) FROM attempts WHERE {condition}", values)
        return first or 0, last or 0

    def page(self, where: Where, *, first: int, last: int) -> list[StoredRow]:
        """Give the next attempts with an `id` from *first* to *last*; none when that was all."""
        condition, values = _condition(where)
        sql = (
            f"SELECT id, {', '.join(COLUMNS)} FROM attempts "
            f"WHERE id BETWEEN ? AND ? AND {condition} ORDER BY id LIMIT {_PAGE}"
        )
        return [(attempt_id, tuple(row)) for attempt_id, *row in self._select(sql, [first, last, *values])]

    def drops(self, *, since: float | None) -> dict[str, int]:
        """Give the attempts that were dropped since then, by reason."""
        sql = "SELECT reason, SUM(count) FROM drops WHERE at >= ? GROUP BY reason ORDER BY reason"
        return dict(self._select(sql, [since or 0.0]))

    def roll_ups(self, where: Where) -> list[ConfigurationCounts] | None:
        """Give the roll-ups of the configurations of one schema and function, or of all."""
        return read_roll_ups(self._connection, where) if self._has_roll_ups() else None

    def configuration_ids(self) -> dict[Row, int]:
        """Give the `id` of each configuration; none where there are no roll-ups."""
        if not self._has_roll_ups():
            return {}
        sql = f"SELECT id, {', '.join(CONFIGURATION_COLUMNS)} FROM configurations"
        return {tuple(configuration): number for number, *configuration in self._select(sql)}

    def chunks(self, configuration_id: int) -> list[tuple[int, int]]:
        """Give all judged calls of a configuration in chunks: how many, and the `id` of the first attempt."""
        sql = "SELECT n, first_attempt FROM outcomes WHERE configuration_id = ? ORDER BY chunk"
        return self._select(sql, [configuration_id])

    def pairs(self, before_id: int, after_id: int) -> tuple[int, int, int]:
        """Give the inputs that two configurations share, and those unhandled only in the first, or the second."""
        if not self._has_roll_ups():
            return 0, 0, 0
        sql = """SELECT COUNT(*), TOTAL(one.k > other.k), TOTAL(one.k < other.k)
            FROM inputs AS one JOIN inputs AS other USING (input)
            WHERE one.configuration_id = ? AND other.configuration_id = ? AND one.n = 1 AND other.n = 1"""
        ((shared, before, after),) = self._select(sql, [before_id, after_id])
        return shared, int(before), int(after)

    def declared_rungs(self, schema_fingerprint: str) -> list[DeclaredRung]:
        """Give what holds for each rung, the declaration stored first at the beginning."""
        if not self._has_roll_ups():
            return []
        sql = """SELECT rung, status, reason, at FROM declared_rungs
            WHERE id IN (SELECT MAX(id) FROM declared_rungs WHERE schema_fingerprint = ? GROUP BY rung)
            ORDER BY id"""
        return [DeclaredRung(*row) for row in self._select(sql, [schema_fingerprint])]

    def declared_targets(self, schema_fingerprint: str) -> list[DeclaredTarget]:
        """Give every target that was set, the first one first."""
        if not self._has_roll_ups():
            return []
        sql = "SELECT at, target FROM declared_targets WHERE schema_fingerprint = ? ORDER BY id"
        return [DeclaredTarget(*row) for row in self._select(sql, [schema_fingerprint])]

    def _has_roll_ups(self) -> bool:
        """Say whether the file, which a reader does not bring to this version, has roll-ups and declarations."""
        ((version,),) = self._select("PRAGMA user_version")
        return bool(version >= _SINCE_ROLL_UPS)

    def _select(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        return self._connection.execute(sql, parameters).fetchall()


def read_roll_ups(connection: sqlite3.Connection, where: Where) -> list[ConfigurationCounts]:
    """Give the roll-ups of the configurations of one schema and function, or of all, first stored first."""
    condition, values = _condition(where)
    sql = f"SELECT {', '.join(IDENTITY)} FROM configurations WHERE {condition} ORDER BY id"
    found = connection.execute(sql, values).fetchall()
    chosen = f"configuration_id IN (SELECT id FROM configurations WHERE {condition})"
    tallies: dict[int, Tallies] = defaultdict(lambda: defaultdict(dict))
    sql = f"SELECT configuration_id, tally, key, count FROM tallies WHERE {chosen}"
    for configuration_id, tally, key, count in connection.execute(sql, values):
        tallies[configuration_id][tally][key] = count
    outcomes: dict[int, list[bytes]] = defaultdict(list)
    sql = f"SELECT configuration_id, bits FROM outcomes WHERE {chosen} ORDER BY configuration_id, chunk"
    for configuration_id, bits in connection.execute(sql, values):
        outcomes[configuration_id].append(bits)
    return [counts_of(row, tallies[row[0]], b"".join(outcomes[row[0]])) for row in found]


def _condition(where: Where) -> tuple[str, list[Any]]:
    """Give the condition and its parameters."""
    terms = _times(where)
    if where.schema is not None:
        terms.append(("(schema_name = ? OR schema_fingerprint = ?)", [where.schema, where.schema]))
    if where.function is not None:
        terms.append(("function = ?", [where.function]))
    if where.call_ids is not None:
        terms.append(("call_id IN (SELECT value FROM json_each(?))", [json.dumps(list(where.call_ids))]))
    if where.configuration is not None:
        same = " AND ".join(f"{name} IS ?" for name in CONFIGURATION_COLUMNS)
        terms.append((same, list(where.configuration)))
    return _all_of(terms)


def _times(where: Where) -> list[tuple[str, list[Any]]]:
    terms: list[tuple[str, list[Any]]] = [("1", [])]
    if where.since is not None:
        terms.append(("started_at >= ?", [where.since]))
    if where.until is not None:
        terms.append(("started_at < ?", [where.until]))
    return terms


def _all_of(terms: list[tuple[str, list[Any]]]) -> tuple[str, list[Any]]:
    return " AND ".join(term for term, _ in terms), [value for _, values in terms for value in values]
