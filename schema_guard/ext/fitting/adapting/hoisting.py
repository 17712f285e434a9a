# SPDX-License-Identifier: Apache-2.0
"""Parts of a large schema as definitions, for a provider that counts each definition separately.

Rule: nothing is lost: what was written in a place is referred to from there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from schema_guard.ext.fitting.rules.limits import Above, Size, size_of
from schema_guard.ext.fitting.rules.rule import Site
from schema_guard.validation.keywords import LISTS, MAPS, SINGLES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schema_guard.ext.fitting.adapting.acceptance import Acceptance

__all__ = ["hoist"]

_MOST_HOISTED = 500
# A definition has its name, and of what stands in `allOf` no provider takes a reference everywhere.
_APART = frozenset({"$defs", "allOf"})


def hoist(root: dict[str, Any], definitions: dict[str, Any], accepted: Acceptance) -> None:
    """Move parts of the root, and of definitions, into definitions of their own until none is too large."""
    if not accepted.refers:
        return
    waiting = [root, *(held for held in definitions.values() if isinstance(held, dict))]
    while waiting and len(definitions) < _MOST_HOISTED:
        part = waiting.pop()
        if not _is_too_large(part, accepted):
            continue
        moved = 0
        sizes = {id(child.schema): size_of(child.schema) for child in _children(part)}
        weights = [(_weight(sizes[id(child.schema)]), child) for child in _children(part)]
        heavy = sorted([pair for pair in weights if pair[0]], key=lambda pair: pair[0], reverse=True)
        children = [child for _, child in heavy]
        while moved < min(len(children), _MOST_HOISTED) and (
            not moved or _is_too_large(part, accepted, sizes)
        ):
            # More at once as more are moved, because each look reads all children.
            heaviest = children[moved : moved + 1 + moved // 4]
            moved += len(heaviest)
            waiting += [_moved(child, definitions) for child in heaviest]


class _Child:
    """A schema inside of another: what holds it, under which key, and the schema."""

    __slots__ = ("holder", "key", "schema")

    def __init__(self, holder: Any, key: Any) -> None:
        self.holder = holder
        self.key = key
        self.schema: dict[str, Any] = holder[key]


def _is_too_large(part: dict[str, Any], accepted: Acceptance, sizes: dict[int, Size] | None = None) -> bool:
    rules = [
        rule for rule in accepted.table.rules if rule.confidence == "high" and isinstance(rule.applies, Above)
    ]
    site = Site(part, "", part, {"size": size_of(part, sizes or {})} if rules else {})
    return any(rule.is_broken(site) for rule in rules)


def _children(part: dict[str, Any]) -> Iterator[_Child]:
    """Give the schemas that stand nearest inside of a schema, not those that are references already."""
    for keyword, value in part.items():
        if keyword in _APART:
            continue
        children: list[_Child] = []
        if isinstance(value, dict) and keyword in MAPS:
            children = [_Child(value, key) for key, held in value.items() if isinstance(held, dict)]
        elif isinstance(value, list) and keyword in LISTS:
            children = [_Child(value, place) for place, held in enumerate(value) if isinstance(held, dict)]
        elif isinstance(value, dict) and keyword in SINGLES:
            children = [_Child(part, keyword)]
        yield from (child for child in children if "$ref" not in child.schema)


def _weight(size: Size) -> int:
    return size.properties + size.optional + size.values + 10 * (size.unions + size.levels)


def _moved(child: _Child, definitions: dict[str, Any]) -> dict[str, Any]:
    number = len(definitions) + 1
    while f"d{number}" in definitions:
        number += 1
    definitions[f"d{number}"] = child.schema
    child.holder[child.key] = {"$ref": f"#/$defs/d{number}"}
    return child.schema
