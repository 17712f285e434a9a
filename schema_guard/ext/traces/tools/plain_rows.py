# SPDX-License-Identifier: Apache-2.0
"""Plain rows: your own rows, with a column for each field. `--field` names other columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from schema_guard.ext.traces.stored_reply import Tool, stored_reply
from schema_guard.ext.traces.values import MISSING, at

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from schema_guard.ext.traces.stored_reply import StoredReply

FIELDS: Final = (
    "id", "reply", "prompt", "model", "started_at", "ended_at", "elapsed_s", "input_tokens", "output_tokens",
    "cached_input_tokens", "reasoning_tokens", "finish_reason", "cost", "error", "exception", "function", "version",
    "segment", "cluster", "call",
)  # fmt: skip
"""The fields of a row. Only `reply` is needed, or `error` in its place."""

PLAIN: Final = "jsonl"


def plain_rows(columns: Mapping[str, str]) -> Tool:
    """Return the format of plain rows.

    Args:
        columns: Field -> place in a row, for the fields with another name there.
    """
    places = {field: (columns.get(field, field),) for field in FIELDS}
    reply, error = *places["reply"], *places["error"]
    places |= {"task": places["prompt"], "output": places["reply"], "name": places["function"]}

    def fits(row: dict[str, Any]) -> bool:
        return at(row, reply) is not MISSING or at(row, error) is not MISSING

    def read(row: dict[str, Any], place: str) -> Iterator[StoredReply]:
        output = at(row, reply)
        yield stored_reply(row, place, places, output=MISSING if output is None else output)

    return Tool(PLAIN, fits, read)
