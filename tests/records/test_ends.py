"""How a process ends, and what of its records is there afterwards."""

import os
import signal
import sys

import pytest

import schema_guard
from schema_guard.errors import InvalidArgument
from schema_guard.records import Store
from schema_guard.records.sqlite.database import SQLite


@pytest.fixture
def path(tmp_path):
    return tmp_path / "records.db"


def test_the_first_row_of_a_process_is_there_when_record_returns(path, run, count_rows):
    """A process that makes one call and ends without running any more Python loses nothing."""
    run("open_store(url).record(outcome()); os._exit(0)", f"sqlite:///{path}")

    assert count_rows(path) == 1


def test_a_row_after_a_pause_is_written_at_once(path, run, count_rows):
    """A row that finds nothing before it is not kept back for others."""
    script = """
    import time
    store = open_store(url)
    for n in range(3):
        store.record(outcome()); time.sleep(0.2)
    os._exit(0)
    """
    run(script, f"sqlite:///{path}")

    assert count_rows(path) == 3


def test_an_event_loop_is_never_waited_on(path, run):
    """The first row of a process is recorded on an event loop without a wait for the disk."""
    script = """
    import asyncio, time
    from pathlib import Path
    from schema_guard.records.sqlite.turns import turn
    store = open_store(url)
    async def main():
        begun = time.perf_counter()
        store.record(outcome())
        return time.perf_counter() - begun
    with turn(Path(url.removeprefix("sqlite:///")), wait_s=1.0):
        took = asyncio.run(main())
    print(json.dumps(took < 0.09))
    """
    assert run(script, f"sqlite:///{path}")


def test_sync_waits_a_quarter_of_a_second_for_a_lock_and_then_for_nothing(path, run, count_rows):
    """While another process holds the database one call waits shortly, further ones do not, it is said once, and all is stored."""
    script = """
    import logging, time
    from pathlib import Path
    from schema_guard.records.sqlite.turns import turn
    said = []
    handler = logging.Handler(); handler.emit = lambda record: said.append(record.getMessage())
    logging.getLogger("schema_guard").addHandler(handler)
    store = resolve_store(url + "?durability=sync")
    store.record(outcome())
    took = []
    with turn(Path(url.removeprefix("sqlite:///")), wait_s=1.0):
        for n in range(4):
            begun = time.perf_counter(); store.record(outcome()); took.append(time.perf_counter() - begun)
    left = store.flush(10.0)
    counts = store.counts()
    print(json.dumps([took[0] > 0.2, took[0] < 2.0, max(took[1:]) < 0.2, len(said), left, counts.stored, counts.dropped]))
    """
    assert run(script, f"sqlite:///{path}") == [True, True, True, 1, 0, 5, {}]
    assert count_rows(path) == 5


@pytest.mark.costly
def test_a_foreign_lock_is_waited_for_as_shortly(path, run, count_rows):
    """A program that holds SQLite's own lock, and not ours, keeps no call for longer."""
    script = """
    import sqlite3, time
    store = resolve_store(url + "?durability=sync")
    store.record(outcome())
    other = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    begun = time.perf_counter(); store.record(outcome()); took = time.perf_counter() - begun
    other.execute("COMMIT")
    left = store.flush(20.0)
    print(json.dumps([took < 2.0, left, store.counts().stored, store.counts().dropped]))
    """
    assert run(script, f"sqlite:///{path}") == [True, 0, 2, {}]


def test_a_strict_store_raises_what_it_cannot_store(path, run):
    """With `strict_store=True` a call ends with StoreError while the database is held by another process."""
    script = """
    from pathlib import Path
    from schema_guard.errors import StoreError
    from schema_guard.records.sqlite.turns import turn
    store = open_store(url, durability="sync", strict_store=True)
    store.record(outcome())
    with turn(Path(url.removeprefix("sqlite:///")), wait_s=1.0):
        try: store.record(outcome())
        except StoreError as error: print(json.dumps(str(error).endswith("1 attempts are pending, {} were dropped")))
        else: print("false")
    """
    assert run(script, f"sqlite:///{path}") is True


@pytest.mark.parametrize("reply", ["1", "[1]"])
def test_an_async_call_is_stored_before_its_value_comes(path, run, count_rows, reply):
    """With "sync" an asynchronous function's row survives the end of the process, and the event loop goes on meanwhile."""
    script = """
    import asyncio
    from schema_guard import guard
    @guard({"type": ["integer", "array"]}, store=url + "?durability=sync")
    async def one(prompt: str): return "REPLY"
    async def main():
        await one("x"); await one("y")
        os._exit(0)
    asyncio.run(main())
    """
    run(script.replace("REPLY", reply), f"sqlite:///{path}")

    assert count_rows(path) == 2


def test_an_async_stream_is_stored_before_its_last_value_comes(path, run, count_rows):
    """With "sync" the row of a call whose values are followed is there with the last of them."""
    script = """
    import asyncio
    from schema_guard import guard
    @guard({"type": "array"}, store=url + "?durability=sync")
    async def one(prompt: str): yield "[1]"
    async def main():
        async for value in one.stream("x", partial=True):
            if value.open is None: os._exit(0)
    asyncio.run(main())
    """
    run(script, f"sqlite:///{path}")

    assert count_rows(path) == 1


@pytest.mark.parametrize("begin", ["one('x')", "one.outcome('x')"])
def test_a_coroutine_that_is_closed_waits_for_no_store(path, run, count_rows, begin):
    """Who closes it lets it await nothing more, with "sync" neither: what it records is stored all the same."""
    script = """
    import types
    from schema_guard import guard
    @types.coroutine
    def forever(): yield
    @guard({"type": "array"}, store=url + "?durability=sync")
    async def one(prompt: str): await forever()
    begun = BEGIN
    begun.send(None)
    begun.close()
    """
    run(script.replace("BEGIN", begin), f"sqlite:///{path}")

    assert count_rows(path) == 1


def test_sigterm_ends_a_process_after_a_flush(path, start, count_rows):
    """With `flush_on_sigterm` the rows are stored, and the exit status is that of the signal."""
    script = """
    import schema_guard, time
    schema_guard.flush_on_sigterm()
    store = resolve_store(url)
    for n in range(40): store.record(outcome())
    print("ready", flush=True)
    time.sleep(30)
    """
    process = start(script, f"sqlite:///{path}")
    process.stdout.readline()
    process.terminate()
    process.communicate(timeout=20)

    assert process.returncode == -signal.SIGTERM
    assert count_rows(path) == 40


def test_a_handler_that_is_there_is_not_replaced():
    """Whoever handles SIGTERM goes on doing so, and is told what to call."""
    before = signal.signal(signal.SIGTERM, lambda *_: None)
    try:
        with pytest.raises(InvalidArgument, match=r"call schema_guard\.flush\(\) in that handler"):
            schema_guard.flush_on_sigterm()
    finally:
        signal.signal(signal.SIGTERM, before)


def test_flush_waits_for_every_store(tmp_path, make, count_rows):
    """What two stores were handed is stored when `schema_guard.flush` has returned 0."""
    stores = [Store(SQLite(tmp_path / f"{n}.db")) for n in range(2)]
    for store in stores:
        for _ in range(5):
            store.record(make.outcome())

    assert schema_guard.flush(10.0) == 0
    assert [count_rows(tmp_path / f"{n}.db") for n in range(2)] == [5, 5]
    for store in stores:
        store.close()


def test_what_could_not_be_stored_at_the_end_is_one_warning(path, start):
    """A process that ends while another one holds the database says how many attempts are lost."""
    script = """
    from pathlib import Path
    from schema_guard.records.sqlite.turns import turn
    store = open_store(url)
    held = turn(Path(url.removeprefix("sqlite:///")), wait_s=1.0)
    held.__enter__()
    for n in range(7): store.record(outcome())
    """
    process = start(script, f"sqlite:///{path}")
    _, errors = process.communicate(timeout=30)

    assert process.returncode == 0
    assert errors.count("7 attempts were not stored when the process ended") == 1


def test_a_store_that_nobody_holds_is_closed(path, make, count_rows):
    """What a forgotten store was handed is stored, and its connection closed."""
    store = Store(SQLite(path))
    writer = store._writer
    for _ in range(5):
        store.record(make.outcome())
    thread = writer._thread
    del store
    thread.join(10.0)

    assert not thread.is_alive()
    assert count_rows(path) == 5


def test_a_file_that_was_renamed_takes_nothing_more(path, make, count_rows):
    """After a rename rows go into a new file of the name, and what counts as stored is there."""
    with Store(SQLite(path)) as store:
        store.record(make.outcome())
        store.flush()
        path.rename(path.with_name("old.db"))
        for suffix in ("-wal", "-shm"):
            path.with_name(f"records.db{suffix}").unlink(missing_ok=True)
        store.record(make.outcome())
        store.flush(10.0)

        assert store.counts().stored == 2
        assert store.counts().dropped == {}
    assert count_rows(path) == 1


def test_a_file_that_was_removed_is_made_again(path, make, count_rows):
    """After a removal rows go into a new file."""
    with Store(SQLite(path)) as store:
        store.record(make.outcome())
        store.flush()
        for suffix in ("", "-wal", "-shm"):
            path.with_name(f"records.db{suffix}").unlink(missing_ok=True)
        store.record(make.outcome())
        store.flush(10.0)

        assert store.counts().dropped == {}
    assert count_rows(path) == 1


def test_only_sqlite_opens_the_file(path, run):
    """Closing a descriptor of the file would let go of every lock that the process holds on it, so nobody opens one."""
    script = """
    opened = []
    def hook(event, arguments):
        if event == "open" and isinstance(arguments[0], (str, bytes)):
            opened.append(os.fsdecode(arguments[0]))
    sys.addaudithook(hook)
    store = open_store(url)
    store.record(outcome()); store.flush()
    list(store.attempts()); store.configurations(); store.info(); store.drops()
    store.declare_rung("f" * 16, "few_shot", "declined", "no")
    store.close()
    file = url.removeprefix("sqlite:///")
    print(json.dumps([name for name in opened if name in (file, file + "-wal", file + "-shm")]))
    """
    assert run(script, f"sqlite:///{path}") == []


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX modes")
def test_a_new_file_is_its_owners(path, make):
    """A database is made with mode 0600."""
    with Store(SQLite(path)) as store:
        store.record(make.outcome())
        store.flush()

        assert os.stat(path).st_mode & 0o777 == 0o600  # noqa: PTH116 - as SQLite made it
