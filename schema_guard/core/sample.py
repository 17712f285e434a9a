"""A valid instance drawn deterministically from a schema, for a prompt that shows what a reply looks like."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from schema_guard.core.pointer import split

if TYPE_CHECKING:
    from schema_guard.core.schema import Schema

_MAX_DEPTH = 12
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


def samples(schema: Schema[Any], *, count: int = 2) -> list[Any]:
    """Give up to *count* different valid instances, always the same for a schema.

    The schema's own `examples` come first. What is drawn is kept only if it is valid, so the list may be empty: a
    pattern, for one, cannot be drawn.
    """
    document = schema.document
    declared = document.get("examples", []) if isinstance(document, dict) else []
    drawn = (_draw(document, document, variant, 0) for variant in range(2 * count))
    found: list[Any] = []
    for value in [*(declared if isinstance(declared, list) else []), *drawn]:
        if value not in found and schema.is_valid(value):
            found.append(value)
    return found[:count]


def _draw(  # noqa: C901, PLR0911 - one line a keyword that decides
    schema: Any, root: Any, variant: int, depth: int
) -> Any:
    """Draw from one schema; *variant* picks among enum members, arms and numbers."""
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
        return _draw(_target(root, schema["$ref"]), root, variant, depth + 1)
    for keyword in ("anyOf", "oneOf"):
        if schema.get(keyword):
            return _draw(
                _merged(schema, schema[keyword][variant % len(schema[keyword])]), root, variant, depth + 1
            )
    if schema.get("allOf"):
        merged = schema
        for part in schema["allOf"]:
            merged = _merged(merged, _target(root, part["$ref"]) if "$ref" in part else part)
        return _draw({key: part for key, part in merged.items() if key != "allOf"}, root, variant, depth + 1)
    return _of_type(schema, root, variant, depth)


def _merged(schema: dict[str, Any], part: Any) -> dict[str, Any]:
    base = {key: value for key, value in schema.items() if key not in ("anyOf", "oneOf")}
    if not isinstance(part, dict):
        return base
    properties = {**base.get("properties", {}), **part.get("properties", {})}
    required = [*base.get("required", []), *part.get("required", [])]
    return {**base, **part, **({"properties": properties} if properties else {}), "required": required}


def _target(root: Any, reference: str) -> Any:
    place = root
    for token in split(reference.partition("#")[2]):
        place = place.get(token) if isinstance(place, dict) else None
    return place


def _of_type(schema: dict[str, Any], root: Any, variant: int, depth: int) -> Any:
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((name for name in kind if name != "null"), "null")
    if kind == "object" or (kind is None and "properties" in schema):
        properties = schema.get("properties", {})
        wanted = list(properties) if depth < _MAX_DEPTH // 2 else schema.get("required", [])
        # An optional part that refers back would nest to the bottom: leave it out below the root.
        names = [n for n in wanted if n in schema.get("required", []) or "$ref" not in str(properties.get(n))]
        return {name: _draw(properties.get(name, {}), root, variant, depth + 1) for name in names}
    if kind == "array" or (kind is None and ("items" in schema or "prefixItems" in schema)):
        first = [_draw(item, root, variant, depth + 1) for item in schema.get("prefixItems", [])]
        size = max(
            schema.get("minItems", 1 if schema.get("items") and depth < _MAX_DEPTH // 2 else 0), len(first)
        )
        rest = [
            _draw(schema.get("items", {}), root, variant + index, depth + 1)
            for index in range(min(size, 8) - len(first))
        ]
        return first + rest
    if kind in ("integer", "number"):
        return _number(schema, variant)
    if kind in ("boolean", "null"):
        return variant % 2 == 0 if kind == "boolean" else None
    return _text(schema, variant)


def _number(schema: dict[str, Any], variant: int) -> Any:
    step = schema.get("multipleOf", 1)
    low = schema.get("minimum")
    if low is None and isinstance(schema.get("exclusiveMinimum"), (int, float)):
        low = schema["exclusiveMinimum"] + step
    high = schema.get("maximum", schema.get("exclusiveMaximum"))
    if low is None:
        low = min(step, high - step) if isinstance(high, (int, float)) else step
    # The first multiple at or above the lower bound, then one step further for the second example.
    start = -(-low // step) * step
    value = start + variant * step
    return value if high is None or value < high else start


def _text(schema: dict[str, Any], variant: int) -> str:
    known = _FORMATS.get(schema.get("format", ""))
    if known:
        return known
    text = ("example", "sample", "other", "third")[variant % 4]
    text = text.ljust(schema.get("minLength", 0), "x")
    return text[: schema.get("maxLength", len(text))]
