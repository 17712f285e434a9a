# SPDX-License-Identifier: Apache-2.0
"""Conditions under which a schema breaks a rule."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

from schema_guard.ext.fitting.rules.rule import ANNOTATIONS, STRUCTURE
from schema_guard.validation.references import subschemas

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from schema_guard.ext.fitting.rules.rule import Site

_OBJECT_KEYWORDS = frozenset({"additionalProperties", "patternProperties", "properties", "required"})
_TYPED = frozenset({"$ref", "allOf", "anyOf", "const", "enum", "oneOf", "type"})
_LOCAL = re.compile(r"#(/(\$defs|definitions)/[^/~%]+)?\Z")
# Constructs in patterns that automata do not support.
_LOOKS = re.compile(r"\(\?(<?[=!])")
_REFERS_BACK = re.compile(r"(?<!\\)(\\\\)*\\([1-9]|k<)|\(\?P=")
_BOUNDARY = re.compile(r"(?<!\\)(\\\\)*\\[bB]")
_PROPERTY = re.compile(r"(?<!\\)(\\\\)*\\[pP]\{")
_REPEATS = re.compile(r"\{(\d+)(?:,(\d*))?\}")
# The smallest parts of a pattern: an escaped character, a class of characters, or any other character.
_PIECE = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|.", re.DOTALL)
_OF_TYPE: dict[str, tuple[type, ...]] = {
    "array": (list,), "boolean": (bool,), "integer": (int,), "null": (type(None),), "number": (int, float),
    "object": (dict,), "string": (str,),
}  # fmt: skip


def types_of(schema: dict[str, Any]) -> list[str]:
    """Return the types that a schema names."""
    named = schema.get("type", [])
    return [named] if isinstance(named, str) else list(named)


def is_object(schema: dict[str, Any]) -> bool:
    """Return whether a schema describes objects, by its type or, without a type, by a keyword for objects."""
    named = types_of(schema)
    return "object" in named if named else bool(_OBJECT_KEYWORDS & schema.keys())


def siblings(schema: dict[str, Any], *keywords: str) -> set[str]:
    """Return the keywords beside the named ones that constrain values."""
    return set(schema) - ANNOTATIONS - STRUCTURE - set(keywords)


def is_root(site: Site) -> bool:
    """Return whether the site is the root of the document."""
    return site.location == ""


def root_is_no_object(site: Site) -> bool:
    """Return whether the root is no plain object, or has `anyOf`, `$ref`, or `oneOf`."""
    return is_root(site) and (
        types_of(site.schema) != ["object"] or bool({"anyOf", "$ref", "oneOf"} & site.schema.keys())
    )


def is_open(site: Site) -> bool:
    """Return whether an object is not closed."""
    return is_object(site.schema) and site.schema.get("additionalProperties") is not False


def has_optional(site: Site) -> bool:
    """Return whether a property may be absent."""
    return bool(set(site.schema.get("properties", ())) - set(site.schema.get("required", ())))


def requires_unlisted(site: Site) -> bool:
    """Return whether a required key is not among the properties."""
    return bool(set(site.schema.get("required", ())) - set(site.schema.get("properties", ())))


def refers_elsewhere(site: Site) -> bool:
    """Return whether a reference leads to anything but the root or a definition."""
    return "$ref" in site.schema and not _LOCAL.match(str(site.schema["$ref"]))


def refers_by_escapes(site: Site) -> bool:
    """Return whether a reference contains an escape."""
    return any(sign in str(site.schema.get("$ref", "")) for sign in "~%")


def refers_by_name(site: Site) -> bool:
    """Return whether a reference leads to an anchor."""
    reference = str(site.schema.get("$ref", ""))
    return reference.startswith("#") and reference not in ("#", "#/") and not reference.startswith("#/")


def refers_outside(site: Site) -> bool:
    """Return whether a reference leads out of the document."""
    return "$ref" in site.schema and not str(site.schema["$ref"]).startswith("#")


def beside(keyword: str, *allowed: str) -> Callable[[Site], bool]:
    """Return the condition that a keyword has siblings that constrain values, except the allowed ones."""
    return lambda site: keyword in site.schema and bool(siblings(site.schema, keyword, *allowed))


def leads_out(site: Site) -> bool:
    """Return whether a reference leads out of the document, and no `$id` in the document matches it."""
    return refers_outside(site) and not any(
        isinstance(place.schema, dict)
        and place.schema.get("$id") == str(site.schema["$ref"]).partition("#")[0]
        for place in subschemas(site.document, "", "")
    )


def loses_beside(keyword: str) -> Callable[[Site], bool]:
    """Return the condition that siblings of `enum` or `const` may exclude a value. A type of all values can't."""

    def applies(site: Site) -> bool:
        if keyword not in site.schema:
            return False
        values = site.schema[keyword] if keyword == "enum" else [site.schema[keyword]]
        other = siblings(site.schema, keyword, "type")
        named = types_of(site.schema)
        return bool(other) or (bool(named) and not all(_is_of(value, named) for value in values))

    return applies


def _is_of(value: Any, named: list[str]) -> bool:
    if isinstance(value, bool):
        return "boolean" in named
    if isinstance(value, float) and value.is_integer() and "integer" in named:
        return True
    return any(isinstance(value, _OF_TYPE.get(kind, ())) for kind in named)


def beside_ref(site: Site) -> bool:
    """Return whether `$ref` has any sibling, including annotations."""
    return "$ref" in site.schema and bool(set(site.schema) - {"$ref", "$defs", "definitions", "$id"})


def with_any(keyword: str, *others: str) -> Callable[[Site], bool]:
    """Return the condition that a keyword is beside one of several others."""
    return lambda site: keyword in site.schema and bool(set(others) & site.schema.keys())


def more_than(keyword: str, most: int) -> Callable[[Site], bool]:
    """Return the condition that a number, or the length of a list, is above a limit."""

    def applies(site: Site) -> bool:
        value = site.schema.get(keyword, 0)
        return (len(value) if isinstance(value, (list, dict)) else value) > most

    return applies


def format_beyond(known: Iterable[str], *, of_any: bool = False) -> Callable[[Site], bool]:
    """Return the condition that a format is unknown. With *of_any*, it also applies to schemas without strings."""
    names = frozenset(known)

    def applies(site: Site) -> bool:
        kinds = types_of(site.schema)
        is_meant = of_any or not kinds or "string" in kinds
        return "format" in site.schema and is_meant and site.schema["format"] not in names

    return applies


def looks_around(site: Site) -> bool:
    """Return whether a pattern has look-around."""
    return bool(_LOOKS.search(_pattern(site)))


def refers_back(site: Site) -> bool:
    """Return whether a pattern has a back reference, a word boundary, or a character property."""
    return "pattern" in site.schema and any(
        hard.search(_pattern(site)) for hard in (_REFERS_BACK, _BOUNDARY, _PROPERTY)
    )


def names_a_property(site: Site) -> bool:
    """Return whether a pattern has a character property."""
    return bool(_PROPERTY.search(_pattern(site)))


def repeats_more_than(most: int) -> Callable[[Site], bool]:
    """Return the condition that a pattern repeats a part more than *most* times."""
    return lambda site: (
        "pattern" in site.schema
        and any(
            int(number) > most
            for found in _REPEATS.finditer(_pattern(site))
            for number in found.groups()
            if number
        )
    )


def is_beyond_automata(site: Site) -> bool:
    """Return whether a pattern has look-around, a back reference, or a word boundary."""
    return "pattern" in site.schema and _is_hard(_pattern(site))


def has_names_beyond_automata(site: Site) -> bool:
    """Return whether a pattern of `patternProperties` has look-around, a back reference, or a word boundary."""
    return any(map(_is_hard, site.schema.get("patternProperties", ())))


def _is_hard(pattern: str) -> bool:
    return any(hard.search(pattern) for hard in (_LOOKS, _REFERS_BACK, _BOUNDARY))


def is_unanchored(site: Site) -> bool:
    """Return whether a pattern may match a part of the text."""
    return "pattern" in site.schema and not is_anchored(_pattern(site))


def has_unanchored_names(site: Site) -> bool:
    """Return whether a pattern of `patternProperties` may match a part of a key."""
    return not all(map(is_anchored, site.schema.get("patternProperties", ())))


def is_anchored(pattern: str) -> bool:
    """Return whether each alternative of a pattern begins with ^ and ends with $."""
    alternatives: list[list[str]] = [[]]
    depth = 0
    for found in _PIECE.finditer(pattern):
        piece = found[0]
        depth += (piece == "(") - (piece == ")")
        if piece == "|" and not depth:
            alternatives.append([])
        else:
            alternatives[-1].append(piece)
    return all(pieces[:1] == ["^"] and pieces[-1] == "$" for pieces in alternatives)


def _pattern(site: Site) -> str:
    return str(site.schema.get("pattern", ""))


def enumerates(*kinds: type) -> Callable[[Site], bool]:
    """Return the condition that an enum has a value of none of the kinds. A bool is no number here."""

    def applies(site: Site) -> bool:
        values = site.schema.get("enum", ())
        return any(
            not isinstance(value, kinds) or (type(value) is bool and bool not in kinds) for value in values
        )

    return applies


def is_number(keyword: str) -> Callable[[Site], bool]:
    """Return the condition that a keyword bounds numbers that need not be integers."""
    return lambda site: keyword in site.schema and types_of(site.schema) != ["integer"]


def is_untyped(*keywords: str) -> Callable[[Site], bool]:
    """Return the condition that a schema has one of the keywords, but no keyword that determines the type."""
    return lambda site: bool(set(keywords) & site.schema.keys()) and not _TYPED & site.schema.keys()


def is_short_tuple(site: Site) -> bool:
    """Return whether `maxItems` is less than the number of `prefixItems`."""
    return bool(site.schema.get("maxItems", math.inf) < len(site.schema.get("prefixItems", ())))


def is_loose_tuple(site: Site) -> bool:
    """Return whether `prefixItems` allows arrays of other lengths."""
    items = site.schema.get("prefixItems")
    if items is None:
        return False
    shortest, longest = site.schema.get("minItems", 0), site.schema.get("maxItems", len(items) + 1)
    return shortest < len(items) or (site.schema.get("items") is not False and longest > len(items))


def joins_several(site: Site) -> bool:
    """Return whether `allOf` has several schemas, or a sibling that constrains values."""
    return "allOf" in site.schema and (len(site.schema["allOf"]) != 1 or bool(siblings(site.schema, "allOf")))


def joins_references(site: Site) -> bool:
    """Return whether `allOf` has a reference."""
    return any(isinstance(part, dict) and "$ref" in part for part in site.schema.get("allOf", ()))


def lists_items(site: Site) -> bool:
    """Return whether `items` is a list."""
    return isinstance(site.schema.get("items"), list)


def takes_anything(site: Site) -> bool:
    """Return whether no keyword constrains values."""
    return not siblings(site.schema)


def lists_types(site: Site) -> bool:
    """Return whether `type` is a list."""
    return isinstance(site.schema.get("type"), list)


def has_untyped_items(site: Site) -> bool:
    """Return whether a schema for arrays has no type for the items."""
    if "array" not in types_of(site.schema):
        return False
    items = site.schema.get("items")
    return not (isinstance(items, dict) and _TYPED & items.keys())


def recursive(site: Site) -> bool:
    """Return whether a reference leads back to a schema that contains it."""
    reference = site.schema.get("$ref")
    if not isinstance(reference, str) or not reference.startswith("#"):
        return False
    known = site.known.setdefault("reached", {})
    if reference not in known:
        known[reference] = reference in _reached(site.document, target_of(site.document, reference))
    return bool(known[reference])


def recursive_where_required(site: Site) -> bool:
    """Return whether a reference leads back to a schema that contains it, without an optional property between."""
    reference = site.schema.get("$ref")
    if not isinstance(reference, str) or not reference.startswith("#"):
        return False
    known = site.known.setdefault("reached where required", {})
    if reference not in known:
        target = target_of(site.document, reference)
        known[reference] = reference in _reached(site.document, target, required_only=True)
    return bool(known[reference])


def target_of(document: Any, reference: str) -> Any:
    """Return the target of a local pointer. None if it has no target, or if the reference is no local pointer."""
    if reference != "#" and not reference.startswith("#/"):
        return None
    place = document
    for step in reference.removeprefix("#").split("/")[1:]:
        token = step.replace("~1", "/").replace("~0", "~")
        if isinstance(place, dict):
            place = place.get(token)
        elif isinstance(place, list) and token.isdigit() and int(token) < len(place):
            place = place[int(token)]
        else:
            return None
    return place


def _reached(document: Any, start: Any, *, required_only: bool = False) -> set[str]:
    """Return the references that a schema reaches. Definitions are reached only through references."""
    found: set[str] = set()
    stack = [start]
    while stack:
        value = stack.pop()
        if isinstance(value, list):
            stack += value
        elif isinstance(value, dict):
            stack += [
                _required(value) if required_only and key == "properties" else held
                for key, held in value.items()
                if key not in ("$defs", "definitions")
            ]
            reference = value.get("$ref")
            if isinstance(reference, str) and reference not in found:
                found.add(reference)
                stack.append(target_of(document, reference))
    return found


def _required(schema: dict[str, Any]) -> list[Any]:
    """Return the schemas of the required properties."""
    listed = schema["properties"]
    if not isinstance(listed, dict):
        return []
    return [held for name, held in listed.items() if name in schema.get("required", ())]


def is_overlapping(site: Site) -> bool:
    """Return whether the branches of `oneOf` are not known to exclude each other."""
    return not are_all_disjoint(site.document, site.schema.get("oneOf", ()))


def are_all_disjoint(document: Any, branches: Sequence[Any]) -> bool:
    """Return whether all pairs of the schemas are known to share no instance."""
    return all(
        are_disjoint(document, one, other)
        for group in _by_tag(document, branches)
        for place, one in enumerate(group)
        for other in group[place + 1 :]
    )


def _by_tag(document: Any, branches: Sequence[Any]) -> list[list[Any]]:
    """Return groups of schemas. Two schemas without a common group have different values of one required tag."""
    held = [resolved(document, branch) for branch in branches]
    if not held or not all(isinstance(one, dict) and types_of(one) == ["object"] for one in held):
        return [list(branches)]
    best: list[list[Any]] = [list(branches)]
    for tag in set.intersection(*(set(one.get("required", ())) for one in held)):
        groups: dict[str, list[Any]] = {}
        for one in held:
            for value in dict.fromkeys(_tag(document, one, tag) or ()):
                groups.setdefault(value, []).append(one)
        is_known = all(_tag(document, one, tag) for one in held)
        if is_known and len(groups) > len(best):
            best = list(groups.values())
    return best


def are_disjoint(document: Any, one: Any, other: Any) -> bool:
    """Return whether two schemas are known to share no instance, by their types or by a required tag."""
    one, other = resolved(document, one), resolved(document, other)
    if not isinstance(one, dict) or not isinstance(other, dict):
        return one is False or other is False
    kinds = [set(types_of(schema)) for schema in (one, other)]
    if all(kinds) and not _meet(*kinds):
        return True
    if kinds != [{"object"}, {"object"}]:
        return False
    tags = set(one.get("required", ())) & set(other.get("required", ()))
    return any(not may_share(*(_tag(document, branch, tag) for branch in (one, other))) for tag in tags)


def _meet(one: set[str], other: set[str]) -> bool:
    wide = [kinds | ({"integer"} if "number" in kinds else set()) for kinds in (one, other)]
    return bool(wide[0] & wide[1])


def _tag(document: Any, schema: dict[str, Any], name: str) -> list[str] | None:
    return strings_of(document, schema.get("properties", {}).get(name))


def resolved(document: Any, schema: Any) -> Any:
    """Return the target of a schema that is only a reference, otherwise the schema itself."""
    for _ in range(10):
        if not isinstance(schema, dict) or set(schema) - ANNOTATIONS - {"description"} != {"$ref"}:
            break
        if not str(schema["$ref"]).startswith("#"):
            break
        schema = target_of(document, schema["$ref"])
    return schema


def strings_of(document: Any, schema: Any) -> list[str] | None:
    """Return the strings that a schema allows. None if they are unknown."""
    held = resolved(document, schema)
    values = [held["const"]] if isinstance(held, dict) and "const" in held else None
    if isinstance(held, dict) and "enum" in held:
        values = list(held["enum"])
    return values if values and all(isinstance(value, str) for value in values) else None


def may_share(one: list[str] | None, other: list[str] | None) -> bool:
    """Return whether two sets of strings may have one in common. None is an unknown set."""
    return one is None or other is None or bool(set(one) & set(other))
