# SPDX-License-Identifier: Apache-2.0
"""What one place of a reply asks of the value there, once its first character says of which kind it is.

Rule: every condition is necessary, or the engine's verdict on a whole value. Leaving one out is always sound.
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
"""First character of a value -> its kind, which is named by one of them."""


# Plans that one value is held against: unions in unions could double with each level.
_MAX_WEIGHT = 500


@dataclass(eq=False, slots=True)
class Slot:
    """What one place asks: schemas and unions that must all hold.

    Attributes:
        items: Schema objects, and `SlotUnion` of which one must hold.
        denied: The keyword by which no value may stand here; None where one may.
        plans: First character of a value -> the plan, as far as they were made.
    """

    items: tuple[Any, ...]
    denied: str | None = None
    plans: dict[str, SlotPlan] = field(default_factory=dict)


@dataclass(eq=False, slots=True)
class SlotUnion:
    """A union: one of the slots must hold.

    Attributes:
        slots: The arms.
        keyword: What makes the union: `anyOf`, `oneOf`, `if`, `enum`, `const`.
    """

    slots: tuple[Slot, ...]
    keyword: str


class MemberRules(NamedTuple):
    """What one schema asks of the members of an object, or of the items of an array.

    Attributes:
        by_name: Name, or index, -> schema.
        patterns: Of the other names: what says whether one matches, None where that is unknown, and its schema.
        rest: The schema of what is left.
        keyword: What says so.
    """

    by_name: dict[Any, Any]
    patterns: tuple[tuple[Callable[[Any], bool] | None, Any], ...]
    rest: Any
    keyword: str

    def schemas(self, step: Any) -> tuple[list[Any], str]:
        """Return the schemas of a member or an item, and the keyword that they come from; None is a name of no list."""
        schemas = [self.by_name[step]] if step in self.by_name else []
        if step is not None:
            for matches, schema in self.patterns:
                if matches is None:
                    # Whether it is left over is not known either.
                    return schemas, "properties"
                if accepts((matches,), step):
                    schemas.append(schema)
        return (schemas, "properties") if schemas else ([self.rest], self.keyword)


@dataclass(eq=False, slots=True)
class SlotPlan:
    """What a value of one kind must keep to, at one place.

    Attributes:
        dead: The keyword by which no value of this kind may stand here; None where one may.
        checks: Verdicts on the whole value, of a scalar.
        groups: Unions of which several arms are left; each arm is a plan.
        asks: Whether anything is asked; of a residue only its owner makes use.
        longest: Characters of a text at most.
        texts: The texts that may stand here, sorted; None where they are not listed.
        parts: What is asked of members or items.
        required: Names of members that must be there.
        least: Members or items at least.
        most: Members or items at most.
        closed: The names that members may have; None where others may be.
        sorted_names: Those names, sorted.
        full: With so many members or items there can be no more.
        residue: Schemas that are held against the whole object or array at its end.
        children: Name or index -> the slot there, as far as they were made.
        rest: The slot of every member whose name is not one of *names*; None before it is made.
        names: The names, or the indices, that are told apart.
        varies: Whether what is asked of other members depends on their names.
        weight: Plans in its groups, and in theirs.
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
        """Say whether a whole scalar may stand here; what cannot be judged may."""
        return accepts(self.checks, value) and all(
            any(arm.accepts(value) for arm in arms) for arms in self.groups
        )

    def settle(self) -> None:
        """Take over what holds whichever arm of a group it is."""
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
    """Say whether one of some sorted texts begins so; True where none are listed."""
    if among is None:
        return True
    at = bisect_left(among, text)
    return at < len(among) and among[at].startswith(text)


def accepts(checks: Sequence[Callable[[Any], bool]], value: Any) -> bool:
    """Say whether every check takes a value; what cannot be judged is taken."""
    try:
        for check in checks:
            if not check(value):
                return False
    except ValueError as error:
        if is_interruption(error):
            raise
    return True
