# SPDX-License-Identifier: Apache-2.0
"""The shapes of the schemas of a document, found once and kept: what is possible at each place.

Rules:
1. Schemas that apply to one value together are a group; equal groups are the same group.
2. What is drawn ends: every shape has a height, the fewest levels of values inside it, and what is drawn with
   so much room only takes what fits in.
3. A search that was cut short knows less, never something wrong.
"""

from __future__ import annotations

import random
from functools import partial
from math import inf
from typing import TYPE_CHECKING, Any, NamedTuple

from schema_guard.testing.schemas.choices import Choices, Negations
from schema_guard.testing.schemas.matching import Matching
from schema_guard.testing.schemas.shape import Contradiction, ValueShape, among, exact
from schema_guard.testing.schemas.words import (
    ARRAY,
    BOOLEAN,
    INTEGER,
    NULL,
    NUMBERS,
    OBJECT,
    STRING,
    SchemaReading,
    kind_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from schema_guard.validation.references import References

# Ways through the unions of a group that are tried, and those of them that differ in how something is broken; shapes
# that are kept from the first ways, and ways from all over that are tried in addition.
_MAX_TRIED = 400
_MAX_TRIED_FURTHER = 100
_MAX_CACHED = 32
_MAX_OTHERS = 32
# Deeper than any schema asks for that is loaded, 64 levels with a reference on each other one.
_DEEPEST = 128
_MAX_DOMAIN = 200


class ShapeGroup(NamedTuple):
    """Schemas that apply together, by identity."""

    ids: tuple[int, ...]


class _Shapes(NamedTuple):
    shapes: list[ValueShape]
    complete: bool
    why: Contradiction | None


ANYTHING = ShapeGroup(())
NOTHING = ShapeGroup((0,))


class Shapes:
    """See the top of the file.

    Args:
        references: Of the document.
        formats: Whether `format` is asserted.
    """

    def __init__(self, references: References, *, formats: bool) -> None:
        self.matching = Matching(references.dialect, formats=formats)
        self.reading = SchemaReading(references)
        self._negations = Negations(self.reading)
        self._schemas: dict[ShapeGroup, list[Any]] = {ANYTHING: [], NOTHING: [False]}
        self._shapes: dict[ShapeGroup, _Shapes] = {}
        self._busy: set[ShapeGroup] = set()
        self._heights: dict[ShapeGroup, float] = {}
        self._beyond: dict[ShapeGroup, int] = {}
        self._cut_short = False

    def group(self, schemas: Sequence[Any]) -> ShapeGroup:
        """Give the group of some schemas."""
        unique = {id(schema): schema for schema in schemas if schema is not True}
        if any(schema is False for schema in unique.values()):
            return NOTHING
        group = ShapeGroup(tuple(unique))
        self._schemas.setdefault(group, list(unique.values()))
        return group

    def with_also(self, group: ShapeGroup, *schemas: Any) -> ShapeGroup:
        """Give a group with further schemas."""
        return self.group([*self._schemas[group], *schemas])

    def negation(self, schema: Any) -> Any:
        """Give the schema of what another one does not accept."""
        return self._negations.of(schema)

    # -- what is inside

    def member(self, shape: ValueShape, name: str) -> ShapeGroup:
        """Give what applies to a property."""
        matches = self.matching.pattern
        schemas = [each for part in shape.members for each in part.about(name, matches)]
        schemas += [
            rest.schema
            for rest in shape.rest_of_members
            if not rest.evaluated.all_members
            and not any(part.names(name, matches) for part in rest.evaluated.members)
        ]
        return self.group(schemas)

    def item(self, shape: ValueShape, index: int, *contained: Any) -> ShapeGroup:
        """Give what applies to an item, where it is one of those that `contains` asks for."""
        schemas = [part.at(index) for part in shape.items]
        schemas += [
            rest.schema
            for rest in shape.rest_of_items
            if not rest.evaluated.all_items
            and all(index >= len(part.prefix) for part in rest.evaluated.items)
            and not any(each.schema is schema for each in rest.evaluated.contains for schema in contained)
        ]
        return self.group([*schemas, *contained])

    def name(self, shape: ValueShape, *further: Any) -> ShapeGroup:
        """Give what applies to the names of properties."""
        return self.group([*shape.lists.get("propertyNames", []), *further])

    def allows_name(self, shape: ValueShape, name: str) -> bool:
        """Say whether a property may have a name."""
        names = shape.lists.get("propertyNames")
        return not names or self.fits(self.name(shape), name)

    # -- what is possible

    def of(self, group: ShapeGroup) -> list[ValueShape]:
        """Give the shapes of a group, or as many of them as are kept."""
        return self._search(group).shapes

    def why_not(self, group: ShapeGroup) -> Contradiction | None:
        """Say why no value is possible; None where one is, or where that is not known."""
        result = self._search(group)
        if result.shapes or not result.complete:
            return None
        return result.why or Contradiction("a schema that applies here is false", "")

    def knows_all(self, group: ShapeGroup) -> bool:
        """Say whether every shape of a group, and of what it asks for inside, was found."""
        return not self._cut_short and self._search(group).complete

    def _search(self, group: ShapeGroup) -> _Shapes:
        if group not in self._shapes:
            self._busy.add(group)
            self._shapes[group] = self._searched(group)
            self._busy.discard(group)
        return self._shapes[group]

    def _searched(self, group: ShapeGroup) -> _Shapes:
        # First one way to break what must be broken, for each choice of the other arms; then the other ways.
        wide = self._enumerated(group, _MAX_TRIED, all_ways=False)
        if not wide.shapes or not wide.complete:
            self._cut_short |= not wide.complete
            return wide._replace(shapes=wide.shapes + self._others(group)) if not wide.complete else wide
        every = self._enumerated(group, _MAX_TRIED_FURTHER, all_ways=True)
        return every if every.complete else every._replace(shapes=wide.shapes + every.shapes)

    def _enumerated(self, group: ShapeGroup, most: int, *, all_ways: bool) -> _Shapes:
        """Go through the ways of a group in their order."""
        shapes: list[ValueShape] = []
        why: Contradiction | None = None
        decisions: list[int] | None = []
        tried = 0
        while decisions is not None and len(shapes) < _MAX_CACHED and tried < most:
            choices = self._choices(partial(_as_planned, decisions))
            shape, reason = self._try(choices, group)
            tried += 1
            why = why or reason
            shapes += [shape] if shape else []
            decisions = _following(choices, all_ways or not shape)
        return _Shapes(shapes, decisions is None, why)

    def _others(self, group: ShapeGroup) -> list[ValueShape]:
        """Give further shapes of a group whose ways are too many, from all over them."""
        rng = random.Random(0)  # always the same ones
        shapes: list[ValueShape] = []
        for _ in range(_MAX_OTHERS):
            shape, _reason = self._try(self._choices(lambda _, count: rng.randrange(count)), group)
            shapes += [shape] if shape else []
        return shapes

    def _choices(self, decide: Callable[[int, int], int]) -> Choices:
        return Choices(self.reading, self._negations, decide, self._check_members)

    def _try(self, choices: Choices, group: ShapeGroup) -> tuple[ValueShape | None, Contradiction | None]:
        try:
            shape = choices.shape(self._schemas[group])
            self._narrow(shape)
        except Contradiction as contradiction:
            return None, contradiction
        return shape, None

    def _narrow(self, shape: ValueShape) -> None:
        """Take out of a shape what the values inside rule out.

        Raises:
            Contradiction: Nothing is left.
        """
        if shape.allowed is not None:
            shape.allowed = [value for value in shape.allowed if self.suits(shape, value)]
            if not shape.allowed:
                raise Contradiction("no value of enum or const satisfies the rest", shape.location)
            return
        why = self._impossible_member(shape) if OBJECT in shape.kinds else None
        if why:
            shape.kinds.remove(OBJECT)
        elif ARRAY in shape.kinds:
            why = self._impossible_item(shape)
            if why:
                shape.kinds.remove(ARRAY)
        if not shape.kinds and why:
            raise why

    def _impossible_member(self, shape: ValueShape) -> Contradiction | None:
        required = shape.with_needed(shape.required)
        if len(required) > shape.most.get("maxProperties", inf):
            return Contradiction(
                f"{len(required)} properties are required, at most {shape.most['maxProperties']} are allowed",
                shape.location,
            )
        try:
            self._check_members(shape, required)
        except Contradiction as why:
            return why
        return None

    def _check_members(self, shape: ValueShape, names: Iterable[str]) -> None:
        for name in names:
            why = self._impossible(self.member(shape, name))
            if why:
                raise Contradiction(
                    f"required property {name!r} cannot be: {why.why}", why.location or shape.location
                )
            if not self.allows_name(shape, name):
                raise Contradiction(f"required property {name!r} has no possible name", shape.location)

    def _impossible_item(self, shape: ValueShape) -> Contradiction | None:
        for index in range(min(shape.least.get("minItems", 0), shape.prefix() + 1)):
            why = self._impossible(self.item(shape, index))
            if why:
                return Contradiction(f"item {index} cannot be: {why.why}", why.location or shape.location)
        for each in shape.contains:
            if each.least and not any(self._may(group) for _, group in self._contained(shape, each)):
                return Contradiction("no item can match 'contains'", shape.location)
        return None

    def _contained(self, shape: ValueShape, contains: Any) -> list[tuple[int, ShapeGroup]]:
        last = max(shape.prefix(), contains.start)
        indices = range(contains.start, int(min(last + 1, shape.most.get("maxItems", inf))))
        return [(index, self.item(shape, index, contains.schema)) for index in indices]

    def _impossible(self, group: ShapeGroup) -> Contradiction | None:
        return None if group in self._busy else self.why_not(group)

    def _may(self, group: ShapeGroup) -> bool:
        return group in self._busy or bool(self.of(group))

    # -- how deep

    def height(self, group: ShapeGroup, most: int = _DEEPEST) -> float:
        """Give the fewest levels inside a value of a group; inf where there is none of at most *most*."""
        limit = 1
        while True:
            limit = min(limit, most)
            height = self._height(group, limit)
            if height != inf or limit >= most or self._heights.get(group) == inf:
                return height
            limit *= 2

    def _height(self, group: ShapeGroup, limit: int) -> float:
        if group in self._heights:
            height = self._heights[group]
            return height if height <= limit else inf
        if limit < 0 or self._beyond.get(group, -1) >= limit:
            return inf
        shapes = self.of(group)
        height = min(
            (self.height_of(shape, kind, limit) for shape in shapes for kind in shape.kinds), default=inf
        )
        if height != inf or not shapes:
            self._heights[group] = height
        else:
            self._beyond[group] = limit
        return height

    def height_of(self, shape: ValueShape, kind: str, limit: int) -> float:
        """Give the fewest levels inside a value of a shape and a kind; inf beyond *limit*."""
        if shape.allowed is not None:
            return 0 if any(kind_of(value) == kind for value in shape.allowed) else inf
        if kind == ARRAY:
            inside = [self._height(group, limit - 1) for group in self.least_items(shape)]
        elif kind == OBJECT:
            inside = self._member_heights(shape, limit)
        else:
            return 0
        return 1 + max(inside) if inside else 0

    def _member_heights(self, shape: ValueShape, limit: int) -> list[float]:
        required = shape.with_needed(shape.required)
        inside = [self._height(self.member(shape, name), limit - 1) for name in required]
        inside += [self._height(self.group([wanted.schema]), limit - 1) for wanted in shape.wanted]
        missing = shape.least.get("minProperties", 0) - len(inside)
        if missing > 0:
            named = (self.member(shape, name) for name in shape.names() if name not in required)
            others = sorted(self._height(group, limit - 1) for group in named)
            # Beyond the named ones there may be any.
            inside += [height for height in others[:missing] if height != inf]
        return inside

    def least_items(self, shape: ValueShape) -> list[ShapeGroup]:
        """Give what applies to the items of a shortest array."""
        by_index: dict[int, list[Any]] = {}
        for each in shape.contains:
            wanted = each.least
            for index in range(each.start, each.start + shape.prefix() + wanted + 1):
                also = by_index.get(index, [])
                if wanted and self._may(self.item(shape, index, *also, each.schema)):
                    by_index[index] = [*also, each.schema]
                    wanted -= 1
        size = max(
            shape.least.get("minItems", 0), max(by_index, default=-1) + 1, 2 * ("duplicate" in shape.lists)
        )
        return [self.item(shape, index, *by_index.get(index, ())) for index in range(size)]

    def within(self, group: ShapeGroup, room: int) -> list[tuple[ValueShape, list[str]]]:
        """Give the shapes and kinds whose values have at most *room* levels inside."""
        pairs = [
            (shape, [kind for kind in shape.kinds if self.height_of(shape, kind, room) <= room])
            for shape in self.of(group)
        ]
        return [(shape, kinds) for shape, kinds in pairs if kinds]

    def domain(self, group: ShapeGroup) -> list[Any] | None:
        """Give all values of a group, where they are few and known; None else."""
        domain: list[Any] = []
        for shape in self.of(group):
            values = _domain(shape)
            if values is None or len(domain) + len(values) > _MAX_DOMAIN:
                return None
            domain += [value for value in values if self.suits(shape, value) and not among(value, domain)]
        return domain if self._search(group).complete else None

    # -- what fits

    def fits(self, group: ShapeGroup, value: Any) -> bool:
        """Say whether a value has one of the shapes of a group."""
        return any(self.suits(shape, value) for shape in self.of(group))

    def suits(self, shape: ValueShape, value: Any) -> bool:
        """Say whether a value has a shape, as far as that is known without the engine."""
        kind = kind_of(value)
        if kind not in shape.kinds or among(value, shape.forbidden):
            return False
        if shape.allowed is not None and not among(value, shape.allowed):
            return False
        return kind in (NULL, BOOLEAN) or _SUITS[kind](self, shape, value)

    def suits_text(self, shape: ValueShape, text: str) -> bool:
        """Say whether a string has a shape."""
        lists, matching = shape.lists, self.matching
        return (
            shape.least.get("minLength", 0) <= len(text) <= shape.most.get("maxLength", inf)
            and all(matching.pattern(pattern, text) for pattern in lists.get("pattern", ()))
            and not any(matching.pattern(pattern, text) for pattern in lists.get("notPattern", ()))
            and all(matching.format(name, text) for name in lists.get("format", ()) if matching.asserts(name))
            and not any(matching.format(name, text) for name in lists.get("notFormat", ()))
        )

    def suits_number(self, shape: ValueShape, number: float) -> bool:
        """Say whether a number has a shape."""
        low, high = shape.lowest(), shape.highest()
        if not low <= number <= high or shape.opens_at(number):
            return False
        value = exact(number)
        return all(value % exact(step) == 0 for step in shape.lists.get("multipleOf", ())) and not any(
            value % exact(step) == 0 for step in shape.lists.get("notMultipleOf", ())
        )

    def _suits_items(self, shape: ValueShape, value: list[Any]) -> bool:
        if not shape.least.get("minItems", 0) <= len(value) <= shape.most.get("maxItems", inf):
            return False
        return all(self.fits(self.item(shape, index), item) for index, item in enumerate(value))

    def _suits_members(self, shape: ValueShape, value: dict[str, Any]) -> bool:
        if not shape.least.get("minProperties", 0) <= len(value) <= shape.most.get("maxProperties", inf):
            return False
        return shape.required.keys() <= value.keys() and all(
            self.allows_name(shape, name) and self.fits(self.member(shape, name), each)
            for name, each in value.items()
        )


_SUITS: dict[str, Callable[[Shapes, ValueShape, Any], bool]] = {
    STRING: Shapes.suits_text,
    ARRAY: Shapes._suits_items,  # noqa: SLF001 - of this file
    OBJECT: Shapes._suits_members,  # noqa: SLF001
    **dict.fromkeys(NUMBERS, Shapes.suits_number),
}


def _domain(shape: ValueShape) -> list[Any] | None:
    if shape.allowed is not None:
        return shape.allowed
    domain: list[Any] = []
    for kind in shape.kinds:
        if kind == NULL:
            domain.append(None)
        elif kind == BOOLEAN:
            domain += [False, True]
        elif kind == INTEGER:
            first, last = shape.range_of(kind)
            if last - first > _MAX_DOMAIN:
                return None
            step = shape.step(kind)
            assert step is not None
            domain += [int(number * step) for number in range(first, last + 1)]
        else:
            return None
    return domain


def _as_planned(decisions: list[int], at: int, _: int) -> int:
    """Decide as planned, for the first arm beyond that."""
    return decisions[at] if at < len(decisions) else 0


def _following(choices: Choices, all_ways: bool) -> list[int] | None:
    """Give the decisions that come after those that were taken; None after the last ones.

    Args:
        choices: What took them.
        all_ways: Whether other ways to break a schema come too.
    """
    decisions = list(choices.decisions)
    while decisions and (decisions[-1].at + 1 == decisions[-1].of or (decisions[-1].breaks and not all_ways)):
        decisions.pop()
    if not decisions:
        return None
    return [each.at for each in decisions[:-1]] + [decisions[-1].at + 1]
