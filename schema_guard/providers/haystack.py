# SPDX-License-Identifier: Apache-2.0
"""The messages of Haystack, and the dictionaries in which its components return them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from schema_guard.providers.fields import either, field, first, has, items, usage_of, words
from schema_guard.providers.model_output import Written
from schema_guard.providers.provider import Provider, RawReply, pieces

if TYPE_CHECKING:
    from schema_guard.providers.provider import Stream

_CALLED: Final = ("tool_calls", "tool_use")
# Haystack leaves out a tool call whose arguments are malformed.
_LOST_CALL: Final = "malformed_tool_call"


def _message(message: object, content: object) -> RawReply | None:
    if field(field(message, "_role"), "value") != "assistant":
        return None
    parts, meta = items(content), field(message, "_meta")
    text = "".join([words(field(part, "text")) or "" for part in parts])
    calls = [_call(part) for part in parts if has(part, "tool_name")]
    reasoned = any(has(part, "reasoning_text") for part in parts)
    stopped = either(meta, "finish_reason", "stop_reason")
    return RawReply(
        Written(text, calls, words(field(meta, "refusal")), reasoned),
        _LOST_CALL if stopped in _CALLED and not (calls or text) else stopped,
        usage_of(field(meta, "usage")),
        field(meta, "model"),
    )


def _call(part: object) -> dict[str, Any]:
    return {
        "id": field(part, "id"),
        "index": field(part, "index"),
        "name": field(part, "tool_name"),
        "arguments": field(part, "arguments"),
    }


def _replies(output: object, replies: object) -> RawReply | None:
    """Read the output of a generator or validator: its first message, or the text of a generator of texts."""
    reply = first(replies)
    if isinstance(reply, str) and has(output, "meta"):
        meta = first(field(output, "meta"))
        stopped, usage = field(meta, "finish_reason"), usage_of(field(meta, "usage"))
        return RawReply(Written(reply, []), stopped, usage, field(meta, "model"))
    return _message(reply, field(reply, "_content"))


def _last(output: object, message: object) -> RawReply | None:
    """Read the output of an agent."""
    return _message(message, field(message, "_content"))


def _chunk(stream: Stream, chunk: object, content: object) -> str | None:
    if not has(chunk, "component_info") or not isinstance(content, str):
        return None
    meta = field(chunk, "meta")
    stream.name_model(either(meta, "model") or field(field(meta, "response"), "model"))
    usage = either(meta, "usage") or field(field(meta, "response"), "usage")
    if usage is not None:
        stream.usage = usage_of(usage)
    if field(chunk, "reasoning") is not None:
        stream.think()
    calls = pieces(stream, map(_call, items(field(chunk, "tool_calls"))))
    stopped = field(chunk, "finish_reason")
    if stopped is not None:
        stream.stop(stopped)
    return content + calls


PROVIDER: Final = Provider(
    replies={"_content": _message, "replies": _replies, "validated": _replies, "last_message": _last},
    chunks={"content": _chunk},
)
