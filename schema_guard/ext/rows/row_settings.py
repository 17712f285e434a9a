# SPDX-License-Identifier: Apache-2.0
"""What is asked for a row: the settings of a dataset's calls, and the columns that a row needs and gets."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any, TypeAlias

from schema_guard.decorator import guard
from schema_guard.errors import InvalidArgument
from schema_guard.text import clip, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from schema_guard.decorator import Guard
    from schema_guard.records.recorder import Recorder
    from schema_guard.schema import Schema

    Row: TypeAlias = Mapping[str, Any]

__all__ = ["COLUMNS", "MESSAGE_CHARS", "Asking"]

MESSAGE_CHARS = 200
"""Of the words of a failure."""

COLUMNS = {
    "ok": "bool_",
    "failure_kind": "string",
    "failure_code": "string",
    "failure_message": "string",
    "attempts": "int64",
    "input_tokens": "int64",
    "output_tokens": "int64",
}
"""Name in the row -> type in Arrow; before them stands the value."""


@dataclass(frozen=True, slots=True)
class Asking:
    """What to ask for a row, as `enforce_dataset` has it.

    Attributes:
        schema: The schema of the values.
        settings: The other arguments of `guard`.
        run: 16 hex digits that no other run has.
    """

    schema: Schema[Any]
    settings: dict[str, Any]
    concurrency: int
    task: str
    id: str
    output: str
    retries: int
    run: str

    def guard(self, recorder: Recorder | None) -> Guard[Any, Any]:
        """Return the settings of the calls."""
        settings: Guard[Any, Any] = guard(self.schema, store=recorder, **self.settings)
        return settings

    def check(self, names: Iterable[str]) -> None:
        """Raise `InvalidArgument` for columns that are missing, or that would be written over."""
        known = list(names)
        if self.task not in known:
            near = did_you_mean(self.task, known)
            raise InvalidArgument(f"task={self.task!r}: expected one of the columns {_shown(known)}{near}")
        clashes = [name for name in (self.output, *COLUMNS) if name in known]
        if clashes:
            raise InvalidArgument(
                f"rows: the rows already have the result columns {_shown(clashes)}. Rename these columns, or pass output= for the value"
            )

    def key(self, row: Row, otherwise: str) -> str:
        """Give what tells a row from all others: its id, where it has one."""
        own = row.get(self.id)
        return otherwise if own is None else f"={own}"

    def call_id(self, key: str) -> str:
        """Return the id of a row's call: a UUID of version 8 (RFC 9562 s. 5.8), the same whenever it is asked for."""
        digest = sha256(f"{self.run}\x1f{key}".encode("utf-8", "surrogatepass")).hexdigest()
        return f"{digest[:12]}8{digest[13:16]}8{digest[17:32]}"


def _shown(names: list[str]) -> str:
    return clip(", ".join(map(repr, names)), MESSAGE_CHARS)
