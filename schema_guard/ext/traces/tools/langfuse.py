# SPDX-License-Identifier: Apache-2.0
"""Langfuse: observations, as its tables, its API and its blob storage export them.

Written after "Export from UI", "Blob Storage Export Field Reference" and the Observations API v2 of langfuse.com/docs as
they were in November 2026: names in camel case from tables and API, in snake case in blob storage, where an empty text
stands for what is not set and input and output are texts.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from schema_guard.ext.traces.stored_reply import SkippedRow, StoredReply, stored_reply
from schema_guard.ext.traces.values import MISSING, amount, count, decoded, first_of, text
from schema_guard.values import Usage

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["Langfuse"]

_MODEL_CALLS: Final = frozenset(["GENERATION"])
# How the SDKs of providers begin what they say of an exception, which is all that Langfuse keeps of it.
_EXCEPTION: Final = re.compile(r"(?:[\w.]+\.)?(?P<name>[A-Z]\w*(?:Error|Exception|Timeout|Cancelled))\b")


class Langfuse:
    """Reads observations; a downloaded trace holds its own in a list."""

    name: Final = "langfuse"

    def fits(self, row: Mapping[str, Any]) -> bool:
        """Say whether a row is an observation, or a trace with observations."""
        if isinstance(row.get("observations"), list):
            return True
        is_told = any(
            key in row for key in ("parentObservationId", "parent_observation_id", *_PLACES["trace"])
        )
        return is_told and "type" in row and any(key in row for key in ("startTime", "start_time"))

    def read(self, row: Mapping[str, Any], place: str) -> Iterator[StoredReply | SkippedRow]:
        """Give the generations."""
        inside = row.get("observations")
        if isinstance(inside, list):
            trace = row.get("trace")
            about = trace if isinstance(trace, dict) else row
            for number, observation in enumerate(inside, 1):
                if isinstance(observation, dict):
                    whose = {"traceName": about.get("name"), "traceId": about.get("id")}
                    yield from self.read({**whose, **observation}, f"{place} observations[{number}]")
            return
        if str(row.get("type", "")).upper() not in _MODEL_CALLS:
            yield SkippedRow(place, text(row.get("id")), text(row.get("name")))
            return
        yield _generation(row, place)


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


def _generation(row: Mapping[str, Any], place: str) -> StoredReply:
    fields = dict(row)
    is_error = str(fields.get("level", "")).upper() == "ERROR"
    message = text(first_of(fields, "statusMessage", "status_message")) or "ERROR" if is_error else None
    named = _EXCEPTION.match(message) if message else None
    return stored_reply(
        fields,
        place,
        _PLACES,
        output=_output(fields),
        usage=_usage(fields),
        # The cost of a model whose price it does not know is 0.
        cost=amount(first_of(fields, *_COSTS)) or None,
        error=message,
        exception=named["name"] if named else None,
        version=_version(fields),
    )


def _output(fields: dict[str, Any]) -> Any:
    """Give what came; where only the tools that were called are kept, those."""
    output = first_of(fields, "output")
    if output is not None:
        return output
    calls = decoded(first_of(fields, "tool_calls", "toolCalls"))
    if not isinstance(calls, list) or not calls:
        return MISSING
    return {"role": "assistant", "content": None, "tool_calls": [decoded(call) for call in calls]}


def _usage(fields: dict[str, Any]) -> Usage:
    """Read the tokens: of all that Langfuse counts apart, the cached input is added to the rest of it."""
    usage = decoded(first_of(fields, "usageDetails", "usage_details", "usage"))
    known = usage if isinstance(usage, dict) else {}
    cached = count(first_of(known, "input_cached_tokens", "cache_read_input_tokens", "input_cache_read"))
    reasoning = count(first_of(known, "output_reasoning_tokens", "reasoning_tokens", "output_reasoning"))
    sent = count(first_of(known, "input", "promptTokens", "input_tokens", "prompt_tokens"))
    received = count(first_of(known, "output", "completionTokens", "output_tokens", "completion_tokens"))
    total = count(first_of(known, "total", "totalTokens", "total_tokens"))
    # Its integrations take what is counted apart out of `input` and `output`, and leave it in the total.
    if total is not None and sent is not None and received is not None and total > sent + received:
        apart = total - sent - received
        if apart == (cached or 0) + (reasoning or 0):
            sent, received = sent + (cached or 0), received + (reasoning or 0)
    return Usage(sent, received, cached, reasoning)


def _version(fields: dict[str, Any]) -> str | None:
    """Give the version of the prompt that the observation is linked to, else its own."""
    name = text(first_of(fields, "promptName", "prompt_name"))
    number = text(first_of(fields, "promptVersion", "prompt_version"))
    return f"{name}@{number}" if name and number else text(first_of(fields, "version"))
