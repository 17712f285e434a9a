"""A process that records and forks: nothing is lost, nobody waits, and no child touches what its parent has open."""

import os
import subprocess
import sys
import time
from pathlib import Path
from threading import Thread

import pytest

from schema_guard.records import Store
from schema_guard.records.sqlite.database import SQLite
from schema_guard.records.sqlite.turns import turn
from schema_guard.records.writer import FORK_WAIT_S
from tests.thinned import costly

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")

UNWRITTEN = 3

# The status with which a child ends that recorded one row: whether it is stored, counted as not stored, or neither. It
# takes its time: two hundred children that each wait for a slow disk are done when all are.
END = """
def end(store):
    while store.flush(10.0): pass
    counts = store.counts()
    return 0 if counts.stored == 1 else UNWRITTEN if counts.dropped == {"forked_while_writing": 1} else 7
""".replace("UNWRITTEN", str(UNWRITTEN))
FORKING = (
    END
    + """
import threading, time
store = open_store(url, durability=DURABILITY)
stop, acked = threading.Event(), [0] * 3
def work(i):
    while not stop.is_set():
        store.record(outcome()); acked[i] += 1
        time.sleep(0.01)
threads = [threading.Thread(target=work, args=(i,)) for i in range(3)]
for thread in threads: thread.start()
children, lasted = [], []
for n in range(FORKS):
    time.sleep(0.01)
    begun = time.perf_counter()
    child = os.fork()
    if not child:
        store.record(outcome())
        if n % 2: time.sleep(0.3)
        os._exit(end(store))
    lasted.append(time.perf_counter() - begun)
    children.append(child)
codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
stop.set()
for thread in threads: thread.join()
store.close(10.0)
counts = store.counts()
print(json.dumps([codes, sum(acked), counts.offered, counts.stored, counts.dropped, lasted]))
"""
)


# Who forks, of a process whose three threads record a hundred rows a second each: makes FORKS children of `child`, and
# leaves their exit codes in `codes`. `timed` keeps how long each fork took.
FORKERS = {
    "a thread": """
def forks():
    for n in range(FORKS):
        time.sleep(0.005)
        timed(fork_one)
thread = threading.Thread(target=forks); thread.start(); thread.join()
""",
    "a signal handler": """
import signal
def handler(*_):
    timed(fork_one)
    if len(children) < FORKS: signal.setitimer(signal.ITIMER_REAL, 0.01)
signal.signal(signal.SIGALRM, handler)
signal.setitimer(signal.ITIMER_REAL, 0.01)
while len(children) < FORKS:
    store.record(outcome()); acked[3] += 1
    time.sleep(0.001)
""",
    "multiprocessing": """
import multiprocessing
def work_of_process():
    child()
started = []
for n in range(FORKS):
    time.sleep(0.005)
    started.append(multiprocessing.get_context("fork").Process(target=work_of_process))
    timed(started[-1].start)
for process in started: process.join()
codes = [process.exitcode for process in started]
""",
    "preexec_fn": """
import subprocess
started = []
for n in range(FORKS):
    time.sleep(0.005)
    timed(lambda: started.append(subprocess.Popen(["/bin/true"], preexec_fn=lambda: None)))
codes = [process.wait() for process in started]
""",
    "a parent that ends before its child": """
reading, writing = os.pipe()
def orphan():
    if os.fork(): os._exit(0)
    time.sleep(0.05)
    store.record(outcome())
    os.write(writing, bytes([end(store)]))
    os._exit(0)
child = orphan
for n in range(FORKS):
    time.sleep(0.005)
    timed(fork_one)
codes = [os.waitstatus_to_exitcode(os.waitpid(one, 0)[1]) for one in children]
ended = b""
while len(ended) < FORKS: ended += os.read(reading, FORKS)
codes = list(ended)
""",
}
FORKED = (
    END
    + """
import threading, time
store = open_store(url, durability=DURABILITY)
stop, acked, children, codes, lasted = threading.Event(), [0] * 4, [], [], []
def work(i):
    while not stop.is_set():
        store.record(outcome()); acked[i] += 1
        time.sleep(0.01)
def child():
    store.record(outcome())
    os._exit(end(store))
def fork_one():
    one = os.fork()
    if not one: child()
    children.append(one)
def timed(forking):
    begun = time.perf_counter()
    forking()
    lasted.append(time.perf_counter() - begun)
threads = [threading.Thread(target=work, args=(i,)) for i in range(3)]
for thread in threads: thread.start()
FORKER
codes = codes or [os.waitstatus_to_exitcode(os.waitpid(one, 0)[1]) for one in children]
stop.set()
for thread in threads: thread.join()
store.close(10.0)
counts = store.counts()
print(json.dumps([codes, sum(acked), counts.offered, counts.stored, counts.dropped, lasted]))
"""
)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "records.db"


def _check_ends(codes, lasted):
    """Each child stored its row, or counts it where the fork waited as long as it may, as a loaded machine makes it."""
    assert set(codes) <= {0, UNWRITTEN}
    assert codes.count(UNWRITTEN) <= sum(wait_s >= FORK_WAIT_S for wait_s in lasted)


@pytest.mark.parametrize("durability", ["queue", "sync"])
@pytest.mark.parametrize("forks", [8, pytest.param(100, marks=pytest.mark.slow)])
def test_forks_among_threads_lose_nothing(path, run, count_rows, durability, forks):
    """Whatever its threads record while a process forks, all of it is stored, and what the children record too."""
    script = FORKING.replace("DURABILITY", repr(durability)).replace("FORKS", str(forks))
    codes, acked, offered, stored, dropped, lasted = run(script, f"sqlite:///{path}")

    _check_ends(codes, lasted)
    assert (acked, acked, {}) == (offered, stored, dropped)
    assert count_rows(path) == acked + codes.count(0)
    assert max(lasted) < 1.0


@pytest.mark.parametrize("durability", costly(["queue", "sync"], 2))
@pytest.mark.parametrize("forker", FORKERS)
@pytest.mark.parametrize("forks", [4, pytest.param(200, marks=pytest.mark.slow)])
def test_whoever_forks_loses_nothing(path, run, count_rows, durability, forker, forks):
    """Threads, handlers of signals, multiprocessing, `preexec_fn` and parents that end first lose no row, and nobody waits."""
    script = FORKED.replace("FORKER", FORKERS[forker]).replace("DURABILITY", repr(durability))
    found = run(script.replace("FORKS", str(forks)), f"sqlite:///{path}", timeout_s=120)
    codes, acked, offered, stored, dropped, lasted = found

    _check_ends(codes, lasted)
    assert (acked, acked, {}) == (offered, stored, dropped)
    assert count_rows(path) == acked + (0 if forker == "preexec_fn" else codes.count(0))
    assert max(lasted) < 1.0


def test_a_fork_in_the_thread_that_writes_is_not_waited_for(path, run, count_rows):
    """Code of a user's that forks where rows are made neither waits for itself nor lets the child write its parent's rows."""
    script = """
    class Forking:
        def __repr__(self):
            global child
            child = os.fork()
            if not child: os._exit(0)
            return "forked"
    store = open_store(url)
    from schema_guard.core.values import Message
    store.record(outcome(), (Message("user", Forking()),))
    left = store.flush(5.0)
    os.waitpid(child, 0)
    print(json.dumps([left, store.counts().stored]))
    """
    assert run(script, f"sqlite:///{path}") == [0, 1]
    assert count_rows(path) == 1


def test_a_child_of_a_process_that_was_writing_leaves_the_file_alone(path, run, count_rows):
    """Where a connection cannot be closed in a quarter of a second, the child counts what it does not store, and says it once."""
    script = """
    import logging, sqlite3, time
    from pathlib import Path
    from schema_guard.records import Store
    from schema_guard.records.sqlite.database import SQLite
    class Slow(sqlite3.Connection):
        def execute(self, sql, *rest):
            if sql == "COMMIT": time.sleep(1.0)
            return super().execute(sql, *rest)
    said = []
    handler = logging.Handler(); handler.emit = lambda record: said.append(record.getMessage())
    logging.getLogger("schema_guard").addHandler(handler)
    def slow(*rest, **options): return sqlite3.connect(*rest, factory=Slow, **options)
    store = Store(SQLite(Path(url.removeprefix("sqlite:///")), connect=slow))
    store.record(outcome()); time.sleep(0.3)
    begun = time.perf_counter()
    reading, writing = os.pipe()
    child = os.fork()
    waited = time.perf_counter() - begun
    if not child:
        store.record(outcome()); store.record(outcome())
        store.flush(5.0)
        os.write(writing, json.dumps([store.counts().dropped, store.counts().stored, len(said)]).encode())
        os._exit(0)
    os.waitpid(child, 0)
    store.record(outcome())
    left = store.flush(20.0)
    print(json.dumps([waited < 0.6, json.loads(os.read(reading, 1000)), left, store.counts().stored]))
    """
    assert run(script, f"sqlite:///{path}") == [True, [{"forked_while_writing": 2}, 0, 1], 0, 2]
    assert count_rows(path) == 2


def test_a_wait_for_a_lock_is_broken_off_and_the_row_is_stored_later(path, run, tmp_path):
    """A writer that waits for another process lets a fork happen, and stores its row when the other one is done."""
    script = """
    import time
    from pathlib import Path
    from schema_guard.records.sqlite.turns import turn
    store = open_store(url)
    child = None
    with turn(Path(url.removeprefix("sqlite:///")), wait_s=1.0):
        store.record(outcome())
        begun = time.perf_counter()
        child = os.fork()
        if not child: os._exit(0)
        waited = time.perf_counter() - begun
    os.waitpid(child, 0)
    left = store.flush(5.0)
    print(json.dumps([waited < 0.2, left, store.counts().stored, store.counts().dropped]))
    """
    assert run(script, f"sqlite:///{path}") == [True, 0, 1, {}]


def test_a_lock_that_a_child_inherits_is_not_held_by_it(path):
    """A child that lives on keeps nobody from writing."""
    with turn(path, wait_s=1.0):
        child = os.fork()
        if not child:
            time.sleep(5.0)
            os._exit(0)
    try:
        begun = time.perf_counter()
        with turn(path, wait_s=3.0):
            assert time.perf_counter() - begun < 1.0
    finally:
        os.kill(child, 9)
        os.waitpid(child, 0)


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="the system does not tell its threads")
def test_a_fork_waits_for_the_end_of_the_writers_thread_in_the_system(path, run):
    """When a process forks, the writer's thread is gone for the system too: what it still holds would be held in the child."""
    script = """
    import threading, time
    from schema_guard.core.values import Message
    class Slow:
        def __del__(self): time.sleep(0.1)
    class Planted:
        def __repr__(self):
            kept.slow = Slow()
            writers.append(threading.current_thread().native_id)
            return "planted"
    kept, writers = threading.local(), []
    store = open_store(url)
    store.record(outcome(), (Message("user", Planted()),))
    store.flush(5.0)
    child = os.fork()
    if not child: os._exit(0)
    print(json.dumps([len(writers), os.path.exists(f"/proc/self/task/{writers[0]}")]))
    os.waitpid(child, 0)
    """
    assert run(script, f"sqlite:///{path}") == [1, False]


@pytest.mark.costly
@pytest.mark.parametrize("step", ["find_spec", "exec_module"])
def test_a_module_that_another_thread_imports_is_waited_for(path, run, step):
    """A child is not left waiting for the lock of a module that a thread of its parent was importing when it forked."""
    script = """
    import importlib.machinery, threading, time
    from schema_guard.records import store as _
    begun = threading.Event()
    def slow(name, so_far):
        if name == "schema_guard.records.attempts": begun.set(); time.sleep(0.1)
        return so_far
    class Slow:
        @staticmethod
        def find_spec(name, path=None, target=None):
            if STEP == "find_spec": return slow(name, None)
            spec = importlib.machinery.PathFinder.find_spec(name, path, target)
            if name == "schema_guard.records.attempts":
                run = spec.loader.exec_module
                spec.loader.exec_module = lambda module: slow(name, run)(module)
            return spec
    sys.meta_path.insert(0, Slow)
    store = open_store(url)
    store.record(outcome()); store.flush(5.0)
    reader = threading.Thread(target=lambda: list(store.attempts())); reader.start()
    begun.wait()
    child = os.fork()
    if not child:
        os._exit(len(list(store.attempts())))
    deadline = time.monotonic() + 10
    while not (found := os.waitpid(child, os.WNOHANG))[0] and time.monotonic() < deadline: time.sleep(0.01)
    if not found[0]: os.kill(child, 9)
    reader.join()
    print(os.waitstatus_to_exitcode(found[1]) if found[0] else "null")
    """
    assert run(script.replace("STEP", repr(step)), f"sqlite:///{path}") == 1


def test_a_reader_is_waited_for(path, make):
    """A fork happens when no thread reads, and reading goes on after it."""
    with Store(SQLite(path)) as store:
        for _ in range(50):
            store.record(make.outcome())
        found = []
        readers = [Thread(target=lambda: found.append(len(list(store.attempts())))) for _ in range(3)]
        for reader in readers:
            reader.start()
        child = os.fork()
        if not child:
            os._exit(0 if len(list(store.attempts())) == 50 else 1)
        for reader in readers:
            reader.join()

        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert found == [50] * 3


def test_a_child_makes_ids_of_its_own(path, run):
    """What an id has beside its time is of the process: the calls of a child and of its parent share it at no time."""
    script = """
    from schema_guard import guard
    ask = guard({"type": "integer"}, store=url)(lambda prompt: "1")
    ask("t")
    children = []
    for _ in range(2):
        child = os.fork()
        if not child:
            ask("t")
            while store_of(ask).flush(10.0): pass
            os._exit(0)
        os.waitpid(child, 0)
    ask("t")
    store = store_of(ask)
    ids = [row["call_id"] for row in store.attempts()]
    print(json.dumps([len(ids), len({call_id[12:] for call_id in ids})]))
    """
    assert run(script.replace("store_of(ask)", "ask.prepared.store()"), f"sqlite:///{path}") == [4, 4]


@pytest.mark.parametrize("lock", ["guards.folding._lock", "records.urls._shared_lock"])
def test_a_lock_that_a_thread_holds_is_not_inherited(path, run, lock):
    """A child calls guarded functions though a thread of its parent was asking for a store, or keeping a name, at the fork."""
    script = """
    import signal, threading
    from schema_guard import guard, tags
    from schema_guard.guards import folding
    from schema_guard.records import urls
    ask = guard({"type": "integer"}, store=url)(lambda prompt: "1")
    def hold():
        with LOCK:
            held.set()
            time_enough.wait()
    held, time_enough = threading.Event(), threading.Event()
    threading.Thread(target=hold, daemon=True).start()
    held.wait()
    child = os.fork()
    if not child:
        signal.alarm(20)
        with tags(segment="s"): ask.outcome("t")
        os._exit(0)
    print(os.waitpid(child, 0)[1])
    time_enough.set()
    """
    assert run(script.replace("LOCK", lock.partition(".")[2]), f"sqlite:///{path}") == 0


def test_a_loop_that_a_thread_loads_is_loaded_before_a_fork():
    """A child calls guarded functions though a thread of its parent was making the first call that is asked again."""
    # Without the names of a store, whose writer waits for imports by itself.
    script = """
import os, signal, sys, threading, time
from schema_guard import guard
begun = threading.Event()
class Slow:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name == "schema_guard.guards.started":
            begun.set()
            time.sleep(0.1)
sys.meta_path.insert(0, Slow)
ask = guard({"type": "integer"}, store=None)(lambda prompt: "1" if "not valid" in prompt else "one")
thread = threading.Thread(target=ask, args=("t",))
thread.start()
begun.wait()
child = os.fork()
if not child:
    signal.alarm(20)
    ask("t")
    os._exit(0)
thread.join()
sys.exit(os.waitpid(child, 0)[1])
"""
    ended = subprocess.run([sys.executable, "-c", script], check=False, timeout=30)

    assert ended.returncode == 0
