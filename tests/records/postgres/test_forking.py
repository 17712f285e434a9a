"""A process that forks: its connection to the server stays its own, and ends when it does."""

import os
import signal
import time

import pytest

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")

MINE = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'schema-guard'"

FORKING = """
import threading, time
store = open_store(url, durability=DURABILITY)
stop, acked = threading.Event(), [0] * 3
def work(i):
    while not stop.is_set():
        store.record(outcome()); acked[i] += 1
        time.sleep(0.01)
threads = [threading.Thread(target=work, args=(i,)) for i in range(3)]
for thread in threads: thread.start()
children, longest = [], 0.0
for n in range(6):
    time.sleep(0.02)
    begun = time.perf_counter()
    child = os.fork()
    if not child:
        store.record(outcome())
        store.flush(10.0)
        if n % 2: os._exit(0 if store.counts().stored == 1 else 7)
        store.close()
        import gc; gc.collect()
        sys.exit(0 if store.counts().stored == 1 else 7)
    longest = max(longest, time.perf_counter() - begun)
    children.append(child)
codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
stop.set()
for thread in threads: thread.join()
store.close(10.0)
counts = store.counts()
print(json.dumps([codes, sum(acked), counts.offered, counts.stored, counts.dropped, longest]))
"""


@pytest.mark.parametrize("durability", [pytest.param("queue", marks=pytest.mark.slow), "sync"])
def test_forks_among_threads_lose_nothing(new_schema, run, postgres, durability):
    """What parent and children record is stored, once, and no fork takes a second."""
    url = new_schema()
    codes, acked, offered, stored, dropped, longest = run(
        FORKING.replace("DURABILITY", repr(durability)), url
    )

    assert codes == [0] * 6
    assert (acked, acked, {}) == (offered, stored, dropped)
    assert postgres.execute(f"SELECT count(*) FROM {url.rpartition('=')[2]}.attempts") == [(acked + 6,)]
    assert longest < 1.0


@pytest.mark.costly
def test_a_child_says_nothing_on_its_parents_connection(new_schema, run):
    """A child that is forked in the middle of a write, and ends as Python does, leaves the parent's transaction alone."""
    script = """
    import threading, time
    from schema_guard.records.postgres.address import parsed
    from schema_guard.records.postgres.database import Postgres
    from schema_guard.records.rows import rows
    backend = Postgres(parsed(url))
    session = backend.session()
    with backend.writing(session._connection):
        backend.before_fork(time.monotonic() + 0.2)
        child = os.fork()
        backend.after_fork(in_child=not child)
        if not child:
            session.close(); del session
            other = backend.session(); other.close()
            sys.exit(0)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        (found,) = session._connection.execute("SELECT 1").fetchall()
    session.write(rows(outcome(), None, session.key), {}, 0.0)
    session.close()
    print(json.dumps([code, found]))
    """
    assert run(script, new_schema()) == [0, [1]]


@pytest.mark.costly
def test_a_connection_ends_with_its_process_though_a_child_lives_on(new_schema, start, postgres):
    """A child that outlives a killed parent does not keep the parent's connection open, and its lock with it."""
    script = """
    import time
    store = open_store(url, durability="sync")
    store.record(outcome())
    from schema_guard.records import writer
    # As a fork that comes while something is being written, which does not wait for it.
    writer.FORK_WAIT_S = 0.0
    writer.Writer.before_fork = lambda self, deadline: None
    child = os.fork()
    if not child:
        time.sleep(20)
        os._exit(0)
    print(child, flush=True)
    time.sleep(20)
    """
    before = postgres.execute(MINE)[0][0]
    process = start(script, new_schema())
    child = int(process.stdout.readline())
    during = postgres.execute(MINE)[0][0]
    process.kill()
    process.wait()
    deadline = time.monotonic() + 5
    while postgres.execute(MINE)[0][0] > before and time.monotonic() < deadline:
        time.sleep(0.02)
    after = postgres.execute(MINE)[0][0]
    os.kill(child, signal.SIGKILL)
    process.communicate()

    assert (during, after) == (before + 1, before)
