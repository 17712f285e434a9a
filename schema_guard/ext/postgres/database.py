# SPDX-License-Identifier: Apache-2.0
"""Records in PostgreSQL, written by any number of processes on any number of machines.

Rules: a batch is one transaction, and writes go one after the other; values reach SQL as parameters only. A batch
whose answer was lost is sent again as the same batch, which the server stores once.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from schema_guard.ext.postgres import writing
from schema_guard.ext.postgres.links import Links
from schema_guard.ext.postgres.tables import has_tables, hash_key, make_tables, note_keys, transaction
from schema_guard.ext.postgres.writing import SentBatch
from schema_guard.records.backend import LAYOUT, LostRecords, StoreInfo, WriteRefused
from schema_guard.records.rows import key_fingerprint

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from schema_guard.ext.postgres.address import Address
    from schema_guard.records.backend import Removal, Session, Snapshot, StoreCheck
    from schema_guard.records.counts.configurations import ConfigurationCounts
    from schema_guard.records.counts.rollups import StoredRow
    from schema_guard.records.declarations import Declared, DeclaredStep, DeclaredTarget
    from schema_guard.records.payloads.texts import Payload
    from schema_guard.records.rows import Row

LOCK_WAIT_S = 5.0
_WRITE_S, _READ_S, _LONG_S = 15.0, 120.0, 3_600.0


class Postgres:
    """A schema of a PostgreSQL database, made at the first record.

    Args:
        address: Where it is.
        lock_wait_s: How long a write waits for another process.
        limit_s: How long a statement that writes, and its answer, may take.
        connect: Opens connections; tests put faults here.
    """

    def __init__(
        self,
        address: Address,
        *,
        lock_wait_s: float = LOCK_WAIT_S,
        limit_s: float = _WRITE_S,
        connect: Callable[..., Any] | None = None,
    ) -> None:
        self._address = address
        self._limits = limit_s, lock_wait_s
        self.links = Links(address, connect)
        self._unanswered: SentBatch | None = None

    @property
    def url(self) -> str:
        """The URL that opens this database, without its password."""
        return self._address.url

    def session(self) -> Session:
        """Open for writing, and make the tables when they are missing."""
        with self.links.waiting():
            connection = self.links.open(self._limits[0])
            try:
                make_tables(connection, self._address, self._limits[0])
                return _Session(self, connection)
            except BaseException:
                self.links.close(connection)
                raise

    @contextmanager
    def reading(self) -> Iterator[Snapshot]:
        """Open for reading one state; a schema that does not exist yet reads as empty."""
        from schema_guard.ext.postgres.reading import PostgresSnapshot  # not needed by who only records
        from schema_guard.records.sqlite.database import SQLite  # which has an empty one

        with self._one_state() as (connection, is_made):
            if is_made:
                yield PostgresSnapshot(connection)
                return
        with SQLite(None).reading() as empty:
            yield empty

    def recount(self, pages: Iterable[list[StoredRow]]) -> list[ConfigurationCounts]:
        """Count attempts by the roll-ups of a database in memory."""
        from schema_guard.records.sqlite.recount import recount  # as above

        return recount(pages)

    def check(self, on_step: Callable[[str, int, int], None]) -> StoreCheck:
        """Look for damage in all that is stored."""
        from schema_guard.ext.postgres.check import check  # as above

        with self._one_state() as (connection, is_made):
            if not is_made:
                raise WriteRefused(
                    f"{self.url} has no schema {self._address.schema!r}: nothing was recorded there"
                )
            return check(connection, self.url, on_step)

    def info(self) -> StoreInfo:
        """Say what the store is and how large."""
        with self._one_state() as (connection, is_made):
            rows = 0
            if is_made:
                ((rows,),) = connection.execute("SELECT count(*) FROM attempts").fetchall()
            sql = """SELECT COALESCE(SUM(pg_total_relation_size(c.oid)), 0)::bigint FROM pg_class AS c
                JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE n.nspname = %s AND c.relkind IN ('r', 'm')"""
            ((size,),) = connection.execute(sql, (self._address.schema,)).fetchall()
            major, minor = divmod(connection.info.server_version, 10_000)
        return StoreInfo(
            url=self.url,
            path=None,
            rows=rows,
            schema_version=LAYOUT if is_made else None,
            engine=f"postgresql {major}.{minor}",
            size_bytes=size,
        )

    def close(self) -> None:
        """Do nothing: a connection belongs to a session."""

    def waits_since(self) -> float | None:
        """Say since when a write waits for the server, on the monotonic clock; None when none does."""
        return self.links.waits_since

    def hurry(self) -> None:
        """Break off waits for the server: the process is about to fork."""
        self.links.is_hurried = True

    def before_fork(self, deadline: float) -> None:
        """Let no connection be opened, and wait for one that is being opened, at most until *deadline*."""
        self.links.before_fork(deadline)

    def after_fork(self, *, in_child: bool) -> None:
        """Go on; a child leaves its parent's connections, and what its parent sent, alone."""
        if in_child:
            self._unanswered = None
        self.links.after_fork(in_child=in_child)

    @contextmanager
    def _one_state(self) -> Iterator[tuple[Any, bool]]:
        """Yield a connection that sees one state of the database, and whether its tables were made."""
        with self.links.translated("store_unavailable"):
            connection = self.links.open(_READ_S)
            try:
                with transaction(connection, self._address.schema, _READ_S):
                    yield connection, has_tables(connection, self._address)
            finally:
                self.links.close(connection)

    @property
    def schema(self) -> str:
        """The schema of its tables."""
        return self._address.schema

    @contextmanager
    def writing(self, connection: Any) -> Iterator[None]:
        """Hold a transaction for the block, and translate what the server says."""
        limit_s, lock_s = self._limits
        with self.links.waiting(), transaction(connection, self._address.schema, limit_s, lock_s=lock_s):
            yield

    def sent(self, writer: str, number: int, rows: Sequence[Row], lost: Mapping[str, int]) -> SentBatch:
        """Note a batch before it is sent: as the one whose answer was lost, where it is that."""
        batch, before = SentBatch.of(writer, number, rows, lost), self._unanswered
        if before is not None and before.attempts == batch.attempts:
            return before
        self._unanswered = batch
        return batch

    def answered(self) -> None:
        """Note that it is known what became of the batch."""
        self._unanswered = None


class _Session:
    """The writing connection of one process."""

    def __init__(self, database: Postgres, connection: Any) -> None:
        self._database = database
        self._connection = connection
        self._process = os.getpid()
        self._writer, self._batches = str(uuid4()), 0
        self._has_noted = False
        with database.writing(connection):
            self.key = hash_key(connection)

    def write(
        self,
        rows: Sequence[Row],
        lost_records: Mapping[str, int],
        at: float,
        payloads: Sequence[Payload | None] = (),
    ) -> None:
        """Store the rows of whole calls, their texts, and counts of lost records, all or nothing, once."""
        counted = [LostRecords(reason, count, at) for reason, count in lost_records.items()]
        self._batches += 1
        batch = self._database.sent(self._writer, self._batches, rows, lost_records)
        try:
            with self._writing() as connection:
                writing.append(connection, batch, rows, payloads, counted)
                if rows and not self._has_noted:
                    note_keys(connection, [key_fingerprint(self.key)])
        except WriteRefused as error:
            if error.retry_after_s is None and error.reason != "hurried":
                self._database.answered()
            raise
        self._database.answered()
        self._has_noted = self._has_noted or bool(rows)

    def add_calls(self, rows: Sequence[Row], payloads: Sequence[Payload | None] = ()) -> int:
        """Store those of whole calls that are not stored, and their texts; gives how many attempts that were."""
        with self._writing() as connection:
            return writing.add_calls(connection, rows, payloads)

    def add_lost_records(self, lost_records: Sequence[LostRecords]) -> int:
        """Add those counts of lost records that are not there; gives how many."""
        with self._writing() as connection:
            return writing.add_lost_records(connection, lost_records)

    def add_declared(self, declared: Declared) -> int:
        """Put declarations about a schema among those that are there; gives how many came."""
        with self._writing() as connection:
            return writing.add_declared(connection, declared)

    def add_keys(self, fingerprints: Iterable[str]) -> None:
        """Note that there are hashes of these keys."""
        with self._writing() as connection:
            note_keys(connection, fingerprints)

    def adopt_key(self, key: bytes) -> None:
        """Make a key that of this store, if there are no hashes yet and the environment names none."""
        with self._writing() as connection:
            self.key = writing.adopted_key(connection, key)

    def declare_step(self, schema_fingerprint: str, declared: DeclaredStep) -> None:
        """Add a declaration about a step."""
        with self._writing() as connection:
            writing.declare_step(connection, schema_fingerprint, declared)

    def set_target(self, schema_fingerprint: str, declared: DeclaredTarget) -> None:
        """Add a target rate."""
        with self._writing() as connection:
            writing.set_target(connection, schema_fingerprint, declared)

    def removal(self) -> Removal:
        """Give what takes rows, texts and counts out."""
        from schema_guard.ext.postgres.removal import PostgresRemoval  # seldom needed

        return PostgresRemoval(self._writing, self._database.schema, self._patiently)

    def close(self) -> None:
        """Close the connection, whatever state it is in; a forked child leaves its parent's alone."""
        if self._process == os.getpid():
            self._database.links.close(self._connection)

    @contextmanager
    def _patiently(self) -> Iterator[Any]:
        """Give the connection for statements that are no transaction's, and may take an hour."""
        limit_s = self._connection.limit_s
        with self._database.links.translated("write_failed"):
            self._connection.limit_s = _LONG_S
            try:
                yield self._connection
            finally:
                self._connection.limit_s = limit_s

    @contextmanager
    def _writing(self) -> Iterator[Any]:
        if self._process != os.getpid():
            raise WriteRefused(
                f"{self._database.url} had an open connection when this process was forked from its parent",
                reason="forked_while_writing",
            )
        with self._database.writing(self._connection):
            yield self._connection
