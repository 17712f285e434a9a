# SPDX-License-Identifier: Apache-2.0
"""Arrays. An array of fixed length becomes an object if its places can't have different schemas."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from schema_guard.ext.fitting.adapting import alternatives, scalars
from schema_guard.ext.fitting.adapting.builder import BuiltSchema
from schema_guard.ext.fitting.adapting.forms import SAME, ListForm, TupleForm

if TYPE_CHECKING:
    from schema_guard.ext.fitting.adapting.builder import Builder
    from schema_guard.ext.fitting.adapting.plain.flat_schema import FlatSchema

_SIZES = ("minItems", "maxItems", "uniqueItems")
# In longer arrays, a place hardly has a meaning of its own.
_LONGEST_TUPLE = 16
_LONGEST_FIXED = 8


def array_of(builder: Builder, merged: FlatSchema, _: str) -> BuiltSchema | None:
    """Write an array."""
    limits = {keyword: merged.limits[keyword] for keyword in _SIZES if merged.limits.get(keyword)}
    if merged.limits.get("maxItems") == 0:
        limits["maxItems"] = 0
    least, most = limits.get("minItems", 0), merged.limits.get("maxItems")
    if most is not None and most < least:
        return None
    items = _further(merged)
    prefix = merged.prefix if most is None else merged.prefix[: int(most)]
    ends = next((place for place, held in enumerate(prefix) if False in held), None)
    if ends is not None or items == [False]:
        # A place without a valid value is a place that doesn't exist.
        ends = len(prefix) if ends is None else ends
        prefix, items = prefix[:ends], [False]
        most = min(ends, int(most)) if most is not None else ends
        if least > most:
            return None
    if prefix:
        return _with_prefix(builder, merged, prefix, items, (least, most))
    if items == [False]:
        return BuiltSchema(scalars.fitted(builder, merged, _empty(builder)))
    return _array_of_same_items(builder, merged, items, limits)


def _further(merged: FlatSchema) -> list[Any]:
    items = merged.items
    if items is None and "unevaluatedItems" in merged.limits:
        items = [merged.limits["unevaluatedItems"]]
    items = [node for node in items or [] if node is not True]
    return [False] if False in items else items


def _empty(builder: Builder) -> dict[str, Any]:
    items = builder.anything().schema
    return {"type": "array", "items": items, "maxItems": 0}


def _array_of_same_items(
    builder: Builder, merged: FlatSchema, items: list[Any], limits: dict[str, Any]
) -> BuiltSchema | None:
    """Write an array whose places have the same schema."""
    least, most = limits.get("minItems", 0), limits.get("maxItems")
    built = builder.emit(tuple(items))
    if built is None:
        return None if least else BuiltSchema(scalars.fitted(builder, merged, _empty(builder)))
    schema = {"type": "array", "items": built.schema, **limits}
    if not items and builder.accepted.is_clean({"type": "array"}):
        schema = {"type": "array", **limits}
    if not builder.accepted.is_clean({"type": "array", "items": built.schema, **_sizes(limits)}):
        if least == most and 0 < least <= _LONGEST_FIXED:
            _relax_unique(builder, merged)
            return _as_object(builder, [built] * int(least))
        if least > 1 and builder.accepted.is_clean({"type": "array", "items": built.schema, "minItems": 1}):
            reason = "sent as minItems 1"
            builder.relax(merged.where.get("minItems"), "minItems", least, reason)
            schema["minItems"] = 1
    form = SAME if built.form is SAME else ListForm((), built.form)
    return BuiltSchema(scalars.fitted(builder, merged, schema), form)


def _sizes(limits: dict[str, Any]) -> dict[str, Any]:
    return {keyword: value for keyword, value in limits.items() if keyword != "uniqueItems"}


def _relax_unique(builder: Builder, merged: FlatSchema) -> None:
    if merged.limits.get("uniqueItems"):
        builder.relax(merged.where.get("uniqueItems"), "uniqueItems", True, "not enforced there")


def _with_prefix(
    builder: Builder,
    merged: FlatSchema,
    prefix: list[Any],
    items: list[Any],
    size: tuple[int, int | None],
) -> BuiltSchema | None:
    """Write an array whose first places have separate schemas."""
    least, most = size
    places = [builder.emit(tuple(held)) for held in prefix]
    known = [built for built in places if built is not None]
    if len(known) < len(places):
        # This place was cut off because of recursion. Arrays that end before it are still possible.
        cut = places.index(None)
        if cut == 0 and not least:
            return BuiltSchema(scalars.fitted(builder, merged, _empty(builder)))
        return None if cut < least else _with_prefix(builder, merged, prefix[:cut], [False], (least, cut))
    is_closed = most is not None and most <= len(prefix)
    further = None if is_closed else builder.emit(tuple(items))
    schema: dict[str, Any] = {"type": "array", "prefixItems": [built.schema for built in known]}
    if further is not None:
        schema["items"] = further.schema
    elif is_closed and builder.accepted.booleans:
        schema["items"] = False
    schema |= {"minItems": least} if least else {}
    schema |= (
        {"maxItems": most}
        if most is not None and not (is_closed and "items" in schema and most == len(prefix))
        else {}
    )
    is_tuple = is_closed and least == len(prefix) <= _LONGEST_TUPLE
    if builder.accepted.is_sure(schema) or (builder.accepted.is_clean(schema) and not is_tuple):
        _relax_unique(builder, merged)
        forms = tuple(built.form for built in known)
        further_form = SAME if further is None else further.form
        is_same = further_form is SAME and all(form is SAME for form in forms)
        return BuiltSchema(schema, SAME if is_same else ListForm(forms, further_form))
    if is_tuple:
        _relax_unique(builder, merged)
        return _as_object(builder, known)
    return _as_any_of_them(builder, merged, [*known, *([further] if further else [])], (least, most))


def _as_object(builder: Builder, places: list[BuiltSchema]) -> BuiltSchema:
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {str(place): dict(built.schema) for place, built in enumerate(places)},
        "required": [str(place) for place in range(len(places))],
    }
    if builder.accepted.is_clean({**schema, "additionalProperties": False}):
        schema["additionalProperties"] = False
    return BuiltSchema(schema, TupleForm(tuple(built.form for built in places)))


def _as_any_of_them(
    builder: Builder, merged: FlatSchema, places: list[BuiltSchema], size: tuple[int, int | None]
) -> BuiltSchema | None:
    """Write an array in which each place accepts the values of all places."""
    held = [*merged.prefix, merged.items or []]
    alike = [(built, list(nodes) or [True]) for built, nodes in zip(places, held, strict=False)]
    if any(built.schema != places[0].schema for built in places):
        reason = "any value of the array can occur at any place"
        builder.relax(merged.where.get("prefixItems"), "prefixItems", None, reason)
    built = alternatives.union(builder, alike)
    if built is None:
        return None
    schema = {"type": "array", "items": built.schema, **({"minItems": size[0]} if size[0] else {})}
    schema |= {"maxItems": size[1]} if size[1] is not None else {}
    _relax_unique(builder, merged)
    form = SAME if built.form is SAME else ListForm((), built.form)
    return BuiltSchema(scalars.fitted(builder, merged, schema), form)
