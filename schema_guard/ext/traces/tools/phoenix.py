# SPDX-License-Identifier: Apache-2.0
"""Arize Phoenix: spans with the attributes of OpenInference, as a data frame or as the API has them.

Source: `Client.spans.get_spans_dataframe` and `get_spans` of arize-phoenix-client, and the semantic conventions of
OpenInference, in November 2026. A data frame has a column for each attribute, such as `attributes.llm.model_name`. The API
has an object of them, flat or nested.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from schema_guard.ext.traces.stored_reply import SkippedRow, StoredReply, Tool, error_of_span, stored_reply
from schema_guard.ext.traces.values import MISSING, decoded, first_of, nested, text

if TYPE_CHECKING:
    from collections.abc import Iterator

_PREFIX: Final = "attributes."
_PLACES: Final = {
    "id": ("context.span_id", "id"),
    "name": ("name",),
    "trace": ("context.trace_id",),
    "parent": ("parent_id",),
    "model": ("attributes.llm.model_name",),
    "started_at": ("start_time",),
    "ended_at": ("end_time",),
    "input_tokens": ("attributes.llm.token_count.prompt",),
    "output_tokens": ("attributes.llm.token_count.completion",),
    "cached_input_tokens": ("attributes.llm.token_count.prompt_details.cache_read",),
    "reasoning_tokens": ("attributes.llm.token_count.completion_details.reasoning",),
    "finish_reason": (
        "attributes.llm.finish_reason",
        "attributes.llm.output_messages.0.message.finish_reason",
    ),
    "cost": ("attributes.llm.cost.total",),
    "version": ("attributes.llm.prompt_template.version",),
}


def _fits(row: dict[str, Any]) -> bool:
    spans = row.get("spans")
    if isinstance(spans, list) and spans and isinstance(spans[0], dict):
        return _fits(spans[0])
    is_framed = "context.span_id" in row or any(key.startswith(_PREFIX) for key in row)
    return is_framed or ("span_kind" in row and isinstance(row.get("context"), dict))


def _read(row: dict[str, Any], place: str) -> Iterator[StoredReply | SkippedRow]:
    spans = row.get("spans")
    if isinstance(spans, list):  # a trace of the command line `px`
        for number, span in enumerate(spans, 1):
            if isinstance(span, dict):
                yield from _read(span, f"{place} spans[{number}]")
        return
    attributes = _attributes(row)
    kind = first_of(attributes, "openinference.span.kind") or row.get("span_kind")
    if str(kind).upper() == "LLM":
        yield _span(row, attributes, place)
    else:
        yield SkippedRow(place, text(first_of(row, *_PLACES["id"])), text(row.get("name")))


PHOENIX: Final = Tool("phoenix", _fits, _read)


def _attributes(row: dict[str, Any]) -> dict[str, Any]:
    stored = row.get("attributes")
    flat = dict(stored) if isinstance(stored, dict) else {}
    for key, value in row.items():
        if key.startswith(_PREFIX) and value is not None:
            flat[key.removeprefix(_PREFIX)] = decoded(value) if key.endswith("_messages") else value
    attributes = nested(flat)
    return attributes if isinstance(attributes, dict) else {}


def _span(row: dict[str, Any], attributes: dict[str, Any], place: str) -> StoredReply:
    error, exception = error_of_span(row)
    return stored_reply(
        {**row, "attributes": attributes},
        place,
        _PLACES,
        output=_output(attributes),
        task=_task(attributes),
        error=error,
        exception=exception,
    )


def _output(attributes: dict[str, Any]) -> Any:
    """Return the whole completion, which has the finish reason, or the messages, or the text."""
    value = first_of(attributes, "output.value")
    whole = decoded(value)
    if isinstance(whole, dict) and not whole.keys().isdisjoint(
        ("choices", "candidates", "stop_reason", "output")
    ):
        return whole
    messages = first_of(attributes, "llm.output_messages")
    if isinstance(messages, list) and messages:
        return [_message(message) for message in messages]
    return MISSING if value is None else value


def _task(attributes: dict[str, Any]) -> Any:
    messages = first_of(attributes, "llm.input_messages")
    if isinstance(messages, list) and messages:
        return [_message(message) for message in messages]
    return decoded(first_of(attributes, "input.value"))


def _message(entry: Any) -> Any:
    """Convert a message of OpenInference to one of OpenAI."""
    message = entry.get("message", entry) if isinstance(entry, dict) else entry
    if not isinstance(message, dict):
        return message
    parts = message.get("contents")
    content = message.get("content")
    if content is None and isinstance(parts, list):
        content = [part.get("message_content", part) for part in parts if isinstance(part, dict)]
    calls = [_call(call) for call in message.get("tool_calls") or () if isinstance(call, dict)]
    turn = {"role": message.get("role", "assistant"), "content": content}
    return {**turn, "tool_calls": calls} if calls else turn


def _call(call: dict[str, Any]) -> dict[str, Any]:
    function = first_of(call, "tool_call.function", "function")
    return {"type": "function", "function": function if isinstance(function, dict) else {}}
