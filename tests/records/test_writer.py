import asyncio
import logging
import sqlite3
import time
from contextlib import nullcontext, suppress
from threading import Thread
from types import SimpleNamespace

import pytest

from schema_guard.errors import StoreError
from schema_guard.records import Counts, Store
from schema_guard.records.rows import rows
from schema_guard.records.sql.tables import packed
from schema_guard.records.sqlite.database import SQLite
from schema_guard.records.sqlite.write_lock import turn
from schema_guard.records.writing import writer


@pytest.fixture
def path(tmp_path):
    return tmp_path / "records.db"


class Fault:
    """Connections on which some of all statements raise instead of being executed."""

    def __init__(self, *failing, error="injected"):
        self.failing = set(failing)
        self.statements = 0
        self._error = error

    def connect(self, *arguments, **options):
        return Faulty(sqlite3.connect(*arguments, **options), self)

    def count(self):
        self.statements += 1
        if self.statements in self.failing:
            raise sqlite3.OperationalError(self._error)


class Faulty:
    def __init__(self, connection, fault):
        self._connection = connection
        self._fault = fault

    def execute(self, *arguments):
        self._fault.count()
        return self._connection.execute(*arguments)

    def executemany(self, *arguments):
        self._fault.count()
        return self._connection.executemany(*arguments)

    def close(self):
        self._connection.close()

    def __getattr__(self, name):
        return getattr(self._connection, name)


def roll_ups_equal_rows(path):
    """Whether the roll-ups are those of the attempts that the file holds."""
    with Store(SQLite(path)) as store:
        configurations = store.configurations()
        return (
            configurations == store.configurations(since=0.0)
            and _rows_in(configurations) == store.info().rows
        )


def _rows_in(configurations):
    return sum(sums.attempts for counts in configurations for sums in counts.sums)


def balanced(counts):
    return counts.offered == counts.stored + sum(counts.lost_records.values()) + counts.pending


def record_some(store, make):
    """Record outcomes of 1 and 3 attempts; gives the counts after each."""
    seen = []
    for attempts in (1, 3):
        store.record(make.outcome(*[make.failed] * (attempts - 1), {}))
        seen.append(store.counts())
        store.flush(10.0)
        seen.append(store.counts())
    return seen


def statements_of_a_clean_run(path, make):
    fault = Fault()
    with Store(SQLite(path, connect=fault.connect)) as store:
        record_some(store, make)
    return fault.statements


@pytest.mark.parametrize("width", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_no_single_fault_breaks_the_account(tmp_path, make, count_rows, width):
    """Whichever statement fails, offered = stored + lost + pending, and stored is what the file holds."""
    statements = statements_of_a_clean_run(tmp_path / "clean.db", make)
    assert statements > 15
    for first in range(1, statements + 1):
        path = tmp_path / f"{first}.db"
        fault = Fault(*range(first, first + width))
        with Store(SQLite(path, connect=fault.connect)) as store:
            seen = record_some(store, make)
            store.record(make.outcome())
            store.flush(10.0)
            seen.append(store.counts())

        last = seen[-1]
        assert all(balanced(counts) for counts in seen)
        assert (last.offered, last.pending) == (5, 0)
        assert last.stored == count_rows(path)
        assert last.stored >= 1, "the store recovers"
        assert roll_ups_equal_rows(path)


def test_an_outcome_that_the_database_refuses_loses_only_itself(path, make):
    """When a batch is refused, its halves are tried, and their halves."""

    class Refusing(Faulty):
        def executemany(self, sql, rows):
            if any(packed("refused") in row for row in rows):
                raise sqlite3.IntegrityError("constraint failed")
            return super().executemany(sql, rows)

    def connect(*arguments, **options):
        return Refusing(sqlite3.connect(*arguments, **options), Fault())

    with Store(SQLite(path, connect=connect)) as store:
        for call_id in ("1", "refused", "3"):
            store.record(make.outcome(id=call_id))

        assert [row["call_id"] for row in store.attempts()] == ["1", "3"]
        assert store.counts() == Counts(3, 2, {"write_failed": 1}, 0)


def test_one_refused_outcome_costs_few_writes(path, make):
    """The outcome that a database refuses is found by halving the batch."""
    writes = []

    class Refusing(Faulty):
        def executemany(self, sql, rows):
            rows = list(rows)
            if "INTO attempts" in sql:
                writes.append(len(rows))
            if any(packed("refused") in row for row in rows):
                raise sqlite3.IntegrityError("constraint failed")
            return super().executemany(sql, rows)

    def connect(*arguments, **options):
        return Refusing(sqlite3.connect(*arguments, **options), Fault())

    with Store(SQLite(path, connect=connect)) as store:
        store.record(make.outcome(id="first"))
        store.flush(10.0)
        with turn(path, wait_s=1.0):  # so that the rest is one batch
            for number in range(256):
                store.record(make.outcome(id="refused" if number == 100 else str(number)))
        store.flush(10.0)

        assert store.counts() == Counts(257, 256, {"write_failed": 1}, 0)
    assert len(writes) < 40


def test_the_first_record_is_waited_for(path, make):
    """A process of one call has its row although another process holds the store for half a second."""
    store = Store(SQLite(path))
    store.lost_records()
    with turn(path, wait_s=1.0):
        holder = Thread(target=store.record, args=(make.outcome(),))
        holder.start()
        time.sleep(0.5)
        assert store.counts().stored == 0
    holder.join()

    assert store.counts().stored == 1
    store.close()


def test_a_first_record_that_is_not_written_in_time_is_reported(path, make, caplog):
    """The call continues after a second, and a warning names the store."""
    store = Store(SQLite(path))
    with turn(path, wait_s=1.0), caplog.at_level(logging.WARNING, "schema_guard"):
        begun = time.monotonic()
        store.record(make.outcome())
        lasted = time.monotonic() - begun

    assert 0.9 < lasted < 2.0
    assert "the first record of this process is not stored after 1 s" in caplog.text
    store.close()


@pytest.mark.costly
def test_a_fault_among_many_calls_leaves_no_half_of_a_batch(tmp_path, make):
    """Whichever statement of a batch of many inputs and configurations fails, the roll-ups are those of the rows."""
    outcomes = [
        make.outcome(make.failed, {}, input_hash=f"i{number % 5}", segment=f"s{number % 2}")
        for number in range(12)
    ]

    def record_all(path, *failing):
        fault = Fault(*failing)
        backend = SQLite(path, connect=fault.connect)
        session = backend.session()
        opened = fault.statements
        made = [row for outcome in outcomes for row in rows(outcome, None, session.key)]
        with suppress(StoreError):
            session.write(made, {"queue_full": 1}, 0.0)
        session.close()
        return opened, fault.statements

    opened, statements = record_all(tmp_path / "clean.db")
    assert statements - opened > 15
    for failing in range(opened + 1, statements + 1):
        path = tmp_path / f"{failing}.db"
        record_all(path, failing)

        with Store(SQLite(path)) as store:
            assert (store.configurations(), store.info().rows, store.lost_records()) == ([], 0, {})
        record_all(path)
        assert roll_ups_equal_rows(path)


def test_lost_records_are_kept_in_the_store(path, make):
    """The count of what was lost is stored with the next batch that is."""
    fault = Fault()
    with Store(SQLite(path, connect=fault.connect)) as store:
        store.record(make.outcome())
        store.flush()
        fault.failing = {fault.statements + 2}
        store.record(make.outcome(make.failed, {}))
        store.flush()

        assert store.counts() == Counts(3, 1, {"write_failed": 2}, 0)
        assert store.lost_records() == {"write_failed": 2}
        assert store.lost_records(since=time.time() + 60) == {}


@pytest.fixture
def locked(path):
    """A lock on the database that another connection holds; calling it lets the lock go."""
    with Store(SQLite(path)) as store:
        store.info()
        SQLite(path).session().close()
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    yield connection.close
    connection.close()


def test_a_strict_store_that_is_closed_says_that_nothing_is_stored(path, make):
    """What is lost before it waits is not stored either."""
    store = Store(SQLite(path), durability="sync", strict_store=True)
    store.record(make.outcome())
    store.close()

    with pytest.raises(
        StoreError,
        match=r"0 attempts are pending, and the following attempts were lost: {'store_unavailable': 1}",
    ):
        store.record(make.outcome())


@pytest.mark.parametrize("is_lost", [True, False])
def test_a_strict_store_says_what_was_lost_before_it_was_waited_for(path, make, is_lost):
    """On an event loop nothing waits where it is recorded, so that it may be lost by then; what came before is told once."""

    def lost():
        raise RuntimeError

    def outcome():
        return make.outcome()

    async def record(made):
        store.record_deferred(SimpleNamespace(task="t", chars=1, outcome=made))
        store.flush(10.0)
        await asyncio.to_thread(store.settle)

    with Store(SQLite(path), durability="sync", strict_store=True) as store:
        with pytest.raises(StoreError):
            asyncio.run(record(lost))
        with pytest.raises(StoreError) if is_lost else nullcontext():
            asyncio.run(record(lost if is_lost else outcome))


def test_a_locked_database_lost_records_and_recovers(path, make, locked):
    """A lock that outlasts the wait costs the batch, counted; later batches are stored."""
    with Store(SQLite(path, lock_wait_s=0.05)) as store:
        store.record(make.outcome())
        store.flush()
        during = store.counts()
        locked()
        store.record(make.outcome())
        store.flush()

        assert during == Counts(1, 0, {"locked": 1}, 0)
        assert store.counts() == Counts(2, 1, {"locked": 1}, 0)
        assert store.lost_records() == {"locked": 1}


def test_a_lock_taken_later_is_a_lock_too(path, make):
    """A lock that comes after the store was opened is counted under the same reason."""
    with Store(SQLite(path, lock_wait_s=0.05)) as store:
        store.record(make.outcome())
        store.flush()
        connection = sqlite3.connect(path, isolation_level=None)
        connection.execute("BEGIN IMMEDIATE")
        store.record(make.outcome())
        store.flush()
        connection.close()

        assert store.counts() == Counts(2, 1, {"locked": 1}, 0)


def test_writers_of_one_file_take_turns(path, make):
    """A process that does not get its turn to write in time drops under the same reason."""
    with Store(SQLite(path, lock_wait_s=0.05)) as store:
        store.record(make.outcome())
        store.flush()
        with turn(path, wait_s=1.0):
            store.record(make.outcome())
            store.flush()

        assert store.counts() == Counts(2, 1, {"locked": 1}, 0)


def test_record_and_flush_do_not_wait_for_a_lock(path, make, locked):
    """While another process holds the database, `record` returns at once after the first record, and `flush` in time."""
    with Store(SQLite(path)) as store:
        store.record(make.outcome())
        before = time.monotonic()
        for _ in range(100):
            store.record(make.outcome())
        recorded_s = time.monotonic() - before
        left = store.flush(0.2)
        flushed_s = time.monotonic() - before
        locked()
        store.flush()

        assert recorded_s < 1.0
        assert left == 101
        assert flushed_s - recorded_s < 0.2 + 0.1 + 0.3  # 0.3: for a busy machine
        assert store.counts() == Counts(101, 101, {}, 0)


def test_full_queue_lost_records_the_newest_calls(path, make, locked, monkeypatch):
    """What does not fit into the queue is lost at once, counted, and the rest is stored."""
    monkeypatch.setattr(writer, "MAX_PENDING_OUTCOMES", 5)
    with Store(SQLite(path)) as store:
        store.record(make.outcome())
        store.flush(0.1)
        for _ in range(20):
            store.record(make.outcome())
        full = store.counts()
        locked()
        store.flush()

        assert balanced(full)
        assert full.lost_records == {"queue_full": 15}
        assert store.counts() == Counts(21, 6, {"queue_full": 15}, 0)
        assert store.lost_records() == {"queue_full": 15}


@pytest.mark.parametrize("is_made", [True, False])
def test_queue_limits_the_size_of_waiting_texts(path, make, locked, monkeypatch, is_made):
    """The texts that wait are bounded as the outcomes are, be these made or not."""
    monkeypatch.setattr(writer, "MAX_PENDING_CHARS", 2_500)
    outcome = make.outcome({"reply": "x" * 1_000})
    deferred = SimpleNamespace(task="t", chars=1_010, outcome=lambda: outcome)
    with Store(SQLite(path)) as store:
        for _ in range(5):
            store.record(outcome) if is_made else store.record_deferred(deferred)
        lost_records = store.counts().lost_records
        locked()

        assert lost_records == {"queue_full": 3}


def test_texts_that_were_written_leave_their_room(path, make, monkeypatch):
    """What counts is what waits, and not what has ever come."""
    monkeypatch.setattr(writer, "MAX_PENDING_CHARS", 2_500)
    with Store(SQLite(path)) as store:
        for _ in range(5):
            store.record(make.outcome({"reply": "x" * 1_000}))
            store.flush()

        assert store.counts() == Counts(5, 5, {}, 0)


def test_a_full_disk_lost_records_and_recovers(path, make):
    """When the database cannot grow its rows are lost, counted; with room again they are stored."""
    pages = [36]

    def connect(*arguments, **options):
        connection = sqlite3.connect(*arguments, **options)
        connection.execute(f"PRAGMA max_page_count = {pages[0]}")
        return connection

    with Store(SQLite(path, connect=connect)) as store:
        for _ in range(20):
            store.record(make.outcome(*[make.failed] * 49, {}))
            store.flush()
        full = store.counts()
        pages[0] = 10_000
        store.record(make.outcome())
        store.flush()

        assert balanced(full)
        assert list(full.lost_records) == ["disk_full"]
        assert store.counts().stored == full.stored + 1
        assert store.lost_records() == full.lost_records
    assert full.stored > 0
    assert roll_ups_equal_rows(path)


def test_a_store_that_cannot_be_opened_warns_once(tmp_path, make, caplog):
    """Rows are counted as lost, and one warning names the path and what to do."""
    with Store(SQLite(tmp_path)) as store:
        for _ in range(3):
            store.record(make.outcome())
            store.flush()

    assert store.counts() == Counts(3, 0, {"store_unavailable": 3}, 0)
    text = (
        f"calls continue, but records are lost (store_unavailable): {tmp_path} is a folder. "
        f"Name a file, such as {tmp_path / 'records.db'}"
    )
    assert caplog.record_tuples == [("schema_guard", logging.WARNING, text)]


def test_write_errors_warn_once_a_minute(path, make, caplog):
    """Ten failed batches within a minute give one warning."""
    fault = Fault()
    with Store(SQLite(path, connect=fault.connect)) as store:
        store.record(make.outcome())
        store.flush()
        fault.failing = set(range(1, 10_000))
        fault._error = "gone"
        for _ in range(10):
            store.record(make.outcome())
            store.flush()
        fault.failing = set()

    assert [record.levelname for record in caplog.records if "write_failed" in record.message] == ["WARNING"]


def test_recording_from_the_writer_thread_does_not_wait_for_itself(tmp_path, make):
    """An outcome that ends inside the writer's thread is recorded without waiting, also with "sync"."""
    store = Store(SQLite(tmp_path), durability="sync")

    class Recording(logging.Handler):
        def emit(self, record):
            store.record(make.outcome())

    handler = Recording()
    logging.getLogger("schema_guard").addHandler(handler)
    try:
        store.record(make.outcome())
        store.close()
    finally:
        logging.getLogger("schema_guard").removeHandler(handler)

    assert store.counts() == Counts(2, 0, {"store_unavailable": 2}, 0)


def test_no_thread_no_exception(path, make, monkeypatch):
    """Where no thread can be started the attempts are counted as lost."""

    def refuse(self):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(writer.Thread, "start", refuse)
    store = Store(SQLite(path))
    store.record(make.outcome())

    assert store.counts() == Counts(1, 0, {"store_unavailable": 1}, 0)


def test_a_stopped_writer_starts_again(path, make):
    """What is recorded after a stop, as at the end of a process, is stored too."""
    with Store(SQLite(path)) as store:
        store.record(make.outcome())
        store._writer.stop(2.0)
        store.record(make.outcome())
        store.flush()

        assert store.counts() == Counts(2, 2, {}, 0)


def test_threads_lose_no_attempt(path, make, count_rows):
    """Four threads that record while others flush and read the counts lose no attempt."""
    unbalanced = []

    def work():
        for _ in range(300):
            store.record(make.outcome(make.failed, {}))
            counts = store.counts()
            if not balanced(counts):
                unbalanced.append(counts)
        store.flush()

    with Store(SQLite(path)) as store:
        threads = [Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        store.flush()

        assert unbalanced == []
        assert store.counts() == Counts(2_400, 2_400, {}, 0)
    assert count_rows(path) == 2_400
    assert roll_ups_equal_rows(path)
