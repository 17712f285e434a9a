"""Figures of the command `report` for known calls."""

import json

import pytest

from schema_guard import guard, open_store, tags
from tests.public.clock import stopped_clock
from tests.public.commands.command_lines import run


@pytest.fixture
def calls(folder):
    """A store of ten calls. Five return a parsed value. The last two take four seconds, the others one."""
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


def test_clean_rate_leaves_out_parsed_values(capsys, calls):
    """The rate excludes a call that returns a parsed value, because the reply's text is unknown."""
    (group,) = json.loads(report(capsys, "--format", "json"))["groups"]

    assert [(group[name]["count"], group[name]["n"]) for name in ("clean", "valid_first_time")] == [
        (5, 5),
        (10, 10),
    ]


@pytest.mark.parametrize("form", ["text", "markdown"])
def test_median_and_p95_differ(capsys, calls, form):
    """Eight calls took one second and two took four. Times are stored with a precision of 1%."""
    assert "Duration: median 1.01 s, p95 4.03 s" in report(capsys, "--format", form)


def test_calls_without_a_segment_can_be_selected(capsys, folder):
    """`--segment "(no segment)"` selects exactly the calls without a segment."""
    with open_store("records.db") as store:
        read = guard({"title": "Read"}, name="shop.read", store=store)(lambda prompt: '{"a": 1}')
        for number in range(7):
            with tags(segment="eu" if number < 4 else None):
                read(f"task {number}")

    (group,) = json.loads(report(capsys, "--segment", "(no segment)", "--format", "json"))["groups"]

    assert (group["segment"], group["calls"]) == (None, 3)


@pytest.mark.parametrize(
    "asked", [("decide",), ("watch", "--max-failure-rate", "0.5")], ids=["decide", "watch"]
)
def test_commands_select_calls_without_a_segment(capsys, calls, asked):
    """`decide` and `watch` take the name that `report` prints for calls without a segment."""
    out, err = run(capsys, *asked, "--store", "records.db", "--segment", "(no segment)")[1:]

    assert "shop.read" in out
    assert "segment" not in err
