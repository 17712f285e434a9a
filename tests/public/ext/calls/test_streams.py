"""Facts about growing values."""

from __future__ import annotations

import asyncio

import pytest

import schema_guard
from schema_guard import (
    GuardFailed,
    InvalidArgument,
    Partial,
    guard,
)
from tests.public.calls.functions import (
    GOOD,
    TOTAL,
    VALUE,
    async_generator,
    async_streaming,
    asynchronous,
    both,
    giving,
    later,
    plain,
    recorded,
    streaming,
    streams,
)


@both
def test_a_stream_gives_growing_values_and_then_the_value(make):
    """.stream gives what has come so far whenever it changes, and at last the valid value."""
    reply = (
        ['{"total": 1', ', "x": "a', 'b"}']
        if make in (streaming, async_streaming)
        else '{"total": 1, "x": "ab"}'
    )

    values = streamed(make(giving(reply), {}), "t")

    assert values[-1] == {"total": 1, "x": "ab"}
    if make in (streaming, async_streaming):
        assert values[:-1] == [{"total": 1}, {"total": 1, "x": "a"}, {"total": 1, "x": "ab"}]


def streamed(function, *args, **kwargs):
    """All that .stream gives."""

    async def collect():
        return [value async for value in function.stream(*args, **kwargs)]

    return (
        asyncio.run(collect())
        if isinstance(function, schema_guard.AsyncGuarded)
        else list(function.stream(*args, **kwargs))
    )


@streams
def test_a_partial_value_says_what_of_it_is_complete_and_whose_it_is(make):
    """With a new attempt all values before are void; the last one was judged."""
    give = giving(['{"total": "one', '"}'], ['{"total": 1', "2}"])

    values = streamed(make(give, {"store": None}), "t", partial=True)

    assert values == [
        Partial({"total": "one"}, "/total", 1),
        Partial({"total": "one"}, "", 1),
        Partial({"total": 1}, "/total", 2),
        Partial({"total": 12}, "", 2),
        Partial({"total": 12}, None, 2),
    ]


@both
def test_a_partial_value_may_be_what_the_settings_say(make):
    """The last one is what a call gives."""
    function = make(giving(""), {"max_attempts": 1, "default": 3, "store": None})

    assert streamed(function, "t", partial=True) == [Partial(3, None, 1)]


@streams
def test_text_before_a_tool_call_is_of_the_same_attempt(make):
    """What counts begins anew with the call, and no attempt does."""
    delta = {"tool_calls": [{"index": 0, "id": "1", "function": {"name": "give", "arguments": GOOD}}]}
    parts = [("", {"content": "[1,"}), ("", delta), ("tool_calls", {})]

    def give(prompt):
        for finish, delta in parts:
            choice = {"delta": delta, "index": 0, "finish_reason": finish or None}
            yield {"object": "chat.completion.chunk", "model": "m", "choices": [choice]}

    ask = make(give, {"store": None, "max_attempts": 1})

    assert streamed(ask, "t", partial=True) == [
        Partial([1], "", 1),
        Partial(VALUE, "", 1),
        Partial(VALUE, None, 1),
    ]


def test_a_parameter_of_the_functions_own_stays_its_own():
    """A function that takes `partial` gets it, and its stream gives values."""
    got = []

    @guard(TOTAL, store=None)
    def ask(prompt, partial=False):
        got.append(partial)
        yield GOOD

    assert streamed(ask, "t", partial=True) == [VALUE, VALUE]
    assert got == [True]


def test_partial_is_yes_or_no():
    """Anything but a bool is refused before anything is asked."""
    with pytest.raises(InvalidArgument, match=r"^stream: partial='yes': expected True or False$"):
        list(guard(TOTAL, store=None)(lambda prompt: GOOD).stream("t", partial="yes"))


@both
def test_a_stream_goes_on_with_the_next_attempt(make, store):
    """A failed attempt's values are followed by those of the next one."""
    replies = [["[1,"], [" 2]"]], [['{"total"'], [": 1}"]]
    give = (
        giving("[1, 2]", GOOD)
        if make in (plain, asynchronous)
        else giving(["[1,", " 2]"], ['{"total"', ": 1}"])
    )

    values = streamed(make(give, {"store": store}), "t")

    assert len(replies) == 2
    assert values[0][:1] == [1]
    assert values[-1] == VALUE
    assert recorded(store) == [(1, "structure", "type"), (2, None, None)]


@both
def test_a_stream_raises_as_a_call_does(make):
    """A stream ends in GuardFailed, or with what the settings say."""
    with pytest.raises(GuardFailed):
        streamed(make(giving(""), {"max_attempts": 1}), "t")

    assert streamed(make(giving(""), {"max_attempts": 1, "default": 3}), "t") == [3]


@streams
def test_a_stream_that_is_given_up_is_recorded(make, store):
    """Closing .stream early closes the function's stream, and the attempt is recorded as cancelled."""
    closed = []

    def give(prompt):
        try:
            yield '{"total":'
            yield " 1"
            yield "}"
        finally:
            closed.append(1)

    function = make(give, {"store": store})

    async def leave():
        values = function.stream("t")
        await anext(values)
        await values.aclose()
        # The end of the event loop would close what is left.
        assert closed == [1]

    if make is streaming:
        values = function.stream("t")
        next(values)
        values.close()
    else:
        asyncio.run(leave())

    assert recorded(store) == [(1, "transport", "cancelled")]
    assert closed == [1]


def test_a_stream_of_something_to_await_is_refused():
    """A plain function that turns out to be asynchronous cannot be streamed, and says what to do."""

    @guard(TOTAL, name="ask")
    def ask_later(prompt):
        return async_generator(prompt)

    with pytest.raises(
        InvalidArgument,
        match=r"^ask returns an awaitable. To stream it, use `async def`$",
    ):
        list(ask_later.stream("t"))


def test_a_stream_that_cannot_be_read_closes_what_it_got():
    """A coroutine that nobody will await is closed."""

    @guard(TOTAL, name="ask")
    def ask_later(prompt):
        return later(GOOD)

    with pytest.raises(InvalidArgument, match="returns an awaitable"):
        list(ask_later.stream("t"))
