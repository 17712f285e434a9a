"""A file with a layout older than the first release is refused. Nothing in its folder changes."""

import hashlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest

from schema_guard import StoreError, open_store
from tests.needs import marked

FIRST_TABLES = (
    "CREATE TABLE attempts (id INTEGER PRIMARY KEY, call_id TEXT NOT NULL) STRICT",
    "CREATE TABLE drops (reason TEXT NOT NULL, count INTEGER NOT NULL, at REAL NOT NULL) STRICT",
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT",
    "INSERT INTO meta VALUES ('hash_key', '6b65796b')",
    "INSERT INTO attempts VALUES (1, 'c')",
)
LAYOUTS = {
    "1": (*FIRST_TABLES, "PRAGMA user_version = 1"),
    "2": (*FIRST_TABLES, "CREATE TABLE configurations (id INTEGER PRIMARY KEY)", "PRAGMA user_version = 2"),
    "3": (
        "CREATE TABLE stored_attempts (id INTEGER PRIMARY KEY, call_id ANY NOT NULL) STRICT",
        "CREATE VIEW attempts AS SELECT * FROM stored_attempts",
        *FIRST_TABLES[1:4],
        "PRAGMA application_id = 0x53475244",
        "PRAGMA user_version = 3",
    ),
    "4": (*FIRST_TABLES, "PRAGMA application_id = 0x53475244", "PRAGMA user_version = 4"),
    "unknown": (*FIRST_TABLES, "PRAGMA application_id = 0x53475244", "PRAGMA user_version = -7"),
}


def write(path, layout, *more):
    path.parent.mkdir(exist_ok=True)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in ("PRAGMA journal_mode = WAL", *LAYOUTS[layout], *more):
            connection.execute(statement)
    return path


def folder_of(path):
    """Return the digests of all files in the file's folder."""
    return {
        other.name: hashlib.sha256(other.read_bytes()).hexdigest() for other in sorted(path.parent.iterdir())
    }


def sentence(path):
    return f"{path} was made before the first release. Move it away"


def command(*words):
    return subprocess.run(
        [sys.executable, "-m", "schema_guard", *map(str, words)], check=False, capture_output=True, text=True
    )


def refusal(path):
    with pytest.raises(StoreError) as error:
        open_store(str(path))
    return str(error.value)


@pytest.fixture(params=LAYOUTS)
def path(request, tmp_path):
    return write(tmp_path / "stores" / "records.db", request.param)


@pytest.fixture
def old(tmp_path):
    return write(tmp_path / "stores" / "records.db", "3")


def test_an_older_file_is_refused_in_one_sentence(path):
    assert refusal(path) == sentence(path)


def test_older_file_and_its_folder_do_not_change(path):
    before = folder_of(path)
    refusal(path)

    assert folder_of(path) == before
    assert list(before) == ["records.db"]


def test_a_read_only_file_is_refused_too(path):
    path.chmod(0o400)
    before = folder_of(path)

    assert refusal(path) == sentence(path)
    assert folder_of(path) == before


def test_a_file_in_a_read_only_folder_is_refused_too(path):
    before = folder_of(path)
    path.parent.chmod(0o500)
    try:
        assert refusal(path) == sentence(path)
        assert folder_of(path) == before
    finally:
        path.parent.chmod(0o700)


def test_a_file_with_a_log_is_refused_and_gets_no_index(path, tmp_path):
    """A killed process leaves rows in the log. The copy of its two files has no `-shm`."""
    script = """import os, signal, sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("INSERT INTO meta VALUES ('last', '1')")
os.kill(os.getpid(), signal.SIGKILL)"""
    process = subprocess.run([sys.executable, "-c", script, str(path)], check=False)
    assert process.returncode == -signal.SIGKILL
    path.with_name("records.db-shm").unlink()
    before = folder_of(path)

    assert refusal(path) == sentence(path)
    assert folder_of(path) == before
    assert list(before) == ["records.db", "records.db-wal"]


def test_a_new_file_takes_the_place_of_one_that_was_moved_away(old):
    old.rename(old.with_name("before.db"))

    with open_store(str(old)) as store:
        assert list(store.attempts()) == []


CALLS = """
import json
from schema_guard import default_store, guard

read_total = guard({"type": "object", "required": ["total"]})(lambda prompt: '{"total": 1}')
values = []
for _ in range(3):
    values.append(read_total("Invoice 1"))
    default_store().flush()
counts = default_store().counts()
print(json.dumps([values, counts.offered, counts.stored, counts.lost_records]))
"""


@pytest.fixture
def default(tmp_path):
    """An older file in place of the default store, and the results of a process with three guarded calls."""
    path = write(tmp_path / "schema-guard" / "records.db", "3")
    before = folder_of(path)
    unset = ("SCHEMA_GUARD_STORE", "PYTEST_VERSION", "PYTEST_CURRENT_TEST")
    environment = {name: value for name, value in os.environ.items() if name not in unset}
    environment |= {"HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", CALLS], check=True, capture_output=True, text=True, env=environment
    )
    assert folder_of(path) == before
    return path, json.loads(done.stdout), done.stderr


def test_guarded_calls_return_values_without_a_default_store(default):
    assert default[1][0] == [{"total": 1}] * 3


def test_calls_without_a_default_store_are_counted_as_lost(default):
    assert default[1][1:] == [3, 0, {"store_unavailable": 3}]


def test_missing_default_store_causes_one_warning(default):
    path, _, errors = default

    assert errors.count(sentence(path)) == len(errors.splitlines()) == 1


COMMANDS = {
    "report": ("report", "--store", "OLD"),
    "check": ("store", "check", "--store", "OLD"),
    "info": ("store", "info", "--store", "OLD"),
    "merge from it": ("store", "import", "OLD", "--store", "NEW"),
    "merge into it": ("store", "import", "NEW", "--store", "OLD"),
}


@pytest.mark.parametrize("name", marked(COMMANDS, "transfer", lambda name: "merge" in name))
def test_a_command_refuses_an_older_file_with_exit_code_2(old, tmp_path, name):
    words = COMMANDS[name]
    new = tmp_path / "new.db"
    open_store(str(new)).close()
    before = folder_of(old)
    done = command(*({"OLD": old, "NEW": new}.get(word, word) for word in words))

    assert (done.returncode, done.stdout) == (2, "")
    assert sentence(old) in " ".join(done.stderr.split())
    assert folder_of(old) == before


def test_database_of_another_program_is_refused(tmp_path):
    path = tmp_path / "theirs.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("CREATE TABLE theirs (x)")

    assert refusal(path) == f"{path} is a SQLite database of another program. Name another file"


def test_file_with_a_newer_layout_is_refused(tmp_path):
    path = tmp_path / "records.db"
    open_store(str(path)).close()
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        ((layout,),) = connection.execute("PRAGMA user_version")
        connection.execute(f"PRAGMA user_version = {layout + 1}")

    assert refusal(path) == (
        f"{path} has schema version {layout + 1}, but this version of schema-guard reads up to {layout}. Upgrade "
        "schema-guard"
    )
