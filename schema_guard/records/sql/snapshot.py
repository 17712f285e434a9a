# SPDX-License-Identifier: Apache-2.0
"""One state of a store, for reading.

A process that only records does not import this.
"""

from __future__ import annotations

import json
import logging
from collections import defaultdict
from contextlib import contextmanager
from itertools import chain, starmap
from math import ceil, floor
from typing import TYPE_CHECKING, Any, TypeAlias

from schema_guard.errors import StoreError
from schema_guard.interruptions import is_interruption
from schema_guard.records.attempts import Where
from schema_guard.records.counts.calls import (
    HOUR_S,
    LARGEST_HOUR,
    hour_of,
    whole_calls,
)
from schema_guard.records.counts.rollups import (
    ROLL_UP_COLUMNS,
    RollUp,
    add_counts,
    inputs_of,
    merge,
    rolled_up,
)
from schema_guard.records.counts.tallies import IDENTITY, counted, counts_of, hour_counts, place_of
from schema_guard.records.declarations import Declared, DeclaredStep, DeclaredTarget
from schema_guard.records.payloads.texts import TEXT_MARKS, Payload, texts_of
from schema_guard.records.rows import CONFIGURATION_COLUMNS, store_text
from schema_guard.records.sql import writing
from schema_guard.records.sql.removal import excess
from schema_guard.records.sql.tables import (
    SELECT_ATTEMPTS,
    packed,
    placeholders,
    portions,
    stored_row,
    unpacked,
)
from schema_guard.records.values import SchemaText

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from schema_guard.records.counts.calls import StoredRow
    from schema_guard.records.counts.configurations import ConfigurationCounts, HourCounts
    from schema_guard.records.payloads.retention import Retention
    from schema_guard.records.payloads.texts import Texts
    from schema_guard.records.rows import Row
    from schema_guard.records.sql.tables import Connection
    from schema_guard.records.values import LostRecords

PAGE = 2_000
_DAMAGED = "the store is damaged: the calls per hour of %s don't match its total. For details, run `schema-guard store check`"
_logger = logging.getLogger("schema_guard")
_NAMED = ", ".join(CONFIGURATION_COLUMNS)
_TUNED = CONFIGURATION_COLUMNS.index("tuned")
_ROLLED = ", ".join(f"r.{name}" for name in ROLL_UP_COLUMNS[:-1])

_Condition: TypeAlias = "tuple[str, list[Any]]"


@contextmanager
def _counts() -> Iterator[None]:
    """Raise `StoreError` for counts that can't be read."""
    try:
        yield
    except (ValueError, TypeError) as error:
        if is_interruption(error):
            raise
        raise StoreError(
            f"schema_guard can't read some counts of the store: {error}. To list them, run `schema-guard store check` with the same --store"
        ) from error


class Snapshot:
    """One state of a store. It is used by one thread.

    Attributes:
        connection: The database, for other statements that read.
    """

    def __init__(self, connection: Connection, used_bytes: Callable[[Connection], int]) -> None:
        self.connection = connection
        self._used_bytes = used_bytes

    def span(self, where: Where) -> tuple[int, int]:
        """Return the least and the greatest `id` that attempts in these times can have; (0, 0) for none."""
        begin = self._arrival(where)
        if begin is not None or not where.is_timed:
            return begin or 0, writing.last_id(self.connection)
        return self._span(
            -LARGEST_HOUR if where.since is None else hour_of(where.since),
            LARGEST_HOUR if where.until is None else hour_of(where.until),
        )

    def _arrival(self, where: Where) -> int | None:
        """Return the `id` of the call that the times begin with. None if they begin with a time."""
        named = getattr(where.since, "call_id", None)
        ids = [] if named is None else self._ids_of([named])
        # The counts of deleted attempts have hours only.
        sql = "SELECT 1 FROM roll_ups WHERE deleted > 0 AND last_id >= ? LIMIT 1"
        return ids[0] if ids and not self.connection.select(sql, ids[:1]) else None

    def _span(self, first_hour: int, last_hour: int) -> tuple[int, int]:
        sql = "SELECT MIN(first_id), MAX(last_id) FROM roll_ups WHERE hour BETWEEN ? AND ?"
        ((first, last),) = self.connection.select(sql, (first_hour, last_hour))
        return (0, 0) if first is None else (first, last)

    def page(self, where: Where, *, first: int, last: int) -> list[StoredRow]:
        """Return the next attempts with an `id` from *first* to *last*. Empty if there are no more."""
        condition = self.condition(where, first, last)
        if where.call_ids is None:
            return self._selected(condition)
        ids = [attempt_id for attempt_id in self._ids_of(where.call_ids) if first <= attempt_id <= last]
        for some in portions(ids, PAGE):
            if rows := self._selected(condition, (f"a.id IN ({placeholders(len(some))})", list(some))):
                return rows
        return []

    def condition(self, where: Where, first: int, last: int) -> _Condition:
        """Return the condition on rows of `attempts AS a` and `configurations AS c`, without `call_ids`, and its values."""
        terms: list[_Condition] = [("a.id BETWEEN ? AND ?", [first, last]), _chosen(where)]
        if where.since is not None and self._arrival(where) is None:
            terms.append(("a.started_at >= ?", [where.since]))
        if where.until is not None:
            terms.append(("a.started_at < ?", [where.until]))
        return _all_of(terms)

    def _selected(self, *terms: _Condition) -> list[StoredRow]:
        condition, values = _all_of(terms)
        sql = f"{SELECT_ATTEMPTS} WHERE {condition} ORDER BY a.id LIMIT {PAGE}"
        return list(map(stored_row, self.connection.select(sql, values)))

    def _ids_of(self, call_ids: Iterable[str]) -> list[int]:
        """Return the `id`s of the attempts of calls, in order."""
        stored = list(dict.fromkeys(packed(store_text(call_id)) for call_id in call_ids))
        ids: list[int] = []
        for some in portions(stored, PAGE):
            sql = f"SELECT id FROM attempts WHERE call_id IN ({placeholders(len(some))})"
            ids += [attempt_id for (attempt_id,) in self.connection.select(sql, some)]
        return sorted(ids)

    def _pages(self, where: Where, first: int, last: int) -> Iterator[list[StoredRow]]:
        while rows := self.page(where, first=first, last=last):
            yield rows
            first = rows[-1][0] + 1

    def texts(self, call_ids: Sequence[str]) -> list[Texts]:
        """Return the stored texts of these calls, in the order of storing, without attempts that have no texts."""
        ids = self._ids_of(call_ids)
        rows: list[Any] = []
        for some in portions(ids, PAGE):
            sql = f"""SELECT a.call_id, a.number, p.prompt, p.reply, p.touched FROM attempts AS a
                JOIN payloads AS p ON p.attempt_id = a.id WHERE a.id IN ({placeholders(len(some))}) ORDER BY a.id"""
            rows += self.connection.select(sql, some)
        return [
            texts_of(str(unpacked(call_id)), number, Payload(*stored)) for call_id, number, *stored in rows
        ]

    def kept_texts(self, schema: str, function: str | None) -> int:
        """Return the number of first attempts whose prompts are stored as texts, not as hashes."""
        condition, values = _chosen(Where(schema=schema, function=function))
        sql = f"""SELECT COUNT(*) FROM payloads AS p JOIN attempts AS a ON a.id = p.attempt_id
            JOIN configurations AS c ON c.id = a.configuration_id
            WHERE a.number = 1 AND substr(p.prompt, 1, 1) IN (?, ?) AND {condition}"""
        ((calls,),) = self.connection.select(sql, [*TEXT_MARKS, *values])
        return int(calls)

    def configurations(self, where: Where) -> list[ConfigurationCounts]:
        """Return the counts of calls by configuration, in the order of their first calls."""
        return self._in_window(where) if where.is_timed else self._of_all_times(where)

    @_counts()
    def _of_all_times(self, where: Where) -> list[ConfigurationCounts]:
        condition, values = _chosen(where)
        sql = f"SELECT {', '.join(IDENTITY)}, results, tallies FROM configurations AS c WHERE {condition} ORDER BY id"
        rows = self.connection.select(sql, values)
        imported = writing.imported_id(self.connection)
        outcomes: dict[int, dict[int, list[Any]]] = defaultdict(dict)
        sql = f"""SELECT configuration_id, hour, first_id, outcomes FROM roll_ups
            WHERE configuration_id IN (SELECT id FROM configurations AS c WHERE {condition})
            ORDER BY configuration_id, hour, part"""
        for number, hour, first_id, text in self.connection.select(sql, values):
            outcomes[number].setdefault(hour, [place_of(first_id, hour, imported)]).append(text)
        found = []
        for *row, results, tallies in rows:
            marks = b"".join(text for _, *texts in sorted(outcomes[row[0]].values()) for text in texts)
            found.append(counts_of(row, json.loads(results), json.loads(tallies), marks))
            if len(marks) != found[-1].calls:
                _logger.warning(_DAMAGED, found[-1].function)
        return found

    def _in_window(self, where: Where) -> list[ConfigurationCounts]:
        hours = self._within(where)
        if not where.counts_inputs:
            for rolled in chain.from_iterable(hours.values()):
                rolled.inputs = inputs_of(b"")
        named, imported = self._names_by_id(), writing.imported_id(self.connection)
        order = sorted(hours.items(), key=lambda item: min(rolled.first_id for rolled in item[1]))
        return [counted(number, named[number], several, imported) for number, several in order]

    def _within(self, where: Where) -> dict[int, list[RollUp]]:
        if self._arrival(where) is not None:
            arrived: dict[int, list[RollUp]] = defaultdict(list)
            for number, _, rolled in self._counted(where, *self.span(where)):
                arrived[number].append(rolled)
            return arrived
        # The outermost hours hold the calls of all impossible times, so a bound cuts them.
        first = -LARGEST_HOUR if where.since is None else max(1 - LARGEST_HOUR, _whole(ceil, where.since))
        last = LARGEST_HOUR + 1 if where.until is None else min(LARGEST_HOUR, _whole(floor, where.until))
        hours = defaultdict(list, self._whole_hours(where, first, last))
        bounds = (where.since, where.until)
        for hour in sorted({hour_of(at) for at in bounds if at is not None and at % HOUR_S}):
            for number, rolled in self._cut_hour(where, hour):
                hours[number].append(rolled)
        return hours

    @_counts()
    def _whole_hours(self, where: Where, first: int, last: int) -> dict[int, list[RollUp]]:
        """Return the counts of each hour from one up to another, by configuration."""
        condition, values = _chosen(where)
        inputs = "r.inputs" if where.counts_inputs else "NULL"
        sql = f"""SELECT r.configuration_id, r.hour, {_ROLLED}, {inputs} FROM roll_ups AS r
            JOIN configurations AS c ON c.id = r.configuration_id
            WHERE r.hour >= ? AND r.hour < ? AND {condition} ORDER BY r.configuration_id, r.hour, r.part"""
        hours: dict[tuple[int, int], RollUp] = {}
        for number, hour, *row in self.connection.select(sql, [first, last, *values]):
            merge(hours, (number, hour), RollUp.of_row(row))
        by_configuration: dict[int, list[RollUp]] = defaultdict(list)
        for (number, _), rolled in hours.items():
            by_configuration[number].append(rolled)
        return by_configuration

    def _cut_hour(self, where: Where, hour: int) -> Iterable[tuple[int, RollUp]]:
        """Count the calls of an hour that began in these times. An hour with deleted attempts is counted whole."""
        deleted = self.connection.select(
            "SELECT 1 FROM roll_ups WHERE hour = ? AND deleted > 0 LIMIT 1", (hour,)
        )
        if deleted:
            return [
                (number, rolled)
                for number, several in self._whole_hours(where, hour, hour + 1).items()
                for rolled in several
            ]
        span = self._span(hour, hour)
        return [(number, rolled) for number, at, rolled in self._counted(where, *span) if at == hour]

    def _counted(self, where: Where, first: int, last: int) -> list[tuple[int, int, RollUp]]:
        """Count attempts with an `id` from *first* to *last* again, by configuration and hour."""
        ids = {configuration: number for number, configuration in self._names_by_id().items()}
        hours: dict[tuple[Row, int], RollUp] = {}
        for rows in whole_calls(self._pages(where, first, last)):
            for key, rolled in rolled_up(rows).items():
                merge(hours, key, rolled)
        return [(ids[configuration], hour, rolled) for (configuration, hour), rolled in hours.items()]

    def arrivals(self, most: int) -> list[tuple[int, float | None]]:
        """Return the calls among the last attempts: the number of the configuration, and the start of the call.

        Calls that arrived before the end of the last import are omitted, because they arrived in another order.
        """
        sql = "SELECT configuration_id, started_at FROM attempts WHERE id > ? AND final = 1 ORDER BY id"
        return [tuple(row) for row in self.connection.select(sql, (self._after(most),))]

    def _after(self, most: int) -> int:
        """Return the `id` after which the order of the last *most* attempts is the order of arrival."""
        return max(writing.last_id(self.connection) - most, writing.imported_id(self.connection))

    def imported(self) -> frozenset[int]:
        """Return the configurations whose last call arrived before the end of the last import. Empty without one."""
        sql = "SELECT configuration_id FROM roll_ups GROUP BY configuration_id HAVING MAX(last_id) <= ?"
        rows = self.connection.select(sql, (writing.imported_id(self.connection),))
        return frozenset(number for (number,) in rows)

    def last_calls(self, configuration_id: int, calls: int, most: int) -> list[tuple[int, str, float] | None]:
        """Return the last *calls* validated calls of a configuration, the last one first.

        Returns:
            For each failed call, the `id` of its last attempt, the id of the call, and its start. None for other calls
            or an unknown start. Only the attempts that `arrivals` takes are searched, so there can be fewer calls.
        """
        sql = """SELECT id, call_id, started_at, kind FROM attempts WHERE id > ? AND configuration_id = ? AND final = 1
            AND (kind IS NULL OR kind <> 'transport' OR number > 1) ORDER BY id DESC LIMIT ?"""
        rows = self.connection.select(sql, (self._after(most), configuration_id, calls))
        return [
            None if kind is None or at is None else (number, str(unpacked(call_id)), at)
            for number, call_id, at, kind in rows
        ]

    @_counts()
    def hours(self, where: Where) -> list[HourCounts]:
        """Return the counts by hour, of all hours that these times touch, in the order of time."""
        named = self._names_by_id()
        if self._arrival(where) is not None:
            known = sorted(self._counted(where, *self.span(where)), key=lambda one: (one[1], one[0]))
            return [hour_counts(hour, named[number], rolled.results) for number, hour, rolled in known]
        condition, values = _chosen(where)
        first = -LARGEST_HOUR + 1 if where.since is None else _whole(floor, where.since)
        last = LARGEST_HOUR if where.until is None else _whole(ceil, where.until)
        sql = f"""SELECT r.hour, c.id, r.results FROM roll_ups AS r
            JOIN configurations AS c ON c.id = r.configuration_id
            WHERE r.hour >= ? AND r.hour < ? AND {condition} ORDER BY r.hour, c.id"""
        hours: dict[tuple[int, int], dict[str, int]] = defaultdict(dict)
        for hour, number, results in self.connection.select(sql, [first, last, *values]):
            add_counts(hours[hour, number], json.loads(results))
        return [hour_counts(hour, named[number], results) for (hour, number), results in hours.items()]

    def _names_by_id(self) -> dict[int, Row]:
        sql = f"SELECT id, {_NAMED} FROM configurations ORDER BY id"
        return {
            number: (*named[:_TUNED], bool(named[_TUNED]), *named[_TUNED + 1 :])
            for number, *named in self.connection.select(sql)
        }

    def names(self) -> list[Row]:
        """Return the values of `CONFIGURATION_COLUMNS` of all configurations."""
        return list(self._names_by_id().values())

    def functions(self, schema_fingerprint: str) -> list[str]:
        """Return the functions that have calls with a schema, by name."""
        sql = "SELECT DISTINCT function FROM configurations WHERE schema_fingerprint = ?"
        return sorted(name for (name,) in self.connection.select(sql, (store_text(schema_fingerprint),)))

    def frequent_inputs(self, configuration_id: int, least: int) -> list[tuple[int, int, int]]:
        """Return the inputs with *least* calls of a configuration or more: `input_key`, calls, failed calls."""
        sql = "SELECT input, n, k FROM inputs WHERE configuration_id = ? AND n >= ? ORDER BY input"
        return [tuple(row) for row in self.connection.select(sql, (configuration_id, least))]

    def pairs(self, before_id: int, after_id: int) -> tuple[int, int, int]:
        """Return the number of inputs that were called once in each of two configurations.

        Returns:
            All of them, those that failed only in the first, and those that failed only in the second.
        """
        sql = """SELECT one.k, other.k, COUNT(*) FROM inputs AS one JOIN inputs AS other ON other.input = one.input
            WHERE one.configuration_id = ? AND other.configuration_id = ? AND one.n = 1 AND other.n = 1
            GROUP BY one.k, other.k"""
        rows = self.connection.select(sql, (before_id, after_id))
        return (
            sum(n for _, _, n in rows),
            sum(n for before, after, n in rows if before > after),
            sum(n for before, after, n in rows if before < after),
        )

    def rows_since(self) -> float | None:
        """Return when the earliest call with attempts began, if attempts were deleted; otherwise, or without any, None."""
        if not self.connection.select("SELECT 1 FROM roll_ups WHERE deleted > 0 LIMIT 1"):
            return None
        sql = """SELECT MIN(first_id), MAX(last_id) FROM roll_ups WHERE hour > ?
            GROUP BY hour HAVING SUM(deleted) < SUM(attempts) ORDER BY hour LIMIT 1"""
        for first, last in self.connection.select(sql, (-LARGEST_HOUR,)):
            sql = "SELECT MIN(started_at) FROM attempts WHERE id BETWEEN ? AND ?"
            ((at,),) = self.connection.select(sql, (first, last))
            return None if at is None else float(at)
        return None

    def excess(self, retention: Retention, now: float) -> int:
        """Return about how many attempts `Removal.prune` would delete. *now*: seconds since the epoch, UTC."""
        old = 0
        if retention.max_age_s is not None:
            sql = "SELECT COUNT(*) FROM attempts WHERE started_at < ?"
            ((old,),) = self.connection.select(sql, (now - retention.max_age_s,))
        used = 0 if retention.max_bytes is None else self._used_bytes(self.connection)
        return max(int(old), excess(self.connection, retention, used))

    def clusters(self) -> list[str]:
        """Return the clusters of the stored attempts."""
        sql = "SELECT DISTINCT cluster FROM attempts WHERE cluster IS NOT NULL"
        return [name for (name,) in self.connection.select(sql)]

    def schemas(self, fingerprint: str) -> list[SchemaText]:
        """Return the stored texts of a schema, the latest one first."""
        sql = "SELECT fingerprint, name, text FROM schemas WHERE fingerprint = ? ORDER BY at DESC"
        return list(starmap(SchemaText, self.connection.select(sql, (store_text(fingerprint),))))

    def every_schema(self) -> list[SchemaText]:
        """Return all texts of schemas, in the order of storing."""
        sql = "SELECT fingerprint, name, text FROM schemas ORDER BY at, fingerprint, hash"
        return list(starmap(SchemaText, self.connection.select(sql)))

    def keys(self) -> frozenset[str]:
        """Return `rows.key_fingerprint` of each key that made a stored hash."""
        return writing.noted_keys(self.connection)

    def key(self) -> bytes:
        """Return the key with which a session would hash."""
        return writing.hash_key(self.connection)

    def lost_records(self, *, since: float | None) -> dict[str, int]:
        """Return the number of lost records since then, by reason."""
        counts: dict[str, int] = defaultdict(int)
        for reason, attempts, at in sorted(self.every_lost_record()):
            if since is None or at >= since:
                counts[reason] += attempts
        return dict(counts)

    def every_lost_record(self) -> list[LostRecords]:
        """Return each count of lost records, in the order of storing."""
        return writing.every_lost_record(self.connection)

    def every_declaration(self) -> list[Declared]:
        """Return all declarations by schema, each in the order of storing."""
        sql = "SELECT DISTINCT schema_fingerprint FROM notes WHERE schema_fingerprint IS NOT NULL"
        fingerprints = sorted(which for (which,) in self.connection.select(sql))
        return [
            Declared(which, tuple(self.declared_steps(which)), tuple(self.declared_targets(which)))
            for which in fingerprints
        ]

    def declared_steps(self, schema_fingerprint: str) -> list[DeclaredStep]:
        """Return every declaration about a step, in the order of storing."""
        values = (store_text(schema_fingerprint),)
        return list(starmap(DeclaredStep, self.connection.select(writing.STEPS, values)))

    def declared_targets(self, schema_fingerprint: str) -> list[DeclaredTarget]:
        """Return every target rate, in the order of storing."""
        values = (store_text(schema_fingerprint),)
        return list(starmap(DeclaredTarget, self.connection.select(writing.TARGETS, values)))


def _whole(rounded: Any, at: float) -> int:
    """Return the hour at or beside a time, at most `LARGEST_HOUR` away from the epoch."""
    hour: int = rounded(max(-LARGEST_HOUR, min(LARGEST_HOUR + 1, at / HOUR_S)))
    return hour


def _chosen(where: Where) -> _Condition:
    """Return the condition on a row of `configurations AS c`, and its values."""
    terms: list[_Condition] = [("1 = 1", [])]
    if where.schema is not None:
        named = store_text(where.schema)
        terms.append(("(c.schema_name = ? OR c.schema_fingerprint = ?)", [named, named]))
    if where.function is not None:
        terms.append(("c.function = ?", [store_text(where.function)]))
    if where.configuration_ids is not None:
        ids = list(where.configuration_ids)
        terms.append((f"c.id IN ({placeholders(len(ids))})" if ids else "1 = 0", ids))
    return _all_of(terms)


def _all_of(terms: Sequence[_Condition]) -> _Condition:
    return " AND ".join(text for text, _ in terms), [value for _, values in terms for value in values]
