"""Rows and texts that are taken out, counts that stay, and what is left of them in the files."""

import os
import sqlite3
import subprocess
import sys
import time

import pytest

from schema_guard.errors import InvalidArgument
from schema_guard.records import Store, open_store, resolve_store
from schema_guard.records.attempts import Where
from schema_guard.records.payloads.keeping import Keeper
from schema_guard.records.payloads.retention import Forgotten, Retention

DAY = 86_400.0
NOW = 20_000 * DAY  # 2024-10-04


@pytest.fixture
def filled(new_backend, make):
    """A store of ten days: two calls of two attempts each a day, of two functions; every text names its call."""
    backend = new_backend()
    with Store(backend, keeper=Keeper("full")) as store:
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
    found = store.backend.check(lambda *_: None)
    assert found.damage == ()
    return found.is_sound


def test_old_rows_go_and_counts_stay(filled, monkeypatch):
    """Rows of calls that began earlier go with their texts, whatever is counted of them stays."""
    monkeypatch.setattr(time, "time", lambda: NOW)
    before = _counted(filled)
    gone = [f"{day:031}{name}" for day in range(5, 10) for name in "ab"]

    removed = filled.prune(Retention(max_age_s=5 * DAY))

    assert removed == (20, True)
    assert _calls(filled) == [f"{day:031}{name}" for day in range(5) for name in "ab"]
    assert filled.texts(gone) == []
    assert len(filled.texts(_calls(filled))) == 20
    assert _counted(filled) == before
    assert filled.rows_since() == NOW - 4 * DAY - 60


def test_times_before_the_rows_are_counted_from_the_hours(filled, monkeypatch):
    """Since a moment whose rows have gone the calls are counted, those of the hour in which it lies whole."""
    monkeypatch.setattr(time, "time", lambda: NOW)
    since = NOW - 7 * DAY - 3_600
    before = [found.calls for found in filled.configurations(since=since)]

    filled.prune(Retention(max_age_s=5 * DAY))

    if filled.url.startswith("sqlite"):  # a server's store counts the attempts
        assert [found.calls for found in filled.configurations(since=since)] == before
        assert [found.calls for found in filled.configurations(since=since + 1)] == before


def test_calls_after_one_are_those_that_were_before(filled, monkeypatch):
    """Of a configuration whose first calls have gone, the calls after the seventh are the same three."""
    monkeypatch.setattr(time, "time", lambda: NOW)
    number = filled.configurations()[0].id
    before = filled.configuration_after(number, 7)

    filled.prune(Retention(max_rows=14))

    assert filled.configuration_after(number, 7) == before


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


def test_the_rows_that_came_first_go_when_there_are_too_many(filled):
    """So many stay, of whole calls."""
    assert filled.prune(Retention(max_rows=7)).attempts == 34

    assert _calls(filled) == [f"{8:031}b", f"{9:031}a", f"{9:031}b"]
    assert filled.info().rows == 6


def test_rows_go_until_the_store_is_small_enough(tmp_path, make):
    """Of a store that is too large so many go that the rest is not."""
    with open_store(str(tmp_path / "r.db"), payload="full") as store:
        for number in range(300):
            store.record(make.outcome({"reply": os.urandom(2_000).hex()}, id=f"{number:032}"))
        store.flush()
        store.prune(Retention(max_bytes=700_000))
        found = store.info()

        assert found.size_bytes <= 700_000
        assert found.rows < 300
        assert sum(hour.calls for hour in store.by_hour()) == 300


def test_nothing_goes_when_nothing_limits(filled):
    """The default keeps everything."""
    assert filled.retention == Retention()
    assert filled.prune() == (0, True)


def test_ids_go_on_behind_rows_that_have_gone(filled, make):
    """A store all of whose rows have gone counts the next ones behind them."""
    before = filled.configurations()
    filled.prune(Retention(max_rows=0))
    assert filled.rows_since() is None

    filled.record(make.outcome(id="f" * 32, function="app.c", started_at=NOW))

    assert filled.configurations()[:-1] == before
    assert _calls(filled) == ["f" * 32]
    assert _is_sound(filled)


@pytest.mark.parametrize(
    ("what", "left"),
    [
        (Forgotten("call", f"{3:031}a"), 38),
        (Forgotten("input", f"{3:032}"), 36),
        (Forgotten("cluster", "cluster-3"), 38),
        (Forgotten("segment", "seg-a"), 20),
        (Forgotten("function", "app.b"), 20),
        (Forgotten("function", "app.nobody"), 40),
    ],
    ids=lambda value: value.by if isinstance(value, Forgotten) else None,
)
def test_what_is_forgotten_has_no_rows(filled, what, left):
    """Rows and texts go, counts stay."""
    before = _counted(filled)

    assert filled.forget(what).attempts == 40 - left

    assert len(list(filled.attempts())) == left
    assert _counted(filled) == before
    assert _is_sound(filled)


def test_counts_of_a_function_go_when_that_is_asked_for(filled):
    """Rows, texts, roll-ups and hours of it; those of others stay."""
    assert filled.forget_counts(Forgotten("function", "app.b")) == 1

    assert {found.function for found in filled.configurations()} == {"app.a"}
    assert {hour.configuration[0] for hour in filled.by_hour()} == {"app.a"}
    assert _is_sound(filled)
    with pytest.raises(InvalidArgument, match="counts are of functions and segments"):
        filled.forget_counts(Forgotten("call", "x"))


def _bytes_in(folder, words):
    """Which of the words are in any file below a folder, read by a process that has no connection."""
    script = (
        "import sys, pathlib\n"
        "found = b''.join(p.read_bytes() for p in pathlib.Path(sys.argv[1]).rglob('*') if p.is_file())\n"
        "print([w for w in sys.argv[2:] if w.encode() in found])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(folder), *words], capture_output=True, text=True, check=True
    )
    return eval(done.stdout)  # noqa: S307 - our own list


@pytest.mark.costly
@pytest.mark.parametrize("how", ["forget", "prune"])
def test_nothing_of_what_went_is_in_the_files(tmp_path, make, how, monkeypatch):
    """Not in the database, its log or a copy, while the store is open; what stays is there."""
    folder = tmp_path / "store"
    with open_store(str(folder / "r.db"), payload="full", durability="sync") as store:
        for number in range(400):
            name = "old" if number % 2 else "new"
            text = f"canary-{name}-{number}" + "-padding" * (number % 40)
            store.record(
                make.outcome(
                    {"prompt": text, "reply": "short" + text[:20]},
                    function=f"app.{name}",
                    cluster=f"person-{name}-{number}",
                    id=f"{name}-{number}",
                    started_at=NOW - (100 * DAY if name == "old" else 0),
                )
            )
        assert _bytes_in(folder, ["canary-old-7", "person-old-7"]) != []
        monkeypatch.setattr(time, "time", lambda: NOW)
        if how == "prune":
            assert store.prune(Retention(max_age_s=50 * DAY)) == (200, True)
        else:
            assert store.forget(Forgotten("function", "app.old")) == (200, True)

        copy = sqlite3.connect(tmp_path / "store" / "copy.db")
        source = sqlite3.connect(f"file:{folder}/r.db?mode=ro", uri=True)
        source.backup(copy)
        source.close()
        copy.close()

        assert _bytes_in(folder, ["canary-old", "person-old", "old-7"]) == []
        assert _bytes_in(folder, ["person-new-8"]) == ["person-new-8"]


def test_a_writer_takes_out_what_is_too_old_now_and_then(tmp_path, make, monkeypatch):
    """With a write, a bounded number at a time, without being asked."""
    url = f"{tmp_path}/r.db?max_age=10d"
    with open_store(str(tmp_path / "r.db")) as store:
        store.record(make.outcome(id="a" * 32, started_at=time.time() - 11 * DAY))

    with open_store(url, durability="sync") as store:
        assert store.retention == Retention(max_age_s=10 * DAY)
        store.record(make.outcome(id="b" * 32, started_at=time.time()))
        store.flush()

        assert _calls(store) == ["b" * 32]


def test_the_stricter_retention_of_a_file_holds(tmp_path):
    """Named twice in one process, each limit is the lower one."""
    file = f"{tmp_path}/r.db"

    store = resolve_store(f"{file}?max_age=90d&max_rows=5k")
    assert resolve_store(f"{file}?max_age=1w&max_bytes=2GB") is store

    assert store.retention == Retention(7 * DAY, 5_000, 2 * 10**9)


@pytest.mark.parametrize("said", ["max_age=90", "max_rows=-1", "max_bytes=2XB"])
def test_limits_that_are_none_are_refused(said):
    """The message says what a limit looks like."""
    with pytest.raises(InvalidArgument, match=r"expected a"):
        resolve_store(f"r.db?{said}")
