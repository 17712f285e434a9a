"""Facts about what a guarded function gives: which of it is a reply, and what is not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from schema_guard import (
    CallFailed,
    GuardFailed,
    InvalidArgument,
    Outcome,
    Schema,
    guard,
)
from schema_guard.testing import ScriptedModel
from tests.public.calls import wire
from tests.public.calls.functions import (
    BAD,
    BROKEN_CHAT,
    GOOD,
    TOTAL,
    VALUE,
    NotAFunction,
    giving,
    plain,
    recorded,
    run,
    streams,
    whole,
)


@dataclass(frozen=True)
class Gives:
    """What a function gives, what a call makes of it, and what is recorded."""

    id: str
    reply: Any
    result: Any
    code: tuple[str, str] | None = None
    message: str = ""


NO_REPLY = "ask: the function returned {}, not a model's reply. Return the reply or its text"
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
        "ask: the server sent an HTML page instead of a reply. Check the base URL and the proxy",
    ),
    Gives("None", None, InvalidArgument, ("transport", "no_reply"), NO_REPLY.format("None") + ". If the model found nothing, return its text, null"),
    Gives("a number", 3, InvalidArgument, ("transport", "no_reply"), "ask: the function returned a value of type 'int', not a model's reply. The schema has another type. Return the reply or its text"),
    Gives("a parsed dict", VALUE, VALUE),
    Gives("a parsed list", [1], GuardFailed, ("structure", "type")),
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
        "extract returned no valid reply in 2 attempts (schema invoice)",
        "  attempt 2, structure type:",
        "    at /total: expected number, got string 'one'    [/properties/total/type]",
        "  to see the reply: error.outcome.attempts[-1].reply; to allow more attempts: max_attempts=4",
    ]
