# SPDX-License-Identifier: Apache-2.0
"""The statements that write to a store. Each function runs in a transaction in which nobody else writes."""

from __future__ import annotations

import json
import os
import secrets
import time
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

from schema_guard.records.counts.calls import configuration_key, configuration_of, hour_of, new_calls
from schema_guard.records.counts.rollups import (
    ROLL_UP_COLUMNS,
    RollUp,
    add_counts,
    add_tallies,
    as_json,
    rolled_up,
    shape,
    spanned,
)
from schema_guard.records.declarations import DeclaredStep, DeclaredTarget
from schema_guard.records.rows import COLUMNS, CONFIGURATION_COLUMNS
from schema_guard.records.sql.tables import (
    INSERT_ATTEMPT,
    PART_CALLS,
    attempt_row,
    packed,
    placeholders,
    portions,
)
from schema_guard.records.values import LostRecords
from schema_guard.text import hex_digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from schema_guard.records.payloads.texts import Payload
    from schema_guard.records.rows import Row
    from schema_guard.records.sql.tables import Connection
    from schema_guard.records.values import ContentRow, SchemaText, SecondOpinion

AT_ONCE = 256
"""Most rows or call IDs in one statement."""

_CALL_ID, _STARTED_AT = COLUMNS.index("call_id"), COLUMNS.index("started_at")
_KEY_NOTE = "hashes_of_"

SET_META = "INSERT INTO meta VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value"
_CONFIGURATION = f"""INSERT INTO configurations VALUES ({placeholders(len(CONFIGURATION_COLUMNS) + 6)})
ON CONFLICT (key) DO UPDATE SET first_started_at = excluded.first_started_at,
    last_started_at = excluded.last_started_at, results = excluded.results, tallies = excluded.tallies"""
_PART = f"""SELECT part, deleted, {", ".join(ROLL_UP_COLUMNS)} FROM roll_ups
WHERE configuration_id = ? AND hour = ? ORDER BY part DESC LIMIT 1"""
_WRITE_PART = f"""INSERT INTO roll_ups VALUES ({placeholders(len(ROLL_UP_COLUMNS) + 4)})
ON CONFLICT (configuration_id, hour, part) DO UPDATE SET
{", ".join(f"{name} = excluded.{name}" for name in ROLL_UP_COLUMNS)}"""
_INSERT_CONTENT = f"INSERT INTO content VALUES ({placeholders(21)}) ON CONFLICT DO NOTHING"
_ADD_OPINION = """UPDATE content SET second_model = ?, leaves = ?, agreed = ?, differing = ?, cost = ?, second_reply = ?
WHERE call_id = ? AND differing IS NULL"""
_INSERT_NOTE = f"INSERT INTO notes VALUES ({placeholders(9)})"
STEPS = """SELECT name, status, reason, at, function FROM notes
WHERE kind = 'step' AND schema_fingerprint = ? ORDER BY id"""
TARGETS = """SELECT at, number, function FROM notes
WHERE kind = 'target' AND schema_fingerprint = ? ORDER BY id"""
LOST_RECORDS = "SELECT reason, number, at FROM notes WHERE kind = 'lost_records' ORDER BY id"


class StoredConfiguration:
    """A configuration of a store, with the counts of all times.

    Attributes:
        id: Its number in the store.
        starts: Start of the earliest and the latest call. None if not known.
        results: Calls by `RESULTS` and `PARTS`.
        tallies: As `rollups.Tallies`, and by shape the number of `inputs`.
    """

    def __init__(self, configuration_id: int, row: Sequence[Any] | None = None) -> None:
        self.id = configuration_id
        first, last, results, tallies = row or (None, None, "{}", "{}")
        self.starts = None if first is None or last is None else (first, last)
        self.results, self.tallies = json.loads(results), json.loads(tallies)

    def as_row(self, configuration: Row) -> tuple[Any, ...]:
        """Return the values of the table."""
        starts, texts = self.starts or (None, None), (as_json(self.results), as_json(self.tallies))
        return (self.id, configuration_key(configuration), *configuration, *starts, *texts)

    def add(self, rolled: RollUp) -> None:
        """Add the counts of calls, but not their inputs."""
        self.starts = spanned(self.starts, rolled.starts)
        add_counts(self.results, rolled.results)
        add_tallies(self.tallies, rolled.tallies)

    def add_shapes(self, changes: Mapping[str, int]) -> None:
        """Change the number of inputs of each shape."""
        shapes = self.tallies.setdefault("inputs", {})
        add_counts(shapes, changes)
        self.tallies["inputs"] = {key: count for key, count in shapes.items() if count}


def last_id(connection: Connection) -> int:
    """Return the `id` of the attempt that arrived last, also if it was deleted; 0 for none."""
    noted = connection.select("SELECT value FROM meta WHERE key = 'last_id'")
    ((greatest,),) = connection.select("SELECT MAX(id) FROM attempts")
    return max(int(noted[0][0]) if noted else 0, greatest or 0)


def imported_id(connection: Connection) -> int:
    """Return the `id` of the attempt that was imported last; 0 for none.

    Up to it, the order of calls is that of their times, because imported calls arrive later than they were made.
    """
    noted = connection.select("SELECT value FROM meta WHERE key = 'imported_id'")
    return int(noted[0][0]) if noted else 0


def append(
    connection: Connection,
    rows: Sequence[Row],
    payloads: Sequence[Payload | None] = (),
    content: Sequence[ContentRow] = (),
) -> None:
    """Store the attempts of whole calls with their texts and the facts about their values, and count them."""
    first = last_id(connection) + 1
    stored = list(enumerate(rows, start=first))
    rolled = rolled_up(stored)
    known = configurations(connection, dict.fromkeys(configuration for configuration, _ in rolled))
    connection.many(
        INSERT_ATTEMPT,
        [attempt_row(attempt_id, known[configuration_of(row)].id, row) for attempt_id, row in stored],
    )
    texts = [
        (attempt_id, *payload)
        for attempt_id, payload in enumerate(payloads, start=first)
        if payload is not None
    ]
    if texts:
        connection.many(f"INSERT INTO payloads VALUES ({placeholders(4)})", texts)
    if content:
        calls = {row[_CALL_ID]: row for row in rows}
        connection.many(_INSERT_CONTENT, [_content_row(one, calls[one.call_id], known) for one in content])
    count(connection, rolled, known)
    connection.execute(SET_META, ("last_id", str(first + len(rows) - 1)))


def _content_row(content: ContentRow, row: Row, known: Mapping[Row, StoredConfiguration]) -> tuple[Any, ...]:
    """Return the values of `_INSERT_CONTENT`, without a second opinion."""
    call_id, unit, pair, *grounding, confidence = content
    place = known[configuration_of(row)].id, hour_of(row[_STARTED_AT])
    return packed(call_id), *place, unit, packed(pair), *grounding, *(None,) * 9, confidence, None


def add_second_opinions(connection: Connection, opinions: Iterable[SecondOpinion]) -> None:
    """Store second opinions about calls that are stored."""
    connection.many(_ADD_OPINION, [(*facts, packed(call_id)) for call_id, *facts in opinions])


def configurations(connection: Connection, several: Iterable[Row]) -> dict[Row, StoredConfiguration]:
    """Return the stored configurations. One that is not stored gets the next number."""
    known: dict[Row, StoredConfiguration] = {}
    greatest = None
    for configuration in several:
        sql = (
            "SELECT id, first_started_at, last_started_at, results, tallies FROM configurations WHERE key = ?"
        )
        rows = connection.select(sql, (configuration_key(configuration),))
        if rows:
            known[configuration] = StoredConfiguration(rows[0][0], rows[0][1:])
        else:
            if greatest is None:
                ((greatest,),) = connection.select("SELECT COALESCE(MAX(id), 0) FROM configurations")
            greatest += 1
            known[configuration] = StoredConfiguration(greatest)
    return known


def count(
    connection: Connection, rolled: Mapping[tuple[Row, int], RollUp], known: Mapping[Row, StoredConfiguration]
) -> None:
    """Add the counts of calls to their hours, to their inputs, and to their configurations."""
    parts = [
        (number, hour, *_part(connection, number, hour, one))
        for (configuration, hour), one in rolled.items()
        for number in [known[configuration].id]
    ]
    connection.many(_WRITE_PART, parts)
    hours: dict[Row, list[RollUp]] = defaultdict(list)
    for (configuration, _), one in rolled.items():
        hours[configuration].append(one)
    _add_to_configurations(connection, known, hours)


def add_to_totals(connection: Connection, configuration: Row, hours: Sequence[RollUp]) -> None:
    """Add the counts of hours to their configuration, and their calls to its inputs."""
    known = configurations(connection, [configuration])
    _add_to_configurations(connection, known, {configuration: hours})


def _add_to_configurations(
    connection: Connection, known: Mapping[Row, StoredConfiguration], hours: Mapping[Row, Sequence[RollUp]]
) -> None:
    inputs: dict[int, dict[int, tuple[int, int]]] = defaultdict(dict)
    for configuration, several in hours.items():
        mine = inputs[known[configuration].id]
        for rolled in several:
            known[configuration].add(rolled)
            for key, (n, k) in rolled.known_inputs().items():
                before = mine.get(key, (0, 0))
                mine[key] = before[0] + n, before[1] + k
    changes = add_inputs(connection, inputs)
    for configuration, several in hours.items():
        for rolled in several:
            add_counts(changes[known[configuration].id], rolled.unknown_shapes())
    rows = []
    for configuration, one in known.items():
        one.add_shapes(changes[one.id])
        rows.append(one.as_row(configuration))
    connection.many(_CONFIGURATION, rows)


def _part(connection: Connection, configuration_id: int, hour: int, rolled: RollUp) -> tuple[Any, ...]:
    """Return the part of a roll-up that includes these calls, with its number and its deleted attempts."""
    rows = connection.select(_PART, (configuration_id, hour))
    if not rows:
        return 0, 0, *rolled.as_row()
    part, deleted, *stored = rows[0]
    last = RollUp.of_row(stored)
    if deleted or len(last.outcomes) >= PART_CALLS:
        return part + 1, 0, *rolled.as_row()
    last.add(rolled)
    return part, 0, *last.as_row()


def add_inputs(
    connection: Connection, inputs: Mapping[int, Mapping[int, tuple[int, int]]]
) -> dict[int, Counter[str]]:
    """Add calls to inputs.

    Args:
        connection: In a transaction.
        inputs: By configuration and input: calls, and failed calls.

    Returns:
        By configuration: the change of the number of inputs of each shape.
    """
    changes: dict[int, Counter[str]] = defaultdict(Counter)
    rows = [(number, key, *calls) for number, keys in inputs.items() for key, calls in keys.items()]
    for some in portions(sorted(rows), AT_ONCE):
        sql = f"""INSERT INTO inputs VALUES {", ".join(["(?, ?, ?, ?)"] * len(some))}
            ON CONFLICT (configuration_id, input) DO UPDATE SET n = inputs.n + excluded.n, k = inputs.k + excluded.k
            RETURNING configuration_id, input, n, k"""
        for number, key, n, k in connection.select(sql, [value for row in some for value in row]):
            more_n, more_k = inputs[number][key]
            changes[number][shape(n, k)] += 1
            if n > more_n:
                changes[number][shape(n - more_n, k - more_k)] -= 1
    return changes


def add_calls(connection: Connection, rows: Sequence[Row], payloads: Sequence[Payload | None]) -> int:
    """Store the whole calls that are not stored, with their texts, and return the number of their attempts."""
    known: set[str] = set()
    for some in portions(sorted({str(row[_CALL_ID]) for row in rows}), AT_ONCE):
        sql = f"SELECT DISTINCT call_id FROM attempts WHERE call_id IN ({placeholders(len(some))})"
        there = {stored for (stored,) in connection.select(sql, [packed(call_id) for call_id in some])}
        known |= {call_id for call_id in some if packed(call_id) in there}
    new = new_calls(rows, known, closed_hours(connection))
    if new:
        append(
            connection, [rows[place] for place in new], [payloads[place] for place in new] if payloads else ()
        )
        connection.execute(SET_META, ("imported_id", str(last_id(connection))))
    return len(new)


def closed_hours(connection: Connection) -> frozenset[tuple[bytes, int]]:
    """Return the hours with deleted attempts, each with the key of its configuration."""
    sql = """SELECT DISTINCT c.key, r.hour FROM roll_ups AS r JOIN configurations AS c ON c.id = r.configuration_id
        WHERE r.deleted > 0"""
    return frozenset((bytes(key), hour) for key, hour in connection.select(sql))


def add_schemas(connection: Connection, schemas: Iterable[SchemaText]) -> None:
    """Store the texts of schemas that are not stored."""
    connection.many(
        "INSERT INTO schemas VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        [(one.fingerprint, hex_digest(one.text, 16), one.name, one.text, time.time()) for one in schemas],
    )


def insert_lost_records(connection: Connection, lost_records: Iterable[LostRecords]) -> None:
    """Store counts of lost records."""
    insert_notes(
        connection,
        [("lost_records", None, None, None, None, one.reason, one.attempts, one.at) for one in lost_records],
    )


def every_lost_record(connection: Connection) -> list[LostRecords]:
    """Return each count of lost records, in the order of storing."""
    return [LostRecords(reason, int(number), at) for reason, number, at in connection.select(LOST_RECORDS)]


def insert_notes(connection: Connection, notes: Sequence[tuple[Any, ...]]) -> None:
    """Store dated entries, each with the columns of `notes` after the id."""
    if notes:
        ((last,),) = connection.select("SELECT COALESCE(MAX(id), 0) FROM notes")
        connection.many(_INSERT_NOTE, [(last + place, *note) for place, note in enumerate(notes, start=1)])


def insert_declarations(
    connection: Connection, schema_fingerprint: str, declared: Iterable[DeclaredStep | DeclaredTarget]
) -> None:
    """Store declarations about steps, and target rates."""

    def note(one: DeclaredStep | DeclaredTarget) -> tuple[Any, ...]:
        if isinstance(one, DeclaredStep):
            return "step", schema_fingerprint, one.function, one.step, one.status, one.reason, None, one.at
        return "target", schema_fingerprint, one.function, None, None, None, one.target, one.at

    insert_notes(connection, list(map(note, declared)))


def new_key() -> tuple[str, str]:
    """Return the row of `meta` with a new key of the hashes."""
    return "hash_key", secrets.token_hex(32)


def hash_key(connection: Connection) -> bytes:
    """Return the key of the hashes: the environment's, otherwise the store's."""
    named = os.environ.get("SCHEMA_GUARD_HASH_KEY")
    if named:
        return named.encode("utf-8", "surrogateescape")
    ((stored,),) = connection.select("SELECT value FROM meta WHERE key = 'hash_key'")
    return bytes.fromhex(stored)


def note_keys(connection: Connection, fingerprints: Iterable[str]) -> None:
    """Note that the store has hashes of these keys."""
    sql = "INSERT INTO meta VALUES (?, '') ON CONFLICT (key) DO NOTHING"
    connection.many(sql, [(f"{_KEY_NOTE}{fingerprint}",) for fingerprint in fingerprints])


def noted_keys(connection: Connection) -> frozenset[str]:
    """Return the fingerprints of the keys of which the store has hashes."""
    rows = connection.select("SELECT key FROM meta WHERE substr(key, 1, ?) = ?", (len(_KEY_NOTE), _KEY_NOTE))
    return frozenset(key.removeprefix(_KEY_NOTE) for (key,) in rows)
