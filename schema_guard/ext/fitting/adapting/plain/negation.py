# SPDX-License-Identifier: Apache-2.0
"""Negations and conditions in another form: as alternatives, one of which must hold.

Rule: The alternatives together mean exactly the same, or there are none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from schema_guard.ext.fitting.adapting.plain.flat_schema import KINDS
from schema_guard.ext.fitting.rules.rule import KEYWORDS

if TYPE_CHECKING:
    from collections.abc import Callable

    from schema_guard.ext.fitting.adapting.plain.flat_schema import KeywordApart
    from schema_guard.ext.fitting.adapting.plain.plain_schema import PlainSchema

_MOST = 16
_DEEPEST = 8
_NEXT = ("then", "else")


def choices_of(apart: KeywordApart, plain: PlainSchema) -> list[list[Any]] | None:
    """Return the choices for a condition, a negation, or a dependency. None if they can't be written.

    One of the alternatives of each choice must hold.
    """
    keyword, value, node = apart
    if keyword in _NEXT:
        return []
    if keyword in ("dependentRequired", "dependentSchemas"):
        return [[_absent(name), _present(name, needed)] for name, needed in value.items()]
    parts: list[Any] | None = None
    if keyword == "if":
        parts = _of_condition(value, node.get("then", True), node.get("else", True), plain)
    elif keyword == "not":
        judging = value.keys() & KEYWORDS if isinstance(value, dict) else set()
        # The exclusion of single values has no other form.
        is_last = len(judging) == 1 and judging <= {"const", "enum"}
        parts = None if is_last else negated(value, plain)
    return None if parts is None else [parts]


def _present(name: str, needed: Any) -> dict[str, Any]:
    """Return the schema of objects that have a property, and fulfill its dependency."""
    if isinstance(needed, list):
        return {"required": [name, *needed], "type": "object"}
    return {"allOf": [{"type": "object", "required": [name]}, needed]}


def _absent(name: str) -> dict[str, Any]:
    return {"properties": {name: False}}


def _of_condition(condition: Any, then: Any, otherwise: Any, plain: PlainSchema) -> list[Any] | None:
    if then is True and otherwise is True:
        return [True]
    unless = negated(condition, plain)
    if unless is None:
        return None
    met = {"allOf": [condition, then]}
    return [met, *(part if otherwise is True else {"allOf": [part, otherwise]} for part in unless)]


def negated(node: Any, plain: PlainSchema, depth: int = 0) -> list[Any] | None:
    """Return alternatives for the values that are invalid for a node. None if they can't be written."""
    if isinstance(node, bool):
        return [] if node else [True]
    judging = {keyword: value for keyword, value in node.items() if keyword in KEYWORDS}
    if depth > _DEEPEST or (("if" in judging) or ("$ref" in judging and depth > 2)):
        return None
    # A value violates a schema if it violates one of its keywords.
    alternatives: list[Any] = []
    for keyword, value in judging.items():
        parts = _without(keyword, value, plain, depth)
        if parts is None or len(alternatives) + len(parts) > _MOST:
            return None
        alternatives += parts
    return alternatives


def _without(keyword: str, value: Any, plain: PlainSchema, depth: int) -> list[Any] | None:
    if keyword in _ALONE:
        return _ALONE[keyword](value)
    if keyword == "properties":
        return _of_properties(value, plain, depth)
    if keyword == "$ref":
        return negated(plain.leads({"$ref": value})[1], plain, depth + 1)
    if keyword in ("allOf", "anyOf"):
        return _of_members(keyword, value, plain, depth)
    if keyword in _BROKEN:
        return (
            []
            if keyword in _COUNTS and value <= 0
            else [_BROKEN[keyword](int(value) if keyword in _INTEGERS else value)]
        )
    return None


_ALONE: dict[str, Callable[[Any], list[Any] | None]] = {
    "required": lambda value: [{"type": "object", **_absent(name)} for name in value],
    "type": lambda value: _of_type([value] if isinstance(value, str) else value),
    "const": lambda value: [{"not": {"enum": [value]}}],
    "enum": lambda value: [{"not": {"enum": value}}],
    "not": lambda value: [value],
}
_COUNTS = ("minLength", "minItems")
_INTEGERS = ("minLength", "maxLength", "minItems", "maxItems")
_BROKEN: dict[str, Callable[[Any], dict[str, Any]]] = {
    "minimum": lambda value: {"type": "number", "exclusiveMaximum": value},
    "maximum": lambda value: {"type": "number", "exclusiveMinimum": value},
    "exclusiveMinimum": lambda value: {"type": "number", "maximum": value},
    "exclusiveMaximum": lambda value: {"type": "number", "minimum": value},
    "minLength": lambda value: {"type": "string", "maxLength": value - 1},
    "maxLength": lambda value: {"type": "string", "minLength": value + 1},
    "minItems": lambda value: {"type": "array", "maxItems": value - 1},
    "maxItems": lambda value: {"type": "array", "minItems": value + 1},
}


def _of_type(named: list[str]) -> list[Any] | None:
    if "integer" in named and "number" not in named:
        return None
    rest = [kind for kind in KINDS if kind not in named and kind != "integer"]
    return [{"type": rest}] if rest else []


def _of_properties(properties: dict[str, Any], plain: PlainSchema, depth: int) -> list[Any] | None:
    alternatives: list[Any] = []
    for name, held in properties.items():
        parts = negated(held, plain, depth + 1)
        if parts is None:
            return None
        alternatives += [{"type": "object", "required": [name], "properties": {name: part}} for part in parts]
    return alternatives


def _of_members(keyword: str, members: list[Any], plain: PlainSchema, depth: int) -> list[Any] | None:
    negations = [negated(member, plain, depth + 1) for member in members]
    known = [parts for parts in negations if parts is not None]
    if len(known) < len(negations):
        return None
    if keyword == "allOf":
        return [part for parts in known for part in parts]
    alternatives: list[Any] = [[]]
    for parts in known:
        alternatives = [[*before, part] for before in alternatives for part in parts]
        if len(alternatives) > _MOST:
            return None
    return [{"allOf": parts} for parts in alternatives]


def pairwise_apart(branches: list[Any], plain: PlainSchema) -> list[Any] | None:
    """Return branches for `oneOf` such that no value is valid for two of them. None if that can't be written."""
    if len(branches) > _MOST:
        return None
    alternatives: list[Any] = []
    for number, branch in enumerate(branches):
        parts: list[list[Any]] = [[branch]]
        for place, other in enumerate(branches):
            if place == number:
                continue
            unless = negated(other, plain)
            if unless is None:
                return None
            parts = [[*before, part] for before in parts for part in unless]
            if len(parts) > _MOST:
                return None
        alternatives += [{"allOf": part} for part in parts]
    return alternatives if len(alternatives) <= 2 * _MOST else None
