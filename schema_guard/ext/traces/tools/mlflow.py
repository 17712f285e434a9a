# SPDX-License-Identifier: Apache-2.0
"""MLflow: traces, as `Trace.to_json` and the data frame of `mlflow.search_traces` have them.

Source: mlflow 3 (`Trace.to_json`, `Span.to_dict` of span version 4, and "Span" in the concepts of its documentation, in
November 2026). Spans of mlflow 2 are read too. The attributes of a span are JSON texts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from schema_guard.ext.traces.stored_reply import SkippedRow, StoredReply, Tool, error_of_span, stored_reply
from schema_guard.ext.traces.values import MISSING, at, decoded, first_of, text

if TYPE_CHECKING:
    from collections.abc import Iterator

_MODEL_CALLS: Final = frozenset(["LLM", "CHAT_MODEL"])
_TYPE: Final = "mlflow.spanType"
_PLACES: Final = {
    "name": ("name",),
    "model": (
        "attributes.mlflow.llm.model",
        "attributes.mlflow.spanInputs.model",
        "attributes.model",
        "attributes.invocation_params.model",
    ),
    "started_at": ("start_time_unix_nano", "start_time_ns", "start_time"),
    "ended_at": ("end_time_unix_nano", "end_time_ns", "end_time"),
    "trace": ("trace.info.trace_id", "trace.info.request_id", "trace.trace_id", "trace.request_id"),
    "parent": ("parent_span_id", "parent_id"),
    "output": ("attributes.mlflow.spanOutputs", "outputs"),
    "input_tokens": ("attributes.mlflow.chat.tokenUsage.input_tokens",),
    "output_tokens": ("attributes.mlflow.chat.tokenUsage.output_tokens",),
    "cached_input_tokens": ("attributes.mlflow.chat.tokenUsage.cache_read_input_tokens",),
    "cost": ("attributes.mlflow.llm.cost.total_cost",),
}


def _fits(row: dict[str, Any]) -> bool:
    return any(_TYPE in (span.get("attributes") or {}) for span in _spans(row)) or (
        isinstance(row.get("info"), dict) and isinstance(row.get("data"), dict) and "spans" in row["data"]
    )


def _read(row: dict[str, Any], place: str) -> Iterator[StoredReply | SkippedRow]:
    trace, spans = _trace(row), _spans(row)
    root = next((span for span in spans if not first_of(span, *_PLACES["parent"])), None)
    has_calls = False
    for number, span in enumerate(spans, 1):
        attributes = {name: decoded(value) for name, value in (span.get("attributes") or {}).items()}
        if str(attributes.get(_TYPE, "")).upper() in _MODEL_CALLS:
            has_calls = True
            yield _span(trace, root, {**span, "attributes": attributes}, f"{place} span {number}")
    if not has_calls:
        yield SkippedRow(place)


MLFLOW: Final = Tool("mlflow", _fits, _read)


def _trace(row: dict[str, Any]) -> dict[str, Any]:
    """Return the trace. A data frame of mlflow 3 has it as JSON in a column."""
    whole = decoded(row.get("trace"))
    return whole if isinstance(whole, dict) else row


def _spans(row: dict[str, Any]) -> list[dict[str, Any]]:
    trace = _trace(row)
    listed = first_of(trace, "data.spans", "spans")
    spans = [decoded(span) for span in decoded(listed) or ()] if isinstance(decoded(listed), list) else []
    return [span for span in spans if isinstance(span, dict)]


def _span(
    trace: dict[str, Any], root: dict[str, Any] | None, span: dict[str, Any], place: str
) -> StoredReply:
    fields = {**span, "trace": {key: value for key, value in trace.items() if key not in ("data", "spans")}}
    span_id = text(first_of(span, "span_id", "context.span_id"))
    error, exception = error_of_span(span)
    return stored_reply(
        fields,
        place,
        _PLACES,
        id=None if span_id is None else f"{first_of(fields, *_PLACES['trace'])} {span_id}",
        task=_task(first_of(fields, "attributes.mlflow.spanInputs", "inputs")),
        function=text((root or span).get("name")),
        # Spans name their parents within the trace only.
        parent=None,
        error=error,
        exception=exception,
        version=_version(fields),
    )


def _task(inputs: Any) -> Any:
    """Return the messages among the arguments of a provider's function, or all of its arguments."""
    for name in ("messages", "input", "contents", "prompt"):
        value = at(inputs, name)
        if value is not MISSING:
            return value
    return inputs


def _version(fields: dict[str, Any]) -> str | None:
    """Return the prompt that is linked to the call, or to its trace if it is the only one."""
    for place in (
        "attributes.mlflow.linkedPrompts",
        "trace.info.tags.mlflow.linkedPrompts",
        "trace.tags.mlflow.linkedPrompts",
    ):
        name, version = (text(first_of(fields, f"{place}.0.{part}")) for part in ("name", "version"))
        if name and version and first_of(fields, f"{place}.1") is None:
            return f"{name}@{version}"
    return None
