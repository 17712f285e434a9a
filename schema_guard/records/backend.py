# SPDX-License-Identifier: Apache-2.0
"""What the writer and the store need of a database, whichever it is.

Rules: this is said in the words of records, so that a database of any kind can keep it. Another kind is a
package in `ext/` that `urls.connect` knows by its scheme, and a line in `tests/records/conftest.py`,
where every store keeps the same contract.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, NoReturn, Protocol

from schema_guard.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from contextlib import AbstractContextManager

    from schema_guard.records.attempts import Where
    from schema_guard.records.counts.configurations import ConfigurationCounts, HourCounts
    from schema_guard.records.counts.rollups import StoredRow
    from schema_guard.records.declarations import Declared, DeclaredStep, DeclaredTarget
    from schema_guard.records.payloads.retention import Forgotten, Retention
    from schema_guard.records.payloads.texts import Payload, Texts
    from schema_guard.records.rows import Row


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


LAYOUT = 6
"""The version of a store's tables, in SQLite and in PostgreSQL."""


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
        part: Of the store: `file tables attempts payloads configurations models references roll_ups inputs hours
            lost_records declarations`.
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
        with_checksum: How many of them are as they were written, by their checksums.
        damage: What is not as it was written; empty for a sound store.
    """

    url: str
    attempts: int
    with_checksum: int
    damage: tuple[Damage, ...]

    @property
    def is_sound(self) -> bool:
        """Whether nothing is damaged."""
        return not self.damage


class UnusableBackend:
    """What a URL names that names no database: it refuses all that it is asked, and says why.

    Attributes:
        url: As it was given, without its password.
    """

    def __init__(self, url: str, why: str) -> None:
        self.url = url
        self._why = why

    def _refuse(self, *_: object) -> NoReturn:
        raise WriteRefused(self._why)

    session = reading = recount = info = check = _refuse

    def close(self) -> None:
        """Let go of nothing."""

    def waits_since(self) -> float | None:
        """Wait for nobody."""

    def hurry(self) -> None:
        """Hurry nothing."""

    def before_fork(self, deadline: float) -> None:
        """Wait for nothing."""

    def after_fork(self, *, in_child: bool) -> None:
        """Go on."""


class Session(Protocol):
    """An open database, for writing; used by one thread.

    Attributes:
        key: Of the keyed hashes.
    """

    key: bytes

    def write(
        self,
        rows: Sequence[Row],
        lost_records: Mapping[str, int],
        at: float,
        payloads: Sequence[Payload | None] = (),
    ) -> None:
        """Store the rows of whole calls and counts of lost records, all or nothing; `WriteRefused` if nothing.

        Args:
            rows: Of whole calls.
            lost_records: Lost records, by reason.
            at: Now, in seconds since the epoch, UTC.
            payloads: The texts of each row, in their order, None for a row without; empty when none has any.
        """

    def declare_step(self, schema_fingerprint: str, declared: DeclaredStep) -> None:
        """Add a declaration; `WriteRefused`."""

    def set_target(self, schema_fingerprint: str, declared: DeclaredTarget) -> None:
        """Add a target rate; `WriteRefused`."""

    def add_calls(self, rows: Sequence[Row], payloads: Sequence[Payload | None] = ()) -> int:
        """Store those of these whole calls that are not stored, known by `call_id`, all or nothing; `WriteRefused`.

        Whether a call is stored is asked in the transaction that stores it, and of a call that comes twice the
        first one is taken. They are counted as `write` counts them. A call of a configuration's hour of which rows
        have gone is not stored: it may be one of those that were counted there.

        Args:
            rows: Of the calls.
            payloads: As in `write`.

        Returns:
            How many attempts were stored.
        """

    def add_lost_records(self, lost_records: Sequence[LostRecords]) -> int:
        """Add those counts that are not there, each as often as it comes; gives how many; `WriteRefused`."""

    def add_declared(self, declared: Declared) -> int:
        """Put the declarations about a schema that are not there among those that are, as `declarations.joined` does.

        Returns:
            How many were added.
        """

    def add_keys(self, fingerprints: Iterable[str]) -> None:
        """Note that there are hashes of these keys, which `Snapshot.keys` gives; `write` notes its own."""

    def adopt_key(self, key: bytes) -> None:
        """Make a key that of this store, if there are no hashes yet and the environment names none; `WriteRefused`.

        A store that is moved, from a file to a server, so goes on to know the inputs that it knew.
        """

    def removal(self) -> Removal:
        """Give what takes rows, texts and counts out of this database."""

    def close(self) -> None:
        """Let the database go; never raises."""


class Removal(Protocol):
    """What takes rows, texts and counts out of a database, with a session's connection; each step is all or nothing.

    Rows go with their texts, whole calls at a time; what they were counted into stays, and the hours in which they
    began are closed: no recount makes less of them, and no check holds them against the rows that are left.
    """

    def prune(self, retention: Retention, now: float, rows: int) -> int:
        """Take out some attempts that are not to be kept; `WriteRefused`.

        Args:
            retention: What is to be kept.
            now: In seconds since the epoch, UTC.
            rows: About how many go at most.

        Returns:
            How many went; less than *rows* when that was all.
        """

    def forget(self, what: Forgotten, rows: int) -> int:
        """Take out about so many attempts of these; gives how many, 0 when that was all; `WriteRefused`.

        With the last ones an input, or a cluster, loses the key by which its counts are known.
        """

    def forget_counts(self, what: Forgotten) -> int:
        """Take out all counts of a function, or a segment, that has no rows; gives of how many configurations."""

    def shred(self) -> bool:
        """Leave nothing of what was taken out in the files; gives False where a reader kept that from being done."""


class Snapshot(Protocol):
    """One state of a database, for reading; used by one thread. Everything is in the order of storing."""

    def count_of(self, what: Forgotten) -> int:
        """Return the number of rows that `Removal.forget` would delete."""

    def is_counted(self, what: Forgotten) -> bool:
        """Return whether the counts still know an input or a cluster."""

    def excess(self, retention: Retention, now: float) -> int:
        """Return about how many rows `Removal.prune` would delete. *now*: seconds since the epoch, UTC."""

    def clusters(self) -> list[str]:
        """Return the clusters of the stored rows."""

    def span(self, where: Where) -> tuple[int, int]:
        """Give the least and the greatest `id` of attempts in these times, or a wider span; (0, 0) for none."""

    def page(self, where: Where, *, first: int, last: int) -> list[StoredRow]:
        """Give the next attempts with an `id` from *first* to *last*; none when that was all."""

    def texts(self, call_ids: Sequence[str]) -> list[Texts]:
        """Give what is kept of the prompts and replies of these calls; none of attempts without texts."""

    def rows_since(self) -> float | None:
        """Give when the earliest call began that has rows, where rows were taken out; None where none were, or all."""

    def lost_records(self, *, since: float | None) -> dict[str, int]:
        """Return the number of lost records since then, by reason."""

    def roll_ups(self, where: Where) -> list[ConfigurationCounts]:
        """Return the roll-ups of the configurations of one schema and function, or of all, over all times."""

    def window(self, where: Where) -> list[ConfigurationCounts] | None:
        """Give the counts of the calls in these times, equal to a count of the attempts.

        None where what is kept by the hour does not say that: then the attempts are counted.
        """

    def hours(self, where: Where) -> list[HourCounts]:
        """Give the counts by hour of the configurations in question, of all hours that these times touch."""

    def functions(self, schema_fingerprint: str) -> list[str]:
        """Give the functions that have calls with a schema, by name."""

    def names(self) -> list[Row]:
        """Return the values of `CONFIGURATION_COLUMNS` of all configurations."""

    def configuration_ids(self) -> dict[Row, int]:
        """Return the `id` of each configuration, by the values of `CONFIGURATION_COLUMNS`."""

    def chunks(self, configuration_id: int) -> list[tuple[int, int]]:
        """Give all judged calls of a configuration in chunks: how many, and the `id` of the first one's first attempt."""

    def frequent_inputs(self, configuration_id: int, least: int) -> list[tuple[bytes, int, int]]:
        """Give the inputs that a configuration was called with so often or more: key, calls, failed ones."""

    def pairs(self, before_id: int, after_id: int) -> tuple[int, int, int]:
        """Give the inputs that were called once in each of two configurations.

        Returns:
            All of them; those failed only in the first; those failed only in the second.
        """

    def keys(self) -> frozenset[str]:
        """Return `rows.key_fingerprint` of each key that made a stored hash."""

    def key(self) -> bytes | None:
        """Give the key with which a session would hash; None where nothing was stored."""

    def every_lost_record(self) -> list[LostRecords]:
        """Give each count of lost records that was stored."""

    def every_declaration(self) -> list[Declared]:
        """Give all that was ever declared, by schema."""

    def declared_steps(self, schema_fingerprint: str) -> list[DeclaredStep]:
        """Give all declarations about steps: of each step and function the one that was stored last."""

    def declared_targets(self, schema_fingerprint: str) -> list[DeclaredTarget]:
        """Give every target that was set."""


class Backend(Protocol):
    """A database that may not be open yet."""

    @property
    def url(self) -> str:
        """Where it is, without its password."""

    def session(self) -> Session:
        """Open for writing and make what is missing; `WriteRefused` if that cannot be."""

    def reading(self) -> AbstractContextManager[Snapshot]:
        """Open for reading one state of the database; empty when nothing was stored; `StoreError`."""

    def recount(self, pages: Iterable[list[StoredRow]]) -> list[ConfigurationCounts]:
        """Give what the roll-ups of these attempts alone would be; the `id`s are of no store."""

    def info(self) -> StoreInfo:
        """Say what the store is; `StoreError` if it cannot be read."""

    def check(self, on_step: Callable[[str, int, int], None]) -> StoreCheck:
        """Look for damage in all that is stored, in one state of the database; changes nothing.

        Args:
            on_step: Is told what is looked at, how many attempts of it are done, and how many there are.

        Raises:
            StoreError: It cannot be read, is not this library's, or has another layout.
        """

    def close(self) -> None:
        """Let go of what outlives a session."""

    def waits_since(self) -> float | None:
        """Say since when a write waits for another process, on the monotonic clock; None when none does."""

    def hurry(self) -> None:
        """Break off waits for others, until `after_fork`: a write that waited is refused as `hurried`."""

    def before_fork(self, deadline: float) -> None:
        """Wait until no other thread has a connection open, at most until *deadline* (monotonic clock), and let none be opened.

        Calls no code of a user's and logs nothing.
        """

    def after_fork(self, *, in_child: bool) -> None:
        """Go on; a child in which a connection of its parent's is open refuses every use as `forked_while_writing`."""
