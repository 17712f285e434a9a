"""The short way of a call and the loop tell the same: value, failure, form and record."""

import asyncio
import json
import random
import weakref
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from contextvars import copy_context
from dataclasses import dataclass
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from schema_guard import About, InvalidArgument, Limits, Outcome, guard, open_store, tags
from schema_guard.records.identity import current_call_id
from tests.needs import is_installed
from tests.public.calls import likenesses

INVOICE = {
    "title": "Invoice",
    "type": "object",
    "properties": {
        "number": {"type": "string", "minLength": 1},
        "total": {"type": "number", "minimum": 0},
        "currency": {"enum": ["EUR", "USD"]},
        "paid": {"type": "boolean"},
        "lines": {"type": "array", "items": {"type": "object", "required": ["sku"]}},
    },
    "required": ["number", "total", "currency"],
    "additionalProperties": False,
}
GOOD = '{"number": "2026-1", "total": 12.5, "currency": "EUR", "paid": false, "lines": [{"sku": "a"}]}'


@dataclass
class Total:
    """A schema of a Python type."""

    number: str
    total: float


class Model(BaseModel):
    """One of Pydantic's."""

    number: str
    total: float
    paid: bool | None = None


class Kept:
    """A recorder that keeps what it is handed, but ids and times."""

    def __init__(self):
        self.calls = []

    def record(self, outcome, task=None):
        self.calls.append((timeless(outcome), task))


def timeless(outcome):
    """An outcome without what differs between two calls: ids and times."""
    attempts = tuple(attempt._replace(elapsed_s=0.0) for attempt in outcome.attempts)
    return outcome._replace(
        attempts=attempts, elapsed_s=0.0, call=outcome.call._replace(id="", started_at=0.0)
    )


def told(call, *args):
    """What a call gives, or raises, with what an exception says and holds."""
    try:
        given = call(*args)
    except BaseException as error:  # noqa: BLE001 - it is compared
        outcome = getattr(error, "outcome", None)
        return type(error), str(error), outcome and timeless(outcome), repr(error.__cause__)
    return type(given), timeless(given) if type(given) is Outcome else given


class Pair:
    """One function guarded twice: called by the short way, and by the loop."""

    def __init__(self, *args, **settings):
        self.replies = []
        self.kept = Kept(), Kept()
        self.calls = [0, 0]
        self.short, self.loop = (
            guard(*args, store=stored, name="ask", about=About(version="1"), **settings)(self.function(which))
            for which, stored in enumerate(self.kept)
        )
        assert self.short._fast_path is not None

    def function(self, which):
        def ask(prompt):
            at = self.calls[which] % len(self.replies)
            self.calls[which] += 1
            given = self.replies[at]
            return given(prompt) if callable(given) else given

        return ask

    def by_loop(self, task):
        """What calling gives, by the loop from the beginning."""
        return self.loop._value_of(self.loop._run_to_end((task,), {}))

    def both(self, replies, task="the task"):
        """What is told of a call with these replies, how often it asked and what it recorded: short, and by the loop."""
        self.replies = replies
        self.calls[:] = 0, 0
        given = told(self.short, task), told(self.by_loop, task)
        both = zip(given, self.calls, [list(stored.calls) for stored in self.kept], strict=True)
        for stored in self.kept:
            stored.calls.clear()
        return tuple(both)


def pairs():
    """Pairs under schemas and settings that bear on what is accepted at once."""
    lossless, lossy = ({"repair": level} if is_installed("repair") else {} for level in ("lossless", "lossy"))
    return [
        Pair(INVOICE, max_attempts=3, strategy=["bare", "system_prompt"]),
        Pair(INVOICE, max_attempts=1, **lossless),
        Pair(INVOICE, max_attempts=1, on_failure="return", **lossy),
        Pair(INVOICE, max_attempts=1, limits=Limits(max_bytes=120, max_depth=2, max_nodes=12), default=None),
        Pair(Total, max_attempts=1, strategy="few_shot"),
        Pair(Model, max_attempts=1, strategy="bare"),
        Pair(True, max_attempts=1, strategy="reason_then_format"),
    ]


PIECES = [
    "{", "}", "[", "]", ",", ":", '"', "\\", "\\u00e9", "\\ud800", "\ud800", "\ufeff", " ", "\n", "\x00", "é", "NaN",
    "-Infinity", "1e999", "1e400", "0", "-", ".", "null", "true", "```json\n", "```", "<think>", "</think>", "<html>",
    '"total": 1, ', '{"a": ', "[" * 30, "9" * 500, "Here it is: ", "I can't help with that.", "'", "//", "x" * 60,
]  # fmt: skip


def mutated(draw, text):
    """A text with some characters taken out, put in, moved or repeated; now and then as it was."""
    for _ in range(draw.choice((0, 1, 1, 1, 2, 3, 6))):
        at = draw.randrange(len(text) + 1)
        kind = draw.randrange(6)
        if kind == 0:
            text = text[:at] + text[at + draw.randrange(1, 5) :]
        elif kind <= 2:
            text = text[:at] + draw.choice(PIECES) + text[at:]
        elif kind == 3:
            text = text[:at]
        elif kind == 4:
            text = text[:at] + text[at : at + draw.randrange(1, 20)] * 2 + text[at:]
        else:
            text = (
                draw.choice(("", "Sure! ", "```json\n")) + text + draw.choice(("", "\n```", " {}", " Done."))
            )
    return text


# As texts most often, and as the objects of SDKs.
FORMS = (
    *[str] * 6,
    likenesses.chat,
    likenesses.message,
    likenesses.response,
    partial(likenesses.chat, finish="length"),
    partial(likenesses.message, stop="refusal"),
)


def values(draw):
    """The JSON text of a value that is valid, or nearly so."""
    value = {
        "number": draw.choice(("2026-1", "", "é\u2028")),
        "total": draw.choice((12.5, 0, -1, "12.5", 1e300, 10**30)),
        "currency": draw.choice(("EUR", "USD", "CHF")),
        "paid": draw.choice((True, False, None, "no")),
        "lines": [{"sku": "a"}] * draw.randrange(3),
    }
    for name in list(value):
        if draw.random() < 0.1:
            del value[name]
    return json.dumps(value, ensure_ascii=draw.random() < 0.5, indent=draw.choice((None, 1)))


def fuzzed(count, seed):
    """Ask so often by both ways; gives how many calls gave a value."""
    draw, made, gave = random.Random(seed), pairs(), 0
    for number in range(count):
        pair = made[number % len(made)]
        texts = [mutated(draw, draw.choice((GOOD, values(draw)))) for _ in range(2)]
        replies = [draw.choice(FORMS)(text) for text in texts]
        short, loop = pair.both([*replies, GOOD])
        assert short == loop, replies
        gave += len(short[0]) == 2
    return gave


def test_mutated_replies_are_told_alike_by_both_ways():
    """Value, failure, form and record of a reply are those of the loop, whatever was done to its text."""
    assert fuzzed(1_500, 18) > 500


@pytest.mark.costly
def test_a_hundred_thousand_mutated_replies_are_told_alike_by_both_ways():
    """The same, as often as is claimed."""
    assert fuzzed(100_000, 19) > 30_000


@given(st.text())
def test_every_text_is_told_alike_by_both_ways(text):
    """No text makes a difference, however strange."""
    short, loop = Pair(INVOICE).both([text, GOOD])

    assert short == loop


# What a function gives and raises beside texts.


def raising(error):
    """What raises an exception as its reply."""

    def reply(prompt):
        raise error

    return reply


def chat(text, finish="stop", **beside):
    """A chat completion as a dict."""
    choice = {
        "index": 0,
        "finish_reason": finish,
        "message": {"role": "assistant", "content": text, **beside},
    }
    usage = {"prompt_tokens": 12, "completion_tokens": 7}
    return {
        "id": "c",
        "object": "chat.completion",
        "model": "m-2026-01-01",
        "choices": [choice],
        "usage": usage,
    }


class Text(str):
    """A text of a class of the user's."""

    __slots__ = ()


GIVEN = {
    "bytes": GOOD.encode(),
    "a text of a class of its own": Text(GOOD),
    "no reply": None,
    "a number": 12,
    "a value": json.loads(GOOD),
    "an empty text": "",
    "a page": "<html><body>502</body></html>",
    "a page in which JSON stands": f"\n<!DOCTYPE html><p>{GOOD}</p>",
    "prose in which JSON stands": f"It is this: {GOOD}.",
    "a reply of a provider": chat(GOOD),
    "one that was cut off": chat(GOOD[:40], "length"),
    "an object of a package": likenesses.chat(GOOD),
    "another": likenesses.message(GOOD),
    "a third": likenesses.response(GOOD, likenesses.Item(type="reasoning")),
    "an object with a wrong text": likenesses.chat("no JSON"),
    "an object that was cut off": likenesses.message(GOOD, "max_tokens"),
    "one that refuses": chat(None, refusal="I can't."),
    "one of several attempts": chat("no JSON"),
    "a stream": lambda prompt: iter([GOOD[:9], GOOD[9:]]),
    "a stream that ends early": lambda prompt: iter([GOOD[:9]]),
    "an exception": raising(RuntimeError("503")),
    "an exception about the reply": raising(json.JSONDecodeError("no", "doc", 0)),
    "an interrupt": raising(KeyboardInterrupt()),
}


@pytest.mark.parametrize("first", GIVEN.values(), ids=GIVEN)
def test_what_a_function_gives_is_told_alike_by_both_ways(first):
    """Replies of providers, streams, values and exceptions come out of the short way as they come out of the loop."""
    for pair in pairs():
        short, loop = pair.both([first, GOOD])

        assert short == loop


@pytest.mark.parametrize("first", GIVEN.values(), ids=GIVEN)
def test_what_is_awaited_is_told_alike_by_both_ways(first):
    """An asynchronous function's replies too."""
    stored = Kept(), Kept()
    asked = []

    async def ask(prompt):
        asked.append(prompt)
        await asyncio.sleep(0)
        given = first if len(asked) % 2 else GOOD
        return given(prompt) if callable(given) else given

    short, loop = (
        guard(INVOICE, store=one, name="ask", about=About(version="1"), max_attempts=2)(ask) for one in stored
    )

    async def by_loop():
        return loop._value_of(await loop._run_to_end(("the task",), {}))

    def run(function):
        asked.clear()
        coroutine = function()
        while True:  # no event loop, which an interrupt would end
            try:
                coroutine.send(None)
            except StopIteration as stop:
                return stop.value

    assert told(run, lambda: short("the task")) == told(run, by_loop)
    assert stored[0].calls == stored[1].calls
    assert len(stored[0].calls) == 1


@pytest.mark.parametrize("first", [one for name, one in GIVEN.items() if name != "an interrupt"])
def test_a_plain_function_may_give_what_has_to_be_awaited(first):
    """It is called once an attempt, and awaited once."""
    asked = []

    async def later(prompt):
        asked.append(prompt)
        given = first if len(asked) == 1 else GOOD
        return given(prompt) if callable(given) else given

    def ask(prompt):
        return later(prompt)

    stored = Kept()
    short = guard(INVOICE, store=stored, max_attempts=2)(ask)

    told(lambda: asyncio.run(short("the task")))

    assert [len(asked)] == [len(outcome.attempts) for outcome, _ in stored.calls]


@pytest.mark.parametrize("is_async", [False, True])
def test_a_value_that_a_check_refuses_is_none(is_async):
    """Whatever else a guard asks of a value is asked of the first reply too."""

    async def later(prompt):
        return GOOD

    ask = guard(INVOICE, store=None, max_attempts=1, default=None, checks=[lambda value: "no"])(
        later if is_async else lambda prompt: GOOD
    )

    assert (asyncio.run(ask("t")) if is_async else ask("t")) is None


def test_a_result_that_could_be_awaited_once_more_is_no_reply():
    """What an asynchronous function gave is not awaited a second time."""

    class Twice:
        def __await__(self):
            yield
            return GOOD

    async def ask(prompt):
        return Twice()

    short, stored = guard(INVOICE, store=None)(ask), Kept()
    loop = guard(INVOICE, store=stored, name="ask")(ask)

    assert told(lambda: asyncio.run(short("t")))[0] is InvalidArgument
    assert asyncio.run(loop._run_to_end(("t",), {})).outcome.failure.code == "no_reply"


# What is found out at the call.


def test_a_call_inside_a_call_knows_it():
    """The outer call is the parent, also where neither shows its id to anybody."""
    stored = []

    class Ids:
        def record(self, outcome, task=None):
            stored.append(outcome.call)

    @guard(INVOICE, store=Ids(), name="inner")
    def inner(prompt):
        return GOOD

    @guard(INVOICE, store=Ids(), name="outer")
    def outer(prompt):
        inner("t")
        seen.append(current_call_id())
        return GOOD

    seen = []
    outer("t")

    inside, around = stored
    assert (inside.parent_call_id, around.parent_call_id) == (around.id, None)
    assert seen == [around.id]
    assert current_call_id() is None


@pytest.mark.parametrize("first", [GOOD, "no", RuntimeError("gone"), likenesses.chat(GOOD)])
def test_an_awaited_call_inside_a_call_knows_it(first):
    """Whatever its first reply is, and whichever way it goes on."""
    stored, replies = [], []

    class Calls:
        def record(self, outcome, task=None):
            stored.append(outcome.call)

    @guard(INVOICE, store=Calls(), name="inner")
    async def inner(prompt):
        replies.append(GOOD if replies else first)
        if isinstance(replies[-1], Exception):
            raise replies[-1]
        return replies[-1]

    @guard(INVOICE, store=Calls(), name="outer")
    async def outer(prompt):
        with suppress(RuntimeError):
            await inner("t")
        return GOOD

    asyncio.run(outer("t"))

    inside, around = stored
    assert (inside.parent_call_id, around.parent_call_id) == (around.id, None)


def test_the_id_of_a_call_is_the_same_for_all_who_ask():
    """Threads that a call starts with its context see one id, which is the record's."""
    stored, seen = [], []

    class Ids:
        def record(self, outcome, task=None):
            stored.append(outcome.call.id)

    @guard(INVOICE, store=Ids())
    def ask(prompt):
        contexts = [copy_context() for _ in range(8)]
        with ThreadPoolExecutor(8) as pool:
            seen.extend(pool.map(lambda context: context.run(current_call_id), contexts))
        return GOOD

    ask("t")

    assert set(seen) == set(stored)


def test_who_ends_an_awaited_call_from_elsewhere_keeps_the_context_that_is_there():
    """A coroutine that is closed in another context than it ran in leaves nothing of its call there."""

    class Waiting:
        def __await__(self):
            yield

    @guard(INVOICE, store=None)
    async def ask(prompt):
        await Waiting()

    @guard(INVOICE, store=None)
    def outer(prompt):
        begun.append(ask("t"))
        copy_context().run(begun[0].send, None)
        return GOOD

    begun = []
    outer("t")
    begun[0].close()

    assert current_call_id() is None


def test_what_a_call_took_is_recorded_where_its_first_reply_is_its_value(monkeypatch):
    """The seconds are those of the function, called or awaited."""
    now = [0.0]
    seconds = []

    class Seconds:
        def record(self, outcome, task=None):
            seconds.append((outcome.elapsed_s, outcome.attempts[0].elapsed_s))

    @guard(INVOICE, store=Seconds())
    def ask(prompt):
        now[0] += 3
        return GOOD

    @guard(INVOICE, store=Seconds())
    async def later(prompt):
        now[0] += 2
        await asyncio.sleep(0)
        now[0] += 3
        return GOOD

    for module in ("fast",):
        monkeypatch.setattr(f"schema_guard.{module}.perf_counter", lambda: now[0])
    ask("t")
    asyncio.run(later("t"))

    assert seconds == [(3, 3), (5, 5)]


@pytest.mark.parametrize("by_loop", [False, True])
def test_tags_are_those_of_the_call(by_loop):
    """What a block says of a call is recorded, and so is what the guard says."""
    stored = Kept()
    guarded = guard(INVOICE, store=stored, about=About(segment="all"))(lambda prompt: GOOD)
    ask = guarded.outcome if by_loop else guarded

    with tags(segment="one", cluster="c"):
        ask("t")
    ask("t")

    assert [(call.call.segment, call.call.cluster) for call, _ in stored.calls] == [
        ("one", "c"),
        ("all", None),
    ]


def test_a_store_has_the_same_rows_by_both_ways(monkeypatch):
    """What is stored of calls is the same but for ids and times, whichever way they went."""
    monkeypatch.setenv("SCHEMA_GUARD_HASH_KEY", "of the test")
    differ = ("call_id", "started_at", "elapsed_s")
    replies = [GOOD, "no", GOOD, GOOD[:30], "{}", GOOD, chat(GOOD), chat("no"), GOOD]
    replies += [
        likenesses.chat(GOOD),
        likenesses.message(GOOD),
        likenesses.response(GOOD),
        likenesses.chat("no"),
    ]

    def rows(by_loop):
        coming = iter(replies)
        with open_store("sqlite://") as store:
            ask = guard(INVOICE, store=store, name="ask", about=About(version="1"), max_attempts=2)(
                lambda prompt: next(coming)
            )
            for _ in range(10):
                told((lambda task: ask._value_of(ask._run_to_end((task,), {}))) if by_loop else ask, "t")
            return [{name: row[name] for name in row if name not in differ} for row in store.attempts()]

    assert rows(by_loop=False) == rows(by_loop=True)


def test_what_a_call_keeps_in_a_context_is_neither_its_task_nor_its_value():
    """A context that was copied inside of a call keeps nothing large alive when that is over."""

    class Big(str):
        __slots__ = ("__weakref__",)

    texts = []

    @guard(True, store=None)
    def ask(prompt):
        text = Big(GOOD)
        texts.append(weakref.ref(text))
        contexts.append(copy_context())
        return text

    contexts = []
    ask("t")

    assert texts[0]() is None
    assert any(var.name == "schema_guard_call" for var in contexts[0])


@pytest.mark.parametrize(
    "reply", [likenesses.chat(GOOD), likenesses.message(GOOD), likenesses.response(GOOD)]
)
def test_a_call_that_raises_counts_for_the_model_that_replied_before(reply):
    """The short way remembers whose replies they are, also where it reads no more of them than the text."""
    replies = [RuntimeError("503"), reply]

    @guard(INVOICE, store=None)
    def ask(prompt):
        given = replies.pop()
        if given is reply:
            return given
        raise given

    ask("t")

    assert ask._run_to_end(("t",), {}).outcome.call.model == "m"


def test_methods_go_the_short_way_too():
    """A method, of an instance or a class, is asked with what it is bound to; each knows its own."""

    class Desk:
        def __init__(self, number="0"):
            self.number = number

        @guard(INVOICE, store=None)
        def ask(self, prompt):
            return GOOD.replace("2026-1", self.number)

        @guard(INVOICE, store=None)
        @classmethod
        def of_class(cls, prompt):
            return GOOD.replace("2026-1", cls.__name__)

        @guard(INVOICE, store=None)
        async def later(self, prompt):
            return GOOD.replace("2026-1", self.number)

    one, two = Desk("1"), Desk("2")

    assert [desk.ask("t")["number"] for desk in (one, two, one)] == ["1", "2", "1"]
    assert asyncio.run(two.later("t"))["number"] == "2"
    assert Desk.of_class("t")["number"] == one.of_class("t")["number"] == "Desk"
    assert all(way._fast_path is not None for way in (one.ask, two.later, Desk.of_class))
    assert Desk.ask._fast_path is None
    assert Desk.ask(two, "t")["number"] == "2"
