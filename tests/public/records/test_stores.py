"""The contract of every kind of store: recorded outcomes are read, counted, and filtered."""

import pytest

from schema_guard import InvalidArgument, Usage, open_store
from tests.public.records.counting import ledger
from tests.public.records.outcomes import FAILED, LOST, outcome


def test_attempts_are_read_in_the_order_of_recording(store):
    """The attempts of a call are together. Lists are read as lists."""
    store.record(outcome(FAILED, {"repairs": ("fence",)}, id="b" * 32), "task")
    store.record(outcome(id="a" * 32))

    read = list(store.attempts())

    assert [(row["call_id"][0], row["number"], row["final"]) for row in read] == [
        ("b", 1, False),
        ("b", 2, True),
        ("a", 1, True),
    ]
    assert (read[0]["violations"], read[1]["repairs"]) == ([["/total", "type"]], ["fence"])


def test_ledger_counts_attempts(store):
    """A call of three attempts counts three in the ledger and in `info`."""
    store.record(outcome(FAILED, FAILED, {}))
    assert store.flush() == 0

    assert ledger(store) == (3, 3, {}, 0)
    assert (store.info().rows, store.info().url) == (3, store.url)
    assert store.info().size_bytes > 0
    assert store.info().refusal is None


CALLS = [
    {"id": "1", "started_at": 100.0},
    {"id": "2", "started_at": 200.0, "schema_name": "b"},
    {"id": "3", "started_at": 300.0, "schema_fingerprint": "e" * 16, "function": "other"},
    {"id": "4", "started_at": 300.0, "segment": "eu"},
]


@pytest.mark.parametrize(
    ("chosen", "call_ids"),
    [
        ({"since": 200.0, "until": 300.0, "schema": "b", "function": "app.extract"}, "2"),
        ({}, "1234"),
        ({"since": 200.0}, "234"),
        ({"since": 200.1}, "34"),
        ({"until": 200.0}, "1"),
        ({"until": 200.1}, "12"),
        ({"since": 200.0, "until": 300.0}, "2"),
        ({"since": 300.0, "until": 200.0}, ""),
        ({"since": 0.0}, "1234"),
        ({"until": 0.0}, ""),
        ({"schema": "b"}, "2"),
        ({"schema": "e" * 16}, "3"),
        ({"schema": "e" * 15}, ""),
        ({"function": "other"}, "3"),
        ({"function": "extract"}, ""),
        ({"call_ids": ["3", "1", "x"]}, "13"),
        ({"call_ids": []}, ""),
        ({"since": 200.0, "schema": "b"}, "2"),
        ({"until": 200.0, "schema": "b"}, ""),
        ({"since": 300.0, "function": "app.extract"}, "4"),
    ],
)
def test_attempts_match_all_filters(store, chosen, call_ids):
    """`since` is inclusive, `until` is exclusive, and names must match whole."""
    for call in CALLS:
        store.record(outcome(FAILED, {}, **call))

    results = [row["call_id"] for row in store.attempts(**chosen)]

    assert results == [call_id for call_id in call_ids for _ in range(2)]


@pytest.mark.costly
def test_long_read_has_no_later_attempts(store):
    """All attempts of a long read come back in order. Attempts that are recorded later do not."""
    for number in range(2_500):
        store.record(outcome(id=str(number)))
    reading = store.attempts()
    first = next(reading)
    store.record(outcome(id="later"))
    store.flush()

    assert [first["call_id"], *(row["call_id"] for row in reading)] == [str(n) for n in range(2_500)]


def test_an_empty_store_reads_as_empty(store):
    """An empty store has no attempts, drops, damage, or pending rows."""
    assert (list(store.attempts()), store.lost_records(), store.flush()) == ([], {}, 0)
    assert (ledger(store), store.info().rows) == ((0, 0, {}, 0), 0)
    assert (store.check().is_sound, store.check().attempts) == (True, 0)
    assert store.rows_since() is None


def test_nul_and_surrogates_are_escaped(store):
    """NUL and lone surrogates in any text do not lose the row."""
    bad, escaped = "a\x00\ud800", "a\\u0000\\ud800"
    names = ("id", "function", "schema_name", "model", "segment", "cluster", "version")
    store.record(
        outcome(
            {"reply": bad, "prompt": bad, "strategy": bad, "repairs": (bad,)}, **dict.fromkeys(names, bad)
        ),
        bad,
    )

    (row,) = store.attempts()

    columns = ("call_id", *names[1:], "strategy")
    assert {name: row[name] for name in columns} == dict.fromkeys(columns, escaped)
    assert row["repairs"] == [escaped]


def test_a_count_of_more_than_64_bits_is_unknown(store):
    """The count is stored as unknown, and the attempt is stored."""
    store.record(outcome({"usage": Usage(2**63, 2**200)}))

    (row,) = store.attempts()

    assert (row["input_tokens"], row["output_tokens"]) == (None, None)


def test_unstorable_outcome_loses_only_itself(store):
    """An outcome that cannot become a row is counted as lost. Its neighbors are stored."""
    for number, fields in enumerate(({}, {"repairs": 5}, {})):
        store.record(outcome(fields, id=str(number)))
    store.flush()

    assert ledger(store) == (3, 2, {"write_failed": 1}, 0)
    assert [row["call_id"] for row in store.attempts()] == ["0", "2"]


def test_lost_records_are_stored_with_their_reason(store):
    """The store has the drops after the next write."""
    before = store.lost_records()
    store.record(outcome(FAILED, {"repairs": 5}))
    store.flush()
    store.record(outcome())
    store.flush()

    assert (before, store.lost_records()) == ({}, {"write_failed": 2})
    assert store.lost_records(since=4e9) == {}
    assert ledger(store) == (3, 1, {"write_failed": 2}, 0)


def test_closed_store_lost_records_attempts(store):
    """Attempts that are recorded after `close` are counted as lost."""
    store.record(outcome(id="1"))
    assert not store.is_closed
    assert store.close() == 0
    store.record(outcome(FAILED, {}))

    assert store.is_closed
    assert ledger(store) == (3, 1, {"store_unavailable": 2}, 0)


def test_with_block_closes_the_store(new_url):
    """The store is open inside the block and closed after it."""
    with open_store(new_url()) as store:
        assert not store.is_closed

    assert store.is_closed


def test_transport_failure_is_stored(store):
    """A call that raised has a row with its exception and without a reply's size."""
    store.record(outcome(LOST))

    (row,) = store.attempts()

    named = {
        name: row[name]
        for name in ("kind", "code", "exception", "reply_bytes", "reply_hash", "form", "final")
    }
    assert named == {
        "kind": "transport",
        "code": "call_raised",
        "exception": "TimeoutError",
        "reply_bytes": None,
        "reply_hash": None,
        "form": None,
        "final": True,
    }


@pytest.mark.parametrize(
    ("durability", "message"),
    [
        ("snyc", "durability='snyc': expected 'queue' or 'sync'. Did you mean 'sync'?"),
        ("always", "durability='always': expected 'queue' or 'sync'"),
    ],
)
def test_rejects_unknown_durability(durability, message):
    """The message suggests the nearest durability."""
    with pytest.raises(InvalidArgument) as error:
        open_store("sqlite://", durability=durability)

    assert str(error.value) == message


def test_durability_is_queue_by_default(tmp_path):
    """Only an argument or a URL parameter sets the durability "sync"."""
    stores = [
        open_store("sqlite://"),
        open_store("sqlite://", durability="queue"),
        open_store("sqlite://", durability="sync"),
        open_store(f"{tmp_path}/a.db?durability=sync"),
        open_store(f"{tmp_path}/a.db"),
    ]

    assert [store.is_sync for store in stores] == [False, False, True, True, False]
    for store in stores:
        store.close()


def hashes_of(*stores):
    """Record one task in each of these stores and return its hashes."""
    results = []
    for store in stores:
        with store:
            store.record(outcome(), "task")
            results += [(row["input_hash"], row["reply_hash"]) for row in store.attempts()]
    return results


def test_each_store_has_its_own_hash_key(monkeypatch):
    """Equal tasks and replies have different hashes in two stores."""
    monkeypatch.delenv("SCHEMA_GUARD_HASH_KEY", raising=False)
    first, second = hashes_of(open_store("sqlite://"), open_store("sqlite://"))

    assert not set(first) & set(second)


def test_a_file_keeps_its_hash_key(path, monkeypatch):
    """A reopened store has the same hashes."""
    monkeypatch.delenv("SCHEMA_GUARD_HASH_KEY", raising=False)
    results = [row for _ in range(2) for row in hashes_of(open_store(str(path)))]

    assert len(set(results)) == 1


def test_hash_key_variable_sets_the_key_of_every_store(monkeypatch):
    """Equal tasks have equal hashes with the same SCHEMA_GUARD_HASH_KEY. With another key they differ."""
    results = []
    for key in ("of the team", "of the team", "of another team"):
        monkeypatch.setenv("SCHEMA_GUARD_HASH_KEY", key)
        results += hashes_of(open_store("sqlite://"))

    assert results[0] == results[1]
    assert not set(results[0]) & set(results[2])
