"""Calls of tools, and replies that are read while they arrive, have the same outcome as a whole reply."""

import pytest

from tests.public.calls.formats import FORMATS, Said
from tests.public.calls.test_whole_and_streamed import (
    GOOD,
    SAID,
    WIDTHS,
    expected_result,
    facts,
    outcome_of,
    streamed_facts,
    whole_facts,
    whole_results,
)
from tests.thinned import costly

CASES = [(form, said) for form in FORMATS for said in SAID if form.can(said)]
IDS = [f"{form.name}: {said.id}" for form, said in CASES]
CALLS = [(form, said) for form, said in CASES if said.calls]
IDS_OF_CALLS = [f"{form.name}: {said.id}" for form, said in CALLS]


@pytest.mark.parametrize(("form", "said"), CALLS, ids=IDS_OF_CALLS)
def test_call_of_a_tool_has_its_result(form, said):
    """Each call of a tool has the same form or failure in every format, sync and async."""
    assert whole_results(form, said) == [expected_result(form, said)] * 2


@pytest.mark.parametrize(("form", "said"), CALLS, ids=IDS_OF_CALLS)
def test_stream_has_the_outcome_of_the_whole_call(form, said):
    """A call of a tool in pieces has all fields of the whole call, for each kind of call."""
    streamed = streamed_facts(form, said, (3, 16))

    assert streamed == [whole_facts(form, said)] * len(streamed)


@pytest.mark.slow
@pytest.mark.parametrize(("form", "said"), CALLS, ids=IDS_OF_CALLS)
def test_stream_has_the_outcome_of_the_whole_call_at_every_width(form, said):
    """The width of the pieces changes no field, from 1 to 64 characters."""
    streamed = streamed_facts(form, said, range(1, 65))

    assert streamed == [whole_facts(form, said)] * len(streamed)


def test_failure_names_an_unknown_tool():
    """The message of a call of an unknown tool names it, whole and streamed."""
    item = next(item for item in SAID if item.id == "another tool")
    for reply in (FORMATS[0].whole(item), FORMATS[0].pieces(item, 5)):
        outcome = outcome_of(lambda reply=reply: reply, item)

        assert outcome.failure.message == "expected a call of the tool 'give', got one of 'take'"


@pytest.mark.parametrize(("form", "said"), CASES, ids=IDS)
def test_stream_of_values_has_the_outcome_of_the_whole_reply(form, said):
    """A call by `.stream()` records all fields of the whole reply."""
    streamed = [
        outcome_of(lambda width=width: form.pieces(said, width), said, stream=True) for width in (3, 16)
    ]

    expected = facts(outcome_of(lambda: form.whole(said), said))
    assert [facts(outcome) for outcome in streamed] == [expected] * len(streamed)


INVALID = [
    Said("wrong and long", '{"total":"twelve","note":"né, a longer note: so that there are cuts"}'),
    Said("wrong behind text", f"Sure: [1, {{]\n{GOOD[:-1]},"),
    Said("wrong after a while", GOOD[:-1] + ',"more":"and more, and more, and more"}'),
    Said("wrong and cut off", '{"total":"twelve","note":"né, a lon', stop="length"),
    Said("wrong and refused", '{"total":"twelve","note":', refusal="No, I will not.", stop="refusal"),
    Said(
        "a wrong and long call", "So:", (("give", '{"total":"x","note":"a longer note"}'),), stop="tool_call"
    ),
    Said(
        "a wrong call of another tool",
        "So:",
        (("take", '{"total":"x","note":"a longer"}'),),
        stop="tool_call",
    ),
    Said("wrong JSON before a call", '{"total":"x","note":', (("give", GOOD),), stop="tool_call"),
]
STOPPED = [(form, said) for form in FORMATS for said in [*SAID, *INVALID] if form.can(said)]


@pytest.mark.parametrize(
    ("form", "said"), costly(STOPPED, 7), ids=[f"{form.name}: {said.id}" for form, said in STOPPED]
)
def test_early_stop_changes_no_value(form, said):
    """A reply is valid with `early_stop` exactly if it is valid without it."""
    for width in WIDTHS:
        read, stopped = (
            outcome_of(lambda width=width: form.pieces(said, width), said, early_stop=early_stop)
            for early_stop in (False, True)
        )

        (attempt,) = stopped.attempts
        assert (stopped.ok, stopped.value) == (read.ok, read.value)
        # A reply that failed before it was cut off is no truncation, even if it was not stopped in time.
        is_other = read.failure is not None and read.failure.kind == "truncation" != attempt.failure.kind
        if attempt.stopped_at is None and not is_other:
            assert facts(stopped) == facts(read)
        else:
            assert attempt.failure.kind in ("syntax", "structure", "value")
            assert read.failure.kind in ("syntax", "structure", "value", "truncation", "refusal")
