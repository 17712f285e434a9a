"""Tool calls of a run, joined turn by turn."""

from hypothesis import given
from hypothesis import strategies as st

from schema_guard.ext.recorders.recording import Recording
from schema_guard.ext.recorders.tool_turns import ToolTurns, shares
from schema_guard.providers.model_output import WrittenCall
from schema_guard.values import Reply, Usage


class Kept(list):
    """A store that keeps what it is handed."""

    def record(self, outcome, task=None):
        self.append(outcome)


def look_up(number: str) -> str:
    """Say whether an invoice is paid."""
    return f"{number} is paid"


def pay(total: float) -> None:
    """Pay."""


def recorded(*turns):
    """Give tool and codes of each call that turns of (tool, arguments) make."""
    stored = Kept()
    followed = ToolTurns(Recording("turns", store=stored))
    for turn in turns:
        calls = [WrittenCall("c", name, text) for name, text in turn]
        followed.take(calls, [look_up, pay], Reply(usage=Usage(10, 4)), 0.1)
    followed.close(function="agent")
    return [
        (one.call.schema_name, [a.failure and a.failure.code for a in one.attempts], one.usage[:2])
        for one in stored
    ]


RIGHT, WRONG = '{"number": "A-7"}', "{}"


def test_a_call_that_failed_goes_on_in_the_next_turn():
    """The next call to the same tool is another attempt; one after a valid call is a call of its own."""
    assert recorded([("look_up", WRONG)], [("look_up", RIGHT)], [("look_up", RIGHT)]) == [
        ("look_up", ["required", None], (20, 8)),
        ("look_up", [None], (10, 4)),
    ]


def test_a_tool_that_there_is_not_goes_on_with_what_follows():
    """A call of an unknown tool fails under the name that the model gave, and the call that nothing else claims fixes it."""
    assert recorded([("lookup", RIGHT)], [("look_up", RIGHT)]) == [
        ("lookup", ["unknown_tool", None], (20, 8))
    ]


def test_parallel_calls_share_the_tokens_of_their_turn():
    """Each call of a turn is judged apart, and their tokens are those of the turn together."""
    assert recorded([("look_up", RIGHT), ("pay", WRONG)]) == [
        ("look_up", [None], (5, 2)),
        ("pay", ["required"], (5, 2)),
    ]


def test_what_the_next_turn_leaves_out_has_failed():
    """A failed call that is not made again is over: a later one to its tool is another call."""
    assert recorded([("look_up", WRONG)], [("pay", '{"total": 1.5}')], [("look_up", RIGHT)]) == [
        ("look_up", ["required"], (10, 4)),
        ("pay", [None], (10, 4)),
        ("look_up", [None], (10, 4)),
    ]


@given(st.one_of(st.none(), st.integers(0, 10_000)), st.integers(1, 9))
def test_shares_add_up(tokens, count):
    """No token is lost between the parts of a reply, and unknown tokens stay unknown."""
    split = [usage.input_tokens for usage in shares(Usage(tokens, 0), count)]

    assert split == [None] * count if tokens is None else sum(split) == tokens
