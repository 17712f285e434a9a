"""Rows and texts that are taken out, counts that stay, and what is left of them in the files."""

import time

import pytest

from schema_guard.records import Store, resolve_store
from schema_guard.records.attempts import Where
from schema_guard.records.payloads.retention import Retention
from schema_guard.records.payloads.storage import TextStorage

DAY = 86_400.0
NOW = 20_000 * DAY  # 2024-10-04


@pytest.fixture
def filled(new_backend, make):
    """A store of ten days: two calls of two attempts each a day, of two functions; every text names its call."""
    backend = new_backend()
    with Store(backend, keeper=TextStorage("full")) as store:
        for day in range(10):
            for name in ("app.a", "app.b"):
                text = f"canary-{name}-{day}"
                attempt = {"prompt": text, "reply": text}
                store.record(
                    make.outcome(
                        attempt | make.failed,
                        attempt,
                        id=f"{day:031}{name[-1]}",
                        function=name,
                        segment=f"seg-{name[-1]}",
                        cluster=f"cluster-{day}" if name == "app.a" else None,
                        input_hash=f"{day:032}",
                        started_at=NOW - day * DAY - 60,
                    )
                )
        store.flush()
        yield store


def _calls(store):
    return sorted({row["call_id"] for row in store.attempts()})


def _counted(store):
    return store.configurations(), store.by_hour()


def _is_sound(store):
    check = store.backend.check(lambda *_: None)
    assert check.damage == ()
    return check.is_sound


def test_times_before_the_rows_are_counted_from_the_hours(filled, monkeypatch):
    """Since a moment whose rows have gone the calls are counted, those of the hour in which it lies whole."""
    monkeypatch.setattr(time, "time", lambda: NOW)
    since = NOW - 7 * DAY - 3_600
    before = [result.calls for result in filled.configurations(since=since)]

    filled.prune(Retention(max_age_s=5 * DAY))

    assert [result.calls for result in filled.configurations(since=since)] == before
    assert [result.calls for result in filled.configurations(since=since + 1)] == before


def test_calls_that_have_gone_do_not_come_again(filled, make):
    """A call of a closed hour may be counted already, so that an import leaves it; others come."""
    with filled.backend.reading() as snapshot:
        every = [row for _, row in snapshot.page(Where(), first=0, last=10**6)]
    before = _counted(filled)
    filled.prune(Retention(max_rows=14))

    session = filled.backend.session()
    assert session.add_calls(every) == 0
    session.close()

    assert _counted(filled) == before


def test_a_store_that_was_pruned_is_sound(filled, monkeypatch):
    """What went was taken out of the checksums; its counts are not held against the rows that are left."""
    monkeypatch.setattr(time, "time", lambda: NOW)
    filled.prune(Retention(max_age_s=5 * DAY))

    assert _is_sound(filled)


def test_ids_go_on_behind_rows_that_have_gone(filled, make):
    """A store all of whose rows have gone counts the next ones behind them."""
    before = filled.configurations()
    filled.prune(Retention(max_rows=0))
    assert filled.rows_since() is None

    filled.record(make.outcome(id="f" * 32, function="app.c", started_at=NOW))

    assert filled.configurations()[:-1] == before
    assert _calls(filled) == ["f" * 32]
    assert _is_sound(filled)


def test_the_stricter_retention_of_a_file_holds(tmp_path):
    """Named twice in one process, each limit is the lower one."""
    file = f"{tmp_path}/r.db"

    store = resolve_store(f"{file}?max_age=90d&max_rows=5k")
    assert resolve_store(f"{file}?max_age=1w&max_bytes=2GB") is store

    assert store.retention == Retention(7 * DAY, 5_000, 2 * 10**9)
