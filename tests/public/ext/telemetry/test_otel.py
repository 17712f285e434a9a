"""What OpenTelemetry is told of calls: an event an attempt, a span a call, our counters."""

import asyncio
import gc
import sys
from contextlib import suppress

import pytest

from schema_guard import About, GuardFailed, MissingExtra, guard, guard_tools, tags
from schema_guard.ext import telemetry
from schema_guard.testing import ScriptedModel
from tests.public.ext.calls.tools.replies import chat
from tests.public.ext.calls.tools.shop import FIVE, Script

SCHEMA = {
    "title": "invoice",
    "type": "object",
    "properties": {"total": {"type": "number"}},
    "required": ["total"],
    "additionalProperties": {"type": "number"},
}
GOOD, BAD = '{"total": 1}', '{"total": "much"}'
CHAT = {
    "id": "c", "object": "chat.completion", "model": "small-2026-08-06",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": GOOD}}],
    "usage": {"prompt_tokens": 9, "completion_tokens": 4},
}  # fmt: skip


def guarded(*replies, **settings):
    """A function that gives these replies in turn."""
    left = list(replies)

    @guard(SCHEMA, store=None, name="extract", **{"max_attempts": 2, **settings})
    def extract(prompt: str):
        value = left.pop(0)
        if isinstance(value, BaseException):
            raise value
        return value

    return extract


def labels(events):
    return [event.attributes["gen_ai.evaluation.score.label"] for event in events]


def test_each_attempt_is_one_event(sdk):
    """A failed attempt and the valid one after it are two events, with score, label and places."""
    sdk.enable()

    guarded(BAD, GOOD)("Invoice 12")

    first, second = sdk.events()
    assert {first.event_name, second.event_name} == {"gen_ai.evaluation.result"}
    settings = {
        key: value
        for key, value in first.attributes.items()
        if key not in ("schema_guard.call.id", "schema_guard.schema.fingerprint")
    }
    assert settings == {
        "gen_ai.evaluation.name": "schema_validity",
        "gen_ai.evaluation.score.value": 0.0,
        "gen_ai.evaluation.score.label": "structure/type",
        "schema_guard.function": "extract",
        "schema_guard.schema.name": "invoice",
        "schema_guard.attempt.number": 1,
        "schema_guard.strategy": "system_prompt",
        "schema_guard.violation.instance_locations": ("/total",),
        "schema_guard.violation.keywords": ("type",),
    }
    assert second.attributes["gen_ai.evaluation.score.value"] == 1.0
    assert labels([second]) == ["valid"]
    assert first.timestamp <= second.timestamp


def test_a_stream_that_was_stopped_is_told_with_where(sdk):
    """The event has the characters that came and their estimated tokens; the span has no tokens, for nobody told any."""
    sdk.enable()

    @guard({**SCHEMA, "additionalProperties": False}, store=None, max_attempts=1, early_stop=True)
    def extract(prompt: str):
        yield from ('{"total": ', '"much", "lines": 1}', '{"total": 1}')

    assert not extract.outcome("Invoice 12").ok
    (event,), (span,) = sdk.events(), sdk.spans()

    assert event.attributes["schema_guard.attempt.stopped_at"] == len('{"total": "much", "lines": 1}')
    assert event.attributes["schema_guard.attempt.estimated_output_tokens"] == 11
    assert "gen_ai.usage.output_tokens" not in span.attributes


def test_a_call_is_a_span_below_the_users(sdk):
    """The span of a call has the user's current span as its parent, and the events belong to it."""
    sdk.enable()

    with sdk.tracer.start_as_current_span("request") as request:
        guarded(CHAT, provider="openai", about=About(model="small"))("Invoice 12")

    call = next(span for span in sdk.spans() if span.name == "chat small")
    assert call.parent.span_id == request.get_span_context().span_id
    assert [event.span_id for event in sdk.events()] == [call.context.span_id]
    items = dict(call.attributes)
    assert (
        items.items()
        >= {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "openai",
            "gen_ai.output.type": "json",
            "gen_ai.request.model": "small",
            "gen_ai.response.model": "small-2026-08-06",
            "gen_ai.response.finish_reasons": ("stop",),
            "gen_ai.usage.input_tokens": 9,
            "gen_ai.usage.output_tokens": 4,
            "schema_guard.function": "extract",
            "schema_guard.attempts": 1,
            "schema_guard.way": "valid_first_time",
        }.items()
    )
    assert call.status.is_ok


def test_spans_of_the_function_are_below_the_calls(sdk):
    """What the guarded function does itself is a part of the span of the call, and what comes after is not."""
    sdk.enable()

    @guard(SCHEMA, store=None)
    def extract(prompt: str):
        sdk.tracer.start_span("http").end()
        return GOOD

    extract("Invoice 12")
    sdk.tracer.start_span("after").end()

    by_name = {span.name: span for span in sdk.spans()}
    assert by_name["http"].parent.span_id == by_name["chat"].context.span_id
    assert by_name["after"].parent is None


def test_a_call_that_fails_is_a_span_with_an_error(sdk):
    """A call without a valid reply has kind and code, and no message."""
    sdk.enable()

    with pytest.raises(GuardFailed):
        guarded("prose", BAD)("Invoice 12")

    (call,) = sdk.spans()
    assert (call.status.is_ok, call.status.description) == (False, None)
    assert call.attributes["error.type"] == "structure/type"
    assert call.attributes["schema_guard.way"] == "failed"
    assert labels(sdk.events()) == ["syntax/no_json", "structure/type"]
    assert call.events == ()


def test_a_call_that_raises_is_no_evaluation_of_a_reply(sdk):
    """A call whose function raises has an event without a score, and the exception's type."""
    sdk.enable()

    with pytest.raises(ConnectionError):
        guarded(ConnectionError("to 10.0.0.1"))("Invoice 12")

    (event,), (call,) = sdk.events(), sdk.spans()
    assert "gen_ai.evaluation.score.value" not in event.attributes
    assert event.attributes["error.type"] == call.attributes["error.type"] == "ConnectionError"
    assert "10.0.0.1" not in sdk.everything()


PIECES = ('{"tot', 'al": 1}')


def plain(prompt: str):
    return GOOD


def streamed(prompt: str):
    yield from PIECES


async def awaited(prompt: str):
    await asyncio.sleep(0)
    return GOOD


async def astreamed(prompt: str):
    for piece in PIECES:
        await asyncio.sleep(0)
        yield piece


async def all_of(stream):
    return [piece async for piece in stream]


def left(stream):
    """A stream that is left after its first piece."""
    next(iter(stream))
    del stream
    gc.collect()


SHAPES = {
    "plain": lambda given, seen: given(plain)("a"),
    "outcome": lambda given, seen: given(plain).outcome("a"),
    "plain, growing": lambda given, seen: list(given(plain).stream("a")),
    "streamed": lambda given, seen: given(streamed)("a"),
    "streamed, growing": lambda given, seen: list(given(streamed).stream("a")),
    "awaited": lambda given, seen: asyncio.run(given(awaited)("a")),
    "awaited outcome": lambda given, seen: asyncio.run(given(awaited).outcome("a")),
    "async stream": lambda given, seen: asyncio.run(given(astreamed)("a")),
    "async stream, growing": lambda given, seen: asyncio.run(all_of(given(astreamed).stream("a"))),
    "observed": lambda given, seen: seen(plain)("a"),
    "observed stream": lambda given, seen: list(seen(streamed)("a")),
    "observed, awaited": lambda given, seen: asyncio.run(seen(awaited)("a")),
    "observed async stream": lambda given, seen: asyncio.run(all_of(seen(astreamed)("a"))),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_of_a_call_goes_the_same_path(sdk, shape):
    """A plain, streamed, asynchronous or observed call is one span, one event and one count."""
    sdk.enable()

    SHAPES[shape](guard(SCHEMA, store=None), guard(SCHEMA, store=None, observe=True))

    assert (len(sdk.spans()), labels(sdk.events())) == (1, ["valid"])
    assert list(sdk.points("schema_guard.calls").values()) == [1]


def test_an_observed_stream_that_is_left_is_told(sdk):
    """A stream that nobody reads to its end is a call that was cancelled."""
    sdk.enable()

    left(guard(SCHEMA, store=None, observe=True)(streamed)("a"))

    assert (len(sdk.spans()), labels(sdk.events())) == (1, ["transport/cancelled"])


def test_counters_are_metrics(sdk):
    """Attempts, failures, calls by way, tokens, cost and lost records are read from one table."""
    sdk.enable()

    guarded(
        BAD, CHAT, about=About(prices={"small": {"p_in": 1.0, "p_out": 2.0, "p_cached": 0.5}}, model="small")
    )("Invoice 12")

    of = ("extract", "invoice")
    assert sdk.points("schema_guard.attempts") == {of: 2}
    assert sdk.points("schema_guard.failures") == {(*of, "structure", "type"): 1}
    assert sdk.points("schema_guard.calls") == {(*of, "fixed_by_retry"): 1}
    assert sdk.points("schema_guard.tokens") == {(*of, "input"): 9, (*of, "output"): 4}
    assert sdk.points("schema_guard.cost") == {of: pytest.approx((9 * 1.0 + 4 * 2.0) / 1e6)}


def test_a_key_that_the_reply_made_up_is_no_place(sdk):
    """Of an instance location only the keys that the schema declares are told."""
    sdk.enable()

    with pytest.raises(GuardFailed):
        guarded('{"total": 1, "Jane Roe": "x"}', max_attempts=1)("Invoice 12")

    (event,) = sdk.events()
    assert event.attributes["schema_guard.violation.instance_locations"] == ("/*",)


CANARIES = {
    name: f"canary-{name}-5f1c" for name in ("prompt", "reply", "key", "value", "error", "check", "refusal")
}


def hostile():
    """Calls with a canary in every text that comes in."""

    def fussy(value):
        return CANARIES["check"]

    refusal = {**CHAT, "choices": [{"index": 0, "finish_reason": "stop", "message": {
        "role": "assistant", "content": None, "refusal": CANARIES["refusal"]}}]}  # fmt: skip
    calls = [
        guarded(CANARIES["reply"], f'{{"{CANARIES["key"]}": "x", "total": "{CANARIES["value"]}"}}'),
        guarded(GOOD, GOOD, checks=[fussy]),
        guarded(refusal),
        guarded(RuntimeError(CANARIES["error"])),
        guarded(ValueError(CANARIES["error"]), observe=True),
    ]
    for call in calls:
        with suppress(Exception):  # each of them fails, that is what is told
            call(CANARIES["prompt"])


def test_no_text_of_a_call_is_told(sdk):
    """No text of prompts, replies, keys, values, messages of errors and of checks is in any event, span or metric."""
    telemetry_on = sdk.enable()

    hostile()

    text = sdk.everything() + telemetry_on.text()
    assert [name for name, canary in CANARIES.items() if canary in text] == []
    assert "structure/type" in text
    assert len(sdk.spans()) == 5


def test_a_segment_is_told_as_it_is_recorded(sdk):
    """The tag of a call is on its span."""
    sdk.enable()

    with tags(segment="eu"):
        guarded(GOOD)("Invoice 12")

    assert [span.attributes["schema_guard.segment"] for span in sdk.spans()] == ["eu"]


def test_names_of_others_are_made_sound(sdk):
    """A lone surrogate in the name of a model, which no exporter can encode, is written as what it is."""
    sdk.enable()

    guarded({**CHAT, "model": "m\ud800"})("Invoice 12")

    (call,) = sdk.spans()
    assert call.attributes["gen_ai.response.model"] == "m\\ud800"
    call.to_json().encode()


def test_without_opentelemetry_the_extra_is_named(monkeypatch):
    """Who asks for OpenTelemetry without its package is told the pip command."""
    monkeypatch.setitem(sys.modules, "opentelemetry", None)

    with pytest.raises(MissingExtra, match=r"pip install 'schema-guard\[otel\]'"):
        telemetry.enable()


def test_a_scripted_model_is_told_by_its_name(sdk):
    """A guarded `Model` is asked by its own name and provider."""
    sdk.enable()

    guard(SCHEMA, store=None)(ScriptedModel([GOOD], name="scripted"))("Invoice 12")

    (call,) = sdk.spans()
    assert call.name == "chat scripted"


def test_each_tool_call_of_a_turn_is_told_under_its_tool(sdk):
    """A guarded turn of an agent has a span and events for each of its calls, with the tool as schema."""
    sdk.enable()
    turn = guard_tools(FIVE, max_attempts=2, name="agent", store=None)(
        Script(chat(("1", "track_parcel", {})), chat(("2", "track_parcel", {"parcel": "A"})))
    )

    turn([{"role": "user", "content": "Where is it?"}])

    assert labels(sdk.events()) == ["structure/required", "valid"]
    assert {event.attributes["schema_guard.schema.name"] for event in sdk.events()} == {"track_parcel"}
    [span] = sdk.spans()
    assert span.attributes["schema_guard.function"] == "agent"
    assert span.start_time < span.end_time
