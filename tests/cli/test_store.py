"""The commands of `store`, by their output."""

import gzip
import json
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
