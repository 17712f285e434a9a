"""The places of results and notes: files, stdout, and stderr."""

import json

import pytest

from schema_guard import guard, open_store
from tests.public.clock import START, stopped_clock
from tests.public.commands.command_lines import command
from tests.public.commands.desk import lay_out

TICKET = {"title": "ticket", "type": "object"}


@pytest.fixture
def recorded(folder, monkeypatch):
    """A default store with three calls, one an hour."""
    monkeypatch.setenv("SCHEMA_GUARD_STORE", "r.db")
    with stopped_clock(START) as clock, open_store("r.db") as store:
        triage = guard(TICKET, store=store, name="app.triage")(lambda prompt: "{}")
        for number in range(3):
            triage(f"Ticket {number}")
            clock.now += 3_600
    return folder


@pytest.mark.parametrize(
    ("name", "begins"),
    [("r.json", "{"), ("r.md", "# "), ("r.txt", "app.triage: "), ("r.html", "<!doctype html>")],
)
@pytest.mark.parametrize("asked", ["report"])
def test_name_of_the_file_chooses_the_form(recorded, asked, name, begins):
    """`-o` writes the form of the name's ending. Stdout stays empty."""
    if name == "r.html":
        pytest.importorskip("jinja2", reason="needs the extra 'report'")
    status, out, _ = command(asked, "-o", name)

    assert (status, out) == (0, "")
    assert (recorded / name).read_text().lower().startswith(begins)


def test_format_wins_over_the_name_of_the_file(recorded):
    """`--format` decides if both are given."""
    command("report", "-o", "report.txt", "--format", "json")

    assert json.loads((recorded / "report.txt").read_text())["groups"][0]["calls"] == 3


@pytest.mark.parametrize(
    ("until", "calls"), [("2026-05-28T20:30:00+00:00", 1), ("2026-05-28T22:00:00+00:00", 2)]
)
def test_until_leaves_out_later_calls(recorded, until, calls):
    """`report`, `watch`, and `decide` count the calls before the time."""
    with stopped_clock(START + 86_400):
        results = {
            name: json.loads(command(*name.split(), "--until", until, "--format", "json")[1])
            for name in ("report", "watch --max-failure-rate 50%", "decide")
        }

    assert results["report"]["groups"][0]["calls"] == calls
    assert results["watch --max-failure-rate 50%"]["watched"][0]["n"] == calls
    assert [rate["n"] for rate in results["decide"]["rates"].values()] == [calls]


@pytest.mark.parametrize(
    ("line", "status"), [("report", 0), ("watch --max-failure-rate 1%", 2), ("decide", 2)]
)
def test_missing_default_store_shows_how_to_begin(folder, monkeypatch, line, status):
    """No file is created. Only `report` succeeds, because the others have nothing to check."""
    monkeypatch.setenv("SCHEMA_GUARD_STORE", "none.db")
    result, out, err = command(*line.split())

    assert result == status
    assert "has no calls yet" in out + err
    assert "@guard" in out + err
    assert not (folder / "none.db").exists()


def test_quiet_prints_the_result_only(folder):
    """`-q` leaves out the plan and the progress."""
    lay_out(folder)
    line = "bench run suite.jsonl --model scripted:good.jsonl --strategy bare"
    loud, quiet = command(*line.split()), command(*line.split(), "-q")

    assert quiet == (0, loud[1], "")
    assert "tasks x 1 variant" in loud[2]
