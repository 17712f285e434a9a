"""A process that records and forks: nothing is lost, nobody waits, and no child touches what its parent has open."""

import os
import subprocess
import sys
import time

import pytest

from schema_guard.records import Store
from schema_guard.records.process.relay import RelaySession
from schema_guard.records.rows import rows
from schema_guard.records.sqlite.database import SQLite
from schema_guard.records.sqlite.write_lock import turn
from schema_guard.records.values import WriteRefused

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "records.db"


def test_a_child_of_a_process_that_was_writing_records_through_another_one(path, run, count_rows):
    """If a connection cannot be closed before the fork, another process writes what the child records."""
    script = """
    import sqlite3, time
    from pathlib import Path
    from schema_guard.records import Store
    from schema_guard.records.sqlite.database import SQLite
    class Slow(sqlite3.Connection):
        def execute(self, sql, *rest):
            if sql == "COMMIT": time.sleep(1.0)
            return super().execute(sql, *rest)
    def slow(*rest, **options): return sqlite3.connect(*rest, factory=Slow, **options)
    store = Store(SQLite(Path(url.removeprefix("sqlite:///")), connect=slow))
    store.record(outcome()); time.sleep(0.3)
    begun = time.perf_counter()
    reading, writing = os.pipe()
    child = os.fork()
    waited = time.perf_counter() - begun
    if not child:
        store.record(outcome()); store.record(outcome())
        store.flush(20.0)
        os.write(writing, json.dumps([store.counts().lost_records, store.counts().stored]).encode())
        os._exit(0)
    os.waitpid(child, 0)
    store.record(outcome())
    left = store.flush(20.0)
    print(json.dumps([waited < 0.8, json.loads(os.read(reading, 1000)), left, store.counts().stored]))
    """
    assert run(script, f"sqlite:///{path}") == [True, [{}, 2], 0, 2]
    assert count_rows(path) == 4


def test_without_a_relay_a_child_counts_its_records_as_lost(path, run, count_rows, monkeypatch):
    """If no other process can be started, the child counts each record and reports it once."""
    monkeypatch.setattr(sys, "executable", str(path.parent / "no-python"))
    backend = SQLite(path)
    backend._connections.is_inherited = True

    with pytest.raises(WriteRefused) as refused:
        backend.session()

    assert refused.value.reason == "forked_while_writing"


def test_a_relay_stores_and_refuses_as_a_session_does(path, make):
    """Another process writes the same rows as a session, and its errors keep their reasons."""
    with Store(SQLite(path)) as store:
        store.record(make.outcome())
    backend = SQLite(path)
    backend._connections.is_inherited = True
    session = backend.session()
    try:
        session.write(rows(make.outcome(id="2"), None, session.key), {"queue_full": 3}, 1.0)
    finally:
        session.close()
    with pytest.raises(WriteRefused) as refused:
        RelaySession("sqlite:////proc/none/records.db")

    assert refused.value.reason == "store_unavailable"
    with Store(SQLite(path)) as store:
        assert [row["call_id"][-1] for row in store.attempts()] == ["0", "2"]
        assert store.lost_records() == {"queue_full": 3}


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


@pytest.mark.parametrize("lock", ["preparing.name_limits._lock", "records.urls._shared_lock"])
def test_a_lock_that_a_thread_holds_is_not_inherited(path, run, lock):
    """A child calls guarded functions though a thread of its parent was asking for a store, or keeping a name, at the fork."""
    script = """
    import signal, threading
    from schema_guard import guard, tags
    from schema_guard.preparing import name_limits
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
import faulthandler, os, sys, threading, time
from schema_guard import guard
begun = threading.Event()
class Slow:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name == "schema_guard.running_call":
            begun.set()
            time.sleep(0.1)
sys.meta_path.insert(0, Slow)
ask = guard({"type": "integer"}, store=None)(lambda prompt: "1" if "not valid" in prompt else "one")
thread = threading.Thread(target=ask, args=("t",))
thread.start()
begun.wait()
child = os.fork()
if not child:
    faulthandler.dump_traceback_later(20, exit=True)  # says where it hangs
    ask("t")
    os._exit(0)
thread.join()
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    ended = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, check=False, text=True, timeout=30
    )

    assert ended.returncode == 0, ended.stderr


@pytest.mark.parametrize("module", ["decorator", "guarded", "schema"])
def test_child_can_use_a_name_that_a_thread_was_importing(module):
    """A child imports `guard` though a thread of its parent was importing it for the first time at the fork."""
    script = """
import faulthandler, os, sys, threading, time
import schema_guard
begun = threading.Event()
class Slow:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name == "schema_guard.MODULE" and not begun.is_set():
            begun.set()
            time.sleep(1.0)
sys.meta_path.insert(0, Slow)
thread = threading.Thread(target=lambda: schema_guard.guard)
thread.start()
begun.wait()
child = os.fork()
if not child:
    faulthandler.dump_traceback_later(20, exit=True)  # the traceback shows where the child hangs
    schema_guard.guard
    os._exit(0)
thread.join()
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    ended = subprocess.run(
        [sys.executable, "-c", script.replace("MODULE", module)],
        capture_output=True, check=False, text=True, timeout=30,
    )  # fmt: skip

    assert ended.returncode == 0, ended.stderr


@pytest.mark.parametrize("step", ["module", "nested module"])
def test_a_child_imports_a_module_that_a_thread_was_importing_for_too_long(step):
    """If the import takes longer than a fork waits, the child imports the module again, and what the module imports."""
    script = """
import os, signal, sys, threading
from importlib import import_module
from importlib.machinery import ModuleSpec, PathFinder
from schema_guard import guard
begun, over = threading.Event(), threading.Event()
def block(step):
    if step == STEP and not begun.is_set():
        begun.set()
        over.wait(25)
class Empty:
    @staticmethod
    def create_module(spec): return None
    @staticmethod
    def exec_module(module): block("nested module")
class Slow:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name == "empty": return ModuleSpec(name, Empty)
        if name != "schema_guard.running_call": return None
        spec = PathFinder.find_spec(name, path, target)
        execute = spec.loader.exec_module
        def exec_module(module):
            block("module")
            import_module("empty")
            execute(module)
        spec.loader.exec_module = exec_module
        return spec
sys.meta_path.insert(0, Slow)
ask = guard({"type": "integer"}, store=None)(lambda prompt: "1" if "not valid" in prompt else "one")
thread = threading.Thread(target=ask, args=("t",))
thread.start()
begun.wait()
child = os.fork()
if not child:
    signal.alarm(20)
    os._exit(ask("t") != 1)
status = os.waitpid(child, 0)[1]
over.set()
thread.join()
sys.exit(os.waitstatus_to_exitcode(status))
"""
    script = script.replace("STEP", repr(step))
    ended = subprocess.run([sys.executable, "-c", script], check=False, timeout=60)

    assert ended.returncode == 0
