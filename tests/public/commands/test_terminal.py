"""Outputs fit the terminal's width, and show colors only on a terminal."""

import json
import re
from pathlib import Path

import pytest

from schema_guard import guard, open_store
from tests.public.commands.command_lines import main, run

COMMAND = re.compile(r"schema-guard [a-z]+( --?\S+ \S+)+")
NAME = "shop.departments.invoices.reading.extract_everything"


@pytest.fixture
def functions(folder, monkeypatch):
    """Two functions, one with a long name. That one fails in a fifth of its calls."""
    url = f"sqlite:///{folder}/records.db"
    monkeypatch.setenv("SCHEMA_GUARD_STORE", url)
    monkeypatch.delenv("COLUMNS", raising=False)
    schema = {"title": "ticket", "type": "object", "required": ["team"], "additionalProperties": False}
    schema["properties"] = {"team": {"type": "string"}}
    with open_store(url) as store:
        for name, every in ((NAME, 5), ("shop.label", 1_000)):
            replies = iter(["{}" if number % every == 1 else '{"team": "a"}' for number in range(200)] * 2)
            settings = {"name": name, "max_attempts": 1, "on_failure": "return", "store": store}
            function = guard(schema, **settings)(lambda prompt, replies=replies: next(replies))
            for number in range(200):
                function(f"ticket {number}")
        store.flush(30.0)


def too_wide(out, width):
    """The lines that do not fit, without commands to paste and without single words such as a path."""
    wide = (line for line in out.splitlines() if len(line) > width and not COMMAND.search(line))
    return [line for line in wide if len(line.split()[-1]) < width - 20]


@pytest.fixture
def files(tmp_path, monkeypatch):
    """A schema, replies that violate it, a suite, and a model."""
    monkeypatch.chdir(tmp_path)
    team = {
        "type": "string",
        "enum": [f"department of {name}" for name in ("invoices", "complaints", "taxes")],
    }
    schema = {"title": "ticket", "type": "object", "required": ["team"], "properties": {"team": team}}
    Path("schema.json").write_text(json.dumps(schema))
    Path("replies.jsonl").write_text("{}\n" + json.dumps({"team": "an unknown department " * 4}) + "\n")
    task = {"instruction": "Name the team.", "gold": {"team": "department of taxes"}, "schema": schema}
    rows = [{"id": f"t{number}", "input": f"ticket {number}", **task} for number in range(9)]
    Path("suite.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    replies = [
        {"when": f"ticket {number}", "reply": "{}" if number % 2 else json.dumps(task["gold"])}
        for number in range(9)
    ]
    Path("model.jsonl").write_text(
        "".join(json.dumps({**reply, "finish_reason": "stop"}) + "\n" for reply in replies)
    )


@pytest.mark.parametrize("width", [60, 80, 120, 200])
@pytest.mark.parametrize(
    "arguments",
    [
        ["doctor"],
        ["schema", "check", "schema.json", "replies.jsonl"],
        [
            "bench",
            "run",
            "suite.jsonl",
            "--model",
            "scripted:model.jsonl",
            "--strategy",
            "bare,system_prompt",
        ],
    ],
    ids=lambda arguments: arguments[0],
)
def test_other_commands_fit_the_terminal(functions, files, capsys, monkeypatch, width, arguments):
    """Only a command to paste and a word such as a path are wider than the terminal."""
    monkeypatch.setenv("COLUMNS", str(width))

    assert too_wide(run(capsys, *arguments)[1], width) == []


@pytest.mark.parametrize("width", [60, 80, 120, 200])
@pytest.mark.parametrize(
    "arguments",
    [
        ["report"],
        ["decide", "--max-failure-rate", "5%"],
        ["decide", "--function", "label", "--max-failure-rate", "5%", "--full"],
        ["watch", "--max-failure-rate", "5%"],
    ],
    ids=lambda arguments: " ".join(arguments[:1] + arguments[-1:]),
)
def test_lines_fit_the_terminal(functions, capsys, monkeypatch, width, arguments):
    """Only a command to paste is wider than the terminal."""
    monkeypatch.setenv("COLUMNS", str(width))
    assert too_wide(run(capsys, *arguments)[1], width) == []


def test_commands_stay_in_one_line(functions, capsys, monkeypatch):
    """At 60 columns, the next command has the whole name of the function."""
    monkeypatch.setenv("COLUMNS", "60")

    assert f"decide --function {NAME} --store sqlite:///" in run(capsys, "report")[1]


def test_narrow_table_lists_all_cells(functions, capsys, monkeypatch):
    """A table that is too wide becomes a list with the same figures."""
    wide = run(capsys, "report")[1]
    monkeypatch.setenv("COLUMNS", "60")
    narrow = " ".join(run(capsys, "report")[1].split())

    cells = re.split("  +", next(line for line in wide.splitlines() if line.startswith("  shop.dep")).strip())
    headers = re.split("  +", next(line for line in wide.splitlines() if "excluded" in line).strip())
    assert (
        ", ".join(f"{header}: {cell}" for header, cell in zip(headers[1:], cells[1:], strict=True)) in narrow
    )


def test_colors_need_a_terminal(functions, capsys, monkeypatch):
    """A pipe has no colors, unless FORCE_COLOR is set. NO_COLOR and TERM=dumb win."""

    def watched():
        main(["watch", "--max-failure-rate", "5%"])
        return capsys.readouterr().out

    plain = watched()
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("FORCE_COLOR", "1")
    colored = watched()
    monkeypatch.setenv("NO_COLOR", "1")
    refused = watched()
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "dumb")
    dumb = watched()

    assert "\x1b[1;31mBREACH: " in colored
    assert "\x1b[1;33mUNDECIDED: " in colored or "\x1b[1;32mOK: " in colored
    assert "\x1b" not in plain + refused + dumb


def test_head_of_decide_has_at_most_25_lines(functions, capsys, monkeypatch):
    """At 60 columns, the head has at most 25 lines, and the place that fails is in it."""
    monkeypatch.setenv("COLUMNS", "60")
    _, out, _ = run(capsys, "decide", "--function", "extract_everything", "--max-failure-rate", "5%")

    assert len(out.splitlines()) <= 25
    assert "\nfails at " in out
