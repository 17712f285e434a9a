"""Facts about observing: nothing about a call changes, and what came of it is recorded once."""

import asyncio
import contextlib
import gc
import inspect
import itertools
from dataclasses import dataclass
from typing import Any

import pytest

from schema_guard import AsyncGuarded, Guarded, InvalidArgument, Params, guard, open_store
from tests.needs import marked
from tests.public.calls import wire

TOTAL = {"type": "object", "properties": {"total": {"type": "number"}}, "required": ["total"]}
GOOD = '{"total": 1}'
EVENTS = (wire.chunk({"content": GOOD}), wire.chunk({}, "stop"), wire.usage_chunk())


@pytest.fixture
def store():
    with open_store("sqlite://") as opened:
        yield opened


def observing(store, **settings):
    return guard(TOTAL, observe=True, store=store, **settings)


def recorded(store):
    return [(row["number"], row["strategy"], row["kind"], row["code"]) for row in store.attempts()]


VALID = [(1, "bare", None, None)]
CANCELLED = [(1, "bare", "transport", "cancelled")]


def run(result):
    async def wait():
        return await result

    return asyncio.run(wait())


async def drained(chunks):
    return [chunk async for chunk in chunks]


# Whole replies.


@dataclass(frozen=True)
class Case:
    """What a function gives, and what is recorded of it."""

    id: str
    reply: Any
    kind: str | None = None
    code: str | None = None


class Opaque:
    """No reply at all."""

    def __repr__(self):
        return "opaque"


CASES = (
    Case("a text", GOOD),
    Case("bytes", GOOD.encode()),
    Case("a chat completion", wire.chat(GOOD)),
    Case("an invalid text", "no", "syntax", "no_json"),
    Case("an empty text", "", "syntax", "empty"),
    Case("bad bytes", b"\xff", "syntax", "bad_unicode"),
    Case("no choices", {**wire.chat(GOOD), "choices": []}, "transport", "provider_error"),
    Case("a page", "<html></html>", "transport", "provider_error"),
    Case("None", None, "transport", "no_reply"),
    Case("a parsed dict", {"total": 1}),
    Case("a parsed list", [1], "structure", "type"),
    Case("an object", Opaque(), "transport", "no_reply"),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_a_reply_passes_as_the_same_object(case, store):
    """Whatever a function gives comes out as the same object, and is recorded as what it is."""

    @observing(store)
    def ask(prompt):
        return case.reply

    assert ask("t") is case.reply
    assert recorded(store) == [(1, "bare", case.kind, case.code)]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_an_awaited_reply_passes_as_the_same_object(case, store):
    """What a coroutine function gives comes out of the await as the same object."""

    @observing(store)
    async def ask(prompt):
        return case.reply

    assert run(ask("t")) is case.reply
    assert recorded(store) == [(1, "bare", case.kind, case.code)]


def test_an_awaitable_of_a_plain_function_is_recorded_when_it_was_awaited(store):
    """A plain `def` that gives an awaitable gives one still."""

    async def later():
        return GOOD

    @observing(store)
    def ask(prompt):
        return later()

    result = ask("t")

    assert recorded(store) == []
    assert run(result) is GOOD
    assert recorded(store) == VALID


def test_there_is_one_attempt_whatever_came(store):
    """An invalid reply is not asked again."""
    count = []

    @observing(store, max_attempts=3)
    def ask(prompt):
        count.append(prompt)
        return "no"

    ask("t")

    assert count == ["t"]
    assert recorded(store) == [(1, "bare", "syntax", "no_json")]


# Arguments.

MESSAGES = [{"role": "user", "content": "t"}]


@pytest.mark.parametrize(
    ("args", "kwargs"),
    [
        (("t",), {}),
        ((MESSAGES,), {}),
        ((3,), {}),
        ((None,), {}),
        (([Opaque()],), {"feedback": Opaque(), "instructions": 1}),
        ((), {"prompt": "t", "options": None}),
        (("t",), {"more": {1: 2, "a": 3}}),
    ],
)
def test_arguments_pass_as_the_same_objects(args, kwargs, store):
    """The function is called with the very arguments, whether or not they are a prompt."""
    seen = []

    @observing(store)
    def ask(prompt, *, feedback="f", instructions="i", options="o", **more):
        seen.extend([prompt, feedback, instructions, options, more])
        return GOOD

    ask(*args, **kwargs)
    ask.outcome(*args, **kwargs)

    value = inspect.signature(ask.__wrapped__).bind(*args, **kwargs)
    value.apply_defaults()
    expected = list(value.arguments.values())
    assert seen == expected * 2
    assert all(one is other for one, other in zip(seen[:4], expected, strict=False))
    assert recorded(store) == VALID * 2


def test_a_function_without_a_prompt_can_be_observed(store):
    """A function that builds its own prompt from anything, or from nothing, can be observed."""

    @observing(store)
    def ask(document: dict, page: int):
        return GOOD

    @observing(store)
    def ask_nothing():
        return GOOD

    assert (ask({1: "a", "b": 2}, page=3), ask_nothing()) == (GOOD, GOOD)
    assert recorded(store) == VALID * 2


def test_wrong_arguments_raise_the_functions_own_error(store):
    """A call that does not fit raises Python's own TypeError, as without the guard."""

    @observing(store)
    def ask(prompt):
        return GOOD

    with pytest.raises(TypeError, match=r"missing 1 required positional argument: 'prompt'"):
        ask()

    assert recorded(store) == [(1, "bare", "transport", "call_raised")]


def test_a_parameter_that_is_named_must_exist():
    """prompt= is checked for an observed function too."""
    with pytest.raises(InvalidArgument, match="has no such parameter"):
        observing(None, params=Params(prompt="x"))(lambda prompt: GOOD)


# Exceptions.


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (RuntimeError("503"), "call_raised"),
        (KeyboardInterrupt(), "cancelled"),
        (StopIteration(), "call_raised"),
    ],
    ids=lambda part: type(part).__name__,
)
def test_an_exception_passes_unchanged(error, code, store):
    """What the function raises is the same object, with nothing added, and recorded."""

    @observing(store, default=None)
    def ask(prompt):
        raise error

    with pytest.raises(type(error)) as caught:
        ask("t")

    assert caught.value is error
    assert (error.__cause__, error.__context__) == (None, None)
    assert recorded(store) == [(1, "bare", "transport", code)]


@pytest.mark.parametrize(
    ("error", "code"),
    [(RuntimeError("503"), "call_raised"), (asyncio.CancelledError(), "cancelled")],
    ids=lambda part: type(part).__name__,
)
def test_an_exception_of_a_coroutine_passes_unchanged(error, code, store):
    """What an awaited function raises is the same object, and recorded."""

    @observing(store)
    async def ask(prompt):
        raise error

    with pytest.raises(type(error)) as caught:
        run(ask("t"))

    assert caught.value is error
    assert recorded(store) == [(1, "bare", "transport", code)]


def test_a_rejected_reply_is_the_models_failure(store):
    """An exception that carries the rejected text is recorded as a failed format, and raised."""
    error = RuntimeError("400")
    error.body = {"error": {"code": "json_validate_failed", "failed_generation": '{"a"'}}

    @observing(store)
    def ask(prompt):
        raise error

    with pytest.raises(RuntimeError) as caught:
        ask("t")

    assert caught.value is error
    assert recorded(store) == [(1, "bare", "syntax", "provider_rejected")]
    assert [row["reply_bytes"] for row in store.attempts()] == [4]


# Streams.


@pytest.mark.parametrize(
    "chunks", [(GOOD[:5], GOOD[5:]), (GOOD.encode(),), EVENTS], ids=["texts", "bytes", "events"]
)
def test_chunks_pass_as_the_same_objects(chunks, store):
    """Each chunk of a stream comes out as the same object, and the stream is recorded at its end."""

    @observing(store)
    def ask(prompt):
        yield from chunks

    stream = ask("t")
    seen = [next(stream)]

    assert recorded(store) == []
    seen += list(stream)
    assert [id(chunk) for chunk in seen] == [id(chunk) for chunk in chunks]
    assert recorded(store) == VALID


@pytest.mark.parametrize(
    "chunks", [(GOOD[:5], GOOD[5:]), (GOOD.encode(),), EVENTS], ids=["texts", "bytes", "events"]
)
def test_chunks_of_an_asynchronous_stream_pass_as_the_same_objects(chunks, store):
    """An observed async generator function is iterated as before, without an await."""

    @observing(store)
    async def ask(prompt):
        for chunk in chunks:
            yield chunk

    seen = asyncio.run(drained(ask("t")))

    assert [id(chunk) for chunk in seen] == [id(chunk) for chunk in chunks]
    assert recorded(store) == VALID


def test_a_coroutine_may_give_a_stream(store):
    """An `async def` that gives a provider's stream gives it when it was awaited."""

    async def chunks():
        yield GOOD

    @observing(store)
    async def ask(prompt):
        return chunks()

    async def main():
        return await drained(await ask("t"))

    assert asyncio.run(main()) == [GOOD]
    assert recorded(store) == VALID


class Either:
    """A stream that can be iterated either way, as litellm gives it."""

    def __init__(self):
        self.chunks = iter([GOOD[:5], GOOD[5:]])

    def __iter__(self):
        return self

    def __next__(self):
        return next(self.chunks)

    def __aiter__(self):
        return self

    async def __anext__(self):
        for chunk in self.chunks:
            return chunk
        raise StopAsyncIteration


def test_a_stream_that_can_be_iterated_either_way_stays_one(store):
    """A plain function's caller iterates with `for` or with `async for`, a coroutine's too."""

    @observing(store)
    def ask(prompt):
        return Either()

    @observing(store)
    async def later(prompt):
        return Either()

    async def awaited():
        return await drained(await later("t"))

    assert list(ask("t")) == asyncio.run(drained(ask("t"))) == [GOOD[:5], GOOD[5:]]
    assert asyncio.run(awaited()) == list(run(later("t"))) == [GOOD[:5], GOOD[5:]]
    assert recorded(store) == VALID * 4


@pytest.mark.parametrize("streams", marked([False, True], "streaming", bool))
def test_a_stream_that_can_be_iterated_either_way_goes_as_its_function_goes(streams, store):
    """Enforced, a plain function's stream is read with `for` and a coroutine's with `async for`."""

    @guard(TOTAL, store=store)
    def ask(prompt):
        return Either()

    @guard(TOTAL, store=store)
    async def later(prompt):
        return Either()

    values = [list(ask.stream("t"))[-1], run_stream(later)] if streams else [ask("t"), run(later("t"))]

    assert values == [{"total": 1}] * 2


def run_stream(function):
    return asyncio.run(drained(function.stream("t")))[-1]


def test_kinds_of_functions_stay_what_they_were():
    """A coroutine function is awaited, and nothing else is."""

    async def coroutine(prompt):
        return GOOD

    async def async_generator(prompt):
        yield GOOD

    kinds = [
        type(observing(None)(function)) for function in (coroutine, async_generator, lambda prompt: GOOD)
    ]

    assert kinds == [AsyncGuarded, Guarded, Guarded]


class Source:
    """What a provider's client gives: attributes, to be closed."""

    request_id = "r1"

    def __init__(self, *chunks, error=None):
        self.chunks, self.error, self.closed = list(chunks), error, 0

    def close(self):
        self.closed += 1


class Stream(Source):
    """Chunks of it, one by one."""

    def __iter__(self):
        return self

    def __next__(self):
        if self.chunks:
            return self.chunks.pop(0)
        raise self.error or StopIteration


class AsyncStream(Source):
    """The same, asynchronous; it is closed with or without an await."""

    def __aiter__(self):
        return self

    async def __anext__(self):
        if self.chunks:
            return self.chunks.pop(0)
        raise self.error or StopAsyncIteration


def given(store, stream):
    return observing(store)(lambda prompt: stream)("t")


def test_what_a_stream_offers_stays_within_reach(store):
    """Attributes of a provider's stream can be read, and it is a context manager."""
    source = Stream(GOOD)

    with given(store, source) as stream:
        seen = (stream.request_id, list(stream))

    assert seen == ("r1", [GOOD])
    assert source.closed == 1
    assert recorded(store) == VALID


def test_what_an_asynchronous_stream_offers_stays_within_reach(store):
    """An asynchronous stream too, and it is closed whichever way it can be."""
    source = AsyncStream(GOOD)

    async def main():
        async with given(store, source) as stream:
            return stream.request_id, await drained(stream)

    assert asyncio.run(main()) == ("r1", [GOOD])
    assert source.closed == 1
    assert recorded(store) == VALID


def test_an_attribute_that_a_stream_does_not_have_is_missing():
    """Asking for what the stream does not have is its own AttributeError."""
    with pytest.raises(AttributeError, match="'Stream' object has no attribute 'nothing'"):
        _ = given(None, Stream()).nothing


def test_a_stream_that_breaks_is_recorded_and_raises_the_same(store):
    """An error in the middle of a stream passes as the same object."""
    error = ConnectionResetError("reset")

    stream = given(store, Stream('{"total"', error=error))

    with pytest.raises(ConnectionResetError) as caught:
        list(stream)
    assert caught.value is error
    assert recorded(store) == [(1, "bare", "transport", "provider_error")]


def test_a_provider_stream_without_its_end_is_cut(store):
    """A provider's stream that ends without its last event is recorded as cut, and nothing is raised."""
    assert list(given(store, Stream(EVENTS[0]))) == [EVENTS[0]]
    assert recorded(store) == [(1, "bare", "transport", "stream_cut")]


def close(stream):
    stream.close()


def leave(stream):
    del stream
    gc.collect()


@pytest.mark.parametrize("end", [close, leave])
def test_a_stream_that_is_given_up_is_recorded(end, store):
    """A stream that is closed, or left before its end, is recorded once as cancelled."""
    streams = [given(store, Stream("{", "}"))]
    next(streams[0])

    end(streams.pop())

    assert recorded(store) == CANCELLED


def test_an_asynchronous_stream_that_is_given_up_is_recorded(store):
    """An asynchronous stream that is left before its end is recorded once, closed or not."""

    async def main():
        closed, left = given(store, AsyncStream("{")), given(store, AsyncStream("{"))
        for stream in (closed, left):
            await anext(stream)
        await closed.aclose()
        assert recorded(store) == CANCELLED
        await closed.close()
        del left, stream

    asyncio.run(main())
    gc.collect()

    assert recorded(store) == CANCELLED * 2


def test_a_stream_is_recorded_once(store):
    """Going on after the end, and closing, record nothing more."""
    stream = given(store, Stream(GOOD))
    list(stream)
    with contextlib.suppress(StopIteration):
        next(stream)

    stream.close()
    del stream
    gc.collect()

    assert recorded(store) == VALID


# Calls inside of observed calls.


def test_what_an_observed_function_calls_knows_its_caller(store):
    """A guarded call inside an observed one, of whatever shape, has it as parent."""

    @guard(TOTAL, store=store)
    def inner(prompt):
        return GOOD

    @observing(store)
    def plain(prompt):
        inner("t")
        return GOOD

    @observing(store)
    def generator(prompt):
        inner("t")
        yield GOOD

    @observing(store)
    async def coroutine(prompt):
        inner("t")
        return GOOD

    @observing(store)
    async def async_generator(prompt):
        inner("t")
        yield GOOD

    plain("t")
    list(generator("t"))
    run(coroutine("t"))
    asyncio.run(drained(async_generator("t")))
    inner("t")

    rows = [(row["call_id"], row["parent_call_id"]) for row in store.attempts()]
    assert [parent for _, parent in rows[0:8:2]] == [call for call, _ in rows[1:8:2]]
    assert [parent for _, parent in rows[1:8:2]] == [None] * 4
    assert rows[8][1] is None


def test_a_stream_that_brings_nothing_passes_and_is_recorded_as_cut(store):
    """An observed stream goes on as long as it likes; after ten thousand empty chunks it is recorded as cut."""

    @observing(store)
    def ask(prompt):
        yield from itertools.repeat(None, 10_050)
        yield GOOD

    chunks = list(ask("t"))

    assert (len(chunks), chunks[-1]) == (10_051, GOOD)
    assert recorded(store) == [(1, "bare", "transport", "stream_cut")]
