"""The contract of every store, and how one is opened."""

import pytest

from schema_guard import records
from schema_guard.core.values import Usage
from schema_guard.errors import InvalidArgument
from schema_guard.records import Counts, Store, open_store, resolve_store
from schema_guard.records.backend import WriteRefused
from schema_guard.records.rows import COLUMNS, rows


def test_what_is_recorded_can_be_read(store, make):
    """Attempts come back with every column, lists as lists, in the order of their recording."""
    store.record(make.outcome(make.failed, {"repairs": ("fence",)}, id="b" * 32), "task")
    store.record(make.outcome(id="a" * 32))

    read = list(store.attempts())

    assert [tuple(row) for row in read] == [COLUMNS] * 3
    assert [(row["call_id"][0], row["number"], row["final"]) for row in read] == [
        ("b", 1, 0),
        ("b", 2, 1),
        ("a", 1, 1),
    ]
    assert (read[0]["violations"], read[1]["repairs"]) == ([["/total", "type"]], ["fence"])


def test_counts_of_what_was_stored(store, make):
    """Attempts are counted, not calls."""
    store.record(make.outcome(make.failed, make.failed, {}))
    store.flush()

    assert store.counts() == Counts(offered=3, stored=3, dropped={}, pending=0)


@pytest.mark.parametrize(
    ("chosen", "call_ids"),
    [
        ({"since": 200.0}, ["2", "3"]),
        ({"until": 200.0}, ["1"]),
        ({"schema": "b"}, ["2"]),
        ({"schema": "f3"}, ["3"]),
        ({"function": "other"}, ["3"]),
        ({"call_ids": ["1", "3", "x"]}, ["1", "3"]),
        ({"call_ids": []}, []),
        ({"since": 200.0, "schema": "b"}, ["2"]),
    ],
)
def test_attempts_can_be_chosen(store, make, chosen, call_ids):
    """Only the attempts that meet every condition come back."""
    store.record(make.outcome(id="1", started_at=100.0))
    store.record(make.outcome(id="2", started_at=200.0, schema_name="b"))
    store.record(make.outcome(id="3", started_at=300.0, schema_fingerprint="f3", function="other"))

    assert [row["call_id"] for row in store.attempts(**chosen)] == call_ids


@pytest.mark.costly
def test_reading_goes_on_over_pages(store, make):
    """More attempts than a page holds all come back, in order, and later ones do not."""
    for number in range(2_500):
        store.record(make.outcome(id=str(number)))
    reading = store.attempts()
    first = next(reading)
    store.record(make.outcome(id="later"))
    store.flush()

    assert [first["call_id"], *(row["call_id"] for row in reading)] == [str(n) for n in range(2_500)]


def test_an_empty_store_reads_as_empty(store):
    """A store without records has no attempts, no summary and no drops."""
    assert (list(store.attempts()), store.summary(), store.drops()) == ([], [], {})


def test_drops_are_added_up_by_reason(new_backend):
    """What was dropped is kept with its time, and given by reason."""
    backend = new_backend()
    session = backend.session()
    session.write([], {"locked": 2}, 100.0)
    session.write([], {"locked": 1, "disk_full": 4}, 200.0)
    session.close()

    with Store(backend) as store:
        assert store.drops() == {"disk_full": 4, "locked": 3}
        assert store.drops(since=150.0) == {"disk_full": 4, "locked": 1}


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
        assert (list(store.attempts()), store.configurations(), store.drops()) == ([], [], {})


def test_info_counts_the_attempts(store, make):
    """A store says how many attempts it holds and how its URL is."""
    store.record(make.outcome(make.failed, {}))

    info = store.info()

    assert (info.url, info.rows, info.size_bytes > 0) == (store.url, 2, True)


def test_text_that_no_store_takes_is_escaped(store, make):
    """Lone surrogates and NUL in any text do not lose the row."""
    bad = "a\x00\ud800"
    texts = dict.fromkeys(("id", "function", "schema_name", "model", "segment", "cluster", "version"), bad)
    store.record(
        make.outcome({"reply": bad, "prompt": bad, "strategy": bad, "repairs": (bad,)}, **texts), bad
    )

    (row,) = store.attempts()

    escaped = "a\\u0000\\ud800"
    assert [row[name] for name in ("call_id", "segment", "strategy")] == [escaped] * 3
    assert row["repairs"] == [escaped]


def test_an_integer_of_more_than_64_bits_does_not_lose_the_row(store, make):
    """A count that SQLite cannot hold is unknown; the attempt is stored."""
    store.record(make.outcome({"usage": Usage(2**63, 2**200)}))

    (row,) = store.attempts()

    assert (row["input_tokens"], row["output_tokens"]) == (None, None)


def test_an_outcome_without_row_loses_only_itself(store, make):
    """What no row can be made of is dropped; its neighbours are stored."""
    for fields in ({}, {"repairs": 5}, {}):
        store.record(make.outcome(fields))
    store.flush()

    assert store.counts() == Counts(offered=3, stored=2, dropped={"write_failed": 1}, pending=0)


def test_a_closed_store_drops(store, make):
    """What is recorded after closing is counted as dropped."""
    store.close()
    store.record(make.outcome())

    assert store.counts() == Counts(offered=1, stored=0, dropped={"store_unavailable": 1}, pending=0)


def test_durability_is_queue_or_sync():
    """Another durability is refused with the nearest word."""
    with pytest.raises(InvalidArgument) as error:
        open_store("sqlite://", durability="snyc")

    assert str(error.value) == "durability='snyc': expected 'queue' or 'sync', did you mean 'sync'?"


def test_two_stores_have_two_hash_keys(make):
    """Equal tasks in two stores cannot be linked."""
    hashes = set()
    for _ in range(2):
        with open_store("sqlite://") as store:
            store.record(make.outcome(), "task")
            hashes |= {row["input_hash"] for row in store.attempts()}

    assert len(hashes) == 2


def test_a_fleet_has_one_hash_key(make, monkeypatch):
    """SCHEMA_GUARD_HASH_KEY makes equal tasks equal in every store."""
    monkeypatch.setenv("SCHEMA_GUARD_HASH_KEY", "of the fleet")
    hashes = set()
    for _ in range(2):
        with open_store("sqlite://") as store:
            store.record(make.outcome(), "task")
            hashes |= {row["input_hash"] for row in store.attempts()}

    assert len(hashes) == 1


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
