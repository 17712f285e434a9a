# SPDX-License-Identifier: Apache-2.0
"""Anthropic's Messages: whole, as events, as its SDK's helper repeats them, and its arguments for a format."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from schema_guard.providers.fields import as_json, count, field, items, total, words
from schema_guard.providers.model_output import Written, has_reasoned, text_of, tool_of
from schema_guard.providers.provider import Provider, RawReply, adds_nothing
from schema_guard.providers.request_options import ProviderOptions, document_of, switched, wire_name
from schema_guard.values import Usage

if TYPE_CHECKING:
    from schema_guard.providers.provider import Stream
    from schema_guard.schema import Schema

_INPUT_COUNTS: Final = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")


def _message(reply: object, content: object) -> RawReply | None:
    stopped = field(reply, "stop_reason")
    if not isinstance(stopped, str) and field(reply, "type") != "message":
        return None
    blocks = items(content)
    calls = [block for block in blocks if field(block, "type") == "tool_use"]
    refusal = _refusal(reply) if stopped == "refusal" else None
    written = Written(text_of(content), calls, refusal, has_reasoned(content))
    return RawReply(written, stopped, _usage(field(reply, "usage")), field(reply, "model"))


def _refusal(holder: object) -> str | None:
    """Return the explanation of a refusal, or its category if it has none."""
    details = field(holder, "stop_details")
    return words(field(details, "explanation")) or words(field(details, "category"))


def _usage(usage: object) -> Usage:
    """Read the usage, whose input_tokens exclude the tokens read from and written to the cache."""
    cached = count(usage, "cache_read_input_tokens")
    return Usage(
        total(count(usage, "input_tokens"), cached, count(usage, "cache_creation_input_tokens")),
        count(usage, "output_tokens"),
        cached,
        count(field(usage, "output_tokens_details"), "thinking_tokens"),
    )


class _StreamState:
    """State of a stream between events."""

    def __init__(self) -> None:
        self.counts: dict[str, Any] = {}  # the usage comes in two events
        self.inputs: dict[
            object, object
        ] = {}  # inputs of the tool calls by block, until a piece of their arguments arrives
        self.calls: set[object] = set()


def _message_start(stream: Stream, event: object) -> str:
    message = field(event, "message")
    stream.name_model(field(message, "model"))
    # Its output_tokens count only the first moment, not the whole reply.
    _count(stream, field(message, "usage"), _INPUT_COUNTS)
    return ""


def _count(stream: Stream, usage: object, names: tuple[str, ...]) -> None:
    counts = stream.state(_StreamState).counts
    for name in names:
        tokens = count(usage, name)
        if tokens is not None:
            counts[name] = tokens
    stream.usage = _usage(counts)


def _block_start(stream: Stream, event: object) -> str:
    block = field(event, "content_block")
    if field(block, "type") == "tool_use":
        state, index = stream.state(_StreamState), field(event, "index")
        state.calls.add(index)
        state.inputs[index] = field(block, "input")
        return stream.call(index, None, call_id=field(block, "id"), tool=tool_of(block))
    if has_reasoned([block]):
        stream.think()
    return text_of([block])


def _block_delta(stream: Stream, event: object) -> str:
    delta = field(event, "delta")
    kind = field(delta, "type")
    if kind == "text_delta":
        return words(field(delta, "text")) or ""
    if kind == "thinking_delta":
        stream.think()
    state, index = stream.state(_StreamState), field(event, "index")
    # A tool that the provider runs streams its input the same way, in its own block.
    if kind == "input_json_delta" and index in state.calls:
        text = words(field(delta, "partial_json"))
        if text:
            state.inputs.pop(index, None)
        return stream.call(index, text)
    return ""


def _block_stop(stream: Stream, event: object) -> str:
    """Return the arguments of a call for which no piece was sent."""
    index = field(event, "index")
    arguments = stream.state(_StreamState).inputs.pop(index, None)
    return "" if arguments is None else stream.call(index, as_json(arguments))


def _message_delta(stream: Stream, event: object) -> str:
    delta = field(event, "delta")
    stopped = field(delta, "stop_reason")
    if stopped is not None:
        stream.note_stop(stopped)
    if stopped == "refusal":
        stream.refuse(_refusal(delta))
    usage = field(event, "usage")
    stream.state(_StreamState).counts["output_tokens_details"] = field(usage, "output_tokens_details")
    _count(stream, usage, (*_INPUT_COUNTS, "output_tokens"))
    return ""


def _message_stop(stream: Stream, event: object) -> str:
    stream.is_ended = True
    return ""


# Arguments for a format.


def _strict_schema(schema: Schema[Any]) -> dict[str, Any]:
    return {"output_config": {"format": {"type": "json_schema", "schema": document_of(schema)}}}


def _tool_call(schema: Schema[Any]) -> dict[str, Any]:
    name = wire_name(schema)
    # Otherwise the arguments come in one piece at the end, and nothing could stop a stream before.
    tool = {"name": name, "input_schema": document_of(schema), "eager_input_streaming": True}
    return {"tools": [tool], "tool_choice": {"type": "tool", "name": name}}


def _thinks(options: Mapping[str, Any], _: str | None) -> bool:
    return switched(options, "thinking") in ("enabled", "adaptive")


def _unforced(options: Mapping[str, Any]) -> dict[str, Any]:
    choice = options.get("tool_choice")
    if not isinstance(choice, Mapping) or choice.get("type") in (None, "auto", "none"):
        return dict(options)
    others = {name: part for name, part in choice.items() if name != "name"}
    return {**options, "tool_choice": {**others, "type": "auto"}}


PROVIDER: Final = Provider(
    stop_words={
        "stop": "end_turn stop_sequence",
        "tool_call": "tool_use",
        "length": "max_tokens model_context_window_exceeded pause_turn compaction",
        "refusal": "refusal",
    },
    replies={"content": _message},
    events={
        "message_start": _message_start,
        "content_block_start": _block_start,
        "content_block_delta": _block_delta,
        "content_block_stop": _block_stop,
        "message_delta": _message_delta,
        "message_stop": _message_stop,
        "ping": adds_nothing,
        # The SDK's helper repeats the other events as these.
        **dict.fromkeys(("text", "input_json", "citation", "thinking", "signature"), adds_nothing),
    },
    options={
        # No json_mode: the API has none.
        "anthropic": ProviderOptions(
            limit="max_tokens",
            formats={"tool_call": _tool_call, "strict_schema": _strict_schema},
            refuses_force=_thinks,
            unforced=_unforced,
        ),
    },
)
