"""The commands of `store`, by their output."""

import gzip
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.cli.command_lines import run

FIRST_RELEASE = Path(__file__).parents[1] / "records" / "sqlite" / "records_of_0_1_0.db.gz"


@pytest.fixture
def old(folder):
    """A store that the first release has written."""
    (folder / "old.db").write_bytes(gzip.decompress(FIRST_RELEASE.read_bytes()))
    return "sqlite:///old.db"


def test_an_old_store_says_what_there_is_to_move(capsys, old):
    """`info` names the store, its size and version, and the command that moves its attempts."""
    status, out, err = run(capsys, "store", "info", "--store", old)

    assert (status, err) == (0, "")
    assert [line.split()[0] for line in out.splitlines()] == ["store", "attempts", "to", "size", "version"]
    assert "78, with `schema-guard store rebuild`" in out


def test_rebuild_moves_all(capsys, old):
    """The attempts are moved once; a second run has nothing to do."""
    first = run(capsys, "store", "rebuild", "--store", old)
    status, second, _ = run(capsys, "store", "rebuild", "--store", old, "--format", "json")
    info = json.loads(run(capsys, "store", "info", "--store", old, "--format", "json")[1])

    assert first[:2] == (0, "moved 78 attempts, none left\n")
    assert (status, json.loads(second)) == (0, {"moved": 0, "left": 0})
    assert (info["rows"], info["old_rows"], info["schema_version"]) == (78, 0, 3)


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
        "sound": True, "url": "", "attempts": 200, "with_checksum": 200, "without_checksum": 0, "damage": [],
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
