# SPDX-License-Identifier: Apache-2.0
"""The responses of mirascope, which hold the reply of the provider; and the chunks of its streams."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from schema_guard.providers.fields import count, field, items, words
from schema_guard.providers.model_output import Written
from schema_guard.providers.provider import Provider, RawReply, adds_nothing
from schema_guard.values import Usage

if TYPE_CHECKING:
    from schema_guard.providers.provider import Stream


def _response(reply: object, raw: object) -> RawReply | None:
    """Read a response, in which a call of the tool for the format is a text."""
    if not isinstance(field(reply, "provider_model_name"), str):
        return None
    text = "".join(words(field(part, "text")) or "" for part in items(field(reply, "texts")))
    return RawReply(Written(text, items(field(reply, "tool_calls"))), source=raw)


def _text(stream: Stream, chunk: object) -> str:
    return words(field(chunk, "delta")) or ""


def _ended(stream: Stream, chunk: object) -> str:
    """Record the end of a part. No chunk has the reason why the model stopped."""
    stream.is_ended = True
    return ""


def _called(stream: Stream, chunk: object) -> str:
    return stream.call(field(chunk, "id"), _text(stream, chunk), tool=words(field(chunk, "name")))


def _thought(stream: Stream, chunk: object) -> str:
    stream.think()
    return ""


def _used(stream: Stream, chunk: object) -> str:
    """Add the tokens of a chunk, which count those since the previous chunk."""
    names = ("input_tokens", "output_tokens", "cache_read_tokens", "reasoning_tokens")
    added = Usage(*[count(chunk, name) for name in names])
    known = [(before or 0) + (after or 0) for before, after in zip(stream.usage, added, strict=True)]
    stream.usage = Usage(*known)
    return ""


def _stopped(stream: Stream, chunk: object) -> str:
    """Record the reason why the model stopped. mirascope reports it only for an unusual end."""
    stream.stop(field(field(chunk, "finish_reason"), "value"))
    return ""


_EVENTS: Final[dict[str, Any]] = {
    "text_start_chunk": adds_nothing,
    "text_chunk": _text,
    "text_end_chunk": _ended,
    "tool_call_start_chunk": _called,
    "tool_call_chunk": _called,
    "tool_call_end_chunk": _ended,
    "usage_delta_chunk": _used,
    "finish_reason_chunk": _stopped,
    "raw_stream_event_chunk": adds_nothing,
    "raw_message_chunk": adds_nothing,
    "thought_start_chunk": adds_nothing,
    "thought_chunk": _thought,
    "thought_end_chunk": adds_nothing,
}

PROVIDER: Final = Provider(replies={"raw": _response}, events=_EVENTS)
