# SPDX-License-Identifier: Apache-2.0
"""One value, drawn from the shapes of a schema.

Rules:
1. What is drawn fits its shape by construction; what no construction reaches is drawn a few times more, then it is a
   dead end, and the one who drew the value around decides.
2. The first of every choice is the simplest one, for Hypothesis shrinks towards it.
3. A value that has become large is completed with as little as possible.
"""

from __future__ import annotations

from fractions import Fraction
from math import inf, isfinite, nextafter
from typing import TYPE_CHECKING, Any, TypeAlias

from hypothesis import strategies as st

from schema_guard.pointer import escape
from schema_guard.testing.schemas.formats import texts
from schema_guard.testing.schemas.shape import ValueShape, Wanted, among, exact
from schema_guard.testing.schemas.shapes import ANYTHING, ShapeGroup, Shapes
from schema_guard.testing.schemas.words import (
    ARRAY,
    BOOLEAN,
    FRACTION,
    INTEGER,
    NULL,
    NUMBERS,
    STRING,
    kind_of,
)
from schema_guard.validation.drawing.pattern_texts import NoText, expression, text_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Draw: TypeAlias = Callable[[st.SearchStrategy[Any]], Any]

# Levels inside a value where the schema leaves that open.
_ROOM = 5
# Values after which only what must be there is drawn.
_MAX_VALUES = 60
_TRIES = 16
_MORE_ITEMS = 4
_MORE_PROPERTIES = 5
_MORE_CHARS = 12
# RFC 8259 s. 6: integers in this range are the same in every implementation.
_LARGEST = 2**53 - 1
_MANY_STEPS = 10_000
_PLAIN = st.text(st.characters(codec="utf-8"), max_size=_MORE_CHARS)
_SHORT_NAME = "abcdefghijklmnopqrstuvwxyz"
_ODDITIES = ("", "0", "a", "A", " ", "-", "é", "a b", "\n", "/", "0a", "~(")


class DeadEnd(Exception):  # a fact that is found, never raised to a user
    """What was chosen so far leaves no value that is found.

    Attributes:
        why: In words.
    """

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class Drawing:
    """See the top of the file.

    Args:
        shapes: Of the schema.
        draw: Hypothesis' own.

    Attributes:
        places: Instance location -> the group that was drawn there, and the room that it had.
    """

    def __init__(self, shapes: Shapes, draw: Draw) -> None:
        self._shapes = shapes
        self._draw = draw
        self._values = 0
        self.places: dict[str, tuple[ShapeGroup, int]] = {}

    def root(self, group: ShapeGroup) -> Any:
        """Draw a value of a group. Raises DeadEnd."""
        height = self._shapes.height(group)
        if height == inf:
            raise DeadEnd("no shape of it is possible")
        return self.value(group, max(_ROOM, int(height)), "")

    def value(self, group: ShapeGroup, room: int, location: str) -> Any:
        """Draw a value with at most *room* levels inside. Raises DeadEnd."""
        self._values += 1
        self.places[location] = (group, room)
        if self._full:
            room = int(min(room, self._shapes.height(group, room)))
        possible = self._shapes.within(group, room)
        if not possible:
            raise DeadEnd("nothing fits in here")
        shape, kinds = possible[self._index(len(possible))]
        if shape.allowed is not None:
            return self._one_of([value for value in shape.allowed if kind_of(value) in kinds])
        kind = kinds[self._index(len(kinds))]
        for _ in range(_TRIES):
            value = self._of_kind(shape, kind, room, location)
            if not among(value, shape.forbidden):
                return value
        raise DeadEnd("only forbidden values were found")

    @property
    def _full(self) -> bool:
        return self._values > _MAX_VALUES

    def _of_kind(self, shape: ValueShape, kind: str, room: int, location: str) -> Any:
        if kind == NULL:
            return None
        if kind == BOOLEAN:
            return bool(self._index(2))
        if kind in NUMBERS:
            return self._number(shape, kind)
        if kind == STRING:
            return self._text(shape)
        return (self._array if kind == ARRAY else self._object)(shape, room, location)

    # -- choices

    def _between(self, low: int, high: int) -> int:
        drawn: int = low if low >= high else self._draw(st.integers(low, high))
        return drawn

    def _index(self, count: int) -> int:
        return self._between(0, count - 1)

    def _one_of(self, values: list[Any]) -> Any:
        return values[self._index(len(values))]

    # -- numbers

    def _number(self, shape: ValueShape, kind: str) -> float:
        for _ in range(_TRIES):
            step = shape.step(kind)
            number = self._any_number(shape) if step is None else self._multiple(shape, kind, step)
            if number is not None and self._shapes.suits_number(shape, number):
                return number
        bounds = [bound for bound in (shape.lowest(), shape.highest()) if abs(bound) <= _LARGEST]
        for bound in (0, *bounds):
            for near in (bound, bound + 1, bound - 1, bound + 0.5, bound - 0.5):
                if kind_of(near) == kind and self._shapes.suits_number(shape, near):
                    return float(near) if isinstance(near, float) else int(near)
        raise DeadEnd("no number that satisfies all keywords was found")

    def _multiple(self, shape: ValueShape, kind: str, step: Fraction) -> float | None:
        first, last = shape.range_of(kind)
        many = _LARGEST if step == 1 else _MANY_STEPS
        number: Fraction = self._draw(_steps(first, last, many)) * step
        if number.denominator == 1:
            return int(number)
        decimal = float(number)
        # Beyond 15 digits a float is another number than the multiple.
        return decimal if exact(decimal) == number else None

    def _any_number(self, shape: ValueShape) -> float | None:
        low, high = shape.lowest(), shape.highest()
        least = None if low == -inf else _float_at_least(low)
        most = None if high == inf else 0.0 - _float_at_least(-high)
        if least is not None and most is not None and least > most:
            return None
        number: float = self._draw(st.floats(least, most, allow_nan=False, allow_infinity=False))
        if FRACTION in shape.kinds and INTEGER not in shape.kinds and number.is_integer():
            number += 0.5 if self._shapes.suits_number(shape, number + 0.5) else -0.5
        return number if isfinite(number) else None

    # -- strings

    def _text(self, shape: ValueShape) -> str:
        least, most = shape.least.get("minLength", 0), shape.most.get("maxLength", inf)
        sources = self._sources(shape, least, most)
        for number in range(_TRIES):
            text = sources[number % len(sources)]()
            if text is not None and self._shapes.suits_text(shape, text):
                return text
        for text in _ODDITIES:
            if self._shapes.suits_text(shape, text):
                return text
        raise DeadEnd("no string that satisfies all keywords was found")

    def _sources(self, shape: ValueShape, least: int, most: float) -> list[Callable[[], str | None]]:
        """Give what draws strings that satisfy at least one keyword each."""
        patterns = shape.lists.get("pattern", [])
        sources = [self._from_pattern(pattern, least, most) for pattern in dict.fromkeys(patterns)]
        for name in dict.fromkeys(shape.lists.get("format", [])):
            strategy = texts(name, least, most)
            if strategy is not None:
                sources.append(lambda strategy=strategy: self._draw(strategy))  # type: ignore[misc]
        return sources or [lambda: self._free_text(least, most)]

    def _from_pattern(self, pattern: str, least: float, most: float) -> Callable[[], str | None]:
        def drawn() -> str | None:
            try:
                return text_of(expression(pattern), least, most, self._between)
            except NoText:
                return None

        return drawn

    def _free_text(self, least: int, most: float) -> str:
        if least == 0 and most >= _MORE_CHARS:
            return self._draw(_PLAIN)  # type: ignore[no-any-return]
        # Of a long one only the end varies.
        varied = min(least, _MORE_CHARS)
        size = st.characters(codec="utf-8")
        text = self._draw(st.text(size, min_size=varied, max_size=int(min(most, varied + _MORE_CHARS))))
        return (
            "a" * (least - varied)
            + str(text)[: int(min(most, inf) - (least - varied)) if most != inf else None]
        )

    # -- arrays

    def _array(self, shape: ValueShape, room: int, location: str) -> list[Any]:
        groups = self._item_groups(shape, room)
        items: list[Any] = []
        least = len(self._shapes.least_items(shape))
        unique = any(shape.lists.get("uniqueItems", ()))
        for index, group in enumerate(groups):
            at = f"{location}/{index}"
            try:
                item = self._new_item(group, items, room, at) if unique else self.value(group, room - 1, at)
            except DeadEnd:
                # What came before is enough.
                if index < least:
                    raise
                break
            items.append(item)
        return self._with_duplicate(items) if "duplicate" in shape.lists else items

    def _item_groups(self, shape: ValueShape, room: int) -> list[ShapeGroup]:
        """Give what applies to each item, the length being drawn."""
        shapes = self._shapes
        groups = shapes.least_items(shape)
        most = min(shape.most.get("maxItems", inf), len(groups) + _MORE_ITEMS)
        if self._full or room < 1:
            most = len(groups)
        bounded = [each for each in shape.contains if each.most is not None]
        limits = [shapes.negation(each.schema) for each in bounded]
        further: list[ShapeGroup] = []
        while len(groups) + len(further) < most:
            group = shapes.with_also(shapes.item(shape, len(groups) + len(further)), *limits)
            if shapes.height(group, room - 1) > room - 1:
                break
            further.append(group)
        return groups + further[: self._between(0, len(further))]

    def _new_item(self, group: ShapeGroup, items: list[Any], room: int, location: str) -> Any:
        """Draw an item unlike those before."""
        domain = self._shapes.domain(group)
        if domain is not None:
            remaining = [value for value in domain if not among(value, items)]
            if not remaining:
                raise DeadEnd("there are not so many different items")
            return self._one_of(remaining)
        item: Any = None
        for _ in range(_TRIES):
            item = self.value(group, room - 1, location)
            if not among(item, items):
                return item
        for number in range(1, len(items) + _TRIES):
            if kind_of(item) in (INTEGER, STRING):
                item = item + 1 if kind_of(item) == INTEGER else f"{item}{number}"
            if not among(item, items) and self._shapes.fits(group, item):
                return item
        raise DeadEnd("not so many different items were found")

    def _with_duplicate(self, items: list[Any]) -> list[Any]:
        return items if len(items) < 2 else [*items[:-1], items[-2]]

    # -- objects

    def _object(self, shape: ValueShape, room: int, location: str) -> dict[str, Any]:
        groups = {name: self._shapes.member(shape, name) for name in shape.with_needed(shape.required)}
        for wanted in shape.wanted:
            name = self._wanted_name(shape, wanted, groups)
            groups[name] = self._wanted_group(shape, wanted, groups, name)
        members: dict[str, Any] = {}
        self._settle(members, groups, room, location)
        if not (self._full or room < 1):
            # Each with its value at once, so that it can be left out when an example shrinks.
            for optional in self._optional(shape):
                self._add(shape, groups, optional, room)
                self._settle(members, groups, room, location)
        self._fill_up(shape, groups, room)
        self._settle(members, groups, room, location)
        # In the order of the schema, not in that of the draw.
        order = [name for name in shape.names() if name in members]
        return {name: members[name] for name in dict.fromkeys([*order, *members])}

    def _settle(
        self, members: dict[str, Any], groups: dict[str, ShapeGroup], room: int, location: str
    ) -> None:
        """Draw the values of the properties that have none yet."""
        for name, group in groups.items():
            if name not in members:
                members[name] = self.value(group, room - 1, f"{location}/{escape(name)}")

    def _optional(self, shape: ValueShape) -> Iterator[str | None]:
        """Draw names that may be there."""
        names = [name for name in shape.names() if name not in shape.required]
        for _ in range(min(len(names), _MORE_PROPERTIES)):
            if self._between(0, 3) == 0:
                break
            yield self._one_of(names)
        for pattern in shape.patterns():
            if self._between(0, 1):
                yield self._from_pattern(pattern, 0, inf)()
        if self._between(0, 3) == 3:  # one object in four
            yield self._some_name(shape)

    def _add(self, shape: ValueShape, groups: dict[str, ShapeGroup], name: str | None, room: int) -> None:
        """Add a property, with those that it needs, if it may be there."""
        if name is None or name in groups:
            return
        shapes = self._shapes
        added = {
            each: shapes.member(shape, each) for each in shape.with_needed({name: None}) if each not in groups
        }
        if len(groups) + len(added) <= shape.most.get("maxProperties", inf) and all(
            shapes.height(group, room - 1) <= room - 1 and shapes.allows_name(shape, each)
            for each, group in added.items()
        ):
            groups.update(added)

    def _fill_up(self, shape: ValueShape, groups: dict[str, ShapeGroup], room: int) -> None:
        """Add properties until there are enough."""
        least = shape.least.get("minProperties", 0)
        names = [name for name in shape.names() if name not in groups]
        while len(groups) < least and names:
            self._add(shape, groups, names.pop(0), room)
        for number in range(_TRIES + 4 * least):
            if len(groups) >= least:
                return
            patterns = shape.patterns()
            if patterns and number % 2:
                self._add(shape, groups, self._from_pattern(self._one_of(patterns), 0, inf)(), room)
            else:
                self._add(shape, groups, self._some_name(shape, number), room)
        if len(groups) < least:
            raise DeadEnd("not so many properties were found")

    def _some_name(self, shape: ValueShape, number: int = 0) -> str | None:
        group = self._shapes.name(shape)
        if group == ANYTHING:
            name: str = self._draw(st.text(_SHORT_NAME, min_size=1, max_size=6))
            return name + (str(number) if number else "")
        return self._name_of(group)

    def _name_of(self, group: ShapeGroup) -> str | None:
        """Draw an instance of what applies to a name."""
        texts_only = self._shapes.with_also(group, _ANY_TEXT)
        if self._shapes.height(texts_only, 0) > 0:
            return None
        try:
            return str(self.value(texts_only, 0, _NAME))
        except DeadEnd:
            return None

    def _wanted_name(self, shape: ValueShape, wanted: Wanted, groups: dict[str, ShapeGroup]) -> str:
        """Draw the name of a property that must be there under some name."""
        known = [name for name in [*groups, *shape.names()] if self._is_wanted(shape, wanted, groups, name)]
        if known:
            return str(self._one_of(list(dict.fromkeys(known))))
        for number in range(_TRIES):
            name = self._new_name(shape, wanted, number)
            if name is not None and self._is_wanted(shape, wanted, groups, name):
                return name
        for name in _ODDITIES:
            if self._is_wanted(shape, wanted, groups, name):
                return name
        raise DeadEnd("no name that a property must have was found")

    def _new_name(self, shape: ValueShape, wanted: Wanted, number: int) -> str | None:
        if wanted.how == "pattern":
            return self._from_pattern(wanted.names, 0, inf)()
        if wanted.how == "name":
            return self._name_of(self._shapes.name(shape, wanted.names))
        return self._some_name(shape, number)

    def _is_wanted(self, shape: ValueShape, wanted: Wanted, groups: dict[str, ShapeGroup], name: str) -> bool:
        matches = self._shapes.matching.pattern
        if wanted.how == "pattern" and not matches(wanted.names, name):
            return False
        if wanted.how == "name" and not self._shapes.fits(self._shapes.group([wanted.names]), name):
            return False
        if wanted.how == "extra":
            names, patterns = wanted.names or (shape.names(), shape.patterns())
            if name in names or any(matches(pattern, name) for pattern in patterns):
                return False
        group = self._wanted_group(shape, wanted, groups, name)
        return bool(self._shapes.of(group)) and self._shapes.allows_name(shape, name)

    def _wanted_group(
        self, shape: ValueShape, wanted: Wanted, groups: dict[str, ShapeGroup], name: str
    ) -> ShapeGroup:
        group = groups.get(name) or self._shapes.member(shape, name)
        return self._shapes.with_also(group, wanted.schema)


# A name has no instance location: this is the location of nothing.
_NAME = "#"
_ANY_TEXT = {"type": "string"}


def _steps(first: Any, last: Any, many: int) -> st.SearchStrategy[int]:
    """Give numbers of steps between two bounds, not too far from 0 or from the bound that is next to it."""
    if first == -inf:
        first = -many if last == inf or last > -many else last - many
    if last == inf:
        last = max(many, first + many) if first > 0 else many
    return st.integers(int(first), int(last))


def _float_at_least(bound: Any) -> float:
    try:
        # Not -0.0, which Hypothesis takes for less than 0.
        number = float(bound) + 0.0
    except OverflowError:
        return -nextafter(inf, 0) if bound < 0 else nextafter(inf, 0)
    return number if number >= bound else nextafter(number, inf)
