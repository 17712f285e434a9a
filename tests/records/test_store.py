"""The contract of every store, and how one is opened."""

import pytest

from schema_guard import records
from schema_guard.records import Store, resolve_store
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
