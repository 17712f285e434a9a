# SPDX-License-Identifier: Apache-2.0
"""Check whether a schema accepts only values with few levels of nesting and finite numbers.

A schema is closed if every value in it has a type or is a listed scalar, and every object and array has schemas for all
of its members. A valid value of a closed schema needs no check of its depth and its numbers.
"""

from __future__ import annotations

from sys import float_info
from typing import TYPE_CHECKING, Any

from schema_guard.validation.keywords import draft_of
from schema_guard.validation.references import REF_ALONE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from schema_guard.validation.references import References

_MAX_PARTS, _MAX_LINKS = 2_000, 60
_ALL = ("string", "number", "boolean", "null", "array", "object")
_OWN = frozenset(
    {"properties", "patternProperties", "additionalProperties", "prefixItems", "items", "additionalItems"}
)


def closed_levels(references: References) -> int | None:
    """Return the levels of nesting that a schema allows, or None if it isn't closed."""
    try:
        return _Closing(references).levels(references.document, ())
    except (_Open, RecursionError):
        return None


class _Open(Exception):
    """A schema allows any value somewhere, refers to itself, or is too large."""


class _Closing:
    def __init__(self, references: References) -> None:
        self._references = references
        self._draft = draft_of(references.dialect)
        self._parts_left = _MAX_PARTS

    def levels(self, schema: Any, within: tuple[int, ...]) -> int:
        """Return the levels of a part. *within*: ids of the parts around it."""
        self._parts_left -= 1
        if schema is False:
            return 0
        if not isinstance(schema, dict) or self._parts_left < 0 or len(within) > _MAX_LINKS:
            raise _Open
        if id(schema) in within:
            raise _Open
        if "$ref" in schema and self._references.dialect in REF_ALONE:
            return self._target(schema, (*within, id(schema)))
        listed = self._listed(schema)
        if listed is not None:
            if not all(map(_is_plain, listed)):
                raise _Open
            return 0
        return self._of_types(schema, schema.get("type", _ALL), (*within, id(schema)))

    def _listed(self, schema: dict[str, Any]) -> list[Any] | None:
        """Return the values that a schema lists; None if it lists none."""
        if "const" in schema and self._draft > 4:
            return [schema["const"]]
        enum = schema.get("enum")
        return enum if isinstance(enum, list) else None

    def _of_types(self, schema: dict[str, Any], types: Any, within: tuple[int, ...]) -> int:
        if "object" not in types and "array" not in types:
            return 0
        if _OWN.isdisjoint(schema):
            return self._arms(schema, within)
        if "type" not in schema:
            raise _Open
        members = self._members(schema, within) if "object" in types else 0
        return max(members, self._items(schema, within) if "array" in types else 0)

    def _target(self, schema: dict[str, Any], within: tuple[int, ...]) -> int:
        return self.levels(self._references.lookup(schema, schema["$ref"]), within)

    def _arms(self, schema: dict[str, Any], within: tuple[int, ...]) -> int:
        """Return the levels of a schema that leaves the structure to a reference or to arms."""
        if "$ref" in schema:
            return self._target(schema, within)
        for keyword in ("anyOf", "oneOf"):
            if keyword in schema:
                return self._most(schema[keyword], within)
        if len(schema.get("allOf", ())) == 1:
            return self.levels(schema["allOf"][0], within)
        raise _Open

    def _members(self, schema: dict[str, Any], within: tuple[int, ...]) -> int:
        maps = [schema.get(keyword, {}).values() for keyword in ("properties", "patternProperties")]
        rest = schema.get("additionalProperties", True)
        return 1 + self._most([rest, *(member for members in maps for member in members)], within)

    def _items(self, schema: dict[str, Any], within: tuple[int, ...]) -> int:
        first, rest = ("items", "additionalItems") if self._draft < 2020 else ("prefixItems", "items")
        if not isinstance(schema.get(first), list):
            return 1 + self.levels(schema.get("items", True), within)
        return 1 + self._most([*schema[first], schema.get(rest, True)], within)

    def _most(self, schemas: Iterable[Any], within: tuple[int, ...]) -> int:
        return max((self.levels(schema, within) for schema in schemas), default=0)


def _is_plain(value: Any) -> bool:
    """Return whether a listed value is a scalar, and not a number that is too large for a float."""
    if isinstance(value, bool | str | None):
        return True
    return isinstance(value, int | float) and abs(value) <= float_info.max
