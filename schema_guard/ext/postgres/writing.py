# SPDX-License-Identifier: Apache-2.0
"""What is written to a PostgreSQL store: each function is one transaction's work, and locks the store first."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

from schema_guard.ext.postgres import rollups
from schema_guard.ext.postgres.removal import closed_hours
from schema_guard.ext.postgres.tables import ATTEMPT_COLUMNS, hash_key, noted_keys, type_of
from schema_guard.records.backend import LostRecords, WriteRefused
from schema_guard.records.counts.rollups import additions, configuration_of, new_calls
from schema_guard.records.declarations import Declared, DeclaredStep, DeclaredTarget, joined
from schema_guard.records.rows import COLUMNS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from schema_guard.records.counts.rollups import Addition
    from schema_guard.records.payloads.texts import Payload
    from schema_guard.records.rows import Row

_CALL_ID, _NUMBER = COLUMNS.index("call_id"), COLUMNS.index("number")
_OF_ATTEMPT = tuple(COLUMNS.index(name) for name in ATTEMPT_COLUMNS)

_NAMED = ", ".join(ATTEMPT_COLUMNS)
_INSERT = f"""
INSERT INTO attempts (id, configuration_id, {_NAMED})
SELECT %s + place, configuration_id, {_NAMED}
FROM unnest(%s::bigint[], {", ".join(f"%s::{type_of(name)}[]" for name in ATTEMPT_COLUMNS)})
    WITH ORDINALITY AS new (configuration_id, {_NAMED}, place)
ON CONFLICT DO NOTHING
"""
_LOCK = "SELECT last_id FROM place FOR UPDATE"
_NEW_BATCH = """
INSERT INTO batches AS b SELECT * FROM unnest(%s::uuid[], %s::bigint[]), now()
ON CONFLICT (writer) DO UPDATE SET number = excluded.number, at = excluded.at WHERE b.number < excluded.number
"""
_OLD_BATCHES = "DELETE FROM batches WHERE at < now() - interval '7 days'"
_INSERT_LOST = "INSERT INTO lost_records (reason, count, at) SELECT * FROM unnest(%s::text[], %s::bigint[], %s::float8[])"
_INSERT_TEXTS = (
    "INSERT INTO payloads SELECT * FROM unnest(%s::bigint[], %s::bytea[], %s::bytea[], %s::text[])"
)
_INSERT_STEPS = """
INSERT INTO declared_steps (schema_fingerprint, step, status, reason, at, function)
SELECT %s, * FROM unnest(%s::text[], %s::text[], %s::text[], %s::float8[], %s::text[])
"""
_INSERT_TARGETS = """
INSERT INTO declared_targets (schema_fingerprint, at, target, function)
SELECT %s, * FROM unnest(%s::float8[], %s::float8[], %s::text[])
"""
_STEPS = (
    "SELECT step, status, reason, at, function FROM declared_steps WHERE schema_fingerprint = %s ORDER BY id"
)
_TARGETS = "SELECT at, target, function FROM declared_targets WHERE schema_fingerprint = %s ORDER BY id"


class SentBatch(NamedTuple):
    """What was sent to the server, by which it is known again when the answer was lost.

    Attributes:
        writer: Of one connection.
        number: Of the batch, from 1.
        attempts: `call_id` and number of each.
        lost_records: By reason.
    """

    writer: str
    number: int
    attempts: tuple[tuple[Any, Any], ...]
    lost_records: Mapping[str, int]

    @classmethod
    def of(cls, writer: str, number: int, rows: Sequence[Row], lost_records: Mapping[str, int]) -> SentBatch:
        """Give what these rows and lost records are known by."""
        return cls(writer, number, tuple((row[_CALL_ID], row[_NUMBER]) for row in rows), dict(lost_records))


def append(
    connection: Any,
    batch: SentBatch,
    rows: Sequence[Row],
    payloads: Sequence[Payload | None],
    lost_records: Sequence[LostRecords],
) -> None:
    """Store the attempts of whole calls, their texts, and counts of lost records.

    Of a batch that is stored already only the lost records that it had not.
    """
    ready = _Ready.of(rows)
    last = _lock(connection)
    is_new = connection.execute(_NEW_BATCH, ([batch.writer], [batch.number])).rowcount == 1
    if is_new and rows:
        _append(connection, last, ready)
        _insert_texts(connection, last + 1, payloads)
    stored = {} if is_new else batch.lost_records
    new = [lost._replace(attempts=lost.attempts - stored.get(lost.reason, 0)) for lost in lost_records]
    _insert_lost_records(connection, [lost for lost in new if lost.attempts > 0])
    if batch.number == 1:
        connection.execute(_OLD_BATCHES)


def _lock(connection: Any) -> int:
    """Wait until nobody else writes; gives the `id` of the attempt that was stored last."""
    ((last,),) = connection.execute(_LOCK).fetchall()
    return int(last)


class _Ready(NamedTuple):
    """What is worked out of attempts before anybody has to wait for it.

    Attributes:
        rows: Of whole calls.
        values: Of each column of a row its values, as the text of an array.
        additions: What they add to the roll-ups, as if the first one had the `id` 1.
    """

    rows: Sequence[Row]
    values: list[str]
    additions: dict[Row, Addition]

    @classmethod
    def of(cls, rows: Sequence[Row]) -> _Ready:
        """Work it out."""
        values = [rollups.array([row[place] for row in rows]) for place in _OF_ATTEMPT]
        return cls(rows, values, additions(list(enumerate(rows, start=1))))


def _append(connection: Any, last: int, ready: _Ready) -> None:
    rows = ready.rows
    ids = rollups.configuration_ids(connection, enumerate(rows))
    numbers = rollups.array([ids[configuration_of(row)] for row in rows])
    done = connection.execute(_INSERT, (last, numbers, *ready.values)).rowcount
    if done != len(rows):
        raise WriteRefused(
            f"the store has attempts after the {last} that it knows of: it was changed by another program",
            reason="write_failed",
        )
    for addition in ready.additions.values():
        addition.starts = [last + start for start in addition.starts]
    rollups.add(connection, ready.additions, ids)
    connection.execute("UPDATE place SET last_id = %s", (last + len(rows),))


def add_calls(connection: Any, rows: Sequence[Row], payloads: Sequence[Payload | None]) -> int:
    """Store those of whole calls that are not stored, and their texts; gives how many attempts that were."""
    last = _lock(connection)
    call_ids = sorted({str(row[_CALL_ID]) for row in rows})
    sql = "SELECT DISTINCT call_id FROM attempts WHERE call_id = ANY(%s)"
    known = {call_id for (call_id,) in connection.execute(sql, (call_ids,)).fetchall()}
    new = new_calls(rows, known, closed_hours(connection))
    if new:
        _append(connection, last, _Ready.of([rows[place] for place in new]))
        _insert_texts(connection, last + 1, [payloads[place] for place in new] if payloads else [])
    return len(new)


def adopted_key(connection: Any, key: bytes) -> bytes:
    """Make a key that of a store without hashes; gives the one that holds then, which the environment may name."""
    if not _lock(connection) and not noted_keys(connection):
        connection.execute("UPDATE meta SET value = %s WHERE key = 'hash_key'", (key.hex(),))
    return hash_key(connection)


def add_lost_records(connection: Any, lost_records: Sequence[LostRecords]) -> int:
    """Add those counts that are not there, each as often as it comes; gives how many."""
    _lock(connection)
    new = list((Counter(lost_records) - Counter(every_lost_record(connection))).elements())
    _insert_lost_records(connection, new)
    return len(new)


def _insert_lost_records(connection: Any, lost_records: Sequence[LostRecords]) -> None:
    if lost_records:
        connection.execute(_INSERT_LOST, rollups.columns(lost_records, 3))


def _insert_texts(connection: Any, first_id: int, payloads: Sequence[Payload | None]) -> None:
    """Store the texts of attempts whose `id`s follow one another."""
    lines = [(number, *texts) for number, texts in enumerate(payloads, start=first_id) if texts is not None]
    if lines:
        connection.execute(_INSERT_TEXTS, rollups.columns(lines, 4))


def every_lost_record(connection: Any) -> list[LostRecords]:
    """Give each count of lost records that was stored, in the order of storing."""
    sql = "SELECT reason, count, at FROM lost_records ORDER BY id"
    return [LostRecords(*row) for row in connection.execute(sql).fetchall()]


def add_declared(connection: Any, declared: Declared) -> int:
    """Put declarations about a schema among those that are there; gives how many came."""
    _lock(connection)
    which = declared.schema_fingerprint
    steps, targets = steps_of(connection, which), targets_of(connection, which)
    all_steps, all_targets = joined(steps, declared.steps), joined(targets, declared.targets)
    # Their order is that of `id`: what comes between two others is stored with all that follow.
    if len(all_steps) > len(steps):
        connection.execute("DELETE FROM declared_steps WHERE schema_fingerprint = %s", (which,))
        _insert_steps(connection, which, all_steps)
    if len(all_targets) > len(targets):
        connection.execute("DELETE FROM declared_targets WHERE schema_fingerprint = %s", (which,))
        _insert_targets(connection, which, all_targets)
    return len(all_steps) - len(steps) + len(all_targets) - len(targets)


def steps_of(connection: Any, schema_fingerprint: str) -> list[DeclaredStep]:
    """Give all declarations about steps, in the order of storing."""
    return [DeclaredStep(*row) for row in connection.execute(_STEPS, (schema_fingerprint,)).fetchall()]


def targets_of(connection: Any, schema_fingerprint: str) -> list[DeclaredTarget]:
    """Give every target that was set, in the order of storing."""
    return [DeclaredTarget(*row) for row in connection.execute(_TARGETS, (schema_fingerprint,)).fetchall()]


def declare_step(connection: Any, schema_fingerprint: str, declared: DeclaredStep) -> None:
    """Add a declaration about a step."""
    _lock(connection)
    _insert_steps(connection, schema_fingerprint, [declared])


def set_target(connection: Any, schema_fingerprint: str, declared: DeclaredTarget) -> None:
    """Add a target rate."""
    _lock(connection)
    _insert_targets(connection, schema_fingerprint, [declared])


def _insert_steps(connection: Any, which: str, declared: Sequence[DeclaredStep]) -> None:
    connection.execute(_INSERT_STEPS, (which, *rollups.columns(declared, 5)))


def _insert_targets(connection: Any, which: str, declared: Sequence[DeclaredTarget]) -> None:
    connection.execute(_INSERT_TARGETS, (which, *rollups.columns(declared, 3)))
