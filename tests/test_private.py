"""Files that can hold replies."""

import os

from schema_guard.records.private import open_private, write_private


def test_a_file_that_is_made_is_its_owners(tmp_path):
    """Whatever the process lets others do with its files."""
    before = os.umask(0)
    try:
        write_private(tmp_path / "a", "\u00e4")
        with open_private(tmp_path / "b", "x"):
            pass
    finally:
        os.umask(before)

    assert [(tmp_path / name).stat().st_mode & 0o777 for name in "ab"] == [0o600, 0o600]
    assert (tmp_path / "a").read_bytes() == "\u00e4".encode()


def test_a_file_that_is_there_keeps_its_mode(tmp_path):
    """Who has opened it to others has meant it."""
    (tmp_path / "a").write_text("old", encoding="utf-8")
    (tmp_path / "a").chmod(0o644)

    write_private(tmp_path / "a", "new")

    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o644
