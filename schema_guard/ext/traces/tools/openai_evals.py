# SPDX-License-Identifier: Apache-2.0
"""OpenAI: output items of evals, stored completions and responses, and output of batches.

Source: the API reference of evals and chat completions (`eval.run.output_item`, `chat.completion`), and of the output of the
Batch API, in November 2026.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from schema_guard.ext.traces.stored_reply import StoredReply, Tool, stored_reply
from schema_guard.ext.traces.values import MISSING, count, first_of, text

if TYPE_CHECKING:
    from collections.abc import Iterator

_ITEM: Final = "eval.run.output_item"
_REPLIES: Final = frozenset(["chat.completion", "response", "text_completion"])


_PLACES: Final = {
    "id": ("id",),
    "model": ("model", "sample.model"),
    "started_at": ("created", "created_at"),
    "ended_at": ("completed_at",),
    "task": ("messages", "input", "input_messages", "sample.input"),
    "function": ("metadata.function", "metadata.name", "eval_id"),
    "version": ("metadata.version", "metadata.prompt_version"),
}
# The time of an output item is that of the start of its run, because it has no other.
_ITEM_PLACES: Final = {
    **_PLACES,
    "output": ("sample.output",),
    "input_tokens": ("sample.usage.prompt_tokens",),
    "output_tokens": ("sample.usage.completion_tokens",),
    "cached_input_tokens": ("sample.usage.cached_tokens",),
    "finish_reason": ("sample.finish_reason",),
    "error": ("sample.error.message", "sample.error.code"),
    "exception": ("sample.error.code",),
}


def _fits(row: dict[str, Any]) -> bool:
    return row.get("object") == _ITEM or row.get("object") in _REPLIES or "custom_id" in row


def _read(row: dict[str, Any], place: str) -> Iterator[StoredReply]:
    if row.get("object") == _ITEM:
        item = stored_reply(row, place, _ITEM_PLACES)
        yield item._replace(output=item.output or MISSING)
    elif row.get("object") in _REPLIES:
        yield stored_reply(row, place, _PLACES, output=row)
    else:
        yield _of_batch(row, place)


OPENAI_EVALS: Final = Tool("openai-evals", _fits, _read)


def _of_batch(fields: dict[str, Any], place: str) -> StoredReply:
    """Read a line of the output of a batch. The provider causes an error with a status."""
    body = first_of(fields, "response.body")
    status = count(first_of(fields, "response.status_code"))
    failed = status is not None and status >= 400
    error = first_of(fields, "error.message", "error.code", "response.body.error.message")
    inner = StoredReply(fields, place)
    if isinstance(body, dict) and not failed:
        inner = stored_reply(body, place, _PLACES, output=body)
    return inner._replace(
        row=fields,
        id=text(first_of(fields, "id", "custom_id")),
        error=(text(error) or f"HTTP status {status}") if failed or error is not None else None,
        exception="provider" if failed else text(first_of(fields, "error.code")),
    )
