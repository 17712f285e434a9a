"""Facts about failure rates that are measured until they are decided."""

import asyncio
from math import log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema_guard import CallFailed, InvalidArgument, guard
from schema_guard.stats import bounds, log_e_value
from schema_guard.testing import FailureRate, ScriptedModel, assert_failure_rate, rates

TOTAL = {"type": "object", "properties": {"total": {"type": "number"}}, "required": ["total"]}
GOOD = '{"total": 1}'


def failing_at(failed):
    """A function that fails for the inputs of a set."""

    def call(given):
        if given in failed:
            raise AssertionError(f"{given} is wrong")

    return call


def measured(function, inputs, **settings):
    return assert_failure_rate(function, inputs, **{"max": 0.1, "undecided": "pass", **settings})


# What decides.


@given(st.lists(st.booleans(), max_size=80), st.sampled_from([0.05, 0.2, 0.5]), st.sampled_from([0.01, 0.05]))
def test_the_first_calls_that_decide_are_the_last(fails, limit, alpha):
    """Calls are made until the evidence of one side reaches 1/alpha, and not one more."""
    failed = {index for index, fail in enumerate(fails) if fail}
    plan = rates.Criterion(limit, alpha)
    measurement = rates.Measurement(plan, range(len(fails)))
    for index in measurement.inputs():
        with measurement.call(index):
            failing_at(failed)(index)
    result = measurement.result()

    def decides(n, side):
        return log_e_value(sum(fails[:n]), n, limit, side=side) >= -log(alpha)

    first = next((n for n in range(1, len(fails) + 1) if decides(n, "ok") or decides(n, "bad")), None)
    expected = (
        (len(fails), "undecided") if first is None else (first, "ok" if decides(first, "ok") else "bad")
    )
    assert (result.calls, result.decision) == expected


@given(st.lists(st.booleans(), max_size=60), st.sampled_from([0.05, 0.2, 0.5]))
def test_the_decision_is_that_of_the_bounds(fails, limit):
    """ "ok" says that the upper bound is at most max, "bad" that the lower one is above, in every case."""
    measurement = rates.Measurement(rates.Criterion(limit), range(len(fails)))
    for index in measurement.inputs():
        with measurement.call(index):
            assert not fails[index]
    result = measurement.result()

    decision = "ok" if result.upper <= limit else "bad" if result.lower >= limit else "undecided"
    assert result.decision == decision
    expected = bounds(result.failed, result.inputs)
    assert (result.lower, result.upper) == (expected.lower, expected.upper)


def test_a_function_that_never_fails_passes_with_the_fewest_calls():
    """188 inputs without a failure are what `max=0.02` takes."""
    result = assert_failure_rate(failing_at(()), range(1_000), max=0.02)

    assert result == FailureRate(0.0, 188, 188, 0, 0.0, bounds(0, 188).upper, 0.02, 0.05, "ok", "decided", 0)


def test_a_rate_above_max_fails_with_its_numbers_and_the_first_failures():
    """The message has the counts, the bounds and up to three failures."""
    with pytest.raises(AssertionError) as raised:
        assert_failure_rate(failing_at(range(2, 50)), range(50), max=0.5)

    assert str(raised.value).splitlines() == [
        (
            "failing_at.<locals>.call: failure rate is above max: 12 of 14 inputs failed: rate 0.8571, "
            "bounds 0.5044 to 0.9939 (alpha=0.05), max=0.5"
        ),
        "  calls that failed, the first of them:",
        *(line for at in (2, 3, 4) for line in (f"    input {at}:", f"      AssertionError: {at} is wrong")),
    ]


def test_too_few_inputs_are_a_failure_that_says_how_many_are_missing():
    """Undecided fails by default, with the inputs that would decide at this rate."""
    with pytest.raises(AssertionError) as raised:
        assert_failure_rate(failing_at(()), range(20), max=0.02)

    assert str(raised.value).splitlines() == [
        (
            "failing_at.<locals>.call: failure rate is undecided: 0 of 20 inputs failed: rate 0, bounds 0 to 0.1721 "
            "(alpha=0.05), max=0.02"
        ),
        (
            "  about 168 more inputs at this rate would decide; the inputs ended. Add more different inputs, or accept "
            "it with undecided='pass'"
        ),
    ]


def test_without_data_nothing_is_decided():
    """No input is no rate: the message has no numbers but what deciding takes."""
    with pytest.raises(AssertionError, match=r"no data: none of 0 calls was judged.*\n  at least 188 inputs"):
        assert_failure_rate(failing_at(()), [], max=0.02)


def test_a_rate_at_max_is_never_decided():
    """For a rate that is max itself no number of calls is named."""
    with pytest.raises(AssertionError, match="no number of calls decides at this rate"):
        assert_failure_rate(failing_at({1}), range(2), max=0.5)


def test_undecided_may_pass():
    """With undecided="pass" the numbers are given and nothing is raised."""
    result = assert_failure_rate(failing_at(()), range(5), max=0.02, undecided="pass")

    assert (result.decision, result.ended, result.missing) == ("undecided", "inputs", 183)


def test_above_max_is_a_failure_whatever_undecided_says():
    """undecided="pass" is about too few calls alone."""
    with pytest.raises(AssertionError, match="above max"):
        assert_failure_rate(failing_at(range(50)), range(50), max=0.1, undecided="pass")


# Inputs.


@given(st.lists(st.integers(0, 4), max_size=25), st.sets(st.integers(0, 4)))
def test_equal_inputs_count_once(inputs, failed):
    """However often an input comes, it is one of n, and one of k when it always fails."""
    measurement = rates.Measurement(rates.Criterion(0.5, 1e-30), inputs)
    for index in measurement.inputs():
        with measurement.call(index):
            failing_at(failed)(index)
    result = measurement.result()

    assert (result.calls, result.inputs, result.failed) == (
        len(inputs),
        len(set(inputs)),
        len(failed & set(inputs)),
    )


def test_an_input_that_fails_now_and_then_counts_by_its_mean():
    """Two failures in four calls of one input are half a failure of one input."""
    turns = iter([True, False] * 2)

    def call(given):
        assert next(turns)

    result = measured(call, ["a"] * 4, max=0.4)

    assert (result.failed, result.inputs, result.calls) == (0.5, 1, 4)


def test_repeats_are_called_one_after_the_other():
    """Nobody looks at an input before its last call: so its calls come together."""
    called = []

    measured(called.append, ["a", "b", "a", "c", "b"])

    assert called == ["a", "a", "b", "b", "c"]


def test_inputs_of_other_types_are_other_inputs():
    """1 and "1" are two inputs, and so are 1 and True."""
    assert measured(failing_at(()), [1, "1", True]).inputs == 3


def test_no_more_inputs_are_read_than_calls_may_be_made():
    """An endless generator is read up to the budget."""
    result = measured(failing_at(()), iter(int, 1), budget_calls=7)

    assert (result.calls, result.inputs, result.ended) == (7, 1, "budget_calls")


# What is a failure.


@guard(TOTAL, max_attempts=1, default=None, store=None)
def extract(prompt: str):
    return prompt


def test_a_guarded_call_without_a_value_is_a_failure():
    """What `default` gives in place of a value does not hide the failure, which is explained."""
    with pytest.raises(
        AssertionError, match=r"(?s)input 'oops':\n.*extract returned no valid reply in 1 attempt"
    ):
        assert_failure_rate(extract, [f"oops{'!' * n}" for n in range(9)], max=0.02)


def test_a_guarded_function_is_called_until_it_is_decided():
    """Each input is one guarded call."""
    texts = [f'{{"total": {number}}}' for number in range(100)]

    assert measured(extract, texts).calls == 36


def test_an_outcome_that_is_not_ok_is_a_failure():
    """A function of one's own may give the Outcome of a guarded call."""
    result = measured(extract.outcome, ["oops", GOOD], max=0.4)

    assert (result.failed, result.inputs) == (1, 2)


def test_an_asynchronous_guarded_function_is_awaited():
    """All calls share one event loop, as clients need it."""
    loops = set()

    @guard(TOTAL, store=None)
    async def aextract(prompt: str):
        loops.add(id(asyncio.get_running_loop()))
        return GOOD

    result = measured(aextract, range_of_texts(5))

    assert (result.inputs, result.failed, len(loops)) == (5, 0, 1)


def range_of_texts(n):
    return [f"text {number}" for number in range(n)]


def test_inside_an_event_loop_the_way_out_is_named():
    """Where a loop runs, nothing can be awaited by a plain function."""

    async def call(given):
        return given

    async def inside():
        assert_failure_rate(call, [1], max=0.1)

    with pytest.raises(
        InvalidArgument, match="Call it from a test that you define with `def`, not `async def`"
    ):
        asyncio.run(inside())


def test_named_exceptions_are_failures_too():
    """A parser of one's own fails by its own exception."""
    assert measured(int, ["1", "x"], failures=(ValueError,), max=0.4).failed == 1


def test_any_other_exception_ends_the_measurement_with_advice():
    """What is no failure is raised as it is, with a note that says how to count it."""
    with pytest.raises(ValueError, match="invalid literal") as raised:
        measured(int, ["1", "x"])

    assert raised.value.__notes__ == [
        (
            "call 2 of the failure rate, input 'x': ValueError is not counted as a failure, so it ended the measurement; to "
            "count it: failures=(ValueError,); to leave such calls out of the rate: max_errors=..."
        )
    ]


def test_allowed_errors_are_left_out_of_the_rate():
    """A call that raised is neither failed nor good."""
    result = measured(int, ["1", "x", "2"], max_errors=1)

    assert (result.calls, result.errors, result.inputs, result.failed) == (3, 1, 2, 0)
    assert ", 1 of them raised and left out:" in str(result)


def test_a_transport_failure_is_no_format_failure():
    """What was no reply of a model's is raised as CallFailed, not counted."""

    @guard(TOTAL, store=None)
    def ask(prompt: str):
        return "<!doctype html><html>502</html>"

    with pytest.raises(CallFailed):
        measured(ask, ["a"])


def test_what_a_model_wrote_is_escaped():
    """No control character of a reply reaches the terminal."""

    def call(given):
        raise AssertionError("\x1b[2J" + "\n".join("abcdefghijklmno"))

    with pytest.raises(AssertionError) as raised:
        assert_failure_rate(call, ["a"], max=0.02)

    assert "\x1b" not in str(raised.value)
    assert str(raised.value).splitlines()[-2:] == ["      l", "      and 3 lines more"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"max": 0}, r"max=0: expected a number in \(0, 1\)"),
        ({"max": True}, r"max=True: expected a number in \(0, 1\)"),
        ({"alpha": "x"}, r"alpha='x': expected a number in \(0, 1\)"),
        ({"budget_calls": 0}, "budget_calls=0: expected an int >= 1"),
        ({"max_errors": -1}, "max_errors=-1: expected an int >= 0"),
        ({"undecided": "ok"}, "undecided='ok': expected one of fail, pass"),
        ({"failures": ValueError}, "failures=<class 'ValueError'>: expected a tuple of exception classes"),
    ],
)
def test_an_argument_that_cannot_be_used_is_named(settings, message):
    """The message has the argument, its value, and what was expected."""
    with pytest.raises(InvalidArgument, match=message):
        measured(failing_at(()), [1], **settings)


@pytest.mark.parametrize("inputs", ["text", 3])
def test_inputs_are_a_list(inputs):
    """A text is no list of inputs."""
    with pytest.raises(InvalidArgument, match=r"inputs=.*: expected a list of inputs"):
        measured(failing_at(()), inputs)


def test_a_function_is_needed():
    """What cannot be called is refused before anything is."""
    with pytest.raises(InvalidArgument, match="function=3: expected a callable"):
        measured(3, [1])


def test_a_mistake_in_the_use_of_the_library_is_no_failure():
    """InvalidArgument is raised even where ValueError counts as a failure."""
    with pytest.raises(InvalidArgument, match="has no more replies after the first 0"):
        measured(ScriptedModel([]), ["a"], failures=(ValueError,))


def test_guard_failed_is_a_failure():
    """A function that calls a guarded one fails with it."""
    strict = guard(TOTAL, max_attempts=1, store=None)(lambda prompt: prompt)

    def call(text):
        return strict(text)

    assert measured(call, ["oops"], max=0.9).failed == 1
