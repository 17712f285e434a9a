# SPDX-License-Identifier: Apache-2.0
"""The responses of llama-index, from its models, whole and streamed, and from its agents.

Each response has the reply of the provider behind it (`raw`), which has more facts than the response itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from schema_guard.providers.fields import as_json, either, field, has, items, words
from schema_guard.providers.model_output import Written
from schema_guard.providers.provider import Provider, RawReply

if TYPE_CHECKING:
    from schema_guard.providers.provider import Stream


def _response(reply: object, raw: object) -> RawReply | None:
    """Read a `ChatResponse`, a `CompletionResponse`, or the output of an agent."""
    if isinstance(field(reply, "current_agent_name"), str):
        structured = field(reply, "structured_response")
        if structured is not None:
            # `raw` is an earlier reply than the one that fills the output.
            return RawReply(Written(as_json(structured) or "", []))
        return RawReply(_written(field(reply, "response")), source=raw)
    if not _is_response(reply):
        return None
    message = field(reply, "message")
    written = Written(words(field(reply, "text")) or "", []) if message is None else _written(message)
    return RawReply(written, source=raw)


def _is_response(reply: object) -> bool:
    return (
        isinstance(field(reply, "additional_kwargs"), dict) and has(reply, "delta") and has(reply, "logprobs")
    )


def _written(message: object) -> Written:
    blocks = items(field(message, "blocks"))
    calls = [
        {"id": field(block, "tool_call_id"), "name": tool, "arguments": field(block, "tool_kwargs")}
        for block in blocks
        if (tool := field(block, "tool_name")) is not None
    ]
    return Written(
        words(field(message, "content")) or "",
        calls or items(field(field(message, "additional_kwargs"), "tool_calls")),
        reasoned=any(field(block, "block_type") == "thinking" for block in blocks),
    )


def _chunk(stream: Stream, chunk: object, raw: object) -> str | None:
    """Read a piece of a response, or of an agent's stream."""
    if not _is_response(chunk) and not (has(chunk, "delta") and has(chunk, "current_agent_name")):
        return None
    text = None if raw is None else stream.feed_event(raw)
    if text is None:
        # It is not known when the stream of an unknown provider is complete.
        stream.is_ended = True
        return words(field(chunk, "delta")) or ""
    if either(field(raw, "delta"), "stop_reason") is not None:
        # llama-index omits the last event of Anthropic's stream.
        stream.is_ended = True
    return text


PROVIDER: Final = Provider(replies={"raw": _response}, chunks={"raw": _chunk})
