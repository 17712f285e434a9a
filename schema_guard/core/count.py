"""How often a schema's parts meet an instance's values, counted where the estimate is too coarse.

An estimate takes the heaviest schema for every value of a level; real schemas of many forms are overestimated a
thousandfold. Counting follows the keys that are there. Each schema is counted once for each value.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from schema_guard.core.references import REF_ALONE
from schema_guard.core.work import UNEVALUATED, every, in_place

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schema_guard.core.references import References

# 0.2 s at 2 us a pair of a schema and a value.
_MAX_PAIRS = 100_000


class _Frame:
    """A schema that is being counted for a value."""

    __slots__ = ("factor", "key", "rest", "total")

    def __init__(self, key: tuple[int, int], rest: Iterator[tuple[Any, Any, int]], factor: int) -> None:
        self.key = key
        self.rest = rest
        self.factor = factor
        self.total = 1


def count(references: References, schema: Any, instance: Any) -> int | None:
    """Count the pairs of a schema and a value that an engine may look at; None when there are too many to count."""
    known: dict[tuple[int, int], int] = {}
    # Keys are values too, made while counting: what is counted by its identity has to stay.
    kept: list[Any] = []
    top = _Frame((0, 0), iter([(schema, instance, 1)]), 1)
    frames = [top]
    while frames:
        frame = frames[-1]
        step = next(frame.rest, None)
        if step is None:
            frames.pop()
            known[frame.key] = frame.total
            if frames:
                frames[-1].total += frame.factor * frame.total
            continue
        below, value, factor = step
        if not isinstance(below, dict):
            frame.total += factor
            if below is None:
                return None
            continue
        key = (id(below), id(value))
        if key in known:
            frame.total += factor * known[key]
        elif len(known) + len(frames) > _MAX_PAIRS:
            return None
        else:
            kept.append(value)
            frames.append(_Frame(key, _steps(references, below, value), factor))
            frames[-1].total += len(below.get("required", ())) if isinstance(value, dict) else 0
    return top.total


def _steps(references: References, schema: dict[str, Any], value: Any) -> Iterator[tuple[Any, Any, int]]:
    """Give the schemas that apply with a schema, the values they apply to, and how many times."""
    factor = UNEVALUATED if any(keyword.startswith("unevaluated") for keyword in schema) else 1
    for targets in references.targets(schema):
        for target in targets:
            yield target, value, factor
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
    for index, item in enumerate(value):
        yield firsts[index] if index < len(firsts) else rest, item, 1
        if isinstance(contains, dict):
            yield contains, item, 1
