"""The contract of every store, then that of a file."""

import errno
import json
import os
import sqlite3
import stat

import pytest

from schema_guard import records
from schema_guard.core.values import Failure, Message, Usage, Violation
from schema_guard.errors import InvalidArgument, StoreError
from schema_guard.records import Counts, Store, open_store, resolve_store
from schema_guard.records.rows import COLUMNS
from schema_guard.records.sqlite.database import SQLite
from schema_guard.records.sqlite.tables import make_tables


@pytest.fixture
def path(tmp_path):
    return tmp_path / "records.db"


@pytest.fixture(params=["file", "memory"])
def store(request, path):
    with open_store("sqlite://" if request.param == "memory" else f"sqlite:///{path}") as opened:
        yield opened


def test_what_is_recorded_can_be_read(store, make):
    """Attempts come back with every column, lists as lists, in the order of their recording."""
    store.record(make.outcome(make.failed, {"repairs": ("fence",)}, id="b" * 32), "task")
    store.record(make.outcome(id="a" * 32))

    read = list(store.attempts())

    assert [tuple(row) for row in read] == [COLUMNS] * 3
    assert [(row["call_id"][0], row["number"], row["final"]) for row in read] == [
        ("b", 1, 0),
        ("b", 2, 1),
        ("a", 1, 1),
    ]
    assert (read[0]["violations"], read[1]["repairs"]) == ([["/total", "type"]], ["fence"])


def test_counts_of_what_was_stored(store, make):
    """Attempts are counted, not calls."""
    store.record(make.outcome(make.failed, make.failed, {}))
    store.flush()

    assert store.counts() == Counts(offered=3, stored=3, dropped={}, pending=0)


@pytest.mark.parametrize(
    ("chosen", "call_ids"),
    [
        ({"since": 200.0}, ["2", "3"]),
        ({"until": 200.0}, ["1"]),
        ({"schema": "b"}, ["2"]),
        ({"schema": "f3"}, ["3"]),
        ({"function": "other"}, ["3"]),
        ({"call_ids": ["1", "3", "x"]}, ["1", "3"]),
        ({"call_ids": []}, []),
        ({"since": 200.0, "schema": "b"}, ["2"]),
    ],
)
def test_attempts_can_be_chosen(store, make, chosen, call_ids):
    """Only the attempts that meet every condition come back."""
    store.record(make.outcome(id="1", started_at=100.0))
    store.record(make.outcome(id="2", started_at=200.0, schema_name="b"))
    store.record(make.outcome(id="3", started_at=300.0, schema_fingerprint="f3", function="other"))

    assert [row["call_id"] for row in store.attempts(**chosen)] == call_ids


def test_reading_goes_on_over_pages(store, make):
    """More attempts than a page holds all come back, in order, and later ones do not."""
    for number in range(2_500):
        store.record(make.outcome(id=str(number)))
    reading = store.attempts()
    first = next(reading)
    store.record(make.outcome(id="later"))
    store.flush()

    assert [first["call_id"], *(row["call_id"] for row in reading)] == [str(n) for n in range(2_500)]


def test_an_empty_store_reads_as_empty(store):
    """A store without records has no attempts, no summary and no drops."""
    assert (list(store.attempts()), store.summary(), store.drops()) == ([], [], {})


def test_text_that_no_store_takes_is_escaped(store, make):
    """Lone surrogates and NUL in any text do not lose the row."""
    bad = "a\x00\ud800"
    texts = dict.fromkeys(("id", "function", "schema_name", "model", "segment", "cluster", "version"), bad)
    store.record(
        make.outcome({"reply": bad, "prompt": bad, "strategy": bad, "repairs": (bad,)}, **texts), bad
    )

    (row,) = store.attempts()

    escaped = "a\\u0000\\ud800"
    assert [row[name] for name in ("call_id", "segment", "strategy")] == [escaped] * 3
    assert row["repairs"] == [escaped]


def test_an_integer_of_more_than_64_bits_does_not_lose_the_row(store, make):
    """A count that SQLite cannot hold is unknown; the attempt is stored."""
    store.record(make.outcome({"usage": Usage(2**63, 2**200)}))

    (row,) = store.attempts()

    assert (row["input_tokens"], row["output_tokens"]) == (None, None)


def test_an_outcome_without_row_loses_only_itself(store, make):
    """What no row can be made of is dropped; its neighbours are stored."""
    for fields in ({}, {"repairs": 5}, {}):
        store.record(make.outcome(fields))
    store.flush()

    assert store.counts() == Counts(offered=3, stored=2, dropped={"write_failed": 1}, pending=0)


def test_a_closed_store_drops(store, make):
    """What is recorded after closing is counted as dropped."""
    store.close()
    store.record(make.outcome())

    assert store.counts() == Counts(offered=1, stored=0, dropped={"store_unavailable": 1}, pending=0)


def test_sync_stores_before_it_returns(path, make, count_rows):
    """With durability "sync" the row is committed when `record` returns."""
    with open_store(f"sqlite:///{path}", durability="sync") as store:
        store.record(make.outcome())

        assert count_rows(path) == 1


def test_durability_is_queue_or_sync(path):
    """Another durability is refused with the nearest word."""
    with pytest.raises(InvalidArgument) as error:
        open_store(f"sqlite:///{path}", durability="snyc")

    assert str(error.value) == "durability='snyc': expected 'queue' or 'sync', did you mean 'sync'?"


def test_info_of_a_file(path, make):
    """A store says where it is, how many rows it holds and how large it is."""
    with open_store(f"sqlite:///{path}") as store:
        store.record(make.outcome())

        info = store.info()

    assert (info.url, info.path, info.rows, info.schema_version, info.engine) == (
        f"sqlite:///{path}",
        str(path),
        1,
        2,
        f"sqlite {sqlite3.sqlite_version}",
    )
    assert info.size_bytes > 4096


def test_info_of_memory(make):
    """A store in memory has no path."""
    with open_store("sqlite://") as store:
        info = store.info()

    assert (info.url, info.path, info.rows, info.size_bytes > 0) == ("sqlite://", None, 0, True)


def test_the_file_is_for_its_owner_only(tmp_path, make):
    """A file that is made has mode 0600, its log and lock too, and a folder that is made 0700."""
    folder = tmp_path / "new"
    with open_store(f"sqlite:///{folder / 'records.db'}") as store:
        store.record(make.outcome())
        store.flush()
        modes = {name.name: stat.S_IMODE(name.stat().st_mode) for name in (folder, *folder.iterdir())}

    assert modes.pop("new") == 0o700
    assert set(modes.values()) == {0o600}


def test_the_file_outlives_the_store(path, make):
    """Records are there when the store is opened again, under the same hash key."""
    for _ in range(2):
        with open_store(f"sqlite:///{path}") as store:
            store.record(make.outcome(), "task")
    with open_store(f"sqlite:///{path}") as store:
        hashes = [row["input_hash"] for row in store.attempts()]

    assert len(hashes) == 2
    assert len(set(hashes)) == 1


def test_two_stores_have_two_hash_keys(make):
    """Equal tasks in two stores cannot be linked."""
    hashes = set()
    for _ in range(2):
        with open_store("sqlite://") as store:
            store.record(make.outcome(), "task")
            hashes |= {row["input_hash"] for row in store.attempts()}

    assert len(hashes) == 2


def test_a_fleet_has_one_hash_key(make, monkeypatch):
    """SCHEMA_GUARD_HASH_KEY makes equal tasks equal in every store."""
    monkeypatch.setenv("SCHEMA_GUARD_HASH_KEY", "of the fleet")
    hashes = set()
    for _ in range(2):
        with open_store("sqlite://") as store:
            store.record(make.outcome(), "task")
            hashes |= {row["input_hash"] for row in store.attempts()}

    assert len(hashes) == 1


def test_the_database_uses_a_log_and_strict_tables(path):
    """The file is in WAL mode and its tables are STRICT."""
    open_store(f"sqlite:///{path}").close()
    connection = sqlite3.connect(path)
    mode = connection.execute("PRAGMA journal_mode").fetchone()
    strict = connection.execute("SELECT DISTINCT strict FROM pragma_table_list WHERE name NOT LIKE 'sqlite%'")

    assert (mode, strict.fetchall()) == (("wal",), [(1,)])
    connection.close()


def test_the_table_has_the_columns_of_a_row():
    """The table and the rows agree on names and order."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    make_tables(connection, None)
    names = [name for _, name, *_ in connection.execute("PRAGMA table_info(attempts)")]
    connection.close()

    assert sorted(names) == sorted(("id", *COLUMNS))


def refusal(url_path):
    with pytest.raises(StoreError) as error:
        open_store(f"sqlite:///{url_path}")
    return str(error.value)


def test_a_newer_version_is_refused(path):
    """A file of a later version of the library is not touched."""
    open_store(f"sqlite:///{path}").close()
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 7")
    connection.close()

    assert refusal(path) == (f"{path} has schema version 7, this version knows up to 2: upgrade schema-guard")


def test_a_newer_version_is_not_read_either(path):
    """Reading a file of a later version is refused as well."""
    open_store(f"sqlite:///{path}").close()
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 7")
    connection.close()
    store = Store(SQLite(path))

    with pytest.raises(StoreError, match="has schema version 7"):
        store.summary()


def test_a_file_that_is_no_database_is_refused(path):
    """A file of text is named, and stays as it is."""
    path.write_text("not a database, but long enough to have a header of one hundred bytes" * 3)

    assert refusal(path) == f"{path} is not a SQLite database: move it away or name another file"
    assert path.read_text().startswith("not a database")


def test_the_database_of_another_program_is_refused(path):
    """A database with other tables gets none of ours."""
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE theirs (x)")
    connection.close()

    assert refusal(path) == f"{path} is a SQLite database of another program: name another file"


def test_a_damaged_file_is_refused(path, make):
    """A file whose first table page is overwritten is named as damaged."""
    with open_store(f"sqlite:///{path}") as store:
        store.record(make.outcome())
    content = bytearray(path.read_bytes())
    content[100:400] = b"\xaa" * 300
    path.write_bytes(content)

    assert refusal(path) == f"{path} is damaged: keep a copy of it and name another file"


def test_a_folder_is_refused(tmp_path):
    """A path that is a folder is answered with a file in it."""
    assert refusal(tmp_path) == (
        f"{tmp_path} is a directory: expected a file, such as {tmp_path / 'records.db'}"
    )


def test_a_folder_that_cannot_be_made_is_refused(tmp_path):
    """A path below a file says what the system says, and what to do."""
    (tmp_path / "file").write_text("")
    path = tmp_path / "file" / "records.db"

    assert refusal(path) == (
        f"{path} cannot be written ({os.strerror(errno.EEXIST)}): make it and its folder writable, "
        "or name another file"
    )


def test_a_read_only_file_is_refused(path):
    """A database that cannot be written is refused when it is opened, not at the first record."""
    open_store(f"sqlite:///{path}").close()

    def connect(url, **options):
        return sqlite3.connect(url.replace("mode=rw", "mode=ro"), **options)

    read_only = SQLite(path, connect=connect)

    with pytest.raises(StoreError) as error:
        read_only.session()

    assert str(error.value) == (f"{path} is read-only: make it and its folder writable, or name another file")


def test_a_user_without_home_is_told(monkeypatch):
    """A path in a home folder that does not exist is not made in the current one."""
    monkeypatch.setattr("os.path.expanduser", lambda path: path)

    assert refusal("~/records.db") == (
        "~/records.db needs a home folder and this user has none: set SCHEMA_GUARD_STORE"
    )


def canaries():
    return {
        name: f"CANARY-{name}-7d1f" for name in ("prompt", "reply", "message", "expected", "actual", "key")
    }


def test_no_text_reaches_the_file(path, make):
    """Prompts, replies, messages, values and keys of the model are not in the file, its log, or the rows."""
    secret = canaries()
    violation = Violation(
        f"/lines/0/{secret['key']}",
        "/properties/lines/items/additionalProperties/type",
        "type",
        secret["expected"],
        secret["actual"],
    )
    failure = Failure("structure", "type", secret["message"], (violation,))
    prompt = (Message("user", secret["prompt"], {"name": secret["prompt"]}),)
    attempt = {"prompt": prompt, "reply": secret["reply"], "failure": failure, "form": None}
    with open_store(f"sqlite:///{path}") as store:
        store.record(make.outcome(attempt), prompt)
        store.flush()
        files = b"".join(part.read_bytes() for part in path.parent.iterdir())
        read = json.dumps(list(store.attempts()))
    files += path.read_bytes()

    assert b"app.extract" in files
    assert [text for text in secret.values() if text.encode() in files or text in read] == []


def test_one_url_in_memory_is_one_store():
    """`store="sqlite://"` names the same store at every call, so that its records can be read."""
    assert resolve_store("sqlite://") is resolve_store("sqlite://")


def test_every_public_name_is_there():
    """Each name of the package can be had, also those that are imported when first named."""
    assert all(getattr(records, name) is not None for name in records.__all__)


def test_an_unknown_name_is_an_attribute_error():
    """A name that the package does not have is refused as any module refuses it."""
    with pytest.raises(AttributeError, match=r"module 'schema_guard\.records' has no attribute 'Sumary'"):
        records.Sumary
