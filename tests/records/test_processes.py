import os
import signal
import sqlite3

import pytest

from schema_guard.records import Store
from schema_guard.records.sqlite.database import SQLite

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "records.db"


def test_what_is_pending_is_stored_when_the_process_ends(path, run, count_rows):
    """A process that ends without a flush loses nothing."""
    run("for n in range(150): resolve_store(url).record(outcome())", f"sqlite:///{path}")

    assert count_rows(path) == 150


def test_what_is_pending_is_stored_when_the_process_fails(path, run, count_rows):
    """A process that ends by an exception loses nothing."""
    run("resolve_store(url).record(outcome()); raise SystemExit(3)", f"sqlite:///{path}", exit_code=3)

    assert count_rows(path) == 1


def test_four_processes_lose_nothing(path, start, count_rows):
    """Four processes that make and write one file at once store and count all their rows."""
    script = """
    store = resolve_store(url)
    for n in range(150):
        store.record(outcome(input_hash=f"i{n}"))
        n % 10 or store.flush()
    store.flush()
    print(json.dumps(store.counts().dropped))
    """
    processes = [start(script, f"sqlite:///{path}") for _ in range(4)]
    said = [process.communicate(timeout=30) for process in processes]

    assert said == [("{}\n", "")] * 4
    assert count_rows(path) == 600
    with Store(SQLite(path)) as store:
        (counts,) = store.configurations()
        assert (counts.calls, counts.clusters) == (600, ((4, 0, 150),))
        assert [counts] == store.configurations(since=0.0)


@needs_fork
def test_a_forked_child_has_its_own_queue(path, run, count_rows):
    """A child starts with nothing offered, stores what is its own, and writes nothing of its parent's."""
    script = """
    store = open_store(url)
    store.record(outcome()); store.flush()
    for n in range(3): store.record(outcome())
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        at_fork = store.counts()
        store.record(outcome()); store.record(outcome())
        left = store.flush()
        os.write(writing, json.dumps([at_fork.offered, at_fork.pending, store.counts().stored, left]).encode())
        os._exit(0)
    os.waitpid(child, 0)
    store.record(outcome()); store.flush()
    print(json.dumps({"child": json.loads(os.read(reading, 1000)), "stored": store.counts().stored}))
    """
    said = run(script, f"sqlite:///{path}")

    assert said == {"child": [0, 0, 2, 0], "stored": 5}
    assert count_rows(path) == 7


@pytest.mark.costly
@needs_fork
def test_a_forked_child_that_ends_by_itself_leaves_the_parent_whole(path, run, count_rows):
    """A child that runs to the end of the interpreter does not close what its parent has open."""
    script = """
    import gc
    store = open_store(url)
    store.record(outcome()); store.flush()
    child = os.fork()
    if not child:
        gc.collect()
        store.record(outcome())
        sys.exit(0)
    os.waitpid(child, 0)
    for n in range(20): store.record(outcome()); store.flush()
    print(json.dumps(len(list(store.attempts()))))
    """
    assert run(script, f"sqlite:///{path}") == 22
    assert count_rows(path) == 22


@pytest.mark.costly
@needs_fork
@pytest.mark.parametrize("way", ["fork", "spawn"])
def test_a_child_of_multiprocessing_flushes_at_its_end(path, run, way, tmp_path):
    """Children of multiprocessing, which end without atexit, lose nothing."""
    (tmp_path / "worker.py").write_text(
        "from schema_guard.records import resolve_store\n"
        "def work(url, outcome):\n"
        "    for n in range(10): resolve_store(url).record(outcome)\n"
    )
    script = f"""
    sys.path.insert(0, {str(tmp_path)!r})
    import multiprocessing, worker
    store = resolve_store(url)
    store.record(outcome()); store.flush()
    child = multiprocessing.get_context({way!r}).Process(target=worker.work, args=(url, outcome()))
    child.start(); child.join()
    print(json.dumps(store.info().rows))
    """
    assert run(script, f"sqlite:///{path}") == 11


@pytest.mark.costly
@needs_fork
def test_a_forked_child_starts_with_an_empty_memory(run):
    """A store in memory is a process's own."""
    script = """
    store = open_store(url)
    store.record(outcome()); store.flush()
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        store.record(outcome())
        os.write(writing, str(len(list(store.attempts()))).encode())
        os._exit(0)
    os.waitpid(child, 0)
    print(json.dumps([int(os.read(reading, 10)), len(list(store.attempts()))]))
    """
    assert run(script, "sqlite://") == [1, 1]


def test_sync_survives_a_kill(path, run, count_rows):
    """What "sync" has recorded is there after kill -9."""
    script = """
    store = open_store(url, durability="sync")
    for n in range(20): store.record(outcome())
    os.kill(os.getpid(), 9)
    """
    run(script, f"sqlite:///{path}", exit_code=-signal.SIGKILL)

    assert count_rows(path) == 20


@pytest.mark.costly
@pytest.mark.parametrize("kills", [range(1, 4), pytest.param(range(4, 11), marks=pytest.mark.slow)])
def test_a_kill_in_the_middle_of_writing_leaves_roll_ups_and_rows_equal(path, start, kills):
    """After kill -9 at any moment every call that was told to be stored is there, and the roll-ups are those of the rows."""
    script = """
    store = open_store(url)
    for n in range(1_000_000):
        store.record(outcome({}, input_hash=f"i{n % 1000}", segment=f"s{n % 3}"))
        if n % 50 == 49:
            store.flush(30.0)
            print(store.counts().stored, flush=True)
    """
    stored = 0
    for kill in kills:
        process = start(script, f"sqlite:///{path}")
        told = [process.stdout.readline() for _ in range(kill * 3)]
        process.kill()
        rest, _ = process.communicate(timeout=30)
        lines = (told[-1] + rest).split("\n")
        stored += int(lines[-2])

        with Store(SQLite(path)) as store:
            assert store.info().rows >= stored
            stored = store.info().rows
            kept = store.configurations()
            assert sum(counts.calls for counts in kept) == stored
            assert kept == store.configurations(since=0.0)


def test_the_end_of_a_process_waits_two_seconds_at_most(path, run):
    """A database that stays locked does not keep a process from ending."""
    SQLite(path).session().close()
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    script = """
    import atexit, time
    resolve_store(url).record(outcome())
    before = time.monotonic()
    atexit._run_exitfuncs()
    print(json.dumps(time.monotonic() - before))
    os._exit(0)
    """
    waited_s = run(script, f"sqlite:///{path}")
    connection.close()

    assert 1.9 < waited_s < 3.0


@pytest.mark.costly
def test_importing_opens_nothing(run):
    """Importing the package loads no database library and opens no file but modules."""
    script = """
    import subprocess
    child = '''
    import sys, schema_guard.core.values, logging, queue, difflib, hmac
    opened = []
    sys.addaudithook(lambda event, what: opened.append(str(what[0])) if event == "open" else None)
    import schema_guard.records
    print(["sqlite3" in sys.modules, [p for p in opened if not p.endswith((".py", ".pyc", ".so"))]])
    '''
    import textwrap
    print(json.dumps(subprocess.run([sys.executable, "-c", textwrap.dedent(child)], capture_output=True, text=True).stdout))
    """
    assert run(script, "sqlite://") == "[False, []]\n"


@pytest.mark.costly
def test_the_default_store_makes_its_file_at_the_first_record(tmp_path, run):
    """Resolving the default store opens no file; the first record makes it in the data folder."""
    script = """
    store = default_store()
    before = os.path.exists(url)
    empty = list(store.attempts())
    between = os.path.exists(url)
    store.record(outcome()); store.flush()
    print(json.dumps([before, empty, between, os.path.exists(url)]))
    """
    expected = tmp_path / "schema-guard" / "records.db"
    script = "for name in ('PYTEST_VERSION', 'PYTEST_CURRENT_TEST'): os.environ.pop(name, None)\n" + script

    assert run(_dedent(script), str(expected), XDG_DATA_HOME=str(tmp_path)) == [False, [], False, True]


def _dedent(script):
    return "\n".join(line.removeprefix("    ") for line in script.splitlines())
