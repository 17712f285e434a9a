"""How a process ends, and what of its records is there afterwards."""

import pytest

from schema_guard.records import Store
from schema_guard.records.sqlite.database import SQLite


@pytest.fixture
def path(tmp_path):
    return tmp_path / "records.db"


def test_an_event_loop_is_never_waited_on(path, run):
    """The first row of a process is recorded on an event loop without a wait for the disk."""
    script = """
    import asyncio, time
    from pathlib import Path
    from schema_guard.records.sqlite.write_lock import turn
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


def test_sync_waits_once_for_a_lock(path, run, count_rows):
    """While another process holds the database one call waits shortly, further ones do not, it is said once, and all is stored."""
    script = """
    import logging, time
    from pathlib import Path
    from schema_guard.records.sqlite.write_lock import turn
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
    print(json.dumps([took[0] > 0.2, took[0] < 2.0, max(took[1:]) < 0.2, len(said), left, counts.stored, counts.lost_records]))
    """
    assert run(script, f"sqlite:///{path}") == [True, True, True, 1, 0, 5, {}]
    assert count_rows(path) == 5


def test_strict_store_raises_if_it_cannot_store(path, run):
    """With `strict_store=True` a call ends with StoreError while the database is held by another process."""
    script = """
    from pathlib import Path
    from schema_guard.errors import StoreError
    from schema_guard.records.sqlite.write_lock import turn
    store = open_store(url, durability="sync", strict_store=True)
    store.record(outcome())
    with turn(Path(url.removeprefix("sqlite:///")), wait_s=1.0):
        try: store.record(outcome())
        except StoreError as error: print(json.dumps(str(error).endswith("1 attempts are pending, and the following attempts were lost: {}. Check that schema_guard can write to the store")))
        else: print("false")
    """
    assert run(script, f"sqlite:///{path}") is True


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
