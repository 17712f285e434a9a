"""Fixtures: stores of every kind, command lines, and child processes."""

import importlib.metadata
import itertools
import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from schema_guard import open_store
from tests.needs import marked
from tests.public.records import outcomes, server

ROOT = Path(__file__).parents[3]
KINDS = ("file", "memory", "postgres")
_SCHEMAS = itertools.count(1)


@pytest.fixture(scope="session")
def postgres():
    """One PostgreSQL server for all tests."""
    yield from server.running()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Run only the first case of each test on the server without --costly, because connections take long."""
    met = set()
    for item in items:
        callspec = getattr(item, "callspec", None)
        if callspec is None or callspec.params.get("new_url") != "postgres" or "slow" in item.keywords:
            continue
        name = item.nodeid.partition("[")[0]
        if name in met:
            item.add_marker(pytest.mark.costly)
        met.add(name)


@pytest.fixture(scope="session")
def server_url(postgres):
    """Return a function that returns the URL of a new empty schema on the server."""
    return lambda **parameters: postgres.url(f"p{os.getpid()}_{next(_SCHEMAS)}", **parameters)


@pytest.fixture(scope="session", params=marked(KINDS, "postgres", "postgres".__eq__))
def new_url(request, tmp_path_factory):
    """Return a function that returns the URL of a new empty store. The fixture runs once for each kind of store."""
    if request.param == "postgres":
        return request.getfixturevalue("server_url")
    if request.param == "memory":
        return lambda: "sqlite://"
    folder, numbers = tmp_path_factory.mktemp("stores"), itertools.count(1)
    return lambda: f"sqlite:///{folder}/{next(numbers)}.db"


@pytest.fixture
def store(new_url):
    """An empty store of each kind."""
    with open_store(new_url()) as opened:
        yield opened


@pytest.fixture
def path(tmp_path):
    return tmp_path / "records.db"


@pytest.fixture
def url(path):
    return f"sqlite:///{path}"


@pytest.fixture(scope="session")
def program():
    """The function of the command `schema-guard`."""
    (entry,) = importlib.metadata.entry_points(group="console_scripts", name="schema-guard")
    return entry.load()


@pytest.fixture
def cli(program, capsys, monkeypatch, tmp_path):
    """Return a function that runs a command line in this process and returns exit status, stdout, and stderr."""
    monkeypatch.setenv("SCHEMA_GUARD_STORE", "none")

    def run(*words):
        capsys.readouterr()
        with monkeypatch.context() as patched:
            patched.setattr(sys, "argv", ["schema-guard", *map(str, words)])
            try:
                status = program()
            except SystemExit as ended:
                status = ended.code
        output = capsys.readouterr()
        assert "Traceback" not in output.err
        return status or 0, output.out, output.err

    return run


@pytest.fixture
def cli_json(cli):
    """Return a function that runs a command line with `--format json` and returns the document."""

    def run(*words, status=0):
        result, out, err = cli(*words, "--format", "json")
        assert result == status, err
        return json.loads(out)

    return run


PRELUDE = f"""
import runpy, sys, os, json, time
from schema_guard import open_store, guard, flush
made = runpy.run_path({outcomes.__file__!r})
outcome, FAILED = made["outcome"], made["FAILED"]
url = sys.argv[1]
"""


@pytest.fixture(scope="session")
def start():
    """Return a function that starts a script in a child process. The script can use `outcome` and `url`."""

    def begin(script, url, **environment):
        text = PRELUDE + textwrap.dedent(script)
        command = [sys.executable, "-c", text, url]
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "SCHEMA_GUARD_STORE": "none", **environment}
        return subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
            start_new_session=True,
        )

    return begin


@pytest.fixture(scope="session")
def run(start):
    """Return a function that runs such a script to its end and returns the JSON of its last line, or None."""

    def finish(script, url, *, exit_code=0, timeout_s=60, **environment):
        process = start(script, url, **environment)
        try:
            out, errors = process.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            raise
        assert process.returncode == exit_code, errors
        assert "Traceback" not in errors or exit_code, errors
        return json.loads(out.splitlines()[-1]) if out.strip() else None

    return finish


@pytest.fixture(scope="session")
def count_rows():
    """Return a function that opens the store at a path or URL, checks it, and counts its attempts."""

    def count(place):
        with open_store(str(place)) as store:
            result = len(list(store.attempts()))
            assert store.info().rows == result
            assert store.check().is_sound
            return result

    return count


LOCKED = """
import sqlite3
def ledger():
    counts = store.counts()
    return counts.offered, counts.stored, counts.lost_records, counts.pending
store = open_store(url)
lock = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
lock.execute("BEGIN IMMEDIATE")
store.record(outcome(FAILED, {}, id="1"))
while store.flush(60.0): pass
during = ledger()
lock.close()
store.record(outcome(id="2"))
while store.flush(60.0): pass
print(json.dumps([during, ledger(), store.lost_records(), [row["call_id"] for row in store.attempts()]]))
"""


@pytest.fixture(scope="session", autouse=True)
def locked_child(request, start, tmp_path_factory):
    """A child process that waits many seconds for a lock. It starts with the first test, beside the others."""
    if not any(item.name == "test_store_recovers_after_a_long_lock" for item in request.session.items):
        yield None
        return
    process = start(LOCKED, f"sqlite:///{tmp_path_factory.mktemp('locked')}/r.db")
    yield process
    process.kill()
    process.communicate()
