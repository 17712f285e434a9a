# SPDX-License-Identifier: Apache-2.0
"""Values drawn from a schema.

Rules:
1. A value is built to be valid. A part that still violates a keyword is drawn a few times more. After that it is a dead
   end, and the value around it is drawn anew.
2. If the schema refuses the whole value, the part that its first violation names is drawn anew.
3. A value that has become large gets no more parts than it must have.
"""

from __future__ import annotations

import json
from copy import deepcopy
from itertools import chain
from math import inf, isfinite, nextafter
from typing import TYPE_CHECKING, Any, TypeVar

from schema_guard.errors import InvalidArgument
from schema_guard.pointer import escape, pointer, split
from schema_guard.text import clip
from schema_guard.validation.drawing.demand import DeadEnd, Demand, NormalizedDocument, among, exact
from schema_guard.validation.drawing.formats import FORMATS
from schema_guard.validation.drawing.normalized import (
    ARRAY,
    BOOLEAN,
    FRACTION,
    INTEGER,
    NULL,
    OBJECT,
    STRING,
    Words,
    kind_of,
    negated,
)
from schema_guard.validation.drawing.pattern_texts import NoText, text_of
from schema_guard.validation.drawing.sources import ChoiceSource
from schema_guard.validation.references import References

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from fractions import Fraction
    from random import Random

    from schema_guard.schema import Schema

# Levels inside a value if the schema leaves them open.
_ROOM = 5
# Values after which only the required parts are drawn.
_MANY = 60
_MOST_VALUES, _MOST_CHARS = 10_000, 100_000
# Draws of one value, and of all values that failed.
_TRIES, _MOST_FAILED = 12, 120
_REPAIRS, _FIRST_TRIES = 16, 10
# The location of a name of a property, which is no value.
_NAME = "#"
_TOO_LARGE = "the values are too large"
_ODDITIES = ("", "0", "a", "A", " ", "-", "é", "a b", "\n", "/", "0a", "~(")

T = TypeVar("T")


def document_of(schema: Schema[Any]) -> NormalizedDocument:
    """Return the document of a loaded schema."""
    known = dict(schema._resources)  # noqa: SLF001 - it has no other name
    if '"$ref": "http' in json.dumps(schema.document):
        from jsonschema_specifications import REGISTRY  # type: ignore[import-untyped]  # 30 ms

        # The metaschemas, which the engines know. The schema's own resources win.
        known = {uri: REGISTRY.contents(uri) for uri in REGISTRY} | known
    return NormalizedDocument(References(schema.document, schema.dialect, known), formats=schema.formats)


def valid_value(
    schema: Schema[Any], document: NormalizedDocument, source: ChoiceSource, *, most: int = _MOST_VALUES
) -> tuple[Any, Drawing]:
    """Draw a valid value with at most *most* values in it, and return it with its `Drawing`.

    Raises:
        DeadEnd: None was found.
    """
    drawing = Drawing(document, source, most=most)
    value = drawing.root(schema.document)
    for _ in range(_REPAIRS):
        if schema.is_valid(value):
            return value, drawing
        location = schema.violations(value)[0].instance_location
        while location not in drawing.places:
            location = location.rpartition("/")[0]
        value = replaced(value, location, drawing.value(*drawing.places[location], location))
    if schema.is_valid(value):
        return value, drawing
    raise DeadEnd("the schema rejects every value that schema_guard generated")


def first_drawn(schema: Schema[Any], draw: Callable[[ChoiceSource], T], random: Random, what: str) -> T:
    """Draw something for a schema by chance.

    Raises:
        InvalidArgument: Nothing was found. The error has the place and the reason.
    """
    first: DeadEnd | None = None
    source = ChoiceSource(random)
    for _ in range(_FIRST_TRIES):
        try:
            return draw(source)
        except DeadEnd as end:
            first = first or end
    assert first is not None
    raise InvalidArgument(
        f"schema_guard found no {what} of schema {clip(schema.name)!r}: at {pointer(clip(first.location))}: {clip(first.why, 200)}. Check the schema at this location"
    )


def replaced(value: Any, location: str, part: Any) -> Any:
    """Return a value with another part at a location."""
    if not location:
        return part
    changed = around = deepcopy(value)
    *steps, last = split(location)
    for step in steps:
        around = around[int(step) if isinstance(around, list) else step]
    around[int(last) if isinstance(around, list) else last] = part
    return changed


class Drawing:
    """One value that is drawn.

    Attributes:
        places: Instance location -> the schemas of the value there, and the levels that it may have.
        demands: Instance location -> the demand on the value there.
    """

    def __init__(
        self, document: NormalizedDocument, source: ChoiceSource, *, most: int = _MOST_VALUES
    ) -> None:
        self._document = document
        self._source = source
        self._most = most
        self._values = 0
        self._failed = 0
        self.places: dict[str, tuple[list[Any], int]] = {}
        self.demands: dict[str, Demand] = {}

    def root(self, schema: Any) -> Any:
        """Draw a value of a schema. Raises DeadEnd."""
        height = self._document.lowest(schema)
        try:
            return self.value([schema], _ROOM if height == inf else max(_ROOM, int(height)), "")
        except DeadEnd as end:
            if height == inf and end.why.endswith(_TOO_LARGE):
                raise DeadEnd(
                    "each value must contain another value of the same schema, so no value is finite"
                ) from None
            raise

    def value(self, schemas: list[Any], room: int, location: str) -> Any:
        """Draw a value with about *room* levels inside. Raises DeadEnd."""
        self.places[location] = schemas, room
        first: DeadEnd | None = None
        before = self._source.shift, self._source.variant
        try:
            for attempt in range(_TRIES):
                self._source.shift = before[0] + attempt
                self._values += 1
                if self._values > self._most or room < -_ROOM:
                    raise DeadEnd(_TOO_LARGE)
                try:
                    demand = self._demand(schemas, room)
                    value = self._of(demand, room, location)
                except DeadEnd as end:
                    first = first or end
                    self._failed += 1
                    if self._failed > _MOST_FAILED:
                        break
                else:
                    self.demands[location] = demand
                    return value
        finally:
            self._source.shift, self._source.variant = before
        assert first is not None
        raise first

    def _demand(self, schemas: list[Any], room: int) -> Demand:
        limit = 0 if self._is_full else max(room, 0)

        def choose(arms: list[Any]) -> Any:
            low = [arm for arm in arms if self._document.height(arm, limit) <= limit]
            if not low:
                low = [min(arms, key=self._document.lowest)]
            return low[self._source.index(len(low))]

        return Demand(self._document, schemas, choose)

    @property
    def _is_full(self) -> bool:
        return self._values > _MANY

    def _of(self, demand: Demand, room: int, location: str) -> Any:
        allowed = demand.allowed()
        if allowed is not None:
            return allowed[self._source.index(len(allowed))]
        for value in self._source.shown(demand):
            if demand.fits(value):
                return value
        kinds = demand.kinds
        if self._is_full or room < 1:
            kinds = [kind for kind in kinds if kind not in (ARRAY, OBJECT)] or kinds
        kind = self._source.kind(kinds, demand)
        for _ in range(4 if kind in (ARRAY, OBJECT) else _TRIES):
            value = self._of_kind(demand, kind, room, location)
            if demand.fits(value):
                return value
        raise DeadEnd(f"schema_guard found no {kind} that satisfies all keywords", demand.location)

    def _of_kind(self, demand: Demand, kind: str, room: int, location: str) -> Any:
        if kind == NULL:
            return None
        if kind == BOOLEAN:
            return bool(self._source.index(2))
        if kind in (INTEGER, FRACTION):
            return self._number(demand, kind)
        if kind == STRING:
            return self._text(demand)
        return (self._array if kind == ARRAY else self._object)(demand, room, location)

    # -- numbers and texts

    def _number(self, demand: Demand, kind: str) -> float:
        step = demand.step(kind)
        if step is not None:
            first, last = demand.steps(step)
            return self._multiple(step, self._source.steps(first, last, are_whole=step == 1))
        low, high = (_float(bound) for bound in demand.limits())
        number = self._source.real(low, high)
        if number.is_integer():
            number += 0.5 if demand.fits(number + 0.5) else -0.5
        return number if isfinite(number) else 0.5

    @staticmethod
    def _multiple(step: Fraction, times: int) -> float:
        number = step * times
        if number.denominator == 1:
            return int(number)
        try:
            decimal = float(number)
        except OverflowError:
            raise DeadEnd("schema_guard found no number that satisfies all keywords") from None
        # Beyond 15 digits, a float is another number than the multiple.
        return decimal if exact(decimal) == number else 0

    def _text(self, demand: Demand) -> str:
        least, most = demand.sizes("Length", "characters")
        if least > _MOST_CHARS:
            raise DeadEnd(_TOO_LARGE, demand.location)
        for text in chain(self._texts(demand, least, most), _ODDITIES):
            if text is not None and demand.fits(text):
                return text
        matching = "".join(f" and matches {clip(repr(pattern))}" for pattern in demand.all("pattern")[:1])
        raise DeadEnd(f"schema_guard found no string that satisfies all keywords{matching}", demand.location)

    def _texts(self, demand: Demand, least: int, most: float) -> Iterator[str | None]:
        yield self._source.usual_text(demand, least, most)
        patterns = list(dict.fromkeys(demand.all("pattern")))
        formats = [FORMATS[name] for name in dict.fromkeys(demand.all("format")) if name in FORMATS]
        for number in range(_TRIES):
            for pattern in patterns:
                yield self._matching(pattern, least, most)
            for texts in formats:
                yield texts(self._source, least, most)
            if number or not (patterns or formats):
                yield self._source.free_text(least, most)

    def _matching(self, pattern: str, least: float, most: float) -> str | None:
        try:
            return text_of(pattern, least, min(most, _MOST_CHARS), self._source.pick)
        except NoText:
            return None

    # -- arrays

    def _array(self, demand: Demand, room: int, location: str) -> list[Any]:
        least, most = demand.sizes("Items", "items")
        if least > self._most:
            raise DeadEnd(_TOO_LARGE, demand.location)
        needed = [
            words["contains"]
            for words in demand.words
            if "contains" in words
            for _ in range(words.get("minContains", 1))
        ]
        bounded = [
            negated(words["contains"])
            for words in demand.words
            if "contains" in words and "maxContains" in words
        ]
        size = least = int(max(least, min(len(needed), most)))
        if not self._is_full and room > 0:
            usual = max(map(len, demand.all("prefixItems")), default=len(demand.all("items")) > 0)
            size = self._source.size(least, most, usual=usual)
        are_unique = any(demand.all("uniqueItems"))
        items: list[Any] = []
        variant = self._source.variant
        while len(items) < size or (needed and len(items) < min(most, size + _TRIES)):
            self._source.variant = variant + len(items)
            at, others = f"{location}/{len(items)}", items if are_unique else []
            try:
                if needed and self._add_contained(demand, needed, items, room, at):
                    continue
                schemas = [*demand.item(len(items)), *bounded]
                items.append(self._new(schemas, others, room, at))
            except DeadEnd as end:
                if len(items) >= least and not needed:
                    break
                why = f"item {len(items)} cannot be: {end.why}"
                raise DeadEnd(why, end.location or demand.location) from None
        if needed and demand.all("contains"):
            raise DeadEnd("no item can match 'contains'", demand.location)
        return [*items[:-1], items[-2]] if demand.all("duplicate") and len(items) > 1 else items

    def _add_contained(
        self, demand: Demand, needed: list[Any], items: list[Any], room: int, location: str
    ) -> bool:
        """Draw an item that `contains` counts, if one is possible here."""
        schemas = [*demand.item(len(items), is_contained=True), needed[0]]
        try:
            items.append(self.value(schemas, room - 1, location))
        except DeadEnd:
            return False
        needed.pop(0)
        return True

    def _new(self, schemas: list[Any], others: list[Any], room: int, location: str) -> Any:
        """Draw a value that differs from some others."""
        before = self._source.shift
        for attempt in range(_TRIES + len(others) if others else 1):
            self._source.shift = before + attempt
            value = self.value(schemas, room - 1, location)
            if not among(value, others):
                return value
            for number in range(1, len(others) + 2) if kind_of(value) in (INTEGER, STRING) else ():
                other = value + number if kind_of(value) == INTEGER else f"{value}{number}"
                if not among(other, others) and self.demands[location].fits(other):
                    return other
        raise DeadEnd("the array needs more distinct items than schema_guard found")

    # -- objects

    def _object(self, demand: Demand, room: int, location: str) -> dict[str, Any]:
        least, most = demand.sizes("Properties", "properties")
        groups = self._required(demand, most)
        members: dict[str, Any] = {}
        self._settle(demand, members, groups, room, location)
        if not self._is_full and room > 0:
            for optional in self._optional(demand):
                # Drawn together with its value, so that Hypothesis can leave it out.
                self._add(demand, groups, optional, room, most)
                self._settle(demand, members, groups, room, location)
        for name in self._fillers(demand, least):
            if len(groups) >= least:
                break
            self._add(demand, groups, name, room, most)
        self._settle(demand, members, groups, room, location)
        order = [name for name in demand.names() if name in members]
        return {name: members[name] for name in dict.fromkeys([*order, *members])}

    def _required(self, demand: Demand, most: float) -> dict[str, list[Any]]:
        """Return the properties that there must be, with their schemas."""
        groups = {name: demand.member(name) for name in demand.with_needed(demand.required)}
        if len(groups) > most:
            why = f"{len(groups)} properties are required, at most {most} are allowed"
            raise DeadEnd(why, demand.location)
        for name in groups:
            if not self._is_name(demand, name):
                raise DeadEnd(f"the required property {name!r} has no valid name", demand.location)
        for names, schema in demand.all("extra"):
            extra = self._extra_name(demand, names, groups)
            groups[extra] = [*groups.get(extra, demand.member(extra)), schema]
        return groups

    def _settle(
        self, demand: Demand, members: dict[str, Any], groups: dict[str, list[Any]], room: int, location: str
    ) -> None:
        """Draw the values of the properties that have none."""
        for name in [name for name in groups if name not in members]:
            try:
                members[name] = self.value(groups[name], room - 1, f"{location}/{escape(name)}")
            except DeadEnd as end:
                if name not in demand.required:
                    groups.pop(name)
                    continue
                why = f"required property {name!r} cannot be: {end.why}"
                raise DeadEnd(why, end.location or demand.location) from None

    def _optional(self, demand: Demand) -> Iterator[str | None]:
        yield from self._source.optional([name for name in demand.names() if name not in demand.required])
        for pattern in demand.patterns():
            if self._source.chance(2):
                yield self._matching(pattern, 0, inf)
        if self._source.chance(4):
            yield self._some_name(demand)

    def _fillers(self, demand: Demand, least: int) -> Iterator[str | None]:
        """Draw properties until there are enough."""
        if least:
            yield from demand.names()
        before = self._source.shift
        has_others = False not in demand.member(_NAME)
        for number in range(_TRIES + 4 * least if least else 0):
            self._source.shift = before + number
            for pattern in demand.patterns():
                yield self._matching(pattern, 0, inf)
            if has_others:
                yield self._some_name(demand)

    def _add(
        self, demand: Demand, groups: dict[str, list[Any]], name: str | None, room: int, most: float
    ) -> None:
        """Add a property with those that it needs, if it is possible."""
        if name is None or name in groups or not self._is_name(demand, name):
            return
        added = {each: demand.member(each) for each in demand.with_needed([name]) if each not in groups}
        schemas = [schema for group in added.values() for schema in group]
        limit = max(room - 1, 0)
        if len(groups) + len(added) <= most and all(
            self._document.height(schema, limit) <= limit for schema in schemas
        ):
            groups.update(added)

    def _is_name(self, demand: Demand, name: str) -> bool:
        schemas = demand.all("propertyNames")
        try:
            return not schemas or Demand(self._document, schemas, lambda arms: arms[0]).fits(name)
        except DeadEnd:
            return False

    def _some_name(self, demand: Demand, *further: Any) -> str | None:
        schemas = [*demand.all("propertyNames"), *further]
        if not schemas:
            return self._source.name()
        try:
            return str(self.value([*schemas, Words(type=[STRING])], 0, _NAME))
        except DeadEnd:
            return None
        finally:
            self.demands.pop(_NAME, None)

    def _extra_name(self, demand: Demand, names: Any, groups: dict[str, list[Any]]) -> str:
        """Draw the name of a property that breaks a keyword. *names*: its schema, or True for a name of no schema."""
        drawn = (self._some_name(demand, *([] if names is True else [names])) for _ in range(_TRIES))
        for name in chain(drawn, _ODDITIES if names is True else ()):
            if name is not None and (names is not True or not (name in groups or demand.is_named(name))):
                return name
        raise DeadEnd(
            "the schema requires another property, but no name for it is valid. Change 'propertyNames' or 'minProperties'",
            demand.location,
        )


def _float(bound: Any) -> float:
    try:
        # Hypothesis treats -0.0 as less than 0.
        return float(bound) + 0.0
    except OverflowError:
        return -nextafter(inf, 0) if bound < 0 else nextafter(inf, 0)
