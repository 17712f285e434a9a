"""The file of a store: who may read it, links and renames, and files that a store refuses and leaves as they are."""

import logging
import os
import re
import signal
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from schema_guard import StoreError, guard, open_store
from tests.public.records.outcomes import FAILED, outcome


def execute(path, *statements):
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)


def record(path, *names, **options):
    with open_store(str(path), **options) as store:
        for name in names:
            store.record(outcome(id=name))
        store.flush()
        return store.counts()


def names_in(path):
    with open_store(str(path)) as store:
        return [row["call_id"] for row in store.attempts()]


def test_info_of_a_file(path):
    """A store says where it is, how many rows it holds, and how large it is."""
    with open_store(f"sqlite:///{path}") as store:
        store.record(outcome(FAILED, {}))
        info = store.info()

    assert (info.url, info.path, info.rows, info.refusal) == (f"sqlite:///{path}", str(path), 2, None)
    assert info.engine == f"sqlite {sqlite3.sqlite_version}"
    assert info.size_bytes > 4096
    assert isinstance(info.schema_version, int)


def test_info_of_memory():
    """A store in memory has no path."""
    with open_store("sqlite://") as store:
        info = store.info()

    assert (info.url, info.path, info.rows, info.size_bytes > 0) == ("sqlite://", None, 0, True)


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX modes")
def test_files_are_for_their_owner_only(tmp_path):
    """A new file has mode 0600, each file beside it too, and a new folder 0700."""
    folder = tmp_path / "new"
    with open_store(f"sqlite:///{folder / 'records.db'}") as store:
        store.record(outcome())
        store.flush()
        modes = {name.name: stat.S_IMODE(name.stat().st_mode) for name in (folder, *folder.iterdir())}

    assert modes.pop("new") == 0o700
    assert "records.db" in modes
    assert set(modes.values()) == {0o600}


def test_a_file_outlives_the_store(path):
    """Rows are there when the file is opened again, and new ones come behind them."""
    record(path, "a", "b")
    record(path, "c")

    assert names_in(path) == ["a", "b", "c"]


def test_the_ledger_is_of_the_process_and_rows_are_of_all(path):
    """A store that is opened again has offered nothing, and reads what others stored."""
    record(path, "a", "b")
    with open_store(str(path)) as store:
        counts = store.counts()

        assert (counts.offered, counts.stored, counts.dropped, counts.pending) == (0, 0, {}, 0)
        assert store.info().rows == 2


def test_a_link_names_the_file_that_it_leads_to(path, tmp_path):
    """A store that is opened by a link writes the file itself, and the link stays one."""
    (tmp_path / "deep").mkdir()
    link = tmp_path / "deep" / "link.db"
    record(path, "a")
    link.symlink_to(path)
    record(link, "b")
    record(path, "c")

    assert names_in(path) == names_in(link) == ["a", "b", "c"]
    assert link.is_symlink()
    assert not path.is_symlink()


def test_stores_by_a_link_and_by_the_file_write_in_turn(path, tmp_path):
    """Two open stores on one file lose nothing, whatever each calls it."""
    record(path)
    (tmp_path / "link.db").symlink_to(path)
    with open_store(str(path)) as one, open_store(f"{tmp_path}/link.db") as other:
        for number in range(30):
            (one, other)[number % 2].record(outcome(id=str(number)))
        one.flush(10.0)
        other.flush(10.0)

        assert (one.counts().stored, other.counts().stored) == (15, 15)
        assert sorted(names_in(path), key=int) == [str(number) for number in range(30)]
        assert one.check().is_sound


def test_a_file_that_was_renamed_takes_nothing_more(path):
    """After a rename rows go into a new file of the name, and the ledger counts what is stored there."""
    with open_store(str(path)) as store:
        store.record(outcome(id="a"))
        store.flush()
        path.rename(path.with_name("old.db"))
        for suffix in ("-wal", "-shm"):
            path.with_name(f"records.db{suffix}").unlink(missing_ok=True)
        store.record(outcome(id="b"))
        store.flush(10.0)

        assert (store.counts().stored, store.counts().dropped) == (2, {})
    assert names_in(path) == ["b"]


def test_a_file_that_was_removed_is_made_again(path):
    """After a removal rows go into a new file."""
    with open_store(str(path)) as store:
        store.record(outcome(id="a"))
        store.flush()
        for suffix in ("", "-wal", "-shm"):
            path.with_name(f"records.db{suffix}").unlink(missing_ok=True)
        store.record(outcome(id="b"))
        store.flush(10.0)

        assert store.counts().dropped == {}
    assert names_in(path) == ["b"]


def test_readers_see_whole_calls_while_others_write(path):
    """A reader sees each call with all its attempts, and never fewer rows than before."""
    with open_store(str(path)) as writer, open_store(str(path)) as reader:
        seen = []
        for number in range(200):
            writer.record(outcome(FAILED, FAILED, {}, id=str(number)))
            if number % 10 == 0:
                seen.append([(row["call_id"], row["number"]) for row in reader.attempts()])
        writer.flush(10.0)
        seen.append([(row["call_id"], row["number"]) for row in reader.attempts()])

    whole = [(str(number), n) for number in range(200) for n in (1, 2, 3)]
    assert all(found == whole[: len(found)] and len(found) % 3 == 0 for found in seen)
    assert [len(found) for found in seen] == sorted(len(found) for found in seen)
    assert len(seen[-1]) == 600


def test_a_reading_that_has_begun_hinders_no_writer(path):
    """While somebody reads a store, others write it; the reader does not wait for them."""
    record(path, *map(str, range(30)))
    with open_store(str(path)) as store, open_store(str(path)) as other:
        reading = other.attempts()
        first = next(reading)
        store.record(outcome(id="late"))

        assert store.flush(5.0) == 0
        assert [first["call_id"], *(row["call_id"] for row in reading)][:30] == [str(n) for n in range(30)]


def foreign(path):
    execute(path, "CREATE TABLE theirs (x)")


def foreign_with_log(path):
    execute(path, "PRAGMA journal_mode = WAL", "CREATE TABLE theirs (x)")


def foreign_that_was_killed(path):
    """Leave a log with rows that are not in the file yet."""
    foreign_with_log(path)
    script = """import os, signal, sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("INSERT INTO theirs VALUES (1)")
os.kill(os.getpid(), signal.SIGKILL)"""
    process = subprocess.run([sys.executable, "-c", script, str(path)], check=False)
    assert process.returncode == -signal.SIGKILL


def newer(path):
    record(path, "a")
    execute(path, "PRAGMA user_version = 97")


def text(path):
    path.write_text("no database, but long enough to have a header of a hundred bytes\n" * 99)


def changed(path, change):
    record(path, "a")
    content = bytearray(path.read_bytes())
    change(content)
    path.write_bytes(content)


def zeroed(path):
    changed(path, lambda content: content.__setitem__(slice(0, 100), bytes(100)))


def overwritten(path):
    changed(path, lambda content: content.__setitem__(slice(100, 400), b"\xaa" * 300))


def cut(path):
    changed(path, lambda content: content.__delitem__(slice(4_096, None)))


OTHERS = "is a SQLite database of another program: name another file"
REFUSED = {
    "foreign": (foreign, OTHERS),
    "foreign with a log": (foreign_with_log, OTHERS),
    "foreign and killed": (foreign_that_was_killed, OTHERS),
    "newer": (newer, r"has schema version 97, this version knows up to \d+: upgrade schema-guard"),
    "text": (text, "is not a SQLite database: move it away or name another file"),
    "zeroed": (zeroed, "is not a SQLite database: move it away or name another file"),
    "overwritten": (overwritten, "is damaged: keep a copy of it and name another file"),
    "cut": (cut, "is damaged: keep a copy of it and name another file"),
}


def folder_of(path):
    """Return all bytes and times; of an index of a log, which every reader makes anew, only its name."""
    return {
        other.name: other.name.endswith("-shm") or (other.read_bytes(), other.stat().st_mtime_ns)
        for other in path.parent.iterdir()
    }


@pytest.mark.parametrize(("spoil", "why"), REFUSED.values(), ids=REFUSED)
def test_a_file_that_is_refused_stays_as_it_is(path, spoil, why, caplog):
    """Opening and recording leave every byte of it and nothing beside it; calls give their values."""
    spoil(path)
    before = folder_of(path)
    with pytest.raises(StoreError) as refused:
        open_store(str(path))
    ask = guard({"type": "integer"}, store=str(path))(lambda prompt: "1")

    with caplog.at_level(logging.WARNING, "schema_guard"):
        assert [ask("t") for _ in range(3)] == [1] * 3

    assert re.fullmatch(f"{re.escape(str(path))} {why}", str(refused.value))
    assert [bool(re.search(why, record.getMessage())) for record in caplog.records] == [True]
    assert folder_of(path) == before


COMMANDS = (
    "report", "store info", "store check", "store export", "store prune --max-rows 5",
    "store forget --function a", "store forget-counts --yes --function a", "watch --slo 0.5", "decide",
)  # fmt: skip


@pytest.mark.parametrize("spoiled", ["foreign", "newer", "text", "cut"])
def test_commands_refuse_such_a_file(path, cli, spoiled):
    """Every command exits with 2 and the reason, prints nothing, and leaves the file as it is."""
    spoil, why = REFUSED[spoiled]
    spoil(path)
    before = folder_of(path)
    found = {line: cli(*line.split(), "--store", path) for line in COMMANDS}

    damaged = found.pop("store check") if spoiled == "cut" else None
    assert damaged is None or damaged[0] == 1
    assert {line: (status, out) for line, (status, out, _) in found.items()} == dict.fromkeys(found, (2, ""))
    assert [line for line, (_, _, err) in found.items() if not re.search(why, err)] == []
    assert folder_of(path) == before


MISSING = (
    "store check --store gone.db",
    "store merge gone.db --store all.db",
    "store import gone.jsonl --store all.db",
)


@pytest.mark.parametrize("line", MISSING)
def test_commands_refuse_a_file_that_does_not_exist(line, cli, tmp_path, monkeypatch):
    """A missing file is exit 2 with its name, and nothing is made."""
    monkeypatch.chdir(tmp_path)

    status, out, err = cli(*line.split())

    assert (status, out) == (2, "")
    assert "gone." in err
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    """Return the bytes of a store with 300 calls of two functions over two days."""
    path = tmp_path_factory.mktemp("sound") / "records.db"
    with open_store(str(path)) as store:
        for number in range(300):
            tries = [FAILED, {"cost": 777.25}] if number % 5 == 0 else [{"cost": 333.125}]
            store.record(
                outcome(
                    *tries, id=f"{number:032x}", function=f"app.f{number % 2}", input_hash=f"{number % 90:032x}",
                    started_at=1.75e9 + 600 * number,
                )
            )  # fmt: skip
            if number % 50 == 0:
                store.flush()
    return path.read_bytes()


def is_found(path):
    """Return whether a check finds damage, or the file is refused."""
    try:
        with open_store(str(path)) as store:
            return not store.check().is_sound
    except StoreError:
        return True


def values_of(path):
    """Return the tables of a file with their columns and rows, whatever they are called."""
    with closing(sqlite3.connect(path)) as connection:
        names = connection.execute(
            "SELECT name FROM pragma_table_list WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY name"
        ).fetchall()
        for (name,) in names:
            columns = [column[1] for column in connection.execute(f'PRAGMA table_info("{name}")')]
            yield name, columns, connection.execute(f'SELECT * FROM "{name}"').fetchall()


def test_a_value_that_was_changed_by_hand_is_found(path, sound):
    """A row whose cost another program changes is found by the check, though SQLite finds nothing wrong."""
    path.write_bytes(sound)
    places = {
        (name, column)
        for name, columns, rows in values_of(path)
        for row in rows
        for column, value in zip(columns, row, strict=True)
        if value in (777.25, 777_250_000_000)
    }
    assert places
    for name, column in places:
        execute(path, f'UPDATE "{name}" SET "{column}" = "{column}" * 2 WHERE "{column}" > 777')

    assert is_found(path)


def without_a_row(path):
    """Delete, by another program, one attempt from the table that has one row for each."""
    (name,) = [name for name, _, rows in values_of(path) if len(rows) == 360]
    execute(path, f'DELETE FROM "{name}" WHERE rowid = (SELECT max(rowid) - 5 FROM "{name}")')


def test_a_row_that_was_deleted_by_hand_is_found(path, sound):
    """A store from which another program deletes an attempt is not sound."""
    path.write_bytes(sound)
    without_a_row(path)

    assert is_found(path)


def test_a_sound_store_stays_sound(path, sound, cli_json, cli):
    """A check finds nothing, counts all attempts, and changes no byte."""
    path.write_bytes(sound)
    found = cli_json("store", "check", "--store", path)
    status, out, _ = cli("store", "check", "--store", path)

    assert (found["sound"], found["attempts"], found["damage"]) == (True, 360, [])
    assert (status, out.splitlines()[1:]) == (0, ["attempts     360", "damage       none"])
    assert path.read_bytes() == sound


def test_a_file_that_is_cut_is_found(path, sound):
    """The damage is found after whichever page the file ends."""
    size = int.from_bytes(sound[16:18], "big")
    for end in range(size, len(sound), max(1, len(sound) // size // 6) * size):
        path.write_bytes(sound[:end])
        assert is_found(path), end


def test_damage_is_exit_1_and_says_what_to_do(path, sound, cli, cli_json):
    """`store check` exits with 1, names the part and the rows that can be read, and tells what to do."""
    path.write_bytes(sound)
    without_a_row(path)

    status, out, _ = cli("store", "check", "--store", path)

    assert status == 1
    assert {"damage", "readable", "to"} <= {line.split()[0] for line in out.splitlines() if line[0] != " "}
    document = cli_json("store", "check", "--store", path, status=1)
    assert document["sound"] is False
    assert {"part", "said"} <= set(document["damage"][0])


def test_nothing_but_the_database_opens_the_file(url, run):
    """Closing a descriptor of the file would let go of every lock of the process, so no Python code opens one."""
    script = """
    opened = []
    def hook(event, arguments):
        if event == "open" and isinstance(arguments[0], (str, bytes)):
            opened.append(os.fsdecode(arguments[0]))
    sys.addaudithook(hook)
    store = open_store(url)
    store.record(outcome()); store.flush()
    list(store.attempts()); store.configurations(); store.info(); store.drops(); store.check()
    store.declare_rung("f" * 16, "few_shot", "declined", "no")
    store.close()
    file = url.removeprefix("sqlite:///")
    print(json.dumps([name for name in opened if name in (file, file + "-wal", file + "-shm")]))
    """
    assert run(script, url) == []


def test_a_relative_path_is_that_of_the_folder_at_the_time(tmp_path, monkeypatch):
    """A path below the current folder stays the same file when the process goes elsewhere."""
    monkeypatch.chdir(tmp_path)
    with open_store("a.db") as store:
        (tmp_path / "elsewhere").mkdir()
        os.chdir("elsewhere")
        store.record(outcome(id="a"))
        store.flush()
    assert names_in(tmp_path / "a.db") == ["a"]
    assert not Path("a.db").exists()
