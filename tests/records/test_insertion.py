"""What another store has is added once, counted as if it had been recorded here."""

import pytest

from schema_guard.records import Store
from schema_guard.records.payloads.retention import Retention
from schema_guard.records.rows import key_fingerprint, rows
from schema_guard.records.sql.writing import note_keys


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


def test_the_keys_of_hashes_are_known(backend, session, calls):
    """A store knows of which keys it has hashes: of its own once it has written, and of those that were added."""
    with backend.reading() as snapshot:
        assert snapshot.keys() == frozenset()

    session.write(calls, {}, 0.0)
    with session.writing() as connection:
        note_keys(connection, ["a" * 16, "a" * 16])

    with backend.reading() as snapshot:
        assert snapshot.keys() == {key_fingerprint(session.key), "a" * 16}


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
