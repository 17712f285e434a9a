# SPDX-License-Identifier: Apache-2.0
"""Where a schema can be broken: for each keyword at each place, the schema of what breaks that one and keeps the rest.

Rules:
1. A place is reached by what must hold: below properties, items, references, `allOf`, branches and dependent schemas.
   The arms of a union are not places: what breaks one is told as the union.
2. A schema that refers to itself is followed to each of its places a few times at most.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from schema_guard.testing.schemas.words import ARRAY, OBJECT, Words, broken_schemas_of, negated

if TYPE_CHECKING:
    from schema_guard.testing.schemas.shapes import Shapes

# Makes the schema around of the schema at a place.
_Wrap: TypeAlias = Callable[[Any], Any]

_MAX_VISITS = 2
_MAX_CUTS = 500
# Their schemas are places of their own.
_INSIDE = frozenset({
    "refs", "allOf", "properties", "patternProperties", "prefixItems", "if", "dependentSchemas",
})  # fmt: skip
_CONDITION = ("if", "then", "else")
# What goes with a keyword that is taken out.
_TOGETHER = {"contains": ("contains", "minContains", "maxContains")}


class Cut(NamedTuple):
    """A keyword that can be broken.

    Attributes:
        keyword: In the vocabulary of 2020-12.
        schema: The whole schema, with the keyword broken.
    """

    keyword: str
    schema: Any


def cuts(document: Any, shapes: Shapes) -> list[Cut]:
    """Give every keyword of a schema that may be broken, those of the root first."""
    possible: list[Cut] = []
    visits: Counter[int] = Counter()
    places: deque[tuple[Any, _Wrap]] = deque([(document, _same)])
    while places and len(possible) < _MAX_CUTS:
        schema, wrap = places.popleft()
        words = shapes.reading.words(schema)
        if words is False:
            possible.append(Cut("false", wrap(True)))
        if not isinstance(words, Words):
            continue
        visits[id(words)] += 1
        if visits[id(words)] > _MAX_VISITS:
            continue
        possible += [
            Cut(keyword, wrap(broken))
            for keyword, broken in _own(words)
            if keyword != "format" or shapes.matching.asserts(words["format"])
        ]
        places += [(below, _within(wrap, inner)) for below, inner in _below(words)]
    return possible


def _same(schema: Any) -> Any:
    return schema


def _within(outer: _Wrap, inner: _Wrap) -> _Wrap:
    return lambda schema: outer(inner(schema))


def _own(words: Words) -> Iterator[tuple[str, Words]]:
    """Give each keyword of a schema about a value itself, and the schema with that one broken."""
    for keyword in words:
        if keyword in _INSIDE or (keyword in _REST and isinstance(words[keyword], dict)):
            continue
        if keyword == "required":
            for name, way in zip(words["required"], broken_schemas_of(words, keyword), strict=True):
                others = [other for other in words["required"] if other != name]
                yield keyword, _with(words, (keyword,), way, Words(required=others))
        elif keyword == "items":
            # One item too many: each further one would be a violation of its own.
            size = len(words.get("prefixItems", ())) + 1
            if words["items"] is False:
                yield keyword, _with(words, (keyword,), Words(type=[ARRAY], minItems=size, maxItems=size))
        else:
            ways = broken_schemas_of(words, keyword)
            if ways:
                yield keyword, _with(words, _TOGETHER.get(keyword, (keyword,)), Words(anyOf=ways))


def _with(words: Words, without: tuple[str, ...], *further: Any) -> Words:
    """Give a schema without some keywords, and with further schemas that must hold."""
    rest = Words({key: value for key, value in words.items() if key not in without})
    rest["allOf"] = [*words.get("allOf", ()), *further]
    return rest


def _below(words: Words) -> Iterator[tuple[Any, _Wrap]]:
    """Give each schema that must hold for a part of the value, or in place, and what puts another one there."""
    for keyword, below in _BELOW.items():
        if keyword in words:
            yield from below(words)


def _properties(words: Words) -> Iterator[tuple[Any, _Wrap]]:
    for name, schema in words["properties"].items():

        def wrap(inner: Any, name: str = name) -> Words:
            changed = Words({**words, "properties": {**words["properties"], name: inner}})
            return _with(changed, (), Words(type=[OBJECT], required=[name]))

        yield schema, wrap


def _pattern_properties(words: Words) -> Iterator[tuple[Any, _Wrap]]:
    for pattern, schema in words["patternProperties"].items():

        def wrap(inner: Any, pattern: str = pattern, schema: Any = schema) -> Words:
            patterns = {**words["patternProperties"], pattern: Words(anyOf=[schema, inner])}
            changed = Words({**words, "patternProperties": patterns})
            return _with(changed, (), Words(type=[OBJECT], somePattern=(pattern, inner)))

        yield schema, wrap


def _additional_properties(words: Words) -> Iterator[tuple[Any, _Wrap]]:
    schema = words["additionalProperties"]
    known = tuple(words.get("properties", ())), tuple(words.get("patternProperties", ()))

    def wrap(inner: Any) -> Words:
        changed = Words({**words, "additionalProperties": Words(anyOf=[schema, inner])})
        return _with(changed, (), Words(type=[OBJECT], someExtra=(known, inner)))

    if isinstance(schema, dict):
        yield schema, wrap


def _items(words: Words) -> Iterator[tuple[Any, _Wrap]]:
    prefix = words.get("prefixItems", [])

    def wrap(inner: Any) -> Words:
        changed = Words({**words, "prefixItems": [*prefix, inner]})
        return _with(changed, (), Words(type=[ARRAY], minItems=len(prefix) + 1))

    if isinstance(words["items"], dict):
        yield words["items"], wrap


def _prefix_items(words: Words) -> Iterator[tuple[Any, _Wrap]]:
    for index, schema in enumerate(words["prefixItems"]):

        def wrap(inner: Any, index: int = index) -> Words:
            changed = Words({**words, "prefixItems": _replaced(words["prefixItems"], index, inner)})
            return _with(changed, (), Words(type=[ARRAY], minItems=index + 1))

        yield schema, wrap


def _replaced(schemas: list[Any], index: int, schema: Any) -> list[Any]:
    return [*schemas[:index], schema, *schemas[index + 1 :]]


def _in_place(keyword: str) -> Callable[[Words], Iterator[tuple[Any, _Wrap]]]:
    def below(words: Words) -> Iterator[tuple[Any, _Wrap]]:
        for index, schema in enumerate(words[keyword]):

            def wrap(inner: Any, index: int = index) -> Words:
                return Words({**words, keyword: _replaced(words[keyword], index, inner)})

            yield schema, wrap

    return below


def _branches(words: Words) -> Iterator[tuple[Any, _Wrap]]:
    for branch, condition in (("then", words["if"]), ("else", negated(words["if"]))):

        def wrap(inner: Any, condition: Any = condition) -> Words:
            return _with(words, _CONDITION, condition, inner)

        if branch in words:
            yield words[branch], wrap


def _dependent_schemas(words: Words) -> Iterator[tuple[Any, _Wrap]]:
    for name, schema in words["dependentSchemas"].items():

        def wrap(inner: Any, name: str = name) -> Words:
            others = {key: each for key, each in words["dependentSchemas"].items() if key != name}
            changed = Words({**words, "dependentSchemas": others})
            return _with(changed, (), Words(type=[OBJECT], required=[name]), inner)

        yield schema, wrap


_BELOW: dict[str, Callable[[Words], Iterator[tuple[Any, _Wrap]]]] = {
    "refs": _in_place("refs"),
    "allOf": _in_place("allOf"),
    "properties": _properties,
    "patternProperties": _pattern_properties,
    "additionalProperties": _additional_properties,
    "prefixItems": _prefix_items,
    "items": _items,
    "if": _branches,
    "dependentSchemas": _dependent_schemas,
}
# They are broken as themselves only where they are false.
_REST = ("additionalProperties",)
