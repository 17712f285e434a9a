"""The command `store delete`: the attempts that it counts and deletes, and its errors."""

import json
import os

import pytest

from schema_guard import open_store, tags
from schema_guard.records import Retention
from tests.needs import needs
from tests.public.clock import stopped_clock
from tests.public.commands.command_lines import run
from tests.public.decide.production import DAY, Production
from tests.public.records.outcomes import outcome

YES = ("--store", "r.db", "--yes", "--format", "json")
CHOICES = {
    "cluster": ["--cluster", "customer-1"],
    "segment": ["--segment", "eu"],
    "function": ["--function", "app.one"],
    "old": ["--older-than", "5d"],
    "many": ["--max-rows", "7"],
    "old or many": ["--older-than", "5d", "--max-rows", "3"],
    "counts": ["--function", "one", "--counts"],
}


@pytest.fixture
def store(folder):
    """Twenty calls on ten days, of two functions, two segments, and three customers."""
    with stopped_clock() as clock, open_store("r.db") as opened:
        production = Production(opened, clock, folder)
        for number in range(20):
            name = "app.one" if number % 4 else "app.two"
            with tags(segment="eu" if number % 2 else "us", cluster=f"customer-{number % 3}"):
                production.calls(1, 1 if number % 5 == 0 else 0, name=name, after_s=DAY / 2)
        yield folder


def ids():
    with open_store("r.db") as opened:
        return sum(1 for _ in opened.attempts())


@pytest.mark.parametrize("words", CHOICES.values(), ids=CHOICES)
def test_dry_run_counts_the_attempts_that_the_command_deletes(capsys, store, words):
    """`--dry-run` prints the number of the real deletion, and deletes nothing."""
    before = ids()
    dry = json.loads(run(capsys, "store", "delete", *words, *YES, "--dry-run")[1])
    unchanged = ids()
    real = json.loads(run(capsys, "store", "delete", *words, *YES)[1])

    assert unchanged == before == dry["left"]
    assert (dry["dry_run"], real["dry_run"]) == (True, False)
    assert dry["removed"] == real["removed"] == before - real["left"] > 0
    assert dry.get("configurations") == real.get("configurations")


UNKNOWN = {
    "cluster": (["--cluster", "custmer-1"], "has no attempts of the cluster 'custmer-1'", "Did you mean 'customer-"),
    "function": (["--function", "app.on"], "no function 'app.on' is recorded in ", "Did you mean 'app.one'"),
    "segment": (["--segment", "ue"], "no segment 'ue' is recorded in ", "Expected one of eu, us"),
    "call": (["--call", "abc"], "has no attempts of the call 'abc'", ""),
    "input": (["--input", "nothing"], "no attempts of the input ", ""),
}  # fmt: skip


@pytest.mark.parametrize(("words", "message", "near"), UNKNOWN.values(), ids=UNKNOWN)
def test_error_for_an_unknown_name_suggests_the_nearest(capsys, store, words, message, near):
    """The exit status is 2, and nothing is deleted."""
    before = ids()
    status, out, err = run(capsys, "store", "delete", *words, *YES)

    assert (status, out, ids()) == (2, "", before)
    assert message in err
    assert near in err


def test_function_without_attempts_needs_counts(capsys, store):
    """If only the counts are left, the error names `--counts`, which deletes them."""
    run(capsys, "store", "delete", "--function", "app.one", *YES)

    again = run(capsys, "store", "delete", "--function", "app.one", *YES)
    counts = run(capsys, "store", "delete", "--function", "app.one", "--counts", *YES)
    gone = run(capsys, "store", "delete", "--function", "app.one", "--counts", *YES)

    assert (again[0], ". To delete its counts, add --counts" in again[2]) == (2, True)
    assert json.loads(counts[1])["removed"] == 0
    assert json.loads(counts[1])["configurations"] > 0
    assert gone[0] == 2


def test_cluster_that_only_counts_know_is_deleted_from_them(capsys, store):
    """After its attempts were too old, the name of a customer is still in the counts."""
    run(capsys, "store", "delete", "--older-than", "1s", *YES)

    first = run(capsys, "store", "delete", "--cluster", "customer-1", *YES)
    second = run(capsys, "store", "delete", "--cluster", "customer-1", *YES)

    assert (first[0], json.loads(first[1])["removed"]) == (0, 0)
    assert second[0] == 2


def test_nothing_old_exits_2(capsys, store):
    """A deletion that matches nothing asks nothing, and exits 2."""
    status, out, err = run(capsys, "store", "delete", "--older-than", "90d", "--store", "r.db")

    assert (status, out) == (2, "")
    assert err.endswith(
        "has no attempts that are too old, so there is nothing to delete. The store has 20 attempts\n"
    )


@pytest.mark.parametrize("share", [0.95, 0.5])
def test_size_limit_keeps_the_attempts_that_fit(capsys, folder, share):
    """A store that is a little too large loses a few attempts, not all of them."""
    with open_store("r.db", payload="full") as opened:
        for number in range(1_500):
            opened.record(outcome({"reply": os.urandom(500).hex()}, id=f"{number:032x}"))
    run(capsys, "store", "delete", "--max-rows", "1500", *YES)
    size = (folder / "r.db").stat().st_size

    with open_store("r.db") as opened:
        opened.prune(Retention(max_bytes=round(size * share)))
        left = opened.info().rows

    assert (folder / "r.db").stat().st_size <= size * share
    assert left >= 1_500 * share * 0.8


@needs("transfer")
def test_deleted_calls_do_not_come_back_by_an_import(capsys, store):
    """An export from before the deletion adds nothing to the hours that lost attempts."""
    run(capsys, "store", "export", "--store", "r.db", "-o", "before.jsonl")
    run(capsys, "store", "delete", "--cluster", "customer-1", *YES)
    left = ids()

    run(capsys, "store", "import", "before.jsonl", "--store", "r.db")

    assert ids() == left
