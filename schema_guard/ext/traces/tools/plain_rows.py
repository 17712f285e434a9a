# SPDX-License-Identifier: Apache-2.0
"""Plain rows: a column for each thing that is known, by these names or by those that `--field` gives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from schema_guard.errors import InvalidArgument
from schema_guard.ext.traces.stored_reply import SkippedRow, StoredReply
from schema_guard.ext.traces.values import MISSING, amount, at, count, decoded, seconds, text
from schema_guard.text import clip, did_you_mean
from schema_guard.values import Usage

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["FIELDS", "Plain"]

FIELDS: Final = (
    "id", "reply", "prompt", "model", "started_at", "ended_at", "elapsed_s", "input_tokens", "output_tokens",
    "cached_input_tokens", "reasoning_tokens", "finish_reason", "cost", "error", "exception", "function", "version",
    "segment", "cluster", "call",
)  # fmt: skip
"""What a row may say; of these only `reply`, or an `error` in its place, is needed."""


class Plain:
    """Reads rows of one's own.

    Args:
        columns: Field -> place in a row, for those that have another name there.

    Raises:
        InvalidArgument: There is no such field.
    """

    name: Final = "jsonl"

    def __init__(self, columns: Mapping[str, str] | None = None) -> None:
        named = dict(columns or {})
        for field in named:
            if field not in FIELDS:
                raise InvalidArgument(
                    f"--field {clip(repr(field))}: expected one of {', '.join(FIELDS)}{did_you_mean(field, FIELDS)}"
                )
        self._columns = {field: named.get(field, field) for field in FIELDS}

    def fits(self, row: Mapping[str, Any]) -> bool:
        """Say whether a row has a reply, or an error in its place."""
        return any(at(dict(row), self._columns[field]) is not MISSING for field in ("reply", "error"))

    def read(self, row: Mapping[str, Any], place: str) -> Iterator[StoredReply | SkippedRow]:
        """Give the call that a row is."""
        whole = dict(row)
        stored = {field: at(whole, column) for field, column in self._columns.items()}
        values = {field: None if value is MISSING else value for field, value in stored.items()}
        started, ended = seconds(values["started_at"]), seconds(values["ended_at"])
        took = amount(values["elapsed_s"])
        if took is None and started is not None and ended is not None:
            took = max(0.0, ended - started)
        named = {
            field: text(values[field])
            for field in (
                "id",
                "model",
                "error",
                "exception",
                "function",
                "version",
                "segment",
                "cluster",
                "call",
            )
        }
        yield StoredReply(
            whole,
            place,
            **named,
            output=MISSING if stored["reply"] is None else stored["reply"],
            task=decoded(values["prompt"]),
            name=named["function"],
            started_at=started,
            elapsed_s=took,
            usage=Usage(
                *(
                    count(values[field])
                    for field in ("input_tokens", "output_tokens", "cached_input_tokens", "reasoning_tokens")
                )
            ),
            finish_reason=values["finish_reason"],
            cost=amount(values["cost"]),
        )
