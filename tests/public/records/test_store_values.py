"""The values that each method of a store returns, and the effect of each argument."""

import sqlite3
import time
from contextlib import closing

import pytest

from schema_guard import Failure, Violation, open_store
from schema_guard.records import Retention
from tests.public.records.outcomes import BROKEN, FAILED, FINGERPRINT, outcome

NAMES = {
    "schema_name": "invoice",
    "schema_fingerprint": FINGERPRINT,
    "model": "m9",
    "provider": "openai",
    "strategies": "bare>few_shot",
    "settings": '{"max_attempts":3}',
    "version": "v9",
    "tuned": True,
}


def failing(kind, code, *places, **more):
    violations = tuple(Violation(at, f"/properties{at}/{keyword}", keyword, "", "") for at, keyword in places)
    return {"failure": Failure(kind, code, "", violations), "form": None, **more}


def lost(code, exception):
    return {"failure": Failure("transport", code, ""), "form": None, "reply": None, "exception": exception}


RANKED = [
    *[outcome(failing("value", "enum", ("/b", "enum")), {"model": "m2", "snapshot": "s1"})] * 2,
    *[outcome(failing("structure", "type", ("/a", "type"), ("/a", "enum")))] * 3,
    *[outcome(failing("structure", "required", ("", "required"), model="m1", snapshot=None))] * 3,
    *[outcome({"model": "m1", "snapshot": "s2"})] * 4,
    *[outcome(lost("call_raised", "ValueError"))] * 2,
    *[outcome(lost("call_raised", "KeyError"))] * 2,
    *[outcome(lost("cancelled", None))] * 3,
]


def test_lists_of_counts_begin_with_the_most_frequent(store):
    """Failures, violations, models, and causes are sorted by their number, and equal ones by their names."""
    for one in RANKED:
        store.record(one)
    (result,) = store.configurations()

    assert result.failures == (
        ("transport", "call_raised", 4),
        ("structure", "required", 3),
        ("structure", "type", 3),
        ("transport", "cancelled", 3),
        ("value", "enum", 2),
    )
    assert result.final_failures == (("structure", "required", 3), ("structure", "type", 3))
    assert result.violations == (
        ("", "required", 3),
        ("/a", "enum", 3),
        ("/a", "type", 3),
        ("/b", "enum", 2),
    )
    assert result.models == (("m1", "s2", 4), ("m1", None, 3), ("m2", "s1", 2))
    assert result.excluded == (
        ("cancelled", None, 3),
        ("call_raised", "KeyError", 2),
        ("call_raised", "ValueError", 2),
    )


def test_counts_give_what_follows_from_them(store):
    """Known texts are the calls without those that have none; kinds are those of the last failures."""
    for one in (
        *RANKED,
        *[outcome({"form": "parsed", "reply": None})] * 2,
        outcome(failing("value", "enum"), {"unseen": True}),
        outcome(failing("value", "const")),
    ):
        store.record(one)
    (result,) = store.configurations()

    assert (result.calls, result.textless, result.unseen, result.texts) == (16, 2, 1, 13)
    assert result.failure_kinds == {"structure": 6, "value": 1}
    assert result.configuration == (
        "app.extract", "invoice", FINGERPRINT, "m1", None, "bare", "{}", "v1", False, None,
    )  # fmt: skip


@pytest.fixture
def ten(store):
    """Record ten calls, one a second, of two attempts each."""
    for number in range(10):
        store.record(outcome(FAILED, {}, id=f"{number:032}", started_at=1_000.0 + number))
    store.flush()
    return store


def test_a_prune_tells_how_many_attempts_have_gone(ten):
    """The result has the number of deleted attempts."""
    assert ten.prune(Retention(max_rows=6)) == (14, True, None)
    assert len(list(ten.attempts())) == 6


def test_a_prune_goes_by_the_limits_of_the_store_unless_it_gets_others(new_url):
    """Without an argument the limits with which the store was opened hold."""
    with open_store(new_url(), retention=Retention(max_rows=4)) as store:
        for number in range(10):
            store.record(outcome(id=f"{number:032}"))
        store.flush()
        other = store.prune(Retention(max_rows=7)).attempts
        own = store.prune().attempts

        assert (other, own, store.retention) == (3, 3, Retention(max_rows=4))


def test_a_check_counts_what_it_has_read(ten):
    """All attempts are read, and the steps end with all of them."""
    steps = []
    check = ten.check(lambda *step: steps.append(step))

    assert (check.url, check.attempts, check.damage) == (ten.url, 20, ())
    assert {total for _, _, total in steps if total} == {20}
    assert max(done for _, done, _ in steps) == 20
    assert all(isinstance(what, str) and what for what, _, _ in steps)


@pytest.mark.parametrize("ending", ["flush", "close"])
def test_a_store_waits_as_long_as_it_is_told(path, ending):
    """While another process holds the file, `flush` and `close` end in time, and return the number of pending attempts."""
    store = open_store(str(path))
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        store.record(outcome(FAILED, {}))
        begun = time.monotonic()
        left = getattr(store, ending)(0.3)
        took = time.monotonic() - begun
    store.close()

    assert left == 2
    assert 0.25 < took < 1.8


def test_hours_have_the_values_of_their_configuration(store):
    """An hour names its configuration as the counts do, and begins at a full hour."""
    store.record(outcome({}, started_at=7_300.0, **NAMES))
    store.record(outcome({"failure": BROKEN, "form": None}, started_at=3_600.0, **NAMES))
    (counted,) = store.configurations()
    first, second = store.by_hour()

    assert (first.at, second.at) == (3_600, 7_200)
    assert first.configuration == second.configuration == counted.configuration
    assert first[2:] == (1, 1, 0)
    assert second[2:] == (1, 0, 0)
