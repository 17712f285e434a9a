"""What of a turn is recorded: a call for each tool call, and rates of tools that are the true ones."""

import json
from collections import Counter
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema_guard import Schema, ToolCallsFailed, guard, guard_tools, open_store, tags
from tests.public.ext.calls.tools.replies import anthropic, chat, gemini, responses
from tests.public.ext.calls.tools.shop import FIVE, TRACK, Kept, Script
from tests.thinned import examples

TASK = [{"role": "user", "content": "Where is it?"}]
PARIS = ("1", "track_parcel", {"parcel": "Paris"})
ROME = ("2", "track_parcel", {"parcel": "Rome"})
EMPTY = ("3", "track_parcel", {})
STOCK = ("4", "check_stock", {"sku": "a"})
NO_STOCK = ("5", "check_stock", {})
UNKNOWN = ("6", "trackparcel", {"parcel": "Oslo"})
MAIL = ("7", "send_mail", {"to": "a", "subject": "b", "body": "c"})


def recorded(*replies, max_attempts=3, **how):
    stored = Kept()

    @guard_tools(FIVE, max_attempts=max_attempts, name="agent", store=stored, **how)
    def turn(messages):
        return model(messages)

    model = Script(*replies)
    with suppress(ToolCallsFailed):
        turn(TASK)
    assert model.left == []
    return stored


def test_each_tool_call_is_a_call():
    """Under the function, with its tool as schema and the turn as parent."""
    stored = recorded(chat(PARIS, STOCK))

    first, second = [one.call for one in stored.outcomes]
    assert (first.function, first.schema_name, second.schema_name) == ("agent", "track_parcel", "check_stock")
    assert first.schema_fingerprint == Schema.of(TRACK).fingerprint
    assert first.parent_call_id == second.parent_call_id is not None
    assert first.id != second.id
    assert (first.strategies, first.model) == ("tool_call", "m")
    assert json.loads(first.settings) == {"max_attempts": 3, "tool_calls": True}


def test_a_reply_without_calls_is_no_call():
    """An agent that answers in text has called nothing."""
    assert recorded(chat(text="Sunny.", finish="stop")).outcomes == []


JOINED = {
    "a failed call goes on with the next to its tool": (
        [chat(EMPTY), chat(ROME)],
        [("track_parcel", True, ["required"])],
    ),
    "a valid call is over, and its repetition is none": (
        [chat(PARIS, EMPTY), chat(PARIS, ROME)],
        [("track_parcel", True, []), ("track_parcel", True, ["required"])],
    ),
    "what is repeated is told by its arguments, not by its place": (
        [chat(EMPTY, PARIS), chat(PARIS, ROME)],
        [("track_parcel", True, ["required"]), ("track_parcel", True, [])],
    ),
    "a valid call whose repetition fails is one more call": (
        [chat(STOCK, EMPTY), chat(NO_STOCK, ROME), chat(STOCK, ROME)],
        [
            ("check_stock", True, []),
            ("track_parcel", True, ["required"]),
            ("check_stock", True, ["required"]),
        ],
    ),
    "an unknown tool is under the name that was given, and heals under it": (
        [chat(UNKNOWN, STOCK), chat(PARIS, STOCK)],
        [("trackparcel", True, ["unknown_tool"]), ("check_stock", True, [])],
    ),
    "a near name is claimed before any other": (
        [chat(UNKNOWN), chat(STOCK, PARIS)],
        [("trackparcel", True, ["unknown_tool"]), ("check_stock", True, [])],
    ),
    "what a later reply leaves out has failed": (
        [chat(EMPTY, NO_STOCK), chat(ROME)],
        [("track_parcel", True, ["required"]), ("check_stock", False, ["required"])],
    ),
    "an answer in text leaves all that failed": (
        [chat(UNKNOWN), chat(text="I cannot.", finish="stop")],
        [("trackparcel", False, ["unknown_tool"])],
    ),
    "what a later reply calls beside is a call of its own": (
        [chat(EMPTY), chat(ROME, MAIL)],
        [("track_parcel", True, ["required"]), ("send_mail", True, [])],
    ),
    "the last attempt stands": (
        [chat(EMPTY), chat(EMPTY), chat(EMPTY)],
        [("track_parcel", False, ["required"] * 3)],
    ),
}


@pytest.mark.parametrize("case", JOINED)
def test_calls_are_joined_over_attempts(case):
    """The rule of joining, case by case."""
    replies, text = JOINED[case]

    assert recorded(*replies).told == text


def test_an_unknown_tool_is_held_to_the_tools():
    """Its fingerprint is that of what its name had to be: the names of the tools; another set of tools is another."""
    [one] = recorded(chat(UNKNOWN), max_attempts=1).outcomes

    names = sorted(["search_orders", "Refund", "send_mail", "track_parcel", "check_stock"])
    assert one.call.schema_fingerprint == Schema.of({"enum": names}).fingerprint


def test_names_that_models_make_up_are_bounded():
    """After fifty of them all further ones are `others`."""
    stored = Kept()
    turn = guard_tools(FIVE, observe=True, store=stored, name="agent")(
        lambda messages: chat(*[(str(n), f"made_up_{n}", {}) for n in range(60)])
    )
    turn(TASK)

    assert len({name for name, *_ in stored.told}) == 51
    assert stored.told[-1][0] == "others"


@pytest.mark.parametrize(
    ("made", "usage"),
    [
        (chat, {"prompt_tokens": 101, "completion_tokens": 7}),
        (responses, {"input_tokens": 101, "output_tokens": 7}),
        (anthropic, {"input_tokens": 101, "output_tokens": 7}),
        (gemini, {"promptTokenCount": 101, "candidatesTokenCount": 7}),
    ],
)
def test_tokens_of_a_reply_are_split_between_its_calls(made, usage):
    """Their sum over the records is what was spent, over all attempts."""
    stored = recorded(made(PARIS, EMPTY, usage=usage), made(PARIS, ROME, usage=usage))

    attempts = [attempt for one in stored.outcomes for attempt in one.attempts]
    assert sum(attempt.usage.input_tokens for attempt in attempts) == 202
    assert sum(attempt.usage.output_tokens for attempt in attempts) == 14


def test_costs_of_a_reply_are_split_too():
    """Prices apply to the share of each call."""
    usage = {"prompt_tokens": 1_000_000, "completion_tokens": 0}
    stored = recorded(chat(PARIS, STOCK, usage=usage), prices={"m": {"p_in": 2, "p_cached": 1, "p_out": 4}})

    assert [one.cost for one in stored.outcomes] == [1.0, 1.0]


def test_tags_and_surroundings_are_recorded():
    """Segment and cluster of the block; the task is that of the turn."""
    with tags(segment="eu", cluster="c1"):
        stored = recorded(chat(PARIS), segment="us")

    [one] = stored.outcomes
    assert (one.call.segment, one.call.cluster) == ("eu", "c1")
    assert [message.content for message in stored.tasks[0]] == ["Where is it?"]


def test_a_guard_inside_a_turn_is_a_call_of_its_own():
    """With the turn as its parent."""
    inner, outer = Kept(), Kept()

    @guard({"type": "integer"}, store=inner, strategy="bare")
    def count(prompt):
        return "3"

    @guard_tools(FIVE, store=outer)
    def turn(messages):
        count("?")
        return chat(PARIS)

    turn(TASK)

    assert inner.outcomes[0].call.parent_call_id == outer.outcomes[0].call.parent_call_id


CALLS = st.lists(st.sampled_from([PARIS, EMPTY, STOCK, NO_STOCK, UNKNOWN, MAIL]), max_size=5)


@examples(40)
@given(st.lists(CALLS, min_size=3, max_size=3))
def test_first_attempts_of_a_turn_are_all_its_calls(turns):
    """Whatever is asked again: each call of the first reply is one recorded call, failed at first where it did then, and
    attempts are numbered from one, all but the last failed.
    """
    stored = Kept()
    model = Script(*[chat(*calls) for calls in turns])
    turn = guard_tools(FIVE, max_attempts=3, name="agent", version="1", store=stored)(model)
    with suppress(ToolCallsFailed):
        turn(TASK)

    first = turns[0]
    assert [one.call.schema_name for one in stored.outcomes][: len(first)] == [name for _, name, _ in first]
    failed = [one.attempts[0].failure is not None for one in stored.outcomes][: len(first)]
    assert failed == [call in (EMPTY, NO_STOCK, UNKNOWN) for call in first]
    for one in stored.outcomes:
        assert [attempt.number for attempt in one.attempts] == list(range(1, len(one.attempts) + 1))
        assert all(attempt.failure is not None for attempt in one.attempts[:-1])
        assert one.ok == (one.attempts[-1].failure is None)


def test_rates_per_tool_are_the_true_ones(tmp_path):
    """Sixty turns with planted faults: a store counts for each tool what was planted, at first and at last."""
    store = open_store(f"sqlite:///{tmp_path / 'records.db'}?durability=sync")
    planted: Counter[tuple[str, bool, bool]] = Counter()
    replies = []
    for number in range(60):
        parcel_fails, stock_fails = number % 5 == 0, number % 12 == 0
        heals = number % 20 != 0
        first = (EMPTY if parcel_fails else PARIS, NO_STOCK if stock_fails else STOCK)
        last = (PARIS if heals or not parcel_fails else EMPTY, STOCK)
        replies += [chat(*first)] if not (parcel_fails or stock_fails) else [chat(*first), chat(*last)]
        planted["track_parcel", parcel_fails, parcel_fails and not heals] += 1
        planted["check_stock", stock_fails, False] += 1
    turn = guard_tools(FIVE, max_attempts=2, name="agent", store=store)(Script(*replies))
    for _ in range(60):
        with suppress(ToolCallsFailed):
            turn(TASK)

    counted = {
        row.schema_name: (row.calls, row.calls - row.valid_first_time, row.failed)
        for row in store.configurations()
    }
    store.close()
    assert counted == {
        tool: (
            60,
            sum(n for (name, first, _), n in planted.items() if name == tool and first),
            sum(n for (name, _, last), n in planted.items() if name == tool and last),
        )
        for tool in ("track_parcel", "check_stock")
    }
