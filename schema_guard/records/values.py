# SPDX-License-Identifier: Apache-2.0
"""Facts that a store reports about itself, and the error of a store that does not write."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from schema_guard.errors import StoreError


class WriteRefused(StoreError):
    """A store cannot be opened, or did not take a batch.

    Attributes:
        reason: What the rows are counted under: `store_unavailable locked disk_full write_failed
            forked_while_writing`; `hurried` or `moved` when the batch is to be written once more: a wait was broken off because the
            process forks, or the file was renamed or removed.
        retry_after_s: Of a server that is away: the batch waits, and is written again after so many seconds. None: it
            does not.
    """

    def __init__(
        self, message: str, *, reason: str = "store_unavailable", retry_after_s: float | None = None
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.retry_after_s = retry_after_s


def made_before_first_release(where: str, fix: str = "move it away") -> WriteRefused:
    """Return the error for tables that are older than the first release."""
    return WriteRefused(f"{where} was made before the first release: {fix}")


@dataclass(frozen=True, slots=True)
class StoreInfo:
    """What a store is and how large.

    Attributes:
        url: Without its password.
        path: Of the database file; None in memory and on a server.
        rows: Attempts stored.
        schema_version: Of the tables; None before the first record.
        engine: The database and its version: `"sqlite 3.46.1"`.
        size_bytes: Of the database and its log.
        refusal: Why nothing can be stored there; None when it can.
        warnings: What is to be known of where it lies.
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
    """What became of this process's attempts; offered = stored + lost + pending.

    Attributes:
        offered: Attempts handed to `record`.
        stored: Attempts committed.
        lost_records: Attempts that were not stored, by reason: `queue_full store_unavailable disk_full
            locked write_failed forked_while_writing`.
        pending: Attempts that wait to be written.
        redactor_errors: Texts of stored or pending attempts of which nothing is kept, because the redaction failed.
    """

    offered: int
    stored: int
    lost_records: dict[str, int]
    pending: int
    redactor_errors: int = 0


class SchemaText(NamedTuple):
    """The text of a schema.

    Attributes:
        fingerprint: Of the schema, without its annotations.
        name: The title, or the name of the type or the file.
        text: Compact JSON.
    """

    fingerprint: str
    name: str
    text: str


class LostRecords(NamedTuple):
    """Attempts that a process lost.

    Attributes:
        reason: As `WriteRefused.reason`, or `queue_full`.
        attempts: How many.
        at: When this was stored, in seconds since the epoch, UTC.
    """

    reason: str
    attempts: int
    at: float


class Damage(NamedTuple):
    """Something in a store that is not as it was written.

    Attributes:
        part: Of the store: `file tables attempts configurations roll_ups inputs payloads notes`.
        problem: What is wrong, and where.
        first_id: Of the attempts in question the first one; None where no attempts are.
        last_id: The last one.
        since: When the calls in question began, in seconds since the epoch, UTC, as far as it can still be read.
        until: When the last of them began.
    """

    part: str
    problem: str
    first_id: int | None = None
    last_id: int | None = None
    since: float | None = None
    until: float | None = None


@dataclass(frozen=True, slots=True)
class StoreCheck:
    """What a check of a store has found.

    Attributes:
        url: Without its password.
        attempts: How many could be read.
        damage: What is not as it was written; empty for a sound store.
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
        """Whether counting the attempts again repairs all damage."""
        return bool(self.damage) and {damage.part for damage in self.damage} <= {"roll_ups", "inputs"}
