"""A declaration that cannot be written because the database is locked."""

import sqlite3

import pytest

from schema_guard.errors import StoreError
from schema_guard.records import Store
from schema_guard.records.sqlite.database import SQLite

FINGERPRINT = "f" * 16


def test_a_declaration_that_cannot_be_stored_is_an_error(tmp_path):
    """A declaration is not dropped like a record: a locked database is told to whoever declares."""
    path = tmp_path / "records.db"
    SQLite(path).session().close()
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    store = Store(SQLite(path, lock_wait_s=0.05))

    with pytest.raises(StoreError, match="was locked by another process for too long"):
        store.set_target(FINGERPRINT, 0.01)
    connection.close()
