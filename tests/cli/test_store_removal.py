"""The commands that take rows and counts out of a store, by their output."""

import json
import time

import pytest

from schema_guard import guard, tags
from schema_guard.records import open_store
from tests.cli.command_lines import run


@pytest.fixture
def store(folder):
    """Six calls with texts: of two functions, two segments, three clusters."""
    with open_store("records.db", payload="full") as opened:
        for name in ("app.a", "app.b"):

            @guard({"type": "object"}, name=name, store=opened)
            def function(prompt: str):
                return "{}"

            for number in range(3):
                with tags(segment="eu" if number else "us", cluster=f"person-{number}"):
                    function(f"say {number}")
    return "sqlite:///records.db"


def _removed(capsys, *args, status=0):
    found, out, err = run(capsys, "store", *args, "--store", "records.db", "--format", "json")
    assert (found, err) == (status, "")
    return json.loads(out)


def test_prune_takes_out_old_rows(capsys, store, monkeypatch):
    """By age, by number; what was counted stays, and the report names the day from which on there are rows."""
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 100)

    status, out, _ = run(capsys, "store", "prune", "--older-than", "1d", "--max-rows", "2", "--store", store)

    assert (status, out) == (0, "took out 4 attempts, 2 left\nWhat was counted of them stays.\n")
    assert (
        time.strftime("from %Y-%m-%d on; older ones were taken out", time.gmtime(now))
        in run(capsys, "report", "--store", store)[1]
    )
    report = json.loads(run(capsys, "report", "--store", store, "--format", "json")[1])
    assert report["rows_since"] == pytest.approx(now, abs=60)
    assert sum(group["calls"] for group in report["configurations"]) == 6
    assert _removed(capsys, "prune", "--older-than", "10s") == {"removed": 2, "left": 0, "is_shredded": True}


def test_prune_asks_for_a_limit(capsys, store):
    """Without one, in an option or in the URL, nothing is taken out."""
    status, _, err = run(capsys, "store", "prune", "--store", store)

    assert status == 2
    assert "expected --older-than, --max-rows or --max-bytes" in err
    assert run(capsys, "store", "prune", "--store", f"{store}?max_rows=5")[1].startswith(
        "took out 1 attempt, 5 left"
    )


@pytest.mark.parametrize(
    ("options", "removed", "stays"),
    [
        (["--input", "say 1"], 2, "no longer says which input it was"),
        (["--cluster", "person-1"], 2, "no longer says which cluster it was"),
        (["--segment", "eu"], 4, "store forget-counts --segment"),
        (["--function", "app.a"], 3, "store forget-counts --function"),
        (["--call", "0" * 32], 0, "It stays counted"),
    ],
)
def test_forget_takes_out_all_of_one(capsys, store, options, removed, stays):
    """It says how many rows have gone, and which counts stay."""
    status, out, _ = run(capsys, "store", "forget", *options, "--store", store)

    assert status == 0
    assert out.startswith(f"took out {removed} attempt{'s' * (removed != 1)}, {6 - removed} left\n")
    assert stays in out


def test_forget_asks_who(capsys, store):
    """One of them, and only one."""
    for options in ([], ["--call", "a", "--segment", "eu"]):
        status, _, err = run(capsys, "store", "forget", *options, "--store", store)

        assert status == 2
        assert "expected one of --call" in err


def test_counts_are_forgotten_with_yes(capsys, store):
    """A command of its own, which asks first."""
    refused = run(capsys, "store", "forget-counts", "--function", "app.a", "--store", store)
    done = run(capsys, "store", "forget-counts", "--function", "app.a", "--yes", "--store", store)

    assert refused[0] != 0
    assert done[:2] == (0, "took out all of 2 configurations\n")
    report = json.loads(run(capsys, "report", "--store", store, "--format", "json")[1])
    assert {group["function"] for group in report["configurations"]} == {"app.b"}
