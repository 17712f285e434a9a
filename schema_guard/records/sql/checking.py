# SPDX-License-Identifier: Apache-2.0
"""The check of a whole store, and the repair of its counts.

The counts of an hour are compared with a recount of its attempts. For an hour with deleted attempts, the check is that no
count is negative and that the counts add up. A changed value that is not counted, such as a hash, is not found.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from contextlib import contextmanager
from itertools import compress
from typing import TYPE_CHECKING, Any

from schema_guard.interruptions import is_interruption
from schema_guard.records.counts.calls import HOUR_S, RESULTS, configuration_key, whole_calls
from schema_guard.records.counts.rollups import (
    ROLL_UP_COLUMNS,
    RollUp,
    Tallies,
    merge,
    rolled_up,
    shape,
)
from schema_guard.records.payloads.texts import Payload, texts_of
from schema_guard.records.rows import COLUMNS, CONFIGURATION_COLUMNS
from schema_guard.records.sql import writing
from schema_guard.records.sql.tables import SELECT_ATTEMPTS, stored_row
from schema_guard.records.times import moment
from schema_guard.records.values import Damage, StoreCheck

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from schema_guard.records.counts.calls import StoredRow
    from schema_guard.records.rows import Row
    from schema_guard.records.sql.tables import Connection

_PAGE = 1_000
_MOST_LISTED = 3
_ROLLED = ", ".join(ROLL_UP_COLUMNS)
_STARTED_AT = COLUMNS.index("started_at")
# Condition that the hour of a roll-up has deleted attempts.
_HAS_DELETED = """EXISTS (SELECT 1 FROM roll_ups AS r WHERE r.deleted > 0
    AND r.configuration_id = roll_ups.configuration_id AND r.hour = roll_ups.hour)"""
_JUDGED = tuple(result for result in RESULTS if result != "transport")


class Notes:
    """The damage that a check has found.

    Attributes:
        damage: Damage in the order in which it was found.
        attempts: Number of attempts that could be read.
    """

    def __init__(
        self, on_step: Callable[[str, int, int], None], errors: tuple[type[Exception], ...] = ()
    ) -> None:
        """Start without damage.

        Args:
            on_step: Called with the current part, the number of checked attempts, and their total.
            errors: Exceptions that mean damage.
        """
        self.damage: list[Damage] = []
        self._on_step = on_step
        self._stopped: Exception | None = None
        self.attempts = 0
        self.errors: tuple[type[Exception], ...] = (*errors, ValueError, TypeError)
        self._errors: tuple[type[Exception], ...] = (
            *self.errors,
            ArithmeticError,
            LookupError,
            AttributeError,
        )

    def step(self, what: str, done: int, total: int) -> None:
        """Report progress. An exception of the receiver is not damage."""
        try:
            self._on_step(what, done, total)
        except Exception as error:
            self._stopped = error
            raise

    def add(self, part: str, problem: str) -> None:
        """Record damage."""
        self.damage.append(Damage(part, problem))

    def add_all(self, part: str, where: str, problems: Iterable[str]) -> None:
        """Record the problems of one place, the first ones with their text."""
        listed = list(problems)
        if listed:
            more = [f"and {len(listed) - _MOST_LISTED} more"] if len(listed) > _MOST_LISTED else []
            self.add(part, f"{where}: {'; '.join([*listed[:_MOST_LISTED], *more])}")

    @contextmanager
    def reading(self, part: str, place: str = "") -> Iterator[None]:
        """Record that a block cannot read a value, and its place. Another error over a stored value is damage too."""
        try:
            yield
        except self._errors as error:
            if error is self._stopped or is_interruption(error):
                raise
            self.add(part, f"{place}cannot be read: {error}")


def check(connection: Connection, url: str, notes: Notes) -> StoreCheck:
    """Compare all stored data with a recount of the attempts.

    Args:
        connection: Connection in a transaction, so that it sees one state.
        url: URL of the store.
        notes: The damage that the engine's own check has found.
    """
    named: dict[Row, int] = {}
    with notes.reading("configurations"):
        named = _check_configurations(connection, notes)
    with notes.reading("roll_ups"):
        recounted = _recounted(connection, named, notes)
        for number in named.values():
            with notes.reading("roll_ups", f"configuration {number}: "):
                _check_counts(connection, number, recounted.pop(number, {}), notes)
        for number, hours in recounted.items():  # their configuration is not stored, or cannot be read
            for hour in hours:
                notes.add("roll_ups", f"{_place(number, hour)}: its attempts are not counted")
    with notes.reading("payloads"):
        _check_payloads(connection, notes)
    with notes.reading("notes"):
        connection.select("SELECT * FROM notes")
    return StoreCheck(url, notes.attempts, tuple(notes.damage))


def _check_configurations(connection: Connection, notes: Notes) -> dict[Row, int]:
    named: dict[Row, int] = {}
    sql = f"SELECT id, key, {', '.join(CONFIGURATION_COLUMNS)} FROM configurations"
    for number, key, *values in connection.select(sql):
        if configuration_key(tuple(values)) != bytes(key):
            notes.add("configurations", f"the names of configuration {number} are not as they were written")
        named[tuple(values)] = number
    sql = "SELECT COUNT(*) FROM attempts WHERE configuration_id NOT IN (SELECT id FROM configurations)"
    ((lost,),) = connection.select(sql)
    if lost:
        notes.add("configurations", f"{lost} attempts have a configuration that is not stored")
    return named


def _recounted(connection: Connection, named: dict[Row, int], notes: Notes) -> dict[int, dict[int, RollUp]]:
    """Count the attempts that can be read again, by configuration and hour."""
    hours: dict[int, dict[int, RollUp]] = defaultdict(dict)
    whole = 0
    for rows in whole_calls(_pages(connection, notes)):
        whole += len(rows)
        for (configuration, hour), rolled in rolled_up(rows).items():
            merge(hours[named.get(configuration, 0)], hour, rolled)
    if whole < notes.attempts:
        notes.add("attempts", f"{notes.attempts - whole} attempts are of calls whose last attempt is missing")
    return hours


def _pages(connection: Connection, notes: Notes) -> Iterator[list[StoredRow]]:
    """Yield the attempts that can be read, and note the others."""
    ((first, last),) = connection.select("SELECT MIN(id), MAX(id) FROM attempts")
    while first is not None:
        end = first + _PAGE - 1
        rows, unread = _readable(connection, first, end, notes)
        notes.attempts += len(rows)
        if unread:
            _note_unread(rows, unread, notes)
        notes.step("counts", notes.attempts, last)
        if rows:
            yield rows
        ((first,),) = connection.select("SELECT MIN(id) FROM attempts WHERE id > ?", (end,))


def _readable(
    connection: Connection, first: int, last: int, notes: Notes
) -> tuple[list[StoredRow], dict[int, str]]:
    """Return the attempts that can be read, and why the others cannot."""
    sql = f"{SELECT_ATTEMPTS} WHERE a.id BETWEEN ? AND ? ORDER BY a.id"
    try:
        return list(map(stored_row, connection.select(sql, (first, last)))), {}
    except notes.errors as error:
        if is_interruption(error):
            raise
    rows: list[StoredRow] = []
    unread: dict[int, str] = {}
    for attempt_id in range(first, last + 1):
        try:
            rows += map(stored_row, connection.select(sql, (attempt_id, attempt_id)))
        except notes.errors as error:
            if is_interruption(error):
                raise
            unread[attempt_id] = str(error)
    return rows, unread


def _note_unread(rows: list[StoredRow], unread: dict[int, str], notes: Notes) -> None:
    starts: list[Any] = [row[_STARTED_AT] for _, row in rows if row[_STARTED_AT] is not None]
    first, *_, why = (min(unread), *unread.values())
    times = (min(starts, default=None), max(starts, default=None))
    notes.damage.append(Damage("attempts", f"cannot all be read: {why}", first, max(unread), *times))


def _stored_hours(
    connection: Connection, number: int, notes: Notes, condition: str = "1 = 1"
) -> dict[int, tuple[RollUp | None, int]]:
    """Return the stored counts of each hour of a configuration, None if unreadable, and the number of deleted attempts."""
    hours: dict[int, RollUp] = {}
    gone: Counter[int] = Counter()
    unread: set[int] = set()
    sql = f"SELECT hour, deleted, {_ROLLED} FROM roll_ups WHERE configuration_id = ? AND {condition} ORDER BY hour, part"
    for hour, deleted, *row in connection.select(sql, (number,)):
        gone[hour] += deleted
        known = len(notes.damage)
        # Deleted attempts can't be counted again.
        with notes.reading("missing" if deleted else "roll_ups", f"{_place(number, hour)}: "):
            rolled = RollUp.of_row(row)
            _ = {**rolled.results, **rolled.tallies}  # both are objects
            merge(hours, hour, rolled)
        unread |= {hour} if len(notes.damage) > known else set()
    return {hour: (None if hour in unread else hours[hour], n) for hour, n in gone.items()}


def _check_counts(connection: Connection, number: int, recounted: dict[int, RollUp], notes: Notes) -> None:
    """Compare the counts of each hour with its attempts, and those of all times and the inputs with the hours."""
    stored = _stored_hours(connection, number, notes)
    read = {hour: counts for hour, (counts, _) in stored.items() if counts is not None}
    for hour in sorted(read.keys() | (recounted.keys() - stored.keys())):
        where, recount = _place(number, hour), recounted.get(hour)
        counts, deleted = stored.get(hour, (None, 0))
        if counts is None:
            notes.add("roll_ups", f"{where}: its attempts are not counted")
        elif deleted:
            notes.add_all("roll_ups", where, _contradictions(counts, recount, deleted))
        elif recount is None:
            notes.add("missing", f"{where}: its {counts.attempts} attempts are missing")
        else:
            part = "missing" if recount.attempts < counts.attempts else "roll_ups"
            notes.add_all(part, where, _differences(counts, recount))
    if len(read) == len(stored):
        _check_totals(connection, number, list(read.values()), notes)


def _place(number: int, hour: int) -> str:
    return f"configuration {number}, hour {moment(hour * HOUR_S)}"


def _differences(counts: RollUp, recount: RollUp) -> Iterator[str]:
    for name in ("first_id", "last_id", "attempts", "starts"):
        stored, right = getattr(counts, name), getattr(recount, name)
        if stored != right:
            yield f"{name} is {stored}, its attempts have {right}"
    if counts.outcomes != recount.outcomes:
        yield "the outcomes of its calls are not those of its attempts"
    if counts.inputs != recount.inputs:
        yield "the inputs of its calls are not those of its attempts"
    yield from _different(
        {"results": counts.results, **counts.tallies}, {"results": recount.results, **recount.tallies}
    )


def _different(stored: Tallies, right: Tallies, source: str = "its attempts") -> Iterator[str]:
    for name in sorted(stored.keys() | right.keys()):
        counts, others = stored.get(name, {}), right.get(name, {})
        for key in sorted(counts.keys() | others.keys()):
            if counts.get(key, 0) != others.get(key, 0):
                yield f"{name} {key} is {counts.get(key, 0)}, {source} have {others.get(key, 0)}"


def _contradictions(counts: RollUp, left: RollUp | None, deleted: int) -> Iterator[str]:
    """Yield the contradictions in the counts of an hour with deleted attempts."""
    there = 0 if left is None else left.attempts
    if counts.attempts != there + deleted:
        yield f"it has {there} attempts and {deleted} deleted ones, and counts {counts.attempts}"
    if any(count < 0 for tally in (counts.results, *counts.tallies.values()) for count in tally.values()):
        yield "a count is negative"
    judged = sum(counts.results.get(result, 0) for result in _JUDGED)
    outcomes = len(counts.outcomes), counts.outcomes.count(b"1")
    if outcomes != (judged, counts.results.get("failed", 0)) or len(counts.inputs) != judged:
        yield "its calls do not add up"
    if sum(counts.tallies.get("attempts", {}).values()) != counts.attempts:
        yield "its attempts do not add up"


def _check_totals(connection: Connection, number: int, hours: Sequence[RollUp], notes: Notes) -> None:
    total = writing.StoredConfiguration(number)
    calls, weights, shapes = [0, 0], [0, 0], Counter[str]()
    for one in hours:
        total.add(one)
        failed = bytes(code == ord("1") for code in one.outcomes)
        calls[0], calls[1] = calls[0] + sum(one.inputs), calls[1] + sum(compress(one.inputs, failed))
        shapes.update(one.unknown_shapes())
    sql = "SELECT input, n, k FROM inputs WHERE configuration_id = ?"
    for key, n, k in connection.select(sql, (number,)):
        shapes[shape(n, k)] += 1
        weights[0], weights[1] = weights[0] + key * n, weights[1] + key * k
    if weights != calls:
        notes.add("inputs", f"configuration {number}: the calls of its inputs are not those of its hours")
    total.add_shapes(shapes)
    sql = "SELECT first_started_at, last_started_at, results, tallies FROM configurations WHERE id = ?"
    stored = writing.StoredConfiguration(number, connection.select(sql, (number,))[0])
    if stored.starts != total.starts:
        notes.add("roll_ups", f"configuration {number}: the times of its calls are not those of its hours")
    differences = _different(
        {"results": stored.results, **stored.tallies},
        {"results": total.results, **total.tallies},
        "its hours",
    )
    notes.add_all("roll_ups", f"configuration {number}", differences)


def _check_payloads(connection: Connection, notes: Notes) -> None:
    sql = "SELECT attempt_id FROM payloads WHERE attempt_id NOT IN (SELECT id FROM attempts) ORDER BY attempt_id"
    if lost := connection.select(sql):
        notes.add("payloads", f"{len(lost)} texts have no attempt, the first one is of {lost[0][0]}")
    after = -1
    while rows := connection.select(
        f"SELECT * FROM payloads WHERE attempt_id > ? ORDER BY attempt_id LIMIT {_PAGE}", (after,)
    ):
        for attempt_id, *stored in rows:
            after = attempt_id
            try:
                texts_of("", 0, Payload(*stored))
            except Exception as error:
                if is_interruption(error):
                    raise
                notes.add("payloads", f"the texts of attempt {attempt_id} cannot be read: {error}")


def rebuild(connection: Connection, on_step: Callable[[str, int, int], None]) -> None:
    """Count all attempts again and store the counts. The counts of hours with deleted attempts stay unchanged.

    If such counts can't be read, only the remaining attempts are counted.

    Args:
        connection: Connection in a transaction in which nobody else writes.
        on_step: Called with the current part, the number of counted attempts, and their total.
    """
    named = f"SELECT id, {', '.join(CONFIGURATION_COLUMNS)} FROM configurations"
    numbers = {tuple(row[1:]): row[0] for row in connection.select(named)}
    kept: dict[Row, dict[int, RollUp]] = {}
    for configuration, number in numbers.items():
        stored = _stored_hours(connection, number, Notes(on_step), _HAS_DELETED)
        kept[configuration] = {hour: counts for hour, (counts, _) in stored.items() if counts is not None}
        for hour in stored.keys() - kept[configuration].keys():
            connection.execute("DELETE FROM roll_ups WHERE configuration_id = ? AND hour = ?", (number, hour))
    connection.execute(f"DELETE FROM roll_ups WHERE NOT {_HAS_DELETED}")
    connection.execute("DELETE FROM inputs")
    empty = "first_started_at = NULL, last_started_at = NULL, results = '{}', tallies = '{}'"
    connection.execute(f"UPDATE configurations SET {empty}")
    for configuration, hours in kept.items():
        writing.add_to_totals(connection, configuration, list(hours.values()))
    for rows in whole_calls(_pages(connection, Notes(on_step))):
        rolled = {
            (configuration, hour): one
            for (configuration, hour), one in rolled_up(rows).items()
            if hour not in kept.get(configuration, ())
        }
        known = writing.configurations(
            connection, dict.fromkeys(configuration for configuration, _ in rolled)
        )
        writing.count(connection, rolled, known)
