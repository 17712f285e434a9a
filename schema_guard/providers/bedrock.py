# SPDX-License-Identifier: Apache-2.0
"""Bedrock Converse: whole and as events, its exception, its lists of messages, and its arguments for a format."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from schema_guard.providers.failures import provider_error, unusable
from schema_guard.providers.fields import count, field, items, total, words
from schema_guard.providers.messages import CHAT, Side, raw_message
from schema_guard.providers.model_output import Written, text_of, tool_of
from schema_guard.providers.provider import Provider, RawReply, Rejection, error_bodies
from schema_guard.providers.request_options import ProviderOptions, document_of, switched, wire_name
from schema_guard.values import Message, Usage

if TYPE_CHECKING:
    from schema_guard.providers.provider import Stream
    from schema_guard.schema import Schema


def _reply(reply: object, output: object) -> RawReply | None:
    stopped = field(reply, "stopReason")
    if not isinstance(stopped, str):
        return None
    content = items(field(field(output, "message"), "content"))
    calls = [call for part in content if (call := field(part, "toolUse")) is not None]
    reasoned = any(field(part, "reasoningContent") is not None for part in content)
    return RawReply(Written(text_of(content), calls, None, reasoned), stopped, _usage(field(reply, "usage")))


def _usage(usage: object) -> Usage:
    """Read the usage, which excludes the cache as Anthropic's does."""
    cached = count(usage, "cacheReadInputTokens")
    tokens = total(count(usage, "inputTokens"), cached, count(usage, "cacheWriteInputTokens"))
    return Usage(tokens, count(usage, "outputTokens"), cached)


# Events: each chunk has one key, which names the event.


def _silent(stream: Stream, chunk: object, value: object) -> str:
    return ""


def _block(stream: Stream, chunk: object, start: object) -> str:
    call = field(field(start, "start"), "toolUse")
    if call is None:
        return ""
    return stream.call(
        field(start, "contentBlockIndex"), None, call_id=field(call, "toolUseId"), tool=tool_of(call)
    )


def _delta(stream: Stream, chunk: object, part: object) -> str:
    delta = field(part, "delta")
    piece = field(field(delta, "toolUse"), "input")
    if piece is not None:
        return stream.call(field(part, "contentBlockIndex"), words(piece))
    if field(delta, "reasoningContent") is not None:
        stream.think()
    return words(field(delta, "text")) or ""


def _stop(stream: Stream, chunk: object, stop: object) -> str:
    stream.stop(field(stop, "stopReason"))
    return ""


def _metadata(stream: Stream, chunk: object, metadata: object) -> str | None:
    usage = field(metadata, "usage")
    if usage is None:
        return None
    stream.usage = _usage(usage)
    return ""


def _error(stream: Stream, chunk: object, error: object) -> str:
    stream.fail(provider_error(error))
    return ""


# The same exception covers all errors inside the model. Its text distinguishes them.
_FORMAT: Final = r"(?i)malformed|invalid sequence|tool ?use"


def _rejection(error: BaseException) -> Rejection | None:
    for body in error_bodies(error):
        code, message = field(body, "Code"), field(body, "Message")
        if code == "ModelErrorException" and isinstance(message, str) and re.search(_FORMAT, message):
            return Rejection(None, "error", unusable(code))
    return None


# Lists of messages.


_KINDS = {
    "text", "image", "document", "video", "audio", "toolUse", "toolResult", "guardContent", "cachePoint",
    "reasoningContent", "citationsContent", "searchResult",
}  # fmt: skip


def _marks(elements: Sequence[Any]) -> bool:
    return any(_is_of_kinds(field(element, "content")) for element in elements)


def _is_of_kinds(content: Any) -> bool:
    return (
        isinstance(content, list)
        and bool(content)
        and all(
            isinstance(part, Mapping) and len(part) == 1 and not _KINDS.isdisjoint(part) for part in content
        )
    )


def _turn(side: Side, text: str, near: Sequence[Message]) -> Message:
    message = Message("user" if side == "user" else "assistant", [{"text": text}])
    return raw_message(message, message.as_dict(), BEDROCK)


# Arguments for a format.


# Field for arguments without a name in Converse, and the two names for Claude's thinking in it.
_FIELDS: Final = "additionalModelRequestFields"
_THINKING: Final = ("thinking", "reasoning_config")


def _strict_schema(schema: Schema[Any]) -> dict[str, Any]:
    described = {"name": wire_name(schema), "schema": json.dumps(document_of(schema))}
    return {"outputConfig": {"textFormat": {"type": "json_schema", "structure": {"jsonSchema": described}}}}


def _tool_call(schema: Schema[Any]) -> dict[str, Any]:
    name = wire_name(schema)
    tool = {"toolSpec": {"name": name, "inputSchema": {"json": document_of(schema)}}}
    return {"toolConfig": {"tools": [tool], "toolChoice": {"tool": {"name": name}}}}


def _thinks(options: Mapping[str, Any], _: str | None) -> bool:
    fields = options.get(_FIELDS)
    held = fields if isinstance(fields, Mapping) else {}
    return any(switched(held, name) in ("enabled", "adaptive") for name in _THINKING)


def _unforced(options: Mapping[str, Any]) -> dict[str, Any]:
    config = options.get("toolConfig")
    choice = config.get("toolChoice") if isinstance(config, Mapping) else None
    if not isinstance(config, Mapping) or not isinstance(choice, Mapping) or "auto" in choice:
        return dict(options)
    return {**options, "toolConfig": {**config, "toolChoice": {"auto": {}}}}


BEDROCK: Final = CHAT._replace(name="bedrock", marks=_marks, turn=_turn)


PROVIDER: Final = Provider(
    # malformed_model_output and malformed_tool_use are recognized by their prefix.
    stop_words={
        "stop": "end_turn stop_sequence",
        "tool_call": "tool_use",
        "length": "max_tokens model_context_window_exceeded",
        "content_filter": "guardrail_intervened content_filtered",
    },
    replies={"output": _reply},
    chunks={
        "contentBlockDelta": _delta,
        "contentBlockStart": _block,
        "contentBlockStop": _silent,
        "messageStart": _silent,
        "messageStop": _stop,
        "metadata": _metadata,
        "modelStreamErrorException": _error,
        "internalServerException": _error,
        "serviceUnavailableException": _error,
        "throttlingException": _error,
        "validationException": _error,
    },
    rejection=_rejection,
    messages=BEDROCK,
    options={
        # No json_mode: Converse has none.
        "bedrock": ProviderOptions(
            limit="inferenceConfig.maxTokens",
            formats={"tool_call": _tool_call, "strict_schema": _strict_schema},
            refuses_force=_thinks,
            unforced=_unforced,
        ),
    },
)
