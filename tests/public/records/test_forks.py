"""A process that records and forks: nothing is lost, nobody waits, and no child touches what its parent has open."""

import os
from pathlib import Path

import pytest

from tests.thinned import costly

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")

FORK_WAIT_S = 0.25  # documented limit of the delay of a fork
UNWRITTEN = 3

# The status with which a child ends that recorded one row: whether it is stored, counted as not stored, or neither. It
# takes its time: two hundred children that each wait for a slow disk are done when all are.
END = """
def end(store):
    while store.flush(10.0): pass
    counts = store.counts()
    return 0 if counts.stored == 1 else UNWRITTEN if counts.lost_records == {"forked_while_writing": 1} else 7
""".replace("UNWRITTEN", str(UNWRITTEN))
FORKING = (
    END
    + """
import threading, time
store = open_store(url, durability=DURABILITY)
ask = guard({"type": "integer"}, store=store, name="ask")(lambda prompt: "1")
stop, acked = threading.Event(), [0] * 3
def work(i):
    while not stop.is_set():
        ask("t"); acked[i] += 1
        time.sleep(0.01)
threads = [threading.Thread(target=work, args=(i,)) for i in range(3)]
for thread in threads: thread.start()
children, lasted = [], []
for n in range(FORKS):
    time.sleep(0.01)
    begun = time.perf_counter()
    child = os.fork()
    if not child:
        ask("t")
        if n % 2: time.sleep(0.3)
        os._exit(end(store))
    lasted.append(time.perf_counter() - begun)
    children.append(child)
codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
stop.set()
for thread in threads: thread.join()
store.close(10.0)
counts = store.counts()
print(json.dumps([codes, sum(acked), counts.offered, counts.stored, counts.lost_records, lasted]))
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
    ask("t"); acked[3] += 1
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
    ask("t")
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
ask = guard({"type": "integer"}, store=store, name="ask")(lambda prompt: "1")
stop, acked, children, codes, lasted = threading.Event(), [0] * 4, [], [], []
def work(i):
    while not stop.is_set():
        ask("t"); acked[i] += 1
        time.sleep(0.01)
def child():
    ask("t")
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
print(json.dumps([codes, sum(acked), counts.offered, counts.stored, counts.lost_records, lasted]))
"""
)


def _check_ends(codes, lasted):
    """Each child stored its row, or counts it where the fork waited as long as it may, as a loaded machine makes it."""
    assert set(codes) <= {0, UNWRITTEN}
    assert codes.count(UNWRITTEN) <= sum(wait_s >= FORK_WAIT_S for wait_s in lasted)


@pytest.mark.parametrize("durability", ["queue", "sync"])
@pytest.mark.parametrize("forks", [8, pytest.param(100, marks=pytest.mark.slow)])
def test_forks_with_threads_lose_no_call(path, run, count_rows, durability, forks):
    """Whatever its threads record while a process forks, all of it is stored, and what the children record too."""
    script = FORKING.replace("DURABILITY", repr(durability)).replace("FORKS", str(forks))
    codes, acked, offered, stored, lost_records, lasted = run(script, f"sqlite:///{path}")

    _check_ends(codes, lasted)
    assert (acked, acked, {}) == (offered, stored, lost_records)
    assert count_rows(path) == acked + codes.count(0)
    assert max(lasted) < 1.0


@pytest.mark.parametrize("durability", costly(["queue", "sync"], 2))
@pytest.mark.parametrize("forker", FORKERS)
@pytest.mark.parametrize("forks", [4, pytest.param(200, marks=pytest.mark.slow)])
def test_whoever_forks_loses_nothing(path, run, count_rows, durability, forker, forks):
    """Threads, handlers of signals, multiprocessing, `preexec_fn` and parents that end first lose no row, and nobody waits."""
    script = FORKED.replace("FORKER", FORKERS[forker]).replace("DURABILITY", repr(durability))
    result = run(script.replace("FORKS", str(forks)), f"sqlite:///{path}", timeout_s=120)
    codes, acked, offered, stored, lost_records, lasted = result

    _check_ends(codes, lasted)
    assert (acked, acked, {}) == (offered, stored, lost_records)
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
    from schema_guard import Message
    store.record(outcome(), (Message("user", Forking()),))
    left = store.flush(5.0)
    os.waitpid(child, 0)
    print(json.dumps([left, store.counts().stored]))
    """
    assert run(script, f"sqlite:///{path}") == [0, 1]
    assert count_rows(path) == 1


def test_a_wait_for_a_lock_is_broken_off_and_the_row_is_stored_later(path, run, tmp_path):
    """A writer that waits for another process lets a fork happen, and stores its row when the other one is done."""
    script = """
    import time
    import sqlite3
    store = open_store(url)
    child = None
    with sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None) as lock:
        lock.execute("BEGIN IMMEDIATE")
        store.record(outcome())
        begun = time.perf_counter()
        child = os.fork()
        if not child: os._exit(0)
        waited = time.perf_counter() - begun
        lock.execute("COMMIT")
    os.waitpid(child, 0)
    left = store.flush(5.0)
    print(json.dumps([waited < 0.6, left, store.counts().stored, store.counts().lost_records]))
    """
    assert run(script, f"sqlite:///{path}") == [True, 0, 1, {}]


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs /proc/self/task")
def test_a_fork_waits_for_the_end_of_the_writers_thread_in_the_system(path, run):
    """When a process forks, the writer's thread is gone for the system too: what it still holds would be held in the child."""
    script = """
    import threading, time
    from schema_guard import Message
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


def test_a_reader_is_waited_for(path, run):
    """A fork waits until no thread reads. After it, parent and child can read."""
    script = """
    import threading
    store = open_store(url)
    for n in range(50): store.record(outcome(id=str(n)))
    store.flush(10.0)
    found = []
    readers = [threading.Thread(target=lambda: found.append(len(list(store.attempts())))) for _ in range(3)]
    for reader in readers: reader.start()
    begun = time.perf_counter()
    child = os.fork()
    took = time.perf_counter() - begun
    if not child:
        code = 7
        try: code = 0 if len(list(store.attempts())) == 50 else 1
        finally: os._exit(code)
    for reader in readers: reader.join()
    print(json.dumps([os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), found, took]))
    """
    code, result, took = run(script, f"sqlite:///{path}")

    # If the fork waited for the whole limit, the child cannot read.
    assert code == 0 or (code == 7 and took >= FORK_WAIT_S)
    assert result == [50] * 3


def test_fork_during_a_long_write_loses_no_row(path, run, count_rows):
    """A child that is forked during a long write has its own ledger and does not touch its parent's rows."""
    script = """
    store = open_store(url)
    store.record(outcome(id="first")); store.flush(10.0)
    many = outcome(*[FAILED] * 49, {})
    for n in range(300): store.record(many._replace(call=many.call._replace(id=str(n))))
    time.sleep(0.1)
    reading, writing = os.pipe()
    begun = time.perf_counter()
    child = os.fork()
    took = time.perf_counter() - begun
    if not child:
        try:
            before = store.counts()
            store.record(outcome(id="child"))
            while store.flush(10.0): pass
            after = store.counts()
            said = [before.offered, before.pending, after.offered, after.stored, after.lost_records]
            os.write(writing, json.dumps(said).encode())
        finally: os._exit(0)
    os.waitpid(child, 0)
    while store.flush(60.0): pass
    counts = store.counts()
    print(json.dumps([took, json.loads(os.read(reading, 1000)), counts.offered, counts.stored, counts.lost_records]))
    """
    took, child, *ledger = run(script, f"sqlite:///{path}")

    assert took < 2.0
    assert ledger == [15_001, 15_001, {}]
    assert child in ([0, 0, 1, 1, {}], [0, 0, 1, 0, {"forked_while_writing": 1}])
    assert count_rows(path) == 15_001 + child[3]


def test_a_child_makes_ids_of_its_own(path, run):
    """What an id has beside its time is of the process: the calls of a child and of its parent share it at no time."""
    script = """
    ask = guard({"type": "integer"}, store=url)(lambda prompt: "1")
    ask("t")
    children = []
    for _ in range(2):
        child = os.fork()
        if not child:
            ask("t")
            while flush(10.0): pass
            os._exit(0)
        os.waitpid(child, 0)
    ask("t")
    flush(10.0)
    store = open_store(url)
    ids = [row["call_id"] for row in store.attempts()]
    print(json.dumps([len(ids), len({call_id[12:] for call_id in ids})]))
    """
    assert run(script, f"sqlite:///{path}") == [4, 4]
