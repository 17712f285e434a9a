# SPDX-License-Identifier: Apache-2.0
"""A reply as a tracing tool stored it, and the interface of a tool."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from schema_guard.ext.traces.values import MISSING, amount, count, decoded, first_of, seconds, text
from schema_guard.received.replies import stopped
from schema_guard.values import UNKNOWN_USAGE, Failure, FinishReason, Usage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from schema_guard.schema import Schema
    from schema_guard.values import Reply


class StoredReply(NamedTuple):
    """One call of a model.

    Attributes:
        row: The stored row.
        place: File and line.
        id: Its id in the tool; None without one.
        output: The output in any form; `MISSING` without one.
        task: The input as a text, messages as JSON; None without one.
        name: Its name in the tool.
        function: Name of its trace, if the row has one.
        parent: The `id` of the step around it.
        model: Name of the model; None if unknown.
        started_at: Seconds since the epoch, UTC; None if unknown.
        elapsed_s: None if unknown.
        usage: Tokens.
        stopped: The finish reason, and the failure that it means.
        cost: Dollars, as the tool counted them.
        error: The message of an error; None without one.
        exception: Name of the exception's type, with its module if it is known.
        version: Version of the prompt.
        segment: Part of the traffic.
        cluster: Inputs that belong together.
        call: Id that the attempts of one call share, if the tool has one.
        step_id: Id that the calls of one step share. Among these, one can retry the prompt of another.
    """

    row: dict[str, Any]
    place: str
    id: str | None = None
    output: Any = MISSING
    task: Any = None
    name: str | None = None
    function: str | None = None
    parent: str | None = None
    model: str | None = None
    started_at: float | None = None
    elapsed_s: float | None = None
    usage: Usage = UNKNOWN_USAGE
    stopped: tuple[FinishReason | None, Failure | None] = (None, None)
    cost: float | None = None
    error: str | None = None
    exception: str | None = None
    version: str | None = None
    segment: str | None = None
    cluster: str | None = None
    call: str | None = None
    step_id: str | None = None


_TEXTS: Final = (
    "id", "name", "function", "parent", "model", "error", "exception", "version", "segment", "cluster", "call",
)  # fmt: skip
_TOKENS: Final = ("input_tokens", "output_tokens", "cached_input_tokens", "reasoning_tokens")


def stored_reply(
    row: dict[str, Any], place: str, places: Mapping[str, Sequence[str]], **own: Any
) -> StoredReply:
    """Read a row by the places of its fields.

    Args:
        row: The stored row.
        place: Its file and line.
        places: For each field, its possible places. The first one with a value counts. Besides the fields of a reply:
            `trace`, `ended_at`, `finish_reason`, and a field for each kind of tokens.
        own: Fields that the caller has already read.
    """
    known = {field: first_of(row, *where) for field, where in places.items()}
    started, ended, took = seconds(known.get("started_at")), seconds(known.get("ended_at")), None
    if started is not None and ended is not None:
        took = max(0.0, ended - started)
    elapsed_s, trace = amount(known.get("elapsed_s")), known.get("trace")
    read: dict[str, Any] = {
        **{field: text(known.get(field)) for field in _TEXTS},
        "output": MISSING if known.get("output") is None else known["output"],
        "task": known.get("task"),
        "started_at": started,
        "elapsed_s": took if elapsed_s is None else elapsed_s,
        "usage": Usage(*(count(known.get(field)) for field in _TOKENS)),
        "stopped": (None, None) if known.get("finish_reason") is None else stopped(known["finish_reason"]),
        "cost": amount(known.get("cost")),
        "step_id": None if trace is None else f"{trace} {known.get('parent') or ''}",
    }
    read |= own
    return StoredReply(row, place, **{**read, "task": _as_text(decoded(read["task"]))})


def _as_text(task: Any) -> str | None:
    if task is None or isinstance(task, str):
        return task
    return json.dumps(task, ensure_ascii=False, sort_keys=True, default=str)


def error_of_span(span: dict[str, Any]) -> tuple[str | None, str | None]:
    """Return the message of the error of an OpenTelemetry span, and the type of the exception."""
    code = str(first_of(span, "status.code", "status_code", "status.status_code")).upper()
    if not code.endswith("ERROR") and code != "2":
        return None, None
    message = text(first_of(span, "status.message", "status_message", "status.description")) or "ERROR"
    events = decoded(span.get("events"))
    for event in events if isinstance(events, list) else ():
        kind = first_of(event, "attributes.exception.type")
        if kind is not None:
            return text(first_of(event, "attributes.exception.message")) or message, text(kind)
    return message, None


class ReadReply(NamedTuple):
    """A stored reply without its row, which takes ten times as much memory.

    Attributes:
        stored: The stored reply, without its row and its output.
        reply: The reply.
        schema: The schema that it must match.
        id: Its id in the tool, or a hash of its row.
    """

    stored: StoredReply
    reply: Reply
    schema: Schema[Any]
    id: str


class SkippedRow(NamedTuple):
    """A row without a call of a model.

    Attributes:
        place: File and line.
        id: Its id, which the calls inside it name as their parent; None without one.
        name: Its name in the tool.
    """

    place: str
    id: str | None = None
    name: str | None = None


class Tool(NamedTuple):
    """The export format of one tool.

    Attributes:
        name: Its name on the command line.
        fits: Returns whether a row is in this format.
        read: Yields the calls of models in a row. It never raises.
    """

    name: str
    fits: Callable[[dict[str, Any]], bool]
    read: Callable[[dict[str, Any], str], Iterator[StoredReply | SkippedRow]]
