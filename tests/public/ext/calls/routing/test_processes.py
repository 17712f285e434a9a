"""Facts about routers and the processes that they live in: its end, a fork, and other processes."""

import os
import subprocess
import sys
import threading

import pytest

from schema_guard import open_store
from tests.public.ext.calls.routing.routers import Branches

ENDING = """
import sys, time
from schema_guard import About, Router, guard
SCHEMA = {"type": "object"}
tuned = guard(SCHEMA, about=About(tuned=True), strategy="bare", store=sys.argv[1])(lambda prompt: time.sleep(float(sys.argv[2])) or "{}")
prompt = guard(SCHEMA, store=sys.argv[1], name="extract")(lambda prompt: "{}")
router = Router(tuned=tuned, prompt=prompt, share=0.0, shadow=1.0)
for number in range(3):
    router(str(number))
"""


@pytest.mark.slow
@pytest.mark.parametrize(("seconds", "shadows"), [(0.1, 3), (60, 0)])
def test_a_process_that_ends_waits_for_its_shadows_as_long_as_for_its_records(seconds, shadows, tmp_path):
    """Those that end within two seconds are recorded; one that hangs holds nobody up."""
    path = str(tmp_path / "records.db")
    subprocess.run([sys.executable, "-c", ENDING, path, str(seconds)], check=True, timeout=60)

    with open_store(path) as store:
        assert sum(row["tuned"] for row in store.attempts()) == shadows


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:This process.*is multi-threaded:DeprecationWarning")
def test_a_forked_child_starts_without_shadows():
    """What waits in the parent is the parent's: the child has none pending, and makes its own."""
    held = threading.Event()
    branches = Branches(fails=lambda branch, task: branch == "tuned" and not held.wait(10))
    router = branches.router(share=0.0, shadow=1.0)
    for number in range(3):
        router(str(number))
    child = os.fork()
    if child == 0:
        held.set()
        router("of the child")
        os._exit(0 if (router.flush(5), *router.counts()[6:]) == (0, 1, 0, 0) else 1)
    _, status = os.waitpid(child, 0)
    held.set()

    assert os.waitstatus_to_exitcode(status) == 0
    assert router.flush() == 0
    assert router.counts().shadows == 3
