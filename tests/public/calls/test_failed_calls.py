"""Facts about what a failed call gives."""

from __future__ import annotations

import pytest

from schema_guard import (
    CallFailed,
    InvalidArgument,
    Outcome,
    guard,
)
from schema_guard.testing import ScriptedModel
from tests.public.calls.functions import (
    BAD,
    BROKEN_CHAT,
    GOOD,
    VALUE,
    awaited,
    both,
    giving,
    raising,
    rows,
    run,
    whole,
)


@both
def test_a_failed_call_can_give_its_outcome(make):
    """With on_failure="return" a failed call gives the Outcome, a good one the value."""
    function = make(giving(BAD, GOOD), {"max_attempts": 1, "on_failure": "return"})

    failed, good = run(function, "t"), run(function, "t")

    assert (isinstance(failed, Outcome), failed.ok, good) == (True, False, VALUE)


@both
@pytest.mark.parametrize("default", [None, [], ...])
def test_a_failed_call_can_give_a_default(make, default):
    """With default= a failed call gives that very object, None and Ellipsis included."""
    function = make(giving(BAD, GOOD), {"max_attempts": 1, "default": default})

    failed, good = run(function, "t"), run(function, "t")

    assert failed is default
    assert good == VALUE


@both
@pytest.mark.parametrize("settings", [{}, {"on_failure": "return"}, {"default": 3}], ids=repr)
def test_outcome_never_raises_for_the_format(make, settings, store):
    """.outcome(...) gives all that is known, for valid and for bad replies, and is recorded as calls are."""
    function = make(giving(BAD, GOOD), {"store": store, **settings})

    outcome = awaited(function.outcome("t"))

    assert (outcome.ok, outcome.value, len(outcome.attempts)) == (True, VALUE, 2)
    assert rows(store, "call_id", "number") == [(outcome.call.id, 1), (outcome.call.id, 2)]


@whole
def test_outcome_raises_what_is_no_matter_of_the_format(make):
    """.outcome(...) raises the function's exception, CallFailed and InvalidArgument."""
    for give, kind in (
        (raising(RuntimeError()), RuntimeError),
        (giving(BROKEN_CHAT), CallFailed),
        (giving(None), InvalidArgument),
    ):
        with pytest.raises(kind):
            awaited(make(give, {}).outcome("t"))


def test_null_is_a_valid_value():
    """A schema that allows null gives None, and ok says that it is valid."""
    function = guard({"type": "null"}, default=3)(ScriptedModel(["null", "null"]))

    assert function("t") is None
    assert (function.outcome("t").ok, function.outcome.__name__) == (True, "outcome")
