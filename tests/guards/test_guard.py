"""Facts about @guard: what is refused at decoration, what reaches the function, what comes out and is recorded."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator, Awaitable, Coroutine, Generator, Iterator
from dataclasses import dataclass, replace
from typing import Any, TypedDict

import pydantic
import pytest

import schema_guard
from schema_guard import (
    Budget,
    CallFailed,
    Example,
    GuardFailed,
    InvalidArgument,
    InvalidSchema,
    Limits,
    Outcome,
    Schema,
    connect,
    guard,
    open_store,
    tags,
)
from schema_guard.models.scripted import ScriptedModel
from tests.calls import wire

TOTAL = {"type": "object", "properties": {"total": {"type": "number"}}, "required": ["total"]}
GOOD = '{"total": 1}'
BAD = '{"total": "one"}'
VALUE = {"total": 1}


@dataclass
class Invoice:
    """An invoice."""

    total: float


class Note(TypedDict):
    """A note."""

    total: float


class Bill(pydantic.BaseModel):
    """A bill whose total is even."""

    total: int

    @pydantic.field_validator("total")
    @classmethod
    def even(cls, total):
        if total % 2:
            raise ValueError("must be even")
        return total


@pytest.fixture
def store():
    with open_store("sqlite://") as opened:
        yield opened


def rows(store, *columns):
    """The recorded attempts, as the given columns."""
    return [tuple(row[column] for column in columns) for row in store.attempts()]


def recorded(store):
    return rows(store, "number", "kind", "code")


# How functions are made of what they shall give, one for each shape. `called` runs it and gives what came out.


def plain(give, settings):
    @guard(TOTAL, **settings)
    def ask(prompt):
        return give(prompt)

    return ask


def asynchronous(give, settings):
    @guard(TOTAL, **settings)
    async def ask(prompt):
        await asyncio.sleep(0)
        return give(prompt)

    return ask


def streaming(give, settings):
    @guard(TOTAL, **settings)
    def ask(prompt):
        yield from give(prompt)

    return ask


def async_streaming(give, settings):
    @guard(TOTAL, **settings)
    async def ask(prompt):
        for chunk in give(prompt):
            await asyncio.sleep(0)
            yield chunk

    return ask


def awaited(result):
    """What a call gave, awaited if it has to be."""

    async def wait():
        return await result

    return asyncio.run(wait()) if hasattr(type(result), "__await__") else result


def run(function, *args, **kwargs):
    """Call a guarded function, in an event loop if it is asynchronous."""

    async def wait():
        return await function(*args, **kwargs)

    return (
        asyncio.run(wait())
        if isinstance(function, schema_guard.AsyncGuarded)
        else awaited(function(*args, **kwargs))
    )


whole = pytest.mark.parametrize("make", [plain, asynchronous])
streams = pytest.mark.parametrize("make", [streaming, async_streaming])
both = pytest.mark.parametrize("make", [plain, asynchronous, streaming, async_streaming])


def giving(*replies):
    """Give one reply after the other, and keep the prompts."""
    given = iter(replies)

    def give(prompt):
        give.prompts.append(prompt)
        return next(given)

    give.prompts = []
    return give


# What is wrong with a decoration.


def ask(prompt):
    return GOOD


KNOWN = "bare, system_prompt, few_shot, reason_then_format, json_mode, tool_call, strict_schema"
NEEDS = (
    "ask must take the provider's arguments: give it a parameter 'options: dict' and pass it on as "
    "create(..., **options), or use one of bare, system_prompt, few_shot, reason_then_format"
)


@dataclass(frozen=True)
class Wrong:
    """Settings that cannot be, and what is said of them."""

    id: str
    settings: dict[str, Any]
    message: str


WRONG = (
    Wrong("strategy", {"strategy": "system_promt"}, f"strategy='system_promt': expected one of {KNOWN}, did you mean 'system_prompt'?"),
    Wrong("no strategy", {"strategy": []}, f"strategy=(): expected one of {KNOWN}, or a list of them"),
    Wrong("None for a strategy", {"strategy": None}, f"strategy=None: expected one of {KNOWN}, or a list of them"),
    Wrong("no attempts", {"max_attempts": 0}, "max_attempts=0: expected an int >= 1 (1 means: ask once, never re-ask)"),
    Wrong("half an attempt", {"max_attempts": 1.5}, "max_attempts=1.5: expected an int >= 1 (1 means: ask once, never re-ask)"),
    Wrong("attempts by a bool", {"max_attempts": True}, "max_attempts=True: expected an int >= 1 (1 means: ask once, never re-ask)"),
    Wrong(
        "more strategies than attempts",
        {"strategy": ["bare", "system_prompt"], "max_attempts": 1},
        "strategy=('bare', 'system_prompt'): expected at most max_attempts=1 strategies, got 2: the last ones would never be used",
    ),
    Wrong(
        "two words for a failure",
        {"default": None, "on_failure": "return"},
        "default= and on_failure='return': expected one of them: both say what a failed call gives",
    ),
    Wrong("on_failure", {"on_failure": "retrun"}, "on_failure='retrun': expected one of raise, return, did you mean 'return'?"),
    Wrong("on_failure default", {"on_failure": "default"}, "on_failure='default': expected one of raise, return"),
    Wrong("repair", {"repair": "lossles"}, "repair='lossles': expected one of off, lossless, lossy, did you mean 'lossless'?"),
    Wrong("check", {"checks": ["no"]}, "checks: 'no': expected a callable that gives None or a message"),
    Wrong("a check alone", {"checks": len}, "checks=<built-in function len>: expected a list of callables"),
    Wrong("examples", {"examples": 3}, "examples=3: expected a list of (task, value)"),
    Wrong("example", {"examples": [VALUE]}, "examples: {'total': 1}: expected (task, value), with task a str or None"),
    Wrong(
        "invalid example",
        {"examples": [("t", {"total": "one"})], "strategy": "few_shot"},
        "examples: {'total': 'one'} is not valid for invoice: at /total: expected number, got string 'one'",
    ),
    Wrong(
        "invalid example at the root",
        {"examples": [(None, 3)], "strategy": ["bare", "few_shot"]},
        "examples: 3 is not valid for invoice: at (root): expected object, got number 3",
    ),
    Wrong("options", {"strategy": "strict_schema", "target": "openai"}, f"strategy='strict_schema': {NEEDS}"),
    Wrong("options of the second", {"strategy": ["bare", "json_mode"], "target": "openai"}, f"strategy='json_mode': {NEEDS}"),
    Wrong("options for a limit", {"budget": Budget(output_tokens=9), "target": "openai"}, f"an output limit in budget=: {NEEDS}"),
    Wrong(
        "target",
        {"target": "opnai"},
        "target='opnai': expected one of openai, openai-responses, llamacpp-llguidance, did you mean 'openai'?",
    ),
    Wrong("limits", {"limits": 0}, "limits=0: expected a Limits"),
    Wrong("budget", {"budget": {}}, "budget={}: expected a Budget"),
    Wrong("name", {"name": 3}, "name=3: expected a str or None"),
    Wrong("segment", {"segment": 3}, "segment=3: expected a str or None"),
    Wrong("version", {"version": 2}, "version=2: expected a str or None"),
    Wrong("model", {"model": 3}, "model=3: expected a str or None"),
    Wrong("store", {"store": 3}, "store=int: expected a URL, a Store, or None"),
    Wrong(
        "prompt",
        {"prompt": "promt"},
        "prompt='promt': ask has no such parameter, only prompt, did you mean 'prompt'?",
    ),
)  # fmt: skip


@pytest.mark.parametrize("case", WRONG, ids=lambda case: case.id)
def test_wrong_settings_are_refused_at_decoration(case):
    """What is wrong with the settings is said when the function is decorated, and by which argument."""
    with pytest.raises(InvalidArgument) as caught:
        guard(Schema.of(TOTAL, name="invoice"), **case.settings)(ask)

    assert str(caught.value) == case.message


def with_options(prompt, options):
    return GOOD


WRONG_OPTIONS = (
    Wrong(
        "no target",
        {"strategy": "json_mode"},
        "strategy='json_mode': expected target= to say whose arguments 'options' holds, such as target='openai'",
    ),
    Wrong(
        "not of this target",
        {"strategy": "tool_call", "target": "llamacpp-llguidance"},
        "strategy 'tool_call' is not supported by target 'llamacpp-llguidance': it takes bare, few_shot, json_mode, "
        "reason_then_format, strict_schema, system_prompt",
    ),
    Wrong(
        "output tokens",
        {"target": "openai", "budget": Budget(output_tokens=0)},
        "output_tokens=0: expected an int >= 1 or None",
    ),
)


@pytest.mark.parametrize("case", WRONG_OPTIONS, ids=lambda case: case.id)
def test_what_a_target_cannot_do_is_refused_at_decoration(case):
    """The options of every strategy are made once at decoration, so that a call cannot fail on them."""
    with pytest.raises(InvalidArgument) as caught:
        guard(TOTAL, **case.settings)(with_options)

    assert str(caught.value) == case.message


def two(a: str, b: str):
    return GOOD


class NotAFunction:
    def __repr__(self):
        return "<no function>"


HOW = "name it with prompt=, call it 'prompt' or 'messages', or take 'instructions: str' and build the prompt yourself"


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (NotAFunction(), "guard: <no function>: expected a function that calls a language model"),
        (guard(TOTAL)(ask), "guard: ask is guarded already: set one guard on a function"),
        (two, f"two: more than one parameter could carry the prompt (a, b): {HOW}"),
    ],
    ids=["no function", "guarded", "two"],
)
def test_what_cannot_be_guarded_is_refused_at_decoration(function, message):
    """What is no function, is guarded already, or does not say where the task goes is refused."""
    with pytest.raises(InvalidArgument) as caught:
        guard(TOTAL)(function)

    assert str(caught.value) == message


def test_a_bad_schema_is_refused_at_decoration():
    """A schema that cannot be loaded is refused, with its code and place, and a note of where that was."""
    with pytest.raises(InvalidSchema) as caught:
        guard({"type": "numbr"})

    assert (caught.value.code, caught.value.location) == ("invalid", "/type")
    assert caught.value.__notes__ == ["in guard(schema): the schema is checked at decoration"]


def test_a_schema_without_examples_needs_some():
    """Few-shot needs an example, given or drawn from the schema."""
    schema = Schema.of({"type": "string", "pattern": "^[0-9]{9}$"}, name="number")

    with pytest.raises(InvalidArgument) as caught:
        guard(schema, strategy="few_shot")(ask)

    assert str(caught.value) == (
        "strategy='few_shot': no valid example could be drawn from number: give examples=[(task, value), ...]"
    )


# The schema in the return annotation.


def test_bare_guard_takes_the_return_annotation():
    """Bare @guard on a function takes the schema from its annotation."""

    @guard
    def extract(prompt: str) -> Invoice:
        return GOOD

    assert extract("t") == Invoice(1.0)


def test_bare_guard_takes_an_async_functions_annotation():
    """Bare @guard on an async function gives an awaitable of the annotated type."""

    @guard
    async def extract(prompt: str) -> Bill:
        return '{"total": 2}'

    assert run(extract, "t") == Bill(total=2)


def generator(prompt) -> Generator[Invoice, None, None]:
    yield GOOD


def iterator(prompt) -> Iterator[Invoice]:
    return iter([GOOD])


async def async_generator(prompt) -> AsyncIterator[Invoice]:
    yield GOOD


def coroutine(prompt) -> Coroutine[Any, Any, Invoice]:
    return later(GOOD)


def awaitable(prompt) -> Awaitable[Invoice]:
    return later(GOOD)


def forward(prompt) -> Later:
    return GOOD


@dataclass
class Later:
    total: float


class Asking:
    """Callables of a class that say what they give."""

    key: str = "k"

    def __call__(self, prompt) -> Invoice:
        return GOOD

    def method(self, prompt) -> Invoice:
        return GOOD


async def later(value):
    return value


@pytest.mark.parametrize(
    "function",
    [
        generator,
        iterator,
        async_generator,
        coroutine,
        awaitable,
        functools.partial(generator),
        Asking(),
        Asking().method,
    ],
)
def test_the_annotation_may_be_wrapped(function):
    """What is annotated to be awaited or iterated gives the type inside, of any kind of callable."""
    guarded = guard()(function)

    assert run(guarded, "t") == Invoice(1.0)


def test_the_annotation_may_stand_further_down():
    """An annotation may name a type that the module defines behind the function."""
    assert guard(forward)("t") == Later(1.0)


def test_bare_guard_works_on_methods():
    """Bare @guard works on methods, under staticmethod and classmethod and over them."""

    class Extractor:
        @guard
        def method(self, prompt: str) -> Invoice:
            return GOOD

        @guard
        @staticmethod
        def over_static(prompt: str) -> Invoice:
            return GOOD

        @staticmethod
        @guard
        def under_static(prompt: str) -> Invoice:
            return GOOD

        @guard
        @classmethod
        def over_class(cls, prompt: str) -> Invoice:
            return GOOD

    one = Extractor()

    given = [
        f("t") for f in (one.method, one.over_static, one.under_static, one.over_class, Extractor.over_class)
    ]

    assert given == [Invoice(1.0)] * 5


def untyped(prompt):
    return GOOD


def of_none(prompt) -> None:
    return GOOD


def of_any(prompt) -> Any:
    return GOOD


@pytest.mark.parametrize("function", [untyped, of_none, of_any, functools.partial(untyped)])
def test_a_guard_without_a_schema_is_refused(function):
    """Without a schema and without an annotation that is one there is nothing to keep to."""
    with pytest.raises(InvalidArgument) as caught:
        guard()(function)

    name = getattr(function, "__name__", "untyped")
    assert str(caught.value) == (
        f"{name}: guard has no schema: expected @guard(Invoice), or a return annotation that is one"
    )


def test_an_annotation_that_cannot_be_resolved_is_refused():
    """An annotation whose name is not known is refused with that name."""

    def lost(prompt) -> Nowhere:  # noqa: F821
        return GOOD

    with pytest.raises(InvalidArgument) as caught:
        guard(lost)

    assert str(caught.value).endswith(
        "lost: its return annotation cannot be resolved: name 'Nowhere' is not defined"
    )


# What the function gives, by the table of the design.


@dataclass(frozen=True)
class Gives:
    """What a function gives, what a call makes of it, and what is recorded."""

    id: str
    reply: Any
    result: Any
    code: tuple[str, str] | None = None
    message: str = ""


BROKEN_CHAT = {"id": "c1", "object": "chat.completion", "model": "m", "choices": []}
NO_REPLY = "ask: the function gave {}, not a model's reply: return the reply or its text"
ASK = "{}.<locals>.ask"
GIVES = (
    Gives("a text", GOOD, VALUE),
    Gives("bytes", GOOD.encode(), VALUE),
    Gives("a bytearray", bytearray(GOOD.encode()), VALUE),
    Gives("a chat completion", wire.chat(GOOD), VALUE),
    Gives("a tool call", wire.chat(None, tool_calls=wire.tool_calls(GOOD)), VALUE),
    Gives("a response", wire.response(wire.output_message(wire.output_text(GOOD))), VALUE),
    Gives("a message", wire.message(wire.text_block(GOOD)), VALUE),
    Gives("bad bytes", b'{"total": "\xff"}', GuardFailed, ("syntax", "bad_unicode")),
    Gives("an empty text", "", GuardFailed, ("syntax", "empty")),
    Gives("no content", wire.chat(None), GuardFailed, ("syntax", "empty")),
    Gives("a refusal", wire.chat(None, refusal="no"), GuardFailed, ("refusal", "refusal")),
    Gives("a filter", wire.chat("", finish_reason="content_filter"), GuardFailed, ("refusal", "content_filter")),
    Gives("a cut-off text", wire.chat('{"total":', finish_reason="length"), GuardFailed, ("truncation", "max_tokens")),
    Gives("no choices", BROKEN_CHAT, CallFailed, ("transport", "provider_error"), "ask: the provider sent no reply"),
    Gives(
        "an HTML page",
        "<!DOCTYPE html><html></html>",
        CallFailed,
        ("transport", "provider_error"),
        "ask: an HTML page came instead of a reply: is the base URL right, is there a proxy?",
    ),
    Gives("None", None, InvalidArgument, ("transport", "no_reply"), NO_REPLY.format("None")),
    Gives("a number", 3, InvalidArgument, ("transport", "no_reply"), NO_REPLY.format("a value of type 'int'")),
    Gives("a parsed dict", VALUE, InvalidArgument, ("transport", "no_reply"), NO_REPLY.format("a value of type 'dict'")),
    Gives("a parsed list", [1], InvalidArgument, ("transport", "no_reply"), NO_REPLY.format("a value of type 'list'")),
    Gives("an object", NotAFunction(), InvalidArgument, ("transport", "no_reply"), NO_REPLY.format("a value of type 'NotAFunction'")),
)  # fmt: skip


@whole
@pytest.mark.parametrize("case", GIVES, ids=lambda case: case.id)
def test_what_a_function_gives(case, make, store):
    """Each kind of thing that a function gives has one meaning, sync and async, and is recorded once."""
    function = make(giving(case.reply), {"store": store, "max_attempts": 1, "name": "ask"})

    if isinstance(case.result, dict):
        assert run(function, "t") == case.result
    else:
        with pytest.raises(case.result) as caught:
            run(function, "t")
        assert str(caught.value) == case.message or not case.message

    kind, code = case.code or (None, None)
    assert recorded(store) == [(1, kind, code)]


STREAMS = (
    Gives("texts", list(GOOD), VALUE),
    Gives("bytes", [b'{"total"', b": 1}"], VALUE),
    Gives("events", [wire.chunk({"content": GOOD}), wire.chunk({}, "stop"), wire.usage_chunk()], VALUE),
    Gives("nothing", [], GuardFailed, ("syntax", "empty")),
    Gives("nothing but Nones", [None, ""], GuardFailed, ("syntax", "empty")),
    Gives("an end without text", [wire.chunk({}, "stop")], GuardFailed, ("syntax", "empty")),
    Gives("bad bytes", [b"{", b"\xff"], GuardFailed, ("syntax", "bad_unicode")),
    Gives(
        "events without an end",
        [wire.chunk({"content": GOOD})],
        CallFailed,
        ("transport", "stream_cut"),
        "ask: the stream ended without the event that says that the reply is complete",
    ),
    Gives("a page", ["<html", ">"], CallFailed, ("transport", "provider_error")),
    Gives("objects", [3], InvalidArgument, ("transport", "no_reply")),
)


@streams
@pytest.mark.parametrize("case", STREAMS, ids=lambda case: case.id)
def test_what_a_function_yields(case, make, store):
    """Each kind of stream has one meaning, sync and async, and is recorded once."""
    function = make(giving(case.reply), {"store": store, "max_attempts": 1, "name": "ask"})

    if isinstance(case.result, dict):
        assert run(function, "t") == case.result
    else:
        with pytest.raises(case.result) as caught:
            run(function, "t")
        assert str(caught.value) == case.message or not case.message

    kind, code = case.code or (None, None)
    assert recorded(store) == [(1, kind, code)]


@whole
@pytest.mark.parametrize(
    "case", [c for c in GIVES if c.result in (CallFailed, InvalidArgument)], ids=lambda case: case.id
)
def test_what_is_no_reply_is_not_asked_again(case, make, store):
    """What is no reply of a model ends the call at once, whatever a failed call gives."""
    function = make(giving(case.reply), {"store": store, "default": None})

    with pytest.raises(case.result):
        run(function, "t")

    assert recorded(store) == [(1, *case.code)]


def test_what_ended_a_call_is_in_the_exception():
    """CallFailed and GuardFailed carry the outcome."""
    for reply, kind in ((BROKEN_CHAT, CallFailed), (BAD, GuardFailed)):
        function = plain(giving(reply), {"max_attempts": 1})

        with pytest.raises(kind) as caught:
            function("t")

        assert isinstance(caught.value.outcome, Outcome)
        assert not caught.value.outcome.ok


def test_the_message_of_a_failed_call():
    """GuardFailed says what failed last, where, and what to do."""
    schema = Schema.of(TOTAL, name="invoice")
    function = guard(schema, name="extract", max_attempts=2)(ScriptedModel([BAD, BAD]))

    with pytest.raises(GuardFailed) as caught:
        function("t")

    assert str(caught.value).splitlines() == [
        "extract gave no valid reply in 2 attempts (schema invoice)",
        "  attempt 2, structure type:",
        "    at /total: expected number, got string 'one'    [/properties/total/type]",
        "  to see the reply: error.outcome.attempts[-1].reply; to allow more attempts: max_attempts=4",
    ]


# Exceptions.


class Interrupted(BaseException):
    """Such as KeyboardInterrupt, which asyncio gives a meaning of its own."""


ERRORS = [
    (RuntimeError("503"), "call_raised"),
    (Interrupted(), "cancelled"),
    (asyncio.CancelledError("stop"), "cancelled"),
    (GuardFailed("of another guard", outcome=None), "call_raised"),
]


def raising(error):
    def give(prompt):
        give.count += 1
        raise error

    give.count = 0
    return give


@both
@pytest.mark.parametrize(("error", "code"), ERRORS, ids=lambda part: type(part).__name__)
def test_an_exception_passes_once_and_unchanged(error, code, make, store):
    """What the function raises is recorded, and raised again as the same object with nothing added to it."""
    give = raising(error)
    function = make(give, {"store": store, "on_failure": "return"})

    with pytest.raises(type(error)) as caught:
        run(function, "t")

    assert (caught.value, give.count) == (error, 1)
    assert (error.__cause__, error.__context__, getattr(error, "__notes__", [])) == (None, None, [])
    assert recorded(store) == [(1, "transport", code)]


@pytest.mark.parametrize(
    "error", [StopIteration(3), StopAsyncIteration()], ids=lambda error: type(error).__name__
)
def test_an_exception_with_a_meaning_to_python_passes_too(error, store):
    """StopIteration of a plain function is an exception like others, and not the end of something."""
    function = plain(raising(error), {"store": store})

    with pytest.raises(type(error)) as caught:
        function("t")

    assert caught.value is error
    assert recorded(store) == [(1, "transport", "call_raised")]


def test_a_keyboard_interrupt_is_recorded_as_cancelled(store):
    """KeyboardInterrupt ends the call like a cancellation and reaches the caller."""
    function = plain(raising(KeyboardInterrupt()), {"store": store})

    with pytest.raises(KeyboardInterrupt):
        function("t")

    assert recorded(store) == [(1, "transport", "cancelled")]


@both
def test_an_exception_at_a_later_attempt_passes_too(make, store):
    """An exception behind a bad reply passes, and both attempts are recorded."""
    error = RuntimeError("503")
    replies = iter(["no"])

    def give(prompt):
        for reply in replies:
            return reply
        raise error

    function = make(give, {"store": store})

    with pytest.raises(RuntimeError) as caught:
        run(function, "t")

    assert caught.value is error
    assert recorded(store) == [(1, "syntax", "no_json"), (2, "transport", "call_raised")]


@streams
def test_an_exception_in_the_middle_of_a_stream_passes(make, store):
    """A stream that breaks is recorded with what had come."""
    error = ConnectionResetError("reset")

    def give(prompt):
        yield '{"total"'
        raise error

    function = make(give, {"store": store})

    with pytest.raises(ConnectionResetError) as caught:
        run(function, "t")

    assert caught.value is error
    assert rows(store, "code", "reply_bytes") == [("call_raised", 8)]


def test_a_cancelled_task_is_recorded(store):
    """Cancelling the task of a call cancels the call, which is recorded as that, whole or in the middle of a stream."""

    @guard(TOTAL, store=store)
    async def ask_whole(prompt):
        await asyncio.sleep(60)

    @guard(TOTAL, store=store)
    async def ask_stream(prompt):
        yield '{"total"'
        await asyncio.sleep(60)

    async def main():
        tasks = [asyncio.create_task(function("t")) for function in (ask_whole, ask_stream)]
        await asyncio.sleep(0.01)
        for task in tasks:
            task.cancel()
        return await asyncio.gather(*tasks, return_exceptions=True)

    errors = asyncio.run(main())

    assert [type(error) for error in errors] == [asyncio.CancelledError] * 2
    assert recorded(store) == [(1, "transport", "cancelled")] * 2
    assert rows(store, "reply_bytes") == [(None,), (8,)]


def test_a_timeout_around_a_call_is_recorded(store):
    """asyncio.timeout cancels the call inside, and the TimeoutError comes out."""

    @guard(TOTAL, store=store)
    async def slow(prompt):
        await asyncio.sleep(60)

    async def main():
        async with asyncio.timeout(0.01):
            await slow("t")

    with pytest.raises(TimeoutError):
        asyncio.run(main())

    assert recorded(store) == [(1, "transport", "cancelled")]


def rejecting(text):
    """An exception as Groq raises it for a reply that was not JSON."""
    error = RuntimeError("400")
    error.body = {"error": {"code": "json_validate_failed", "failed_generation": text}}
    return error


@whole
def test_a_rejected_reply_is_asked_again(make, store):
    """An exception that carries the model's rejected text is a failed attempt, and its text the reply."""
    results = iter([rejecting('{"a"'), GOOD])
    prompts = []

    def give(prompt):
        prompts.append(prompt)
        reply = next(results)
        if isinstance(reply, Exception):
            raise reply
        return reply

    function = make(give, {"store": store})

    assert run(function, "t") == VALUE
    assert recorded(store) == [(1, "syntax", "provider_rejected"), (2, None, None)]
    assert '{"a"' in prompts[1]


@whole
def test_the_last_rejection_is_the_cause(make):
    """GuardFailed's cause is the last exception that carried a rejected reply."""
    errors = [rejecting("a"), rejecting("b")]
    results = iter(errors)

    def give(prompt):
        raise next(results)

    with pytest.raises(GuardFailed) as caught:
        run(make(give, {"max_attempts": 2}), "t")

    assert caught.value.__cause__ is errors[1]


def test_a_failed_call_has_no_cause_without_a_rejection():
    """GuardFailed for replies that came has no cause."""
    with pytest.raises(GuardFailed) as caught:
        plain(giving(BAD), {"max_attempts": 1})("t")

    assert caught.value.__cause__ is None


# What a failed call gives.


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


# Values and checks.


@dataclass(frozen=True)
class Typed:
    """A schema as a Python type, and the value of a reply under it."""

    id: str
    schema: Any
    value: Any
    reply: str = '{"total": 2}'


TYPED = (
    Typed("a dict", TOTAL, {"total": 2}),
    Typed("a Schema", Schema.of(TOTAL), {"total": 2}),
    Typed("true", True, {"total": 2}),
    Typed("a dataclass", Invoice, Invoice(2.0)),
    Typed("a TypedDict", Note, {"total": 2.0}),
    Typed("a Pydantic model", Bill, Bill(total=2)),
    Typed("a list", list[Invoice], [Invoice(1.0)], '[{"total": 1}]'),
)


@pytest.mark.parametrize("case", TYPED, ids=lambda case: case.id)
def test_the_value_and_the_checks_see_the_schemas_type(case):
    """The value that comes out, and the one that checks see, is of the type that the schema was made from."""
    seen = []
    function = guard(case.schema, checks=[seen.append])(ScriptedModel([case.reply]))

    value = function("t")

    assert (value, type(value)) == (case.value, type(case.value))
    assert seen[0] is value


@pytest.mark.parametrize("schema", [Invoice, Note], ids=["dataclass", "TypedDict"])
def test_dataclasses_and_typed_dicts_are_closed(schema):
    """A property that the type does not name is a violation."""
    outcome = guard(schema, max_attempts=1)(ScriptedModel(['{"total": 1, "more": 2}'])).outcome("t")

    assert (outcome.failure.kind, outcome.failure.code) == ("structure", "additionalProperties")


def even(value):
    return None if value["total"] % 2 == 0 else f"{value['total']} is odd"


def tripping(value):
    raise ZeroDivisionError("by zero")


class Checker:
    def __call__(self, value):
        return "never"


@pytest.mark.parametrize(
    ("check", "code", "message"),
    [
        (even, "even", "1 is odd"),
        (tripping, "tripping", "raised ZeroDivisionError: by zero"),
        (Checker(), "Checker", "never"),
    ],
    ids=["message", "raises", "object"],
)
def test_a_check_refuses_a_valid_value(check, code, message, store):
    """A check's message, or its exception, makes a semantic failure by its name, which is asked again."""
    model = ScriptedModel([GOOD, GOOD])
    function = guard(TOTAL, checks=[check], max_attempts=2, store=store)(model)

    failure = function.outcome("t").failure

    assert (failure.kind, failure.code, failure.message) == ("semantic", code, message)
    assert recorded(store) == [(1, "semantic", code), (2, "semantic", code)]


def test_a_validator_of_pydantic_makes_a_semantic_failure():
    """What a Pydantic model itself refuses is semantic, by the code pydantic, and asked again."""
    outcome = guard(Bill)(ScriptedModel(['{"total": 1}', '{"total": 2}'])).outcome("t")

    failure = outcome.attempts[0].failure
    assert (failure.kind, failure.code) == ("semantic", "pydantic")
    assert "must be even" in failure.message
    assert outcome.value == Bill(total=2)


def test_limits_reach_the_judge():
    """A reply over the limits is refused by them."""
    outcome = guard(TOTAL, limits=Limits(max_bytes=5), max_attempts=1)(ScriptedModel([GOOD])).outcome("t")

    assert outcome.failure.code == "too_large"


# What reaches the function.


@both
def test_messages_are_new_and_the_callers_are_untouched(make):
    """A list of messages is sent as a new list at each attempt, and the caller's is never changed."""
    messages = [{"role": "user", "content": "t", "name": "ann"}]
    sent = []

    def give(prompt):
        sent.append([dict(message) for message in prompt])
        prompt[0]["content"] = "changed"
        prompt.clear()
        return GOOD if len(sent) > 1 else BAD

    assert run(make(give, {}), messages) == VALUE
    assert messages == [{"role": "user", "content": "t", "name": "ann"}]
    assert [message["role"] for message in sent[0]] == ["system", "user"]
    assert sent[1][:2] == sent[0]
    assert sent[0][1] == messages[0]


@both
def test_a_prompt_may_be_given_by_keyword(make):
    """The prompt is put in where the task was, by position or by keyword."""
    give = giving(GOOD, GOOD)
    function = make(give, {"strategy": "bare"})

    run(function, "t")
    run(function, prompt="t")

    assert give.prompts == ["t", "t"]


def test_keyword_only_and_named_parameters():
    """The task may be keyword-only, and prompt= names it where there are several."""
    seen = []

    @guard(TOTAL, prompt="question", strategy="bare")
    def ask_about(text: str, *, question: str, tone="dry"):
        seen.append((text, question, tone))
        return GOOD

    ask_about("a", question="q")
    ask_about(text="a", question="q", tone="warm")

    assert seen == [("a", "q", "dry"), ("a", "q", "warm")]


def test_feedback_gets_the_correction():
    """A parameter `feedback` gets None, then the correction; the prompt stays as it was."""
    seen = []

    @guard(TOTAL)
    def ask_with(prompt, feedback):
        seen.append((prompt, feedback))
        return GOOD if feedback else BAD

    assert ask_with("t") == VALUE
    assert seen[0][0] == seen[1][0]
    assert seen[0][1] is None
    assert "At /total: expected number, got string" in seen[1][1]


def test_instructions_get_the_strategys_text(store):
    """A parameter `instructions` gets the format, then format and correction; all else passes untouched."""
    seen = []
    document = {"pages": ["one"]}

    @guard(TOTAL, store=store)
    def ask_about(document, *, instructions):
        seen.append((document, instructions))
        return GOOD if len(seen) > 1 else BAD

    assert ask_about(document) == VALUE
    assert seen[0][0] is seen[1][0] is document
    assert seen[0][1].startswith("Reply with one JSON value")
    assert seen[1][1].startswith(seen[0][1])
    assert "At /total" in seen[1][1]
    assert len({row["input_hash"] for row in store.attempts()}) == 1


@both
def test_equal_tasks_have_equal_hashes(make, store):
    """The task, not the prompt that was made of it, is what records know inputs by."""
    function = make(giving(BAD, GOOD, GOOD, GOOD), {"store": store})

    for task in ("a", "a", "b"):
        run(function, task)

    first, again, same, other = rows(store, "input_hash")
    assert first == again == same != other


OPTIONS = {"response_format": {"type": "json_object"}}


def test_options_are_the_providers_arguments():
    """A parameter `options` gets a new dict with what the target takes for the strategy of the attempt."""
    seen = []

    @guard(TOTAL, strategy=["bare", "json_mode"], target="openai")
    def ask_with(prompt, options):
        seen.append(options)
        return GOOD if len(seen) > 1 else BAD

    ask_with("t")

    assert seen == [{}, OPTIONS]


def test_options_without_a_target_are_the_callers():
    """Without a target there is nothing to add, and a function that takes options gets the caller's or none."""
    seen = []

    @guard(TOTAL)
    def ask_with(prompt, options):
        seen.append(options)
        return GOOD

    ask_with("t")
    ask_with("t", options={"temperature": 0})

    assert seen == [{}, {"temperature": 0}]


def test_the_callers_options_are_kept():
    """What the caller gives as options stays, in a new dict."""
    seen, given = [], {"temperature": 0}

    @guard(TOTAL, strategy="json_mode", target="openai")
    def ask_with(prompt, options):
        seen.append(dict(options))
        options["x"] = 1
        return GOOD if len(seen) > 1 else BAD

    ask_with("t", options=given)

    assert seen == [{"temperature": 0, **OPTIONS}] * 2
    assert given == {"temperature": 0}


def test_an_output_limit_is_among_the_options():
    """A budget's output limit is sent by the target's own name, and doubled for a cut-off reply."""
    seen = []

    @guard(TOTAL, target="openai", budget=Budget(output_tokens=10, max_output_tokens=50))
    def ask_with(prompt, options):
        seen.append(options)
        return wire.chat(GOOD) if len(seen) > 1 else wire.chat("{", finish_reason="length")

    ask_with("t")

    assert seen == [{"max_completion_tokens": 10}, {"max_completion_tokens": 20}]


# Kinds of callables.


class Client:
    """Guarded functions of a class."""

    tail = "!"

    def __init__(self, tail):
        self.tail = tail

    @guard(TOTAL, strategy="bare")
    def method(self, prompt, n=1):
        return f'{{"total": {n}, "x": "{prompt}{self.tail}"}}'

    @guard(TOTAL, strategy="bare")
    async def async_method(self, prompt):
        return f'{{"total": 1, "x": "{prompt}{self.tail}"}}'

    @guard(TOTAL, strategy="bare")
    def chunks(self, prompt):
        yield f'{{"total": 1, "x": "{prompt}'
        yield f'{self.tail}"}}'

    @guard(TOTAL, strategy="bare")
    @classmethod
    def class_method(cls, prompt):
        return f'{{"total": 1, "x": "{prompt}{cls.tail}"}}'

    @classmethod
    @guard(TOTAL, strategy="bare")
    def inner_class_method(cls, prompt):
        return f'{{"total": 1, "x": "{prompt}{cls.tail}"}}'

    @guard(TOTAL, strategy="bare")
    @staticmethod
    def static(prompt):
        return f'{{"total": 1, "x": "{prompt}"}}'

    @staticmethod
    @guard(TOTAL, strategy="bare")
    def inner_static(prompt):
        return f'{{"total": 1, "x": "{prompt}"}}'


class Child(Client):
    tail = "?"

    def method(self, prompt, n=2):
        return super().method(prompt, n)


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (Client("a").method, "ta"),
        (functools.partial(Client.method, Client("a")), "ta"),
        (Client("a").async_method, "ta"),
        (Client("a").chunks, "ta"),
        (Client.class_method, "t!"),
        (Client("a").class_method, "t!"),
        (Child.class_method, "t?"),
        (Client.inner_class_method, "t!"),
        (Client.static, "t"),
        (Client("a").static, "t"),
        (Client.inner_static, "t"),
        (Child("a").method, "ta"),
    ],
)
def test_methods_are_bound_as_functions_are(function, said):
    """Methods, class methods and static methods work, from an instance, a class and a child class."""
    assert run(function, "t")["x"] == said
    assert run(function, prompt="t")["x"] == said


def test_a_bound_method_has_all_that_a_function_has():
    """.outcome and .stream of a method are bound as well."""
    client = Client("a")

    assert client.method.outcome("t").value == {"total": 1, "x": "ta"}
    assert list(client.method.stream("t"))[-1] == {"total": 1, "x": "ta"}
    assert client.method.outcome("t", n=3).value["total"] == 3


class Held:
    """Guarded callables of other kinds, as attributes of a class."""

    by_object = guard(TOTAL, strategy="bare")(Asking())
    by_partial = guard(TOTAL, strategy="bare")(functools.partial(ask))
    by_model = guard(TOTAL, strategy="bare")(ScriptedModel([GOOD]))


class Asker:
    def ask(self, prompt):
        return GOOD


class HeldMethod:
    by_method = guard(TOTAL, strategy="bare")(Asker().ask)


@pytest.mark.parametrize("name", ["by_object", "by_partial", "by_model"])
def test_what_is_no_function_is_not_bound(name):
    """An object, a partial or a model that a class holds is called without the instance, as in plain Python."""
    assert getattr(Held(), name)("t") == VALUE


def test_a_bound_method_is_not_bound_again():
    """A guarded method of an object is that object's, whatever class holds it."""
    assert HeldMethod().by_method("t") == VALUE


def test_a_guarded_function_has_the_names_of_its_function():
    """Name, docstring, module and the function itself are kept."""

    @guard(TOTAL)
    def ask_it(prompt: str):
        """Ask it."""

    assert (ask_it.__name__, ask_it.__doc__, ask_it.__module__) == ("ask_it", "Ask it.", __name__)
    assert ask_it.__wrapped__.__qualname__ == ask_it.__qualname__
    assert ask_it.schema.document == TOTAL
    assert repr(ask_it).startswith(f"<guarded {ask_it.__qualname__} under Schema(")


def test_attributes_of_an_object_stay_its_own():
    """A guarded object is not a copy of the object's attributes: none of them can take a name of ours."""

    class Noisy:
        def __init__(self):
            self.outcome = self.stream = self._prepared = None

        def __call__(self, prompt):
            return GOOD

    assert guard(TOTAL)(Noisy()).outcome("t").value == VALUE


def test_a_plain_function_may_give_something_to_await():
    """A plain `def` that gives an awaitable is driven as one, and asked again when it must be."""
    prompts = []

    @guard(TOTAL)
    def ask_later(prompt):
        prompts.append(prompt)
        return later(GOOD if len(prompts) > 1 else BAD)

    assert awaited(ask_later("t")) == VALUE
    assert awaited(ask_later.outcome("t")).ok
    assert len(prompts) == 3


def test_a_plain_function_may_give_an_asynchronous_stream():
    """A plain `def` that gives an async iterator is driven as one."""

    @guard(TOTAL)
    def ask_later(prompt):
        return async_generator(prompt)

    assert awaited(ask_later("t")) == VALUE


def test_a_coroutine_function_may_give_an_asynchronous_stream():
    """An `async def` whose result is an async iterator, as of a provider's client, is driven as one."""

    @guard(TOTAL)
    async def ask_later(prompt):
        return async_generator(prompt)

    assert run(ask_later, "t") == VALUE


def test_a_coroutine_function_may_give_a_stream():
    """An `async def` whose result is an iterator is driven as one."""

    @guard(TOTAL)
    async def ask_later(prompt):
        return iter(GOOD)

    assert run(ask_later, "t") == VALUE


def test_a_stream_is_closed_when_it_is_not_read_to_its_end(store):
    """A reply that is stopped for its size is closed, and so is one that breaks."""
    closed = []

    def give(prompt):
        try:
            yield "x" * 10
            yield "y" * 10
        finally:
            closed.append(prompt)

    for make in (streaming, async_streaming):
        function = make(give, {"limits": Limits(max_bytes=5), "max_attempts": 1, "strategy": "bare"})
        with pytest.raises(GuardFailed):
            run(function, "t")

    assert closed[0] == "t"


def test_a_model_is_guarded_with_its_own_name_and_target(tmp_path, store):
    """A model brings its name and its target, and takes options by itself."""
    path = tmp_path / "replies.jsonl"
    path.write_text('"no"\n"{\\"total\\": 1}"')

    with connect(f"scripted:{path}") as model:
        function = guard(TOTAL, strategy="strict_schema", store=store)(model)

        assert function("t") == VALUE
    assert (
        rows(store, "function", "model", "target", "strategies")
        == [("replies", "replies", "openai", "strict_schema")] * 2
    )


def test_an_object_that_has_a_target_is_not_a_model_for_that(store):
    """A model has a target and capabilities; an object with only one of them is a callable like others."""
    client = Asking()
    client.target = "openai"

    assert guard(TOTAL, store=store)(client)("t") == VALUE
    assert rows(store, "function", "target") == [("Asking", None)]


def test_settings_can_be_changed():
    """The settings are a value: replaced in part, they guard the function anew."""
    function = guard(TOTAL, strategy="bare")(ScriptedModel([BAD, GOOD]))

    once = replace(function.guard, max_attempts=1, on_failure="return")(function.__wrapped__)

    assert once("t").ok is False
    assert once("t") == VALUE


# What is recorded.


def test_a_call_is_recorded_with_all_that_is_known_of_it(store):
    """A row has the function, the schema, the model, the configuration, the usage and what failed where."""
    function = plain(giving(wire.chat(BAD), wire.chat(GOOD)), {"store": store, "name": "extract"})

    function("t")

    assert (
        rows(store, "function", "schema_fingerprint", "model", "target", "strategies", "settings")
        == [("extract", Schema.of(TOTAL).fingerprint, "gpt-x", None, "system_prompt", '{"max_attempts":3}')]
        * 2
    )
    assert rows(store, "number", "final", "kind", "code", "violations") == [
        (1, 0, "structure", "type", [["/total", "type"]]),
        (2, 1, None, None, []),
    ]
    assert (
        rows(store, "input_tokens", "output_tokens", "cached_input_tokens", "reasoning_tokens")
        == [(12, 7, 4, 2)] * 2
    )


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, '{"max_attempts":3}'),
        ({"observe": True, "max_attempts": 2}, '{"max_attempts":1,"observe":true}'),
        ({"repair": "lossy"}, '{"max_attempts":3,"repair":"lossy"}'),
        ({"checks": [even, Checker()]}, '{"checks":["even","Checker"],"max_attempts":3}'),
        ({"limits": Limits(max_depth=5)}, '{"limits":{"max_depth":5},"max_attempts":3}'),
        ({"budget": Budget(max_tokens=5)}, '{"budget":{"max_tokens":5},"max_attempts":3}'),
    ],
    ids=lambda part: str(part)[:20],
)
def test_settings_are_recorded_where_they_differ(settings, said, store):
    """The settings that change results are recorded as compact JSON, defaults left out."""
    plain(giving(GOOD, GOOD, GOOD), {"store": store, "on_failure": "return", **settings})("t")

    assert {row["settings"] for row in store.attempts()} == {said}


def test_tags_and_segments(store):
    """`tags` sets segment and cluster for the calls of a block, over the function's own segment."""
    function = plain(giving(*[GOOD] * 5), {"store": store, "segment": "own"})

    function("t")
    with tags(segment="a", cluster="c1"):
        function("t")
        with tags(cluster="c2"):
            function("t")
        with tags(segment="b"):
            function("t")
    function("t")

    assert rows(store, "segment", "cluster") == [
        ("own", None),
        ("a", "c1"),
        ("a", "c2"),
        ("b", "c1"),
        ("own", None),
    ]


def test_a_version_is_given_or_the_hash_of_code_and_text(store):
    """A given version stands; else equal code and strategy have equal versions, and others other ones."""

    def one(prompt):
        return GOOD

    def other(prompt):
        return GOOD + ""

    def version(function, **settings):
        return guard(TOTAL, **settings)(function).outcome("t").call.version

    first = version(one)

    assert version(one, version="7") == "7"
    assert (len(first), first) == (12, version(one))
    assert len({first, version(other), version(one, strategy="bare"), version(one, strategy="few_shot")}) == 4


def decorated(function):
    @functools.wraps(function)
    def wrapper(*args):
        return function(*args)

    return wrapper


@pytest.mark.parametrize("wrap", [functools.partial, decorated])
def test_the_version_follows_the_code_through_wrappers(wrap):
    """A change of the function inside a partial or a decorator is a change of the version."""

    def one(prompt):
        return GOOD

    def other(prompt):
        return GOOD + ""

    versions = {guard(TOTAL)(wrap(function)).outcome("t").call.version for function in (one, other)}

    assert len(versions) == 2


def make_with_constants(order):
    code = f"def ask(prompt):\n    return '{{}}' if prompt in {{{order}}} else '[]'\n"
    scope: dict[str, Any] = {}
    exec(code, scope)  # noqa: S102
    return scope["ask"]


def test_the_version_is_the_same_in_every_process():
    """Code that holds a set of texts, whose order differs from process to process, has one version."""
    one, other = (make_with_constants(order) for order in ("'a', 'i', 'q', 'y'", "'y', 'q', 'i', 'a'"))
    constants = [next(c for c in f.__code__.co_consts if isinstance(c, frozenset)) for f in (one, other)]

    versions = {guard(TOTAL)(function).outcome("a").call.version for function in (one, other)}

    assert constants[0] == constants[1]
    assert len(versions) == 1


def test_no_store_is_needed():
    """With store=None, and under pytest without a store, nothing is recorded and calls work."""
    assert plain(giving(GOOD), {"store": None})("t") == VALUE
    assert plain(giving(GOOD), {"store": "none"})("t") == VALUE
    assert plain(giving(GOOD), {})("t") == VALUE


def test_a_store_may_be_a_url(tmp_path):
    """A URL is one store for all guards that name it, opened at the first record."""
    url = f"sqlite:///{tmp_path}/records.db"
    functions = [plain(giving(GOOD), {"store": url}) for _ in range(2)]
    assert list(tmp_path.iterdir()) == []

    for function in functions:
        function("t")

    with schema_guard.records.resolve_store(url) as store:
        assert store.counts().offered == 2
        assert len(list(store.attempts())) == 2


def test_a_bad_url_is_refused_at_decoration():
    """A URL that names no kind of store is refused when the function is decorated."""
    with pytest.raises(InvalidArgument, match=r"^store 'mysql://x': unknown scheme 'mysql'"):
        guard(TOTAL, store="mysql://x")


def test_the_environment_names_the_default_store(tmp_path, monkeypatch):
    """Without store= the variable SCHEMA_GUARD_STORE says where to, at the time of the call."""
    url = f"sqlite:///{tmp_path}/records.db"
    function = plain(giving(GOOD), {})
    monkeypatch.setenv("SCHEMA_GUARD_STORE", url)

    function("t")

    with schema_guard.default_store() as store:
        assert store.counts().offered == 1


def test_a_bad_default_store_is_refused_before_anything_is_asked(monkeypatch):
    """A variable that names no kind of store costs no request."""
    monkeypatch.setenv("SCHEMA_GUARD_STORE", "mysql://x")
    give = giving(GOOD)
    function = plain(give, {})

    with pytest.raises(InvalidArgument, match="unknown scheme 'mysql'"):
        function("t")

    assert give.prompts == []


def test_a_store_that_cannot_be_opened_loses_no_call(tmp_path, caplog):
    """Where records cannot be written the call gives its value, and the attempt is counted as dropped."""
    (tmp_path / "file").write_text("")
    url = f"sqlite:///{tmp_path}/file/records.db"

    assert plain(giving(GOOD), {"store": url})("t") == VALUE

    store = schema_guard.records.resolve_store(url)
    store.flush()
    assert store.counts().dropped == {"store_unavailable": 1}
    store.close()
    assert "records are dropped (store_unavailable), calls go on" in caplog.text


def test_examples_are_shown():
    """Few-shot shows the given examples: pairs, values alone, and Example values."""
    give = giving(GOOD)
    function = plain(
        give,
        {
            "strategy": "few_shot",
            "examples": [("how much?", {"total": 41}), (None, {"total": 42}), Example({"total": 43})],
        },
    )

    function("t")

    assert [text in give.prompts[0] for text in ("how much?", "41", "42", "43")] == [True] * 4


# Growing values.


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


def streamed(function, *args):
    """All that .stream gives."""

    async def collect():
        return [value async for value in function.stream(*args)]

    return (
        asyncio.run(collect())
        if isinstance(function, schema_guard.AsyncGuarded)
        else list(function.stream(*args))
    )


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
        InvalidArgument, match=r"^ask: gives something to await: use `async def` to stream it$"
    ):
        list(ask_later.stream("t"))


def test_a_stream_that_cannot_be_read_closes_what_it_got():
    """A coroutine that nobody will await is closed."""

    @guard(TOTAL, name="ask")
    def ask_later(prompt):
        return later(GOOD)

    with pytest.raises(InvalidArgument, match="gives something to await"):
        list(ask_later.stream("t"))
