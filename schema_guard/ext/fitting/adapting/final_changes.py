# SPDX-License-Identifier: Apache-2.0
"""The last changes to a complete schema, for rules by which a provider compares or counts its parts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from schema_guard.ext.fitting.adapting.result import SchemaChange
from schema_guard.ext.fitting.rules.conditions import resolved, target_of
from schema_guard.ext.fitting.rules.limits import Above, Size, is_union, size_of
from schema_guard.ext.fitting.rules.rule import Site
from schema_guard.validation.keywords import LISTS, MAPS, SINGLES
from schema_guard.validation.references import subschemas

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schema_guard.ext.fitting.adapting.acceptance import Acceptance
    from schema_guard.ext.fitting.adapting.builder import Builder
    from schema_guard.ext.fitting.rules.rule import Rule, Rules

_NULL = {"type": "null"}
_MOST_HOISTED = 500
# A definition has a name already, and no provider accepts references everywhere in `allOf`.
_APART = frozenset({"$defs", "allOf"})


def _rules(table: Rules, name: str) -> list[Rule]:
    return [rule for rule in table.rules if rule.name == f"{table.name}-{name}"]


def _places_of(document: dict[str, Any], rules: list[Rule]) -> list[str]:
    """Return the places that break a rule. Without rules, nothing is read."""
    return [
        place.location
        for place in (subschemas(document, "", "") if rules else ())
        for rule in rules
        if isinstance(place.schema, dict) and rule.is_broken(Site(place.schema, place.location, document))
    ]


def begin_apart(document: dict[str, Any], table: Rules) -> None:
    """Put another key first in objects of a union that begin with the same key, if they have a different one.

    The valid values stay the same. Keys are written in the order of the properties.
    """
    for location in _places_of(document, _rules(table, "first-key")):
        parts = [resolved(document, part) for part in target_of(document, f"#{location}")["anyOf"]]
        objects = [part for part in parts if isinstance(part, dict) and part.get("properties")]
        first_names: set[str] = set()
        # The object with the fewest keys chooses first, because larger objects have more keys to choose from.
        for part in sorted(objects, key=lambda part: len(part["properties"])):
            properties = part["properties"]
            first = next((name for name in properties if name not in first_names), next(iter(properties)))
            first_names.add(first)
            part["properties"] = {first: properties[first], **properties}


def within_unions(builder: Builder, document: dict[str, Any]) -> None:
    """Remove null from optional properties, one by one, as long as the document has more unions than are accepted."""
    rules = _rules(builder.table, "unions")
    if not rules:
        return
    # The unions of a whole document are counted at its root, and only once: there may be thousands of them.
    size = size_of(document)
    site = Site(document, "", document, {"size": size})
    places = {id(schema): location for schema, location in reversed(builder.written)}
    nullable = _nullable(document)
    while any(rule.is_broken(site) for rule in rules):
        candidate = next(nullable, None)
        if candidate is None:
            return
        properties, name, without = candidate
        before = properties[name]
        location = places.get(id(before), "")
        properties[name] = without
        size.unions -= is_union(before) - is_union(without)
        builder.written.append((without, location))
        keyword = "anyOf" if "anyOf" in before else "type"
        reason = "null can't occur there because of too many unions, but the property can be absent"
        builder.narrowed.append(SchemaChange(location, keyword, before[keyword], reason))


def _nullable(document: dict[str, Any]) -> Iterator[tuple[dict[str, Any], str, dict[str, Any]]]:
    """Yield optional properties with null and one other type, as their container, their name, and the other type.

    Properties in definitions are omitted, because unions are not counted there.
    """
    for place in list(subschemas(document, "", "")):
        if place.location.startswith(("/$defs/", "/definitions/")):
            continue
        properties = place.schema.get("properties", {}) if isinstance(place.schema, dict) else {}
        for name, schema in list(properties.items()):
            without = _without_null(schema) if name not in place.schema.get("required", ()) else None
            if without is not None:
                yield properties, name, without


def _without_null(schema: Any) -> dict[str, Any] | None:
    if not isinstance(schema, dict):
        return None
    types, parts = schema.get("type"), schema.get("anyOf", ())
    if isinstance(types, list) and "null" in types and len(types) == 2:
        return {**schema, "type": next(kind for kind in types if kind != "null")}
    if _NULL in parts and len(parts) == 2:
        rest = {key: value for key, value in schema.items() if key != "anyOf"}
        other = next(part for part in parts if part != _NULL)
        return {**rest, **other} if not rest.keys() & other.keys() - {"description"} else None
    return None


def hoist(root: dict[str, Any], definitions: dict[str, Any], accepted: Acceptance) -> None:
    """Move parts of the root, and of definitions, into new definitions until none is too large."""
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
            # The number of moves per round grows, because each check reads all children.
            heaviest = children[moved : moved + 1 + moved // 4]
            moved += len(heaviest)
            waiting += [_moved(child, definitions) for child in heaviest]


class _Child:
    """A schema inside of another, with its container and its key there."""

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
    """Yield the schemas directly inside of a schema, except those that are references already."""
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
