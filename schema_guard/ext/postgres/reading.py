# SPDX-License-Identifier: Apache-2.0
"""What is read from a PostgreSQL store.

Apart from what writes, so that a process that only records does not import it.
"""

from __future__ import annotations

from collections import defaultdict
from math import ceil, floor
from typing import TYPE_CHECKING, Any, TypeAlias

from schema_guard.ext.postgres import writing
from schema_guard.ext.postgres.removal import clusters, count_of, excess_of, is_counted, rows_since
from schema_guard.ext.postgres.tables import hash_key, noted_keys
from schema_guard.records.counts.tallies import IDENTITY, counts_of, hour_counts
from schema_guard.records.declarations import Declared, DeclaredStep, DeclaredTarget
from schema_guard.records.payloads.texts import Payload, texts_of
from schema_guard.records.rows import COLUMNS, CONFIGURATION_COLUMNS, key_fingerprint, store_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schema_guard.records.attempts import Where
    from schema_guard.records.backend import LostRecords
    from schema_guard.records.counts.configurations import ConfigurationCounts, HourCounts
    from schema_guard.records.counts.rollups import StoredRow
    from schema_guard.records.counts.tallies import Tallies
    from schema_guard.records.payloads.retention import Forgotten, Retention
    from schema_guard.records.payloads.texts import Texts
    from schema_guard.records.rows import Row

_PAGE = 2_000
_HOUR_S = 3_600
_ALL_HOURS = 10**10
_CONFIGURATION = ", ".join(f"c.{name}" for name in CONFIGURATION_COLUMNS)
_ATTEMPT = ", ".join(f"{'c' if name in CONFIGURATION_COLUMNS else 'a'}.{name}" for name in COLUMNS)


class PostgresSnapshot:
    """One state of a database: what a connection sees within one transaction."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def span(self, where: Where) -> tuple[int, int]:
        """Give the least and the greatest `id` that attempts in these times have; (0, 0) for none."""
        condition, values = _condition(_times(where))
        sql = f"SELECT MIN(id), MAX(id) FROM attempts AS a WHERE {condition}"
        ((first, last),) = self._select(sql, values)
        return (first, last) if first is not None else (0, 0)

    def page(self, where: Where, *, first: int, last: int) -> list[StoredRow]:
        """Give the next attempts with an `id` from *first* to *last*; none when that was all."""
        terms: list[tuple[str, list[Any]]] = [("a.id BETWEEN %s AND %s", [first, last])]
        terms += [*_times(where), *_names(where)]
        if where.call_ids is not None:
            terms.append(("a.call_id = ANY(%s)", [[store_text(call_id) for call_id in where.call_ids]]))
        condition, values = _condition(terms)
        sql = f"""SELECT a.id, {_ATTEMPT} FROM attempts AS a JOIN configurations AS c ON c.id = a.configuration_id
            WHERE {condition} ORDER BY a.id LIMIT {_PAGE}"""
        return [(number, tuple(row)) for number, *row in self._select(sql, values)]

    def texts(self, call_ids: Sequence[str]) -> list[Texts]:
        """Give what is kept of the prompts and replies of these calls, in the order of storing."""
        sql = """SELECT a.call_id, a.number, p.prompt, p.reply, p.touched FROM attempts AS a
            JOIN payloads AS p ON p.attempt_id = a.id WHERE a.call_id = ANY(%s) ORDER BY a.id"""
        rows = self._select(sql, [[store_text(id_) for id_ in call_ids]])
        return [texts_of(call_id, number, Payload(*stored)) for call_id, number, *stored in rows]

    def rows_since(self) -> float | None:
        """Give when the earliest call began that has rows, where rows have gone; None where none have, or all."""
        return rows_since(self._connection)

    def count_of(self, what: Forgotten) -> int:
        """Return the number of rows that a removal would delete."""
        return count_of(self._connection, what)

    def is_counted(self, what: Forgotten) -> bool:
        """Return whether the counts still know an input or a cluster."""
        return is_counted(self._connection, what)

    def excess(self, retention: Retention, now: float) -> int:
        """Return about how many rows a removal would delete because they are old or too many."""
        return excess_of(self._connection, retention, now)

    def clusters(self) -> list[str]:
        """Return the clusters of the stored rows."""
        return clusters(self._connection)

    def lost_records(self, *, since: float | None) -> dict[str, int]:
        """Return the number of lost records since then, by reason."""
        sql = 'SELECT reason, SUM(count)::bigint FROM lost_records WHERE at >= %s GROUP BY reason ORDER BY reason COLLATE "C"'
        return dict(self._select(sql, [since or 0.0]))

    def roll_ups(self, where: Where) -> list[ConfigurationCounts]:
        """Give the roll-ups of the configurations of one schema and function, or of all, first stored first."""
        condition, values = _condition(_names(where))
        identity = ", ".join(IDENTITY)
        rows = self._select(
            f"SELECT {identity} FROM configurations AS c WHERE {condition} ORDER BY id", values
        )
        chosen = f"configuration_id IN (SELECT id FROM configurations AS c WHERE {condition})"
        tallies: dict[int, Tallies] = defaultdict(lambda: defaultdict(dict))
        sql = f"SELECT configuration_id, tally, key, count FROM tallies WHERE {chosen}"
        for number, tally, key, count in self._select(sql, values):
            tallies[number][tally][key] = count
        outcomes: dict[int, list[bytes]] = defaultdict(list)
        sql = f"SELECT configuration_id, bits FROM outcomes WHERE {chosen} ORDER BY configuration_id, chunk"
        for number, bits in self._select(sql, values):
            outcomes[number].append(bits)
        return [counts_of(row, tallies[row[0]], b"".join(outcomes[row[0]])) for row in rows]

    def names(self) -> list[Row]:
        """Give the values of `CONFIGURATION_COLUMNS` of all configurations."""
        return list(self.configuration_ids())

    def configuration_ids(self) -> dict[Row, int]:
        """Give the `id` of each configuration."""
        sql = f"SELECT id, {_CONFIGURATION} FROM configurations AS c"
        return {tuple(configuration): number for number, *configuration in self._select(sql)}

    def chunks(self, configuration_id: int) -> list[tuple[int, int]]:
        """Give all judged calls of a configuration in chunks: how many, and the `id` of the first attempt."""
        sql = "SELECT n, first_attempt FROM outcomes WHERE configuration_id = %s ORDER BY chunk"
        return self._select(sql, [configuration_id])

    def pairs(self, before_id: int, after_id: int) -> tuple[int, int, int]:
        """Give the inputs that two configurations share, and those failed only in the first, or the second."""
        sql = """SELECT COUNT(*), COUNT(*) FILTER (WHERE one.k > other.k), COUNT(*) FILTER (WHERE one.k < other.k)
            FROM inputs AS one JOIN inputs AS other USING (input)
            WHERE one.configuration_id = %s AND other.configuration_id = %s AND one.n = 1 AND other.n = 1"""
        ((shared, before, after),) = self._select(sql, [before_id, after_id])
        return shared, before, after

    def window(self, where: Where) -> None:
        """Say that counts of some times take a count of the attempts."""

    def frequent_inputs(self, configuration_id: int, least: int) -> list[tuple[bytes, int, int]]:
        """Give the inputs that a configuration was called with so often or more: key, calls, failed ones."""
        sql = "SELECT input, n, k FROM inputs WHERE configuration_id = %s AND n >= %s ORDER BY input"
        return [(bytes(key), n, k) for key, n, k in self._select(sql, [configuration_id, least])]

    def hours(self, where: Where) -> list[HourCounts]:
        """Give the counts by hour, in the order of time."""
        first = -_ALL_HOURS if where.since is None else floor(where.since / _HOUR_S)
        last = _ALL_HOURS if where.until is None else ceil(where.until / _HOUR_S)
        condition, values = _condition(_names(where))
        sql = f"""SELECT h.hour, c.id, h.tally, h.count, {_CONFIGURATION} FROM hours AS h
            JOIN configurations AS c ON c.id = h.configuration_id
            WHERE h.hour >= %s AND h.hour < %s AND {condition}"""
        counts: dict[tuple[int, int, Row], dict[str, int]] = defaultdict(dict)
        for hour, number, tally, count, *named in self._select(sql, [first, last, *values]):
            counts[hour, number, tuple(named)][tally] = count
        return [
            hour_counts(hour, configuration, counts[hour, number, configuration])
            for hour, number, configuration in sorted(counts, key=lambda key: key[:2])
        ]

    def functions(self, schema_fingerprint: str) -> list[str]:
        """Give the functions that have calls with a schema, by name."""
        sql = "SELECT DISTINCT function FROM configurations WHERE schema_fingerprint = %s"
        return sorted(name for (name,) in self._select(sql, [store_text(schema_fingerprint)]))

    def keys(self) -> frozenset[str]:
        """Give the fingerprint of each key of whose hashes there are some."""
        noted = noted_keys(self._connection)
        if noted or not self.has_attempts():
            return noted
        return frozenset([key_fingerprint(hash_key(self._connection))])

    def key(self) -> bytes:
        """Give the key with which a session would hash."""
        return hash_key(self._connection)

    def has_attempts(self) -> bool:
        """Say whether anything was stored."""
        return bool(self._select("SELECT 1 FROM attempts LIMIT 1"))

    def every_lost_record(self) -> list[LostRecords]:
        """Give each count of lost records that was stored, in the order of storing."""
        return writing.every_lost_record(self._connection)

    def every_declaration(self) -> list[Declared]:
        """Give all that was ever declared, by schema, each in the order of storing."""
        sql = "SELECT schema_fingerprint FROM declared_steps UNION SELECT schema_fingerprint FROM declared_targets"
        return [
            Declared(
                which,
                tuple(writing.steps_of(self._connection, which)),
                tuple(writing.targets_of(self._connection, which)),
            )
            for which in sorted(which for (which,) in self._select(sql))
        ]

    def declared_steps(self, schema_fingerprint: str) -> list[DeclaredStep]:
        """Give the declaration stored last of each step and function, the one stored first at the beginning."""
        declarations: dict[tuple[str, str | None], DeclaredStep] = {}
        for declaration in writing.steps_of(self._connection, store_text(schema_fingerprint)):
            declarations.pop((declaration.step, declaration.function), None)
            declarations[declaration.step, declaration.function] = declaration
        return list(declarations.values())

    def declared_targets(self, schema_fingerprint: str) -> list[DeclaredTarget]:
        """Give every target that was set, the first one first."""
        return writing.targets_of(self._connection, store_text(schema_fingerprint))

    def _select(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        rows: list[tuple[Any, ...]] = self._connection.execute(sql, parameters or None).fetchall()
        return rows


_Terms: TypeAlias = "Sequence[tuple[str, list[Any]]]"


def _names(where: Where) -> _Terms:
    """Give the conditions on a configuration with their parameters."""
    terms: list[tuple[str, list[Any]]] = []
    if where.schema is not None:
        named = store_text(where.schema)
        terms.append(("(c.schema_name = %s OR c.schema_fingerprint = %s)", [named, named]))
    if where.function is not None:
        terms.append(("c.function = %s", [store_text(where.function)]))
    if where.configuration is not None:
        same = " AND ".join(f"c.{name} IS NOT DISTINCT FROM %s" for name in CONFIGURATION_COLUMNS)
        terms.append((same, list(where.configuration)))
    return terms


def _times(where: Where) -> _Terms:
    terms: list[tuple[str, list[Any]]] = []
    if where.since is not None:
        terms.append(("a.started_at >= %s", [where.since]))
    if where.until is not None:
        terms.append(("a.started_at < %s", [where.until]))
    return terms


def _condition(terms: _Terms) -> tuple[str, list[Any]]:
    """Give one condition and its parameters."""
    text = " AND ".join(["true", *(term for term, _ in terms)])
    return text, [value for _, values in terms for value in values]
