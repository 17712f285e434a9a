# SPDX-License-Identifier: Apache-2.0
"""The roll-ups of a PostgreSQL store: kept in the transaction that stores the attempts, a statement a table.

The tables and what they hold are those of a SQLite store; what calls add to them is `counts.rollups`.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from schema_guard.ext.postgres.tables import type_of
from schema_guard.records.counts.rollups import LARGEST, chunks, configuration_key, started
from schema_guard.records.rows import CONFIGURATION_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from schema_guard.records.counts.rollups import Addition, StoredRow
    from schema_guard.records.rows import Row

_NAMED = ", ".join(CONFIGURATION_COLUMNS)
_ARRAYS = ", ".join(f"%s::{type_of(name)}[]" for name in CONFIGURATION_COLUMNS)
# Not by a sequence, which would go on with each batch: whoever writes is alone.
_CONFIGURATIONS = f"""
INSERT INTO configurations AS c (id, key, {_NAMED}, first_started_at, last_started_at)
SELECT (SELECT COALESCE(MAX(id), 0) FROM configurations) + place, key, {_NAMED}, first, last
FROM unnest(%s::bytea[], {_ARRAYS}, %s::float8[], %s::float8[])
    WITH ORDINALITY AS new (key, {_NAMED}, first, last, place)
ON CONFLICT (key) DO UPDATE SET
    first_started_at = LEAST(c.first_started_at, excluded.first_started_at),
    last_started_at = GREATEST(c.last_started_at, excluded.last_started_at)
RETURNING id, key
"""
_INPUTS = """
INSERT INTO inputs AS i SELECT * FROM unnest(%s::bigint[], %s::bytea[], %s::bigint[], %s::bigint[])
ON CONFLICT (configuration_id, input) DO UPDATE SET n = i.n + excluded.n, k = i.k + excluded.k
RETURNING configuration_id, input, n, k
"""
_TALLIES = f"""
INSERT INTO tallies AS t SELECT * FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::bigint[])
ON CONFLICT (configuration_id, tally, key)
DO UPDATE SET count = LEAST(t.count::numeric + excluded.count, {LARGEST})::bigint
"""
_NO_INPUTS = "DELETE FROM tallies WHERE configuration_id = ANY(%s) AND tally = 'inputs' AND count = 0"
_HOURS = """
INSERT INTO hours AS h SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::text[], %s::bigint[])
ON CONFLICT (hour, configuration_id, tally) DO UPDATE SET count = h.count + excluded.count
"""
_LAST_CHUNKS = """
SELECT DISTINCT ON (configuration_id) configuration_id, chunk, n, bits FROM outcomes
WHERE configuration_id = ANY(%s) ORDER BY configuration_id, chunk DESC
"""
_CHUNKS = """
INSERT INTO outcomes SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::bytea[], %s::bigint[])
ON CONFLICT (configuration_id, chunk) DO UPDATE SET n = excluded.n, bits = excluded.bits
"""


def configuration_ids(connection: Any, rows: Iterable[StoredRow]) -> dict[Row, int]:
    """Give the number of each configuration, and note when its calls began."""
    configurations = started(rows)
    keys = {configuration_key(configuration): configuration for configuration in configurations}
    times = [(min(starts, default=None), max(starts, default=None)) for starts in configurations.values()]
    values = [array(keys), *columns(configurations, len(CONFIGURATION_COLUMNS)), *columns(times, 2)]
    return {keys[key]: number for number, key in connection.execute(_CONFIGURATIONS, values).fetchall()}


def add(connection: Any, by_row: Mapping[Row, Addition], ids: Mapping[Row, int]) -> None:
    """Add what calls add to the roll-ups of their configurations."""
    additions = {ids[configuration]: addition for configuration, addition in by_row.items()}
    _add_inputs(connection, additions)
    _add_outcomes(connection, additions)
    tallies: dict[tuple[int, str, str], int] = defaultdict(int)
    for number, addition in additions.items():
        for (tally, key), count in addition.tallies.items():
            tallies[number, tally, str(key)] += min(count, LARGEST)
    added = [(*key, count) for key, count in tallies.items() if count]
    if added:
        connection.execute(_TALLIES, columns(added, 4))
    numbers = {number for number, tally, _, count in added if tally == "inputs" and count < 0}
    if numbers:
        connection.execute(_NO_INPUTS, (list(numbers),))
    hours = [
        (hour, number, way, calls)
        for number, addition in additions.items()
        for (hour, way), calls in addition.hours.items()
    ]
    if hours:
        connection.execute(_HOURS, columns(hours, 4))


def columns(rows: Iterable[Sequence[Any]], width: int) -> list[str]:
    """Give the values of rows by column, each as the text of an array, as `unnest` takes it.

    psycopg writes arrays too, eight times as slowly.
    """
    return [array(column) for column in zip(*rows, strict=True)] or ["{}"] * width


def array(values: Iterable[Any]) -> str:
    r"""Give the text of an array of numbers, texts or bytes.

    >>> print(array([1, None, 0.5]), array(['a"b', None]), array([b"x"]))
    {1,NULL,0.5} {"a\"b",NULL} {"\\x78"}
    """
    return "{" + ",".join(["NULL" if value is None else _element(value) for value in values]) + "}"


def _element(value: Any) -> str:
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return f'"\\\\x{value.hex()}"' if isinstance(value, bytes) else repr(value)


def _add_inputs(connection: Any, additions: Mapping[int, Addition]) -> None:
    more = {
        (number, key): counts
        for number, addition in additions.items()
        for key, counts in sorted(addition.inputs.items())
    }
    if not more:
        return
    values = columns([(*key, *counts) for key, counts in more.items()], 4)
    for number, key, n, k in connection.execute(_INPUTS, values).fetchall():
        additions[number].move_input(n, k, *more[number, key])


def _add_outcomes(connection: Any, additions: Mapping[int, Addition]) -> None:
    stored = connection.execute(_LAST_CHUNKS, (list(additions),)).fetchall()
    last = {number: (chunk, n, bits) for number, chunk, n, bits in stored}
    new = [
        (number, *chunk)
        for number, addition in additions.items()
        for chunk in chunks(last.get(number), addition)
    ]
    if new:
        connection.execute(_CHUNKS, columns(new, 5))
