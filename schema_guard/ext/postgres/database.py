# SPDX-License-Identifier: Apache-2.0
"""Records in PostgreSQL, written by any number of processes on any number of machines.

Rules: A batch is one transaction, and writes happen one after another. Values reach SQL only as parameters. If the
answer to a batch is lost, the same batch is sent again, and the server stores it once.
"""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import uuid4

from schema_guard.ext.postgres.address import parsed
from schema_guard.ext.postgres.links import Links
from schema_guard.ext.postgres.tables import PostgresConnection, has_tables, make_tables, transaction
from schema_guard.records.rows import COLUMNS
from schema_guard.records.sql.session import Session
from schema_guard.records.sql.tables import LAYOUT
from schema_guard.records.sql.writing import hash_key
from schema_guard.records.values import StoreInfo, WriteRefused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from schema_guard.ext.postgres.address import Address
    from schema_guard.records.rows import Row
    from schema_guard.records.sql.removal import Removal
    from schema_guard.records.sql.snapshot import Snapshot
    from schema_guard.records.sql.tables import Connection
    from schema_guard.records.values import LostRecords, StoreCheck

LOCK_WAIT_S = 5.0
_WRITE_S, _READ_S, _LONG_S = 15.0, 120.0, 3_600.0
_CALL_ID, _NUMBER = COLUMNS.index("call_id"), COLUMNS.index("number")
_BATCH = "batch:"
_BATCHES_KEPT_S = 7 * 86_400
_NEW_BATCH = """INSERT INTO meta VALUES (?, ?)
ON CONFLICT (key) DO UPDATE SET value = excluded.value
WHERE substr(meta.value, 1, 15) < substr(excluded.value, 1, 15)"""  # the number, without the time


def connected(url: str) -> Postgres:
    """Return the database of a URL. It is not opened yet.

    Raises:
        InvalidArgument: The URL is invalid.
        MissingExtra: The extra `postgres` is not installed.
    """
    return Postgres(parsed(url))


class Postgres:
    """A schema of a PostgreSQL database, created at the first record.

    Args:
        address: Location of the store.
        lock_wait_s: Maximum time that a write waits for another process, in seconds.
        limit_s: Maximum time for a statement that writes, and for its answer, in seconds.
        connect: Opens connections. Tests pass faults here.
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
        self._unanswered: _SentBatch | None = None

    @property
    def url(self) -> str:
        """The URL that opens this database, without its password."""
        return self._address.url

    def session(self) -> Session:
        """Open for writing, and make the tables if they are missing."""
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
        """Open for reading one state. A schema that does not exist yet is read as empty."""
        from schema_guard.records.sql.snapshot import Snapshot  # a process that only records needs none
        from schema_guard.records.sqlite.database import SQLite  # an empty database

        with self._one_state() as (connection, is_made):
            if is_made:
                yield Snapshot(PostgresConnection(connection), _used_bytes)
                return
        with SQLite(None).reading() as empty:
            yield empty

    def check(self, on_step: Callable[[str, int, int], None]) -> StoreCheck:
        """Check all records for damage. The server has checksums of its pages (`SHOW data_checksums`)."""
        from schema_guard.records.sql.checking import Notes, check  # as above

        with self._one_state() as (connection, is_made):
            if not is_made:
                raise WriteRefused(
                    f"{self.url} has no schema {self._address.schema!r}, so it has no records. Check the URL"
                )
            return check(PostgresConnection(connection), self.url, Notes(on_step))

    def info(self) -> StoreInfo:
        """Return the kind and the size of the store."""
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
        """Do nothing, because a connection belongs to a session."""

    def waits_since(self) -> float | None:
        """Return since when a write waits for the server, on the monotonic clock. None if no write waits."""
        return self.links.waits_since

    def hurry(self) -> None:
        """Break off waits for the server, because the process is about to fork."""
        self.links.is_hurried = True

    def before_fork(self, deadline: float) -> None:
        """Prevent new connections, and wait for one that is being opened, at most until *deadline*."""
        self.links.before_fork(deadline)

    def after_fork(self, *, in_child: bool) -> None:
        """Resume after a fork. A child doesn't touch its parent's connections, or the batch that its parent sent."""
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
        """Run the block in a transaction, and convert errors of the server."""
        limit_s, lock_s = self._limits
        with self.links.waiting(), transaction(connection, self._address.schema, limit_s, lock_s=lock_s):
            yield

    def sent(self, batch: _SentBatch) -> _SentBatch:
        """Note a batch before it is sent. Return the batch whose answer was lost if both have the same attempts."""
        before = self._unanswered
        if before is not None and before.attempts == batch.attempts:
            return before
        self._unanswered = batch
        return batch

    def answered(self) -> None:
        """Note that the result of the batch is known."""
        self._unanswered = None


class _SentBatch(NamedTuple):
    """A batch that was sent to the server, which recognizes it if the answer was lost.

    Attributes:
        writer: Id of one connection.
        number: Number of the batch, from 1.
        attempts: `call_id` and number of each attempt.
        lost_records: Number of lost records, by reason.
    """

    writer: str
    number: int
    attempts: tuple[tuple[Any, Any], ...]
    lost_records: Mapping[str, int]


class _Session(Session):
    """The writing connection of one process."""

    def __init__(self, database: Postgres, connection: Any) -> None:
        super().__init__()
        self._database = database
        self._connection = connection
        self._process = os.getpid()
        self._writer, self._batches = str(uuid4()), 0
        self._batch: _SentBatch | None = None
        with database.writing(connection):
            self.key = hash_key(PostgresConnection(connection))

    @contextmanager
    def _sending(self, rows: Sequence[Row], lost_records: Mapping[str, int]) -> Iterator[None]:
        """Note the batch, so that it is stored once even if it is sent again because its answer was lost."""
        self._batches += 1
        attempts = tuple((row[_CALL_ID], row[_NUMBER]) for row in rows)
        batch = _SentBatch(self._writer, self._batches, attempts, dict(lost_records))
        self._batch = self._database.sent(batch)
        try:
            yield
        except WriteRefused as error:
            if error.retry_after_s is None and error.reason != "hurried":
                self._database.answered()
            raise
        self._database.answered()

    def _unstored(
        self, connection: Connection, lost_records: list[LostRecords]
    ) -> tuple[bool, list[LostRecords]]:
        """Return whether the batch is new to the server, and the counts of lost records that are."""
        batch = self._batch
        assert batch is not None
        now = int(time.time())
        value = f"{batch.number:015d} {now}"
        is_new = connection.execute(_NEW_BATCH, (f"{_BATCH}{batch.writer}", value)) == 1
        if batch.number == 1:
            sql = "DELETE FROM meta WHERE substr(key, 1, ?) = ? AND substr(value, 17) < ?"
            connection.execute(sql, (len(_BATCH), _BATCH, str(now - _BATCHES_KEPT_S)))
        if is_new:
            return True, lost_records
        left = [
            lost._replace(attempts=lost.attempts - batch.lost_records.get(lost.reason, 0))
            for lost in lost_records
        ]
        return False, [lost for lost in left if lost.attempts > 0]

    def removal(self) -> Removal:
        """Return the object that deletes."""
        from schema_guard.records.sql.removal import Removal  # rarely needed

        return Removal(self.writing, _used_bytes, self._shred)

    def close(self) -> None:
        """Close the connection, in any state. A forked child doesn't touch its parent's connection."""
        if self._process == os.getpid():
            self._database.links.close(self._connection)

    def _shred(self) -> bool:
        """Rewrite the tables without the deleted rows. Each table may take an hour."""
        connection, limit_s = self._connection, self._connection.limit_s
        with self._database.links.translated("write_failed"):
            connection.limit_s = _LONG_S
            try:
                for table in ("attempts", "payloads", "inputs", "roll_ups"):
                    connection.execute(f"VACUUM (FULL) {self._database.schema}.{table}")
            finally:
                connection.limit_s = limit_s
        return True

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Run the block in a transaction in which no other process writes."""
        if self._process != os.getpid():
            raise WriteRefused(
                f"{self._database.url} had an open connection when this process was forked. Fork the process before the first call",
                reason="forked_while_writing",
            )
        with self._database.writing(self._connection):
            self._connection.execute("SELECT value FROM meta WHERE key = 'last_id' FOR UPDATE")
            yield PostgresConnection(self._connection)


def _used_bytes(connection: Connection) -> int:
    """Return the bytes of the attempts and their texts."""
    sql = """SELECT COALESCE(SUM(pg_column_size(a.*)), 0) + (SELECT COALESCE(SUM(pg_column_size(p.*)), 0)
        FROM payloads AS p) FROM attempts AS a"""
    return int(connection.select(sql)[0][0])
