"""Figures of the command `report`, of calls whose truth is known."""

import json

import pytest

from schema_guard import guard, open_store
from tests.public.clock import stopped_clock
from tests.public.commands.command_lines import run


@pytest.fixture
def calls(folder):
    """A store of ten calls. Five return a parsed value, and the last two take four seconds instead of one."""
    with stopped_clock() as clock, open_store("records.db") as store:
        numbers = iter(range(10))

        @guard({"title": "Read"}, store=store, name="shop.read", observe=True)
        def read(prompt: str):
            number = next(numbers)
            clock.spent += 4.0 if number > 7 else 1.0
            return {"a": 1} if number % 2 else '{"a": 1}'

        for number in range(10):
            read(f"task {number}")


def report(capsys, *words):
    status, out, _ = run(capsys, "report", "--store", "records.db", *words)
    assert status == 0
    return out


def test_exact_rate_leaves_out_parsed_values(capsys, calls):
    """Nobody knows the text of a parsed value, so its call is not in the rate's n."""
    (found,) = json.loads(report(capsys, "--format", "json"))["groups"]

    assert [(found[name]["count"], found[name]["n"]) for name in ("exact", "first_pass")] == [
        (5, 5),
        (10, 10),
    ]


@pytest.mark.parametrize("form", ["text", "markdown"])
def test_median_and_p95_differ(capsys, calls, form):
    """Eight calls took one second, two took four. Times are stored to one percent."""
    assert "seconds p50/p95 1.01/4.03" in report(capsys, "--format", form)
