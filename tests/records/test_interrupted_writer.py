"""A writer continues after an exception of a signal's handler, and of a handler of the log."""

import logging
import sqlite3
import sys
import threading
import time
from _thread import start_new_thread

import pytest

from schema_guard import guard, open_store
from schema_guard.records.sqlite.database import SQLite
from schema_guard.records.store import Store
from schema_guard.records.writing.writer import Writer
from tests.strikes import escapes

PLAIN = {"type": "object"}


@pytest.fixture
def store(tmp_path):
    with open_store(str(tmp_path / "records.db")) as opened:
        yield opened


def asker(store):
    return guard(PLAIN, store=store)(lambda prompt: "{}")


def test_flush_that_is_interrupted_is_over(store, monkeypatch):
    """The writer lingers again after a flush that an exception ended, as after any other one."""
    ask = asker(store)
    ask("t")
    writer = store._writer
    monkeypatch.setattr(Writer, "_waits_too_long", lambda self: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        writer._drain(1.0, last=False, may_give_up=True)

    assert writer._flushing == 0


@pytest.mark.parametrize("is_started", [False, True], ids=["before its start", "after its start"])
def test_thread_whose_start_is_interrupted_is_replaced(store, monkeypatch, is_started):
    """Another thread stores the row, also if the interrupted one runs all the same."""

    class Interruption(BaseException):
        pass

    start = threading.Thread.start

    def interrupted(thread):
        if is_started:
            start(thread)
        raise Interruption

    ask = asker(store)
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", interrupted)
        with pytest.raises(Interruption):
            ask("t")

    assert store.flush() == 0
    ask("u")
    assert store.flush() == 0
    assert (store.counts().offered, store.counts().stored) == (2, 2)


def test_flush_lets_go_of_its_lock_wherever_it_is_interrupted(store):
    """Wherever a signal arrives in a flush, also in the lock's own code, another thread can take the lock."""
    ask = asker(store)
    taken = []

    def take():
        taken.append(store._writer._lock.acquire(timeout=1.0))
        store._writer._lock.release()

    def call():
        try:
            store.flush()
        finally:
            sys.setprofile(None)
            start_new_thread(take, ())
            while len(taken) < len(calls):
                time.sleep(0.0001)

    calls = []
    ask("t")
    lost, _ = escapes(lambda: (calls.append(1), call()), within=("threading.py",))

    # A signal while a Condition lets go of its lock is the standard library's own: "cannot release un-acquired lock".
    assert [point for point in lost if "release" not in point] == []
    assert all(taken)


class Locked(sqlite3.Connection):
    def execute(self, sql, *values):
        if sql.startswith("BEGIN IMMEDIATE"):
            raise sqlite3.OperationalError("disk I/O error")
        return super().execute(sql, *values)


def test_log_handler_that_raises_ends_no_writer(tmp_path, monkeypatch):
    """A filter of the log that raises is reported, and later records are counted as before."""
    reported = []
    monkeypatch.setattr(threading, "excepthook", lambda about: reported.append(about.exc_type))
    raising = lambda record: 1 / 0  # noqa: E731
    path = tmp_path / "records.db"
    logger = logging.getLogger("schema_guard")
    logger.addFilter(raising)
    try:
        with Store(SQLite(path, connect=lambda *a, **k: sqlite3.connect(*a, factory=Locked, **k))) as store:
            ask = asker(store)
            for _ in range(3):
                ask("t")
                assert store.flush() == 0

            assert store.counts().offered == sum(store.counts().lost_records.values()) == 3
    finally:
        logger.removeFilter(raising)
    assert set(reported) == {ZeroDivisionError}
