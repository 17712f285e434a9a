"""Nothing but SQLite opens a database, its log or its index: closing any descriptor of it lets go of all locks on it."""

import ast
import json
from pathlib import Path

import pytest

import schema_guard
from tests.needs import is_installed

PACKAGE = Path(schema_guard.__file__).parent

# What opens files in the rooms that have a database, and what it opens.
OPENS = {
    "records/sqlite/file.py": {
        "os.open(made, os.O_CREAT | os.O_EXCL | os.O_RDWR, 384)": "a new file, under a name that nobody else has",
        "_MOUNTS.read_text(encoding='utf-8', errors='surrogateescape')": "the kernel's list of mounts",
    },
    "records/sqlite/write_lock.py": {
        "os.open(f'{path}-lock', os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 384)": "the file of our own lock",
    },
}
_NAMES = {
    "open", "read_bytes", "read_text", "write_bytes", "write_text", "copy", "copy2", "copyfile", "copyfileobj", "copytree",
    "touch", "truncate", "fdopen", "sendfile",
}  # fmt: skip


def opening(path):
    """The calls in a module that may open a file."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            called = node.func
            name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
            if name in _NAMES:
                yield ast.unparse(node)


def test_no_module_that_has_a_database_opens_its_file():
    """In `records` what opens a file is named here, with what it opens; a new one is to be looked at."""
    results = {
        path.relative_to(PACKAGE).as_posix(): set(opening(path))
        for folder in (PACKAGE / "records" / "sqlite", PACKAGE / "cli" / "store")
        for path in folder.rglob("*.py")
    }

    assert {name: calls for name, calls in results.items() if calls} == {
        name: set(calls) for name, calls in OPENS.items()
    }, "SQLite alone opens the database, its -wal and its -shm: ask os.stat, a PRAGMA, or SQLite's backup"


WATCHED = """
opened = set()

def watch(event, arguments):
    if event in ("open", "os.truncate", "shutil.copyfile") and isinstance(arguments[0], (str, bytes)):
        name = os.path.basename(os.fsdecode(arguments[0]))
        if name in ("records.db", "records.db-wal", "records.db-shm"):
            opened.add((event, name))

sys.addaudithook(watch)
from schema_guard.cli import main
from schema_guard.records import Store

os.chdir(os.path.dirname(url.removeprefix("sqlite:///")))
with open_store(url, durability="sync") as store:
    for number in range(5):
        store.record(outcome(id=f"{number:032x}"))
    store.check(); store.info(); store.configurations(); list(store.attempts())
    if os.fork() == 0:
        store.record(outcome(id="f" * 32))
        store.flush()
        os._exit(bool(opened))
    assert os.wait()[1] == 0
    store.record(outcome(id="e" * 32))
    said = os.dup(1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    for line in LINES:
        assert main([*line.split(), "--store", url]) in (0, 1), line
    os.dup2(said, 1)
sys.stdout = os.fdopen(said, "w")
print(json.dumps(sorted(opened)))
"""
LINES = (
    "store info", "store check", "report", "report --format html", "report --since 24h", "decide",
    "watch --max-failure-rate 0.5", "doctor",
    *(("store export --output out.jsonl", "store import out.jsonl") if is_installed("transfer") else ()),
)  # fmt: skip


@pytest.mark.costly
def test_nothing_that_is_done_with_a_store_opens_its_file(run, tmp_path):
    """Recording, reading, checking, a fork, and every command: Python opens no file of the database."""
    script = WATCHED.replace("LINES", json.dumps(LINES))

    assert run(script, f"sqlite:///{tmp_path}/records.db") == []
