# SPDX-License-Identifier: Apache-2.0
"""Conditions under which a rule is broken: small questions about one schema."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from schema_guard.targets.rules.rule import ANNOTATIONS, STRUCTURE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from schema_guard.targets.rules.rule import Site

_OBJECT_KEYWORDS = frozenset({"additionalProperties", "patternProperties", "properties", "required"})
_TYPED = frozenset({"$ref", "allOf", "anyOf", "const", "enum", "oneOf", "type"})
_LOCAL = re.compile(r"#(/(\$defs|definitions)/[^/~%]+)?\Z")
# Ways to refer, group and assert that automata do not know.
_LOOKS = re.compile(r"\(\?(<?[=!])")
_REFERS_BACK = re.compile(r"(?<!\\)(\\\\)*\\([1-9]|k<)|\(\?P=")
_BOUNDARY = re.compile(r"(?<!\\)(\\\\)*\\[bB]")


def types_of(schema: dict[str, Any]) -> list[str]:
    """Give the types that a schema names."""
    named = schema.get("type", [])
    return [named] if isinstance(named, str) else list(named)


def is_object(schema: dict[str, Any]) -> bool:
    """Whether a schema is about objects: it says so, or has a keyword that is and names no type."""
    named = types_of(schema)
    return "object" in named if named else bool(_OBJECT_KEYWORDS & schema.keys())


def siblings(schema: dict[str, Any], *keywords: str) -> set[str]:
    """Give the keywords that judge beside the named ones."""
    return set(schema) - ANNOTATIONS - STRUCTURE - set(keywords)


def is_root(site: Site) -> bool:
    """Whether it is the document's own schema."""
    return site.location == ""


def root_is_no_object(site: Site) -> bool:
    """Whether the root is anything but an object of its own."""
    return is_root(site) and (
        types_of(site.schema) != ["object"] or bool({"anyOf", "$ref", "oneOf"} & site.schema.keys())
    )


def is_open(site: Site) -> bool:
    """Whether an object is not closed."""
    return is_object(site.schema) and site.schema.get("additionalProperties") is not False


def has_optional(site: Site) -> bool:
    """Whether a property may be absent."""
    return bool(set(site.schema.get("properties", ())) - set(site.schema.get("required", ())))


def requires_unlisted(site: Site) -> bool:
    """Whether a required key is not among the properties."""
    return bool(set(site.schema.get("required", ())) - set(site.schema.get("properties", ())))


def refers_elsewhere(site: Site) -> bool:
    """Whether a reference leads to anything but the root or a definition."""
    return "$ref" in site.schema and not _LOCAL.match(str(site.schema["$ref"]))


def refers_outside(site: Site) -> bool:
    """Whether a reference leads out of the document."""
    return "$ref" in site.schema and not str(site.schema["$ref"]).startswith("#")


def beside(keyword: str, *allowed: str) -> Callable[[Site], bool]:
    """Whether a keyword has siblings that judge, the allowed ones apart."""
    return lambda site: keyword in site.schema and bool(siblings(site.schema, keyword, *allowed))


def beside_ref(site: Site) -> bool:
    """Whether anything stands beside `$ref`, annotations too."""
    return "$ref" in site.schema and bool(set(site.schema) - {"$ref", "$defs", "definitions", "$id"})


def with_any(keyword: str, *others: str) -> Callable[[Site], bool]:
    """Whether a keyword stands beside one of others."""
    return lambda site: keyword in site.schema and bool(set(others) & site.schema.keys())


def more_than(keyword: str, most: int) -> Callable[[Site], bool]:
    """Whether a number, or a list's length, is above a limit."""

    def applies(site: Site) -> bool:
        value = site.schema.get(keyword, 0)
        return (len(value) if isinstance(value, list | dict) else value) > most

    return applies


def format_beyond(known: Iterable[str]) -> Callable[[Site], bool]:
    """Whether a format is none of the known ones."""
    names = frozenset(known)
    return lambda site: "format" in site.schema and site.schema["format"] not in names


def looks_around(site: Site) -> bool:
    """Whether a pattern looks around."""
    return bool(_LOOKS.search(_pattern(site)))


def is_beyond_automata(site: Site) -> bool:
    """Whether a pattern looks around, refers back or asks for a word boundary."""
    text = _pattern(site)
    return any(hard.search(text) for hard in (_LOOKS, _REFERS_BACK, _BOUNDARY))


def is_unanchored(site: Site) -> bool:
    """Whether a pattern may match a part of the text."""
    text = _pattern(site)
    return "pattern" in site.schema and not (text.startswith("^") and text.endswith("$"))


def _pattern(site: Site) -> str:
    return str(site.schema.get("pattern", ""))


def enumerates(*kinds: type) -> Callable[[Site], bool]:
    """Whether an enum has a value of none of the kinds; a bool is no number here."""

    def applies(site: Site) -> bool:
        values = site.schema.get("enum", ())
        return any(
            not isinstance(value, kinds) or (type(value) is bool and bool not in kinds) for value in values
        )

    return applies


def is_number(keyword: str) -> Callable[[Site], bool]:
    """Whether a keyword bounds numbers that need not be integers."""
    return lambda site: keyword in site.schema and types_of(site.schema) != ["integer"]


def lists_types(site: Site) -> bool:
    """Whether several types are named."""
    return isinstance(site.schema.get("type"), list)


def has_untyped_items(site: Site) -> bool:
    """Whether an array says nothing of what its items are."""
    if "array" not in types_of(site.schema):
        return False
    items = site.schema.get("items")
    return not (isinstance(items, dict) and _TYPED & items.keys())


def recursive(site: Site) -> bool:
    """Whether a reference leads back to a schema that holds it."""
    reference = site.schema.get("$ref")
    if not isinstance(reference, str) or not reference.startswith("#"):
        return False
    start = target_of(site.document, reference)
    return reference in _reached(site.document, start)


def target_of(document: Any, reference: str) -> Any:
    """Give what a local pointer leads to; None where it leads nowhere."""
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


def _reached(document: Any, start: Any) -> set[str]:
    """Give the references that are reached from a schema."""
    found: set[str] = set()
    stack = [start]
    while stack:
        value = stack.pop()
        if isinstance(value, list):
            stack += value
        elif isinstance(value, dict):
            # Definitions are reached through references alone.
            stack += [held for key, held in value.items() if key not in ("$defs", "definitions")]
            reference = value.get("$ref")
            if isinstance(reference, str) and reference not in found:
                found.add(reference)
                stack.append(target_of(document, reference))
    return found


def is_overlapping(site: Site) -> bool:
    """Whether the branches of `oneOf` are not known to shut each other out."""
    branches = site.schema.get("oneOf", ())
    return any(
        not are_disjoint(site.document, one, other)
        for place, one in enumerate(branches)
        for other in branches[place + 1 :]
    )


def are_disjoint(document: Any, one: Any, other: Any) -> bool:
    """Whether two schemas are known to share no instance: by their types, or by a required tag."""
    one, other = _resolved(document, one), _resolved(document, other)
    if not isinstance(one, dict) or not isinstance(other, dict):
        return one is False or other is False
    kinds = [set(types_of(schema)) for schema in (one, other)]
    if all(kinds) and not _meet(*kinds):
        return True
    if kinds != [{"object"}, {"object"}]:
        return False
    tags = set(one.get("required", ())) & set(other.get("required", ()))
    return any(not _same_value(_tag(document, one, tag), _tag(document, other, tag)) for tag in tags)


def _meet(one: set[str], other: set[str]) -> bool:
    wide = [kinds | ({"integer"} if "number" in kinds else set()) for kinds in (one, other)]
    return bool(wide[0] & wide[1])


def _resolved(document: Any, schema: Any) -> Any:
    for _ in range(10):
        if not isinstance(schema, dict) or set(schema) - ANNOTATIONS - {"description"} != {"$ref"}:
            break
        if not str(schema["$ref"]).startswith("#"):
            break
        schema = target_of(document, schema["$ref"])
    return schema


def _tag(document: Any, schema: dict[str, Any], name: str) -> list[str] | None:
    """Give the strings that a property may be; None where they are not known."""
    held = _resolved(document, schema.get("properties", {}).get(name))
    values = [held["const"]] if isinstance(held, dict) and "const" in held else None
    if isinstance(held, dict) and "enum" in held:
        values = list(held["enum"])
    return values if values and all(isinstance(value, str) for value in values) else None


def _same_value(one: list[str] | None, other: list[str] | None) -> bool:
    return one is None or other is None or bool(set(one) & set(other))
