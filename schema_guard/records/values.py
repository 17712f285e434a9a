# SPDX-License-Identifier: Apache-2.0
"""Facts that a store reports about itself, and the error of a store that does not write."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from schema_guard.errors import StoreError


class WriteRefused(StoreError):
    """A store cannot be opened, or did not accept a batch.

    Attributes:
        reason: The key under which the rows are counted: `store_unavailable locked disk_full write_failed
            forked_while_writing`. The batch is written again after `hurried` (the process forks) and `moved` (the file
            was renamed or removed).
        retry_after_s: Seconds after which the batch is written again, because a server is away. None if it is not.
    """

    def __init__(
        self, message: str, *, reason: str = "store_unavailable", retry_after_s: float | None = None
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.retry_after_s = retry_after_s


def made_before_first_release(where: str, fix: str = "Move it away") -> WriteRefused:
    """Return the error for tables that are older than the first release."""
    return WriteRefused(f"{where} was made before the first release. {fix}")


@dataclass(frozen=True, slots=True)
class StoreInfo:
    """The place, the engine, and the size of a store.

    Attributes:
        url: URL without its password.
        path: Path of the database file. None in memory and on a server.
        rows: Attempts stored.
        schema_version: Version of the tables. None before the first record.
        engine: The database and its version: `"sqlite 3.46.1"`.
        size_bytes: Size of the database and its log.
        refusal: The reason that nothing can be stored there. None if it can.
        warnings: Risks of its place, such as the file system of a network.
    """

    url: str
    path: str | None
    rows: int
    schema_version: int | None
    engine: str
    size_bytes: int
    refusal: str | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Counts:
    """The numbers of attempts that this process recorded. `offered` is the sum of stored, lost, and pending attempts.

    Attributes:
        offered: Number of attempts that `record` received.
        stored: Number of attempts that schema_guard stored.
        lost_records: Number of lost attempts by reason: `queue_full`, `store_unavailable`, `disk_full`, `locked`,
            `write_failed`, or `forked_while_writing`.
        pending: Number of attempts that schema_guard hasn't stored yet.
        redactor_errors: Number of texts that schema_guard didn't store, because their redaction failed. `stored` or
            `pending` includes the attempts of these texts.
    """

    offered: int
    stored: int
    lost_records: dict[str, int]
    pending: int
    redactor_errors: int = 0


class SchemaText(NamedTuple):
    """The text of a schema.

    Attributes:
        fingerprint: Fingerprint of the schema, without its annotations.
        name: The title, or the name of the type or the file.
        text: Compact JSON, with the keys in their order.
    """

    fingerprint: str
    name: str
    text: str


class ContentRow(NamedTuple):
    """Facts about the content of a call's last reply. Without a valid value, only the rows of a list are known.

    Attributes:
        call_id: Id of the call.
        unit: Unit of a bound on wrong values, `"value"` or `"call"`.
        pair: Hash of the input, the source, and the reply. A label counts for all calls with the same hash. None for a
            failed call.
        sought: Number of values that were searched for in the source. None if grounding is off.
        grounded: Number of these values that occur.
        kinds: JSON of both numbers by kind of value.
        list_rows: Distinct rows of the list of `Items`. None if they are not counted.
        source_rows: Rows that the list must have.
        confidence: JSON of a decision model's confidence, as `confidence_text` returns it. None for other models.
    """

    call_id: str
    unit: str
    pair: str | None = None
    sought: int | None = None
    grounded: int | None = None
    kinds: str | None = None
    list_rows: int | None = None
    source_rows: int | None = None
    confidence: str | None = None


class SecondOpinion(NamedTuple):
    """The reply of a second model to the prompt of a call, compared with the call's value.

    Attributes:
        call_id: Id of the call.
        model: The name of the second model.
        leaves: Number of compared values.
        agreed: Number of compared values that are equal.
        differing: The share of values that differ. 1 if the second model gave no valid reply.
        cost: The cost of the reply, or None if the cost is unknown.
        reply: The text of the reply.
    """

    call_id: str
    model: str | None
    leaves: int
    agreed: int
    differing: float
    cost: float | None
    reply: str | bytes | None


class PointInTime(float):
    """Seconds since the epoch, UTC, as a user typed them.

    Attributes:
        text: The text that the user typed.
        call_id: The call that the user named. As a start, it selects the calls that arrived with it or after it.
    """

    text: str = ""
    call_id: str | None = None


class LostRecords(NamedTuple):
    """Attempts that a process lost.

    Attributes:
        reason: As `WriteRefused.reason`, or `queue_full`.
        attempts: Number of attempts.
        at: Time at which this was stored, in seconds since the epoch, UTC.
    """

    reason: str
    attempts: int
    at: float


class Damage(NamedTuple):
    """A part of a store that is not as it was written.

    Attributes:
        part: Part of the store: `file tables attempts missing configurations roll_ups inputs payloads notes`. `missing`
            stands for counted attempts that are not there.
        problem: The damage, and its place.
        first_id: `id` of the first damaged attempt. None if no attempt can be named.
        last_id: `id` of the last one.
        since: Start of the earliest of their calls, in seconds since the epoch, UTC. None if it cannot be read.
        until: Start of the latest of their calls.
    """

    part: str
    problem: str
    first_id: int | None = None
    last_id: int | None = None
    since: float | None = None
    until: float | None = None


@dataclass(frozen=True, slots=True)
class StoreCheck:
    """The result of a check of a store.

    Attributes:
        url: URL without its password.
        attempts: Number of attempts that could be read.
        damage: Values that are not as they were written. Empty for a sound store.
    """

    url: str
    attempts: int
    damage: tuple[Damage, ...]

    @property
    def is_sound(self) -> bool:
        """Whether nothing is damaged."""
        return not self.damage

    @property
    def can_be_rebuilt(self) -> bool:
        """Whether counting the attempts again repairs all damage. It drops the counts of missing attempts."""
        parts = {damage.part for damage in self.damage}
        return bool(parts) and parts <= {"roll_ups", "inputs", "missing"}
