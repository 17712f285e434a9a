# SPDX-License-Identifier: Apache-2.0
"""The objects and arrays of a reply that are open, and what makes a whole value of what was begun."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from schema_guard.core.prefix.plans import SlotPlan

__all__ = ["CLOSERS", "PLACEHOLDERS", "OpenValue", "unused"]

CLOSERS = {"{": "}", "[": "]"}
"""Bracket -> the one that closes it."""
PLACEHOLDERS = {"{": "{}", "[": "[]", '"': '""', "0": "0", "t": "true", "n": "null"}
"""Kind -> a value of it."""


class OpenValue:
    """An object or array that is open.

    Attributes:
        opener: Its bracket.
        plan: What it must keep to.
        start: Where its bracket stands in the JSON text.
        seen: Names of the members of an object.
        count: Members or items that have begun.
        key: Name or index of the last of them.
    """

    __slots__ = ("count", "key", "opener", "plan", "seen", "start")

    def __init__(self, opener: str, plan: SlotPlan, start: int) -> None:
        self.opener = opener
        self.plan = plan
        self.start = start
        self.seen: set[str] = set()
        self.count = 0
        self.key: str | int = ""


def unused(names: set[str]) -> str:
    """Give a name that is none of these."""
    name = "another"
    while name in names:
        name += "_"
    return name
