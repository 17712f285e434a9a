# SPDX-License-Identifier: Apache-2.0
"""A valid instance drawn deterministically from a schema, for a prompt that shows what a reply looks like."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from schema_guard.errors import InvalidArgument
from schema_guard.pointer import split
from schema_guard.text import hex_digest
from schema_guard.validation.document import DEFAULT_DIALECT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from schema_guard.schema import Schema
    from schema_guard.values import Violation

_MAX_DEPTH = 12
# A prompt holds no larger example; a schema that refers to itself twice would double with every level.
_MAX_PARTS = 500
_MAX_CHARS = 2_000
# Draws of a text that a lookahead or a word boundary of its pattern may refuse.
_TRIES = 40
_FORMATS = {
    "date": "2026-03-14",
    "date-time": "2026-03-14T09:30:00Z",
    "time": "09:30:00Z",
    "duration": "PT45M",
    "email": "name@example.com",
    "hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://example.com/",
    "uuid": "123e4567-e89b-42d3-a456-426614174000",
}


class _TooLarge(Exception):
    """What the schema asks for is too large to be an example."""


def samples(schema: Schema[Any], *, count: int = 2) -> list[Any]:
    """Give up to *count* different valid instances, always the same for a schema.

    The schema's own `examples` come first. Invalid values are left out, so the list may be empty. `missing_sample` then
    says why.
    """
    instances: list[Any] = []
    for value in _candidates(schema, 2 * count):
        if value not in instances and _is_valid(value, schema):
            instances.append(value)
    return instances[:count]


def missing_sample(schema: Schema[Any]) -> Violation | None:
    """Return the part of a schema for which nothing valid can be drawn; None if it is too large to draw at all."""
    for value in _candidates(schema, 1):
        broken = schema.violations(value) if _is_judged(value, schema) else []
        if broken:
            return broken[0]
    return None


def _candidates(schema: Schema[Any], count: int) -> Iterator[Any]:
    """Yield the declared examples, and values that are drawn in this many variants; not all of them are valid."""
    document = schema.document
    declared = document.get("examples", []) if isinstance(document, dict) else []
    yield from declared if isinstance(declared, list) else []
    for variant in range(count):
        try:
            yield _Drawing(document).draw(document, variant, 0)
        except (_TooLarge, OverflowError):
            # Numbers too far apart for a float are no example either.
            continue


def _is_valid(value: Any, schema: Schema[Any]) -> bool:
    return _is_judged(value, schema) and schema.is_valid(value)


def _is_judged(value: Any, schema: Schema[Any]) -> bool:
    """Say whether a value can be validated. A value beyond a limit of replies, such as an infinite number, can not."""
    try:
        schema.is_valid(value)
    except InvalidArgument:
        return False
    return True


@dataclass(slots=True)
class _Drawing:
    """One value being drawn.

    Attributes:
        root: The whole schema document, for references.
        parts: How many values it has so far.
    """

    root: Any
    parts: int = 0

    def draw(self, schema: Any, variant: int, depth: int) -> Any:  # noqa: C901, PLR0911 - one line a keyword that decides
        """Draw from one schema; *variant* picks among enum members, arms and numbers."""
        self.parts += 1
        if self.parts > _MAX_PARTS:
            raise _TooLarge
        if not isinstance(schema, dict) or depth > _MAX_DEPTH:
            return None
        if "const" in schema:
            return schema["const"]
        choices = schema.get("enum") or schema.get("examples")
        if isinstance(choices, list) and choices:
            return choices[variant % len(choices)]
        if "default" in schema:
            return schema["default"]
        if isinstance(schema.get("$ref"), str):
            return self.draw(self._target(schema["$ref"]), variant, depth + 1)
        for keyword in ("anyOf", "oneOf"):
            if schema.get(keyword):
                arm = schema[keyword][variant % len(schema[keyword])]
                return self.draw(_merged(schema, arm), variant, depth + 1)
        if schema.get("allOf"):
            return self.draw(self._all_of(schema), variant, depth + 1)
        return self._of_type(schema, variant, depth)

    def _all_of(self, schema: dict[str, Any]) -> dict[str, Any]:
        merged = schema
        for part in schema["allOf"]:
            refers = isinstance(part, dict) and "$ref" in part
            merged = _merged(merged, self._target(part["$ref"]) if refers else part)
        return {key: part for key, part in merged.items() if key != "allOf"}

    def _target(self, reference: str) -> Any:
        """Give what a pointer into the document leads to; None for every other reference."""
        resource, _, fragment = reference.partition("#")
        if resource or (fragment and not fragment.startswith("/")):
            return None
        place = self.root
        for token in split(unquote(fragment)):
            if isinstance(place, list) and token.isdecimal() and int(token) < len(place):
                place = place[int(token)]
            else:
                place = place.get(token) if isinstance(place, dict) else None
        return place

    def _of_type(self, schema: dict[str, Any], variant: int, depth: int) -> Any:
        kind = schema.get("type")
        may_be_null = isinstance(kind, list) and "null" in kind
        if isinstance(kind, list):
            kind = next((name for name in kind if name != "null"), "null")
        if kind == "object" or (kind is None and "properties" in schema):
            return self._object(schema, variant, depth)
        if kind == "array" or (kind is None and ("items" in schema or "prefixItems" in schema)):
            return self._array(schema, variant, depth)
        if kind in ("integer", "number"):
            return _number(schema, variant)
        if kind in ("boolean", "null"):
            return variant % 2 == 0 if kind == "boolean" else None
        text = _text(schema, variant)
        return "example" if text is None and not may_be_null else text

    def _object(self, schema: dict[str, Any], variant: int, depth: int) -> dict[str, Any]:
        properties, required = schema.get("properties", {}), schema.get("required", [])
        wanted = list(properties) if depth < _MAX_DEPTH // 2 else required
        # An optional part that refers back would nest to the bottom: leave it out below the root.
        names = [name for name in wanted if name in required or "$ref" not in str(properties.get(name))]
        return {name: self.draw(properties.get(name, {}), variant, depth + 1) for name in names}

    def _array(self, schema: dict[str, Any], variant: int, depth: int) -> list[Any]:
        items = schema.get("items", {})
        # Before 2020-12 a list under `items` said what `prefixItems` says since.
        prefix = items if isinstance(items, list) else schema.get("prefixItems", [])
        first = [self.draw(item, variant, depth + 1) for item in prefix]
        least = 1 if items and not isinstance(items, list) and depth < _MAX_DEPTH // 2 else 0
        size = int(schema.get("minItems", least))
        if size > _MAX_PARTS:
            raise _TooLarge
        rest = {} if isinstance(items, list) else items
        return first + [self.draw(rest, variant + index, depth + 1) for index in range(size - len(first))]


def _merged(schema: dict[str, Any], part: Any) -> dict[str, Any]:
    base = {key: value for key, value in schema.items() if key not in ("anyOf", "oneOf")}
    if not isinstance(part, dict):
        return base
    properties = {**base.get("properties", {}), **part.get("properties", {})}
    required = [*base.get("required", []), *part.get("required", [])]
    return {**base, **part, **({"properties": properties} if properties else {}), "required": required}


def _number(schema: dict[str, Any], variant: int) -> Any:
    step = schema.get("multipleOf", 1)
    low = schema.get("minimum")
    if low is None and isinstance(schema.get("exclusiveMinimum"), (int, float)):
        low = schema["exclusiveMinimum"] + step
    most, below = schema.get("maximum"), schema.get("exclusiveMaximum")
    high = below if most is None else most
    if low is None:
        low = min(step, high - step) if isinstance(high, (int, float)) else step
    # The first multiple at or above the lower bound, then one step further for the second example.
    start = -(-low // step) * step
    value = start + variant * step
    # Draft 4 has a boolean for `exclusiveMaximum`; a value that it forbids is not kept.
    fits = (most is None or value <= most) and (isinstance(below, bool) or below is None or value < below)
    return value if fits else start


def _text(schema: dict[str, Any], variant: int) -> str | None:
    """Draw a text; None if none is found that matches the pattern."""
    least, most = int(schema.get("minLength", 0)), int(schema.get("maxLength", _MAX_CHARS))
    if least > _MAX_CHARS:
        raise _TooLarge
    known = _FORMATS.get(schema.get("format", ""))
    usual = known or ("example", "sample", "other", "third")[variant % 4].ljust(least, "x")[:most]
    pattern = schema.get("pattern")
    if not isinstance(pattern, str):
        return usual
    engine = _engine_of(pattern)
    if engine is not None and _matches(engine, usual):
        return usual
    return _matching_text(pattern, engine, (least, min(most, _MAX_CHARS)), variant)


def _matching_text(pattern: str, engine: Any, lengths: tuple[int, int], variant: int) -> str | None:
    """Draw a text that a pattern matches, always the same one for a variant; None if none is found."""
    from schema_guard.validation.drawing.pattern_texts import (  # only patterns need it
        NoText,
        expression,
        text_of,
    )

    for seed in range(_TRIES):
        try:
            text = text_of(expression(pattern), *lengths, _picking(f"{pattern} {variant} {seed}"))
        except (NoText, RecursionError):
            return None
        if engine is None or _matches(engine, text):
            return text
    return None


def _picking(seed: str) -> Callable[[int, int], int]:
    """Return a function that picks an int between two bounds, always the same ones for a seed."""
    count = 0

    def pick(low: int, high: int) -> int:
        nonlocal count
        count += 1
        return low + int(hex_digest(f"{seed} {count}", 12), 16) % (high - low + 1)

    return pick


def _engine_of(pattern: str) -> Any:
    """Return the engine for a pattern; None for syntax that only Python has. The schema then judges the whole value."""
    from schema_guard.validation.fast_engine import fast  # as in `_matching_text`

    try:
        return fast({"pattern": pattern}, DEFAULT_DIALECT, formats=False)
    except ValueError:
        return None


def _matches(engine: Any, text: str) -> bool:
    try:
        return bool(engine.is_valid(text))
    except ValueError:  # too many steps
        return False
