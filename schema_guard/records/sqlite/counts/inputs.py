# SPDX-License-Identifier: Apache-2.0
"""How often each input was called: written one after the other, and put together later, many at a time.

Tables: `input_log` has every judged call whose input is known, a row for each batch, configuration and hour: a byte
for each call, 1 for failed, then the 16 bytes of each one's input. `inputs` and `recent_inputs` have how often an
input was called and failed, up to `input_merges.merged_to` of the log: what they have of an input is added up.
`tallies` has how many inputs were called how often, of the same calls. What is in the log after them is looked up by
whoever reads, and is never more than `MOST_PENDING` calls and a batch.

Rules: to look up inputs one by one touches a page of a large table for each, for they have no order. So they
come into `recent_inputs` many at a time, which stays small, and go from there into `inputs` from one end of it to the
other, many for each page. Whatever moves is in one transaction with what it changes.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import compress
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from schema_guard.records.counts.rollups import shape
from schema_guard.records.rows import HASH_BYTES
from schema_guard.records.sqlite.checksums import sealed

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from schema_guard.records.counts.hours import InputCalls

__all__ = [
    "MOST_PENDING",
    "TABLES",
    "Counted",
    "append",
    "frequent",
    "merge",
    "pairs",
    "pending",
    "shapes",
    "totals",
    "unpacked",
]

Portion = TypeVar("Portion")
Counted: TypeAlias = dict[bytes, tuple[int, int]]
"""How many calls an input had, and how many failed ones."""

MOST_PENDING = 16_384
_RECENT = 32_768  # so many inputs may be recent at least,
_PART_OF_ALL = 24  # and this part of all that are not
_AT_ONCE = 256

TABLES = (
    """CREATE TABLE input_log (
        id INTEGER PRIMARY KEY, configuration_id INTEGER NOT NULL REFERENCES configurations,
        hour INTEGER, calls BLOB NOT NULL, checksum INTEGER NOT NULL
    ) STRICT""",
    "CREATE INDEX input_log_hour ON input_log (hour)",
    """CREATE TABLE recent_inputs (
        configuration_id INTEGER NOT NULL REFERENCES configurations,
        input BLOB NOT NULL, n INTEGER NOT NULL, k INTEGER NOT NULL,
        PRIMARY KEY (configuration_id, input)
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE input_merges (
        merged_to INTEGER NOT NULL, pending INTEGER NOT NULL, recent INTEGER NOT NULL, moved INTEGER NOT NULL,
        configuration_id INTEGER NOT NULL, input BLOB NOT NULL
    ) STRICT""",
    "INSERT INTO input_merges VALUES (0, 0, 0, 0, 0, x'')",
)

_LOG = "INSERT INTO input_log (configuration_id, hour, calls, checksum) VALUES (?, ?, ?, ?)"
_PENDING = "UPDATE input_merges SET pending = pending + ? RETURNING pending"
_ROWS = f"({', '.join('?' * 4)})"
_ADD = f"""INSERT INTO recent_inputs VALUES {", ".join([_ROWS] * _AT_ONCE)}
ON CONFLICT DO UPDATE SET n = n + excluded.n, k = k + excluded.k RETURNING input, n, k"""
_SELECT = f"""SELECT input, n, k FROM {{table}}
WHERE configuration_id = ? AND input IN ({", ".join("?" * _AT_ONCE)})"""
_SHAPE = """INSERT INTO tallies VALUES (?, 'inputs', ?, ?)
ON CONFLICT DO UPDATE SET count = count + excluded.count"""
# Inputs that are called again leave their shape: an input of a million calls would leave a million rows.
_NO_SHAPES = "DELETE FROM tallies WHERE configuration_id = ? AND tally = 'inputs' AND count = 0"
_END = """SELECT configuration_id, input FROM recent_inputs WHERE (configuration_id, input) > (?, ?)
ORDER BY configuration_id, input LIMIT 1 OFFSET ?"""
_BETWEEN = "(configuration_id, input) > (?, ?) AND (configuration_id, input) <= (?, ?)"
_MOVE = f"""INSERT INTO inputs SELECT * FROM recent_inputs WHERE {_BETWEEN} ORDER BY configuration_id, input
ON CONFLICT DO UPDATE SET n = n + excluded.n, k = k + excluded.k"""
_MOVED = f"DELETE FROM recent_inputs WHERE {_BETWEEN}"


def append(connection: sqlite3.Connection, asked: Mapping[int, Mapping[int | None, InputCalls]]) -> None:
    """Note the inputs of judged calls, and put together what is noted when that is much.

    Args:
        connection: In a transaction.
        asked: By configuration and hour.
    """
    rows = [
        sealed((configuration_id, hour, bytes(input_calls.failed) + b"".join(input_calls.inputs)))
        for configuration_id, hours in asked.items()
        for hour, input_calls in hours.items()
    ]
    if not rows:
        return
    connection.executemany(_LOG, rows)
    calls = sum(len(input_calls.inputs) for hours in asked.values() for input_calls in hours.values())
    ((waiting,),) = connection.execute(_PENDING, (calls,)).fetchall()
    if waiting >= MOST_PENDING:
        merge(connection)


def unpacked(several: Iterable[bytes]) -> tuple[list[bytes], list[bytes]]:
    """Give the inputs of rows of the log, and those of the failed calls among them."""
    cut = [(calls, len(calls) // (HASH_BYTES + 1)) for calls in several]
    whole = b"".join([calls[n:] for calls, n in cut])
    keys = [whole[first : first + HASH_BYTES] for first in range(0, len(whole), HASH_BYTES)]
    return keys, list(compress(keys, b"".join([calls[:n] for calls, n in cut])))


def counted(rows: Iterable[tuple[int, bytes]]) -> dict[int, Counted]:
    """Count the calls of each input of rows of the log, by configuration."""
    noted: dict[int, list[bytes]] = defaultdict(list)
    for configuration_id, calls in rows:
        noted[configuration_id].append(calls)
    counts: dict[int, Counted] = {}
    for configuration_id, several in noted.items():
        asked, failed = map(Counter, unpacked(several))
        counts[configuration_id] = {key: (n, failed[key]) for key, n in asked.items()}
    return counts


def pending(
    connection: sqlite3.Connection, condition: str = "1", values: Sequence[object] = ()
) -> dict[int, Counted]:
    """Count the calls that are noted and not put together, of the configurations that meet a condition."""
    sql = f"""SELECT configuration_id, calls FROM input_log
        WHERE id > (SELECT merged_to FROM input_merges) AND {condition}"""
    return counted(connection.execute(sql, values))


def shapes(connection: sqlite3.Connection, configuration_id: int, more: Counted) -> dict[str, int]:
    """Give what these calls change of the number of inputs that were called so often."""
    known = [dict(_rows(connection, table, configuration_id, more)) for table in ("inputs", "recent_inputs")]
    return _changes(more, *known)


def pairs(connection: sqlite3.Connection, before_id: int, after_id: int) -> tuple[int, int, int]:
    """Give the inputs that were called once in each of two configurations, and those failed only in one of them."""
    before, after = (
        {key: k for key, (n, k) in totals(connection, configuration_id).items() if n == 1}
        for configuration_id in (before_id, after_id)
    )
    shared = before.keys() & after.keys()
    one = sum(before[key] > after[key] for key in shared)
    return len(shared), one, sum(before[key] < after[key] for key in shared)


def frequent(
    connection: sqlite3.Connection, configuration_id: int, least: int
) -> list[tuple[bytes, int, int]]:
    """Give the inputs with so many calls or more, those that are not put together included: key, calls, failed ones.

    What has so many in all has a third of them in one of the three places.
    """
    waiting = pending(connection, "configuration_id = ?", [configuration_id]).get(configuration_id, {})
    part = -(-least // 3)
    candidates = {key for key, (n, _) in waiting.items() if n >= part}
    for table in ("inputs", "recent_inputs"):
        sql = f"SELECT input FROM {table} WHERE configuration_id = ? AND n >= ?"
        candidates |= {key for (key,) in connection.execute(sql, (configuration_id, part))}
    sums = {key: waiting.get(key, (0, 0)) for key in candidates}
    for table in ("inputs", "recent_inputs"):
        for key, (n, k) in _rows(connection, table, configuration_id, candidates):
            sums[key] = sums[key][0] + n, sums[key][1] + k
    return [(key, n, k) for key, (n, k) in sorted(sums.items()) if n >= least]


def totals(connection: sqlite3.Connection, configuration_id: int, *, with_pending: bool = True) -> Counted:
    """Count the calls of each input of a configuration, with those that are not put together or without."""
    counts: Counted = {}
    if with_pending:
        counts |= pending(connection, "configuration_id = ?", [configuration_id]).get(configuration_id, {})
    for table in ("inputs", "recent_inputs"):
        sql = f"SELECT input, n, k FROM {table} WHERE configuration_id = ?"
        for key, n, k in connection.execute(sql, (configuration_id,)):
            known_n, known_k = counts.get(key, (0, 0))
            counts[key] = known_n + n, known_k + k
    return counts


def shapes_alone(asked: Counter[bytes], failed: Counter[bytes]) -> dict[str, int]:
    """Give how many inputs were called how often, of these calls alone.

    Args:
        asked: How often each input was called.
        failed: How many of its calls failed.
    """
    by_calls = Counter({(n, 0): inputs for n, inputs in Counter(asked.values()).items()})
    for key, k in failed.items():
        n = asked[key]
        by_calls[n, 0] -= 1
        by_calls[n, k] += 1
    return {shape(*calls): inputs for calls, inputs in by_calls.items() if inputs}


def merge(connection: sqlite3.Connection) -> None:
    """Put together what is noted, and move on some inputs that are no longer recent; in a transaction."""
    merged = recent = 0
    ((moved,),) = connection.execute("SELECT moved FROM input_merges").fetchall()
    for configuration_id, more in sorted(pending(connection).items()):
        known = dict(_rows(connection, "inputs", configuration_id, more)) if moved else {}
        after = dict(_added(connection, configuration_id, more))
        # Most are new: only those that were there have left another number of calls.
        before = {
            key: (n - more[key][0], k - more[key][1]) for key, (n, k) in after.items() if n > more[key][0]
        }
        changes = [(configuration_id, key, count) for key, count in _changes(more, known, before).items()]
        connection.executemany(_SHAPE, changes)
        if any(count < 0 for _, _, count in changes):
            connection.execute(_NO_SHAPES, (configuration_id,))
        merged += len(more)
        recent += len(more) - len(before)
    sql = """UPDATE input_merges SET pending = 0, recent = recent + ?,
        merged_to = COALESCE((SELECT MAX(id) FROM input_log), 0)"""
    connection.execute(sql, (recent,))
    _move(connection, 2 * merged)


def _move(connection: sqlite3.Connection, limit: int) -> None:
    """Move the next recent inputs, up to a limit, where there are too many."""
    sql = "SELECT recent, moved, configuration_id, input FROM input_merges"
    ((recent, moved, *start),) = connection.execute(sql).fetchall()
    limit = min(limit, recent - max(_RECENT, moved // _PART_OF_ALL))
    if limit <= 0:
        return
    rows = connection.execute(_END, (*start, limit - 1)).fetchall()
    end = rows[0] if rows else (2**63 - 1, b"")
    connection.execute(_MOVE, (*start, *end))
    count = connection.execute(_MOVED, (*start, *end)).rowcount
    sql = "UPDATE input_merges SET recent = recent - ?, moved = moved + ?, configuration_id = ?, input = ?"
    connection.execute(sql, (count, count, *(end if rows else (0, b""))))


def _changes(more: Counted, known: Counted, also_known: Counted) -> dict[str, int]:
    changes = Counter(more.values())
    nothing = 0, 0
    for key in known.keys() | also_known.keys():
        (more_n, more_k), (n, k), (also_n, also_k) = (
            more[key],
            known.get(key, nothing),
            also_known.get(key, nothing),
        )
        n, k = n + also_n, k + also_k
        changes[more_n, more_k] -= 1
        changes[n + more_n, k + more_k] += 1
        changes[n, k] -= 1
    return {shape(*calls): inputs for calls, inputs in changes.items() if inputs}


def _rows(
    connection: sqlite3.Connection, table: str, configuration_id: int, inputs: Iterable[bytes]
) -> Iterator[tuple[bytes, tuple[int, int]]]:
    """Give what a table has of these inputs."""
    sql = _SELECT.format(table=table)
    for some in _portions(sorted(inputs)):
        filled = (*some, *some[-1:] * (_AT_ONCE - len(some)))
        for key, n, k in connection.execute(sql, (configuration_id, *filled)):
            yield key, (n, k)


def _added(
    connection: sqlite3.Connection, configuration_id: int, more: Counted
) -> Iterator[tuple[bytes, tuple[int, int]]]:
    """Add calls to the recent inputs, and yield what the table has of them then."""
    for some in _portions(sorted(more.items())):
        values = [value for key, (n, k) in some for value in (configuration_id, key, n, k)]
        values += [configuration_id, some[-1][0], 0, 0] * (_AT_ONCE - len(some))
        for key, n, k in connection.execute(_ADD, values).fetchall():
            yield key, (n, k)


def _portions(whole: list[Portion]) -> Iterator[list[Portion]]:
    for first in range(0, len(whole), _AT_ONCE):
        yield whole[first : first + _AT_ONCE]
