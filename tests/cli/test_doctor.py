"""The command `doctor`, by its output."""

import json
import sqlite3
from contextlib import closing

import pytest

import schema_guard
from schema_guard.records import open_store
from schema_guard.records.backend import LAYOUT
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


def newer(path):
    open_store(str(path)).close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {LAYOUT + 1}")


def foreign(path):
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE theirs (x)")


def damaged(path):
    with open_store(str(path)) as store:
        record(store, 3, 0)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("UPDATE stored_attempts SET prompt_chars = 7")


@pytest.mark.parametrize(
    ("spoil", "problem"),
    [
        (
            lambda path: path.write_text("{}" * 999),
            "is not a SQLite database: move it away or name another file",
        ),
        (newer, f"has schema version {LAYOUT + 1}, this version knows up to {LAYOUT}: upgrade schema-guard"),
        (foreign, "is a SQLite database of another program: name another file"),
        (damaged, "1 place damaged: `schema-guard store check` says where, and what to do"),
        (lambda path: path.mkdir(), "is a directory: expected a file, such as"),
    ],
    ids=["text", "newer", "foreign", "damaged", "folder"],
)
def test_a_store_with_a_problem_is_1(folder, capsys, spoil, problem):
    """The problem is named with the way out, in text and in JSON."""
    spoil(folder / "bad.db")
    status, out, _ = run(capsys, "doctor", "--store", "bad.db", "--format", "json")
    text = run(capsys, "doctor", "--store", "bad.db")

    assert (status, text[0]) == (1, 1)
    assert problem in json.loads(out)["store"]["problem"]
    assert problem in text[1]


def test_a_store_that_cannot_be_made_is_1(folder, capsys):
    """What is not there yet has a problem when nothing can be put there."""
    status, out, _ = run(capsys, "doctor", "--store", "s.json/records.db", "--format", "json")

    assert status == 1
    assert json.loads(out)["store"]["problem"].endswith(
        "s.json/records.db cannot be made: make it and its folder writable, or name another file"
    )


def test_a_mount_is_told(folder, capsys, monkeypatch):
    """A file whose mount keeps no numbers of files, or is a network's, is no problem, and is told."""
    with open_store("a.db") as store:
        record(store, 3, 0)
    monkeypatch.setattr("schema_guard.records.sqlite.places.file_system", lambda path: "cifs")
    status, out, _ = run(capsys, "doctor", "--store", "a.db", "--format", "json")
    told = json.loads(out)["store"]

    assert status == 0
    assert "locks may not hold between machines" in told["warning 1"]
    assert "a file that is renamed or removed while it is written is not noticed" in told["warning 2"]


def test_doctor_counts_calls_without_names_of_their_own(folder, capsys):
    """Calls that are recorded as `others`, for there were too many segments or models, are counted."""
    with open_store("sqlite:///a.db") as store:
        for segment, model in (("others", "m"), ("a", "others"), ("others", "others")):
            record(store, 1, 0, segment=segment, model=model)

    _, out, _ = run(capsys, "doctor", "--store", "sqlite:///a.db", "--format", "json")

    told = json.loads(out)["store"]
    assert told["segment 'others'"] == "2 calls of too many names to count each"
    assert told["model 'others'"] == "2 calls of too many names to count each"


FUNCTIONS = """
class Client:
    max_retries = 2


client = Client()


def extract(prompt):
    client.create(prompt, extra_body={"plugins": [{"id": "response-healing"}]})


def plain(prompt):
    return "{}"
"""


def test_doctor_names_what_stands_between_a_function_and_its_model(folder, capsys, monkeypatch):
    """A client with retries and a gateway that mends, with what each does to what is counted."""
    (folder / "mine.py").write_text(FUNCTIONS, encoding="utf-8")
    monkeypatch.syspath_prepend(str(folder))

    arguments = ("mine:extract", "mine:plain", "--store", "none", "--format", "json")
    status, out, _ = run(capsys, "doctor", *arguments)
    told = json.loads(out)["between"]

    assert status == 0
    assert list(told) == ["mine:extract client", "mine:extract gateway", "mine:plain"]
    assert "repeats a failed request up to 2 times by itself" in told["mine:extract client"]
    assert "first pass and unhandled are those of model and gateway together" in told["mine:extract gateway"]
    assert "no client that repeats requests and no gateway" in told["mine:plain"]


@pytest.mark.parametrize("named", ["json", "json:", "json:nope", "nowhere.at_all:f", "json:__name__", ":f"])
def test_a_function_that_is_none_is_a_usage_error(capsys, named):
    """It is named with what was expected."""
    status, _, error = run(capsys, "doctor", named, "--store", "none")

    assert status == 2
    assert "expected module:function" in error


def test_doctor_tells_what_is_recorded_of_gateways_and_retries(folder, capsys):
    """Settings say it, and they may be anything."""
    with open_store("sqlite:///a.db") as store:
        for function, settings in (
            ("healed", '{"healed": ["response-healing"]}'),
            ("repeated", '{"max_retries": 3}'),
            ("odd", "[" * 50),
            ("other", '{"max_retries": "3"}'),
        ):
            record(store, 1, 0, function=function, settings=settings)

    _, out, _ = run(capsys, "doctor", "--store", "sqlite:///a.db", "--format", "json")
    told = json.loads(out)["store"]

    assert "the model's own are not known" in told["healed gateway"]
    assert "max_retries=3 of connect repeats a failed request up to 3 times" in told["repeated retries"]
    assert not {name for name in told if name.startswith(("odd", "other"))}
