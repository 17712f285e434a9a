# SPDX-License-Identifier: Apache-2.0
"""A schema's closed form: what it accepts the schema accepts, and holds finite numbers and few levels of nesting alone.

Rules:
1. A closed form is the schema itself where every value has a type or is listed, and every object and array is closed.
2. Else it is the schema with less allowed: further members and items are scalars, and what has no type has finite numbers.
   Only keywords under which less allowed is less accepted are changed: properties, items, one arm of a choice, references.
3. What it refuses may still be valid.
"""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, Any, NamedTuple

from schema_guard.interruptions import is_interruption
from schema_guard.validation import fast_engine as engines
from schema_guard.validation.document import compact
from schema_guard.validation.keywords import REFERENCES, draft_of
from schema_guard.validation.references import REF_ALONE, identifier_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from schema_guard.validation.references import References

__all__ = ["Closed", "closed"]

# References are written out, so that a part may stand in it many times: 20 ms to compile, as that of so many parts.
_MAX_PARTS = 2_000
_MAX_CHARACTERS = 300_000
_MAX_LINKS = 60
_SCALARS = {"type": ["string", "number", "boolean", "null"]}
_ALL = [*_SCALARS["type"], "array", "object"]
_ARMS = frozenset({"$ref", "anyOf", "oneOf", "allOf"})
_OWN = frozenset(
    {"properties", "patternProperties", "additionalProperties", "prefixItems", "items", "additionalItems"}
)
_DEFINITIONS = ("$defs", "definitions")
_LOCAL = tuple(f"#/{key}/" for key in _DEFINITIONS)
# What holds for no value, and what only references need.
_SILENT = frozenset({
    "$schema", "$id", "id", "$anchor", "$dynamicAnchor", "$recursiveAnchor", "$vocabulary", "$defs", "definitions",
    "$comment", "title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly",
})  # fmt: skip


class Closed(NamedTuple):
    """A closed form.

    Attributes:
        is_valid: Says whether it accepts a value.
        levels: How deep a value that it accepts may be nested.
        is_schema_itself: Whether it is the schema itself, so that what it refuses is not valid.
        most_chars: Characters of the longest reply that it may be asked about.
    """

    is_valid: Callable[[Any], bool]
    levels: int
    is_schema_itself: bool
    most_chars: int = 1 << 62


def closed(references: References, is_valid: Callable[[Any], bool], *, formats: bool) -> Closed | None:
    """Give the closed form of a schema that the fast engine validates; None where it has none.

    Args:
        references: Of the schema.
        is_valid: Of its engine.
        formats: Whether `format` is asserted.
    """
    closing = _Closing(references)
    try:
        document, levels = closing.closed(references.document, ())
        if not closing.changed:
            return Closed(is_valid, levels, is_schema_itself=True)
        refers = _refers(document)
        if closing.depends or (refers and not _is_local(references)):
            return None
        if refers:
            # What it keeps as it is refers to what that of the schema does.
            document |= {key: references.document[key] for key in _DEFINITIONS if key in references.document}
        engine = engines.fast(document, references.dialect, formats=formats)
    except (ValueError, RecursionError) as error:
        if is_interruption(error):
            raise
        return None
    return Closed(engine.is_valid, levels, is_schema_itself=False)


class _Open(ValueError):
    """A schema has no closed form: it refers to itself, or is too large."""


class _Closing:
    """The making of a closed form, with all references written out.

    Attributes:
        changed: Whether it allows less than the schema.
        depends: Whether a keyword of the schema depends on what those beside it allow.
    """

    def __init__(self, references: References) -> None:
        self._references = references
        self._draft = draft_of(references.dialect)
        self._parts_left, self._characters_left = _MAX_PARTS, _MAX_CHARACTERS
        self.changed = False
        self.depends = any(
            key.startswith("unevaluated") for schema, _ in references.positions() for key in schema
        )

    def closed(self, schema: Any, within: tuple[int, ...]) -> tuple[Any, int]:
        """Give the closed form of a part, and its levels; *within* are the parts that it stands in."""
        self._parts_left -= 1
        if self._parts_left < 0 or len(within) > _MAX_LINKS or id(schema) in within:
            raise _Open
        if not isinstance(schema, dict):
            self.changed |= schema is True
            return (dict(_SCALARS), 0) if schema else (False, 0)
        within = (*within, id(schema))
        if "$ref" in schema and self._references.dialect in REF_ALONE:
            return self.closed(self._target(schema), within)
        form = {key: value for key, value in schema.items() if key not in _SILENT}
        self._spend(form)
        levels = self._listed(schema)
        if levels is None and _is_by_arms(schema):
            levels = self._by_arms(schema, form, within)
        elif levels is None:
            levels = self._by_itself(form, within)
        return form, levels

    def _spend(self, form: dict[str, Any]) -> None:
        values = [value for key, value in form.items() if key not in _OWN and key not in _ARMS]
        self._characters_left -= sum(
            len(value) if isinstance(value, str) else len(compact(value))
            for value in values
            if isinstance(value, (str, list, dict))
        )
        if self._characters_left < 0:
            raise _Open

    def _listed(self, schema: dict[str, Any]) -> int | None:
        """Give the levels of the values that a schema lists; None where it lists none that are finite."""
        if "const" in schema and self._draft > 4:
            return _levels_of([schema["const"]])
        return _levels_of(schema["enum"]) if isinstance(schema.get("enum"), list) else None

    def _target(self, schema: dict[str, Any]) -> Any:
        target = self._references.lookup(schema, schema["$ref"])
        if not isinstance(target, (dict, bool)):
            raise _Open
        return target

    def _by_arms(self, schema: dict[str, Any], form: dict[str, Any], within: tuple[int, ...]) -> int:
        """Close what is one of several, or all of one: the arm that a value keeps to closes it."""
        if "$ref" in schema:
            target, levels = self.closed(self._target(schema), within)
            del form["$ref"]
            form["allOf"] = [*form.get("allOf", ()), target]
            return levels
        if "anyOf" in schema:
            return self._each(form, "anyOf", within)
        if "oneOf" in schema:
            # Of arms that allow less more than one might be kept to: they stand beside those of the schema.
            form["anyOf"] = schema["oneOf"]
            return self._each(form, "anyOf", within)
        # One that is closed closes all; where all were, none might allow what another asks for.
        (arm,) = schema["allOf"] if len(schema["allOf"]) == 1 else (None,)
        if arm is None:
            raise _Open
        return self._each(form, "allOf", within)

    def _each(self, form: dict[str, Any], key: str, within: tuple[int, ...]) -> int:
        pairs = [self.closed(arm, within) for arm in form[key]]
        form[key] = [arm for arm, _ in pairs]
        return max((levels for _, levels in pairs), default=0)

    def _by_itself(self, form: dict[str, Any], within: tuple[int, ...]) -> int:
        """Close a value by its own types, members and items."""
        types = form.get("type")
        if types is None:
            self.changed = True
            types = form["type"] = _ALL
        levels = 0
        if "object" in types:
            levels = self._members(form, within)
        if "array" in types:
            levels = max(levels, self._items(form, within))
        return levels

    def _members(self, form: dict[str, Any], within: tuple[int, ...]) -> int:
        deepest = 0
        for key in ("properties", "patternProperties"):
            if key in form:
                members = {name: self.closed(member, within) for name, member in form[key].items()}
                form[key] = {name: member for name, (member, _) in members.items()}
                deepest = max([deepest, *(levels for _, levels in members.values())])
        return 1 + max(deepest, self._rest(form, "additionalProperties", within))

    def _items(self, form: dict[str, Any], within: tuple[int, ...]) -> int:
        first, rest = ("items", "additionalItems") if self._draft < 2020 else ("prefixItems", "items")
        if not isinstance(form.get(first), list):
            return 1 + self._rest(form, "items", within)
        return 1 + max(self._each(form, first, within), self._rest(form, rest, within))

    def _rest(self, form: dict[str, Any], key: str, within: tuple[int, ...]) -> int:
        """Close what holds for members or items that are not named."""
        if key not in form:
            self.changed = True
        form[key], levels = self.closed(form.get(key, True), within)
        return levels


def _is_by_arms(schema: dict[str, Any]) -> bool:
    """Say whether what a schema allows inside of a value is said by its arms, and not by itself."""
    types = schema.get("type", _ALL)
    return (
        ("object" in types or "array" in types)
        and _OWN.isdisjoint(schema)
        and not schema.keys().isdisjoint(_ARMS)
    )


def _is_local(references: References) -> bool:
    """Say whether every reference of a schema leads to its own definitions, wherever else it stands."""
    _, *inside = (schema for schema, _ in references.positions())
    if references.reached or any(identifier_of(schema, references.dialect) is not None for schema in inside):
        return False
    pairs = [
        (key, schema[key]) for schema, _ in references.positions() for key in REFERENCES if key in schema
    ]
    return all(key == "$ref" and str(leads).startswith(_LOCAL) for key, leads in pairs)


def _refers(part: Any) -> bool:
    text = compact(part)
    return any(f'"{keyword}"' in text for keyword in REFERENCES)


def _levels_of(listed: list[Any]) -> int | None:
    """Give the levels of some values; None where there is one that no float holds."""
    levels = 0
    while listed:
        if any(isinstance(value, (int, float)) and not _is_finite(value) for value in listed):
            return None
        inside = [
            list(value.values()) if isinstance(value, dict) else value
            for value in listed
            if isinstance(value, (dict, list))
        ]
        levels += bool(inside)
        listed = [part for parts in inside for part in parts]
    return levels


def _is_finite(number: float) -> bool:
    try:
        return isfinite(float(number))
    except OverflowError:
        return False
