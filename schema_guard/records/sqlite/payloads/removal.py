# SPDX-License-Identifier: Apache-2.0
"""Taking rows, their texts and counts out of a SQLite store.

Table: `closed_hours`, of each configuration the hours of which rows have gone, and how many; calls whose start is
unknown are in `UNKNOWN_HOUR`. `meta.rows_removed` says that some have.

Rules: each step is one transaction, and overwrites what it deletes with zeros. The checksums of
attempts go with them. Counts stay, unless it is they that are forgotten.
"""

from __future__ import annotations

import json
import secrets
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from schema_guard.records.counts.hours import HOUR_S, LARGEST_HOUR, hour_of
from schema_guard.records.counts.rollups import key_of_cluster, key_of_input
from schema_guard.records.payloads.retention import rows_over
from schema_guard.records.rows import HASH_BYTES
from schema_guard.records.sqlite import attempts, checksums
from schema_guard.records.sqlite.counts import deleted_sums

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable, Sequence
    from contextlib import AbstractContextManager

    from schema_guard.records.counts.rollups import StoredRow
    from schema_guard.records.payloads.retention import Forgotten, Retention

__all__ = [
    "TABLES",
    "UNKNOWN_HOUR",
    "SQLiteRemoval",
    "closed_configurations",
    "closed_hours",
    "clusters",
    "count_of",
    "excess_of",
    "has_removed",
    "is_closed",
    "is_counted",
    "rows_since",
]

UNKNOWN_HOUR: Final = -LARGEST_HOUR - 1

TABLES = (
    """CREATE TABLE closed_hours (
        configuration_id INTEGER NOT NULL REFERENCES configurations,
        hour INTEGER NOT NULL, attempts INTEGER NOT NULL,
        PRIMARY KEY (configuration_id, hour)
    ) STRICT, WITHOUT ROWID""",
)

_CLOSE = """INSERT INTO closed_hours VALUES (?, ?, ?)
ON CONFLICT DO UPDATE SET attempts = attempts + excluded.attempts"""
_THESE = "id IN (SELECT value FROM json_each(?))"
_OF_CONFIGURATIONS = (
    "closed_hours", "gone_sums", "tallies", "inputs", "recent_inputs", "input_log", "outcomes", "hours", "hour_details",
)  # fmt: skip
_CONDITIONS = {
    "call": "call_id = ?",
    "input": "input_hash = ?",
    "cluster": "cluster = ?",
    "segment": "configuration_id IN (SELECT id FROM configurations WHERE segment = ?)",
    "function": "configuration_id IN (SELECT id FROM configurations WHERE function = ?)",
}


class SQLiteRemoval:
    """Takes out of a store, with the connection of a session.

    Args:
        connection: Of the session.
        writing: Gives a block in which nobody else writes.
        transaction: Gives a block that is committed or rolled back.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        writing: Callable[[], AbstractContextManager[None]],
        transaction: Callable[[sqlite3.Connection], AbstractContextManager[None]],
    ) -> None:
        self._connection = connection
        self._writing = writing
        self._transaction = transaction

    def prune(self, retention: Retention, now: float, rows: int) -> int:
        """Take out some attempts that are not to be kept; gives how many, less than *rows* when that was all."""
        with self._writing():
            self._connection.execute("PRAGMA secure_delete = ON")
            with self._transaction(self._connection):
                done = 0
                if retention.max_age_s is not None:
                    done = self._take_old(now - retention.max_age_s, rows)
                excess = _excess(self._connection, retention) if done < rows else 0
                if excess:
                    done += self._take_first(min(excess, rows - done))
                return done

    def forget(self, what: Forgotten, rows: int) -> int:
        """Take out some attempts of these; gives how many, 0 when none is left and no count names them."""
        with self._writing():
            self._connection.execute("PRAGMA secure_delete = ON")
            with self._transaction(self._connection):
                sql = f"SELECT id FROM stored_attempts WHERE {_CONDITIONS[what.by]} ORDER BY id LIMIT ?"
                done = self._take(self._ids(sql, [_stored_name(what), rows]))
                if not done and what.by in ("input", "cluster"):
                    self._unlink(_key_of(what))
                return done

    def forget_counts(self, what: Forgotten) -> int:
        """Take out the counts of a function or a segment without rows; gives of how many configurations."""
        with self._writing():
            self._connection.execute("PRAGMA secure_delete = ON")
            with self._transaction(self._connection):
                condition = f"{what.by} = ? AND id NOT IN (SELECT configuration_id FROM stored_attempts)"
                ids = json.dumps(self._ids(f"SELECT id FROM configurations WHERE {condition}", [what.name]))
                these = "configuration_id IN (SELECT value FROM json_each(?))"
                pending = f"""SELECT COALESCE(SUM(LENGTH(calls) / {HASH_BYTES + 1}), 0) FROM input_log
                    WHERE {these} AND id > (SELECT merged_to FROM input_merges)"""
                sql = f"""UPDATE input_merges SET pending = pending - ({pending}),
                    recent = recent - (SELECT COUNT(*) FROM recent_inputs WHERE {these}),
                    moved = moved - (SELECT COUNT(*) FROM inputs WHERE {these})"""
                self._connection.execute(sql, [ids] * 3)
                for table in _OF_CONFIGURATIONS:
                    self._connection.execute(f"DELETE FROM {table} WHERE {these}", [ids])
                if what.by == "function":
                    for table in ("declared_steps", "declared_targets"):
                        self._connection.execute(f"DELETE FROM {table} WHERE function = ?", [what.name])
                sql = "DELETE FROM configurations WHERE id IN (SELECT value FROM json_each(?))"
                return self._connection.execute(sql, [ids]).rowcount

    def shred(self) -> bool:
        """Leave nothing in the file and its log of what was taken out; gives whether no reader kept the log from it."""
        with self._writing():
            ((busy, *_),) = self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            self._connection.execute("VACUUM")
            ((again, *_),) = self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            return not (busy or again)

    def _take_old(self, before: float, rows: int) -> int:
        """Take out attempts of calls that began before then, the earliest hours first."""
        done = 0
        sql = "SELECT hour, first_attempt, last_attempt FROM hour_spans WHERE hour <= ? ORDER BY hour"
        for hour, first, last in self._connection.execute(sql, [hour_of(before)]).fetchall():
            end = min(before, (hour + 1) * HOUR_S)
            sql = """SELECT id FROM stored_attempts
                WHERE id BETWEEN ? AND ? AND started_at >= ? AND started_at < ? ORDER BY id LIMIT ?"""
            done += self._take(self._ids(sql, [first, last, hour * HOUR_S, end, rows - done]))
            if done >= rows:
                break
        return done

    def _take_first(self, rows: int) -> int:
        """Take out the attempts that were stored first, of whole calls."""
        return self._take(self._ids("SELECT id FROM stored_attempts ORDER BY id LIMIT ?", [rows]))

    def _ids(self, sql: str, values: Sequence[Any]) -> list[int]:
        return [number for (number,) in self._connection.execute(sql, values).fetchall()]

    def _take(self, ids: Sequence[int]) -> int:
        """Take out attempts and what is left of the last one's call; gives how many."""
        if not ids:
            return 0
        sql = """SELECT id FROM stored_attempts WHERE id > ? AND id <= (
                SELECT MIN(id) FROM stored_attempts WHERE id >= ? AND final = 1)"""
        chosen = [json.dumps([*ids, *self._ids(sql, [ids[-1]] * 2)])]
        sql = f"SELECT configuration_id, started_at FROM stored_attempts WHERE {_THESE}"
        hours = Counter(
            (number, hour if (hour := hour_of(at)) is not None else UNKNOWN_HOUR)
            for number, at in self._connection.execute(sql, chosen)
        )
        self._connection.execute("INSERT OR IGNORE INTO meta VALUES ('rows_removed', '1')")
        self._connection.executemany(_CLOSE, [(*place, count) for place, count in hours.items()])
        deleted_sums.note(self._connection, self._rows(chosen))
        checksums.take_out(self._connection, _THESE, chosen)
        these = "attempt_id IN (SELECT value FROM json_each(?))"
        self._connection.execute(f"DELETE FROM payloads WHERE {these}", chosen)
        done = self._connection.execute(f"DELETE FROM stored_attempts WHERE {_THESE}", chosen).rowcount
        self._narrow({hour for _, hour in hours})
        return done

    def _narrow(self, hours: Iterable[int]) -> None:
        """Note where the attempts that are left of some hours are."""
        for hour in hours:
            sql = "SELECT first_attempt, last_attempt FROM hour_spans WHERE hour = ?"
            for span in self._connection.execute(sql, [hour]).fetchall():
                sql = """SELECT MIN(id), MAX(id) FROM stored_attempts
                    WHERE id BETWEEN ? AND ? AND started_at >= ? AND started_at < ?"""
                times = hour * HOUR_S, (hour + 1) * HOUR_S
                ((first, last),) = self._connection.execute(sql, [*span, *times]).fetchall()
                self._connection.execute("DELETE FROM hour_spans WHERE hour = ?", [hour])
                if first is not None:
                    self._connection.execute("INSERT INTO hour_spans VALUES (?, ?, ?)", [hour, first, last])

    def _rows(self, chosen: list[str]) -> list[StoredRow]:
        return attempts.page(self._connection, f"a.{_THESE}", chosen)

    def _unlink(self, key: bytes) -> None:
        """Give an input another name, by which nobody finds it: how often it was called stays counted."""
        new = secrets.token_bytes(HASH_BYTES)
        deleted_sums.rename_input(self._connection, key, new)
        for table in ("inputs", "recent_inputs"):
            self._connection.execute(f"UPDATE {table} SET input = ? WHERE input = ?", [new, key])
        sql = "SELECT id, configuration_id, hour, calls FROM input_log WHERE instr(calls, ?)"
        for number, configuration_id, hour, calls in self._connection.execute(sql, [key]).fetchall():
            n = len(calls) // (HASH_BYTES + 1)
            named = [calls[at : at + HASH_BYTES] for at in range(n, len(calls), HASH_BYTES)]
            renamed = calls[:n] + b"".join(new if name == key else name for name in named)
            sealed = checksums.sealed((configuration_id, hour, renamed))[2:]
            sql = "UPDATE input_log SET calls = ?, checksum = ? WHERE id = ?"
            self._connection.execute(sql, [*sealed, number])


def count_of(connection: sqlite3.Connection, what: Forgotten) -> int:
    """Return the number of rows that `SQLiteRemoval.forget` would delete."""
    sql = f"SELECT COUNT(*) FROM stored_attempts WHERE {_CONDITIONS[what.by]}"
    ((count,),) = connection.execute(sql, [_stored_name(what)]).fetchall()
    return int(count)


def is_counted(connection: sqlite3.Connection, what: Forgotten) -> bool:
    """Return whether the counts still know an input or a cluster."""
    if what.by not in ("input", "cluster"):
        return False
    sql = """SELECT 1 FROM inputs WHERE input = :key UNION ALL SELECT 1 FROM recent_inputs WHERE input = :key
        UNION ALL SELECT 1 FROM input_log WHERE instr(calls, :key) LIMIT 1"""
    return bool(connection.execute(sql, {"key": _key_of(what)}).fetchall())


def excess_of(connection: sqlite3.Connection, retention: Retention, now: float) -> int:
    """Return about how many rows `SQLiteRemoval.prune` would delete."""
    old = 0
    if retention.max_age_s is not None:
        sql = "SELECT COUNT(*) FROM stored_attempts WHERE started_at < ?"
        ((old,),) = connection.execute(sql, [now - retention.max_age_s]).fetchall()
    return max(int(old), _excess(connection, retention))


def clusters(connection: sqlite3.Connection) -> list[str]:
    """Return the clusters of the stored rows."""
    sql = "SELECT DISTINCT cluster FROM stored_attempts WHERE cluster IS NOT NULL"
    return [name for (name,) in connection.execute(sql).fetchall()]


def _stored_name(what: Forgotten) -> Any:
    return attempts.packed(what.name) if what.by in ("call", "input") else what.name


def _key_of(what: Forgotten) -> bytes:
    return key_of_input(what.name) if what.by == "input" else key_of_cluster(what.name)


def _excess(connection: sqlite3.Connection, retention: Retention) -> int:
    """Return how many of the rows that were stored first are too many; for `max_bytes`, about how many."""
    excess = 0
    if retention.max_rows is not None:
        sql = "SELECT COALESCE(MAX(id) - MIN(id) + 1, 0) FROM stored_attempts"
        ((most,),) = connection.execute(sql).fetchall()
        if most > retention.max_rows:  # else there can be no more
            excess = max(0, _rows(connection) - retention.max_rows)
    if retention.max_bytes is not None:
        pages, free, size = (
            connection.execute(f"PRAGMA {name}").fetchall()[0][0]
            for name in ("page_count", "freelist_count", "page_size")
        )
        used = (pages - free) * size
        excess = max(excess, rows_over(used, retention.max_bytes, lambda: _rows(connection)))
    return excess


def _rows(connection: sqlite3.Connection) -> int:
    ((count,),) = connection.execute("SELECT COUNT(*) FROM stored_attempts").fetchall()
    return int(count)


def is_closed(connection: sqlite3.Connection, hour: int) -> bool:
    """Say whether rows of an hour have gone, so that it can only be counted whole."""
    return bool(connection.execute("SELECT 1 FROM closed_hours WHERE hour = ? LIMIT 1", [hour]).fetchall())


def closed_hours(connection: sqlite3.Connection) -> frozenset[tuple[bytes, int | None]]:
    """Give the hours of which rows have gone, each with the key of its configuration; None for an unknown start."""
    sql = "SELECT c.key, h.hour FROM closed_hours AS h JOIN configurations AS c ON c.id = h.configuration_id"
    rows = connection.execute(sql).fetchall()
    return frozenset((key, None if hour == UNKNOWN_HOUR else hour) for key, hour in rows)


def closed_configurations(connection: sqlite3.Connection) -> set[int]:
    """Give the configurations of which rows have gone: their counts are of more than their attempts."""
    return {number for (number,) in connection.execute("SELECT DISTINCT configuration_id FROM closed_hours")}


def has_removed(connection: sqlite3.Connection) -> bool:
    """Say whether rows were ever taken out, so that the last `id` that was counted may be that of none."""
    return bool(connection.execute("SELECT 1 FROM meta WHERE key = 'rows_removed'").fetchall())


def rows_since(connection: sqlite3.Connection) -> float | None:
    """Give when the earliest call began that has rows, where rows have gone; None where none have, or all."""
    if not connection.execute("SELECT 1 FROM closed_hours LIMIT 1").fetchall():
        return None
    sql = "SELECT first_attempt, last_attempt FROM hour_spans ORDER BY hour LIMIT 2"
    starts = []
    for first, last in connection.execute(sql).fetchall():
        sql = "SELECT MIN(started_at) FROM stored_attempts WHERE id BETWEEN ? AND ?"
        starts += [at for (at,) in connection.execute(sql, [first, last]).fetchall() if at is not None]
    return min(starts, default=None)
