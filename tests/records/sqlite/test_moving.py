"""Files of earlier versions are merged and written out as they are."""

import io
import json
import sqlite3
from contextlib import closing

import pytest

from schema_guard.records import Store
from schema_guard.records.attempts import Where
from schema_guard.records.rows import key_fingerprint
from schema_guard.records.sqlite.database import SQLite
from schema_guard.records.transfer.adding import Taking
from schema_guard.records.transfer.arriving import merge
from schema_guard.records.transfer.leaving import Leaving, export


@pytest.mark.costly
@pytest.mark.parametrize("version", ["version_1", "version_2"])
def test_a_file_of_an_earlier_version_is_only_read(version, request, path, version_of):
    """Its attempts and hours come into a store of this version, and the file keeps its bytes and its version."""
    path.write_bytes(request.getfixturevalue(version))
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        if version == "version_1":  # whose calls have one id in all other tests
            connection.execute("UPDATE attempts SET call_id = printf('%032x', (id - 1) / 3)")
    content = path.read_bytes()
    old, into = SQLite(path), SQLite(None)

    added = merge(into, "old.db", old, Taking())

    assert path.read_bytes() == content
    assert str(version_of(path)) == version[-1]
    assert added.added == added.attempts == old.info().rows > 0
    assert list(Store(into).attempts()) == list(Store(old).attempts())
    assert Store(into).by_hour() == Store(old).by_hour()
    assert Store(into).drops() == Store(old).drops()


@pytest.mark.costly
def test_a_file_of_version_1_goes_out(path, version_1):
    """With the key that it was made with, and what came later as not known."""
    path.write_bytes(version_1)
    stream = io.BytesIO()

    export(SQLite(path), stream, Leaving("jsonl", Where(), "0.2.0"))

    header, _, first, *_ = map(json.loads, stream.getvalue().splitlines())
    assert header["export"]["hash_keys"] == [key_fingerprint(b"keyk")]
    assert (first["tuned"], first["snapshot"], first["unseen"]) == (False, None, False)
