# SPDX-License-Identifier: Apache-2.0
"""Arize Phoenix: spans with the attributes of OpenInference, as a data frame or as the API has them.

Written after `Client.spans.get_spans_dataframe` and `get_spans` of arize-phoenix-client and the semantic conventions of
OpenInference as they were in November 2026. A data frame has a column for each attribute, `attributes.llm.model_name`;
the API an object of them, flat or nested.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from schema_guard.ext.traces.stored_reply import SkippedRow, StoredReply, stored_reply
from schema_guard.ext.traces.values import MISSING, decoded, first_of, nested, text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["Phoenix"]

_PREFIX: Final = "attributes."


class Phoenix:
    """Reads spans; a trace of the command line `px` holds its own in a list."""

    name: Final = "phoenix"

    def fits(self, row: Mapping[str, Any]) -> bool:
        """Say whether a row is a span, or a trace with spans."""
        spans = row.get("spans")
        if isinstance(spans, list) and spans and isinstance(spans[0], dict):
            return self.fits(spans[0])
        is_framed = "context.span_id" in row or any(key.startswith("attributes.") for key in row)
        return is_framed or ("span_kind" in row and isinstance(row.get("context"), dict))

    def read(self, row: Mapping[str, Any], place: str) -> Iterator[StoredReply | SkippedRow]:
        """Give the calls of models."""
        spans = row.get("spans")
        if isinstance(spans, list):
            for number, span in enumerate(spans, 1):
                if isinstance(span, dict):
                    yield from self.read(span, f"{place} spans[{number}]")
            return
        attributes = _attributes(row)
        kind = first_of(attributes, "openinference.span.kind") or row.get("span_kind")
        if str(kind).upper() != "LLM":
            yield SkippedRow(place, text(first_of(dict(row), "context.span_id", "id")), text(row.get("name")))
            return
        yield _span(row, attributes, place)


def _attributes(row: Mapping[str, Any]) -> dict[str, Any]:
    stored = row.get("attributes")
    flat = dict(stored) if isinstance(stored, dict) else {}
    for key, value in row.items():
        if key.startswith(_PREFIX) and value is not None:
            flat[key.removeprefix(_PREFIX)] = decoded(value) if key.endswith("_messages") else value
    attributes = nested(flat)
    return attributes if isinstance(attributes, dict) else {}


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


def _span(row: Mapping[str, Any], attributes: dict[str, Any], place: str) -> StoredReply:
    error, exception = _error(row)
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
    """Give the whole completion where it is kept, for it says why it ended; else the messages, else the text."""
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
    """Give a message of OpenInference as OpenAI has it."""
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


def _error(row: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """Give what is said of an error, and the type of the exception."""
    if str(row.get("status_code", "")).upper() != "ERROR":
        return None, None
    events = decoded(row.get("events"))
    for event in events if isinstance(events, list) else ():
        kind = first_of(event, "attributes.exception.type")
        if kind is not None:
            return text(first_of(event, "attributes.exception.message")) or "ERROR", text(kind)
    return text(row.get("status_message")) or "ERROR", None
