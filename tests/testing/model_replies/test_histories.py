"""Histories of attempts: a guard makes of each what the history says."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema_guard import GuardFailed, InvalidArgument, guard
from schema_guard.testing import Broken, ScriptedModel, Sent
from tests.needs import needs
from tests.testing.model_replies.histories import Expected, History, histories
from tests.testing.model_replies.sent_schemas import ORDER, SCHEMAS

VALID = Sent('{"a": 1}', {"a": 1}, ('{"a"', ": 1}"), "bare")
PROSE = Broken("No.", "syntax", "no_json", "prose_only", None, None, ("N", "o."))
CUT = Broken('{"a', "truncation", "max_tokens", "cut_off", "length", "lossy", ('{"a',))
REFUSED = Broken("No.", "refusal", "refusal", "refusal", "refusal", None, ("No.",))


def called(schema, history, max_attempts):
    """What a plain call comes to."""
    outcome = guard(schema, max_attempts=max_attempts, store=None)(ScriptedModel(history.script())).outcome(
        "t"
    )
    return as_expected(outcome)


def awaited(schema, history, max_attempts):
    """What an async call comes to."""
    model = ScriptedModel(history.script())
    outcome = guard(schema, max_attempts=max_attempts, store=None)(model.acall).outcome("t")
    return as_expected(asyncio.run(outcome))


def as_expected(outcome):
    failures = [attempt.failure for attempt in outcome.attempts if attempt.failure]
    items = tuple((failure.kind, failure.code) for failure in failures)
    return Expected(len(outcome.attempts), outcome.ok, outcome.value, items)


@pytest.mark.parametrize("call", [called, awaited])
@given(data=st.data())
def test_guard_makes_of_a_history_what_it_says(call, data):
    """Attempts, value and failures of a guarded call are the expected ones, for every number of attempts."""
    schema = data.draw(st.sampled_from(list(SCHEMAS.values())))
    history = data.draw(histories(schema))
    max_attempts = data.draw(st.integers(1, 3))

    assert call(schema, history, max_attempts) == history.expected(max_attempts)


@needs("streaming")
@given(histories(ORDER), st.integers(1, 3))
def test_stream_makes_of_a_history_what_it_says(history, max_attempts):
    """A streamed call takes the expected number of attempts and ends with the expected value."""
    model = ScriptedModel(history.script())
    streamed = guard(ORDER, max_attempts=max_attempts, store=None)(model)
    expected = history.expected(max_attempts)

    try:
        *_, value = streamed.stream("t")
        ok = True
    except GuardFailed:
        value, ok = None, False

    assert (len(model.asked), ok, value) == expected[:3]


@given(histories(ORDER, max_attempts=5))
def test_history_answers_every_number_of_attempts(history):
    """There is a reply for every attempt that may be made."""
    for max_attempts in range(1, 6):
        expected = history.expected(max_attempts)

        assert 1 <= expected.attempts <= min(max_attempts, len(history.replies))
        assert len(expected.failures) == expected.attempts - expected.ok


@pytest.mark.parametrize(
    ("replies", "expected"),
    [
        ((VALID,), Expected(1, True, {"a": 1}, ())),
        ((PROSE, VALID), Expected(2, True, {"a": 1}, (("syntax", "no_json"),))),
        ((PROSE, PROSE, VALID), Expected(2, False, None, (("syntax", "no_json"),) * 2)),
        ((CUT, VALID), Expected(1, False, None, (("truncation", "max_tokens"),))),
        ((REFUSED, VALID), Expected(1, False, None, (("refusal", "refusal"),))),
        ((PROSE, REFUSED, VALID), Expected(2, False, None, (("syntax", "no_json"), ("refusal", "refusal")))),
    ],
    ids=["valid", "second_try", "never_in_two", "cut_off", "refused", "refused_later"],
)
def test_what_two_attempts_come_to(replies, expected):
    """A broken reply is asked again, a refusal and a cut-off one are not."""
    assert History(replies).expected(2) == expected


def test_script_keeps_chunks_and_finish_reasons():
    """A script has the chunks of every reply and the finish reasons that are known."""
    assert History((PROSE, CUT, VALID)).script() == [
        {"chunks": ["N", "o."]},
        {"chunks": ['{"a'], "finish_reason": "length"},
        {"chunks": ['{"a"', ": 1}"], "finish_reason": "stop"},
    ]


@pytest.mark.parametrize("max_attempts", [0, 3])
def test_attempts_without_a_reply_are_refused(max_attempts):
    """What would come of attempts that the history has no replies for is not known."""
    with pytest.raises(InvalidArgument) as raised:
        History((PROSE, PROSE)).expected(max_attempts)

    assert str(raised.value) == (
        f"max_attempts={max_attempts}: expected 1 to 2, for the history has 2 replies; draw longer ones with"
        " histories(schema, max_attempts=...)"
    )


def test_histories_of_no_attempt_are_refused():
    """A call makes one attempt at least."""
    with pytest.raises(InvalidArgument) as raised:
        histories(ORDER, max_attempts=0)

    assert str(raised.value) == "max_attempts=0: expected an int >= 1"
