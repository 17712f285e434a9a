"""Files that a store leaves as they are, media that cannot be written, and mounts that SQLite does not suit."""

import logging
import os
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest

from schema_guard.errors import StoreError
from schema_guard.records import Store, open_store
from schema_guard.records.sql.tables import LAYOUT
from schema_guard.records.sqlite import file
from schema_guard.records.sqlite.database import SQLite
from schema_guard.report import report_on
from tests.needs import is_installed
from tests.public.commands.command_lines import run
from tests.public.records.foreign_files import execute, foreign, foreign_that_was_killed, foreign_with_log

ROOT = getattr(os, "geteuid", lambda: 1)() == 0


def newer(path):
    open_store(str(path)).close()
    execute(path, f"PRAGMA user_version = {LAYOUT + 1}")


def text(path):
    path.write_text("no database, but long enough to have a header of a hundred bytes\n" * 99)


def changed(path, change):
    with open_store(str(path)) as store:
        store.set_target("f" * 16, 0.01)
    content = bytearray(path.read_bytes())
    change(content)
    path.write_bytes(content)


def zeroed(path):
    changed(path, lambda content: content.__setitem__(slice(0, 100), bytes(100)))


def overwritten(path):
    changed(path, lambda content: content.__setitem__(slice(100, 400), b"\xaa" * 300))


def cut(path):
    changed(path, lambda content: content.__delitem__(slice(4_096, None)))


REFUSED = {
    "foreign": (foreign, "is a SQLite database of another program. Name another file"),
    "foreign with a log": (foreign_with_log, "is a SQLite database of another program. Name another file"),
    "foreign and killed": (
        foreign_that_was_killed, "is a SQLite database of another program. Name another file",
    ),
    "newer": (newer, f"has schema version {LAYOUT + 1}, but this version of schema-guard reads up to {LAYOUT}. Upgrade schema-guard"),
    "text": (text, "is not a SQLite database. Move it away, or name another file"),
    "zeroed": (zeroed, "is not a SQLite database. Move it away, or name another file"),
    "overwritten": (overwritten, "is damaged. Keep a copy of it, and name another file"),
    "cut": (cut, "is damaged. Keep a copy of it, and name another file"),
}  # fmt: skip


def folder_of(path):
    """All bytes and times; of an index of a log, which every reader makes anew, its name."""
    return {
        other.name: other.name.endswith("-shm") or (other.read_bytes(), other.stat().st_mtime_ns)
        for other in path.parent.iterdir()
    }


@pytest.mark.parametrize(("spoil", "why"), REFUSED.values(), ids=REFUSED)
def test_refused_file_does_not_change(tmp_path, make, caplog, spoil, why):
    """Opening, reading, declaring and recording leave every byte of it, and nothing beside it; the call goes on."""
    path = tmp_path / "records.db"
    spoil(path)
    before = folder_of(path)
    store = Store(SQLite(path))

    with caplog.at_level(logging.WARNING, "schema_guard"):
        for use in (
            lambda: open_store(str(path)), store.configurations, lambda: list(store.attempts()), store.info,
            store.prune, lambda: store.set_target("f" * 16, 0.01),
        ):  # fmt: skip
            with pytest.raises(StoreError) as error:
                use()
            assert str(error.value) == f"{path} {why}"
        for _ in range(3):
            store.record(make.outcome())
            store.flush()
        counts = store.counts()
        store.close()

    assert (counts.offered, counts.stored, counts.lost_records, counts.pending) == (
        3,
        0,
        {"store_unavailable": 3},
        0,
    )
    assert [why in record.message for record in caplog.records] == [True]
    assert folder_of(path) == before


def test_looking_at_a_file_keeps_the_locks_of_its_process(tmp_path):
    """A second look at a file that this process is writing lets go of none of its locks."""
    path = tmp_path / "records.db"
    open_store(str(path)).close()
    script = """import sqlite3, sys
sqlite3.connect(sys.argv[1], timeout=0, isolation_level=None).execute("BEGIN IMMEDIATE")"""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        SQLite(path)._look(path)
        process = subprocess.run(
            [sys.executable, "-c", script, str(path)], check=False, capture_output=True, text=True
        )

    assert "database is locked" in process.stderr


@pytest.fixture
def read_only(tmp_path):
    """Give a function that makes a folder, with a file in it, one that cannot be written."""
    folder = tmp_path / "medium"
    folder.mkdir()
    if not ROOT:
        yield lambda fill: (
            fill(folder / "records.db"),
            (folder / "records.db").chmod(0o400),
            folder.chmod(0o500),
        )
        folder.chmod(0o700)
        return
    mounted = subprocess.run(
        ["/usr/bin/mount", "-t", "tmpfs", "-o", "size=4m", "none", str(folder)],
        check=False,
        capture_output=True,
    )
    if mounted.returncode:
        pytest.skip("root, to whom everything is writable, and no mount is allowed")

    def close(fill):
        fill(folder / "records.db")
        subprocess.run(["/usr/bin/mount", "-o", "remount,ro", str(folder)], check=True)

    yield close
    subprocess.run(["/usr/bin/umount", str(folder)], check=True)


@pytest.fixture
def recorded(make):
    def fill(path):
        with open_store(str(path), durability="sync") as store:
            for number in range(20):
                store.record(make.outcome(id=f"{number:032x}", function="app.extract"))

    return fill


def test_read_only_file_system_can_be_read(read_only, recorded, tmp_path):
    """Every way of reading works, and says that nothing can be stored there."""
    read_only(recorded)
    path = tmp_path / "medium" / "records.db"
    with Store(SQLite(path)) as store:
        assert store.check().is_sound
        assert [result.calls for result in report_on(store).configurations] == [20]
        assert len(list(store.attempts())) == store.info().rows == 20
        assert (
            store.info().refusal
            == f"{path} is read-only. Make it and its folder writable, or name another file"
        )


COMMANDS = {
    "report": 0, "report --format html": 0, "report --since 24h": 0, "decide": 0, "watch --max-failure-rate 0.5": 0, "store info": 0,
    "store check": 0, "doctor": 1, **({"store export": 0} if is_installed("transfer") else {}),
}  # fmt: skip


@pytest.mark.costly
def test_every_command_that_reads_reads_such_a_medium(read_only, recorded, tmp_path, capsys):
    """As it does elsewhere; `doctor` says that nothing can be stored there."""
    read_only(recorded)
    url = f"sqlite:///{tmp_path}/medium/records.db"
    results = {line: run(capsys, *line.split(), "--store", url) for line in COMMANDS}

    assert {line: status for line, (status, _, _) in results.items()} == COMMANDS
    assert "is read-only. Make it and its folder writable" in " ".join(results["doctor"][1].split())
    assert "is read-only" in results["store info"][1]


def test_what_is_recorded_on_such_a_medium_is_lost_and_said_once(read_only, recorded, tmp_path, make, caplog):
    """The call goes on, and every row is counted."""
    read_only(recorded)
    with (
        caplog.at_level(logging.WARNING, "schema_guard"),
        Store(SQLite(tmp_path / "medium" / "records.db")) as store,
    ):
        for _ in range(3):
            store.record(make.outcome())
            store.flush()
        counts = store.counts()

    assert (counts.offered, counts.lost_records, counts.pending) == (3, {"store_unavailable": 3}, 0)
    assert len(caplog.records) == 1
    assert "Make it and its folder writable, or name another file" in caplog.text


def test_a_log_that_cannot_be_read_there_is_said(read_only, recorded, tmp_path, make):
    """Rows that are in the log alone are not left out without a word."""
    live = tmp_path / "records.db"
    recorded(live)

    def fill(path):
        with closing(sqlite3.connect(live, isolation_level=None)) as connection:
            connection.execute("INSERT INTO meta VALUES ('one', 'more')")
            for end in ("", "-wal"):
                (path.parent / f"records.db{end}").write_bytes((tmp_path / f"records.db{end}").read_bytes())

    read_only(fill)

    with Store(SQLite(tmp_path / "medium" / "records.db")) as store, pytest.raises(StoreError) as error:
        store.lost_records()

    assert "has a log file (-wal) with rows that it does not have yet" in str(error.value)


MOUNTS = """22 27 0:21 / /proc rw - proc proc rw
23 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
24 23 0:40 / /mnt/my\\040share rw - nfs4 server:/share rw
25 23 0:41 / /mnt/stick rw - vfat /dev/sdb1 rw
26 23 0:42 / /mnt/bucket rw - fuse.s3fs s3fs rw
"""


@pytest.fixture
def mounts(tmp_path, monkeypatch):
    (tmp_path / "mountinfo").write_text(MOUNTS)
    monkeypatch.setattr(file, "_MOUNTS", tmp_path / "mountinfo")


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/srv/records.db", "ext4"),
        ("/mnt/records.db", "ext4"),
        ("/mnt/my share/deep/records.db", "nfs4"),
        ("/mnt/stick/records.db", "vfat"),
        ("/mnt/stick2/records.db", "ext4"),
    ],
)
def test_the_kind_of_a_mount_is_that_of_the_longest_point(mounts, path, kind):
    """A folder that only begins with the name of a mount is none of it."""
    assert file.file_system(path) == kind


def test_a_mount_is_warned_of():
    """Nothing is said of a local disk."""
    assert file.warnings_of("/srv/records.db") == ()


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/mnt/my share/records.db", ["a network file system (nfs4)"]),
        ("/mnt/stick/records.db", ["(vfat) does not keep the numbers of files"]),
        (
            "/mnt/bucket/records.db",
            ["a network file system (fuse.s3fs)", "(fuse.s3fs) does not keep the numbers"],
        ),
    ],
)
def test_what_a_mount_cannot_do_is_said(mounts, path, words):
    """Locks that do not reach other machines, and numbers that do not stay."""
    shown = file.warnings_of(path)

    assert [part in one for part, one in zip(words, shown, strict=True)] == [True] * len(words)


def test_a_network_is_warned_of_once(tmp_path, monkeypatch, caplog, make):
    """On the logger, when the file is first opened for writing."""
    monkeypatch.setattr(file, "file_system", lambda path: "nfs4")
    with caplog.at_level(logging.WARNING, "schema_guard"):
        for _ in range(2):
            with open_store(str(tmp_path / "records.db")) as store:
                store.record(make.outcome())

    assert [record.message.split(":")[0] for record in caplog.records] == [str(tmp_path / "records.db")]


def renumbered(monkeypatch, *, each_time):
    """Let the file of a store have another number: from now on, or another one each time."""
    numbers = iter(range(10_000))
    first = next(numbers)
    monkeypatch.setattr(
        file, "identity", lambda path: (1, next(numbers)) if each_time else (1, first + 10_000)
    )


@pytest.mark.parametrize(("each_time", "kind"), [(True, "ext4"), (False, "vfat")])
def test_a_mount_without_stable_numbers_switches_the_watch_off(
    tmp_path, monkeypatch, make, count_rows, each_time, kind
):
    """Rows are stored once, and none is lost, whatever number the file has."""
    path = tmp_path / "records.db"
    monkeypatch.setattr(file, "file_system", lambda path: kind)
    with open_store(str(path), durability="sync") as store:
        store.record(make.outcome())
        renumbered(monkeypatch, each_time=each_time)
        for _ in range(3):
            store.record(make.outcome())
        counts = store.counts()

    assert (counts.stored, counts.lost_records, counts.pending) == (4, {}, 0)
    assert count_rows(path) == 4
