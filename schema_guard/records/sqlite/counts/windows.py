# SPDX-License-Identifier: Apache-2.0
"""What is told of the calls in some times, from what is kept of each hour.

Rules: whole hours are read from the details, hours that are meant in part from their attempts, and all of it is what
a count of the attempts in these times would give. An hour of which rows were taken out is
counted whole. A window with impossible times counts nothing.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

from schema_guard.records.counts.rollups import (
    CHUNK_CALLS,
    LARGEST,
    additions,
    calls,
    configuration_of,
    is_judged,
)
from schema_guard.records.counts.tallies import counts_of
from schema_guard.records.rows import COLUMNS, CONFIGURATION_COLUMNS
from schema_guard.records.sqlite.counts import inputs
from schema_guard.records.sqlite.counts.hours import HourDetails, Hours
from schema_guard.records.sqlite.payloads.removal import is_closed

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from schema_guard.records.attempts import Where
    from schema_guard.records.counts.configurations import ConfigurationCounts
    from schema_guard.records.counts.hours import HourAddition
    from schema_guard.records.counts.rollups import StoredRow
    from schema_guard.records.rows import Row

__all__ = ["counted"]

_STARTED_AT = COLUMNS.index("started_at")
_DETAILS = """SELECT configuration_id, first_attempt, first_started_at, last_started_at, calls, tallies
FROM hour_details WHERE hour >= ? AND hour < ? AND {chosen} ORDER BY id"""
_CALLS = """SELECT configuration_id, calls FROM hour_details WHERE hour = ? AND {chosen} ORDER BY id"""
_INPUTS = "SELECT configuration_id, calls FROM input_log WHERE hour >= ? AND hour < ? AND {chosen}"
_OUTCOMES = """SELECT chunk, bits FROM outcomes
WHERE configuration_id = ? AND chunk BETWEEN ? AND ? ORDER BY chunk"""


def counted(
    connection: sqlite3.Connection,
    where: Where,
    condition: str,
    values: Sequence[Any],
    attempts_of: Callable[[int], Iterable[list[StoredRow]]],
) -> list[ConfigurationCounts] | None:
    """Give the counts of calls in some times; None where that takes a count of the attempts.

    Args:
        connection: In a transaction.
        where: Which times.
        condition: On the names of a configuration.
        values: Of its parameters.
        attempts_of: Gives the attempts of an hour of these configurations, in pages of whole calls.
    """
    hours = Hours.of(where)
    if hours is None:
        return None
    chosen = f"configuration_id IN (SELECT id FROM configurations WHERE {condition})"
    window = _Window(connection, chosen, values)
    window.add_whole(hours.first, hours.last)
    for hour in hours.parts:
        if is_closed(connection, hour):
            window.add_whole(hour, hour + 1)
        else:
            window.add_part(hour, attempts_of(hour), where)
    return window.counts(condition)


class _Window:
    """The counts of some times, by configuration."""

    def __init__(self, connection: sqlite3.Connection, chosen: str, values: Sequence[Any]) -> None:
        self._connection = connection
        self._chosen, self._values = chosen, values
        self._details: dict[int, HourDetails] = defaultdict(HourDetails)
        self._inputs: dict[int, Counter[bytes]] = defaultdict(Counter)
        self._failed: dict[int, Counter[bytes]] = defaultdict(Counter)

    def add_whole(self, first: int, last: int) -> None:
        """Add the hours from one up to another."""
        if first >= last:
            return
        for configuration_id, *details in self._select(_DETAILS, first, last):
            self._details[configuration_id].add(*details)
        noted: dict[int, list[bytes]] = defaultdict(list)
        for configuration_id, calls_of_hour in self._select(_INPUTS, first, last):
            noted[configuration_id].append(calls_of_hour)
        for configuration_id, several in noted.items():
            self._add_inputs(configuration_id, *inputs.unpacked(several))

    def add_part(self, hour: int, pages: Iterable[list[StoredRow]], where: Where) -> None:
        """Add those calls of an hour that are meant."""
        numbers: dict[int, Iterator[int]] = {}
        for configuration_id, runs in self._runs(hour).items():
            numbers[configuration_id] = (number for first, n in runs for number in range(first, first + n))
        ids = self._ids()
        for rows in pages:
            meant: list[StoredRow] = []
            for call in calls(rows):
                configuration_id = ids[configuration_of(call[-1][1])]
                number = next(numbers[configuration_id]) if is_judged(call) else None
                if _is_in_window(call, where):
                    meant += call
                    if number is not None:
                        self._details[configuration_id].add_runs([(number, 1)])
            for configuration, addition in additions(meant).items():
                configuration_id = ids[configuration]
                self._add(configuration_id, addition.by_hour[hour])
                input_calls = addition.input_calls[hour]
                failed = [
                    key for key, is_one in zip(input_calls.inputs, input_calls.failed, strict=True) if is_one
                ]
                self._add_inputs(configuration_id, input_calls.inputs, failed)

    def _add(self, configuration_id: int, more: HourAddition) -> None:
        details = self._details[configuration_id]
        earliest, latest = more.starts or (0.0, 0.0)
        details.add_starts(more.first, earliest, latest)
        for (tally, key), count in more.tallies.items():
            if count:
                counts, name = details.tallies[tally], str(key)
                counts[name] = counts.get(name, 0) + count

    def _add_inputs(self, configuration_id: int, keys: Iterable[bytes], failed: Iterable[bytes]) -> None:
        self._inputs[configuration_id].update(keys)
        self._failed[configuration_id].update(failed)

    def counts(self, condition: str) -> list[ConfigurationCounts]:
        """Give the counts, of what was stored first at first."""
        names = ", ".join(CONFIGURATION_COLUMNS)
        sql = f"SELECT id, {names} FROM configurations WHERE {condition}"
        named = {row[0]: row for row in self._connection.execute(sql, self._values)}
        order = sorted(self._details.items(), key=lambda item: item[1].first_attempt)
        return [self._counts(named[configuration_id], details) for configuration_id, details in order]

    def _counts(self, named: tuple[Any, ...], details: HourDetails) -> ConfigurationCounts:
        identity = (*named, details.first_started_at, details.last_started_at)
        tallies = details.tallies
        counts = tallies["inputs"]
        for key, inputs_of_shape in inputs.shapes_alone(
            self._inputs[named[0]], self._failed[named[0]]
        ).items():
            counts[key] = counts.get(key, 0) + inputs_of_shape
        for several in tallies.values():
            for key, count in several.items():
                if count > LARGEST:
                    several[key] = LARGEST
        return counts_of(identity, tallies, self._outcomes(named[0], details.sorted_runs()))

    def _outcomes(self, configuration_id: int, runs: list[tuple[int, int]]) -> bytes:
        """Give the outcomes of some judged calls, in their order."""
        if not runs:
            return b""
        first_chunk = runs[0][0] // CHUNK_CALLS
        last_chunk = (runs[-1][0] + runs[-1][1] - 1) // CHUNK_CALLS
        chunks = self._connection.execute(_OUTCOMES, (configuration_id, first_chunk, last_chunk)).fetchall()
        bits = b"".join(chunk for _, chunk in chunks)
        text = []
        for first, n in runs:
            place = first - first_chunk * CHUNK_CALLS
            some = bits[place // 8 : (place + n + 7) // 8]
            several = f"{int.from_bytes(some):0{8 * len(some)}b}"
            text.append(several[place % 8 : place % 8 + n])
        outcomes = "".join(text)
        size = -(-len(outcomes) // 8)
        return int(outcomes.ljust(size * 8, "0"), 2).to_bytes(size)

    def _runs(self, hour: int) -> dict[int, list[tuple[int, int]]]:
        """Give which judged calls began in an hour, by configuration."""
        by_configuration: dict[int, HourDetails] = defaultdict(HourDetails)
        for configuration_id, runs in self._select(_CALLS, hour):
            by_configuration[configuration_id].add_stored_runs(runs)
        return {
            configuration_id: details.sorted_runs() for configuration_id, details in by_configuration.items()
        }

    def _ids(self) -> dict[Row, int]:
        sql = f"SELECT id, {', '.join(CONFIGURATION_COLUMNS)} FROM configurations"
        return {tuple(named): number for number, *named in self._connection.execute(sql)}

    def _select(self, sql: str, *hours: int) -> list[Any]:
        return self._connection.execute(sql.format(chosen=self._chosen), (*hours, *self._values)).fetchall()


def _is_in_window(call: list[StoredRow], where: Where) -> bool:
    at: Any = call[-1][1][_STARTED_AT]
    return (where.since is None or at >= where.since) and (where.until is None or at < where.until)
