# SPDX-License-Identifier: Apache-2.0
"""How often a schema's parts meet an instance's values, counted where the estimate is too coarse.

An estimate takes the heaviest schema for every value of a level; real schemas of many forms are overestimated a
thousandfold. Counting follows the keys that are there. Each schema is counted once for each value.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from schema_guard.light.tuples import NamedTuple
from schema_guard.validation.cost_estimate import HASH_WEIGHT, UNEVALUATED, own_weight
from schema_guard.validation.keywords import every, in_place, reported
from schema_guard.validation.references import REF_ALONE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schema_guard.validation.references import References

# 0.2 s at 3 us a pair of a schema and a value.
MAX_PAIRS = 40_000
# A pair that was counted before is met again in less time.
_MAX_MEETINGS = 8 * MAX_PAIRS


class InstanceCost(NamedTuple):
    """What an engine may have to do at the most.

    Attributes:
        steps: Of deciding.
        errors: Broken keywords that it may list, those of a union's arms included.
    """

    steps: float
    errors: int


class _Frame:
    """A schema that is being counted for a value."""

    __slots__ = ("errors", "factor", "key", "rest", "steps")

    def __init__(
        self,
        key: tuple[int, int],
        rest: Iterator[tuple[Any, Any, int]],
        factor: int,
        steps: float,
        errors: int,
    ) -> None:
        self.key = key
        self.rest = rest
        self.factor = factor
        self.steps = steps
        self.errors = errors

    def add(self, factor: int, steps: float, errors: int) -> None:
        self.steps += factor * steps
        self.errors += factor * errors


def count(references: References, schema: Any, instance: Any) -> InstanceCost | None:  # noqa: C901 - one loop, no recursion
    """Count what an engine may have to do; None when that takes too long itself."""
    known: dict[tuple[int, int], tuple[float, int]] = {}
    # What is counted by its identity has to stay.
    kept: list[Any] = []
    top = _Frame((0, 0), iter([(schema, instance, 1)]), 1, 0, 0)
    frames = [top]
    for _ in range(_MAX_MEETINGS):
        if not frames:
            return InstanceCost(top.steps, top.errors)
        frame = frames[-1]
        step = next(frame.rest, None)
        if step is None:
            frames.pop()
            known[frame.key] = frame.steps, frame.errors
            if frames:
                frames[-1].add(frame.factor, frame.steps, frame.errors)
            continue
        below, value, factor = step
        if not isinstance(below, dict):
            if below is None:
                return None
            frame.add(factor, 1, below is False)
            continue
        key = (id(below), id(value))
        if key in known:
            frame.add(factor, *known[key])
            continue
        if len(known) + len(frames) > MAX_PAIRS:
            return None
        kept.append(value)
        rest = _steps(references, below, value)
        frames.append(_Frame(key, rest, factor, _own(below), _may_break(below, value)))
    return None


def _own(schema: dict[str, Any]) -> float:
    return HASH_WEIGHT if schema is _HASHED else own_weight(schema)


# Of the told ones these break once a name: they are counted apart.
_BY_NAME = frozenset({"required", "propertyNames"})
_OF_STRINGS, _OF_NUMBERS, _OF_ARRAYS = reported("string"), reported("number"), reported("array")
_OF_OBJECTS = reported("object") - _BY_NAME


def _may_break(schema: dict[str, Any], value: Any) -> int:
    """Count the keywords of a schema that this value may break."""
    if isinstance(value, dict):
        names = len(value) if "propertyNames" in schema else 0
        needed = schema.get("dependentRequired", schema.get("dependencies"))
        needed = (
            sum(len(each) for each in needed.values() if isinstance(each, list))
            if isinstance(needed, dict)
            else 0
        )
        return len(schema.keys() & _OF_OBJECTS) + len(schema.get("required", ())) + names + needed
    if isinstance(value, str):
        return len(schema.keys() & _OF_STRINGS)
    if isinstance(value, (list, tuple)):
        return len(schema.keys() & _OF_ARRAYS)
    return len(schema.keys() & _OF_NUMBERS)


# Under "uniqueItems" every value is hashed with all that is inside it.
_HASHED: dict[str, Any] = {}
_HASHED["items"] = _HASHED["additionalProperties"] = _HASHED


def _steps(references: References, schema: dict[str, Any], value: Any) -> Iterator[tuple[Any, Any, int]]:
    """Give the schemas that apply with a schema, the values they apply to, and how many times."""
    factor = UNEVALUATED if any(keyword.startswith("unevaluated") for keyword in schema) else 1
    for target, dynamic in references.targets(schema):
        for each in (target, *dynamic):
            yield each, value, factor
    if references.dialect in REF_ALONE and "$ref" in schema:
        return
    for child in in_place(schema):
        yield child, value, factor
    if isinstance(value, dict):
        yield from _of_object(schema, value)
    elif isinstance(value, (list, tuple)):
        yield from _of_array(schema, value)


def _of_object(schema: dict[str, Any], value: dict[str, Any]) -> Iterator[tuple[Any, Any, int]]:
    named = schema.get("properties")
    named = named if isinstance(named, dict) else {}
    rest = schema.get("additionalProperties", True)
    always = list(every(schema))
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
    contains = schema.get("contains", True)
    unique = schema.get("uniqueItems") is True
    for index, item in enumerate(value):
        yield firsts[index] if index < len(firsts) else rest, item, 1
        if isinstance(contains, dict):
            yield contains, item, 1
        if unique:
            yield _HASHED, item, 1
