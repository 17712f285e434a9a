"""`assert_failure_rate`: each of its arguments has the effect that it names."""

import pytest

from schema_guard.testing import assert_failure_rate

TOTAL = {"type": "object", "properties": {"total": {"type": "number"}}, "required": ["total"]}
INPUTS = range(400)


def never(number):
    return number


def every(n, error=AssertionError):
    """Return a function that fails for each *n*-th input."""

    def function(number):
        if number % n == 0:
            raise error("too bad")

    return function


def test_rate_is_decided_after_known_numbers_of_inputs():
    """Without a failure, the number of calls follows from `max` and `alpha`."""
    calls = {
        (limit, alpha): assert_failure_rate(never, INPUTS, max=limit, alpha=alpha).calls
        for limit in (0.1, 0.05)
        for alpha in (0.05, 0.001)
    }

    assert calls[0.1, 0.05] < calls[0.1, 0.001] < calls[0.05, 0.001]
    assert calls[0.1, 0.05] < calls[0.05, 0.05] < calls[0.05, 0.001]


def test_result_has_the_figures_of_the_calls():
    """The result counts inputs, calls, and failures, and has the settings."""
    result = assert_failure_rate(every(20), INPUTS, max=0.3, alpha=0.01)

    assert (result.decision, result.ended) == ("ok", "decided")
    assert (result.max, result.alpha) == (0.3, 0.01)
    assert result.calls == result.inputs
    assert result.failed == (result.calls + 19) // 20
    assert result.lower < result.failed / result.inputs < result.upper <= 0.3


def test_high_rate_is_an_assertion_error():
    """The message names a failed input and its error."""
    with pytest.raises(AssertionError, match=r"(?s)input 0:.*too bad"):
        assert_failure_rate(every(2), INPUTS, max=0.05)


@pytest.mark.parametrize(
    ("settings", "ended", "most"),
    [({"budget_calls": 7}, "budget_calls", 7), ({}, "inputs", 20)],
    ids=["calls", "inputs"],
)
def test_budget_ends_the_calls(settings, ended, most):
    """An undecided rate says which limit ended it."""
    result = assert_failure_rate(never, range(20), max=0.01, undecided="pass", **settings)

    assert result.ended == ended
    assert result.calls == most


@pytest.mark.parametrize(("undecided", "raised"), [("fail", AssertionError), ("pass", None)])
def test_undecided_rate_has_the_named_effect(undecided, raised):
    """With five inputs, no rate is decided."""
    if raised is None:
        assert assert_failure_rate(never, range(5), max=0.1, undecided=undecided).decision == "undecided"
    else:
        with pytest.raises(raised):
            assert_failure_rate(never, range(5), max=0.1, undecided=undecided)


def test_named_exceptions_are_failures_and_others_are_errors():
    """An exception in `failures` counts. Others are left out up to `max_errors`, and then raised."""
    settings = {"max": 0.9, "undecided": "pass"}
    failing = every(2, ValueError)
    counted = assert_failure_rate(failing, range(4), failures=(ValueError,), **settings)
    left_out = assert_failure_rate(failing, range(4), max_errors=2, **settings)

    assert (counted.failed, counted.inputs, counted.errors) == (2, 4, 0)
    assert (left_out.failed, left_out.inputs, left_out.errors) == (0, 2, 2)
    with pytest.raises(ValueError, match="too bad"):
        assert_failure_rate(failing, range(4), max_errors=1, **settings)


def test_equal_inputs_are_one_input():
    """Repeated calls of one input share its weight."""
    left = iter([True, False, False, True])

    def function(text):
        assert next(left)

    result = assert_failure_rate(function, ["a", "a", "b", "b"], max=0.9, undecided="pass")

    assert (result.inputs, result.calls, result.failed) == (2, 4, 1.0)
