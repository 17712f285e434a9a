# SPDX-License-Identifier: Apache-2.0
"""LangChain's messages: whoever stands behind it, its text, tool calls, usage and stop word have one place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from schema_guard.providers.fields import count, either, field, items, words
from schema_guard.providers.model_output import Written, arguments_of, has_reasoned, text_of, tool_of
from schema_guard.providers.provider import Provider, RawReply
from schema_guard.values import Usage

if TYPE_CHECKING:
    from schema_guard.providers.provider import Stream

__all__ = ["PROVIDER"]

_STOP_WORDS: Final = ("finish_reason", "stop_reason", "done_reason", "stopReason")


def _message(reply: object, content: object) -> RawReply | None:
    if field(reply, "type") not in ("ai", "AIMessageChunk") or not isinstance(content, str | list):
        return None
    metadata = field(reply, "response_metadata")
    if metadata is None:
        return None
    # Chunks that were put together have the arguments as they came; what was read of them is closed where they are cut.
    calls = items(field(reply, "tool_call_chunks")) or (
        items(field(reply, "tool_calls")) + items(field(reply, "invalid_tool_calls"))
    )
    return RawReply(
        Written(text_of(content), calls, _refusal(reply), _has_reasoned(reply, content)),
        either(metadata, *_STOP_WORDS),
        _usage(field(reply, "usage_metadata")),
        either(metadata, "model_name", "model"),
    )


def _refusal(message: object) -> str | None:
    return words(field(field(message, "additional_kwargs"), "refusal"))


def _has_reasoned(message: object, content: object) -> bool:
    more = field(message, "additional_kwargs")
    return has_reasoned(content) or words(field(more, "reasoning_content")) is not None


def _usage(usage: object) -> Usage:
    return Usage(
        count(usage, "input_tokens"),
        count(usage, "output_tokens"),
        count(field(usage, "input_token_details"), "cache_read"),
        count(field(usage, "output_token_details"), "reasoning"),
    )


def _chunk(stream: Stream, chunk: object, content: object) -> str | None:
    """Read a piece of a message; the last one says that it is the last."""
    if field(chunk, "type") != "AIMessageChunk" or not isinstance(content, str | list):
        return None
    stream.refuse(_refusal(chunk))
    if _has_reasoned(chunk, content):
        stream.think()
    metadata = field(chunk, "response_metadata")
    stream.name_model(either(metadata, "model_name", "model"))
    usage = field(chunk, "usage_metadata")
    if usage is not None:
        stream.usage = _added(stream.usage, _usage(usage))
    stopped = either(metadata, *_STOP_WORDS)
    if stopped is not None:
        stream.stop(stopped)
    elif field(chunk, "chunk_position") == "last":
        stream.is_ended = True
    calls = [
        stream.call(field(call, "index"), arguments_of(call), call_id=field(call, "id"), tool=tool_of(call))
        for call in items(field(chunk, "tool_call_chunks"))
    ]
    return text_of(content) + "".join(calls)


def _added(known: Usage, more: Usage) -> Usage:
    """Add the tokens of a chunk: each says those of its own piece."""
    return Usage(*[b if a is None else a if b is None else a + b for a, b in zip(known, more, strict=True)])


PROVIDER: Final = Provider(replies={"content": _message}, chunks={"content": _chunk})
