"""The databases that keep the contract, and processes of their own."""

import itertools
import json
import os
import sqlite3
import subprocess
import sys
import textwrap
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import settings

import schema_guard
from schema_guard.records import Store
from schema_guard.records.rows import rows
from schema_guard.records.sqlite.database import SQLite
from tests.needs import marked
from tests.public.records import outcomes, server

# Every kind of database; the tests that ask for `new_backend` or `store` are the contract of all of them.
BACKENDS = {
    "file": SQLite,
    "memory": lambda path: SQLite(None),
    "postgres": None,  # a schema of the server's
}


@pytest.fixture(scope="session")
def postgres():
    """One PostgreSQL server for all tests."""
    yield from server.running()


_SCHEMAS = itertools.count(1)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Of a test with many cases the server has the first one: it takes more than the test itself to open connections."""
    met = set()
    for item in items:
        callspec = getattr(item, "callspec", None)
        if callspec is None or callspec.params.get("new_backend") != "postgres" or "slow" in item.keywords:
            continue
        if item.nodeid.partition("[")[0] in met:
            item.add_marker(pytest.mark.costly)
        met.add(item.nodeid.partition("[")[0])


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem):
    """Draw fewer examples for the server: each opens several connections to it, and all stores keep one contract."""
    test, callspec = pyfuncitem.obj, getattr(pyfuncitem, "callspec", None)
    chosen = getattr(test, "_hypothesis_internal_use_settings", None)
    if chosen is None or callspec is None or callspec.params.get("new_backend") != "postgres":
        return (yield)
    test._hypothesis_internal_use_settings = settings(chosen, max_examples=min(chosen.max_examples, 12))
    try:
        return (yield)
    finally:
        test._hypothesis_internal_use_settings = chosen


@pytest.fixture(scope="session")
def new_schema(postgres):
    """Give the URL of an empty schema of the server, another one at each call."""
    return lambda **parameters: postgres.url(f"t{os.getpid()}_{next(_SCHEMAS)}", **parameters)


def _rented(postgres):
    """Give schemas in turn, emptied: to make the tables takes the server longer than most tests take."""
    from schema_guard.ext.postgres.address import parsed
    from schema_guard.ext.postgres.database import Postgres

    turns = itertools.cycle(f"r{number}" for number in range(10))

    def rent():
        schema, connection = next(turns), postgres.shared_connection()
        sql = "SELECT tablename FROM pg_tables WHERE schemaname = %s ORDER BY tablename"
        tables = [name for (name,) in connection.execute(sql, (schema,)).fetchall()]
        empty = [f"DELETE FROM {schema}.{name}" for name in tables if name != "meta"]
        if tables:
            empty.append(f"UPDATE {schema}.meta SET value = '0' WHERE key = 'last_id'")
            empty.append(f"DELETE FROM {schema}.meta WHERE key NOT IN ('version', 'hash_key', 'last_id')")
            connection.execute(";".join(empty))
        return Postgres(parsed(postgres.url(schema)))

    return rent


@pytest.fixture(scope="session", params=marked(BACKENDS, "postgres", "postgres".__eq__))
def new_backend(request, tmp_path_factory):
    """Give an empty database of a kind, another one at each call."""
    if request.param == "postgres":
        return _rented(request.getfixturevalue("postgres"))
    folder, numbers = tmp_path_factory.mktemp(request.param), itertools.count(1)
    return lambda: BACKENDS[request.param](folder / f"{next(numbers)}.db")


@pytest.fixture
def store(new_backend):
    with Store(new_backend()) as opened:
        yield opened


def _write(backend, made_batches):
    """Store outcomes, one transaction for each batch."""
    session = backend.session()
    for made in made_batches:
        session.write([row for outcome in made for row in rows(outcome, None, session.key)], {}, 0.0)
    session.close()


@pytest.fixture(scope="session")
def write():
    return _write


@pytest.fixture(scope="session")
def make():
    failed = {"failure": outcomes.BROKEN, "form": None}
    return SimpleNamespace(
        outcome=outcomes.outcome,
        call=outcomes.CALL,
        attempt=outcomes.ATTEMPT,
        broken=outcomes.BROKEN,
        failed=failed,
    )


@pytest.fixture(scope="session")
def count_rows():
    """The rows of a database file, counted without the library."""

    def count(path, table="attempts"):
        connection = sqlite3.connect(path)
        try:
            return connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
        finally:
            connection.close()

    return count


@pytest.fixture(scope="session")
def start():
    """Start a script in a process of its own; `outcome` is defined in it."""
    root = Path(schema_guard.__file__).parents[1]
    prelude = f"""
    import runpy, sys, os, json
    from schema_guard.records import open_store, resolve_store, default_store
    outcome = runpy.run_path({outcomes.__file__!r})["outcome"]
    url = sys.argv[1]
    """

    def begin(script, url, **environment):
        text = textwrap.dedent(prelude) + textwrap.dedent(script)
        command = [sys.executable, "-c", text, url]
        environment = {**os.environ, "PYTHONPATH": str(root), **environment}
        return subprocess.Popen(  # our own words
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
        )

    return begin


@pytest.fixture(scope="session")
def run(start):
    """Run a script as `start` does; gives what its last line says, as JSON, or None."""

    def finish(script, url, *, exit_code=0, timeout_s=30, **environment):
        process = start(script, url, **environment)
        out, errors = process.communicate(timeout=timeout_s)
        assert process.returncode == exit_code, errors
        assert "Traceback" not in errors or exit_code, errors
        return json.loads(out.splitlines()[-1]) if out.strip() else None

    return finish
