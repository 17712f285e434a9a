"""A store in SQLite: its file, what is refused as one, and what it says of itself."""

import errno
import json
import os
import sqlite3
from contextlib import closing

import pytest

from schema_guard.errors import StoreError
from schema_guard.records import Store, open_store
from schema_guard.records.sql.tables import LAYOUT
from schema_guard.records.sqlite.database import SQLite
from schema_guard.values import Failure, Message, Violation


@pytest.fixture
def path(tmp_path):
    return tmp_path / "records.db"


def test_the_database_uses_a_log_and_strict_tables(path):
    """The file is in WAL mode and its tables are STRICT."""
    open_store(f"sqlite:///{path}").close()
    connection = sqlite3.connect(path)
    mode = connection.execute("PRAGMA journal_mode").fetchone()
    strict = connection.execute(
        "SELECT DISTINCT strict FROM pragma_table_list WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
    )

    assert (mode, strict.fetchall()) == (("wal",), [(1,)])
    connection.close()


def refusal(url_path):
    with pytest.raises(StoreError) as error:
        open_store(f"sqlite:///{url_path}")
    return str(error.value)


def test_a_newer_version_is_not_read_either(path):
    """Reading a file of a later version is refused as well."""
    open_store(f"sqlite:///{path}").close()
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA user_version = {LAYOUT + 1}")
    connection.close()
    store = Store(SQLite(path))

    with pytest.raises(StoreError, match=f"has schema version {LAYOUT + 1}"):
        store.configurations()


def test_the_database_of_another_program_is_refused(path):
    """A database with other tables gets none of ours."""
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE theirs (x)")
    connection.close()

    assert refusal(path) == f"{path} is a SQLite database of another program. Name another file"


@pytest.mark.parametrize(
    "statements",
    [
        ["PRAGMA user_version = 2"],
        ["PRAGMA user_version = 3"],
        ["PRAGMA application_id = 1"],
        ["PRAGMA application_id = 1", "PRAGMA user_version = 3"],
    ],
)
def test_a_database_that_has_a_version_is_known_by_its_tables_and_its_header(path, statements):
    """A number that another program has set does not make its file ours."""
    connection = sqlite3.connect(path)
    for statement in ["CREATE TABLE attempts (x)", *statements]:
        connection.execute(statement)
    connection.close()

    assert refusal(path) == f"{path} is a SQLite database of another program. Name another file"


def test_the_header_says_whose_a_file_is(path):
    """A file of this version has the library's number; one that has our tables and not the number is none of it."""
    open_store(f"sqlite:///{path}").close()
    connection = sqlite3.connect(path)
    (result,) = connection.execute("PRAGMA application_id").fetchone()
    connection.execute("PRAGMA application_id = 0")
    connection.close()

    assert result.to_bytes(4, "big") == b"SGRD"
    assert "of another program" in refusal(path)


def test_a_damaged_file_is_refused(path, make):
    """A file whose first table page is overwritten is named as damaged."""
    with open_store(f"sqlite:///{path}") as store:
        store.record(make.outcome())
    content = bytearray(path.read_bytes())
    content[100:400] = b"\xaa" * 300
    path.write_bytes(content)

    assert refusal(path) == f"{path} is damaged. Keep a copy of it, and name another file"


def test_a_folder_is_refused(tmp_path):
    """A path that is a folder is answered with a file in it."""
    assert refusal(tmp_path) == (f"{tmp_path} is a folder. Name a file, such as {tmp_path / 'records.db'}")


def test_a_folder_that_cannot_be_made_is_refused(tmp_path):
    """A path below a file says what the system says, and what to do."""
    (tmp_path / "file").write_text("")
    path = tmp_path / "file" / "records.db"

    assert refusal(path) == (
        f"{path} cannot be written ({os.strerror(errno.EEXIST)}). Make it and its folder writable, "
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

    assert str(error.value) == (f"{path} is read-only. Make it and its folder writable, or name another file")


def test_what_reads_cannot_write(path, make):
    """A connection that was opened to read refuses every statement that would change the file."""
    with open_store(f"sqlite:///{path}", durability="sync") as store:
        store.record(make.outcome())

    with SQLite(path).reading() as snapshot, pytest.raises(sqlite3.OperationalError, match="readonly"):
        snapshot.connection.execute("DELETE FROM notes")


def test_a_user_without_home_is_told(monkeypatch):
    """A path in a home folder that does not exist is not made in the current one."""
    monkeypatch.setattr("os.path.expanduser", lambda path: path)

    assert refusal("~/records.db") == (
        "~/records.db needs a home folder, but this user has none. Name a file with store= or --store"
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


OPEN = "store._backend.session().close()"


@pytest.mark.costly
@pytest.mark.parametrize("every", [9, pytest.param(1, marks=pytest.mark.slow)])
def test_a_kill_while_a_file_is_made_leaves_one_that_can_be_opened(
    path, statements_of, killed_at, every, make
):
    """After a kill at any statement, the next process opens the file and makes the missing tables."""
    statements = statements_of(OPEN, path.with_name("counted.db"))
    assert statements > 20
    for moment in range(1, statements, every):
        dying = path.with_name(f"{moment}.db")
        killed_at(OPEN, dying, moment)
        with open_store(f"sqlite:///{dying}", durability="sync") as store:
            store.record(make.outcome())
            assert (store.info().rows, store.check().is_sound) == (1, True)


def test_a_file_whose_tables_were_not_made_yet_reads_as_empty(path):
    """A process that is killed before it makes the tables leaves a file with only a header."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")

    assert path.stat().st_size > 0
    with Store(SQLite(path)) as store:
        assert (list(store.attempts()), store.configurations(), store.info().rows) == ([], [], 0)
        assert store.info().schema_version is None
