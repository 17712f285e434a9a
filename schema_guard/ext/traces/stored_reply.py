# SPDX-License-Identifier: Apache-2.0
"""A reply as a tool has stored it: what its file of `tools` reads, and all others take."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from schema_guard.ext.traces.values import MISSING, amount, count, decoded, first_of, seconds, text
from schema_guard.values import UNKNOWN_USAGE, Usage

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from schema_guard.schema import Schema
    from schema_guard.values import Reply

__all__ = ["ReadReply", "SkippedRow", "StoredReply", "Tool", "stored_reply"]


class StoredReply(NamedTuple):
    """One call of a model.

    Attributes:
        row: All that is stored of it, for the columns that a user names.
        place: Where it stands: file and line.
        id: Its own in the tool; None where it has none.
        output: What came, in whatever form; `MISSING` where nothing is stored.
        task: What was sent; None where that is not stored.
        name: What the tool calls it.
        function: What made it, where the row says so: the name of its trace.
        parent: The `id` of the step inside of which it was made.
        model: Name of the model; None when unknown.
        started_at: Seconds since the epoch, UTC; None when unknown.
        elapsed_s: None when unknown.
        usage: Tokens.
        finish_reason: The provider's own word.
        cost: Dollars, as the tool counted them.
        error: What is said of an error; None where none is.
        exception: Name of the exception's type, with its module where that is known.
        version: Of the prompt.
        segment: Part of the traffic.
        cluster: Inputs that belong together.
        call: What attempts of one call have in common, where the tool says so.
        step_id: What calls of one step have in common, among which one may ask another's prompt again.
    """

    row: Mapping[str, Any]
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
    finish_reason: object = None
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
    row: Mapping[str, Any], place: str, places: Mapping[str, Sequence[str]], **own: Any
) -> StoredReply:
    """Read a row by the places of its fields.

    Args:
        row: All that is stored of it.
        place: Its file and line.
        places: For each field, its possible places. The first one with a value counts. Beside the fields of a reply:
            `trace`, `ended_at`, and a field for each kind of tokens.
        own: Fields that the caller has read itself.
    """
    known = {field: first_of(row, *where) for field, where in places.items()}
    started, ended, took = seconds(known.get("started_at")), seconds(known.get("ended_at")), None
    if started is not None and ended is not None:
        took = max(0.0, ended - started)
    elapsed_s, trace = amount(known.get("elapsed_s")), known.get("trace")
    read: dict[str, Any] = {
        **{field: text(known.get(field)) for field in _TEXTS},
        "output": MISSING if known.get("output") is None else known["output"],
        "task": decoded(known.get("task")),
        "started_at": started,
        "elapsed_s": took if elapsed_s is None else elapsed_s,
        "usage": Usage(*(count(known.get(field)) for field in _TOKENS)),
        "finish_reason": known.get("finish_reason"),
        "cost": amount(known.get("cost")),
        "step_id": None if trace is None else f"{trace} {known.get('parent') or ''}",
    }
    return StoredReply(row, place, **{**read, **own})


class ReadReply(NamedTuple):
    """A stored reply that was read, without what it was read from: a tenth of its size.

    Attributes:
        stored: Without its row and its output; what was sent is a text, that of messages as JSON.
        reply: What came.
        schema: What it is held to.
        id: The tool's own id of it; of one without, made of all that was stored of it.
    """

    stored: StoredReply
    reply: Reply
    schema: Schema[Any]
    id: str


class SkippedRow(NamedTuple):
    """A row that is no call of a model.

    Attributes:
        place: Where it stands.
        id: Its own, by which calls inside of it name it; None where it has none.
        name: What the tool calls it.
    """

    place: str
    id: str | None = None
    name: str | None = None


class Tool(Protocol):
    """How the exports of one tool are read."""

    @property
    def name(self) -> str:
        """As the command line has it."""

    def fits(self, row: Mapping[str, Any]) -> bool:
        """Say whether a row of an export is this tool's."""

    def read(self, row: Mapping[str, Any], place: str) -> Iterator[StoredReply | SkippedRow]:
        """Give the calls of models that a row holds; never raises."""
