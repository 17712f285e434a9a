# SPDX-License-Identifier: Apache-2.0
"""How large a document is, in what providers limit.

Rules:
1. What is counted in all is counted once, whatever refers to it: no reference is followed.
2. What a request may have few of is counted outside of definitions, as providers are seen to do.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from schema_guard.validation.keywords import LISTS, MAPS, SINGLES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from schema_guard.ext.fitting.rules.rule import Rule, Rules, Site

_COUNTED = frozenset({"$defs", "const", "definitions", "enum", "properties"})


@dataclass(slots=True)
class Size:
    """How large a schema is.

    Attributes:
        properties: Properties that are listed, in all.
        levels: Objects inside of each other, of the root or of a definition.
        steps: Schemas inside of each other, of the root or of a definition: items and branches count as well.
        characters: Of the names of properties and definitions, and of the strings of `enum` and `const`, in all.
        values: Values of `enum`, in all.
        optional: Properties that may be absent, outside of definitions.
        unions: Properties with `anyOf` or a list of types, outside of definitions.
    """

    properties: int = 0
    levels: int = 0
    steps: int = 0
    characters: int = 0
    values: int = 0
    optional: int = 0
    unions: int = 0

    def add(self, part: Size, level: int, step: int, *, is_defined: bool) -> None:
        """Add the size of a part without definitions, which is inside of so many objects and schemas."""
        self.properties += part.properties
        self.levels = max(self.levels, level + part.levels)
        self.steps = max(self.steps, step + part.steps)
        self.characters += part.characters
        self.values += part.values
        if not is_defined:
            self.optional += part.optional
            self.unions += part.unions


@dataclass(frozen=True)
class Above:
    """The condition that a document is larger than a limit, which holds at its root alone."""

    what: str
    most: int

    def __call__(self, site: Site) -> bool:
        """Return whether the site is the root of a document above the limit."""
        if site.location:
            return False
        if "size" not in site.known:
            site.known["size"] = size_of(site.document)
        return bool(getattr(site.known["size"], self.what) > self.most)


def inner_rules(table: Rules) -> list[Rule]:
    """Return the rules of a table that a schema inside of a document may break."""
    return [rule for rule in table.rules if not isinstance(rule.applies, Above)]


def size_of(document: Any, known: Mapping[int, Size] = MappingProxyType({})) -> Size:
    """Return how large a document is.

    Args:
        document: The document.
        known: The sizes of parts without definitions, by `id`: these parts are not read again.
    """
    size = Size()
    # Each schema with the objects and the schemas that hold it, and whether it stands in a definition.
    stack = [(document, 0, 0, False)]
    while stack:
        schema, level, step, is_defined = stack.pop()
        if id(schema) in known:
            size.add(known[id(schema)], level, step, is_defined=is_defined)
            continue
        size.steps = max(size.steps, step)
        if not isinstance(schema, dict):
            continue
        _count(size, schema, level, is_defined=is_defined)
        for keyword, value in schema.items():
            is_definition = keyword in ("$defs", "definitions")
            inner = (0, 0) if is_definition else (level + (keyword == "properties"), step + 1)
            if keyword in MAPS and isinstance(value, dict):
                stack += [(held, *inner, is_defined or is_definition) for held in value.values()]
            elif keyword in LISTS and isinstance(value, list):
                stack += [(held, *inner, is_defined) for held in value]
            elif keyword in SINGLES:
                stack.append((value, *inner, is_defined))
    return size


def _count(size: Size, schema: dict[str, Any], level: int, *, is_defined: bool) -> None:
    if _COUNTED.isdisjoint(schema):
        size.levels = max(size.levels, level)
        return
    listed = schema.get("properties", {})
    size.properties += len(listed)
    size.levels = max(size.levels, level + bool(listed))
    size.values += len(schema.get("enum", ()))
    size.characters += sum(map(len, _texts(schema)))
    if not is_defined:
        size.optional += len(set(listed) - set(schema.get("required", ())))
        size.unions += sum(map(is_union, listed.values()))


def is_union(schema: Any) -> bool:
    """Return whether a property may have several types."""
    return isinstance(schema, dict) and ("anyOf" in schema or isinstance(schema.get("type"), list))


def _texts(schema: dict[str, Any]) -> Iterator[str]:
    for keyword in ("properties", "$defs", "definitions"):
        yield from schema.get(keyword, ())
    values = [*schema.get("enum", ()), schema.get("const")]
    yield from (value for value in values if isinstance(value, str))
