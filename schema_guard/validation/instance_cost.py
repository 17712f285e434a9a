# SPDX-License-Identifier: Apache-2.0
"""Count how often a schema's parts apply to an instance's values, for when the estimate is too coarse.

An estimate takes the heaviest schema for every value of a level. It can be a thousand times too high for real schemas
with many forms. Counting follows the keys of the instance. Each schema is counted once for each value.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from schema_guard.validation.cost_estimate import HASH_WEIGHT, UNEVALUATED, named_elsewhere, own_weight
from schema_guard.validation.keywords import subschemas_at
from schema_guard.validation.references import REF_ALONE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schema_guard.validation.references import References

# 0.12 s, at 3 us for each pair of a schema and a value.
_MAX_PAIRS = 40_000
# 0.1 s, for pairs that were counted before and for lookups of keys.
_MAX_LOOKS = 8 * _MAX_PAIRS
_KEYS_IN_A_LOOK = 4


@dataclass(slots=True)
class _Frame:
    """A schema that is being counted for a value."""

    key: tuple[int, int]
    rest: Iterator[tuple[Any, Any, int]]
    factor: int
    steps: float
    errors: int

    def add(self, factor: int, steps: float, errors: int) -> None:
        self.steps += factor * steps
        self.errors += errors


def count(references: References, schema: Any, instance: Any) -> tuple[float, int] | None:
    """Return the steps of validation and the broken keywords that may be listed. None if they cannot be counted.

    They cannot be counted if that takes too long, or if a reference leads to a metaschema or to no schema.
    """
    known: dict[tuple[int, int], tuple[float, int]] = {}
    own = {id(_HASHED): (float(HASH_WEIGHT), 0)}
    top = _Frame((0, 0), iter([(schema, instance, 1)]), 1, 0, 0)
    frames = [top]
    looks = _MAX_LOOKS
    while frames and looks > 0:
        looks -= 1
        frame = frames[-1]
        below, value, factor = next(frame.rest, (_DONE, None, 1))
        key = id(below), id(value)
        if below is _DONE:
            frames.pop()
            known[frame.key] = frame.steps, frame.errors
            if frames:
                frames[-1].add(frame.factor, frame.steps, frame.errors)
        elif key in known:
            frame.add(factor, *known[key])
        elif below is None or len(known) + len(frames) > _MAX_PAIRS:
            return None
        elif isinstance(below, dict):
            if key[0] not in own:
                own[key[0]] = own_weight(below), len(below) + named_elsewhere(below)
            looks -= len(value) // _KEYS_IN_A_LOOK if isinstance(value, dict) else 0
            frames.append(_Frame(key, _steps(references, below, value), factor, *own[key[0]]))
        else:
            frame.add(factor, 1, below is False)
    return None if frames else (top.steps, top.errors)


_DONE = object()


# Under "uniqueItems", every value is hashed with everything inside it.
_HASHED: dict[str, Any] = {}
_HASHED["items"] = _HASHED["additionalProperties"] = _HASHED


def _steps(references: References, schema: dict[str, Any], value: Any) -> Iterator[tuple[Any, Any, int]]:
    """Yield each schema that applies with a schema, the value to which it applies, and how many times."""
    factor = 1
    if any(keyword.startswith("unevaluated") for keyword in schema):
        # To find out whether a member was evaluated, the engine runs every schema in place again.
        factor = UNEVALUATED + (len(value) if isinstance(value, (dict, list, tuple)) else 0)
    for target, dynamic in references.targets(schema):
        for each in (target, *dynamic):
            yield each, value, factor
    if references.dialect in REF_ALONE and "$ref" in schema:
        return
    for child in subschemas_at("here", schema):
        yield child, value, factor
    if isinstance(value, dict):
        yield from _of_object(schema, value)
    elif isinstance(value, (list, tuple)):
        yield from _of_array(schema, value)


def _of_object(schema: dict[str, Any], value: dict[str, Any]) -> Iterator[tuple[Any, Any, int]]:
    named = schema.get("properties")
    named = named if isinstance(named, dict) else {}
    rest = schema.get("additionalProperties", True)
    always = list(subschemas_at("every", schema)) if value else []
    for key, item in value.items():
        if key in named:
            yield named[key], item, 1
        elif isinstance(rest, dict):
            yield rest, item, 1
        for child in always:
            yield child, item, 1


def _of_array(schema: dict[str, Any], value: Any) -> Iterator[tuple[Any, Any, int]]:
    items = schema.get("items", True)
    firsts = items if isinstance(items, list) else schema.get("prefixItems")
    rest = schema.get("additionalItems", True) if isinstance(items, list) else items
    firsts = firsts if isinstance(firsts, list) else []
    always = [*subschemas_at("every", schema), *([_HASHED] if schema.get("uniqueItems") is True else ())]
    for index, item in enumerate(value):
        yield firsts[index] if index < len(firsts) else rest, item, 1
        for child in always:
            yield child, item, 1
