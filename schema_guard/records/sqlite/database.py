# SPDX-License-Identifier: Apache-2.0
"""Records in one SQLite file, written by any number of processes, or in memory.

Rules: A batch is one transaction. Attempts are only ever appended, and `id` defines their order, not a clock. Values
reach SQL only as parameters. A connection to a file stays in the thread and the process that opened it.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from abc import abstractmethod
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, cast

from schema_guard.records.sql.session import Session
from schema_guard.records.sql.tables import LAYOUT
from schema_guard.records.sql.writing import hash_key
from schema_guard.records.sqlite.connections import Connections, has_forked
from schema_guard.records.sqlite.file import (
    ADVICE,
    Place,
    has_content,
    has_log,
    identity,
    make_file,
    refuse_folder,
    size_bytes,
    translated,
    warn_of_network,
    warnings_of,
    why_not_writable,
)
from schema_guard.records.sqlite.tables import (
    SQLiteConnection,
    check_file,
    has_tables,
    make_tables,
    transaction,
)
from schema_guard.records.sqlite.write_lock import turn
from schema_guard.records.values import Damage, StoreCheck, StoreInfo, WriteRefused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from schema_guard.records.sql.removal import Removal
    from schema_guard.records.sql.snapshot import Snapshot
    from schema_guard.records.sql.tables import Connection

LOCK_WAIT_S = 5.0
_STEPS_BETWEEN_LOOKS = 1_000  # of SQLite's virtual machine: about 20 rows
_CACHE_KIB = 10_000  # a batch of 2,000 new inputs changes 7 MB of pages
# Pages of the log that are copied to the file at once: a part of the file's pages, at most 32 MB.
_LEAST_LOGGED, _MOST_LOGGED, _PART_LOGGED = 1_000, 8_000, 8
_SECOND_LOOK_S = 0.05  # without locks, a read can see a page that another process is writing

_ALONE = "mode=ro&immutable=1"  # the file without its log

_LOG_UNREAD = "has a log file (-wal) with rows that it does not have yet, but schema_guard can't write to its folder. Copy both files into a folder that it can write to, and name the copy"


class SQLite:
    """A database file, created at the first record, or a database in memory if there is no path.

    A database in memory lives until `close()`, and a forked process starts with an empty one.

    Args:
        path: Absolute path. None for a database in memory.
        lock_wait_s: Longest wait of a write for another process.
        connect: Opens connections. Tests inject faults here.
    """

    def __init__(
        self,
        path: Path | None,
        *,
        lock_wait_s: float = LOCK_WAIT_S,
        connect: Callable[..., sqlite3.Connection] = sqlite3.connect,
    ) -> None:
        self._path = path
        self._lock_wait_s = lock_wait_s
        self._connect = connect
        self._connections = Connections()
        self._checked_file: tuple[int, int] | None = None  # the file that `_look` checked
        self._memories: dict[int, _MemorySession] = {}  # by process
        if path is None:
            self._memory()

    @property
    def url(self) -> str:
        """The URL that opens this database."""
        return "sqlite://" if self._path is None else f"sqlite:///{self._path}"

    def session(self) -> Session:
        """Open for writing. Create the file (mode 0600) and its folder (0700) if they are missing."""
        path = self._path
        if path is None:
            return self._memory()
        if self._connections.is_inherited:
            from schema_guard.records.process.relay import RelaySession  # few children need it

            return cast("Session", RelaySession(self.url))
        make_file(path)
        self._look(path)
        warn_of_network(path)
        with translated(path, otherwise="store_unavailable"), self._turn(path):
            connection = self._open(path)
            try:
                make_tables(connection, path)
                return _FileSession(connection, path, self._connections, self._turn)
            except BaseException:
                self._close(connection)
                raise

    @contextmanager
    def reading(self) -> Iterator[Snapshot]:
        """Open one state for reading. A file that does not exist yet reads as empty."""
        from schema_guard.records.sql.snapshot import Snapshot  # not needed by a process that only records

        with self._one_state() as (connection, _):
            yield Snapshot(SQLiteConnection(connection), _used_bytes)

    def check(self, on_step: Callable[[str, int, int], None]) -> StoreCheck:
        """Check all stored data for damage."""
        from schema_guard.records.sql.checking import Notes, check  # as above

        if self._path is not None and not self._path.exists():
            raise WriteRefused(f"{self._path} does not exist, so it has no records. Check the path")
        try:
            with self._one_state() as (connection, _):
                notes = Notes(on_step, (sqlite3.Error,))
                check_file(SQLiteConnection(connection), notes)
                return check(SQLiteConnection(connection), self.url, notes)
        except WriteRefused as error:
            why = error.__cause__
            code = getattr(why, "sqlite_errorcode", 0) & 0xFF
            if code != sqlite3.SQLITE_CORRUPT and not isinstance(why, UnicodeDecodeError):
                raise
            damage = Damage("file", f"cannot be opened: {why}")
            return StoreCheck(self.url, attempts=0, damage=(damage,))

    def info(self) -> StoreInfo:
        """Return the facts about the store, such as its engine and size."""
        with self._one_state() as (connection, is_made):
            ((rows,),) = connection.execute("SELECT count(*) FROM attempts")
            ((pages,),) = connection.execute("PRAGMA page_count")
            ((page_bytes,),) = connection.execute("PRAGMA page_size")
        path = self._path
        return StoreInfo(
            url=self.url,
            path=None if path is None else str(path),
            rows=rows,
            schema_version=LAYOUT if is_made else None,
            engine=f"sqlite {sqlite3.sqlite_version}",
            size_bytes=pages * page_bytes if path is None else size_bytes(path),
            refusal=None if path is None else why_not_writable(path),
            warnings=() if path is None else warnings_of(path),
        )

    def close(self) -> None:
        """Close this process's database in memory."""
        memory = self._memories.pop(os.getpid(), None)
        if memory is not None:
            with memory.lock:
                memory.connection.close()

    @contextmanager
    def _one_state(self) -> Iterator[tuple[sqlite3.Connection, bool]]:
        """Yield a connection that sees one state of the database, and whether its tables exist.

        If they don't, it is a connection to an empty database in memory.
        """
        path = self._path
        if path is None:
            memory = self._memory()
            with memory.lock:
                yield memory.connection, True
            return
        with translated(path, otherwise="store_unavailable"):
            refuse_folder(path)
            if not has_content(path):
                with closing(self._empty()) as empty:
                    yield empty, False
                return
            self._look(path)
            connection = self._open_for_reading(path)
            try:
                # The connection may write, so that closing it removes the log. `query_only` prevents other writes.
                connection.execute("PRAGMA query_only = ON")
                connection.execute("BEGIN")
                if has_tables(connection, path):
                    yield connection, True
                    return
                with closing(self._empty()) as empty:
                    yield empty, False
            finally:
                self._close(connection)

    def _look(self, path: Path) -> None:
        """Raise for a file of another program or layout, without a change in its folder.

        `immutable` creates no log beside the file, unlike other modes. An existing log is read and left there.
        """
        file = identity(path)
        if file == self._checked_file or not has_content(path):
            return
        is_writable = os.access(path.parent, os.W_OK)
        with translated(path, otherwise="store_unavailable"):
            if has_log(path) or not is_writable:
                # Reading the log would write an index file. Without its log, a file can look damaged or empty.
                with suppress(sqlite3.Error, UnicodeDecodeError):
                    self._close(self._connected(path, _ALONE))
            if not is_writable:
                return
            how = "mode=ro" if has_log(path) else _ALONE
            try:
                self._close(self._connected(path, how))
            except sqlite3.DatabaseError:
                time.sleep(_SECOND_LOOK_S)
                self._close(self._connected(path, how))
        self._checked_file = file

    def _open(self, path: Path) -> sqlite3.Connection:
        """Connect for writing to a file that exists and whose version is known."""
        if not os.access(path, os.W_OK):
            raise WriteRefused(f"{path} {ADVICE[sqlite3.SQLITE_READONLY]}")
        return self._connected(path, "mode=rw")

    def _open_for_reading(self, path: Path) -> sqlite3.Connection:
        """Connect to a file that exists, even if the file and its folder are read-only."""
        if os.access(path, os.W_OK) and os.access(path.parent, os.W_OK):
            return self._connected(path, "mode=rw")
        try:
            return self._connected(path, "mode=ro")
        except sqlite3.OperationalError as error:
            # SQLite reads a log only if it can create its index or finds one. The error is READONLY if the user may
            # not write to the folder, and CANTOPEN on a read-only file system.
            if error.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY):
                raise
            if has_log(path):
                raise WriteRefused(f"{path} {_LOG_UNREAD}") from error
            return self._connected(path, _ALONE)

    def _connected(self, path: Path, how: str) -> sqlite3.Connection:
        """Connect to a file whose version is known."""
        if self._connections.is_inherited:
            raise WriteRefused(has_forked(path), reason="forked_while_writing")
        self._connections.opened()
        connection = None
        try:
            connection = self._connect(
                f"{path.as_uri()}?{how}", uri=True, timeout=self._lock_wait_s, isolation_level=None
            )
            connection.execute("PRAGMA trusted_schema = OFF")
            connection.execute("PRAGMA foreign_keys = ON")
            has_tables(connection, path)
        except BaseException:
            self._close(connection)
            raise
        return connection

    def _close(self, connection: sqlite3.Connection | None) -> None:
        """Close a connection of `_open`, whatever state it is in."""
        if connection is not None:
            with suppress(sqlite3.Error, MemoryError):  # a connection that is let go has nothing to say
                connection.close()
        self._connections.closed()

    @contextmanager
    def _turn(self, path: Path) -> Iterator[None]:
        """Acquire the lock under which the processes that share the file write, for a block."""
        try:
            with turn(path, wait_s=self._lock_wait_s, is_hurried=self._connections.is_broken_off):
                self._connections.waits_since = None
                yield
        finally:
            if not self._connections.is_hurried:
                self._connections.waits_since = None

    def waits_since(self) -> float | None:
        """Return the time since which a write waits for another process, on the monotonic clock. None if none waits."""
        begun = self._connections.write_start
        if begun is not None and not getattr(begun[1], "in_transaction", True):
            return begun[0]
        return self._connections.waits_since

    def before_fork(self, deadline: float) -> None:
        """Wait until every connection of this process is closed, at most until *deadline*, and let none be opened."""
        self._connections.before_fork(deadline)

    def after_fork(self, *, in_child: bool) -> None:
        """Allow connections again."""
        self._connections.after_fork(in_child=in_child)

    def hurry(self) -> None:
        """Break off waits for a lock, because the process is about to fork."""
        self._connections.is_hurried = True

    def _empty(self) -> sqlite3.Connection:
        """Return an empty database in memory that any thread may use."""
        connection = self._connect(":memory:", isolation_level=None, check_same_thread=False)
        make_tables(connection, Path(":memory:"))
        return connection

    def _memory(self) -> _MemorySession:
        memory = self._memories.get(os.getpid())
        # setdefault: one step, so that two threads of a forked process agree on one database.
        return memory or self._memories.setdefault(os.getpid(), _MemorySession(self._empty()))


class _SQLiteSession(Session):
    """A connection that writes."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        super().__init__()
        self.connection = connection
        self.key = hash_key(SQLiteConnection(connection))

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Open a transaction for the block."""
        with self._alone(), transaction(self.connection):
            yield SQLiteConnection(self.connection)

    def removal(self) -> Removal:
        """Return the object that deletes."""
        from schema_guard.records.sql.removal import Removal  # rarely needed

        return Removal(self._deleting, _used_bytes, self._shred)

    @contextmanager
    def _deleting(self) -> Iterator[Connection]:
        """Open a transaction that overwrites deleted data with zeros."""
        with self._alone():
            self.connection.execute("PRAGMA secure_delete = ON")
            with transaction(self.connection):
                yield SQLiteConnection(self.connection)

    def _shred(self) -> bool:
        """Rewrite the file. Return False if a reader prevented the log from being emptied."""
        with self._alone():
            ((busy, *_),) = self.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            self.connection.execute("VACUUM")
            ((again, *_),) = self.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            return not (busy or again)

    @abstractmethod
    def _alone(self) -> AbstractContextManager[None]:
        """Return a block in which no other process writes. Errors of the database become `WriteRefused`."""


class _FileSession(_SQLiteSession):
    """The writing connection of one process."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        path: Path,
        connections: Connections,
        turn_of: Callable[[Path], AbstractContextManager[None]],
    ) -> None:
        super().__init__(connection)
        # A fork breaks off a write, which is repeated afterward.
        connection.set_progress_handler(lambda: connections.is_hurried, _STEPS_BETWEEN_LOOKS)
        _expect_many_pages(connection)
        self._path = path
        self._connections = connections
        self._turn_of = turn_of
        self._process = os.getpid()
        self._place = Place(path)

    def close(self) -> None:
        """Close the connection, whatever state it is in. A forked child leaves its parent's connection open."""
        if self._process == os.getpid():
            with suppress(sqlite3.Error, MemoryError):  # a connection that is let go has nothing to say
                self._is_moved()
                self.connection.close()
            self._connections.closed()

    def _is_moved(self) -> bool:
        """Return whether the file has lost its name. If so, write its log into it, which SQLite does not do."""
        if self._place.has_its_name():
            return False
        with suppress(sqlite3.Error):
            self.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return True

    @contextmanager
    def _alone(self) -> Iterator[None]:
        if self._process != os.getpid():
            raise WriteRefused(has_forked(self._path), reason="forked_while_writing")
        with translated(self._path, otherwise="write_failed"), self._turn_of(self._path):
            moved = WriteRefused(
                f"{self._path} was renamed or removed while schema_guard wrote to it", reason="moved"
            )
            if self._is_moved():
                raise moved
            self._connections.write_start = time.monotonic(), self.connection
            try:
                yield
            finally:
                self._connections.write_start = None
            if self._is_moved():
                raise moved


def _expect_many_pages(connection: sqlite3.Connection) -> None:
    """Let a writing connection change many pages of a large file, with less work for each page.

    Each new input changes another page. A whole batch fits in memory, so no page is written early. Pages of the log
    that changed several times are copied to the file once. A small file has a small log.
    """
    ((pages,),) = connection.execute("PRAGMA page_count").fetchall()
    limit = max(_LEAST_LOGGED, min(pages // _PART_LOGGED, _MOST_LOGGED))
    connection.execute(f"PRAGMA wal_autocheckpoint = {limit}")
    connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")


class _MemorySession(_SQLiteSession):
    """The one connection of a database in memory, shared under a lock."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        super().__init__(connection)
        self.lock = threading.RLock()

    def close(self) -> None:
        """Do nothing: the end of the connection is the end of the database."""

    @contextmanager
    def _alone(self) -> Iterator[None]:
        with translated(Path(":memory:"), otherwise="write_failed"), self.lock:
            yield


def _used_bytes(connection: Connection) -> int:
    """Return the bytes of the pages that are in use."""
    pages, free, size = (
        connection.select(f"PRAGMA {name}")[0][0] for name in ("page_count", "freelist_count", "page_size")
    )
    return int((pages - free) * size)
