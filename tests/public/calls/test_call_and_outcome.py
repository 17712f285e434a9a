"""A call and `.outcome` of the same function agree for every reply and kind of function."""

import asyncio
from itertools import count
from random import Random

import pytest

from schema_guard import About, CallFailed, GuardFailed, InvalidArgument, Limits, guard, tags
from tests.needs import marked
from tests.public.calls import wire
from tests.public.calls.judging.drawn_replies import case as drawn
from tests.public.calls.providers.reading import MemoryStore

TOTAL = {"type": "object", "properties": {"total": {"type": "number"}}, "required": ["total"]}
NUMBERS = count()
REPLIES = {
    "text": '{"total": 1}',
    "array": "[1]",
    "fenced": '```json\n{"total": 1}\n```',
    "prose": 'Here: {"total": 1}.',
    "space": ' {"total": 1}\n',
    "float": '{"total": 1e400}',
    "duplicate": '{"total": 1, "total": 2}',
    "two": '{"total": 1}{"total": 2}',
    "cut": '{"total": 1',
    "wrong": '{"total": "1"}',
    "empty": "",
    "refused": "I'm sorry, but I can't help with that.",
    "surrogate": '{"total": 1, "a": "\ud800"}',
    "chat": wire.chat('{"total": 1}'),
    "chat fenced": wire.chat('```\n{"total": 1}\n```'),
    "chat cut": wire.chat('{"total": 1', finish_reason="length"),
    "chat whole at the limit": wire.chat('{"total": 1}', finish_reason="length"),
    "chat filtered": wire.chat('{"total": 1}', finish_reason="content_filter"),
    "chat refused": wire.chat(None, refusal="No."),
    "message": wire.message(wire.text_block('{"total": 1}')),
    "no choices": {"object": "chat.completion", "choices": []},
    "data": {"total": 1},
    "wrong data": {"total": "1"},
    "bytes": b'{"total": 1}',
    "bad bytes": b"\xff",
    "None": None,
    "error": ValueError("x"),
}


def facts(outcome):
    """Return the fields of an outcome, without its times and its id."""
    attempts = [attempt._replace(elapsed_s=0.0) for attempt in outcome.attempts]
    call = outcome.call._replace(id="", started_at=0.0)
    return (outcome.ok, outcome.value, attempts, outcome.failure, outcome.usage, outcome.cost, call)


def run(make, way, settings):
    """Return the result or error of one call, and the recorded outcomes."""
    store = MemoryStore()
    guarded = guard(
        TOTAL, store=store, name=settings["name"], **{"about": About(version="1"), **settings["more"]}
    )(make())
    with tags(segment="s", cluster="c"):
        try:
            value = guarded("t") if way == "call" else guarded.outcome("t")
            value = asyncio.run(_await(value)) if hasattr(value, "__await__") else value
        except (GuardFailed, CallFailed, InvalidArgument, ValueError) as error:
            value = error
    return value, store.outcomes


async def _await(awaitable):
    return await awaitable


def plain(reply):
    def ask(prompt):
        if isinstance(reply, Exception):
            raise reply
        return reply

    return ask


def asynchronous(reply):
    async def ask(prompt):
        return plain(reply)(prompt)

    return ask


def returns_awaitable(reply):
    return lambda prompt: asynchronous(reply)(prompt)  # noqa: PLW0108 - a plain function that returns an awaitable


@pytest.mark.parametrize("case", REPLIES)
@pytest.mark.parametrize("shape", [plain, asynchronous, returns_awaitable])
@pytest.mark.parametrize(
    "more",
    marked(
        [{}, {"max_attempts": 1}, {"repair": "lossless", "max_attempts": 2}],
        "repair",
        lambda more: "repair" in more,
    ),
)
def test_call_and_outcome_agree(case, shape, more):
    """A call has the value, the error, and the recorded outcome of `.outcome`."""
    settings = {"name": f"ask_{next(NUMBERS)}", "more": more}

    value, (called,) = run(lambda: shape(REPLIES[case]), "call", settings)
    outcome, (recorded,) = run(lambda: shape(REPLIES[case]), "outcome", settings)

    assert facts(called) == facts(recorded)
    assert (called.call.segment, called.call.cluster) == ("s", "c")
    if called.ok:
        assert (value, outcome) == (recorded.value, recorded)
    elif isinstance(outcome, Exception):
        assert (type(value), str(value)) == (type(outcome), str(outcome))
    else:
        assert facts(value.outcome) == facts(outcome)


@pytest.mark.parametrize(
    "more",
    [
        {"limits": Limits(max_bytes=11)},
        {"limits": Limits(max_depth=0)},
        {"limits": Limits(max_nodes=1)},
        {"checks": [lambda value: "no"]},
        {"limits": Limits(max_tokens=1)},
        {"strategy": "bare"},
        {"strategy": ["bare", "system_prompt"]},
        {"default": 7},
        {"about": About(version="1", segment="mine")},
        {"about": About(version="1", model="m")},
    ],
)
def test_settings_apply_to_call_and_outcome(more):
    """Limits, checks, and other settings have the same effect on a call and on `.outcome`."""
    settings = {"name": f"ask_{next(NUMBERS)}", "more": {"max_attempts": 2, **more}}

    _, (called,) = run(lambda: plain('{"total": 1}'), "call", settings)
    _, (recorded,) = run(lambda: plain('{"total": 1}'), "outcome", settings)

    assert facts(called) == facts(recorded)


def test_call_and_outcome_agree_on_random_replies():
    """A randomly damaged reply has the same value or failure with both."""
    rng = Random(7)
    for _ in range(300):
        kind, reply = drawn(rng)
        guarded = guard(
            kind.schema,
            store=None,
            max_attempts=1,
            on_failure="return",
            name="drawn",
            about=About(version="1"),
        )(lambda prompt, reply=reply: reply)
        value, outcome = guarded("t"), guarded.outcome("t")

        assert (value if outcome.ok else value.failure) == (outcome.value if outcome.ok else outcome.failure)


def test_inner_call_has_the_outer_call_as_parent():
    """A guarded call inside another call has it as its parent, with both."""
    store = MemoryStore()

    @guard(True, store=store, name="inner")
    def inner(prompt):
        return "1"

    @guard(True, store=store, name="outer")
    def outer(prompt):
        inner("t")
        inner.outcome("t")
        return "1"

    outer("t")
    outer.outcome("t")
    inner("t")

    calls = [outcome.call for outcome in store.outcomes]
    assert [call.function for call in calls] == ["inner", "inner", "outer"] * 2 + ["inner"]
    assert [call.parent_call_id for call in calls] == [
        calls[2].id, calls[2].id, None, calls[5].id, calls[5].id, None, None,
    ]  # fmt: skip
    assert len({call.id for call in calls}) == 7
