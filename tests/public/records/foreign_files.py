"""SQLite files of another program, as a store may find them at its path."""

import signal
import sqlite3
import subprocess
import sys
from contextlib import closing


def execute(path, *statements):
    """Run statements on a file, each in its own transaction."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)


def foreign(path):
    execute(path, "CREATE TABLE theirs (x)")


def foreign_with_log(path):
    execute(path, "PRAGMA journal_mode = WAL", "CREATE TABLE theirs (x)")


def foreign_that_was_killed(path):
    """Create a log with rows that are not in the file yet."""
    foreign_with_log(path)
    script = """import os, signal, sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("INSERT INTO theirs VALUES (1)")
os.kill(os.getpid(), signal.SIGKILL)"""
    process = subprocess.run([sys.executable, "-c", script, str(path)], check=False)
    assert process.returncode == -signal.SIGKILL
