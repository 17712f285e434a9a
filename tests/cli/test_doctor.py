"""The command `doctor`, by its output."""

import json

import schema_guard
from schema_guard.records import open_store
from tests.cli.command_lines import run
from tests.decide.records import record


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


def test_doctor_counts_calls_without_names_of_their_own(folder, capsys):
    """Calls that are recorded as `others`, for there were too many segments or models, are counted."""
    with open_store("sqlite:///a.db") as store:
        for segment, model in (("others", "m"), ("a", "others"), ("others", "others")):
            record(store, 1, 0, segment=segment, model=model)

    _, out, _ = run(capsys, "doctor", "--store", "sqlite:///a.db", "--format", "json")

    told = json.loads(out)["store"]
    assert told["segment 'others'"] == "2 calls of too many names to count each"
    assert told["model 'others'"] == "2 calls of too many names to count each"
