# SPDX-License-Identifier: Apache-2.0
"""The size of a document, in the quantities that providers limit.

Rules:
1. No reference is followed, so a total counts each part once.
2. Optional properties and unions are counted outside of definitions, as providers do.
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
    """The size of a schema.

    Attributes:
        properties: Total number of listed properties.
        levels: Nesting of objects, from the root or from a definition.
        steps: Nesting of schemas, from the root or from a definition. Items and branches count as well.
        characters: Total number of characters in the names of properties and definitions, and in the strings of
            `enum` and `const`.
        values: Total number of values of `enum`.
        optional: Number of optional properties, outside of definitions.
        unions: Number of properties with `anyOf` or a list of types, outside of definitions.
    """

    properties: int = 0
    levels: int = 0
    steps: int = 0
    characters: int = 0
    values: int = 0
    optional: int = 0
    unions: int = 0

    def add(self, part: Size, level: int, step: int, *, is_defined: bool) -> None:
        """Add the size of a part without definitions, which is inside of *level* objects and *step* schemas."""
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
    """The condition that a document exceeds a limit. Only the root of a document can fulfill it."""

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
    """Return the size of a document.

    Args:
        document: The document.
        known: Sizes of parts without definitions, by `id`. These parts are not read again.
    """
    size = Size()
    # Each schema with the number of objects and of schemas around it, and whether it is in a definition.
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
