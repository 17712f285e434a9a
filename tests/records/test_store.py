"""The contract of every store, and how one is opened."""

import pytest

from schema_guard import records
from schema_guard.records import Store, resolve_store
from schema_guard.records.attempts import Where
from schema_guard.records.payloads.retention import Retention
from schema_guard.records.rows import rows
from schema_guard.records.values import WriteRefused


def test_lost_records_are_added_up_by_reason(new_backend):
    """What was lost is kept with its time, and given by reason."""
    backend = new_backend()
    session = backend.session()
    session.write([], {"locked": 2}, 100.0)
    session.write([], {"locked": 1, "disk_full": 4}, 200.0)
    session.close()

    with Store(backend) as store:
        assert store.lost_records() == {"disk_full": 4, "locked": 3}
        assert store.lost_records(since=150.0) == {"disk_full": 4, "locked": 1}


def test_a_batch_is_stored_whole_or_not_at_all(new_backend, make):
    """One row that the database refuses keeps its neighbours out, and the drops that came with them."""
    backend = new_backend()
    session = backend.session()
    (row,) = rows(make.outcome(), None, session.key)

    with pytest.raises(WriteRefused) as refused:
        session.write([row, (None, *row[1:])], {"locked": 1}, 0.0)
    session.close()

    assert refused.value.reason == "write_failed"
    with Store(backend) as store:
        assert (list(store.attempts()), store.configurations(), store.lost_records()) == ([], [], {})


def test_one_url_in_memory_is_one_store():
    """`store="sqlite://"` names the same store at every call, so that its records can be read."""
    assert resolve_store("sqlite://") is resolve_store("sqlite://")


def test_every_public_name_is_there():
    """Each name of the package can be had, also those that are imported when first named."""
    assert all(getattr(records, name) is not None for name in records.__all__)


def test_an_unknown_name_is_an_attribute_error():
    """A name that the package does not have is refused as any module refuses it."""
    with pytest.raises(AttributeError, match=r"module 'schema_guard\.records' has no attribute 'Sumary'"):
        records.Sumary


def test_any_number_of_calls_can_be_named(new_backend, make, write):
    """More calls than a statement takes values are read, each once, in the order of storing."""
    backend = new_backend()
    write(backend, [[make.outcome(id=f"{number}") for number in range(5)]])
    named = [f"{number}" for number in reversed(range(40_000))] * 2
    with Store(backend) as store:
        assert [row["call_id"] for row in store.attempts(call_ids=named)] == list("01234")
        assert store.texts(named) == []
        assert list(store.attempts(call_ids=[])) == []


def test_the_size_of_a_store_is_measured_for_a_limit_of_bytes_only(new_backend, make, write):
    """To measure a server's store reads all of its attempts."""
    backend, measured = new_backend(), []
    write(backend, [[make.outcome()]])
    with backend.reading() as snapshot:
        snapshot._used_bytes = lambda connection: measured.append(connection) or 2_000
        snapshot.configurations(Where())
        snapshot.excess(Retention(max_rows=1), 0.0)
        assert measured == []

        assert snapshot.excess(Retention(max_bytes=1_000), 0.0) == 1
        assert len(measured) == 1
