"""Deletion of rows and texts: exactly the named rows go, no byte of them is left, and the counts stay."""

import io
import os
import sqlite3
import time
from contextlib import closing

import pytest

from schema_guard import InvalidArgument, StoreError, guard, open_store, tags
from schema_guard.records import Retention
from tests.public.records.counting import stored_counts, stored_hours
from tests.public.records.outcomes import FAILED, outcome

DAY = 86_400.0
NOW = 20_000 * DAY + 43_200  # noon of 2024-10-04


def fill(store):
    """Record ten days: each day one call of two attempts for each of two functions. Each text contains the day."""
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
    """A clock that shows noon of the last day."""
    monkeypatch.setattr(time, "time", lambda: NOW)


@pytest.fixture
def filled(new_url):
    """A filled store that stores full texts."""
    with open_store(new_url(), payload="full") as opened:
        fill(opened)
        yield opened


def calls_of(store):
    return sorted({row["call_id"] for row in store.attempts()})


def all_counts(store):
    return stored_counts(store), stored_hours(store)


def call_ids(*days, names="ab"):
    return sorted(f"{day:031}{name}" for day in days for name in names)


@pytest.mark.parametrize(
    ("age", "left"),
    [
        (4 * DAY + 60, range(5)),  # the server runs only the first case
        (5 * DAY, range(5)),
        (4 * DAY + 59, range(4)),
        (60, [0]),
        (59, []),
        (100 * DAY, range(10)),
    ],
)
def test_prune_by_age_deletes_rows_and_texts_but_no_counts(filled, clock, age, left):
    """Rows and texts of calls that started before the limit are deleted. All counts stay."""
    before, every = all_counts(filled), calls_of(filled)

    removed = filled.prune(Retention(max_age_s=age))

    assert removed == (2 * (len(every) - 2 * len(left)), True, None)
    assert calls_of(filled) == call_ids(*left)
    assert [one.call_id for one in filled.texts(every) if one.call_id not in call_ids(*left)] == []
    assert len(filled.texts(every)) == 4 * len(left)
    assert all_counts(filled) == before
    assert filled.info().rows == 4 * len(left)
    assert filled.check().is_sound


def test_rows_since_is_the_first_start_after_a_deletion(filled, clock):
    """`rows_since` is None before a deletion. After it, it is the start of the first call with rows."""
    before = filled.rows_since()
    filled.prune(Retention(max_age_s=5 * DAY))
    between = filled.rows_since()
    filled.prune(Retention(max_rows=0))

    assert (before, between, filled.rows_since()) == (None, NOW - 4 * DAY - 60, None)


LAST_THREE = [f"{8:031}b", f"{9:031}a", f"{9:031}b"]
ALL_BUT_ONE = [*call_ids(*range(1, 10)), f"{0:031}b"]


@pytest.mark.parametrize(
    ("limit", "left"),
    [
        (7, LAST_THREE),
        (6, LAST_THREE),
        (41, call_ids(*range(10))),
        (40, call_ids(*range(10))),
        (39, ALL_BUT_ONE),
        (38, ALL_BUT_ONE),
        (2, LAST_THREE[-1:]),
        (1, []),
        (0, []),
    ],
)
def test_prune_by_rows_deletes_the_oldest_calls(filled, limit, left):
    """At most the given number of attempts stays. Calls are deleted whole."""
    before = all_counts(filled)

    assert filled.prune(Retention(max_rows=limit)).attempts == 40 - 2 * len(left)

    assert calls_of(filled) == sorted(left)
    assert all_counts(filled) == before


def test_prune_by_size_deletes_the_oldest_rows(path):
    """The oldest rows are deleted until the store fits the limit. A store that fits loses nothing."""
    with open_store(str(path), payload="full") as store:
        for number in range(300):
            store.record(outcome({"reply": os.urandom(2_000).hex()}, id=f"{number:032}"))
        store.flush()
        assert store.prune(Retention(max_bytes=50_000_000)).attempts == 0
        removed = store.prune(Retention(max_bytes=700_000)).attempts
        info = store.info()

        assert removed > 0
        assert info.size_bytes <= 700_000
        assert calls_of(store) == [f"{number:032}" for number in range(removed, 300)]
        assert sum(hour.calls for hour in store.by_hour()) == 300


def test_prune_without_a_limit_deletes_nothing(filled):
    """The default retention has no limits."""
    assert filled.retention == Retention()
    assert filled.prune() == (0, True, None)
    assert len(calls_of(filled)) == 20


def test_counts_continue_after_a_deletion(filled):
    """A store whose rows were all deleted adds new calls to the old counts."""
    before = stored_counts(filled)
    filled.prune(Retention(max_rows=0))

    filled.record(outcome(id="f" * 32, function="app.c", started_at=NOW))
    filled.record(outcome(id="e" * 32, function="app.a", segment="seg-a", started_at=NOW - 30))
    after = stored_counts(filled)

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


def test_time_range_over_deleted_rows_counts_whole_hours(path, clock):
    """A time range that starts before the first row is counted by hours."""
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
    """A filled file that stores full texts."""
    with open_store(str(path), payload="full") as store:
        fill(store)
    return path


OPTIONS = {
    "call": (["--call", f"{3:031}a"], {f"{3:031}a"}),
    "input": (["--input-hash", f"{3:032}"], {f"{3:031}a", f"{3:031}b"}),
    "cluster": (["--cluster", "person-3"], {f"{3:031}a"}),
    "segment": (["--segment", "seg-a"], {*call_ids(*range(10), names="a")}),
    "function": (["--function", "app.b"], {*call_ids(*range(10), names="b")}),
}


@pytest.mark.parametrize(("words", "gone"), OPTIONS.values(), ids=OPTIONS)
def test_delete_removes_the_rows_and_texts_of_the_named_calls(file, cli_json, words, gone):
    """All other rows and texts stay, and so do the counts."""
    with open_store(str(file)) as store:
        before = {hour.configuration: hour.calls for hour in store.by_hour()}
        calls = [one.calls for one in store.configurations()]

    document = cli_json("store", "delete", "--yes", *words, "--store", file)

    assert document == {
        "dry_run": False, "removed": 2 * len(gone), "left": 40 - 2 * len(gone), "is_shredded": True,
    }  # fmt: skip
    with open_store(str(file)) as store:
        assert calls_of(store) == sorted({*call_ids(*range(10))} - gone)
        assert {hour.configuration: hour.calls for hour in store.by_hour()} == before
        assert [one.calls for one in store.configurations()] == calls
        assert store.texts(list(gone)) == []
        assert len(store.texts(call_ids(*range(10)))) == 40 - 2 * len(gone)
        assert store.check().is_sound
    left = {f"canary-{call[-1]}-{int(call[:-1])}" for call in {*call_ids(*range(10))} - gone}
    content = file.read_bytes()
    assert {
        f"canary-{name}-{day}"
        for name in "ab"
        for day in range(10)
        if f"canary-{name}-{day}".encode() in content
    } == left


@pytest.mark.parametrize("words", [["--input-hash", f"{3:032}"], ["--cluster", "person-3"]])
def test_deleted_input_counts_as_new_when_it_returns(file, cli_json, words):
    """A later call with a deleted input or cluster counts as a new input."""
    cli_json("store", "delete", "--yes", *words, "--store", file)
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

    # Calls of app.a are grouped by cluster, and calls of app.b by input.
    known = {"--cluster": ("app.b",), "--input-hash": ("app.a",)}[words[0]]
    assert {one.function: (one.calls, one.inputs) for one in before} == {"app.a": (10, 10), "app.b": (10, 10)}
    assert {one.function: (one.calls, one.inputs) for one in after} == {
        name: (11, 10 if name in known else 11) for name in ("app.a", "app.b")
    }


def test_delete_input_finds_calls_by_their_prompt(path, cli, cli_json, monkeypatch):
    """`--input` takes the prompt, or `-` for standard input."""
    with open_store(str(path)) as store:
        ask = guard({"type": "integer"}, name="ask", store=store)(lambda prompt: "1")
        for text in ("one", "two", "one", "three"):
            ask(text)

    assert cli_json("store", "delete", "--yes", "--input", "one", "--store", path)["removed"] == 2
    monkeypatch.setattr("sys.stdin", io.StringIO("three"))
    assert cli_json("store", "delete", "--yes", "--input", "-", "--store", path)["removed"] == 1
    assert cli("store", "delete", "--yes", "--input", "four", "--store", path)[0] == 2


def test_delete_prints_the_remaining_rows_and_counts(file, cli):
    """The output has the deleted attempts, the remaining ones, and the counts that stay."""
    results = {
        by: cli("store", "delete", "--yes", *words, "--store", file) for by, (words, _) in OPTIONS.items()
    }

    assert {status for status, _, _ in results.values()} == {0}
    assert results["call"][1] == f"deleted 2 attempts of the call '{3:031}a'\n38 attempts left\n"
    assert results["input"][1].endswith("\n36 attempts left\n")
    assert results["input"][2] == "The counts of calls and failures stay, without the input.\n"
    assert "To delete them too, add --counts." in results["segment"][2]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            [],
            "expected one of --call, --input, --input-hash, --cluster, --segment, and --function, or a limit",
        ),
        (["--call", "a", "--segment", "eu"], "--call and --segment can't be combined. Use only one of them"),
        (["--call", "a", "--older-than", "1d"], "but not both"),
        (["--counts", "--call", "a"], "--counts needs --function or --segment"),
    ],
)
def test_delete_needs_exactly_one_name_or_limits(file, cli, words, message):
    """Otherwise, the command ends with exit status 2 and deletes nothing."""
    status, out, err = cli("store", "delete", "--yes", *words, "--store", file)

    assert (status, out) == (2, "")
    assert message in err
    with open_store(str(file)) as store:
        assert store.info().rows == 40


def test_delete_with_counts_deletes_all_data_of_a_function(file, cli, cli_json):
    """`--counts` deletes rows, texts, and counts of a function. Without a terminal, the command needs `--yes`."""
    refused = cli("store", "delete", "--counts", "--function", "app.b", "--store", file)
    with open_store(str(file)) as store:
        assert store.info().rows == 40
    done = cli("store", "delete", "--counts", "--function", "app.b", "--yes", "--store", file)

    assert refused[0] == 2
    assert (
        "nothing was deleted, because no terminal is available to ask for confirmation. Add --yes"
        in refused[2]
    )
    assert done[:2] == (
        0, "deleted 20 attempts of the function 'app.b', and the counts of 1 configuration\n20 attempts left\n",
    )  # fmt: skip
    with open_store(str(file)) as store:
        assert calls_of(store) == call_ids(*range(10), names="a")
        assert [(one.function, one.calls) for one in store.configurations()] == [("app.a", 10)]
        assert {hour.configuration[0] for hour in store.by_hour()} == {"app.a"}
        assert store.check().is_sound
    groups = cli_json("report", "--store", file)["groups"]
    assert [(group["function"], group["calls"]) for group in groups] == [("app.a", 10)]
    assert b"canary-b" not in file.read_bytes()
    assert b"app.b" not in file.read_bytes()


def test_delete_with_counts_deletes_a_segment(file, cli):
    """`--segment` and `--counts` delete the segment from every function."""
    assert cli("store", "delete", "--counts", "--segment", "seg-a", "--yes", "--store", file)[0] == 0

    with open_store(str(file)) as store:
        assert [(one.function, one.segment) for one in store.configurations()] == [("app.b", "seg-b")]


def test_delete_by_limits_prints_the_deleted_rows(file, cli, cli_json, clock):
    """Limits are ages and numbers. The report then shows the first day with rows."""
    status, out, err = cli("store", "delete", "--yes", "--older-than", "5d", "--store", file)
    report = cli_json("report", "--store", file)

    assert (status, out, err) == (
        0, "deleted 20 attempts that are too old\n20 attempts left\n", "Counts and failure rates stay as they are.\n",
    )  # fmt: skip
    assert report["rows_since"] == NOW - 4 * DAY - 60
    assert sum(group["calls"] for group in report["groups"]) == 20
    assert "since 2024-09-30; older rows were deleted" in cli("report", "--store", file)[1]
    assert cli_json("store", "delete", "--yes", "--max-rows", "4", "--store", file) == {
        "dry_run": False, "removed": 16, "left": 4, "is_shredded": True,
    }  # fmt: skip
    assert cli("store", "delete", "--yes", "--older-than", "12h", "--max-rows", "1k", "--store", file)[
        1
    ].startswith("deleted 4 attempts that are too old or beyond the limit\n0 attempts left")


@pytest.mark.parametrize(
    ("age", "seconds"),
    [("45s", 45), ("30m", 1_800), ("12h", 43_200), ("90d", 90 * DAY), ("2w", 14 * DAY)],
)
def test_max_age_accepts_units(path, age, seconds):
    """An age is in seconds, minutes, hours, days, or weeks."""
    with open_store(f"{path}?max_age={age}") as store:
        assert store.retention == Retention(max_age_s=seconds)


@pytest.mark.parametrize(
    ("size", "number"),
    [("500", 500), ("500k", 500_000), ("2MB", 2_000_000), ("2GB", 2 * 10**9), ("1t", 10**12)],
)
def test_sizes_accept_units(path, size, number):
    """A size is a number with an optional decimal unit: k, M, G, or T."""
    with open_store(f"{path}?max_rows={size}&max_bytes={size}") as store:
        assert store.retention == Retention(max_rows=number, max_bytes=number)


@pytest.mark.parametrize(
    "parameter", ["max_age=90", "max_age=d", "max_rows=-1", "max_rows=x", "max_bytes=2XB"]
)
def test_rejects_invalid_limits(parameter):
    """The message shows the expected format of a limit."""
    with pytest.raises(InvalidArgument, match=r"expected a"):
        open_store(f"r.db?{parameter}")


@pytest.mark.parametrize("limit", [{"max_age_s": -1}, {"max_rows": "5"}, {"max_bytes": True}])
def test_rejects_invalid_retention_values(limit):
    """A limit is a number of at least 0."""
    with pytest.raises(InvalidArgument, match="expected a number >= 0, or None"):
        Retention(**limit)


def test_rejects_retention_of_another_type():
    """`retention=` takes a Retention or None."""
    with pytest.raises(InvalidArgument, match="expected a Retention or None"):
        open_store("sqlite://", retention=5)


def test_lower_limit_of_argument_and_url_applies(path):
    """For each limit, the lower value of argument and URL applies."""
    retention = Retention(max_age_s=7 * DAY, max_rows=9_000)
    with open_store(f"{path}?max_age=90d&max_rows=5k&max_bytes=2GB", retention=retention) as store:
        assert store.retention == Retention(7 * DAY, 5_000, 2 * 10**9)


def test_write_deletes_expired_rows(path):
    """A store with a retention deletes expired rows during a write."""
    with open_store(str(path)) as store:
        store.record(outcome(id="a" * 32, started_at=time.time() - 11 * DAY))
        store.record(outcome(id="b" * 32, started_at=time.time() - 9 * DAY))

    with open_store(f"{path}?max_age=10d", durability="sync") as store:
        store.record(outcome(id="c" * 32, started_at=time.time()))
        store.flush()

        assert calls_of(store) == ["b" * 32, "c" * 32]
        assert sum(one.calls for one in store.configurations()) == 3


@pytest.mark.parametrize("limit", ["max_age=50d", "max_rows=100", "max_bytes=700k"])
def test_each_limit_alone_deletes_the_oldest_rows(path, limit):
    """One limit in the URL is enough: the store deletes its oldest rows during a write."""
    with open_store(str(path), payload="full") as store:
        for number in range(200):
            reply = os.urandom(2_000).hex()
            store.record(outcome({"reply": reply}, id=f"{number:032}", started_at=time.time() - 100 * DAY))

    with open_store(f"{path}?{limit}", durability="sync") as store:
        store.record(outcome(id="last", started_at=time.time()))
        store.flush()

        assert f"{0:032}" not in calls_of(store)


@pytest.mark.parametrize("by", ["function", "segment"])
def test_deletion_of_counts_leaves_no_byte_behind(tmp_path, by, cli):
    """After a deletion of counts, no file of an open store contains a deleted text or name."""
    folder = tmp_path / "store"
    with open_store(f"{folder}/r.db", payload="full", durability="sync") as store:
        fill(store)
        names = {"function": b"app.a", "segment": b"seg-a"}
        words = [names[by], b"canary-a", b"person-"]
        before = [bytes_contain(folder, word) for word in words]
        named = (f"--{by}", names[by].decode(), "--yes")
        status, _, _ = cli("store", "delete", "--counts", *named, "--store", f"{folder}/r.db")

        assert (before, status) == ([True] * 3, 0)
        assert [word for word in words if bytes_contain(folder, word)] == []
        assert bytes_contain(folder, b"canary-b")


@pytest.mark.parametrize("words", [["--older-than", "50d"], ["--function", "app.old"]])
def test_deletion_leaves_no_byte_behind(tmp_path, words, cli):
    """No deleted text is left in the database, its log, or a copy, while the store is open."""
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
        assert (bytes_contain(folder, b"canary-old-6"), bytes_contain(folder, b"person-old-6")) == (
            True,
            True,
        )
        done = cli("store", "delete", "--yes", *words, "--store", f"{folder}/r.db")
        assert done[1].endswith("\n40 attempts left\n")

        copy = sqlite3.connect(folder / "copy.db")
        source = sqlite3.connect(f"file:{folder}/r.db?mode=ro", uri=True)
        source.backup(copy)
        source.close()
        copy.close()
        left = [word for word in (b"canary-old", b"person-old", b"old-6") if bytes_contain(folder, word)]

        assert left == []
        assert bytes_contain(folder, b"person-new-9")
        store.record(outcome(id="after", function="app.new"))
        assert store.counts().lost_records == {}


def bytes_contain(folder, word):
    # A process with an open store must not open its file. It may here, because it writes no more.
    return any(word in one.read_bytes() for one in folder.iterdir())


def test_delete_cluster_finds_calls_by_their_tags(path, cli_json):
    """`--cluster` deletes the calls that were tagged with that cluster."""
    with open_store(str(path), payload="full") as store:
        ask = guard({"type": "integer"}, name="ask", store=store)(lambda prompt: "1")
        for number in range(6):
            with tags(cluster=f"customer-{number % 3}"):
                ask(f"t{number}")

    assert cli_json("store", "delete", "--yes", "--cluster", "customer-1", "--store", path)["removed"] == 2
    with open_store(str(path)) as store:
        assert [row["cluster"] for row in store.attempts()] == ["customer-0", "customer-2"] * 2
    assert b"customer-1" not in path.read_bytes()


def test_failed_deletion_raises_and_deletes_nothing(file):
    """A deletion from a locked file raises StoreError. All rows stay."""
    with open_store(str(file)) as store, closing(sqlite3.connect(file, isolation_level=None)) as lock:
        lock.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="was locked by another process for too long"):
            store.prune(Retention(max_rows=0))
        lock.execute("ROLLBACK")

        assert store.info().rows == 40
