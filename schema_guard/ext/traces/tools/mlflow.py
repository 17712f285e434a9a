# SPDX-License-Identifier: Apache-2.0
"""MLflow: traces, as `Trace.to_json` and the data frame of `mlflow.search_traces` have them.

Written after mlflow 3 (`Trace.to_json`, `Span.to_dict` of span version 4, "Span" of the concepts in its documentation as
it was in November 2026); spans of mlflow 2 are read too. The attributes of a span are JSON in texts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from schema_guard.ext.traces.stored_reply import SkippedRow, StoredReply
from schema_guard.ext.traces.values import (
    MISSING,
    amount,
    at,
    count,
    decoded,
    first_of,
    seconds,
    text,
)
from schema_guard.values import Usage

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["MLflow"]

_MODEL_CALLS: Final = frozenset(["LLM", "CHAT_MODEL"])
_TYPE: Final = "mlflow.spanType"


class MLflow:
    """Reads traces, each with its spans."""

    name: Final = "mlflow"

    def fits(self, row: Mapping[str, Any]) -> bool:
        """Say whether a row is a trace, or a row of a data frame of traces."""
        return any(_TYPE in (span.get("attributes") or {}) for span in _spans(row)) or (
            isinstance(row.get("info"), dict) and isinstance(row.get("data"), dict) and "spans" in row["data"]
        )

    def read(self, row: Mapping[str, Any], place: str) -> Iterator[StoredReply | SkippedRow]:
        """Give the calls of models in a trace."""
        trace = _trace(row)
        spans = _spans(row)
        root = next((span for span in spans if not _parent(span)), None)
        has_calls = False
        for number, span in enumerate(spans, 1):
            attributes = {name: decoded(value) for name, value in (span.get("attributes") or {}).items()}
            if str(attributes.get(_TYPE, "")).upper() in _MODEL_CALLS:
                has_calls = True
                yield _span(trace, root, {**span, "attributes": attributes}, f"{place} span {number}")
        if not has_calls:
            yield SkippedRow(place)


def _trace(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """Give the trace itself: a data frame of mlflow 3 has it as JSON in a column."""
    whole = decoded(row.get("trace"))
    return whole if isinstance(whole, dict) else row


def _spans(row: Mapping[str, Any]) -> list[dict[str, Any]]:
    trace = _trace(row)
    listed = first_of(dict(trace), "data.spans", "spans")
    spans = [decoded(span) for span in decoded(listed) or ()] if isinstance(decoded(listed), list) else []
    return [span for span in spans if isinstance(span, dict)]


def _parent(span: Mapping[str, Any]) -> Any:
    return span.get("parent_span_id") or span.get("parent_id")


def _span(
    trace: Mapping[str, Any], root: Mapping[str, Any] | None, span: dict[str, Any], place: str
) -> StoredReply:
    attributes = span["attributes"]
    started = seconds(first_of(span, "start_time_unix_nano", "start_time_ns", "start_time"))
    ended = seconds(first_of(span, "end_time_unix_nano", "end_time_ns", "end_time"))
    whole = dict(trace)
    trace_id = first_of(whole, "info.trace_id", "info.request_id", "trace_id", "request_id")
    span_id = text(first_of(span, "span_id", "context.span_id"))
    outputs = attributes.get("mlflow.spanOutputs", span.get("outputs", MISSING))
    error, exception = _error(span)
    return StoredReply(
        {**span, "trace": {key: value for key, value in whole.items() if key not in ("data", "spans")}},
        place,
        id=None if span_id is None else f"{trace_id} {span_id}",
        output=MISSING if outputs is None else outputs,
        task=_task(attributes.get("mlflow.spanInputs", span.get("inputs"))),
        name=text(span.get("name")),
        function=text((root or span).get("name")),
        model=text(
            attributes.get("mlflow.llm.model")
            or first_of(attributes, "mlflow.spanInputs.model", "model", "invocation_params.model")
        ),
        started_at=started,
        elapsed_s=None if started is None or ended is None else max(0.0, ended - started),
        usage=_usage(attributes.get("mlflow.chat.tokenUsage")),
        cost=amount(first_of(attributes.get("mlflow.llm.cost"), "total_cost")),
        error=error,
        exception=exception,
        version=_version(whole, attributes),
        step_id=f"{trace_id} {_parent(span) or ''}",
    )


def _task(inputs: Any) -> Any:
    """Give what was sent: of the arguments of a provider's function, its messages."""
    for name in ("messages", "input", "contents", "prompt"):
        value = at(inputs, name)
        if value is not MISSING:
            return value
    return inputs


def _usage(usage: Any) -> Usage:
    known = usage if isinstance(usage, dict) else {}
    return Usage(
        count(known.get("input_tokens")),
        count(known.get("output_tokens")),
        count(known.get("cache_read_input_tokens")),
    )


def _version(trace: dict[str, Any], attributes: dict[str, Any]) -> str | None:
    """Give the prompt that is linked to the call, or to its trace where it is the only one."""
    for linked in (
        attributes.get("mlflow.linkedPrompts"),
        decoded(first_of(trace, "info.tags.mlflow.linkedPrompts", "tags.mlflow.linkedPrompts")),
    ):
        if isinstance(linked, list) and len(linked) == 1:
            name, version = text(first_of(linked, "0.name")), text(first_of(linked, "0.version"))
            if name and version:
                return f"{name}@{version}"
    return None


def _error(span: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """Give what is said of an error, and the type of the exception."""
    fields = dict(span)
    code = str(first_of(fields, "status.code", "status_code", "status.status_code")).upper()
    if not code.endswith("ERROR") and code != "2":
        return None, None
    message = text(first_of(fields, "status.message", "status_message", "status.description")) or "ERROR"
    for event in span.get("events") or ():
        kind = first_of(event, "attributes.exception.type")
        if kind is not None:
            return text(first_of(event, "attributes.exception.message")) or message, text(kind)
    return message, None
