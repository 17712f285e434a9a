"""Several processes on one store: forks, multiprocessing, kills, and concurrent writers."""

import json
import os
import signal

import pytest

from schema_guard import open_store
from tests.thinned import costly

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")


def verified_attempts(path):
    """Return the attempts of a file. Its counts must agree with them."""
    with open_store(str(path)) as store:
        rows = list(store.attempts())
        assert store.check().is_sound
        assert sum(sums.attempts for result in store.configurations() for sums in result.sums) == len(rows)
        assert sum(hour.calls for hour in store.by_hour()) == sum(bool(row["final"]) for row in rows)
        return rows


def test_four_processes_lose_no_row(path, url, start):
    """Four processes create one file and write it concurrently. The rows of each are in order."""
    script = """
    store = open_store(url)
    name = sys.argv[1]
    for n in range(100):
        store.record(outcome(FAILED, {}, id=f"{os.getpid()}-{n}", input_hash=f"i{n}"))
        n % 10 or store.flush()
    store.flush(30.0)
    counts = store.counts()
    print(json.dumps([os.getpid(), counts.offered, counts.stored, counts.lost_records, counts.pending]))
    """
    processes = [start(script, url) for _ in range(4)]
    outputs = [process.communicate(timeout=60)[0] for process in processes]

    rows = verified_attempts(path)
    assert len(rows) == 800
    for line in outputs:
        pid, *ledger = json.loads(line)
        assert ledger == [200, 200, {}, 0]
        mine = [row["call_id"] for row in rows if row["call_id"].startswith(f"{pid}-")]
        assert mine == [f"{pid}-{n}" for n in range(100) for _ in range(2)]
    with open_store(url) as store:
        (result,) = store.configurations()
        assert (result.calls, result.fixed_by_retry, result.clusters) == (400, 400, ((4, 0, 100),))


@needs_fork
def test_forked_child_has_its_own_ledger(path, url, run):
    """A child starts with an empty ledger and stores only its own rows."""
    script = """
    store = open_store(url)
    ask = guard({"type": "integer"}, store=store, name="ask")(lambda prompt: "1")
    ask("t"); store.flush()
    for n in range(3): ask("t")
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        at_fork = store.counts()
        ask("t"); ask("t")
        left = store.flush(10.0)
        os.write(writing, json.dumps([at_fork.offered, at_fork.pending, store.counts().stored, left]).encode())
        os._exit(0)
    os.waitpid(child, 0)
    ask("t"); left = store.flush(10.0)
    print(json.dumps([json.loads(os.read(reading, 1000)), store.counts().stored, left]))
    """
    assert run(script, url) == [[0, 0, 2, 0], 5, 0]
    rows = verified_attempts(path)
    assert (len(rows), len({row["call_id"] for row in rows})) == (7, 7)


ENDS_OF_A_CHILD = {
    "sys.exit": "sys.exit(0)",
    "exception": "sys.stderr.close(); raise SystemExit(0)",
    "os._exit after a flush": "assert flush(10.0) == 0; os._exit(0)",
    "falls off the end": "is_child = True",
}


@needs_fork
@pytest.mark.parametrize("end", costly(ENDS_OF_A_CHILD, 2))
def test_end_of_a_forked_child_does_not_affect_its_parent(path, url, run, end):
    """The child stores its rows, and the parent can still write, for every kind of end."""
    script = """
    import gc
    store, is_child = open_store(url), False
    store.record(outcome(id="before")); store.flush()
    child = os.fork()
    if not child:
        gc.collect()
        for n in range(5): store.record(outcome(id=f"child-{n}"))
        END
    if not is_child:
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        for n in range(20): store.record(outcome(id=f"parent-{n}")); n % 5 or store.flush()
        print(json.dumps([len(list(store.attempts())), store.counts().stored]))
    """
    assert run(script.replace("END", ENDS_OF_A_CHILD[end]), url) == [26, 21]
    assert sorted(row["call_id"] for row in verified_attempts(path)) == sorted(
        ["before", *(f"child-{n}" for n in range(5)), *(f"parent-{n}" for n in range(20))]
    )


WORKER = """
import os, time
from schema_guard import guard
def work(url, name, calls):
    ask = guard({"type": "integer"}, store=url, name=name)(lambda prompt: "1")
    for n in range(calls): ask(f"t{n}")
def one(job):
    work(*job)
    return os.getpid()
def flushed(job):
    from schema_guard import flush
    work(*job)
    return flush(10.0)
"""


@needs_fork
@pytest.mark.parametrize("way", costly(["fork", "spawn"], 2))
def test_multiprocessing_children_store_their_rows(path, url, run, way, tmp_path):
    """Children of multiprocessing end without atexit, and still lose no row."""
    (tmp_path / "worker.py").write_text(WORKER)
    script = f"""
    sys.path.insert(0, {str(tmp_path)!r})
    import multiprocessing, worker
    if __name__ == "__main__":
        worker.work(url, "parent", 2); flush()
        context = multiprocessing.get_context({way!r})
        children = [context.Process(target=worker.work, args=(url, f"child{{n}}", 10)) for n in range(2)]
        for child in children: child.start()
        for child in children: child.join()
        print(json.dumps([child.exitcode for child in children]))
    """
    assert run(script, url) == [0, 0]
    names = [row["function"] for row in verified_attempts(path)]
    assert {name: names.count(name) for name in names} == {"parent": 2, "child0": 10, "child1": 10}


@needs_fork
@pytest.mark.parametrize("task", costly(["one", "flushed"], 2))
def test_pool_workers_store_their_rows(path, url, run, task, tmp_path):
    """Workers of a closed pool lose no row. Workers of a terminated pool lose none if their tasks flush."""
    (tmp_path / "worker.py").write_text(WORKER)
    ends = "pool.close()" if task == "one" else "pool.terminate()"
    script = f"""
    sys.path.insert(0, {str(tmp_path)!r})
    import multiprocessing, worker
    worker.work(url, "parent", 2)
    pool = multiprocessing.get_context("fork").Pool(2)
    done = pool.map(worker.{task}, [(url, f"child{{n}}", 5) for n in range(4)])
    {ends}; pool.join()
    print(json.dumps(len(done)))
    """
    assert run(script, url) == 4
    names = [row["function"] for row in verified_attempts(path)]
    assert {name: names.count(name) for name in names} == {"parent": 2, **{f"child{n}": 5 for n in range(4)}}


@needs_fork
def test_forked_child_has_its_own_memory_store(run):
    """A child starts with an empty store in memory."""
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


def test_sync_survives_a_kill(path, url, run):
    """The rows of "sync" are stored after kill -9, in order and in whole calls."""
    script = """
    store = open_store(url, durability="sync")
    for n in range(20): store.record(outcome(FAILED, {}, id=str(n)))
    os.kill(os.getpid(), 9)
    """
    run(script, url, exit_code=-signal.SIGKILL)

    assert [row["call_id"] for row in verified_attempts(path)] == [
        str(n) for n in range(20) for _ in range(2)
    ]


@pytest.mark.parametrize(
    ("durability", "kills"),
    [
        ("queue", range(1, 3)),
        ("sync", range(1, 3)),
        pytest.param("queue", range(3, 9), marks=pytest.mark.slow),
        pytest.param("sync", range(3, 9), marks=pytest.mark.slow),
    ],
)
def test_kill_during_writes_leaves_whole_calls(path, url, start, durability, kills):
    """After kill -9 at any time, all acknowledged calls are stored and the counts match the rows."""
    script = """
    store = open_store(url, durability=DURABILITY)
    print(len(list(store.attempts())), flush=True)
    for n in range(1_000_000):
        store.record(outcome(FAILED, {}, id=f"{os.getpid()}-{n}", input_hash=f"i{n % 50}", segment=f"s{n % 3}"))
        if n % EVERY == EVERY - 1:
            assert store.flush(30.0) == 0
            print(store.counts().stored, flush=True)
    """
    stored = 0
    every = 20 if durability == "queue" else 5
    for kill in kills:
        process = start(script.replace("DURABILITY", repr(durability)).replace("EVERY", str(every)), url)
        assert int(process.stdout.readline()) == stored
        for _ in range(kill * 2):
            process.stdout.readline()
        process.kill()
        rest, _ = process.communicate(timeout=30)
        acknowledged = [int(line) for line in rest.split("\n")[:-1]] or [2 * every * kill * 2]

        rows = verified_attempts(path)
        assert len(rows) >= stored + acknowledged[-1]
        assert [row["number"] for row in rows] == [1, 2] * (len(rows) // 2)
        stored = len(rows)


@pytest.mark.costly
def test_default_store_creates_its_file_at_the_first_record(tmp_path, run):
    """Before the first record, the default store opens no file."""
    script = """
    for name in ("PYTEST_VERSION", "PYTEST_CURRENT_TEST"): os.environ.pop(name, None)
    from schema_guard import default_store
    store = default_store()
    before = os.path.exists(url)
    empty = list(store.attempts())
    between = os.path.exists(url)
    guard({"type": "integer"})(lambda prompt: "1")("t")
    store.flush()
    print(json.dumps([before, empty, between, os.path.exists(url), store.info().path]))
    """
    expected = str(tmp_path / "schema-guard" / "records.db")

    result = run(script, expected, XDG_DATA_HOME=str(tmp_path), SCHEMA_GUARD_STORE="")

    assert result == [False, [], False, True, expected]


@pytest.mark.costly
def test_import_opens_no_database(run):
    """Importing schema_guard loads no sqlite3 and opens no database file."""
    script = """
    import os, subprocess, textwrap
    child = '''
    import sys
    opened = []
    sys.addaudithook(lambda event, what: opened.append(str(what[0])) if event == "open" else None)
    from schema_guard import default_store, flush, guard, open_store
    print(["sqlite3" in sys.modules, [name for name in opened if name.endswith(".db")]])
    '''
    command = [sys.executable, "-c", textwrap.dedent(child)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    print(json.dumps(subprocess.run(command, capture_output=True, text=True, env=environment).stdout))
    """
    assert run(script, "sqlite://") == "[False, []]\n"
