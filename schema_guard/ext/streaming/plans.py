# SPDX-License-Identifier: Apache-2.0
"""The conditions on the value at one place of a reply, once its first character decides its kind.

Rule: every condition is necessary, or is the engine's verdict on a whole value. Leaving one out is always sound.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field
from math import inf
from typing import TYPE_CHECKING, Any, NamedTuple

from schema_guard.interruptions import is_interruption

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

KINDS = {**dict.fromkeys("-0123456789", "0"), '"': '"', "{": "{", "[": "[", "t": "t", "f": "t", "n": "n"}
"""First character of a value -> its kind. The name of a kind is one of its characters."""


# Most plans that check one value, because nested unions could double their number with each level.
_MAX_WEIGHT = 500


@dataclass(eq=False, slots=True)
class Slot:
    """The conditions on one place: schemas and unions that must all hold.

    Attributes:
        items: Schema objects and `SlotUnion` objects.
        denied: The keyword that forbids any value here; None if values are allowed.
        plans: First character of a value -> its plan, for the plans built so far.
    """

    items: tuple[Any, ...]
    denied: str | None = None
    plans: dict[str, SlotPlan] = field(default_factory=dict)


@dataclass(eq=False, slots=True)
class SlotUnion:
    """A union: one of the slots must hold.

    Attributes:
        slots: The arms.
        keyword: The keyword of the union: `anyOf`, `oneOf`, `if`, `enum`, or `const`.
    """

    slots: tuple[Slot, ...]
    keyword: str


class MemberRules(NamedTuple):
    """The conditions of one schema on the members of an object, or on the items of an array.

    Attributes:
        by_name: Name or index -> schema.
        patterns: For the other names, pairs of a check whether the name matches (None if unknown) and the schema.
        rest: The schema of the remaining members or items.
        keyword: The keyword of *rest*.
    """

    by_name: dict[Any, Any]
    patterns: tuple[tuple[Callable[[Any], bool] | None, Any], ...]
    rest: Any
    keyword: str

    def schemas(self, step: Any) -> tuple[list[Any], str]:
        """Return the schemas of a member or item, and their keyword. None stands for a name that is not listed."""
        schemas = [self.by_name[step]] if step in self.by_name else []
        if step is not None:
            for matches, schema in self.patterns:
                if matches is None:
                    # It is also unknown whether the name falls under the rest.
                    return schemas, "properties"
                if accepts((matches,), step):
                    schemas.append(schema)
        return (schemas, "properties") if schemas else ([self.rest], self.keyword)


@dataclass(eq=False, slots=True)
class SlotPlan:
    """The conditions on a value of one kind at one place.

    Attributes:
        dead: The keyword that forbids any value of this kind here; None if values are allowed.
        checks: Verdicts on a whole scalar.
        groups: Unions with several remaining arms; each arm is a plan.
        asks: Whether there is any condition. Only the owner of a residue uses the residue.
        longest: Largest number of characters of a text.
        texts: The allowed texts, sorted; None if they aren't listed.
        parts: Conditions on members or items.
        required: Names of required members.
        least: Smallest number of members or items.
        most: Largest number of members or items.
        closed: The only allowed names of members; None if other names are allowed.
        sorted_names: Those names, sorted.
        full: Number of members or items at which no more can follow.
        residue: Schemas that the whole object or array must match at its end.
        children: Name or index -> its slot, for the slots built so far.
        rest: The slot of every member whose name isn't in *names*; None before it is built.
        names: The names or indices with slots of their own.
        varies: Whether the conditions on other members depend on their names.
        weight: Number of plans in its groups, and in their groups.
    """

    dead: str | None = None
    asks: bool = False
    checks: tuple[Callable[[Any], bool], ...] = ()
    groups: tuple[tuple[SlotPlan, ...], ...] = ()
    longest: float = inf
    texts: list[str] | None = None
    parts: tuple[MemberRules, ...] = ()
    required: frozenset[str] = frozenset()
    least: float = 0
    most: float = inf
    closed: frozenset[str] | None = None
    sorted_names: list[str] | None = None
    full: float = inf
    residue: tuple[dict[str, Any], ...] = ()
    children: dict[Any, Slot] = field(default_factory=dict)
    rest: Slot | None = None
    names: set[Any] = field(default_factory=set)
    varies: bool = False
    weight: int = 1

    def accepts(self, value: Any) -> bool:
        """Return whether a whole scalar is allowed here. A value that can't be checked is allowed."""
        return accepts(self.checks, value) and all(
            any(arm.accepts(value) for arm in arms) for arms in self.groups
        )

    def settle(self) -> None:
        """Add the conditions that hold in every arm of a group."""
        self.names.update(name for part in self.parts for name in part.by_name)
        self.varies = any(part.patterns for part in self.parts)
        self.groups = tuple(arms for arms in self.groups if sum(arm.weight for arm in arms) <= _MAX_WEIGHT)
        for arms in self.groups:
            self.weight += sum(arm.weight for arm in arms)
            self.names.update(*(arm.names for arm in arms))
            self.varies = self.varies or any(arm.varies for arm in arms)
            self.required |= frozenset.intersection(*(arm.required for arm in arms))
            self.least = max(self.least, min(arm.least for arm in arms))
            self.most = min(self.most, max(arm.most for arm in arms))
            self.longest = min(self.longest, max(arm.longest for arm in arms))
            names = [arm.closed for arm in arms]
            if None not in names:
                named = frozenset().union(*(each for each in names if each))
                self.closed = named if self.closed is None else self.closed & named
            texts = [arm.texts for arm in arms]
            if self.texts is None and None not in texts:
                self.texts = sorted({text for each in texts if each for text in each})
        self.asks = (
            bool(self.checks or self.groups or self.parts or self.required or self.least) or self.most < inf
        )
        self.sorted_names = None if self.closed is None else sorted(self.closed)
        self.full = self.most if self.closed is None else min(self.most, len(self.closed))


def begins_one(text: str, among: Sequence[str] | None) -> bool:
    """Return whether one of some sorted texts begins with *text*, or True if no texts are listed."""
    if among is None:
        return True
    at = bisect_left(among, text)
    return at < len(among) and among[at].startswith(text)


def accepts(checks: Sequence[Callable[[Any], bool]], value: Any) -> bool:
    """Return whether every check accepts a value. A value that can't be checked is accepted."""
    try:
        for check in checks:
            if not check(value):
                return False
    except ValueError as error:
        if is_interruption(error):
            raise
    return True
