"""A process that forks: its connection to the server stays its own, and ends when it does."""

import os
import signal
import time

import pytest

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")

MINE = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'schema-guard'"


@pytest.mark.costly
def test_a_child_says_nothing_on_its_parents_connection(new_schema, run):
    """A child that is forked in the middle of a write, and ends as Python does, leaves the parent's transaction alone."""
    script = """
    import threading, time
    from schema_guard.ext.postgres.address import parsed
    from schema_guard.ext.postgres.database import Postgres
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
    from schema_guard.records.writing import writer
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
