# SPDX-License-Identifier: Apache-2.0
"""Schemas that apply to one value together, merged into one.

Rules:
1. The merged schema means the same as all of them. Keywords that can't be merged are in `rest`, and never omitted.
2. Nodes are never changed. Subschemas of two nodes are in a list together.
"""

from __future__ import annotations

import copy
import math
from typing import TYPE_CHECKING, Any, NamedTuple

from schema_guard.ext.fitting.adapting.forms import Validity
from schema_guard.ext.fitting.rules.rule import KEYWORDS
from schema_guard.parsing import is_same

if TYPE_CHECKING:
    from collections.abc import Callable

    from schema_guard.ext.fitting.adapting.plain.plain_schema import PlainSchema

KINDS = ("object", "array", "string", "number", "integer", "boolean", "null")
_LARGEST = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
_SMALLEST = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
_GROUPS = frozenset(
    {"$ref", "allOf", "properties", "patternProperties", "additionalProperties", "prefixItems", "items"}
)
_OF_OBJECTS = frozenset(
    {
        "additionalProperties", "dependentRequired", "dependentSchemas", "maxProperties", "minProperties",
        "patternProperties", "properties", "propertyNames", "required", "unevaluatedProperties",
    }
)  # fmt: skip
_OF_ARRAYS = frozenset(
    {"contains", "items", "maxItems", "minItems", "prefixItems", "unevaluatedItems", "uniqueItems"}
)
_OF_STRINGS = frozenset({"format", "maxLength", "minLength", "pattern"})
_OF_NUMBERS = frozenset({"exclusiveMaximum", "exclusiveMinimum", "maximum", "minimum", "multipleOf"})


class KeywordApart(NamedTuple):
    """A separate keyword.

    Attributes:
        keyword: Name of the keyword.
        value: Value of the keyword.
        node: Schema that contains the keyword.
    """

    keyword: str
    value: Any
    node: dict[str, Any]


class FlatSchema:
    """The combination of several schemas for one value.

    Attributes:
        nodes: Merged schemas.
        kinds: Remaining types. `number` includes the integers.
        is_typed: Whether a schema names types or values.
        values: Remaining values. None if no values are enumerated.
        limits: Keywords with plain values.
        properties: For each property, the schemas for which it must be valid.
        patterns: The same for keys that match an expression.
        additional: The same for all other keys. None if no schema restricts them.
        names: Schemas for which keys must be valid.
        prefix: For each of the first places of an array, its schemas.
        items: The same for all further places. None if no schema restricts them.
        required: Required properties, in order.
        unions: `anyOf` and `oneOf`.
        rest: Keywords that are not merged: conditions, negations, and second patterns.
        where: For each keyword, the schema that contains it.
        is_impossible: Whether no value is valid.
    """

    def __init__(self, plain: PlainSchema) -> None:
        self.plain = plain
        self.nodes: list[Any] = []
        self.kinds = frozenset(KINDS) - {"integer"}
        self.is_typed = False
        self.values: list[Any] | None = None
        self.limits: dict[str, Any] = {}
        self.properties: dict[str, list[Any]] = {}
        self.patterns: dict[str, list[Any]] = {}
        self.additional: list[Any] | None = None
        self.names: list[Any] = []
        self.prefix: list[list[Any]] = []
        self.items: list[Any] | None = None
        self.required: list[str] = []
        self.unions: list[KeywordApart] = []
        self.rest: list[KeywordApart] = []
        self.where: dict[str, dict[str, Any]] = {}
        self.is_impossible = False

    def copy(self) -> FlatSchema:
        """Return a copy into which more schemas can be merged."""
        clone = copy.copy(self)
        for name in ("nodes", "limits", "names", "required", "unions", "rest", "where"):
            setattr(clone, name, copy.copy(getattr(self, name)))
        clone.properties = {name: list(held) for name, held in self.properties.items()}
        clone.patterns = {name: list(held) for name, held in self.patterns.items()}
        clone.prefix = [list(held) for held in self.prefix]
        clone.additional = None if self.additional is None else list(self.additional)
        clone.items = None if self.items is None else list(self.items)
        return clone

    def absorb(self, node: Any) -> FlatSchema:
        """Merge a schema, the targets of its references, and all of its `allOf`."""
        self.nodes.append(node)
        stack, met = [node], set()
        while stack:
            part = stack.pop()
            if part is False:
                self.is_impossible = True
            if not isinstance(part, dict) or id(part) in met:
                continue
            met.add(id(part))
            self._add_keywords(part, is_alone=len(self.nodes) == 1 and part is node)
            if "$ref" in part:
                stack.append(self.plain.leads(part)[1])
            stack += reversed(part.get("allOf", ()))
        self._settle()
        return self

    def _add_keywords(self, node: dict[str, Any], *, is_alone: bool) -> None:
        _merge_object(self, node)
        _merge_array(self, node)
        for keyword, value in node.items():
            if keyword in KEYWORDS and keyword not in _GROUPS:
                self._keyword(KeywordApart(keyword, value, node), is_alone=is_alone)

    def _keyword(self, entry: KeywordApart, *, is_alone: bool) -> None:
        keyword, value, node = entry
        if keyword == "type":
            self._type([value] if isinstance(value, str) else value)
        elif keyword in ("const", "enum"):
            self._values([value] if keyword == "const" else value)
        elif keyword == "required":
            self.required += [name for name in value if name not in self.required]
        elif keyword == "propertyNames":
            self.names.append(value)
        elif keyword in ("anyOf", "oneOf"):
            self.unions.append(entry)
        elif keyword in ("unevaluatedProperties", "unevaluatedItems") and is_alone:
            self.limits[keyword] = value
        elif not self._limit(keyword, value):
            self.rest.append(entry)
            return
        self.where.setdefault(keyword, node)

    def _limit(self, keyword: str, value: Any) -> bool:
        """Merge a keyword with a plain value. False if two values can't be combined."""
        known = self.limits.get(keyword)
        if keyword in _LARGEST:
            value = value if known is None else max(known, value)
        elif keyword in _SMALLEST:
            value = value if known is None else min(known, value)
        elif keyword == "uniqueItems":
            value = bool(value) or bool(known)
        elif keyword == "multipleOf" and isinstance(value, int) and isinstance(known, int):
            value = math.lcm(value, known)
        elif keyword not in ("multipleOf", "pattern", "format") or (known is not None and known != value):
            return False
        self.limits[keyword] = value
        return True

    def _type(self, named: list[str]) -> None:
        self.is_typed = True
        kinds = set()
        for kind in self.kinds:
            if kind in named or (kind == "integer" and "number" in named):
                kinds.add(kind)
            elif kind == "number" and "integer" in named:
                kinds.add("integer")
        self.kinds = frozenset(kinds)

    def _values(self, values: list[Any]) -> None:
        self.is_typed = True
        if self.values is None:
            self.values = list(values)
        else:
            self.values = [value for value in self.values if any(is_same(value, other) for other in values)]

    def _settle(self) -> None:
        """Set `is_impossible` if this is known already."""
        if self.values is not None:
            self.values = [value for value in self.values if kind_of(value, self.kinds)]
            self.is_impossible |= not self.values
        self.is_impossible |= not self.kinds
        if self.kinds == {"object"}:
            self.is_impossible |= any(self._is_barred(name) for name in self.required)

    def _is_barred(self, name: str) -> bool:
        """Return whether a property has no valid value, as far as that is easy to find out."""
        held = self.properties.get(name)
        if held is None:
            return False
        if len(held) == 1:
            return held[0] is False
        together: list[Any] | None = None
        for node in held:
            if node is False:
                return True
            values = _values_of(self.plain, node)
            if values is not None:
                together = [
                    value
                    for value in values
                    if together is None or any(is_same(value, other) for other in together)
                ]
        return together == []

    def spoken_of(self) -> list[str]:
        """Return the kinds of values that keywords restrict."""
        keywords = set(self.limits) | {entry.keyword for entry in self.rest}
        kinds = []
        if (
            self.properties
            or self.patterns
            or self.names
            or self.required
            or self.additional is not None
            or keywords & _OF_OBJECTS
        ):
            kinds.append("object")
        if self.prefix or self.items is not None or keywords & _OF_ARRAYS:
            kinds.append("array")
        if keywords & _OF_STRINGS:
            kinds.append("string")
        if keywords & _OF_NUMBERS:
            kinds.append("number")
        return [
            kind for kind in kinds if kind in self.kinds or (kind == "number" and "integer" in self.kinds)
        ]


def _values_of(plain: PlainSchema, node: Any) -> list[Any] | None:
    for _ in range(10):
        if not isinstance(node, dict):
            return None
        if "const" in node:
            return [node["const"]]
        if "enum" in node:
            return list(node["enum"])
        if "$ref" not in node:
            return None
        node = plain.leads(node)[1]
    return None


def kind_of(value: Any, kinds: frozenset[str] | set[str]) -> str | None:
    """Return the kind of a value, among *kinds*. None if the value is of none of them."""
    for kind in KINDS:
        if kind in kinds and _IS[kind](value):
            return kind
    return None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_IS: dict[str, Callable[[Any], bool]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "number": _is_number,
    "integer": lambda value: _is_number(value) and float(value).is_integer(),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
}


def matches(pattern: str, name: str) -> bool:
    """Return whether a key matches an expression."""
    # Uses the engine that validates instances, because it limits the cost of an expression.
    return Validity({"pattern": pattern}, {}, formats=False).takes(name)


def _merge_object(flat: FlatSchema, node: dict[str, Any]) -> None:
    """Merge the keywords of a node for properties. Each property must be valid for the schemas of both sides."""
    listed, patterns = node.get("properties", {}), node.get("patternProperties", {})
    more = node.get("additionalProperties")
    if not listed and not patterns and more is None:
        return
    for keyword in ("properties", "patternProperties", "additionalProperties"):
        if keyword in node:
            flat.where.setdefault(keyword, node)
    additional = [more] if more is not None and more is not True else []
    own_patterns = {key: [held] for key, held in patterns.items()}
    for name in dict.fromkeys([*flat.properties, *listed]):
        if name not in flat.properties:
            flat.properties[name] = _patterns_for(flat.patterns, name, flat.additional or [])
        own = [listed[name]] if name in listed else []
        flat.properties[name] += own + _patterns_for(own_patterns, name, [] if own else additional)
    _merge_patterns(flat, patterns, additional)
    if more is not None:
        flat.additional = (flat.additional or []) + additional


def _merge_patterns(flat: FlatSchema, patterns: dict[str, Any], additional: list[Any]) -> None:
    """Merge the schemas of keys that match. If one side has no expressions, its schemas of other keys apply."""
    before = list(flat.additional or []) if not flat.patterns else []
    for pattern in dict.fromkeys([*flat.patterns, *patterns]):
        known = flat.patterns.setdefault(pattern, list(before))
        known += [patterns[pattern]] if pattern in patterns else [] if patterns else additional


def _patterns_for(patterns: dict[str, list[Any]], name: str, otherwise: list[Any]) -> list[Any]:
    schemas = [held for pattern, held in patterns.items() if matches(pattern, name)]
    return [node for held in schemas for node in held] if schemas else list(otherwise)


def _merge_array(flat: FlatSchema, node: dict[str, Any]) -> None:
    """Merge the keywords of a node for the places of an array."""
    prefix, more = node.get("prefixItems", []), node.get("items")
    if not prefix and more is None:
        return
    for keyword in ("prefixItems", "items"):
        if keyword in node:
            flat.where.setdefault(keyword, node)
    items = [more] if more is not None and more is not True else []
    while len(flat.prefix) < len(prefix):
        flat.prefix.append(list(flat.items or []))
    for place, held in enumerate(list(flat.prefix)):
        flat.prefix[place] = held + ([prefix[place]] if place < len(prefix) else items)
    if more is not None:
        flat.items = (flat.items or []) + items
