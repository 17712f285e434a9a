# SPDX-License-Identifier: Apache-2.0
"""OpenAI: output items of evals, stored completions and responses, output of batches, and logs of `oaieval`.

Written after the API reference of evals and chat completions (`eval.run.output_item`, `chat.completion`), the output of
the Batch API and `evals/record.py` of github.com/openai/evals as they were in November 2026.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from schema_guard.ext.traces.stored_reply import SkippedRow, StoredReply
from schema_guard.ext.traces.values import MISSING, count, first_of, seconds, text
from schema_guard.values import UNKNOWN_USAGE, Usage

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["OpenAIEvals"]

_ITEM: Final = "eval.run.output_item"
_REPLIES: Final = frozenset(["chat.completion", "response", "text_completion"])


class OpenAIEvals:
    """Reads what OpenAI stores of completions."""

    name: Final = "openai-evals"

    def __init__(self) -> None:
        # The model of a log of `oaieval` stands in its first line alone.
        self._model: str | None = None

    def fits(self, row: Mapping[str, Any]) -> bool:
        """Say whether a row is an output item, a stored reply, a batch's line or an event of a log."""
        if row.get("object") == _ITEM or row.get("object") in _REPLIES:
            return True
        return "custom_id" in row or "spec" in row or ("sample_id" in row and "event_id" in row)

    def read(self, row: Mapping[str, Any], place: str) -> Iterator[StoredReply | SkippedRow]:
        """Give the call that a row is."""
        if row.get("object") == _ITEM:
            yield _item(row, place)
        elif row.get("object") in _REPLIES:
            yield _completion(row, place)
        elif "custom_id" in row:
            yield _of_batch(row, place)
        else:
            yield from self._event(row, place)

    def _event(self, row: Mapping[str, Any], place: str) -> Iterator[StoredReply | SkippedRow]:
        if "spec" in row:
            self._model = text(first_of(dict(row), "spec.completion_fns.0"))
        if row.get("type") != "sampling":
            yield SkippedRow(place)
            return
        fields = dict(row)
        yield StoredReply(
            fields,
            place,
            id=f"{row.get('run_id')} {row.get('event_id')}",
            output=_first(first_of(fields, "data.sampled")),
            task=first_of(fields, "data.prompt"),
            function=text(str(row.get("sample_id")).rpartition(".")[0]),
            model=text(first_of(fields, "data.model")) or self._model,
            started_at=seconds(row.get("created_at")),
            usage=_usage(first_of(fields, "data.usage")),
        )


def _first(sampled: Any) -> Any:
    if isinstance(sampled, list):
        return sampled[0] if sampled else MISSING
    return MISSING if sampled is None else sampled


def _usage(usage: Any) -> Usage:
    if not isinstance(usage, dict):
        return UNKNOWN_USAGE
    return Usage(
        count(usage.get("prompt_tokens")),
        count(usage.get("completion_tokens")),
        count(usage.get("cached_tokens")),
    )


def _item(row: Mapping[str, Any], place: str) -> StoredReply:
    """Read an output item. Its time is that of the run's start, for it has no other."""
    fields = dict(row)
    error = first_of(fields, "sample.error.message", "sample.error.code")
    outputs = first_of(fields, "sample.output")
    return StoredReply(
        fields,
        place,
        id=text(row.get("id")),
        output=outputs if isinstance(outputs, list) and outputs else MISSING,
        task=first_of(fields, "sample.input"),
        function=text(row.get("eval_id")),
        model=text(first_of(fields, "sample.model")),
        started_at=seconds(row.get("created_at")),
        usage=_usage(first_of(fields, "sample.usage")),
        finish_reason=first_of(fields, "sample.finish_reason"),
        error=text(error),
        exception=text(first_of(fields, "sample.error.code")),
    )


def _completion(row: Mapping[str, Any], place: str) -> StoredReply:
    """Read a stored reply, which says of itself what is known of it."""
    fields = dict(row)
    created = seconds(first_of(fields, "created", "created_at"))
    ended = seconds(first_of(fields, "completed_at"))
    return StoredReply(
        fields,
        place,
        id=text(row.get("id")),
        output=fields,
        task=first_of(fields, "messages", "input", "input_messages"),
        function=text(first_of(fields, "metadata.function", "metadata.name")),
        model=text(row.get("model")),
        started_at=created,
        elapsed_s=None if created is None or ended is None else max(0.0, ended - created),
        version=text(first_of(fields, "metadata.version", "metadata.prompt_version")),
    )


def _of_batch(row: Mapping[str, Any], place: str) -> StoredReply:
    """Read a line of a batch's output; the status of an error is the provider's."""
    fields = dict(row)
    body = first_of(fields, "response.body")
    status = count(first_of(fields, "response.status_code"))
    failed = status is not None and status >= 400
    error = first_of(fields, "error.message", "error.code", "response.body.error.message")
    inner = _completion(body, place) if isinstance(body, dict) and not failed else StoredReply(fields, place)
    return inner._replace(
        row=fields,
        id=text(first_of(fields, "id", "custom_id")),
        error=(text(error) or f"HTTP status {status}") if failed or error is not None else None,
        exception="provider" if failed else text(first_of(fields, "error.code")),
    )
