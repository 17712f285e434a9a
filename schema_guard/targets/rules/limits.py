# SPDX-License-Identifier: Apache-2.0
"""How large a document is, in what providers limit.

Rules:
1. Each definition, and the root without them, is counted by itself, and the largest is told: no reference is followed.
   Providers count more where they follow them, so what is above a limit here is above it there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from schema_guard.core.validation.keywords import LISTS, MAPS, SINGLES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from schema_guard.targets.rules.rule import Site

__all__ = ["Size", "above", "size_of"]


@dataclass(slots=True)
class Size:
    """How large a schema is.

    Attributes:
        properties: Properties that are listed.
        levels: Objects inside of each other.
        characters: Of the names of properties and definitions, and of the strings of `enum` and `const`.
        values: Values of `enum`.
        optional: Properties that may be absent.
        unions: `anyOf`, and lists of types.
    """

    properties: int = 0
    levels: int = 0
    characters: int = 0
    values: int = 0
    optional: int = 0
    unions: int = 0


def above(what: str, most: int) -> Callable[[Site], bool]:
    """Whether a document, asked at its root, is larger than a limit."""
    return lambda site: site.location == "" and getattr(size_of(site.document), what) > most


def size_of(document: Any) -> Size:
    """Give the largest counts that the root or a definition of a document has."""
    parts = [Size()]
    stack = [(document, parts[0], 0)]
    while stack:
        schema, size, level = stack.pop()
        if not isinstance(schema, dict):
            continue
        _count(size, schema, level)
        for keyword, value in schema.items():
            if keyword in ("$defs", "definitions"):
                parts += [Size() for _ in value]
                stack += [
                    (held, part, 0) for held, part in zip(value.values(), parts[-len(value) :], strict=False)
                ]
            elif keyword in MAPS and isinstance(value, dict):
                stack += [(held, size, level + (keyword == "properties")) for held in value.values()]
            elif keyword in LISTS and isinstance(value, list):
                stack += [(held, size, level) for held in value]
            elif keyword in SINGLES:
                stack.append((value, size, level))
    return Size(*(max(getattr(part, name) for part in parts) for name in Size.__dataclass_fields__))


def _count(size: Size, schema: dict[str, Any], level: int) -> None:
    listed = schema.get("properties", {})
    size.properties += len(listed)
    size.levels = max(size.levels, level + bool(listed))
    size.optional += len(set(listed) - set(schema.get("required", ())))
    size.unions += ("anyOf" in schema) + isinstance(schema.get("type"), list)
    size.values += len(schema.get("enum", ()))
    size.characters += sum(map(len, _texts(schema)))


def _texts(schema: dict[str, Any]) -> Iterator[str]:
    for keyword in ("properties", "$defs", "definitions"):
        yield from schema.get(keyword, ())
    values = [*schema.get("enum", ()), schema.get("const")]
    yield from (value for value in values if isinstance(value, str))
