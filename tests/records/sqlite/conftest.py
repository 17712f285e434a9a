"""Processes that die at a statement."""

import signal

import pytest


@pytest.fixture
def path(tmp_path):
    return tmp_path / "records.db"


_DYING = """
import signal, sqlite3
from pathlib import Path
from schema_guard.records import Store
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
    def __getattr__(self, name):
        return getattr(self._connection, name)

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
