"""Facts about stores that cannot be used: the call gives its value, and what was lost is counted and said once."""

import os
import types
from contextvars import copy_context
from threading import Thread

import pytest

from schema_guard import Store, guard
from schema_guard.records.urls import recording_store
from tests.public.calls.functions import GOOD, TOTAL, VALUE

NO_STORES = (
    "mysql://me:hush@db/records",
    "sqlit:///a.db",
    "sqlite://a.db",
    "://",
    " ",
    "{folder}",
    "sqlite:///{folder}",
    "{folder}/file/below.db",
    "/proc/none/a.db",
)


def calls(monkeypatch, url):
    """Make two calls of a function that records where the variable says; give their values and the store."""
    monkeypatch.setenv("SCHEMA_GUARD_STORE", url)

    @guard(TOTAL)
    def ask(prompt):
        return GOOD

    values = [ask("a"), ask("b")]
    store = recording_store(default=True)
    store.flush()
    return values, store


@pytest.mark.parametrize("url", NO_STORES)
def test_a_store_that_cannot_be_opened_never_touches_the_call(monkeypatch, tmp_path, caplog, url):
    """Whatever the variable says, calls give their values; what is lost is counted, and said once."""
    (tmp_path / "file").write_text("no database")

    values, store = calls(monkeypatch, url.format(folder=tmp_path))

    assert values == [VALUE, VALUE]
    assert store.counts().lost_records == {"store_unavailable": 2}
    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) == 1
    assert lines[0].startswith("calls continue, but records are lost (store_unavailable): ")
    assert "hush" not in lines[0]


def test_a_file_that_is_no_database_never_touches_the_call(monkeypatch, tmp_path, caplog):
    """A file of another kind is left as it is."""
    path = tmp_path / "notes.txt"
    path.write_text("no database " * 500)

    values, store = calls(monkeypatch, str(path))

    assert values == [VALUE, VALUE]
    assert sum(store.counts().lost_records.values()) == 2
    assert path.read_text() == "no database " * 500


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_folder_that_cannot_be_written_never_touches_the_call(monkeypatch, tmp_path, caplog):
    """A read-only folder loses the records and no call."""
    folder = tmp_path / "locked"
    folder.mkdir(mode=0o500)

    values, store = calls(monkeypatch, str(folder / "a.db"))

    assert values == [VALUE, VALUE]
    assert store.counts().lost_records == {"store_unavailable": 2}


def test_a_folder_that_is_gone_never_touches_the_call(monkeypatch, tmp_path, caplog):
    """A relative path in a current folder that was deleted loses the records and no call."""
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()

    values, store = calls(monkeypatch, "records.db")

    assert values == [VALUE, VALUE]
    assert store.counts().lost_records == {"store_unavailable": 2}


def test_a_call_that_ends_while_a_store_is_made_waits_for_nobody(monkeypatch, tmp_path):
    """The garbage collector may end a waiting call anywhere, also where another one of its thread has its store made."""

    @types.coroutine
    def forever():
        yield

    @guard(TOTAL, store="records.db")
    async def wait(prompt):
        await forever()

    @guard(TOTAL, store="records.db", name="ask")
    def ask(prompt):
        return GOOD

    def making(self, *args, **kwargs):
        if waiting:
            waiting.pop().close()
        made(self, *args, **kwargs)

    made = Store.__init__
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Store, "__init__", making)
    waiting, value = [wait("t")], []
    copy_context().run(waiting[0].send, None)
    thread = Thread(target=lambda: value.append(ask("t")), daemon=True)
    thread.start()
    thread.join(10.0)
    store = recording_store("records.db")
    store.flush(10.0)

    assert (waiting, value) == ([], [VALUE])
    # One URL is one store, whoever asked for it first.
    assert store.counts().stored == 2
