# SPDX-License-Identifier: Apache-2.0
"""The objects and arrays of a reply that are open, and what makes a whole value of what was begun."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from schema_guard.ext.streaming.plans import SlotPlan

__all__ = ["CLOSERS", "PLACEHOLDERS", "OpenValue", "Refusal", "unused"]

CLOSERS = {"{": "}", "[": "]"}
"""Bracket -> the one that closes it."""
PLACEHOLDERS = {"{": "{}", "[": "[]", '"': '""', "0": "0", "t": "true", "n": "null"}
"""Kind -> a value of it."""


@dataclass(slots=True)
class OpenValue:
    """An object or array that is open.

    Attributes:
        opener: Its bracket.
        plan: What it must keep to.
        start: Where its bracket stands in the JSON text.
        names: Names of the members of an object.
        count: Items of an array that have begun.
        key: Name or index of the last of them.
    """

    opener: str
    plan: SlotPlan
    start: int
    names: set[str] = field(default_factory=set)
    count: int = 0
    key: str | int = ""

    def size(self) -> int:
        """Return how many members or items have begun."""
        return len(self.names) if self.opener == "{" else self.count


class Refusal(NamedTuple):
    """Where in a text a value cannot go on.

    Attributes:
        end: Up to where the text is taken, to which *rest* is added and what closes it.
        rest: What makes a whole value of it.
        keyword: What is broken; empty where only the engine knows.
        inside: Whether the place is the member or item that is written, and not what it is in.
        closed: Whether the innermost object or array is closed.
        open_kind: Kind of a value of which more may come; None for a whole one.
        decided: The position behind the character that decided it; None where that is *end*.
        unnamed: The name that *rest* gives a member whose own is not read yet; None where it has none such.
    """

    end: int
    rest: str
    keyword: str
    inside: bool = False
    closed: bool = False
    open_kind: str | None = None
    decided: int | None = None
    unnamed: str | None = None


def unused(names: set[str]) -> str:
    """Return a name that is none of these."""
    name = "another"
    while name in names:
        name += "_"
    return name
