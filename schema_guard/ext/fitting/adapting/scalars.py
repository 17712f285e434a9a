# SPDX-License-Identifier: Apache-2.0
"""Strings, numbers, booleans, null, and enumerated values, in the first form that is accepted."""

from __future__ import annotations

import math
import re
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from schema_guard.ext.fitting.adapting import alternatives
from schema_guard.ext.fitting.adapting.builder import BuiltSchema
from schema_guard.ext.fitting.adapting.plain.flat_schema import KINDS, kind_of

if TYPE_CHECKING:
    from schema_guard.ext.fitting.adapting.builder import Builder
    from schema_guard.ext.fitting.adapting.plain.flat_schema import FlatSchema

# PROVIDERS: a small range of integers is sent as its values.
_MOST_ENUMERATED = 64
_STRINGS = ("pattern", "format", "minLength", "maxLength")
_LENGTHS = ("maxLength", "minLength")
_NUMBERS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")
_NOT_ENFORCED = "not enforced there"
# The parts of a pattern, as far as they matter here.
_PART = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\(\?[<:=!]*|.", re.DOTALL)
_ANY = r"(?:.|\n)*"
_SHORT = {r"\d": "0-9", r"\w": "A-Za-z0-9_"}


def fitted(builder: Builder, merged: FlatSchema, schema: dict[str, Any]) -> dict[str, Any]:
    """Return a schema without the keywords that are not accepted, and list these keywords."""
    document = dict(schema)
    for _ in range(len(schema)):
        errors = builder.accepted.errors(document)
        culprits = [
            keyword
            for finding in errors
            # If a pattern and lengths can't be combined, the pattern stays because it restricts more.
            for keyword in (_LENGTHS if finding.rule.endswith("-length") else (finding.keyword,))
            if keyword in document
        ]
        culprits = [keyword for keyword in culprits if keyword != "type"]
        if not culprits:
            break
        value = document.pop(culprits[0])
        builder.relax(
            merged.where.get(culprits[0]), culprits[0], merged.limits.get(culprits[0], value), _NOT_ENFORCED
        )
    return document


def plain_of(builder: Builder, merged: FlatSchema, kind: str) -> BuiltSchema:
    """Write a boolean or null."""
    return BuiltSchema({"type": kind})


def string_of(builder: Builder, merged: FlatSchema, _: str) -> BuiltSchema | None:
    """Write a string."""
    limits = {keyword: merged.limits[keyword] for keyword in _STRINGS if keyword in merged.limits}
    lengths = limits.get("minLength", 0), limits.get("maxLength", math.inf)
    if lengths[0] > lengths[1]:
        return None
    schema = {"type": "string", **limits}
    for entry in merged.rest:
        if entry.keyword in ("pattern", "format"):
            builder.relax(entry.node, entry.keyword, entry.value, "a second one cannot be enforced there")
    if "pattern" in schema and not builder.accepted.is_clean(
        {"type": "string", "pattern": schema["pattern"]}
    ):
        whole = anchored(schema["pattern"])
        if whole is not None and builder.accepted.is_clean({"type": "string", "pattern": whole}):
            schema["pattern"] = whole
    return BuiltSchema(fitted(builder, merged, schema))


def number_of(builder: Builder, merged: FlatSchema, kind: str) -> BuiltSchema | None:
    """Write a number, with the bounds of an integer as integers, and a small range as its values."""
    limits = {keyword: merged.limits[keyword] for keyword in _NUMBERS if keyword in merged.limits}
    if _is_empty(limits):
        return None
    schema = {"type": kind, **limits}
    if builder.accepted.is_clean(schema):
        return BuiltSchema(schema)
    if kind == "integer":
        return _integer(builder, merged, limits)
    return BuiltSchema(fitted(builder, merged, _inclusive(builder, merged, schema)))


def _is_empty(limits: dict[str, Any]) -> bool:
    low = max(limits.get("minimum", -math.inf), limits.get("exclusiveMinimum", -math.inf))
    high = min(limits.get("maximum", math.inf), limits.get("exclusiveMaximum", math.inf))
    touches = limits.get("exclusiveMinimum") == low or limits.get("exclusiveMaximum") == high
    return bool(low > high or (low == high and touches and math.isfinite(low)))


def _integer(builder: Builder, merged: FlatSchema, limits: dict[str, Any]) -> BuiltSchema | None:
    low, high = _bounds(limits)
    if low is not None and high is not None and low > high:
        return None
    bounds = {"minimum": low, "maximum": high, "multipleOf": limits.get("multipleOf")}
    schema = {"type": "integer", **{keyword: value for keyword, value in bounds.items() if value is not None}}
    if builder.accepted.is_clean(schema):
        return BuiltSchema(schema)
    if low is not None and high is not None and high - low < _MOST_ENUMERATED:
        step = limits.get("multipleOf", 1)
        values = [
            value
            for value in range(low, high + 1)
            if math.isclose(math.remainder(value, step), 0, abs_tol=1e-9)
        ]
        listed = builder.accepted.first({"type": "integer", "enum": values}, {"enum": values})
        if not values:
            return None
        if listed is not None:
            return BuiltSchema(listed)
    for name, other in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if name in limits:
            merged.where[other] = merged.where[name]
    return BuiltSchema(fitted(builder, merged, schema))


def _bounds(limits: dict[str, Any]) -> tuple[int | None, int | None]:
    """Return the least and the largest integer."""
    low = [math.ceil(limits["minimum"])] if "minimum" in limits else []
    low += [math.floor(limits["exclusiveMinimum"]) + 1] if "exclusiveMinimum" in limits else []
    high = [math.floor(limits["maximum"])] if "maximum" in limits else []
    high += [math.ceil(limits["exclusiveMaximum"]) - 1] if "exclusiveMaximum" in limits else []
    return max(low, default=None), min(high, default=None)


def _inclusive(builder: Builder, merged: FlatSchema, schema: dict[str, Any]) -> dict[str, Any]:
    """Send exclusive bounds as inclusive ones if only those are accepted."""
    document = dict(schema)
    for name, other, nearer in (("exclusiveMinimum", "minimum", max), ("exclusiveMaximum", "maximum", min)):
        alone = {"type": "number", name: 0}
        if name in document and not builder.accepted.is_clean(alone):
            bound = {"type": "number", other: 0}
            if builder.accepted.is_clean(bound):
                value = document.pop(name)
                document[other] = nearer(value, document.get(other, value))
                builder.relax(
                    merged.where.get(name), name, value, f"sent as {other}, so the bound itself is accepted"
                )
    return document


# Enumerated values.


def enumerated(builder: Builder, merged: FlatSchema) -> BuiltSchema | None:
    """Write the remaining values, without any other keywords."""
    values = merged.values or []
    says_more = merged.spoken_of() or merged.unions or merged.rest
    if says_more:
        judged = builder.validity(merged.nodes)
        values = [value for value in values if judged.takes(value)]
    if not values:
        return None
    kinds = {kind_of(value, frozenset(KINDS) - {"integer"}) for value in values}
    if kinds == {"number"} and all(kind_of(value, {"integer"}) for value in values):
        kinds = {"integer"}
    typed = {"type": next(iter(kinds)), "enum": values} if len(kinds) == 1 else {"enum": values}
    schema = builder.accepted.first(typed, {"enum": values})
    if schema is not None:
        return BuiltSchema(schema)
    return _by_kind(builder, merged, values)


def _by_kind(builder: Builder, merged: FlatSchema, values: list[Any]) -> BuiltSchema | None:
    good = [value for value in values if builder.accepted.is_clean({"enum": [value]})]
    arms: list[tuple[BuiltSchema, list[Any]]] = []
    listed = builder.accepted.first({"type": "string", "enum": good}, {"enum": good}) if good else None
    if listed is not None and all(isinstance(value, str) for value in good):
        arms.append((BuiltSchema(listed), [{"enum": good}]))
    elif good and builder.accepted.is_clean({"enum": good}):
        arms.append((BuiltSchema({"enum": good}), [{"enum": good}]))
    elif good:
        arms += _types_of(builder, merged, good)
    kept = set(map(id, good))
    bad = [value for value in values if id(value) not in kept]
    whole = [value for value in bad if isinstance(value, dict | list)]
    for value in whole:
        built = builder.emit((_of_value(builder, merged, value),))
        if built is not None:
            arms.append((built, [{"const": value}]))
    arms += _types_of(builder, merged, [value for value in bad if not isinstance(value, dict | list)])
    return alternatives.union(builder, arms)


def _types_of(builder: Builder, merged: FlatSchema, values: list[Any]) -> list[tuple[BuiltSchema, list[Any]]]:
    """Send scalar values by their types, and consecutive integers by their bounds."""
    arms: list[tuple[BuiltSchema, list[Any]]] = []
    for kind in ("null", "boolean", "integer", "number", "string"):
        own = [value for value in values if kind_of(value, {kind})]
        own = [value for value in own if kind != "number" or not kind_of(value, {"integer"})]
        if not own:
            continue
        schema: dict[str, Any] = {"type": kind}
        if kind == "integer" and (bounded := _range(own)) and builder.accepted.is_clean(bounded):
            schema = bounded
        elif kind != "null" and not (kind == "boolean" and len(own) == 2):
            keyword = "const" if "const" in merged.where and "enum" not in merged.where else "enum"
            value = own[0] if keyword == "const" else merged.values
            builder.relax(merged.where.get(keyword), keyword, value, f"sent as the type {kind} alone")
        arms.append((BuiltSchema(schema), [{"enum": own}]))
    return arms


def _range(values: list[Any]) -> dict[str, Any] | None:
    ordered = sorted(int(value) for value in values)
    if any(after - before > 1 for before, after in pairwise(ordered)):
        return None
    return {"type": "integer", "minimum": ordered[0], "maximum": ordered[-1]}


def _of_value(builder: Builder, merged: FlatSchema, value: Any) -> dict[str, Any]:
    """Return a schema that accepts only one object or array."""
    node = _exact(value)
    keyword = "enum" if "enum" in merged.where else "const"
    holder = merged.where.get(keyword)
    if holder is not None:
        builder.note_origin(node, holder, keyword, holder.get(keyword))
    return node


def _exact(value: Any) -> dict[str, Any]:
    if isinstance(value, dict):
        return {
            "type": "object",
            "properties": {key: _exact(held) for key, held in value.items()},
            "required": list(value),
            "additionalProperties": False,
        }
    if isinstance(value, list):
        size = {"minItems": len(value), "maxItems": len(value)}
        return {"type": "array", "prefixItems": [_exact(held) for held in value], "items": False, **size}
    return {"const": value}


def anchored(pattern: str) -> str | None:
    r"""Return a pattern that matches the texts in which *pattern* is found, from their beginning to their end.

    None if that can't be written, because the pattern has an inner anchor or look-around.

    >>> anchored("^a|b")
    '^(?:a(?:.|\\n)*|(?:.|\\n)*b(?:.|\\n)*)$'
    """
    arms: list[list[str]] = [[]]
    depth = 0
    for part in _PART.findall(pattern):
        if part in ("(?=", "(?!", "(?<=", "(?<!"):
            return None
        depth += part.startswith("(") - (part == ")")
        if part == "|" and depth == 0:
            arms.append([])
        else:
            arms[-1].append(_ascii(part))
    texts = [_arm(arm) for arm in arms]
    if depth != 0 or any(arm is None for arm in texts):
        return None
    whole = [arm for arm in texts if arm is not None]
    return f"^{whole[0]}$" if len(whole) == 1 else f"^(?:{'|'.join(whole)})$"


def _ascii(part: str) -> str:
    """Write digits and words in their meaning for JSON Schema, because engines for automata use those of Unicode."""
    if part in _SHORT:
        return f"[{_SHORT[part]}]"
    if part.startswith("[") and ("\\d" in part or "\\w" in part):
        return re.sub(r"\\[dw]", lambda match: _SHORT[match[0]], part)
    return part


def _arm(parts: list[str]) -> str | None:
    begins, ends = parts[:1] == ["^"], parts[-1:] == ["$"]
    inside = parts[begins : len(parts) - ends if len(parts) > begins else None]
    if any(part in ("^", "$") for part in inside):
        return None
    text = "".join(inside)
    if begins and ends:
        return text
    return ("" if begins else _ANY) + text + ("" if ends else _ANY)
