# SPDX-License-Identifier: Apache-2.0
"""Faults of replies with an invalid JSON value. Each fault changes an instance at one place.

Rules:
1. A function returns None if none of the changes that it tries makes the instance invalid.
2. The label of a fault is the first entry of `Schema.violations`.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from hypothesis import strategies as st

from schema_guard.errors import InvalidArgument
from schema_guard.pointer import join
from schema_guard.validation.drawing.drawing import replaced
from schema_guard.validation.keywords import VALUE_KEYWORDS

if TYPE_CHECKING:
    from collections.abc import Callable

    from hypothesis.strategies import SearchStrategy

    from schema_guard.schema import Schema
    from schema_guard.testing.model_replies.faults import Fault, Ground

    Change: TypeAlias = Callable[[Ground, "_Place"], Any]

# Limits: places of an instance to collect, and changes to try before a function returns None.
_MOST_PLACES = 200
_TRIES = 8
_NEAR_MISSES = 3
_IN_UNION = re.compile(r"/(anyOf|oneOf)(/|$)")
_EXTRA_KEYS = st.sampled_from(("notes", "explanation", "confidence", "description", "type", "data", "source"))
_EXTRA_VALUES: SearchStrategy[Any] = st.sampled_from(("as stated in the text", 0.9, None, [], {}))
_UNCHANGED = object()


def null(ground: Ground) -> Fault | None:
    """Replace a part with null."""
    return _changed(ground, lambda _, place: _UNCHANGED if place.part is None else None)


def number_as_string(ground: Ground) -> Fault | None:
    """Write a number or a boolean as a string."""
    return _changed(ground, _as_string)


def wrong_type(ground: Ground) -> Fault | None:
    """Replace a list with one item, a part with a list of it, or a text with an object."""
    return _changed(ground, _of_wrong_type)


def missing_key(ground: Ground) -> Fault | None:
    """Remove a member."""
    return _changed(ground, _without_member)


def extra_key(ground: Ground) -> Fault | None:
    """Add a member."""
    return _changed(ground, _with_member)


def wrong_arm(ground: Ground) -> Fault | None:
    """Mix the arms of a union: add a member to an object from the same object of another instance."""
    others = {place.path: place.part for place in _places(ground.another())}
    return _changed(ground, lambda _, place: _mixed(ground, place, others), in_union=True)


def wrong_value(ground: Ground) -> Fault | None:
    """Violate a keyword about values, such as a bound, an enumeration, a pattern, or a format."""
    if ground.near_misses is None:
        return None
    for _ in range(_NEAR_MISSES):
        try:
            near = ground.draw(ground.near_misses)
        except InvalidArgument:
            # Only drawing shows that no keyword can be violated alone.
            return None
        if near.keyword in VALUE_KEYWORDS:
            return ground.invalid(near.value)
    return None


def schema_echo(ground: Ground) -> Fault | None:
    """Repeat the schema."""
    document = ground.schema.document
    return ground.invalid(document) if isinstance(document, dict) else None


class _Place(NamedTuple):
    """A part of an instance, and the keys and indexes that lead to it."""

    path: tuple[str | int, ...]
    part: Any


def _places(value: Any) -> list[_Place]:
    """Return the parts of a value, the root first. Return only some parts of a large value."""
    places = [_Place((), value)]
    for path, part in places:
        if len(places) > _MOST_PLACES:
            break
        if isinstance(part, dict):
            places += [_Place((*path, key), inner) for key, inner in part.items()]
        elif isinstance(part, list):
            places += [_Place((*path, index), inner) for index, inner in enumerate(part)]
    return places


def _changed(ground: Ground, change: Change, *, in_union: bool = False) -> Fault | None:
    """Change the instance at a drawn place, or at the next one that makes it invalid.

    *change* returns the new part, or `_UNCHANGED` if it has none. With *in_union*, the change must violate a union.
    """
    places = _places(ground.value)
    first = ground.index(len(places))
    tried = 0
    for place in places[first:] + places[:first]:
        part = change(ground, place)
        if part is _UNCHANGED:
            continue
        changed = replaced(ground.value, join(place.path), part)
        fault = ground.invalid(changed)
        if fault is not None and (not in_union or _breaks_union(ground.schema, changed)):
            return fault
        tried += 1
        if tried == _TRIES:
            break
    return None


def _breaks_union(schema: Schema[Any], value: Any) -> bool:
    return _IN_UNION.search(schema.violations(value)[0].keyword_location) is not None


def _as_string(ground: Ground, place: _Place) -> Any:
    return json.dumps(place.part) if isinstance(place.part, bool | int | float) else _UNCHANGED


def _of_wrong_type(ground: Ground, place: _Place) -> Any:
    part = place.part
    if isinstance(part, list):
        return part[0] if part else ""
    if isinstance(part, dict):
        return [part]
    if isinstance(part, str):
        return [part] if ground.index(2) else {"text": part}
    return _UNCHANGED


def _without_member(ground: Ground, place: _Place) -> Any:
    if not isinstance(place.part, dict) or not place.part:
        return _UNCHANGED
    left_out = list(place.part)[ground.index(len(place.part))]
    return {key: inner for key, inner in place.part.items() if key != left_out}


def _with_member(ground: Ground, place: _Place) -> Any:
    key = ground.draw(_EXTRA_KEYS)
    if not isinstance(place.part, dict) or key in place.part:
        return _UNCHANGED
    return {**place.part, key: ground.draw(_EXTRA_VALUES)}


def _mixed(ground: Ground, place: _Place, others: dict[tuple[str | int, ...], Any]) -> Any:
    other = others.get(place.path)
    if not isinstance(place.part, dict) or not isinstance(other, dict):
        return _UNCHANGED
    different = [key for key, inner in other.items() if key not in place.part or place.part[key] != inner]
    if not different:
        return _UNCHANGED
    key = different[ground.index(len(different))]
    return {**place.part, key: other[key]}
