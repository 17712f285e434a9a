"""The contract of every store: what was recorded is read back, counted, and chosen, in each kind of database."""

import pytest

from schema_guard import InvalidArgument, Usage, open_store
from tests.public.records.outcomes import FAILED, LOST, outcome


def ledger(store):
    """Return what became of the attempts, after a check of the law of the ledger."""
    counts = store.counts()
    assert counts.offered == counts.stored + sum(counts.dropped.values()) + counts.pending
    return counts.offered, counts.stored, counts.dropped, counts.pending


def test_attempts_are_read_in_the_order_of_recording(store):
    """Attempts come back with lists as lists, each call's attempts together."""
    store.record(outcome(FAILED, {"repairs": ("fence",)}, id="b" * 32), "task")
    store.record(outcome(id="a" * 32))

    read = list(store.attempts())

    assert [(row["call_id"][0], row["number"], row["final"]) for row in read] == [
        ("b", 1, False),
        ("b", 2, True),
        ("a", 1, True),
    ]
    assert (read[0]["violations"], read[1]["repairs"]) == ([["/total", "type"]], ["fence"])


def test_counts_attempts_and_not_calls(store):
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
def test_attempts_meet_every_condition(store, chosen, call_ids):
    """`since` includes its moment, `until` excludes it, and names are whole names."""
    for call in CALLS:
        store.record(outcome(FAILED, {}, **call))

    found = [row["call_id"] for row in store.attempts(**chosen)]

    assert found == [call_id for call_id in call_ids for _ in range(2)]


@pytest.mark.costly
def test_reading_continues_over_pages(store):
    """More attempts than fit in one read all come back in order, and later ones do not."""
    for number in range(2_500):
        store.record(outcome(id=str(number)))
    reading = store.attempts()
    first = next(reading)
    store.record(outcome(id="later"))
    store.flush()

    assert [first["call_id"], *(row["call_id"] for row in reading)] == [str(n) for n in range(2_500)]


def test_an_empty_store_reads_as_empty(store):
    """A store without records has no attempts, no drops, no damage, and nothing pending."""
    assert (list(store.attempts()), store.drops(), store.flush()) == ([], {}, 0)
    assert (ledger(store), store.info().rows) == ((0, 0, {}, 0), 0)
    assert (store.check().is_sound, store.check().attempts) == (True, 0)
    assert store.rows_since() is None


def test_text_that_no_database_takes_is_escaped(store):
    """Lone surrogates and NUL in any text do not lose the row."""
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
    """A count that no database holds is unknown, and the attempt is stored."""
    store.record(outcome({"usage": Usage(2**63, 2**200)}))

    (row,) = store.attempts()

    assert (row["input_tokens"], row["output_tokens"]) == (None, None)


def test_an_outcome_without_row_loses_only_itself(store):
    """An outcome that no row can be made of is dropped, and its neighbors are stored."""
    for number, fields in enumerate(({}, {"repairs": 5}, {})):
        store.record(outcome(fields, id=str(number)))
    store.flush()

    assert ledger(store) == (3, 2, {"write_failed": 1}, 0)
    assert [row["call_id"] for row in store.attempts()] == ["0", "2"]


def test_drops_are_stored_with_their_reason(store):
    """Attempts that were dropped are in the store too, after the next write, and can be chosen by time."""
    before = store.drops()
    store.record(outcome(FAILED, {"repairs": 5}))
    store.flush()
    store.record(outcome())
    store.flush()

    assert (before, store.drops()) == ({}, {"write_failed": 2})
    assert store.drops(since=4e9) == {}
    assert ledger(store) == (3, 1, {"write_failed": 2}, 0)


def test_a_closed_store_drops(store):
    """Attempts that are recorded after closing are dropped, and each is counted."""
    store.record(outcome(id="1"))
    assert not store.is_closed
    assert store.close() == 0
    store.record(outcome(FAILED, {}))

    assert store.is_closed
    assert ledger(store) == (3, 1, {"store_unavailable": 2}, 0)


def test_a_store_is_closed_by_its_block(new_url):
    """A `with` block gives the store and closes it."""
    with open_store(new_url()) as store:
        assert not store.is_closed

    assert store.is_closed


def test_a_transport_failure_is_a_row(store):
    """A call without a judged reply has a row with its exception and without a size of the reply."""
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
        ("snyc", "durability='snyc': expected 'queue' or 'sync', did you mean 'sync'?"),
        ("always", "durability='always': expected 'queue' or 'sync'"),
    ],
)
def test_rejects_unknown_durability(durability, message):
    """Another durability is rejected with the nearest word."""
    with pytest.raises(InvalidArgument) as error:
        open_store("sqlite://", durability=durability)

    assert str(error.value) == message


def test_durability_is_queue_by_default(tmp_path):
    """Only an argument or the URL makes a store write before `record` returns."""
    said = [
        open_store("sqlite://"),
        open_store("sqlite://", durability="queue"),
        open_store("sqlite://", durability="sync"),
        open_store(f"{tmp_path}/a.db?durability=sync"),
        open_store(f"{tmp_path}/a.db"),
    ]

    assert [store.is_sync for store in said] == [False, False, True, True, False]
    for store in said:
        store.close()


def hashes_of(*stores):
    """Return the hashes of one task in these stores."""
    found = []
    for store in stores:
        with store:
            store.record(outcome(), "task")
            found += [(row["input_hash"], row["reply_hash"]) for row in store.attempts()]
    return found


def test_two_stores_have_two_hash_keys(monkeypatch):
    """Equal tasks and replies in two stores have different hashes."""
    monkeypatch.delenv("SCHEMA_GUARD_HASH_KEY", raising=False)
    first, second = hashes_of(open_store("sqlite://"), open_store("sqlite://"))

    assert not set(first) & set(second)


def test_a_file_keeps_its_hash_key(path, monkeypatch):
    """A store that is opened again hashes as before."""
    monkeypatch.delenv("SCHEMA_GUARD_HASH_KEY", raising=False)
    found = [row for _ in range(2) for row in hashes_of(open_store(str(path)))]

    assert len(set(found)) == 1


def test_one_key_of_a_team_makes_hashes_equal(monkeypatch):
    """SCHEMA_GUARD_HASH_KEY makes equal tasks equal in every store, and another key makes them differ."""
    found = []
    for key in ("of the team", "of the team", "of another team"):
        monkeypatch.setenv("SCHEMA_GUARD_HASH_KEY", key)
        found += hashes_of(open_store("sqlite://"))

    assert found[0] == found[1]
    assert not set(found[0]) & set(found[2])
