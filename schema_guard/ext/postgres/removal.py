# SPDX-License-Identifier: Apache-2.0
"""Taking rows, their texts and counts out of a PostgreSQL store.

Table: `closed_hours`, as in a file. What was taken out is gone from the tables when they are written anew, which
`shred` does; the server's own log and its backups keep it as long as whoever runs the server lets them.
"""

from __future__ import annotations

import secrets
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from schema_guard.records.counts.hours import LARGEST_HOUR, hour_of
from schema_guard.records.counts.rollups import key_of_cluster, key_of_input
from schema_guard.records.payloads.retention import rows_over
from schema_guard.records.rows import HASH_BYTES, store_text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager

    from schema_guard.records.payloads.retention import Forgotten, Retention

__all__ = [
    "TABLES", "PostgresRemoval", "closed_hours", "clusters", "count_of", "excess_of", "is_counted", "rows_since",
]  # fmt: skip

TABLES: Final = (
    """CREATE TABLE closed_hours (
        configuration_id bigint NOT NULL, hour bigint NOT NULL, attempts bigint NOT NULL,
        PRIMARY KEY (configuration_id, hour)
    )""",
)

_UNKNOWN_HOUR: Final = -LARGEST_HOUR - 1
_CLOSE: Final = """INSERT INTO closed_hours AS c SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[])
ON CONFLICT (configuration_id, hour) DO UPDATE SET attempts = c.attempts + excluded.attempts"""
_OF_CONFIGURATIONS: Final = ("closed_hours", "tallies", "inputs", "outcomes", "hours")
_CONDITIONS: Final = {
    "call": "call_id = %s",
    "input": "input_hash = %s",
    "cluster": "cluster = %s",
    "segment": "configuration_id IN (SELECT id FROM configurations WHERE segment = %s)",
    "function": "configuration_id IN (SELECT id FROM configurations WHERE function = %s)",
}
_TABLES_WITH_BYTES: Final = ("attempts", "payloads", "inputs", "configurations")


class PostgresRemoval:
    """Takes out of a store, with the connection of a session.

    Args:
        writing: Gives a block that is one transaction, and its connection.
        schema: Of the tables.
        patiently: Gives a block in which a statement may take long.
    """

    def __init__(
        self,
        writing: Callable[[], AbstractContextManager[Any]],
        schema: str,
        patiently: Callable[[], AbstractContextManager[Any]],
    ) -> None:
        self._writing = writing
        self._patiently = patiently
        self._schema = schema

    def prune(self, retention: Retention, now: float, rows: int) -> int:
        """Take out some attempts that are not to be kept; gives how many, less than *rows* when that was all."""
        with self._writing() as connection:
            _lock(connection)
            done = 0
            if retention.max_age_s is not None:
                sql = "SELECT id FROM attempts WHERE started_at < %s ORDER BY started_at, id LIMIT %s"
                done = _take(connection, _ids(connection, sql, [now - retention.max_age_s, rows]))
            excess = _excess(connection, retention) if done < rows else 0
            if excess:
                sql = "SELECT id FROM attempts ORDER BY id LIMIT %s"
                done += _take(connection, _ids(connection, sql, [min(excess, rows - done)]))
            return done

    def forget(self, what: Forgotten, rows: int) -> int:
        """Take out some attempts of these; gives how many, 0 when none is left and no count names them."""
        with self._writing() as connection:
            _lock(connection)
            sql = f"SELECT id FROM attempts WHERE {_CONDITIONS[what.by]} ORDER BY id LIMIT %s"
            done = _take(connection, _ids(connection, sql, [store_text(what.name), rows]))
            if not done and what.by in ("input", "cluster"):
                sql = "UPDATE inputs SET input = %s WHERE input = %s"
                connection.execute(sql, (secrets.token_bytes(HASH_BYTES), _key_of(what)))
            return done

    def forget_counts(self, what: Forgotten) -> int:
        """Take out the counts of a function or a segment without rows; gives of how many configurations."""
        with self._writing() as connection:
            _lock(connection)
            sql = f"""SELECT id FROM configurations AS c WHERE {what.by} = %s
                AND NOT EXISTS (SELECT 1 FROM attempts AS a WHERE a.configuration_id = c.id)"""
            ids = _ids(connection, sql, [store_text(what.name)])
            for table in _OF_CONFIGURATIONS:
                connection.execute(f"DELETE FROM {table} WHERE configuration_id = ANY(%s)", (ids,))
            if what.by == "function":
                for table in ("declared_steps", "declared_targets"):
                    connection.execute(f"DELETE FROM {table} WHERE function = %s", (what.name,))
            connection.execute("DELETE FROM configurations WHERE id = ANY(%s)", (ids,))
            return len(ids)

    def shred(self) -> bool:
        """Write the tables anew, without what was taken out."""
        with self._patiently() as connection:
            for table in _TABLES_WITH_BYTES:
                connection.execute(f"VACUUM (FULL) {self._schema}.{table}")
        return True


def count_of(connection: Any, what: Forgotten) -> int:
    """Return the number of rows that `PostgresRemoval.forget` would delete."""
    sql = f"SELECT COUNT(*) FROM attempts WHERE {_CONDITIONS[what.by]}"
    ((count,),) = connection.execute(sql, (store_text(what.name),)).fetchall()
    return int(count)


def is_counted(connection: Any, what: Forgotten) -> bool:
    """Return whether the counts still know an input or a cluster."""
    if what.by not in ("input", "cluster"):
        return False
    sql = "SELECT 1 FROM inputs WHERE input = %s LIMIT 1"
    return bool(connection.execute(sql, (_key_of(what),)).fetchall())


def excess_of(connection: Any, retention: Retention, now: float) -> int:
    """Return about how many rows `PostgresRemoval.prune` would delete."""
    old = 0
    if retention.max_age_s is not None:
        sql = "SELECT COUNT(*) FROM attempts WHERE started_at < %s"
        ((old,),) = connection.execute(sql, (now - retention.max_age_s,)).fetchall()
    return max(int(old), _excess(connection, retention))


def clusters(connection: Any) -> list[str]:
    """Return the clusters of the stored rows."""
    sql = "SELECT DISTINCT cluster FROM attempts WHERE cluster IS NOT NULL"
    return [name for (name,) in connection.execute(sql).fetchall()]


def _key_of(what: Forgotten) -> bytes:
    return key_of_input(what.name) if what.by == "input" else key_of_cluster(what.name)


def _rows(connection: Any) -> int:
    ((count,),) = connection.execute("SELECT COUNT(*) FROM attempts").fetchall()
    return int(count)


def _lock(connection: Any) -> None:
    connection.execute("SELECT last_id FROM place FOR UPDATE").fetchall()


def _ids(connection: Any, sql: str, values: Sequence[Any]) -> list[int]:
    return [number for (number,) in connection.execute(sql, values).fetchall()]


def _excess(connection: Any, retention: Retention) -> int:
    """Give how many of the attempts that were stored first are too many."""
    excess = 0
    if retention.max_rows is not None:
        excess = max(0, _rows(connection) - retention.max_rows)
    if retention.max_bytes is not None:
        sql = """SELECT COALESCE(SUM(pg_column_size(a.*)), 0) + (SELECT COALESCE(SUM(pg_column_size(p.*)), 0)
            FROM payloads AS p) FROM attempts AS a"""
        ((size,),) = connection.execute(sql).fetchall()
        excess = max(excess, rows_over(int(size), retention.max_bytes, lambda: _rows(connection)))
    return excess


def _take(connection: Any, ids: Sequence[int]) -> int:
    """Take out attempts and what is left of their calls; gives how many."""
    if not ids:
        return 0
    sql = "SELECT id FROM attempts WHERE call_id IN (SELECT call_id FROM attempts WHERE id = ANY(%s))"
    chosen = _ids(connection, sql, [list(ids)])
    sql = "SELECT configuration_id, started_at FROM attempts WHERE id = ANY(%s)"
    hours = Counter(
        (number, hour if (hour := hour_of(at)) is not None else _UNKNOWN_HOUR)
        for number, at in connection.execute(sql, (chosen,)).fetchall()
    )
    closed = [(*place, count) for place, count in hours.items()]
    connection.execute(_CLOSE, tuple(list(column) for column in zip(*closed, strict=True)))
    connection.execute("DELETE FROM payloads WHERE attempt_id = ANY(%s)", (chosen,))
    connection.execute("DELETE FROM attempts WHERE id = ANY(%s)", (chosen,))
    return len(chosen)


def closed_hours(connection: Any) -> frozenset[tuple[bytes, int | None]]:
    """Give the hours of which rows have gone, each with the key of its configuration; None for an unknown start."""
    sql = "SELECT c.key, h.hour FROM closed_hours AS h JOIN configurations AS c ON c.id = h.configuration_id"
    rows = connection.execute(sql).fetchall()
    return frozenset((bytes(key), None if hour == _UNKNOWN_HOUR else hour) for key, hour in rows)


def rows_since(connection: Any) -> float | None:
    """Give when the earliest call began that has rows, where rows have gone; None where none have, or all."""
    if not connection.execute("SELECT 1 FROM closed_hours LIMIT 1").fetchall():
        return None
    ((since,),) = connection.execute("SELECT MIN(started_at) FROM attempts").fetchall()
    return None if since is None else float(since)
