"""Rows and texts that are deleted: exactly those that were named, no byte is left of them, and counts stay."""

import io
import os
import sqlite3
import time

import pytest

from schema_guard import InvalidArgument, StoreError, guard, open_store, tags
from schema_guard.records import Retention
from tests.public.records.counting import found_of, hours_of
from tests.public.records.outcomes import FAILED, outcome

DAY = 86_400.0
NOW = 20_000 * DAY + 43_200  # noon of 2024-10-04


def fill(store):
    """Record ten days: two calls of two attempts each a day, of two functions; every text names its call."""
    for day in range(10):
        for name in "ab":
            text = f"canary-{name}-{day}"
            attempt = {"prompt": text, "reply": text}
            store.record(
                outcome(
                    attempt | FAILED,
                    attempt,
                    id=f"{day:031}{name}",
                    function=f"app.{name}",
                    segment=f"seg-{name}",
                    cluster=f"person-{day}" if name == "a" else None,
                    input_hash=f"{day:032}",
                    started_at=NOW - day * DAY - 60,
                )
            )
    assert store.flush() == 0


@pytest.fixture
def clock(monkeypatch):
    """Stop the clock at noon of the last day."""
    monkeypatch.setattr(time, "time", lambda: NOW)


@pytest.fixture
def filled(new_url):
    """Fill a store that holds whole texts."""
    with open_store(new_url(), payload="full") as opened:
        fill(opened)
        yield opened


def calls_of(store):
    return sorted({row["call_id"] for row in store.attempts()})


def counted(store):
    return found_of(store), hours_of(store)


def named(*days, names="ab"):
    return sorted(f"{day:031}{name}" for day in days for name in names)


@pytest.mark.parametrize(
    ("age", "left"),
    [
        (4 * DAY + 60, range(5)),  # the first case is the one that the server runs
        (5 * DAY, range(5)),
        (4 * DAY + 59, range(4)),
        (60, [0]),
        (59, []),
        (100 * DAY, range(10)),
    ],
)
def test_old_rows_go_and_counts_stay(filled, clock, age, left):
    """Rows of calls that began longer ago than the age go with their texts, and all counts stay."""
    before, every = counted(filled), calls_of(filled)

    removed = filled.prune(Retention(max_age_s=age))

    assert removed == (2 * (len(every) - 2 * len(left)), True)
    assert calls_of(filled) == named(*left)
    assert [one.call_id for one in filled.texts(every) if one.call_id not in named(*left)] == []
    assert len(filled.texts(every)) == 4 * len(left)
    assert counted(filled) == before
    assert filled.info().rows == 4 * len(left)
    assert filled.check().is_sound


def test_the_first_moment_with_rows_is_told(filled, clock):
    """After a deletion `rows_since` is the start of the earliest call that has rows; before, it is None."""
    before = filled.rows_since()
    filled.prune(Retention(max_age_s=5 * DAY))
    between = filled.rows_since()
    filled.prune(Retention(max_rows=0))

    assert (before, between, filled.rows_since()) == (None, NOW - 4 * DAY - 60, None)


LAST_THREE = [f"{8:031}b", f"{9:031}a", f"{9:031}b"]
ALL_BUT_ONE = [*named(*range(1, 10)), f"{0:031}b"]


@pytest.mark.parametrize(
    ("limit", "left"),
    [
        (7, LAST_THREE),
        (6, LAST_THREE),
        (41, named(*range(10))),
        (40, named(*range(10))),
        (39, ALL_BUT_ONE),
        (38, ALL_BUT_ONE),
        (2, LAST_THREE[-1:]),
        (1, []),
        (0, []),
    ],
)
def test_the_rows_that_were_stored_first_go_when_there_are_too_many(filled, limit, left):
    """At most so many attempts stay, of whole calls."""
    before = counted(filled)

    assert filled.prune(Retention(max_rows=limit)).attempts == 40 - 2 * len(left)

    assert calls_of(filled) == sorted(left)
    assert counted(filled) == before


def test_rows_go_until_the_store_is_small_enough(path):
    """Of a store that is too large the first rows go until the rest fits; one that fits keeps all."""
    with open_store(str(path), payload="full") as store:
        for number in range(300):
            store.record(outcome({"reply": os.urandom(2_000).hex()}, id=f"{number:032}"))
        store.flush()
        assert store.prune(Retention(max_bytes=50_000_000)).attempts == 0
        removed = store.prune(Retention(max_bytes=700_000)).attempts
        found = store.info()

        assert removed > 0
        assert found.size_bytes <= 700_000
        assert calls_of(store) == [f"{number:032}" for number in range(removed, 300)]
        assert sum(hour.calls for hour in store.by_hour()) == 300


def test_nothing_goes_when_nothing_limits(filled):
    """The default keeps everything."""
    assert filled.retention == Retention()
    assert filled.prune() == (0, True)
    assert len(calls_of(filled)) == 20


def test_counts_continue_behind_rows_that_are_gone(filled):
    """A store all of whose rows are gone counts the next calls beside the old ones."""
    before = found_of(filled)
    filled.prune(Retention(max_rows=0))

    filled.record(outcome(id="f" * 32, function="app.c", started_at=NOW))
    filled.record(outcome(id="e" * 32, function="app.a", segment="seg-a", started_at=NOW - 30))
    after = found_of(filled)

    assert calls_of(filled) == ["e" * 32, "f" * 32]
    assert {name[0]: counts["calls"] for name, counts in after.items()} == {
        "app.a": 11,
        "app.b": 10,
        "app.c": 1,
    }
    assert {name: after[name] for name in before if name[0] == "app.b"} == {
        name: counts for name, counts in before.items() if name[0] == "app.b"
    }
    assert filled.check().is_sound


def test_a_window_over_deleted_rows_has_its_hours_whole(path, clock):
    """Since a moment whose rows are gone, calls are counted from the hours."""
    with open_store(str(path)) as store:
        fill(store)
        since = NOW - 7 * DAY - 3_600
        before = [one.calls for one in store.configurations(since=since)]
        store.prune(Retention(max_age_s=5 * DAY))

        assert before == [8, 8]
        assert [one.calls for one in store.configurations(since=since)] == before
        assert [one.calls for one in store.configurations(since=NOW - DAY)] == [1, 1]


@pytest.fixture
def file(path):
    """Fill a file that holds whole texts."""
    with open_store(str(path), payload="full") as store:
        fill(store)
    return path


FORGOTTEN = {
    "call": (["--call", f"{3:031}a"], {f"{3:031}a"}),
    "input": (["--input-hash", f"{3:032}"], {f"{3:031}a", f"{3:031}b"}),
    "cluster": (["--cluster", "person-3"], {f"{3:031}a"}),
    "segment": (["--segment", "seg-a"], {*named(*range(10), names="a")}),
    "function": (["--function", "app.b"], {*named(*range(10), names="b")}),
}


@pytest.mark.parametrize(("words", "gone"), FORGOTTEN.values(), ids=FORGOTTEN)
def test_what_is_forgotten_has_no_rows(file, cli_json, words, gone):
    """The rows and texts of the named calls go, all others stay, and so do the counts."""
    with open_store(str(file)) as store:
        before = {hour.configuration: hour.calls for hour in store.by_hour()}
        calls = [one.calls for one in store.configurations()]

    said = cli_json("store", "forget", *words, "--store", file)

    assert said == {"removed": 2 * len(gone), "left": 40 - 2 * len(gone), "is_shredded": True}
    with open_store(str(file)) as store:
        assert calls_of(store) == sorted({*named(*range(10))} - gone)
        assert {hour.configuration: hour.calls for hour in store.by_hour()} == before
        assert [one.calls for one in store.configurations()] == calls
        assert store.texts(list(gone)) == []
        assert len(store.texts(named(*range(10)))) == 40 - 2 * len(gone)
        assert store.check().is_sound
    left = {f"canary-{call[-1]}-{int(call[:-1])}" for call in {*named(*range(10))} - gone}
    content = file.read_bytes()
    assert {
        f"canary-{name}-{day}"
        for name in "ab"
        for day in range(10)
        if f"canary-{name}-{day}".encode() in content
    } == left


@pytest.mark.parametrize("words", [["--input-hash", f"{3:032}"], ["--cluster", "person-3"]])
def test_a_forgotten_input_is_not_known_again(file, cli_json, words):
    """A later call with a forgotten input, or cluster, is counted as an input of its own."""
    cli_json("store", "forget", *words, "--store", file)
    with open_store(str(file)) as store:
        before = store.configurations()
        for name in "ab":
            cluster = "person-3" if name == "a" else None
            store.record(
                outcome(
                    id=name,
                    function=f"app.{name}",
                    segment=f"seg-{name}",
                    input_hash=f"{3:032}",
                    cluster=cluster,
                    started_at=NOW,
                )
            )
        after = store.configurations()

    # Cluster and input name the calls of `app.a` and `app.b`; a cluster goes before the input.
    known = {"--cluster": ("app.b",), "--input-hash": ("app.a",)}[words[0]]
    assert {one.function: (one.calls, one.inputs) for one in before} == {"app.a": (10, 10), "app.b": (10, 10)}
    assert {one.function: (one.calls, one.inputs) for one in after} == {
        name: (11, 10 if name in known else 11) for name in ("app.a", "app.b")
    }


def test_an_input_is_forgotten_by_its_text(path, cli, cli_json, monkeypatch):
    """`--input` names the prompt, also from standard input."""
    with open_store(str(path)) as store:
        ask = guard({"type": "integer"}, name="ask", store=store)(lambda prompt: "1")
        for text in ("one", "two", "one", "three"):
            ask(text)

    assert cli_json("store", "forget", "--input", "one", "--store", path)["removed"] == 2
    monkeypatch.setattr("sys.stdin", io.StringIO("three"))
    assert cli_json("store", "forget", "--input", "-", "--store", path)["removed"] == 1
    assert cli_json("store", "forget", "--input", "four", "--store", path)["left"] == 1


def test_forget_says_what_stays(file, cli):
    """The output has the number of attempts, what is left, and which counts stay."""
    found = {by: cli("store", "forget", *words, "--store", file)[:2] for by, (words, _) in FORGOTTEN.items()}

    assert {status for status, _ in found.values()} == {0}
    assert found["call"][1].startswith("took out 2 attempts, 38 left\n")
    assert found["input"][1].startswith("took out 2 attempts, 36 left\n")
    assert "no longer says which input it was" in found["input"][1]
    assert "store forget-counts --segment" in found["segment"][1]


@pytest.mark.parametrize("words", [[], ["--call", "a", "--segment", "eu"]])
def test_forget_asks_for_one_name(file, cli, words):
    """None or two of the options is exit 2, and nothing goes."""
    status, out, err = cli("store", "forget", *words, "--store", file)

    assert (status, out) == (2, "")
    assert "expected one of --call" in err
    with open_store(str(file)) as store:
        assert store.info().rows == 40


def test_counts_are_forgotten_by_a_command_of_their_own(file, cli, cli_json):
    """`forget-counts` deletes rows, texts, counts, and hours of a function, after a question."""
    refused = cli("store", "forget-counts", "--function", "app.b", "--store", file)
    with open_store(str(file)) as store:
        assert store.info().rows == 40
    done = cli("store", "forget-counts", "--function", "app.b", "--yes", "--store", file)

    assert refused[0] != 0
    assert done[:2] == (0, "took out all of 1 configuration\n")
    with open_store(str(file)) as store:
        assert calls_of(store) == named(*range(10), names="a")
        assert [(one.function, one.calls) for one in store.configurations()] == [("app.a", 10)]
        assert {hour.configuration[0] for hour in store.by_hour()} == {"app.a"}
        assert store.check().is_sound
    groups = cli_json("report", "--store", file)["groups"]
    assert [(group["function"], group["calls"]) for group in groups] == [("app.a", 10)]
    assert b"canary-b" not in file.read_bytes()
    assert b"app.b" not in file.read_bytes()


def test_counts_of_a_segment_are_forgotten(file, cli):
    """`forget-counts --segment` deletes that segment of every function."""
    assert cli("store", "forget-counts", "--segment", "seg-a", "--yes", "--store", file)[0] == 0

    with open_store(str(file)) as store:
        assert [(one.function, one.segment) for one in store.configurations()] == [("app.b", "seg-b")]


def test_prune_says_what_went(file, cli, cli_json, clock):
    """The command takes ages and numbers, and the report names the first day with rows."""
    status, out, err = cli("store", "prune", "--older-than", "5d", "--store", file)
    report = cli_json("report", "--store", file)

    assert (status, out, err) == (0, "took out 20 attempts, 20 left\nWhat was counted of them stays.\n", "")
    assert report["rows_since"] == NOW - 4 * DAY - 60
    assert sum(group["calls"] for group in report["groups"]) == 20
    assert "from 2024-09-30 on" in cli("report", "--store", file)[1]
    assert cli_json("store", "prune", "--max-rows", "4", "--store", file) == {
        "removed": 16, "left": 4, "is_shredded": True,
    }  # fmt: skip
    assert cli("store", "prune", "--older-than", "12h", "--max-rows", "1k", "--store", file)[1].startswith(
        "took out 4 attempts, none left"
    )


@pytest.mark.parametrize(
    ("age", "seconds"),
    [("45s", 45), ("30m", 1_800), ("12h", 43_200), ("90d", 90 * DAY), ("2w", 14 * DAY)],
)
def test_ages_are_read(path, age, seconds):
    """Seconds, minutes, hours, days, and weeks."""
    with open_store(f"{path}?max_age={age}") as store:
        assert store.retention == Retention(max_age_s=seconds)


@pytest.mark.parametrize(
    ("size", "number"),
    [("500", 500), ("500k", 500_000), ("2MB", 2_000_000), ("2GB", 2 * 10**9), ("1t", 10**12)],
)
def test_sizes_are_read(path, size, number):
    """A number with k, M, G, or T, in decimal."""
    with open_store(f"{path}?max_rows={size}&max_bytes={size}") as store:
        assert store.retention == Retention(max_rows=number, max_bytes=number)


@pytest.mark.parametrize("said", ["max_age=90", "max_age=d", "max_rows=-1", "max_rows=x", "max_bytes=2XB"])
def test_rejects_limits_that_are_none(said):
    """The message says what a limit looks like."""
    with pytest.raises(InvalidArgument, match=r"expected a"):
        open_store(f"r.db?{said}")


@pytest.mark.parametrize("limit", [{"max_age_s": -1}, {"max_rows": "5"}, {"max_bytes": True}])
def test_rejects_a_retention_of_wrong_values(limit):
    """A limit is a number from 0 on."""
    with pytest.raises(InvalidArgument, match="expected a number >= 0, or None"):
        Retention(**limit)


def test_rejects_a_retention_that_is_none():
    """`retention=` takes a Retention."""
    with pytest.raises(InvalidArgument, match="expected a Retention or None"):
        open_store("sqlite://", retention=5)


def test_the_stricter_limit_of_argument_and_url_holds(path):
    """Each limit is the lower one of both."""
    retention = Retention(max_age_s=7 * DAY, max_rows=9_000)
    with open_store(f"{path}?max_age=90d&max_rows=5k&max_bytes=2GB", retention=retention) as store:
        assert store.retention == Retention(7 * DAY, 5_000, 2 * 10**9)


def test_prune_asks_for_a_limit(file, cli):
    """Without a limit in an option or the URL nothing goes."""
    status, out, err = cli("store", "prune", "--store", file)

    assert (status, out) == (2, "")
    assert "expected --older-than, --max-rows or --max-bytes" in err
    assert cli("store", "prune", "--store", f"{file}?max_rows=6")[1].startswith(
        "took out 34 attempts, 6 left"
    )


def test_a_writer_deletes_what_is_too_old_now_and_then(path):
    """A store with a retention deletes old rows with a write, without being asked."""
    with open_store(str(path)) as store:
        store.record(outcome(id="a" * 32, started_at=time.time() - 11 * DAY))
        store.record(outcome(id="b" * 32, started_at=time.time() - 9 * DAY))

    with open_store(f"{path}?max_age=10d", durability="sync") as store:
        store.record(outcome(id="c" * 32, started_at=time.time()))
        store.flush()

        assert calls_of(store) == ["b" * 32, "c" * 32]
        assert sum(one.calls for one in store.configurations()) == 3


@pytest.mark.parametrize("how", ["forget", "prune"])
def test_no_byte_is_left_of_what_went(tmp_path, how, cli):
    """Not in the database, its log, or a copy, while the store is open; what stays is there."""
    folder = tmp_path / "store"
    names = ["old", "new"]
    with open_store(f"{folder}/r.db", payload="full", durability="sync") as store:
        for number in range(80):
            name = names[number % 2]
            text = f"canary-{name}-{number}" + "-padding" * (number % 40)
            store.record(
                outcome(
                    {"prompt": text, "reply": "short" + text[:20]},
                    function=f"app.{name}",
                    cluster=f"person-{name}-{number}",
                    id=f"{name}-{number}",
                    started_at=time.time() - (100 * DAY if name == "old" else 0),
                )
            )
        assert (found_bytes(folder, b"canary-old-6"), found_bytes(folder, b"person-old-6")) == (True, True)
        words = ["--older-than", "50d"] if how == "prune" else ["--function", "app.old"]
        assert cli("store", how, *words, "--store", f"{folder}/r.db")[1].startswith(
            "took out 40 attempts, 40 left"
        )

        copy = sqlite3.connect(folder / "copy.db")
        source = sqlite3.connect(f"file:{folder}/r.db?mode=ro", uri=True)
        source.backup(copy)
        source.close()
        copy.close()
        left = [word for word in (b"canary-old", b"person-old", b"old-6") if found_bytes(folder, word)]

        assert left == []
        assert found_bytes(folder, b"person-new-9")
        store.record(outcome(id="after", function="app.new"))
        assert store.counts().dropped == {}


def found_bytes(folder, word):
    # The store's own process must not open its file, but this one does not write any more.
    return any(word in one.read_bytes() for one in folder.iterdir())


def test_tags_name_who_is_forgotten(path, cli_json):
    """The calls of a customer are found by the cluster of their tags."""
    with open_store(str(path), payload="full") as store:
        ask = guard({"type": "integer"}, name="ask", store=store)(lambda prompt: "1")
        for number in range(6):
            with tags(cluster=f"customer-{number % 3}"):
                ask(f"t{number}")

    assert cli_json("store", "forget", "--cluster", "customer-1", "--store", path)["removed"] == 2
    with open_store(str(path)) as store:
        assert [row["cluster"] for row in store.attempts()] == ["customer-0", "customer-2"] * 2
    assert b"customer-1" not in path.read_bytes()


def test_a_deletion_that_cannot_be_done_is_an_error(path):
    """Deleting from a store that cannot be written raises, and nothing is called deleted."""
    path.mkdir()
    with pytest.raises(StoreError):
        open_store(str(path))
