"""The end of a process, and the rows that are stored then: the documented table, with real child processes."""

import asyncio
import signal
import sqlite3
import threading
import time
from contextlib import closing

import pytest

import schema_guard
from schema_guard import InvalidArgument, StoreError, flush, guard, open_store
from tests.needs import marked
from tests.public.records.outcomes import outcome

CALLS = 30

RECORDING = """
from schema_guard import flush_on_sigterm
import signal
ask = guard({"type": "integer"}, name="app.ask", store=url, strategy="bare")(lambda prompt: prompt)
for number in range(CALLS):
    assert ask(str(number)) == number
""".replace("CALLS", str(CALLS))

# Name of the end -> (script, exit status, whether "queue" stores all rows too).
ENDS = {
    "return": ("", 0, True),
    "sys.exit": ("sys.exit(3)", 3, True),
    "exception": ("raise RuntimeError('end')", 1, True),
    "SIGINT": ("signal.signal(signal.SIGINT, signal.default_int_handler); signal.raise_signal(2)", -2, True),
    "SIGTERM with a flush": ("flush_on_sigterm(); signal.raise_signal(15)", -15, True),
    "SIGTERM with a handler that exits": (
        "signal.signal(15, lambda *_: sys.exit(4)); signal.raise_signal(15)", 4, True,
    ),
    "os._exit after a flush": ("assert flush(10.0) == 0; os._exit(5)", 5, True),
    "SIGKILL after a flush": ("assert flush(10.0) == 0; signal.raise_signal(9)", -9, True),
    "SIGTERM": ("signal.raise_signal(15)", -15, False),
    "os._exit": ("os._exit(6)", 6, False),
    "SIGKILL": ("signal.raise_signal(9)", -9, False),
}  # fmt: skip


def count_verified(path):
    """Return the number of rows of a file. Its check and its counts must agree with it."""
    with open_store(str(path)) as store:
        rows = list(store.attempts())
        assert store.check().is_sound
        assert store.info().rows == len(rows)
        assert sum(hour.calls + hour.transport for hour in store.by_hour()) == len(rows)
        assert len({row["call_id"] for row in rows}) == len(rows)
        return len(rows)


@pytest.mark.parametrize("end", ENDS)
def test_end_with_queue_stores_the_documented_rows(end, path, url, run):
    """Every row is stored if Python exits normally or a flush came first. Otherwise at least one row is."""
    how, status, is_stored = ENDS[end]

    run(f"{RECORDING}\n{how}", url, exit_code=status)

    stored = count_verified(path)
    assert stored == CALLS if is_stored else 1 <= stored <= CALLS


@pytest.mark.parametrize("end", [name for name, (_, _, is_stored) in ENDS.items() if not is_stored])
def test_end_with_sync_stores_every_row(end, path, url, run):
    """With "sync", a row is stored before the call returns, so no end of the process loses it."""
    how, status, _ = ENDS[end]

    run(f"{RECORDING}\n{how}", f"{url}?durability=sync", exit_code=status)

    assert count_verified(path) == CALLS


@pytest.mark.parametrize("end", ["os._exit(0)", "signal.raise_signal(9)"], ids=["os._exit", "SIGKILL"])
def test_first_row_is_stored_before_the_call_returns(end, path, url, run):
    """A process that is killed after its only call loses nothing."""
    script = "import signal\nguard({'type': 'integer'}, store=url)(lambda prompt: '1')('t')\n"

    run(script + end, url, exit_code=0 if "exit" in end else -9)

    assert count_verified(path) == 1


def test_row_after_a_pause_is_written_at_once(path, url, run):
    """A row is not delayed if no other row waits."""
    script = """
    ask = guard({"type": "integer"}, store=url)(lambda prompt: "1")
    for n in range(3):
        ask("t"); time.sleep(0.2)
    os._exit(0)
    """
    run(script, url)

    assert count_verified(path) == 3


def test_waiting_rows_are_written_without_a_flush(path, url, run):
    """Rows of calls in quick succession are written in the background, within 0.7 s."""
    script = """
    ask = guard({"type": "integer"}, store=url)(lambda prompt: "1")
    for n in range(10): ask("t")
    time.sleep(0.7)
    os._exit(0)
    """
    run(script, url)

    assert count_verified(path) == 10


SHAPES = {
    "async": """
async def ask(prompt: str): return "1"
async def main():
    for n in range(5): assert await guarded("x") == 1
    os._exit(0)
""",
    "stream": """
async def ask(prompt: str): yield "1"
async def main():
    for n in range(5):
        async for value in guarded.stream("x", partial=True):
            last = value.open is None
            if n == 4 and last: os._exit(0)
""",
    "together": """
async def ask(prompt: str): return "1"
async def main():
    assert await asyncio.gather(*[guarded("x") for _ in range(5)]) == [1] * 5
    os._exit(0)
""",
}


@pytest.mark.parametrize("shape", marked(SHAPES, "streaming", "stream".__eq__))
def test_async_call_with_sync_is_stored_before_it_returns(shape, path, url, run):
    """With "sync", a process that is killed after an asynchronous call loses no row."""
    script = SHAPES[shape] + (
        "guarded = guard({'type': 'integer'}, store=url + '?durability=sync')(ask)\nasyncio.run(main())\n"
    )
    run("import asyncio\n" + script, url)

    assert count_verified(path) == 5


@pytest.mark.parametrize("begin", ["one('x')", "one.outcome('x')"])
def test_closed_coroutine_is_stored(path, url, run, begin):
    """The call of a coroutine that is closed before its end is stored."""
    script = """
    import types
    @types.coroutine
    def forever(): yield
    @guard({"type": "array"}, store=url + "?durability=sync")
    async def one(prompt: str): await forever()
    begun = BEGIN
    begun.send(None)
    begun.close()
    """
    run(script.replace("BEGIN", begin), url)

    assert count_verified(path) == 1


def test_first_record_during_an_import_of_multiprocessing(path, url, run, count_rows):
    """While another thread is importing multiprocessing, the first record waits for it and harms no call."""
    script = """
    import importlib.abc, threading, time
    for name in [name for name in sys.modules if name.startswith("multiprocessing")]:
        del sys.modules[name]
    begun = threading.Event()
    class Slow(importlib.abc.MetaPathFinder):
        def find_spec(self, name, path, target=None):
            if name != "multiprocessing.util":
                return None
            sys.meta_path.remove(self)
            spec = importlib.util.find_spec(name)
            execute = spec.loader.exec_module
            def later(module):
                begun.set()
                time.sleep(0.3)
                execute(module)
            spec.loader.exec_module = later
            return spec
    import importlib.util
    sys.meta_path.insert(0, Slow())
    importing = threading.Thread(target=importlib.import_module, args=("multiprocessing.util",))
    importing.start()
    begun.wait(10)
    from schema_guard import guard
    print(guard({"type": "integer"}, store=url)(lambda prompt: "1")("x"))
    importing.join()
    """
    assert run(script, url) == 1
    assert count_rows(path) == 1


def test_flush_on_sigterm_stores_the_rows(path, url, start):
    """A sleeping process stores its rows on SIGTERM, and then ends by the signal."""
    script = """
    import schema_guard
    schema_guard.flush_on_sigterm()
    schema_guard.flush_on_sigterm()
    store = open_store(url)
    for n in range(40): store.record(outcome(id=str(n)))
    print("ready", flush=True)
    time.sleep(30)
    """
    process = start(script, url)
    process.stdout.readline()
    process.terminate()
    process.communicate(timeout=20)

    assert process.returncode == -signal.SIGTERM
    assert count_verified(path) == 40


@pytest.mark.parametrize("there", [lambda *_: None, signal.SIG_IGN], ids=["handler", "ignored"])
def test_flush_on_sigterm_keeps_an_existing_handler(there):
    """If SIGTERM is handled or ignored, `flush_on_sigterm` raises and names `flush`."""
    before = signal.signal(signal.SIGTERM, there)
    try:
        with pytest.raises(InvalidArgument, match=r"Call schema_guard\.flush\(\) in that handler"):
            schema_guard.flush_on_sigterm()
        assert signal.getsignal(signal.SIGTERM) is there
    finally:
        signal.signal(signal.SIGTERM, before)


def test_flush_on_sigterm_needs_the_main_thread():
    """`flush_on_sigterm` raises in another thread."""
    messages = []

    def work():
        try:
            schema_guard.flush_on_sigterm()
        except InvalidArgument as error:
            messages.append(str(error))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()

    assert messages == ["flush_on_sigterm() was called in another thread. Call it in the main thread"]
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_flush_waits_for_every_store(tmp_path):
    """After `flush` returns 0, the rows of both stores are stored."""
    stores = [open_store(f"{tmp_path}/{n}.db") for n in range(2)]
    for store in stores:
        for number in range(5):
            store.record(outcome(id=str(number)))

    assert flush(10.0) == 0
    assert [(store.counts().stored, store.counts().pending) for store in stores] == [(5, 0)] * 2
    for store in stores:
        store.close()


def test_flush_returns_the_pending_attempts_of_all_stores(tmp_path):
    """While files are locked, `flush` returns in time with the number of waiting attempts."""
    stores, locks = [], []
    for number in range(2):
        stores.append(open_store(f"{tmp_path}/{number}.db"))
        locks.append(sqlite3.connect(f"{tmp_path}/{number}.db", isolation_level=None))
        locks[-1].execute("BEGIN IMMEDIATE")
        for other in range(3 + number):
            stores[-1].record(outcome({}, id=str(other)))

    waiting = flush(0.2), stores[0].flush(0.1), stores[1].flush(0.1)
    for lock in locks:
        lock.close()

    assert waiting == (7, 3, 4)
    assert flush(10.0) == 0
    for store in stores:
        store.close()


@pytest.mark.parametrize("timeout", ["1", None, float("nan")])
def test_rejects_invalid_timeout(timeout):
    """`flush` takes a finite number of seconds."""
    with pytest.raises(InvalidArgument, match="timeout_s"):
        flush(timeout)


def test_rows_lost_at_the_end_are_one_warning(path, url, start):
    """If the file is locked at the end of a process, one warning has the number of lost attempts."""
    script = """
    import sqlite3
    store = open_store(url)
    lock = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
    lock.execute("BEGIN IMMEDIATE")
    for n in range(7): store.record(outcome(id=str(n)))
    """
    process = start(script, url)
    _, errors = process.communicate(timeout=30)

    assert process.returncode == 0
    assert errors.count("the process ended before it stored 7 attempts") == 1
    assert count_verified(path) == 0


def test_process_end_waits_at_most_a_few_seconds_for_a_lock(path, url, start):
    """A process with a locked file ends after about two seconds."""
    open_store(url).close()
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        script = """
        guard({"type": "integer"}, store=url)(lambda prompt: "1")("t")
        print("at the end", flush=True)
        """
        process = start(script, url)
        process.stdout.readline()
        begun = time.monotonic()
        process.communicate(timeout=30)
        waited_s = time.monotonic() - begun

    assert process.returncode == 0
    assert 1.5 < waited_s < 4.0


def test_store_without_references_is_written(path, url):
    """The rows of a store are stored even if no variable refers to the store."""
    store = open_store(url)
    for number in range(5):
        store.record(outcome(id=str(number)))
    del store
    assert flush(10.0) == 0

    assert count_verified(path) == 5


def test_first_call_does_not_block_an_event_loop(tmp_path):
    """With "queue", a first call outside of a loop waits 1 s for a locked file. In a loop, it does not wait."""

    async def one(prompt: str):
        return "1"

    async def main(store):
        begun = time.monotonic()
        assert await guard({"type": "integer"}, store=store)(one)("t") == 1
        return time.monotonic() - begun

    asyncio.run(main("sqlite://"))  # a first call loads modules
    took = []
    for number in range(3):
        path = f"{tmp_path}/{number}.db"
        open_store(path).close()
        with closing(sqlite3.connect(path, isolation_level=None)) as lock:
            lock.execute("BEGIN IMMEDIATE")
            took.append(asyncio.run(main(path)))
    assert flush(10.0) == 0

    assert min(took) < 0.5


def test_strict_store_raises_if_it_cannot_store(url, run):
    """With `strict_store=True`, a call raises StoreError while another connection locks the file."""
    script = """
    import sqlite3
    from schema_guard import StoreError
    store = open_store(url, durability="sync", strict_store=True)
    ask = guard({"type": "integer"}, store=store)(lambda prompt: "1")
    assert ask("t") == 1
    lock = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
    lock.execute("BEGIN IMMEDIATE")
    try: ask("u")
    except StoreError as error: print(json.dumps(str(error)))
    lock.execute("COMMIT")
    """
    assert run(script, url).endswith(
        "1 attempts are pending, and the following attempts were lost: {}. Check that schema_guard can write to the store"
    )


@pytest.mark.parametrize(
    ("options", "raises"),
    [
        ({"durability": "sync", "strict_store": True}, True),
        ({"durability": "sync"}, False),
        ({"strict_store": True}, False),
        ({}, False),
    ],
)
def test_only_a_strict_store_with_sync_raises(options, raises):
    """A call on a closed store returns its value, unless the store is strict and has durability "sync"."""
    store = open_store("sqlite://", **options)
    ask = guard({"type": "integer"}, store=store)(lambda prompt: "1")
    assert ask("t") == 1
    store.close()

    if raises:
        with pytest.raises(
            StoreError,
            match=r"0 attempts are pending, and the following attempts were lost: {'store_unavailable': 1}",
        ):
            ask("t")
    else:
        assert ask("t") == 1
    assert (store.counts().offered, store.counts().lost_records) == (2, {"store_unavailable": 1})


def test_rejects_strict_store_that_is_not_a_bool():
    """`strict_store` is True or False."""
    with pytest.raises(InvalidArgument, match="strict_store"):
        open_store("sqlite://", strict_store="yes")
