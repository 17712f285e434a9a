"""The command `doctor`, by its output."""

import json

import schema_guard
from tests.cli.command_lines import run


def test_doctor_tells_what_is_installed(capsys):
    """Versions, extras, store and model are named, as text and as JSON."""
    keys = ["version", "engines", "extras", "store", "sqlite", "model"]
    status, text, _ = run(capsys, "doctor", "--store", "sqlite:///none.db")
    document = json.loads(run(capsys, "doctor", "--store", "sqlite:///none.db", "--format", "json")[1])

    assert status == 0
    assert [line.split()[0] for line in text.splitlines() if line[0] != " "] == keys
    assert list(document) == keys
    assert schema_guard.__version__ in document["version"]
    assert document["store"]["attempts"] == "0"


def test_doctor_tells_a_broken_store(capsys):
    """A store that cannot be opened is told as it is; the command itself succeeds."""
    status, out, _ = run(capsys, "doctor", "--store", "sqlite:///s.json", "--format", "json")

    assert status == 0
    assert "s.json" in json.dumps(json.loads(out)["store"])
