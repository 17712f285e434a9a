"""Files of earlier versions, processes of the first release, and processes that die at a statement."""

import gzip
import signal
import sqlite3
import subprocess
import sys
import textwrap
from contextlib import closing
from pathlib import Path

import pytest

from schema_guard.records.rows import COLUMNS, rows
from schema_guard.records.sqlite.attempts import COLUMNS_BEFORE_3

HERE = Path(__file__).parent
# The modules of the first release with which a process records, as they were.
FIRST_RELEASE = HERE / "records_of_0_1_0.zip"

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
CALLS_OF_VERSION_1 = 1_800


def _insert(connection, outcomes):
    """Store outcomes as version 1 did."""
    made = [dict(zip(COLUMNS, row, strict=True)) for o in outcomes for row in rows(o, "task", b"k" * 32)]
    connection.executemany(
        f"INSERT INTO attempts ({', '.join(COLUMNS_BEFORE_3)}) "
        f"VALUES ({', '.join('?' * len(COLUMNS_BEFORE_3))})",
        [[row[name] for name in COLUMNS_BEFORE_3] for row in made],
    )


@pytest.fixture(scope="session")
def insert():
    return _insert


@pytest.fixture(scope="session")
def version_1(tmp_path_factory, make):
    """The bytes of a file of version 1, whose calls have three attempts each."""
    path = tmp_path_factory.mktemp("version_1") / "records.db"
    calls = [
        make.outcome(make.failed, make.failed, {}, input_hash=f"i{number % 99}")
        for number in range(CALLS_OF_VERSION_1)
    ]
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("BEGIN")
        for statement in TABLES_OF_VERSION_1:
            connection.execute(statement)
        _insert(connection, calls)
        connection.execute("COMMIT")
    return path.read_bytes()


@pytest.fixture(scope="session")
def version_2():
    """The bytes of a file that the first release has written: 60 calls of two functions, and declarations."""
    return gzip.decompress((HERE / "records_of_0_1_0.db.gz").read_bytes())


@pytest.fixture
def path(tmp_path):
    return tmp_path / "records.db"


@pytest.fixture(scope="session")
def version_of():
    def ask(path):
        with closing(sqlite3.connect(path)) as connection:
            return connection.execute("PRAGMA user_version").fetchone()[0]

    return ask


@pytest.fixture(scope="session")
def start_first_release():
    """Start a script in a process of the first release; `outcome(id, **call)` and `path` are defined in it."""
    prelude = """
    import sys, time
    import schema_guard
    from schema_guard.core.values import Attempt, Call, Outcome, Usage
    from schema_guard.records import open_store
    assert "records_of_0_1_0.zip" in schema_guard.__file__ and schema_guard.__version__ == "0.1.0"
    path = sys.argv[1]

    def outcome(name, **call):
        usage = Usage(1, 1, 0, 0)
        attempt = Attempt(1, "bare", "p", "{}", None, "exact", (), usage, None, "stop", 0.5)
        called = Call(name, "app.old", "invoice", "f" * 16, "m1", None, "bare", "{}", "v1", None, None, None, 1_000.0)
        return Outcome(True, None, (attempt,), None, usage, None, 0.5, called._replace(**call))
    """

    def begin(script, path):
        text = textwrap.dedent(prelude) + textwrap.dedent(script)
        return subprocess.Popen(
            [sys.executable, "-P", "-c", text, str(path)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={"PYTHONPATH": str(FIRST_RELEASE), "PATH": "/usr/bin:/bin"},
        )  # fmt: skip

    return begin


_DYING = """
import signal, sqlite3
from pathlib import Path
from schema_guard.records import Store
from schema_guard.records import store as stores
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

stores._REBUILT_ROWS = 25
store = Store(SQLite(Path(sys.argv[1].split()[0]), connect=Dying))
"""
_PATIENCE = 100_000


@pytest.fixture(scope="session")
def statements_of(run):
    """How many statements a script makes that has `store`."""

    def count(script, path):
        return _PATIENCE - run(f"{_DYING}\n{script}\nprint(json.dumps(Dying.left))", f"{path} {_PATIENCE}")

    return count


@pytest.fixture(scope="session")
def killed_at(run):
    """Run a script that has `store` in a process that is killed at one of its statements."""

    def kill(script, path, moment):
        run(f"{_DYING}\n{script}", f"{path} {moment}", exit_code=-signal.SIGKILL)

    return kill
