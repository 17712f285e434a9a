# SPDX-License-Identifier: Apache-2.0
"""The statements that delete attempts, texts, and counts.

Attempts are deleted with their texts, whole calls at a time. Their counts stay, and the roll-ups of their hours note how
many were deleted: such an hour cannot be counted again.
"""

from __future__ import annotations

import secrets
import time
from array import array
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple

from schema_guard.records.counts.calls import LARGEST_HOUR, hour_of, key_of_cluster, key_of_input
from schema_guard.records.counts.rollups import inputs_as_bytes, inputs_of
from schema_guard.records.payloads.retention import STEP_ROWS, rows_over
from schema_guard.records.rows import store_text
from schema_guard.records.sql.tables import packed, placeholders, portions

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager

    from schema_guard.records.payloads.retention import Forgotten, Retention
    from schema_guard.records.sql.tables import Connection

_AT_ONCE = 500
_PAUSE_S = 0.01  # several times the pause after which another process tries again to write
_CONDITIONS = {
    "call": "call_id = ?",
    "input": "input_hash = ?",
    "cluster": "cluster = ?",
    "segment": "configuration_id IN (SELECT id FROM configurations WHERE segment = ?)",
    "function": "configuration_id IN (SELECT id FROM configurations WHERE function = ?)",
}


class Removed(NamedTuple):
    """The result of a deletion.

    Attributes:
        attempts: Number of deleted rows.
        is_shredded: Whether the files have nothing of them. False if a reader prevented it.
        configurations: Number of configurations whose counts were deleted. None if counts stay.
    """

    attempts: int
    is_shredded: bool
    configurations: int | None = None


class Removal:
    """Deletes from a store. Each step is one transaction.

    Args:
        writing: Returns a block in which nobody else writes. The block is committed or rolled back.
        used_bytes: Returns the bytes of the store that are in use.
        shred: Removes the deleted values from the files, and returns False if a reader prevented it.
    """

    def __init__(
        self,
        writing: Callable[[], AbstractContextManager[Connection]],
        used_bytes: Callable[[Connection], int],
        shred: Callable[[], bool],
    ) -> None:
        self._writing = writing
        self._used_bytes = used_bytes
        self._shred = shred

    def run(self, step: Callable[[int], int], last: Callable[[], int] | None = None) -> Removed:
        """Repeat a step until it deletes nothing, and remove the deleted values from the files.

        Others can write between the steps.

        Args:
            step: Deletes at most about so many attempts, and returns their number.
            last: Deletes counts after that, and returns the number of their configurations.
        """
        attempts = 0
        while done := step(STEP_ROWS):
            attempts += done
            time.sleep(_PAUSE_S)
        configurations = None if last is None else last()
        return Removed(attempts, self._shred(), configurations)

    def prune(self, retention: Retention, now: float, rows: int) -> int:
        """Delete some attempts that the retention does not cover.

        Args:
            retention: The limits of age, number, and size.
            now: In seconds since the epoch, UTC.
            rows: About how many attempts to delete at most.

        Returns:
            How many were deleted. Fewer than *rows* if no other is left.
        """
        with self._writing() as connection:
            done = 0
            if retention.max_age_s is not None:
                done = _delete_old(connection, now - retention.max_age_s, rows)
            if done < rows:
                used = 0 if retention.max_bytes is None else self._used_bytes(connection)
                if too_many := excess(connection, retention, used):
                    sql = "SELECT id FROM attempts ORDER BY id LIMIT ?"
                    done += _delete(connection, _ids(connection, sql, [min(too_many, rows - done)]))
            return done

    def forget(self, what: Forgotten, rows: int) -> int:
        """Delete about so many attempts of a call, an input, a cluster, a segment, or a function.

        When no attempt is left, the input or the cluster gets another key in the counts.

        Returns:
            How many attempts were deleted. 0 if none was left.
        """
        with self._writing() as connection:
            sql = f"SELECT id FROM attempts WHERE {_CONDITIONS[what.by]} ORDER BY id LIMIT ?"
            done = _delete(connection, _ids(connection, sql, [_stored_name(what), rows]))
            if not done and what.by in ("input", "cluster"):
                _rename_input(connection, _key_of(what), secrets.randbits(63) or 1)
            return done

    def forget_counts(self, what: Forgotten) -> int:
        """Delete the counts of a function or a segment without attempts, and return the number of its configurations."""
        with self._writing() as connection:
            sql = f"""SELECT id FROM configurations AS c WHERE {what.by} = ?
                AND NOT EXISTS (SELECT 1 FROM attempts AS a WHERE a.configuration_id = c.id)"""
            ids = _ids(connection, sql, [store_text(what.name)])
            for number in ids:
                for table in ("roll_ups", "inputs", "content"):
                    connection.execute(f"DELETE FROM {table} WHERE configuration_id = ?", (number,))
                connection.execute("DELETE FROM configurations WHERE id = ?", (number,))
            if what.by == "function":
                connection.execute("DELETE FROM notes WHERE function = ?", (store_text(what.name),))
            return len(ids)


def _delete_old(connection: Connection, before: float, rows: int) -> int:
    """Delete attempts of calls that began before then, the earliest hours first."""
    done = 0
    sql = """SELECT MIN(first_id), MAX(last_id) FROM roll_ups WHERE hour BETWEEN ? AND ?
        GROUP BY hour HAVING SUM(deleted) < SUM(attempts) ORDER BY hour"""
    for first, last in connection.select(sql, (-LARGEST_HOUR, hour_of(before))):
        sql = "SELECT id FROM attempts WHERE id BETWEEN ? AND ? AND started_at < ? ORDER BY id LIMIT ?"
        done += _delete(connection, _ids(connection, sql, [first, last, before, rows - done]))
        if done >= rows:
            break
    return done


def _delete(connection: Connection, ids: Sequence[int]) -> int:
    """Delete attempts and the other attempts of the last one's call, and return their number."""
    if not ids:
        return 0
    sql = "SELECT id FROM attempts WHERE id > ? AND id <= (SELECT MIN(id) FROM attempts WHERE id >= ? AND final = 1)"
    ids = [*ids, *_ids(connection, sql, [ids[-1]] * 2)]
    for some in portions(ids, _AT_ONCE):
        these = f"({placeholders(len(some))})"
        sql = f"SELECT configuration_id, started_at, id FROM attempts WHERE id IN {these}"
        _note_deleted(connection, connection.select(sql, some))
        connection.execute(f"DELETE FROM payloads WHERE attempt_id IN {these}", some)
        # The counts of the content stay, without their link to the input.
        connection.execute(
            f"UPDATE content SET second_reply = NULL, pair = NULL WHERE call_id IN (SELECT call_id FROM attempts WHERE id IN {these})",
            some,
        )
        connection.execute(f"DELETE FROM attempts WHERE id IN {these}", some)
    return len(ids)


def _note_deleted(connection: Connection, rows: Sequence[tuple[int, float | None, int]]) -> None:
    """Count deleted attempts in the roll-ups of their hours."""
    parts: Counter[tuple[int, int, int]] = Counter()
    hours: dict[tuple[int, int], list[int]] = defaultdict(list)
    for number, started_at, attempt_id in rows:
        hours[number, hour_of(started_at)].append(attempt_id)
    for (number, hour), ids in hours.items():
        sql = "SELECT part, last_id FROM roll_ups WHERE configuration_id = ? AND hour = ? ORDER BY part"
        known = connection.select(sql, (number, hour))
        for attempt_id in ids:
            part = next((part for part, last in known if attempt_id <= last), known[-1][0] if known else 0)
            parts[number, hour, part] += 1
    connection.many(
        "UPDATE roll_ups SET deleted = deleted + ? WHERE configuration_id = ? AND hour = ? AND part = ?",
        [(deleted, *place) for place, deleted in parts.items()],
    )


def _rename_input(connection: Connection, old: int, new: int) -> None:
    """Replace the key of an input in the counts. Its calls stay counted."""
    for (number,) in connection.select("SELECT id FROM configurations"):
        sql = "UPDATE inputs SET input = ? WHERE configuration_id = ? AND input = ?"
        if not connection.execute(sql, (new, number, old)):
            continue
        sql = "SELECT hour, part, inputs FROM roll_ups WHERE configuration_id = ?"
        for hour, part, stored in connection.select(sql, (number,)):
            inputs = inputs_of(stored)
            if old in inputs:
                renamed = array("q", [new if key == old else key for key in inputs])
                sql = "UPDATE roll_ups SET inputs = ? WHERE configuration_id = ? AND hour = ? AND part = ?"
                connection.execute(sql, (inputs_as_bytes(renamed), number, hour, part))


def count_of(connection: Connection, what: Forgotten) -> int:
    """Return the number of attempts that `Removal.forget` would delete."""
    sql = f"SELECT COUNT(*) FROM attempts WHERE {_CONDITIONS[what.by]}"
    ((number,),) = connection.select(sql, (_stored_name(what),))
    return int(number)


def is_counted(connection: Connection, what: Forgotten) -> bool:
    """Return whether the counts still know an input or a cluster."""
    if what.by not in ("input", "cluster"):
        return False
    sql = (
        "SELECT 1 FROM inputs WHERE configuration_id IN (SELECT id FROM configurations) AND input = ? LIMIT 1"
    )
    return bool(connection.select(sql, (_key_of(what),)))


def excess(connection: Connection, retention: Retention, used_bytes: int) -> int:
    """Return how many of the first attempts are too many; for `max_bytes`, about how many."""

    def rows() -> int:
        ((number,),) = connection.select("SELECT COUNT(*) FROM attempts")
        return int(number)

    too_many = 0
    if retention.max_rows is not None:
        ((most,),) = connection.select("SELECT COALESCE(MAX(id) - MIN(id) + 1, 0) FROM attempts")
        if most > retention.max_rows:  # otherwise there cannot be more
            too_many = max(0, rows() - retention.max_rows)
    if retention.max_bytes is not None:
        too_many = max(too_many, rows_over(used_bytes, retention.max_bytes, rows))
    return too_many


def _stored_name(what: Forgotten) -> Any:
    name = store_text(what.name)
    return packed(name) if what.by in ("call", "input") else name


def _key_of(what: Forgotten) -> int:
    return key_of_input(what.name) if what.by == "input" else key_of_cluster(what.name)


def _ids(connection: Connection, sql: str, values: Sequence[Any]) -> list[int]:
    return [number for (number,) in connection.select(sql, values)]
