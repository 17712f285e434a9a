"""Stores of several machines in one."""

import pytest
from hypothesis import given, settings

from schema_guard.errors import InvalidArgument
from schema_guard.records import Store
from schema_guard.records.rows import rows
from schema_guard.records.sqlite.database import SQLite
from tests.ext.transfer.drawn import described, outcomes_of


def test_merging_is_recording_both(new_backend, make, move, examples):
    """A store that two others were merged into is one that recorded what they did, whatever came twice."""

    @given(described, described)
    @settings(max_examples=examples)
    def law(calls, others):
        one, other, into, both = (new_backend() for _ in range(4))
        first, second = outcomes_of(make, calls), outcomes_of(make, others, first=100)
        move.fill(one, first, lost_records={"disk_full": 2})
        move.fill(other, second, lost_records={"queue_full": 1})
        move.fill(both, first, lost_records={"disk_full": 2})
        move.fill(both, second, lost_records={"queue_full": 1})

        for source in (one, other, other, one):
            move.merged(into, source)

        assert move.all_of(into) == move.all_of(both)

    law()


def test_of_declarations_the_latest_holds(new_backend, move):
    """The order of merging does not decide."""
    one, other, into = new_backend(), new_backend(), new_backend()
    move.declare(one, 2_000.0, "later", 0.02)
    move.declare(other, 1_000.0, "earlier", 0.01)

    came = [move.merged(into, source).declarations for source in (one, other, one)]

    assert came == [2, 2, 0]
    assert [result.reason for result in Store(into).declared_steps("f" * 16)] == ["later"]
    assert [result.target for result in Store(into).targets("f" * 16)] == [0.01, 0.02]


@pytest.fixture
def two_keys(new_backend, make, monkeypatch):
    """Two stores with the same three inputs, hashed with keys of their own."""
    monkeypatch.delenv("SCHEMA_GUARD_HASH_KEY")
    stores = new_backend(), new_backend()
    for number, backend in enumerate(stores):
        session = backend.session()
        for n in range(3):
            outcome = make.outcome(
                id=f"{number}{n}", model=f"m{number}", input_hash="mine" if n == 2 else None
            )
            session.write(rows(outcome, f"task {n}", session.key), {}, 0.0)
        session.close()
    return stores


def test_merge_refuses_a_different_hash_key(two_keys, move):
    """Stores of two keys are not merged without being asked, and nothing is changed."""
    before = move.all_of(two_keys[0])

    with pytest.raises(
        InvalidArgument, match=r"so schema_guard can't match equal inputs. Use one SCHEMA_GUARD_HASH_KEY"
    ):
        move.merged(*two_keys)

    assert move.all_of(two_keys[0]) == before


def test_unlinked_merge_keeps_inputs_separate(two_keys, move):
    """No input of one store is one of the other, also where both named it alike; twice changes nothing."""
    came = [move.merged(*two_keys, unlinked=True) for _ in range(2)]

    first, second = Store(two_keys[0]).configurations()
    assert [(one.added, one.unlinked) for one in came] == [(3, True), (0, True)]
    assert Store(two_keys[0]).pairs(first.id, second.id) == (0, 0, 0)
    assert len({row["input_hash"] for row in Store(two_keys[0]).attempts()}) == 6


def test_inputs_with_one_hash_key_are_equal_after_a_merge(new_backend, make, move):
    """With one key an input that two machines were asked is one input."""
    one, other = new_backend(), new_backend()
    move.fill(one, [make.outcome(id="a")])
    move.fill(other, [make.outcome(id="b", model="m2")])

    move.merged(one, other)

    first, second = Store(one).configurations()
    assert Store(one).pairs(first.id, second.id) == (1, 0, 0)


def test_an_empty_store_takes_any_key_and_then_that_one(two_keys, new_backend, move):
    """A store without hashes takes those of any key; those of a second key are refused then."""
    into = new_backend()

    move.take(into, move.out(two_keys[0]))
    move.merged(into, two_keys[0])

    with pytest.raises(InvalidArgument, match="--unlinked"):
        move.take(into, move.out(two_keys[1]))


def test_a_store_that_is_moved_knows_its_inputs(two_keys, new_backend, make, move):
    """An empty store goes on with the key of the first one that is merged into it, also where its own was another."""
    into = new_backend()
    into.session().close()

    move.merged(into, two_keys[0])
    session = into.session()
    session.write(rows(make.outcome(id="later", model="m9"), "task 0", session.key), {}, 0.0)
    session.close()

    first, later = Store(into).configurations()
    assert Store(into).pairs(first.id, later.id) == (1, 0, 0)


def test_a_store_goes_into_one_of_another_kind_and_back(new_backend, make, move):
    """From a database in memory into any other, and from there into an empty one: all that is said is the same."""
    one, other, back = SQLite(None), new_backend(), SQLite(None)
    calls = [make.outcome(make.failed, {}, id=f"{n}", input_hash=f"i{n % 2}") for n in range(4)]
    move.fill(one, calls, lost_records={"disk_full": 2})
    move.declare(one, 1_000.0, "dear", 0.01)

    move.merged(other, one)
    move.merged(back, other)

    assert move.all_of(one) == move.all_of(other) == move.all_of(back)
