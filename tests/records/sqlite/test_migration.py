"""A file of version 1 becomes one of version 2: no attempt is lost, whenever the process dies."""

import signal
import sqlite3
import stat
from contextlib import closing

import pytest

from schema_guard.errors import StoreError
from schema_guard.records import Store, open_store
from schema_guard.records.rows import COLUMNS, rows
from schema_guard.records.sqlite.database import SQLite

TABLES_OF_VERSION_1 = (
    """CREATE TABLE attempts (
        id INTEGER PRIMARY KEY,
        call_id TEXT NOT NULL, started_at REAL, function TEXT NOT NULL,
        schema_name TEXT NOT NULL, schema_fingerprint TEXT NOT NULL,
        model TEXT, target TEXT, strategies TEXT NOT NULL, settings TEXT NOT NULL, version TEXT NOT NULL,
        segment TEXT, cluster TEXT, input_hash TEXT, parent_call_id TEXT,
        number INTEGER, final INTEGER NOT NULL, strategy TEXT NOT NULL,
        kind TEXT, code TEXT, form TEXT, repairs TEXT NOT NULL, finish_reason TEXT,
        input_tokens INTEGER, cached_input_tokens INTEGER, output_tokens INTEGER, reasoning_tokens INTEGER,
        elapsed_s REAL, cost REAL, prompt_chars INTEGER NOT NULL, reply_bytes INTEGER, reply_hash TEXT,
        violations TEXT NOT NULL
    ) STRICT""",
    "CREATE INDEX attempts_call_id ON attempts (call_id)",
    "CREATE INDEX attempts_started_at ON attempts (started_at)",
    "CREATE TABLE drops (reason TEXT NOT NULL, count INTEGER NOT NULL, at REAL NOT NULL) STRICT",
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT",
    "INSERT INTO meta VALUES ('hash_key', '6b65796b')",
    "INSERT INTO drops VALUES ('disk_full', 2, 1000.0)",
    "PRAGMA user_version = 1",
)
# More attempts than are counted at once, and calls that the end of what is counted at once cuts.
CALLS = 1_800
ATTEMPTS = 3 * CALLS


def insert(connection, outcomes):
    """Store outcomes as version 1 did."""
    made = [row for outcome in outcomes for row in rows(outcome, "task", b"k" * 32)]
    connection.executemany(
        f"INSERT INTO attempts ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))})",
        made,
    )


def make_version_1(path, outcomes):
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("BEGIN")
        for statement in TABLES_OF_VERSION_1:
            connection.execute(statement)
        insert(connection, outcomes)
        connection.execute("COMMIT")


def calls(make):
    return [
        make.outcome(make.failed, make.failed, {}, input_hash=f"i{number % 99}") for number in range(CALLS)
    ]


@pytest.fixture(scope="module")
def of_version_1(tmp_path_factory, make):
    path = tmp_path_factory.mktemp("version_1") / "records.db"
    make_version_1(path, calls(make))
    return path.read_bytes()


@pytest.fixture
def path(tmp_path, of_version_1):
    path = tmp_path / "records.db"
    path.write_bytes(of_version_1)
    return path


def version_of(path):
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("PRAGMA user_version").fetchone()[0]


def counts(store):
    return sum(found.calls for found in store.configurations())


def test_opening_migrates(path, count_rows):
    """Opening for writing brings a file to version 2: attempts, drops and the key stay, the roll-ups are exact."""
    with open_store(f"sqlite:///{path}") as store:
        assert counts(store) == CALLS
        assert store.configurations() == store.configurations(since=0.0)
        assert store.drops() == {"disk_full": 2}
        assert store._backend.session().key == b"keyk"

    assert (version_of(path), count_rows(path)) == (2, ATTEMPTS)


def test_the_file_is_copied_first(path, count_rows):
    """What was there lies beside the database, for its owner only, at version 1 and whole."""
    open_store(f"sqlite:///{path}").close()
    kept = path.parent / "records.db.v1.backup"

    assert (version_of(kept), count_rows(kept)) == (1, ATTEMPTS)
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert not (path.parent / "records.db.v1.backup.part").exists()


def test_a_copy_that_was_cut_off_is_made_anew(path, count_rows):
    """What a process left that died while it copied does not stand in the way."""
    part = path.parent / "records.db.v1.backup.part"
    part.write_bytes(b"half of a copy")
    open_store(f"sqlite:///{path}").close()

    assert count_rows(path.parent / "records.db.v1.backup") == ATTEMPTS
    assert not part.exists()


def test_a_file_of_this_version_is_not_copied(tmp_path):
    """A new database, and one that is opened again, have no copy beside them."""
    path = tmp_path / "records.db"
    for _ in range(2):
        open_store(f"sqlite:///{path}").close()

    assert [found.name for found in tmp_path.glob("*backup*")] == []


def test_recording_goes_on_after_the_migration(path, make):
    """The first record into a file of version 1 migrates it and is counted with what was there."""
    with Store(SQLite(path)) as store:
        store.record(make.outcome(function="new"))
        store.flush(30.0)

        assert counts(store) == CALLS + 1
        assert store.configurations() == store.configurations(since=0.0)


def test_reading_does_not_migrate(path, count_rows):
    """A file of version 1 that is only read stays as it is, and gives the same counts, without ids."""
    with Store(SQLite(path)) as store:
        (found,) = store.configurations()
        summaries = store.summary()
        declared = (store.declared_rungs("f" * 16), store.targets("f" * 16))

        assert (found.id, found.calls, found.inputs) == (None, CALLS, 99)
        assert [summary.calls for summary in summaries] == [CALLS]
        assert declared == ([], [])
        assert store.info().schema_version == 1
    assert (version_of(path), count_rows(path)) == (1, ATTEMPTS)


KILL = """
import signal, sqlite3
from pathlib import Path
from schema_guard.records.sqlite.database import SQLite

class Dying:
    left = int(sys.argv[1].split()[1])
    def __init__(self, *arguments, **options):
        self._connection = sqlite3.connect(*arguments, **options)
    def _run(self, statement, *arguments):
        Dying.left -= 1
        if Dying.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return statement(*arguments)
    def execute(self, *arguments):
        return self._run(self._connection.execute, *arguments)
    def executemany(self, *arguments):
        return self._run(self._connection.executemany, *arguments)
    def close(self):
        self._connection.close()

SQLite(Path(sys.argv[1].split()[0]), connect=Dying).session().close()
print(json.dumps(Dying.left))
"""
PATIENCE = 10_000


def statements_of_a_migration(path, run):
    return PATIENCE - run(KILL, f"{path} {PATIENCE}")


@pytest.mark.parametrize("part", [0, *(pytest.param(part, marks=pytest.mark.slow) for part in range(1, 5))])
def test_a_kill_in_the_middle_loses_nothing(tmp_path, of_version_1, run, count_rows, part):
    """Killed at any of its statements a migration has not happened, and happens when the file is opened again."""
    clean = tmp_path / "clean.db"
    clean.write_bytes(of_version_1)
    statements = statements_of_a_migration(clean, run)
    assert statements > 100
    # Many of the first and the last ones, some of those that count inputs between them.
    moments = [
        *range(1, 24, 2),
        *range(24, statements - 8, statements // 4),
        *range(statements - 5, statements),
    ]
    for moment in moments[part::5]:
        path = tmp_path / f"{moment}.db"
        path.write_bytes(of_version_1)
        run(KILL, f"{path} {moment}", exit_code=-signal.SIGKILL)
        before = count_rows(path)
        with open_store(f"sqlite:///{path}") as store:
            assert (before, counts(store), store.info().rows) == (ATTEMPTS, CALLS, ATTEMPTS)
            assert store.configurations() == store.configurations(since=0.0)
        assert count_rows(path.parent / f"{path.name}.v1.backup") == ATTEMPTS


def test_a_full_disk_leaves_the_file_as_it_was(path, count_rows):
    """A migration for which there is no room is not made, says so, and is made when there is room."""

    def connect(*arguments, **options):
        connection = sqlite3.connect(*arguments, **options)
        connection.execute("PRAGMA max_page_count = 1")  # SQLite takes the size that the file has
        return connection

    full = Store(SQLite(path, connect=connect))

    with pytest.raises(StoreError, match="has no room left"):
        full.set_target("f" * 16, 0.01)
    assert (version_of(path), count_rows(path)) == (1, ATTEMPTS)
    with open_store(f"sqlite:///{path}") as store:
        assert counts(store) == CALLS


def test_attempts_of_an_old_process_are_counted_with_the_next_write(path, make):
    """What a process of the version before still stores is in the roll-ups after the next write."""
    with open_store(f"sqlite:///{path}") as store:
        with closing(sqlite3.connect(path, isolation_level=None)) as old:
            insert(old, [make.outcome(make.failed), make.outcome(segment="old")])
        late = counts(store)
        store.record(make.outcome())

        assert (late, counts(store)) == (CALLS, CALLS + 3)
        assert store.configurations() == store.configurations(since=0.0)
