# SPDX-License-Identifier: Apache-2.0
"""Langfuse: observations, as its tables, its API, and its blob storage export them.

Source: "Export from UI", "Blob Storage Export Field Reference", and the Observations API v2 of langfuse.com/docs, in November
2026. Tables and the API have names in camel case, and blob storage has them in snake case. There, an empty text means no
value, and input and output are texts.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from schema_guard.ext.traces.stored_reply import SkippedRow, StoredReply, Tool, stored_reply
from schema_guard.ext.traces.values import MISSING, amount, count, decoded, first_of, text
from schema_guard.values import Usage

if TYPE_CHECKING:
    from collections.abc import Iterator

# The beginning of exception messages in the SDKs of providers. Langfuse stores nothing else of an exception.
_EXCEPTION: Final = re.compile(r"(?:[\w.]+\.)?(?P<name>[A-Z]\w*(?:Error|Exception|Timeout|Cancelled))\b")
_PLACES: Final = {
    "id": ("id",),
    "task": ("input",),
    "name": ("name",),
    "function": ("traceName", "trace_name"),
    "trace": ("traceId", "trace_id"),
    "parent": ("parentObservationId", "parent_observation_id"),
    "model": ("model", "providedModelName", "provided_model_name"),
    "started_at": ("startTime", "start_time"),
    "ended_at": ("endTime", "end_time"),
    "elapsed_s": ("latency",),
    "finish_reason": ("metadata.finish_reason", "output.finish_reason"),
}
_COSTS: Final = ("totalCost", "total_cost", "costDetails.total", "calculatedTotalCost")


def _fits(row: dict[str, Any]) -> bool:
    if isinstance(row.get("observations"), list):
        return True
    has_trace = any(key in row for key in ("parentObservationId", "parent_observation_id", *_PLACES["trace"]))
    return has_trace and "type" in row and any(key in row for key in _PLACES["started_at"])


def _read(row: dict[str, Any], place: str) -> Iterator[StoredReply | SkippedRow]:
    inside = row.get("observations")
    if isinstance(inside, list):  # a downloaded trace
        trace = row.get("trace")
        about = trace if isinstance(trace, dict) else row
        owner = {"traceName": about.get("name"), "traceId": about.get("id")}
        for number, observation in enumerate(inside, 1):
            if isinstance(observation, dict):
                yield from _read({**owner, **observation}, f"{place} observations[{number}]")
    elif str(row.get("type", "")).upper() == "GENERATION":
        yield _generation(row, place)
    else:
        yield SkippedRow(place, text(row.get("id")), text(row.get("name")))


LANGFUSE: Final = Tool("langfuse", _fits, _read)


def _generation(fields: dict[str, Any], place: str) -> StoredReply:
    is_error = str(fields.get("level", "")).upper() == "ERROR"
    message = text(first_of(fields, "statusMessage", "status_message")) or "ERROR" if is_error else None
    named = _EXCEPTION.match(message) if message else None
    return stored_reply(
        fields,
        place,
        _PLACES,
        output=_output(fields),
        usage=_usage(fields),
        # If the model has no price, the cost is 0.
        cost=amount(first_of(fields, *_COSTS)) or None,
        error=message,
        exception=named["name"] if named else None,
        version=_version(fields),
    )


def _output(fields: dict[str, Any]) -> Any:
    """Return the output, or the tool calls if there is no other one."""
    output = first_of(fields, "output")
    if output is not None:
        return output
    calls = decoded(first_of(fields, "tool_calls", "toolCalls"))
    if not isinstance(calls, list) or not calls:
        return MISSING
    return {"role": "assistant", "content": None, "tool_calls": [decoded(call) for call in calls]}


def _usage(fields: dict[str, Any]) -> Usage:
    """Return the tokens. Langfuse counts cached input separately from other input."""
    usage = decoded(first_of(fields, "usageDetails", "usage_details", "usage"))
    known = usage if isinstance(usage, dict) else {}
    cached = count(first_of(known, "input_cached_tokens", "cache_read_input_tokens", "input_cache_read"))
    reasoning = count(first_of(known, "output_reasoning_tokens", "reasoning_tokens", "output_reasoning"))
    sent = count(first_of(known, "input", "promptTokens", "input_tokens", "prompt_tokens"))
    received = count(first_of(known, "output", "completionTokens", "output_tokens", "completion_tokens"))
    total = count(first_of(known, "total", "totalTokens", "total_tokens"))
    # Its integrations subtract cached and reasoning tokens from `input` and `output`, but not from the total.
    if total is not None and sent is not None and received is not None and total > sent + received:
        apart = total - sent - received
        if apart == (cached or 0) + (reasoning or 0):
            sent, received = sent + (cached or 0), received + (reasoning or 0)
    return Usage(sent, received, cached, reasoning)


def _version(fields: dict[str, Any]) -> str | None:
    """Return the version of the linked prompt, or the observation's own version."""
    name = text(first_of(fields, "promptName", "prompt_name"))
    number = text(first_of(fields, "promptVersion", "prompt_version"))
    return f"{name}@{number}" if name and number else text(first_of(fields, "version"))
