# SPDX-License-Identifier: Apache-2.0
"""What is put right of a whole schema that is written: what a provider compares, or counts, across its parts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from schema_guard.ext.fitting.adapting.result import SchemaChange
from schema_guard.ext.fitting.rules.conditions import resolved, target_of
from schema_guard.ext.fitting.rules.limits import is_union, size_of
from schema_guard.ext.fitting.rules.rule import Site
from schema_guard.validation.references import subschemas

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schema_guard.ext.fitting.adapting.builder import Builder
    from schema_guard.ext.fitting.rules.rule import Rule, Rules

__all__ = ["begin_apart", "within_unions"]

_NULL = {"type": "null"}


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
    """Put another key first in objects of a union that begin alike, as far as they have one of their own.

    What is valid stays the same; keys are written in the order of the properties.
    """
    for location in _places_of(document, _rules(table, "first-key")):
        parts = [resolved(document, part) for part in target_of(document, f"#{location}")["anyOf"]]
        objects = [part for part in parts if isinstance(part, dict) and part.get("properties")]
        first_names: set[str] = set()
        # Who has the fewest keys chooses first: whoever has more finds another one.
        for part in sorted(objects, key=lambda part: len(part["properties"])):
            properties = part["properties"]
            first = next((name for name in properties if name not in first_names), next(iter(properties)))
            first_names.add(first)
            part["properties"] = {first: properties[first], **properties}


def within_unions(builder: Builder, document: dict[str, Any]) -> None:
    """Take null out of properties that may be left out, one by one, as long as there are more unions than are taken."""
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
    """Give properties that may be left out and be null and one thing else: where they stand, and that.

    Those in definitions are not counted where unions are.
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
