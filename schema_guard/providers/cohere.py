# SPDX-License-Identifier: Apache-2.0
"""Cohere's chat, version 2: whole and as events, and its arguments for a format."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from schema_guard.providers.fields import count, either, field, has, words
from schema_guard.providers.model_output import arguments_of, message_written, tool_of
from schema_guard.providers.openai_chat import compatible
from schema_guard.providers.provider import Provider, RawReply, adds_nothing
from schema_guard.providers.request_options import document_of, wire_name
from schema_guard.values import Usage

if TYPE_CHECKING:
    from schema_guard.providers.provider import Stream
    from schema_guard.schema import Schema


def _reply(reply: object, message: object) -> RawReply | None:
    stopped = field(reply, "finish_reason")
    if not isinstance(stopped, str) or not (has(message, "content") or has(message, "tool_calls")):
        return None
    return RawReply(message_written(message), stopped, _usage(field(reply, "usage")), field(reply, "model"))


def _usage(usage: object) -> Usage:
    """Read the usage: tokens, or the billed units if there are no tokens."""
    tokens = either(usage, "tokens", "billed_units")
    return Usage(count(tokens, "input_tokens"), count(tokens, "output_tokens"), count(usage, "cached_tokens"))


def _text(stream: Stream, event: object) -> str:
    content = field(field(field(event, "delta"), "message"), "content")
    if words(field(content, "thinking")):
        stream.think()
    return words(field(content, "text")) or ""


def _call(stream: Stream, event: object) -> str:
    call = field(field(field(event, "delta"), "message"), "tool_calls")
    return stream.call(
        field(event, "index"), arguments_of(call), call_id=field(call, "id"), tool=tool_of(call)
    )


def _end(stream: Stream, event: object) -> str:
    delta = field(event, "delta")
    stream.usage = _usage(field(delta, "usage"))
    stream.stop(field(delta, "finish_reason"))
    return ""


# Arguments for a format.


def _strict_schema(schema: Schema[Any]) -> dict[str, Any]:
    return {"response_format": {"type": "json_object", "json_schema": document_of(schema)}}


def _tool_call(schema: Schema[Any]) -> dict[str, Any]:
    function = {"name": wire_name(schema), "parameters": document_of(schema)}
    # `tool_choice` cannot name a tool, but there is only one.
    return {"tools": [{"type": "function", "function": function}], "tool_choice": "REQUIRED"}


PROVIDER: Final = Provider(
    stop_words={
        "stop": "complete stop_sequence",
        "tool_call": "tool_call",
        "length": "max_tokens",
        "error": "error timeout",
    },
    replies={"message": _reply},
    events={
        "content-start": _text,
        "content-delta": _text,
        "tool-call-start": _call,
        "tool-call-delta": _call,
        "message-end": _end,
        **dict.fromkeys(
            ("message-start", "content-end", "tool-plan-delta", "tool-call-end", "debug"), adds_nothing
        ),
        **dict.fromkeys(("citation-start", "citation-end"), adds_nothing),
    },
    options={"cohere": compatible("json_mode", tool_call=_tool_call, strict_schema=_strict_schema)},
)
