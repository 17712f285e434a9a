"""The commands of `store`, by their output."""

import json
import sqlite3
from contextlib import closing

import pytest

from tests.cli.command_lines import run


def test_info_names_the_store_its_size_and_its_version(capsys, recorded):
    status, out, err = run(capsys, "store", "info", "--store", "records.db")

    assert (status, err) == (0, "")
    assert [line.split()[0] for line in out.splitlines()] == ["store", "attempts", "size", "version"]


def test_a_store_that_is_none_is_refused(capsys):
    """Exit status 2, and what to name."""
    status, _, err = run(capsys, "store", "info")

    assert status == 2
    assert "name one with --store" in err


def test_a_sound_store_is_0(capsys, recorded):
    """What was looked at, and no damage."""
    status, out, err = run(capsys, "store", "check", "--store", "records.db")
    document = json.loads(run(capsys, "store", "check", "--store", "records.db", "--format", "json")[1])

    assert (status, err) == (0, "")
    assert out.splitlines()[1:] == ["attempts     200", "damage       none"]
    assert document | {"url": ""} == {
        "sound": True, "url": "", "attempts": 200, "with_checksum": 200, "damage": [],
    }  # fmt: skip


def test_a_damaged_store_is_1(capsys, recorded):
    """Where the damage is, what can still be read, and what to do."""
    with closing(sqlite3.connect("records.db", isolation_level=None)) as connection:
        connection.execute("UPDATE stored_attempts SET prompt_chars = prompt_chars + 1 WHERE id = 7")
        connection.execute("UPDATE hours SET count = count + 1")
    status, out, _ = run(capsys, "store", "check", "--store", "records.db")
    document = json.loads(run(capsys, "store", "check", "--store", "records.db", "--format", "json")[1])

    assert status == 1
    assert " attempts 0 to 999, of calls begun " in out
    assert [line.split()[0] for line in out.splitlines() if line[0] != " "] == [
        "store", "attempts", "damage", "readable", "to",
    ]  # fmt: skip
    assert (document["sound"], document["damage"][0]["first_id"]) == (False, 0)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (None, "does not exist: nothing was recorded there"),
        (
            b"no database, but long enough to have a header of one hundred bytes" * 3,
            "is not a SQLite database",
        ),
    ],
)
def test_what_is_no_store_is_2(capsys, folder, content, why):
    """A file that cannot be looked at is no damage, and the reason is told."""
    if content is not None:
        (folder / "x.db").write_bytes(content)
    status, out, err = run(capsys, "store", "check", "--store", "x.db")

    assert (status, out) == (2, "")
    assert why in err
