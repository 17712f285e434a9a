# SPDX-License-Identifier: Apache-2.0
"""Plain rows: a column for each thing that is known, by these names or by those that `--field` gives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from schema_guard.errors import InvalidArgument
from schema_guard.ext.traces.stored_reply import stored_reply
from schema_guard.ext.traces.values import MISSING, at
from schema_guard.text import clip, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from schema_guard.ext.traces.stored_reply import StoredReply

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
        places = {field: named.get(field, field) for field in FIELDS}
        self._reply = (places["reply"], places["error"])
        # What a row calls its prompt and its reply is the task and the output of the call.
        own = {"task": (places["prompt"],), "output": (places["reply"],), "name": (places["function"],)}
        self._places = {**{field: (place,) for field, place in places.items()}, **own}

    def fits(self, row: Mapping[str, Any]) -> bool:
        """Say whether a row has a reply, or an error in its place."""
        return any(at(dict(row), place) is not MISSING for place in self._reply)

    def read(self, row: Mapping[str, Any], place: str) -> Iterator[StoredReply]:
        """Give the call that a row is."""
        whole = dict(row)
        output = at(whole, self._reply[0])
        yield stored_reply(whole, place, self._places, output=MISSING if output is None else output)
