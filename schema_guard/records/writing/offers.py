# SPDX-License-Identifier: Apache-2.0
"""The stores of a file, and the outcomes that wait for their writer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, cast

from schema_guard.errors import InvalidArgument
from schema_guard.records.rows import confidence_text, rows
from schema_guard.records.values import ContentRow, SecondOpinion
from schema_guard.text import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable

    from schema_guard.records.payloads.storage import PendingTexts, TextStorage
    from schema_guard.records.payloads.texts import Payload
    from schema_guard.records.recorder import CheckedCall
    from schema_guard.records.rows import Row
    from schema_guard.values import Outcome, Prompt

Durability = Literal["queue", "sync"]
_DURABILITIES = ("queue", "sync")


@dataclass(slots=True, eq=False)
class Opener:
    """One store of a file. All stores of a file in a process share one writer, and each has its own settings.

    Attributes:
        keeper: Takes from outcomes the texts that this store may keep.
        is_sync: Whether its calls wait until their rows are stored.
        is_strict: Whether a call raises, with `is_sync`, if its rows are not stored.
        is_closed: Whether it was closed. Later outcomes are lost.
    """

    keeper: TextStorage
    is_sync: bool = False
    is_strict: bool = False
    is_closed: bool = False


class Item(NamedTuple):
    """An outcome that waits for its rows, or a second opinion about an earlier one."""

    outcome: Callable[[], Outcome[Any]] | SecondOpinion
    task: Prompt | None
    attempts: int
    chars: int
    texts: tuple[PendingTexts, ...]
    opener: Opener
    checked: CheckedCall | None = None


class Batch:
    """The rows of one transaction."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.payloads: list[Payload | None] = []
        self.content: list[ContentRow | SecondOpinion] = []

    def add(self, item: Item, key: bytes) -> None:
        """Add the rows, the texts, and the content of an item. If it raises, nothing is added."""
        keeper = item.opener.keeper
        if isinstance(item.outcome, SecondOpinion):
            reply = item.outcome.reply
            stored = keeper.second_reply(reply, key) if isinstance(reply, str) else None
            self.content.append(item.outcome._replace(reply=stored))
            return
        outcome = item.outcome()
        made = rows(outcome, item.task, key)
        payloads = keeper.payloads(item.texts, key) if item.texts else [None] * len(made)
        content = None if item.checked is None else item.checked.row(outcome, key)
        if outcome.confidence:
            row = content or ContentRow(outcome.call.id, "value")
            content = row._replace(confidence=confidence_text(outcome))
        self.rows += made
        self.payloads += payloads
        if content is not None:
            self.content.append(content)

    def texts(self) -> list[Payload | None]:
        """Return the texts of each row. Empty if no row has any."""
        return self.payloads if any(self.payloads) else []


class Mark(NamedTuple):
    """A place in the queue. When the writer takes it, everything before it is stored or lost."""

    number: int
    last: bool


def durability_of(durability: str) -> Durability:
    """Return the durability with a name. Raise `InvalidArgument` if there is none."""
    if durability not in _DURABILITIES:
        near = did_you_mean(durability, _DURABILITIES)
        raise InvalidArgument(f"durability={durability!r}: expected 'queue' or 'sync'{near}")
    return cast("Durability", durability)
