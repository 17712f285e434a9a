# SPDX-License-Identifier: Apache-2.0
"""A shape: everything that schemas ask of one value together, once an arm of each union is chosen.

Rules:
1. What is merged into a shape only narrows it.
2. A kind of value that no value can have any more is taken out, with the reason; a shape without kinds is a
   contradiction.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from math import ceil, floor, inf, lcm
from typing import TYPE_CHECKING, Any, NamedTuple

from schema_guard.judging import is_same
from schema_guard.testing.schemas.words import (
    ARRAY,
    FRACTION,
    INTEGER,
    KINDS,
    OBJECT,
    STRING,
    Words,
)
from schema_guard.text import clip

if TYPE_CHECKING:
    from collections.abc import Callable


class Contradiction(Exception):  # a fact that is found, never raised to a user
    """No value can be what is asked for.

    Attributes:
        why: In words.
        location: Keyword location of the schema that says so.
    """

    def __init__(self, why: str, location: str) -> None:
        super().__init__(why)
        self.why = why
        self.location = location


class Members(NamedTuple):
    """What one schema asks of the properties of an object."""

    properties: dict[str, Any]
    patterns: dict[str, Any]
    rest: Any

    def names(self, name: str, matches: Callable[[str, str], bool]) -> bool:
        """Say whether the schema names a property."""
        return name in self.properties or any(matches(pattern, name) for pattern in self.patterns)

    def about(self, name: str, matches: Callable[[str, str], bool]) -> list[Any]:
        """Give what the schema asks of a property."""
        schemas = [each for pattern, each in self.patterns.items() if matches(pattern, name)]
        if name in self.properties:
            schemas.append(self.properties[name])
        return schemas or [self.rest]


class Items(NamedTuple):
    """What one schema asks of the items of an array."""

    prefix: list[Any]
    rest: Any

    def at(self, index: int) -> Any:
        """Give what the schema asks of an item."""
        return self.prefix[index] if index < len(self.prefix) else self.rest


class Contains(NamedTuple):
    """How many items from *start* on match a schema; no *most* is None."""

    schema: Any
    least: int
    most: int | None
    start: int = 0


class Evaluated:
    """What a schema and those that apply in place with it evaluate."""

    def __init__(self) -> None:
        self.members: list[Members] = []
        self.items: list[Items] = []
        self.contains: list[Contains] = []
        self.all_members = False
        self.all_items = False


class Unevaluated(NamedTuple):
    """What a schema asks of the rest."""

    evaluated: Evaluated
    schema: Any


class Wanted(NamedTuple):
    """A property that must be there under some name.

    Attributes:
        how: `"extra"`: not among *names*; `"pattern"`: it matches *names*; `"name"`: the name is an instance of it.
        names: A pair of names and patterns, or None for all that are known; a pattern; a schema.
        schema: What its value is an instance of.
    """

    how: str
    names: Any
    schema: Any


@dataclass(slots=True, eq=False)
class ValueShape:
    """See the top of the file.

    Attributes:
        kinds: Kinds of value that are possible, in the order in which they are simple.
        allowed: The values of `enum` and `const`; None where every value is allowed.
        forbidden: Values that it must not be.
        least: Keyword of a lower bound -> the largest one.
        most: Keyword of an upper bound -> the smallest one.
        lists: Keyword -> what each schema says there.
        location: Keyword location of the first schema that has one.
    """

    location: str = ""
    kinds: list[str] = field(default_factory=lambda: list(KINDS))
    allowed: list[Any] | None = None
    forbidden: list[Any] = field(default_factory=list)
    least: dict[str, Any] = field(default_factory=dict)
    most: dict[str, Any] = field(default_factory=dict)
    lists: dict[str, list[Any]] = field(default_factory=dict)
    required: dict[str, None] = field(default_factory=dict)
    absent: set[str] = field(default_factory=set)
    needs: list[tuple[str, list[str]]] = field(default_factory=list)
    wanted: list[Wanted] = field(default_factory=list)
    members: list[Members] = field(default_factory=list)
    items: list[Items] = field(default_factory=list)
    contains: list[Contains] = field(default_factory=list)
    rest_of_members: list[Unevaluated] = field(default_factory=list)
    rest_of_items: list[Unevaluated] = field(default_factory=list)

    def merge(self, words: Words) -> None:
        """Ask in addition what the keywords of one schema about a value itself ask.

        Raises:
            Contradiction: No kind is left.
        """
        for keyword, value in words.items():
            if keyword in _LEAST:
                self.least[keyword] = max(value, self.least.get(keyword, value))
            elif keyword in _MOST:
                self.most[keyword] = min(value, self.most.get(keyword, value))
            elif keyword in _LISTED:
                self.lists.setdefault(keyword, []).append(value)
            elif keyword in _MERGED:
                _MERGED[keyword](self, value)
        if not self.kinds:
            raise Contradiction("no type satisfies all of the schemas that apply here", self.location)
        # The usual way in which arms exclude each other: found here, it ends a choice at once.
        if self.absent and self.kinds == [OBJECT] and not self.absent.isdisjoint(self.required):
            name = min(self.absent.intersection(self.required))
            raise Contradiction(f"property {name!r} is required and must not be there", self.location)

    def prune(self) -> None:
        """Take out the kinds that the bounds leave no value of.

        Raises:
            Contradiction: No kind is left.
        """
        why = "no type is possible"
        for kind, (least, most, what) in _BOUNDS.items():
            low, high = self.least.get(least, 0), self.most.get(most, inf)
            if kind in self.kinds and low > high:
                self.kinds.remove(kind)
                why = f"at least {low} and at most {high} {what}"
        for kind in (INTEGER, FRACTION):
            low, high = self.range_of(kind)
            if kind in self.kinds and low > high:
                self.kinds.remove(kind)
                why = f"no number between {_bound_text(self.lowest())} and {_bound_text(self.highest())} is possible"
        if not self.kinds:
            raise Contradiction(why, self.location)

    def lowest(self) -> Any:
        """Give the lower bound of numbers, -inf without one."""
        return max(self.least.get("minimum", -inf), self.least.get("exclusiveMinimum", -inf))

    def highest(self) -> Any:
        """Give the upper bound of numbers, inf without one."""
        return min(self.most.get("maximum", inf), self.most.get("exclusiveMaximum", inf))

    def opens_at(self, bound: Any) -> bool:
        """Say whether a bound is excluded itself."""
        return bound in (self.least.get("exclusiveMinimum"), self.most.get("exclusiveMaximum"))

    def step(self, kind: str) -> Fraction | None:
        """Give what numbers of a kind are multiples of; None when they may be any."""
        steps = [exact(step) for step in self.lists.get("multipleOf", [])]
        if kind == INTEGER:
            steps.append(Fraction(1))
        if not steps:
            return None
        # Of fractions in lowest terms, the lcm of the numerators over the gcd of the denominators, which is
        # what comes out over a common denominator.
        below = lcm(*(step.denominator for step in steps))
        return Fraction(lcm(*(int(step * below) for step in steps)), below)

    def range_of(self, kind: str) -> tuple[Any, Any]:
        """Give the bounds of numbers of a kind, as numbers of steps where they are multiples."""
        low, high, step = self.lowest(), self.highest(), self.step(kind)
        if step is None:
            shut = low == high and self.opens_at(low)
            return (1, 0) if shut else (low, high)
        first, last = low, high
        if low != -inf:
            first = ceil(exact(low) / step)
            first += first * step == exact(low) and self.opens_at(low)
        if high != inf:
            last = floor(exact(high) / step)
            last -= last * step == exact(high) and self.opens_at(high)
        return first, last

    def names(self) -> list[str]:
        """Give every property that a schema names, the required ones first."""
        known = dict(self.required)
        for part in self.members:
            known.update(dict.fromkeys(part.properties))
        return list(known)

    def patterns(self) -> list[str]:
        """Give every pattern that a schema names properties by."""
        return list({pattern: None for part in self.members for pattern in part.patterns})

    def prefix(self) -> int:
        """Give how many items have a schema of their own."""
        return max((len(part.prefix) for part in self.items), default=0)

    def with_needed(self, names: dict[str, None]) -> dict[str, None]:
        """Give names with those that they need."""
        names, size = dict(names), -1
        while len(names) != size:
            size = len(names)
            for key, needed in self.needs:
                if key in names:
                    names.update(dict.fromkeys(needed))
        return names


def exact(number: float) -> Fraction:
    """Give the decimal that is written, and not the binary one nearby: 0.1 is a tenth."""
    return Fraction(number) if isinstance(number, int) else Fraction(repr(number))


def among(value: Any, values: list[Any]) -> bool:
    """Say whether a value is one of a list, as JSON."""
    return any(is_same(value, each) for each in values)


def _bound_text(bound: Any) -> str:
    return clip(repr(bound))


def _keep_kinds(shape: ValueShape, kinds: list[str]) -> None:
    shape.kinds = [kind for kind in shape.kinds if kind in kinds]


def _keep_values(shape: ValueShape, values: list[Any]) -> None:
    allowed = values if shape.allowed is None else [v for v in shape.allowed if among(v, values)]
    if not allowed:
        raise Contradiction("no value is in every enum and const that applies here", shape.location)
    shape.allowed = list(allowed)


def _require(shape: ValueShape, names: list[str]) -> None:
    shape.required.update(dict.fromkeys(names))


def _note_absent(shape: ValueShape, properties: dict[str, Any]) -> None:
    shape.absent.update(name for name, schema in properties.items() if schema is False)


def _want(how: str) -> Callable[[ValueShape, Any], None]:
    def want(shape: ValueShape, value: Any) -> None:
        names, schema = (value, True) if how == "name" else value
        shape.wanted.append(Wanted(how, names, schema))

    return want


def _want_item(shape: ValueShape, value: Any) -> None:
    start, schema = value
    shape.contains.append(Contains(schema, 1, None, shape.prefix() if start is None else start))


_LEAST = frozenset({"minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"})
_MOST = frozenset({"maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"})
_LISTED = frozenset({
    "multipleOf", "notMultipleOf", "pattern", "notPattern", "format", "notFormat", "propertyNames", "uniqueItems",
    "duplicate",
})  # fmt: skip
_MERGED: dict[str, Callable[[ValueShape, Any], None]] = {
    "type": _keep_kinds,
    "enum": _keep_values,
    "const": lambda shape, value: _keep_values(shape, [value]),
    "notEnum": lambda shape, values: shape.forbidden.extend(values),
    "required": _require,
    "properties": _note_absent,
    "dependentRequired": lambda shape, needs: shape.needs.extend(needs.items()),
    "someExtra": _want("extra"),
    "somePattern": _want("pattern"),
    "someName": _want("name"),
    "someItem": _want_item,
}
_BOUNDS = {
    STRING: ("minLength", "maxLength", "characters"),
    ARRAY: ("minItems", "maxItems", "items"),
    OBJECT: ("minProperties", "maxProperties", "properties"),
}
