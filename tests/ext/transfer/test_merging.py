"""Declarations, lost records, and keys of another store are added once."""

import pytest

from schema_guard.ext.transfer.importer import add_declared, add_lost_records, adopt_key
from schema_guard.records import Store
from schema_guard.records.declarations import Declared, DeclaredStep, DeclaredTarget
from schema_guard.records.rows import key_fingerprint, rows
from schema_guard.records.sql.writing import insert_declarations
from schema_guard.records.values import LostRecords

FINGERPRINT = "f" * 16


@pytest.fixture
def backend(new_backend):
    return new_backend()


@pytest.fixture
def session(backend):
    opened = backend.session()
    yield opened
    opened.close()


def test_lost_records_are_added_once(backend, session):
    """A count of lost records that is there is not added again; two equal ones are two."""
    full, other = LostRecords("queue_full", 2, 1_000.0), LostRecords("disk_full", 1, 1_000.0)

    with session.writing() as connection:
        assert add_lost_records(connection, [full]) == 1
        assert add_lost_records(connection, [full, full, other]) == 2
        assert add_lost_records(connection, [other, full, full]) == 0

    assert Store(backend).lost_records() == {"disk_full": 1, "queue_full": 4}
    with backend.reading() as snapshot:
        assert snapshot.every_lost_record() == [full, full, other]


def test_of_declarations_of_two_stores_the_latest_holds(backend, session):
    """What another store declared earlier does not hold over what is declared here."""
    here = DeclaredStep("few_shot", "declined", "later", 2_000.0)
    theirs = DeclaredStep("few_shot", "not_applicable", "earlier", 1_000.0)
    declared = Declared(FINGERPRINT, (theirs,), (DeclaredTarget(1_000.0, 0.01),))
    with session.writing() as connection:
        insert_declarations(connection, FINGERPRINT, [here, DeclaredTarget(500.0, 0.05)])
        assert [add_declared(connection, declared) for _ in range(2)] == [2, 0]

    assert Store(backend).declared_steps(FINGERPRINT) == [here._replace()]
    assert [one.target for one in Store(backend).targets(FINGERPRINT)] == [0.05, 0.01]
    with backend.reading() as snapshot:
        assert [one.steps for one in snapshot.every_declaration()] == [(theirs, here)]


def test_a_key_is_adopted_before_there_are_hashes(backend, session, make, monkeypatch):
    """A store takes the key of another one while it has no hashes, and none where the environment names one."""
    monkeypatch.delenv("SCHEMA_GUARD_HASH_KEY", raising=False)
    calls = rows(make.outcome(make.failed, {}), None, b"k" * 32)
    adopt_key(session, b"theirs")
    session.write(calls, {}, 0.0)
    adopt_key(session, b"later")

    with backend.reading() as snapshot:
        assert (session.key, snapshot.key()) == (b"theirs", b"theirs")
        assert snapshot.keys() == {key_fingerprint(b"theirs")}
    monkeypatch.setenv("SCHEMA_GUARD_HASH_KEY", "named")
    adopt_key(session, b"later")
    assert session.key == b"named"
