"""Stores that are filled, written out and read in."""

import io
from types import SimpleNamespace

import pytest
from hypothesis import settings

from schema_guard.ext.transfer.exporter import export
from schema_guard.ext.transfer.importer import Taking, add_declared, check, import_file, merge
from schema_guard.records import Store
from schema_guard.records.attempts import Where
from schema_guard.records.declarations import Declared, DeclaredStep, DeclaredTarget
from schema_guard.records.rows import rows

KEY = "the key of a fleet"


@pytest.fixture(autouse=True)
def one_key(monkeypatch):
    """All machines hash with one key, unless a test says otherwise."""
    monkeypatch.setenv("SCHEMA_GUARD_HASH_KEY", KEY)


def _fill(backend, outcomes, *, lost_records=None):
    session = backend.session()
    session.write(
        [row for one in outcomes for row in rows(one, "task", session.key)], lost_records or {}, 1_000.0
    )
    session.close()


def _declare(backend, at, reason, target):
    session = backend.session()
    step = DeclaredStep("few_shot", "declined", reason, at)
    with session.writing() as connection:
        add_declared(connection, Declared("f" * 16, (step,), (DeclaredTarget(at, target, "app.one"),)))
    session.close()


def _out(backend, form="jsonl", where=None, texts=None):
    stream = io.BytesIO()
    export(backend, stream, form, where or Where(), texts=texts)
    return stream.getvalue()


def _take(backend, content, **how):
    return import_file(backend, check("a.jsonl", io.BytesIO(content)), Taking(**how))


def _merged(backend, other, **how):
    return merge(backend, "b.db", other, Taking(**how))


def _all_of(backend):
    store = Store(backend)
    with backend.reading() as snapshot:
        beside = snapshot.every_declaration(), snapshot.every_lost_record()
    return list(store.attempts()), store.configurations(), store.by_hour(), beside


@pytest.fixture(scope="session")
def move():
    """Fill a store, declare something, write it out to bytes, take bytes or a store in, and give all that it says."""
    return SimpleNamespace(fill=_fill, declare=_declare, out=_out, take=_take, merged=_merged, all_of=_all_of)


@pytest.fixture
def examples(request):
    """How many examples a law is tried on: many where a new store costs nothing."""
    few = settings.default.max_examples
    return 2 * few if request.node.callspec.params["new_backend"] == "memory" else min(few, 4)
