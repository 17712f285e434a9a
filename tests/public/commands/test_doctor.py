"""The command `doctor`, by its output."""

import json
import sqlite3
from contextlib import closing

import pytest

import schema_guard
from schema_guard import open_store
from tests.public.commands.command_lines import run


def test_doctor_tells_what_is_installed(capsys, monkeypatch):
    """Versions, extras, store and model are named, as text and as JSON."""
    keys = ["version", "engines", "extras", "settings", "store", "sqlite", "model"]
    monkeypatch.setenv("SCHEMA_GUARD_STORE", "sqlite:///none.db")
    status, text, _ = run(capsys, "doctor")
    document = json.loads(run(capsys, "doctor", "--format", "json")[1])

    assert status == 0
    assert [line.split()[0] for line in text.splitlines() if line[0] != " "] == ["no", *keys]
    assert list(document) == keys
    assert schema_guard.__version__ in document["version"]
    assert document["store"]["attempts"] == "0"


def newer(path):
    open_store(str(path)).close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 999")


def foreign(path):
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE theirs (x)")


@pytest.mark.parametrize(
    ("spoil", "problem"),
    [
        (
            lambda path: path.write_text("{}" * 999),
            "is not a SQLite database. Move it away, or name another file",
        ),
        (newer, "has schema version 999, but this version of schema-guard reads up to "),
        (foreign, "is a SQLite database of another program. Name another file"),
        (lambda path: path.mkdir(), "is a folder. Name a file, such as"),
    ],
    ids=["text", "newer", "foreign", "folder"],
)
def test_a_store_with_a_problem_is_1(folder, capsys, spoil, problem):
    """The problem is named with the way out, in text and in JSON."""
    spoil(folder / "bad.db")
    status, out, _ = run(capsys, "doctor", "--store", "bad.db", "--format", "json")
    text = run(capsys, "doctor", "--store", "bad.db")

    assert (status, text[0]) == (1, 1)
    assert problem in json.loads(out)["store"]["problem"]
    assert problem in " ".join(text[1].split())


def test_a_damaged_store_is_1(recorded, folder, capsys):
    """A changed row is damage. `doctor` counts the places, and names the command that lists them."""
    with closing(sqlite3.connect(folder / "records.db")) as connection:
        ((table,),) = connection.execute(
            "SELECT tables.name FROM sqlite_schema AS tables, pragma_table_info(tables.name) AS columns "
            "WHERE tables.type = 'table' AND columns.name = 'elapsed_s'"
        )
        connection.execute(f"UPDATE {table} SET elapsed_s = elapsed_s + 1 WHERE id = 5")
        connection.commit()
    status, out, _ = run(capsys, "doctor", "--format", "json")

    assert status == 1
    assert json.loads(out)["store"]["problem"].endswith(
        f"damaged: `schema-guard store check --store sqlite:///{folder}/records.db` shows the places and the fix"
    )


def test_a_store_that_cannot_be_made_is_1(folder, capsys):
    """What is not there yet has a problem when nothing can be put there."""
    status, out, _ = run(capsys, "doctor", "--store", "s.json/records.db", "--format", "json")

    assert status == 1
    assert json.loads(out)["store"]["problem"].endswith(
        "s.json/records.db cannot be made. Make it and its folder writable, or name another file"
    )
