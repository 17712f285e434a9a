# SPDX-License-Identifier: Apache-2.0
"""Instances that violate exactly one keyword at one place, as a Hypothesis strategy.

A part of a valid instance is drawn again, from its schemas with one violated keyword. `Schema.violations` has exactly
one entry for every drawn value, which is its label.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from random import Random
from typing import TYPE_CHECKING, Any

from hypothesis import reject
from hypothesis import strategies as st

from schema_guard.pointer import part_at, split
from schema_guard.schema import Schema
from schema_guard.testing.schemas.instances import HypothesisChoices
from schema_guard.validation.drawing.demand import DeadEnd, Demand
from schema_guard.validation.drawing.drawing import Drawing, document_of, first_drawn, replaced, valid_value
from schema_guard.validation.drawing.normalized import Words, ways_to_break
from schema_guard.validation.violations import TOO_COSTLY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hypothesis.strategies import DrawFn, SearchStrategy

    from schema_guard.validation.drawing.sources import ChoiceSource

# Keywords that are tried for one draw.
_TRIES = 20
# The list of schemas already includes the schemas that these keywords lead to.
_LEADING = frozenset({"refs", "allOf", "unions", "dependentSchemas"})
_UNIONS = ("anyOf", "oneOf", "not")
_MISSING = object()
# Keywords that are violated only if their schema is `false`. Otherwise, each value inside has its own place.
_HOLDING = ("additionalProperties", "unevaluatedProperties", "items", "unevaluatedItems")


@dataclass(frozen=True)
class NearMiss:
    """An instance that violates one keyword at one location.

    Attributes:
        value: The instance, as a JSON value.
        instance_location: JSON Pointer to the invalid part of the instance.
        keyword: The violated keyword, named as in `Schema.violations`. For a union, this is the keyword of the union
            itself.
        keyword_location: JSON Pointer to the violated keyword in the schema. The pointer follows references.
    """

    value: Any
    instance_location: str
    keyword: str
    keyword_location: str


def near_misses(schema: Any) -> SearchStrategy[NearMiss]:
    """Return a Hypothesis strategy for instances that violate exactly one keyword of a schema at one location.

    The strategy covers every keyword that an instance can violate without violating another keyword. Hypothesis shrinks
    examples to violations of keywords at the root of the schema.

    Args:
        schema: A schema in a form that `Schema.of` accepts.

    Raises:
        InvalidSchema: The schema can't be loaded.
        InvalidArgument: schema_guard found no instance that violates exactly one keyword.
    """
    source = _NearMisses(Schema.of(schema))
    first_drawn(source.schema, source.draw, Random(0), "near miss")
    return _near_misses(source)


@st.composite
def _near_misses(draw: DrawFn, source: _NearMisses) -> NearMiss:
    try:
        return source.draw(HypothesisChoices(draw))
    except DeadEnd:
        return reject()


class _NearMisses:
    """A generator of near misses of one schema."""

    def __init__(self, schema: Schema[Any]) -> None:
        self.schema = schema
        self._document = document_of(schema)
        self._alone = cache(_alone)
        self._broken = cache(lambda words: list(_broken(words)))

    def draw(self, source: ChoiceSource) -> NearMiss:
        """Draw a near miss. Raise `DeadEnd` if none is found."""
        source.prefers_meant = True
        if self.schema.document is False:
            value, ways = None, [("", 1, [True])]
        else:
            value, drawing = valid_value(self.schema, self._document, source)
            ways = [
                (location, drawing.places[location][1], schemas)
                for location, demand in drawing.demands.items()
                if _is_in(value, location)
                for schemas in self._ways(demand)
            ]
        start = source.index(len(ways)) if ways else 0
        for location, room, schemas in (ways[start:] + ways[:start])[:_TRIES]:
            try:
                part = Drawing(self._document, source).value(schemas, room, location)
            except DeadEnd:
                continue
            changed = replaced(value, location, part)
            violations = self.schema.violations(changed)
            if len(violations) == 1 and violations[0].keyword != TOO_COSTLY:
                first = violations[0]
                return NearMiss(changed, first.instance_location, first.keyword, first.keyword_location)
        raise DeadEnd(
            "schema_guard found no value that violates only one keyword of the schema. Use a schema with more keywords"
        )

    def _ways(self, demand: Demand) -> Iterator[list[Any]]:
        """Yield the schemas that apply for each way to violate one keyword of a value."""
        for words in demand.words:
            for keyword, changed in self._broken(words):
                yield [
                    changed,
                    *(
                        self._alone(other)
                        for other, unions in zip(demand.words, demand.unions_of, strict=True)
                        if other is not words and not (keyword in _UNIONS and words in unions)
                    ),
                ]


def _is_in(value: Any, location: str) -> bool:
    """Return whether a value has a part at a location. The part that was drawn there can have been replaced."""
    return part_at(value, split(location), _MISSING) is not _MISSING


def _alone(words: Words) -> Words:
    return Words({keyword: part for keyword, part in words.items() if keyword not in _LEADING})


def _broken(words: Words) -> Iterator[tuple[str, Words]]:
    """Yield each keyword that can be violated alone, with a schema that violates it and keeps the others."""
    for keyword, value in words.items():
        if keyword in _LEADING:
            continue
        kept = {key: part for key, part in _alone(words).items() if key != keyword}
        for part, others in _parts(keyword, value):
            rest = kept if others is None else {**kept, keyword: others}
            for way in ways_to_break(Words({**words, keyword: part}), keyword):
                yield keyword, Words(rest, allOf=[way])


def _parts(keyword: str, value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield each part of a keyword to violate, with the other parts. None if there are no others."""
    if keyword == "required":
        for name in value:
            yield [name], [other for other in value if other != name]
    elif keyword == "prefixItems":
        for index in (index for index, schema in enumerate(value) if schema is False):
            yield [*[True] * index, False], [*value[:index], True, *value[index + 1 :]]
    elif keyword in ("properties", "patternProperties"):
        for name in (name for name, schema in value.items() if schema is False):
            yield {name: False}, {other: schema for other, schema in value.items() if other != name}
    elif keyword not in _HOLDING or value is False:
        yield value, None
