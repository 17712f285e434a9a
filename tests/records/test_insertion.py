"""What another store has is added once, counted as if it had been recorded here."""

import pytest

from schema_guard.records import Store
from schema_guard.records.declarations import Declared, DeclaredStep, DeclaredTarget
from schema_guard.records.payloads.retention import Retention
from schema_guard.records.rows import key_fingerprint, rows
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


@pytest.fixture
def calls(make):
    """Rows of three calls of two attempts each."""
    made = [
        make.outcome(make.failed, {}, id=f"{number:032x}", input_hash=f"i{number}") for number in range(3)
    ]
    return [row for outcome in made for row in rows(outcome, None, b"k" * 32)]


def test_calls_are_added_once(backend, session, calls):
    """A call that is stored is not stored again, and the others of its batch are."""
    assert session.add_calls(calls[:2]) == 2
    assert session.add_calls(calls) == 4
    assert session.add_calls(calls) == 0

    (counts,) = Store(backend).configurations()
    assert (counts.calls, counts.fixed_by_retry, sum(hour.calls for hour in Store(backend).by_hour())) == (
        3,
        3,
        3,
    )


def test_a_call_that_comes_twice_is_taken_once(backend, session, calls):
    """Of two calls of one name in a batch the first one is stored."""
    assert session.add_calls(calls[:2] * 2 + calls[2:4]) == 4

    assert [row["call_id"][-1] for row in Store(backend).attempts()] == ["0", "0", "1", "1"]


def test_added_calls_are_counted_as_recorded_ones(new_backend, calls):
    """Adding calls leaves the counts that writing them leaves."""
    added, written = new_backend(), new_backend()
    for backend, method in ((added, "add_calls"), (written, "write")):
        session = backend.session()
        getattr(session, method)(*([calls] if method == "add_calls" else [calls, {}, 0.0]))
        session.close()

    assert Store(added).configurations() == Store(written).configurations()
    assert Store(added).by_hour() == Store(written).by_hour()


def test_lost_records_are_added_once(backend, session):
    """A count of lost records that is there is not added again; two equal ones are two."""
    full, other = LostRecords("queue_full", 2, 1_000.0), LostRecords("disk_full", 1, 1_000.0)

    assert session.add_lost_records([full]) == 1
    assert session.add_lost_records([full, full, other]) == 2
    assert session.add_lost_records([other, full, full]) == 0

    assert Store(backend).lost_records() == {"disk_full": 1, "queue_full": 4}
    with backend.reading() as snapshot:
        assert snapshot.every_lost_record() == [full, full, other]


def test_of_declarations_of_two_stores_the_latest_holds(backend, session):
    """What another store declared earlier does not hold over what is declared here."""
    here = DeclaredStep("few_shot", "declined", "later", 2_000.0)
    theirs = DeclaredStep("few_shot", "not_applicable", "earlier", 1_000.0)
    declared = Declared(FINGERPRINT, (theirs,), (DeclaredTarget(1_000.0, 0.01),))
    session.declare_step(FINGERPRINT, here)
    session.set_target(FINGERPRINT, DeclaredTarget(500.0, 0.05))

    assert [session.add_declared(declared) for _ in range(2)] == [2, 0]

    assert Store(backend).declared_steps(FINGERPRINT) == [here._replace()]
    assert [one.target for one in Store(backend).targets(FINGERPRINT)] == [0.05, 0.01]
    with backend.reading() as snapshot:
        assert [one.steps for one in snapshot.every_declaration()] == [(theirs, here)]


def test_the_keys_of_hashes_are_known(backend, session, calls):
    """A store knows of which keys it has hashes: of its own once it has written, and of those that were added."""
    with backend.reading() as snapshot:
        assert snapshot.keys() == frozenset()

    session.write(calls, {}, 0.0)
    session.add_keys(["a" * 16, "a" * 16])

    with backend.reading() as snapshot:
        assert snapshot.keys() == {key_fingerprint(session.key), "a" * 16}


def test_a_key_is_adopted_before_there_are_hashes(backend, session, calls, monkeypatch):
    """A store takes the key of another one while it has no hashes, and none where the environment names one."""
    session.adopt_key(b"theirs")
    session.write(calls, {}, 0.0)
    session.adopt_key(b"later")

    with backend.reading() as snapshot:
        assert (session.key, snapshot.key()) == (b"theirs", b"theirs")
        assert snapshot.keys() == {key_fingerprint(b"theirs")}
    monkeypatch.setenv("SCHEMA_GUARD_HASH_KEY", "named")
    session.adopt_key(b"later")
    assert session.key == b"named"


def test_calls_whose_rows_have_gone_are_not_counted_again(backend, session, calls, make):
    """What was counted and then removed does not come back by a second import, and later hours are still open."""
    session.add_calls(calls)
    store = Store(backend)
    store.prune(Retention(max_rows=0))
    before = store.configurations()
    later = rows(make.outcome(id="later", started_at=1_000.0 + 3_600), None, b"k" * 32)

    assert session.add_calls(calls) == 0
    assert store.configurations() == before
    assert session.add_calls([*calls, *later]) == 1
