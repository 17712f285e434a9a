"""The file of a store: permissions, links, renames, and files that a store refuses and does not change."""

import gc
import logging
import os
import re
import sqlite3
import stat
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest

from schema_guard import StoreError, guard, open_store
from tests.needs import is_installed, with_parts
from tests.public.records.foreign_files import execute, foreign, foreign_that_was_killed, foreign_with_log
from tests.public.records.outcomes import FAILED, outcome


def record(path, *names, **options):
    with open_store(str(path), **options) as store:
        for name in names:
            store.record(outcome(id=name))
        store.flush()
        return store.counts()


def call_ids_in(path):
    with open_store(str(path)) as store:
        return [row["call_id"] for row in store.attempts()]


def test_info_of_a_file(path):
    """`info` has the path, the number of rows, and the size."""
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
def test_new_files_are_private(tmp_path):
    """The database and the files beside it have mode 0600, and a new folder has 0700."""
    folder = tmp_path / "new"
    with open_store(f"sqlite:///{folder / 'records.db'}") as store:
        store.record(outcome())
        store.flush()
        modes = {name.name: stat.S_IMODE(name.stat().st_mode) for name in (folder, *folder.iterdir())}

    assert modes.pop("new") == 0o700
    assert "records.db" in modes
    assert set(modes.values()) == {0o600}


def test_reopened_file_continues(path):
    """A reopened file has the old rows. New rows follow them."""
    record(path, "a", "b")
    record(path, "c")

    assert call_ids_in(path) == ["a", "b", "c"]


def test_reopened_store_has_an_empty_ledger(path):
    """The ledger counts the attempts of one open store. The rows are those of all processes."""
    record(path, "a", "b")
    with open_store(str(path)) as store:
        counts = store.counts()

        assert (counts.offered, counts.stored, counts.lost_records, counts.pending) == (0, 0, {}, 0)
        assert store.info().rows == 2


def test_store_follows_links(path, tmp_path):
    """A store that is opened through a link writes the target file. The link stays a link."""
    (tmp_path / "deep").mkdir()
    link = tmp_path / "deep" / "link.db"
    record(path, "a")
    link.symlink_to(path)
    record(link, "b")
    record(path, "c")

    assert call_ids_in(path) == call_ids_in(link) == ["a", "b", "c"]
    assert link.is_symlink()
    assert not path.is_symlink()


@pytest.fixture(params=["same name", "symbolic link", "hard link"])
def pair(request, path, tmp_path):
    """Two names of one file."""
    record(path)
    link = tmp_path / "link.db"
    if request.param == "symbolic link":
        link.symlink_to(path)
    elif request.param == "hard link":
        link.hardlink_to(path)
    return str(path), str(path if request.param == "same name" else link)


def writers():
    return sum(thread.name == "schema-guard-writer" for thread in threading.enumerate())


def test_stores_of_a_file_share_a_writer(pair):
    """Two open stores of one file have one writer, which loses no row."""
    before = writers()
    with open_store(pair[0]) as one, open_store(pair[1]) as other:
        for number in range(30):
            (one, other)[number % 2].record(outcome(id=str(number)))
            assert writers() <= before + 1
        other.flush(10.0)

        assert one.counts() == other.counts()
        assert one.counts().stored == 30
        assert sorted(call_ids_in(pair[0]), key=int) == [str(number) for number in range(30)]
        assert one.check().is_sound
    assert writers() == before


def test_closed_store_leaves_the_writer_to_the_other(pair):
    """After one store of a file is closed, the other one records, and the closed one loses what it is given."""
    one, other = open_store(pair[0]), open_store(pair[1])
    one.close()
    one.record(outcome(id="lost"))
    other.record(outcome(id="kept"))
    other.close()

    assert call_ids_in(pair[0]) == ["kept"]
    assert other.counts().lost_records == {"store_unavailable": 1}


def test_dropped_store_leaves_the_writer_to_the_other(pair):
    """A store that nobody holds any more ends nothing that another store of the file needs."""
    one, other = open_store(pair[0]), open_store(pair[1])
    one.record(outcome(id="a"))
    del one
    gc.collect()
    other.record(outcome(id="b"))
    other.close()

    assert call_ids_in(pair[0]) == ["a", "b"]


def test_each_store_of_a_file_has_its_own_durability_and_strictness(pair):
    """Only calls of the store with durability "sync" wait for their rows, and only a strict store raises."""
    with open_store(pair[0], durability="sync", strict_store=True) as strict, open_store(pair[1]) as plain:
        strict.record(outcome(id="a"))
        assert strict.counts().pending == 0
        assert (strict.is_sync, plain.is_sync) == (True, False)
        strict.close()
        plain.record(outcome(id="b"))
        with pytest.raises(StoreError):
            strict.record(outcome(id="c"))


def test_store_without_a_policy_keeps_no_texts_beside_one_that_does(pair):
    """A store that was opened without `payload` keeps no texts, also if another store of the file keeps all of them."""
    with open_store(pair[0]) as plain, open_store(pair[1], payload="full") as full:
        plain.record(outcome(id="plain"), "secret")
        full.record(outcome(id="full"), "task")
        full.flush(10.0)

        assert [texts.call_id for texts in full.texts(["plain", "full"])] == ["full"]


def test_stores_of_other_files_have_their_own_writers(tmp_path):
    """Stores of two files, and two databases in memory, share nothing."""
    stores = [
        open_store(f"{tmp_path}/a.db"),
        open_store(f"{tmp_path}/b.db"),
        open_store("sqlite://"),
        open_store("sqlite://"),
    ]
    for store in stores:
        store.record(outcome())
        store.flush(10.0)

    assert [store.counts().stored for store in stores] == [1, 1, 1, 1]
    for store in stores:
        store.close()


def test_rename_starts_a_new_file(path):
    """After a rename, rows go to a new file with the old name."""
    with open_store(str(path)) as store:
        store.record(outcome(id="a"))
        store.flush()
        path.rename(path.with_name("old.db"))
        for suffix in ("-wal", "-shm"):
            path.with_name(f"records.db{suffix}").unlink(missing_ok=True)
        store.record(outcome(id="b"))
        store.flush(10.0)

        assert (store.counts().stored, store.counts().lost_records) == (2, {})
    assert call_ids_in(path) == ["b"]


@pytest.mark.parametrize("durability", ["sync", "queue"])
@pytest.mark.parametrize("more", [0, 20])
def test_a_renamed_file_keeps_the_records_of_its_log(path, durability, more):
    """Each stored record is in the renamed file or in the new one, also if nothing is recorded after the rename."""
    with open_store(str(path), durability=durability) as store:
        for number in range(50):
            store.record(outcome(id=str(number)))
        store.flush()
        path.rename(path.with_name("old.db"))
        for number in range(50, 50 + more):
            store.record(outcome(id=str(number)))

    assert len(call_ids_in(path.with_name("old.db"))) == 50
    assert len(call_ids_in(path)) == more if more else not path.exists()


def test_removed_file_is_created_again(path):
    """After a removal, rows go to a new file."""
    with open_store(str(path)) as store:
        store.record(outcome(id="a"))
        store.flush()
        for suffix in ("", "-wal", "-shm"):
            path.with_name(f"records.db{suffix}").unlink(missing_ok=True)
        store.record(outcome(id="b"))
        store.flush(10.0)

        assert store.counts().lost_records == {}
    assert call_ids_in(path) == ["b"]


def test_readers_see_whole_calls_during_writes(path):
    """A reader sees all attempts of a call, and never fewer rows than before."""
    with open_store(str(path)) as writer, open_store(str(path)) as reader:
        seen = []
        for number in range(200):
            writer.record(outcome(FAILED, FAILED, {}, id=str(number)))
            if number % 10 == 0:
                seen.append([(row["call_id"], row["number"]) for row in reader.attempts()])
        writer.flush(10.0)
        seen.append([(row["call_id"], row["number"]) for row in reader.attempts()])

    whole = [(str(number), n) for number in range(200) for n in (1, 2, 3)]
    assert all(result == whole[: len(result)] and len(result) % 3 == 0 for result in seen)
    assert [len(result) for result in seen] == sorted(len(result) for result in seen)
    assert len(seen[-1]) == 600


def test_reader_does_not_block_writers(path):
    """A store can be written while another one reads. Neither waits for the other."""
    record(path, *map(str, range(30)))
    with open_store(str(path)) as store, open_store(str(path)) as other:
        reading = other.attempts()
        first = next(reading)
        store.record(outcome(id="late"))

        assert store.flush(5.0) == 0
        assert [first["call_id"], *(row["call_id"] for row in reading)][:30] == [str(n) for n in range(30)]


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


OTHERS = "is a SQLite database of another program. Name another file"
REFUSED = {
    "foreign": (foreign, OTHERS),
    "foreign with a log": (foreign_with_log, OTHERS),
    "foreign and killed": (foreign_that_was_killed, OTHERS),
    "newer": (
        newer,
        r"has schema version 97, but this version of schema-guard reads up to \d+. Upgrade schema-guard",
    ),
    "text": (text, "is not a SQLite database. Move it away, or name another file"),
    "zeroed": (zeroed, "is not a SQLite database. Move it away, or name another file"),
    "overwritten": (overwritten, "is damaged. Keep a copy of it, and name another file"),
    "cut": (cut, "is damaged. Keep a copy of it, and name another file"),
}


def folder_of(path):
    """Return the bytes and times of all files. Of `-shm` files, which every reader changes, return only the names."""
    return {
        other.name: other.name.endswith("-shm") or (other.read_bytes(), other.stat().st_mtime_ns)
        for other in path.parent.iterdir()
    }


@pytest.mark.parametrize(("spoil", "why"), REFUSED.values(), ids=REFUSED)
def test_refused_file_does_not_change(path, spoil, why, caplog):
    """Opening and recording change no file in the folder. Calls return their values."""
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
    "report", "store info", "store check", "store export", "store delete --yes --max-rows 5",
    "store delete --yes --function a", "store delete --counts --yes --function a", "watch --max-failure-rate 0.5", "decide",
)  # fmt: skip


@pytest.mark.parametrize("spoiled", ["foreign", "newer", "text", "cut"])
def test_commands_refuse_unusable_files(path, cli, spoiled):
    """Every command ends with exit status 2, prints only the reason, and does not change the file."""
    spoil, why = REFUSED[spoiled]
    spoil(path)
    before = folder_of(path)
    lines = [line for line in COMMANDS if line != "store export" or is_installed("transfer")]
    results = {line: cli(*line.split(), "--store", path) for line in lines}

    if spoiled == "cut":
        assert results.pop("store check")[0] == 1
    assert {line: (status, out) for line, (status, out, _) in results.items()} == dict.fromkeys(
        results, (2, "")
    )
    assert [line for line, (_, _, err) in results.items() if not re.search(why, err)] == []
    assert folder_of(path) == before


MISSING = (
    "store check --store gone.db",
    "store import gone.db --store all.db",
    "store import gone.jsonl --store all.db",
)


@pytest.mark.parametrize("line", with_parts(MISSING))
def test_commands_refuse_missing_files(line, cli, tmp_path, monkeypatch):
    """The exit status is 2, the message names the file, and no file is created."""
    monkeypatch.chdir(tmp_path)

    status, out, err = cli(*line.split())

    assert (status, out) == (2, "")
    assert "gone." in err
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    """The bytes of a store with 300 calls of two functions over two days."""
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


def has_damage(path):
    """Return whether the check finds damage or the store refuses the file."""
    try:
        with open_store(str(path)) as store:
            return not store.check().is_sound
    except StoreError:
        return True


def tables_of(path):
    """Yield the name, the columns, and the rows of each table."""
    with closing(sqlite3.connect(path)) as connection:
        names = connection.execute(
            "SELECT name FROM pragma_table_list WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY name"
        ).fetchall()
        for (name,) in names:
            columns = [column[1] for column in connection.execute(f'PRAGMA table_info("{name}")')]
            yield name, columns, connection.execute(f'SELECT * FROM "{name}"').fetchall()


def test_check_finds_a_changed_value(path, sound):
    """The check finds a cost that another program changed, although SQLite finds no fault."""
    path.write_bytes(sound)
    places = {
        (name, column)
        for name, columns, rows in tables_of(path)
        for row in rows
        for column, value in zip(columns, row, strict=True)
        if value in (777.25, 777_250_000_000)
    }
    assert places
    for name, column in places:
        execute(path, f'UPDATE "{name}" SET "{column}" = "{column}" * 2 WHERE "{column}" > 777')

    assert has_damage(path)


def delete_a_row(path):
    """Delete one attempt with another program."""
    (name,) = [name for name, _, rows in tables_of(path) if len(rows) == 360]
    execute(path, f'DELETE FROM "{name}" WHERE rowid = (SELECT max(rowid) - 5 FROM "{name}")')


def test_check_finds_a_deleted_row(path, sound):
    """A store is not sound after another program deletes an attempt."""
    path.write_bytes(sound)
    delete_a_row(path)

    assert has_damage(path)


def test_check_of_a_sound_store_changes_nothing(path, sound, cli_json, cli):
    """The check finds no damage, counts all attempts, and changes no byte."""
    path.write_bytes(sound)
    result = cli_json("store", "check", "--store", path)
    status, out, _ = cli("store", "check", "--store", path)

    assert (result["sound"], result["attempts"], result["damage"]) == (True, 360, [])
    assert (status, out.splitlines()[1:]) == (0, ["attempts     360", "damage       none"])
    assert path.read_bytes() == sound


def test_check_finds_a_truncated_file(path, sound):
    """The check finds the damage at every tested length of the file."""
    size = int.from_bytes(sound[16:18], "big")
    for end in range(size, len(sound), max(1, len(sound) // size // 6) * size):
        path.write_bytes(sound[:end])
        assert has_damage(path), end


def test_check_of_a_damaged_store_prints_the_fix(path, sound, cli, cli_json):
    """The exit status is 1. The output has the damaged part, and the command that fixes it."""
    path.write_bytes(sound)
    delete_a_row(path)

    status, out, _ = cli("store", "check", "--store", path)

    assert status == 1
    assert "attempts are missing, and --rebuild deletes their counts" in out
    assert out.splitlines()[-1] == f"fix          schema-guard store check --rebuild --store sqlite:///{path}"
    document = cli_json("store", "check", "--store", path, status=1)
    assert document["sound"] is False
    assert {"part", "problem"} <= set(document["damage"][0])
    assert cli("store", "check", "--rebuild", "--store", path)[0] == 0
    assert cli("store", "check", "--store", path)[0] == 0


def test_python_code_never_opens_the_database_file(url, run):
    """Only SQLite opens it, because closing another descriptor would release all locks of the process."""
    script = """
    opened = []
    def hook(event, arguments):
        if event == "open" and isinstance(arguments[0], (str, bytes)):
            opened.append(os.fsdecode(arguments[0]))
    sys.addaudithook(hook)
    store = open_store(url)
    store.record(outcome()); store.flush()
    list(store.attempts()); store.configurations(); store.info(); store.lost_records(); store.check()
    store.declare_step("f" * 16, "few_shot", "declined", "no")
    store.close()
    file = url.removeprefix("sqlite:///")
    print(json.dumps([name for name in opened if name in (file, file + "-wal", file + "-shm")]))
    """
    assert run(script, url) == []


def test_relative_path_is_fixed_when_the_store_opens(tmp_path, monkeypatch):
    """A later change of the working folder does not change the file."""
    monkeypatch.chdir(tmp_path)
    with open_store("a.db") as store:
        (tmp_path / "elsewhere").mkdir()
        os.chdir("elsewhere")
        store.record(outcome(id="a"))
        store.flush()
    assert call_ids_in(tmp_path / "a.db") == ["a"]
    assert not Path("a.db").exists()
