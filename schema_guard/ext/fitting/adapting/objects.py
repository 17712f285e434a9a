# SPDX-License-Identifier: Apache-2.0
"""Objects. If the provider requires it, they are closed, with optional properties as null and open maps as pairs.

Rule: Each loss that concerns other keys is listed. A key that can't occur is narrowed, and a key that passes unchecked
is relaxed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from schema_guard.ext.fitting.adapting import alternatives, scalars
from schema_guard.ext.fitting.adapting.builder import BuiltSchema
from schema_guard.ext.fitting.adapting.forms import (
    KEY,
    SAME,
    VALUE,
    ObjectForm,
    PairsForm,
    TextForm,
)
from schema_guard.ext.fitting.adapting.plain.flat_schema import matches
from schema_guard.ext.fitting.adapting.plain.plain_schema import takes_null

if TYPE_CHECKING:
    from schema_guard.ext.fitting.adapting.builder import Builder
    from schema_guard.ext.fitting.adapting.forms import Form
    from schema_guard.ext.fitting.adapting.plain.flat_schema import FlatSchema

_COUNTS = ("minProperties", "maxProperties")
_REST = "additional_properties"
_NAMES = "the key is not one of the properties"


def object_of(builder: Builder, merged: FlatSchema, _: str) -> BuiltSchema | None:
    """Write an object."""
    others = _others(merged)
    listed = _listed(builder, merged, others)
    if listed is None:
        return None
    can_say = builder.accepted.open_objects and (builder.accepted.maps or not others)
    if not listed and not _is_closed(merged, others) and not can_say:
        as_pairs = _pairs(builder, merged, others, wants_counts=True)
        if as_pairs is not None:
            return as_pairs
    return _Writing(builder, merged, listed, others).built()


def _others(merged: FlatSchema) -> list[Any]:
    """Return the schemas of the properties that are neither listed nor matched. An empty list allows any value."""
    held = merged.additional
    if held is None and "unevaluatedProperties" in merged.limits:
        held = [merged.limits["unevaluatedProperties"]]
    held = [node for node in held or [] if node is not True]
    return [False] if False in held else held


def _is_closed(merged: FlatSchema, others: list[Any]) -> bool:
    return others == [False] and not merged.patterns


def _listed(builder: Builder, merged: FlatSchema, others: list[Any]) -> dict[str, BuiltSchema | None] | None:
    """Return each property that is listed or required. None if a required one has no valid value.

    An optional property without a valid value is None.
    """
    names = dict.fromkeys([*merged.properties, *merged.required])
    judged = builder.validity([{"allOf": list(merged.names)}]) if merged.names else None
    properties: dict[str, BuiltSchema | None] = {}
    for name in names:
        held = merged.properties.get(name)
        if held is None:
            held = [
                node for pattern, nodes in merged.patterns.items() if matches(pattern, name) for node in nodes
            ]
            held = held or others
        built = builder.emit(tuple(held)) if judged is None or judged.takes(name) else None
        if built is None and name in merged.required:
            return None
        properties[name] = built
    return properties


def _pairs(
    builder: Builder, merged: FlatSchema, others: list[Any], *, wants_counts: bool = False
) -> BuiltSchema | None:
    """Write the properties that are not listed as an array of pairs. None if there are none."""
    holder = merged.where.get("patternProperties")
    sorts = [([{"pattern": pattern}], held) for pattern, held in merged.patterns.items()]
    sorts += [] if others == [False] else [([], others)]
    if len(sorts) > 1:
        reason = "a key that matches an expression must fit this expression, another one, or the schema of other keys"
        builder.relax(holder, "patternProperties", (holder or {}).get("patternProperties"), reason)
    pairs = []
    for names, held in sorts:
        pair = _pair(builder, [*names, *merged.names], held, merged)
        if pair is not None:
            pairs.append((pair, list(held) or [True]))
    if not pairs:
        return None
    schema, values = _one_of_pairs(builder, pairs)
    whole = {"type": "array", "items": schema, **(_counts(merged) if wants_counts else {})}
    return BuiltSchema(scalars.fitted(builder, merged, whole), PairsForm(values))


def _counts(merged: FlatSchema) -> dict[str, Any]:
    """Return the size limits of an array of pairs."""
    counts = {}
    for keyword, name in (("minItems", "minProperties"), ("maxItems", "maxProperties")):
        if name in merged.limits:
            counts[keyword] = merged.limits[name]
            merged.where[keyword] = merged.where[name]
            merged.limits.pop(keyword, None)
    return counts


def _one_of_pairs(
    builder: Builder, pairs: list[tuple[BuiltSchema, list[Any]]]
) -> tuple[dict[str, Any], Form]:
    """Return the schema of a pair, and the form of its value."""
    joined = alternatives.joined(builder, [pair.schema for pair, _ in pairs])
    values = [(BuiltSchema(pair.schema["properties"][VALUE], pair.form), nodes) for pair, nodes in pairs]
    whole = alternatives.union(builder, values)
    return joined, SAME if whole is None else whole.form


def _pair(builder: Builder, names: list[Any], held: list[Any], merged: FlatSchema) -> BuiltSchema | None:
    """Return the schema of one pair, with the form of its value."""
    of_names: list[Any] = [{"type": "string"}, *names]
    builder.note_origin(
        of_names[:1],
        merged.where.get("propertyNames", merged.where.get("patternProperties", {})),
        "propertyNames",
        None,
    )
    key, value = builder.emit(tuple(of_names)), builder.emit(tuple(held))
    if key is None or value is None:
        return None
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {KEY: key.schema, VALUE: value.schema},
        "required": [KEY, VALUE],
    }
    closed = {**schema, "additionalProperties": False}
    return BuiltSchema(closed if builder.accepted.is_clean(closed) else schema, value.form)


class _Writing:
    """An object whose properties are written already."""

    def __init__(
        self,
        builder: Builder,
        merged: FlatSchema,
        listed: dict[str, BuiltSchema | None],
        others: list[Any],
    ) -> None:
        self.builder = builder
        self.merged = merged
        self.others = others
        self.barred = [name for name, built in listed.items() if built is None]
        self.properties = {name: built.schema for name, built in listed.items() if built is not None}
        self.forms = {name: built.form for name, built in listed.items() if built is not None}
        self.required = [name for name in self.properties if name in merged.required]
        self.filled: set[str] = set()
        self.nulls: set[str] = set()
        self.form_of_others: Form = SAME
        self.rest: str | None = None
        self.schema: dict[str, Any] = {}

    def built(self) -> BuiltSchema:
        """Return the object."""
        self._fill()
        self.schema = {"type": "object"}
        if self.properties:
            self.schema["properties"] = self.properties
        if self.required:
            self.schema["required"] = self.required
        self._close()
        self._count()
        schema = scalars.fitted(self.builder, self.merged, self.schema)
        plain = not self.filled and self.rest is None and self.form_of_others is SAME
        if plain and all(form is SAME for form in self.forms.values()):
            return BuiltSchema(schema)
        form = ObjectForm(
            self.forms, frozenset(self.filled), frozenset(self.nulls), self.form_of_others, self.rest
        )
        return BuiltSchema(schema, form)

    def _fill(self) -> None:
        """Make excess optional properties required, with null for an absent property."""
        most = self.builder.accepted.most_optional
        optional = [name for name in self.properties if name not in self.required]
        if most is None or len(optional) <= most:
            return
        for name in optional[most:]:
            held = self.merged.properties.get(name, [])
            self.filled.add(name)
            # In a text, null is "null", so a null beside it means that the property is absent.
            if takes_null(held, self.builder.plain) and not isinstance(self.forms[name], TextForm):
                reason = "the form has null for an absent property, and both are valid"
                self.builder.narrow(held[0], "", None, reason)
            else:
                self.nulls.add(name)
                self.properties[name] = alternatives.joined(
                    self.builder, [self.properties[name], {"type": "null"}]
                )
        self.required = [name for name in self.properties if name in self.required or name in self.filled]

    def _close(self) -> None:
        """Write the schema of other keys, as far as the provider accepts it."""
        if _is_closed(self.merged, self.others):
            self._shut()
        elif self.merged.patterns:
            self._with_patterns()
        elif self.others:
            self._with_others()
        else:
            self._open()
        self._bar()

    def _shut(self) -> None:
        closed = {**self.schema, "additionalProperties": False}
        if not self._set(closed):
            keyword = "additionalProperties"
            self.builder.relax(
                self.merged.where.get(keyword), keyword, False, "other keys are accepted there"
            )

    def _set(self, *candidates: dict[str, Any]) -> bool:
        document = self.builder.accepted.first(*map(dict, candidates))
        if document is not None:
            self.schema = document
        return document is not None

    def _open(self) -> None:
        # An open object stays unchanged if that is accepted.
        if self._set(self.schema, {**self.schema, "additionalProperties": True}):
            return
        self._narrow("additionalProperties", self.merged.where.get("additionalProperties"))
        self._set({**self.schema, "additionalProperties": False})

    def _narrow(self, keyword: str, node: Any) -> None:
        holder = node if node is not None else self.merged.where.get("properties", self.merged.nodes[0])
        value = holder.get(keyword) if isinstance(holder, dict) else None
        self.builder.narrow(holder, keyword, value, "only the listed keys can occur there")

    def _with_others(self) -> None:
        holder = self.merged.where.get("additionalProperties")
        if self.builder.accepted.maps:
            built = self.builder.emit(tuple(self.others))
            if built is None:
                self._shut()
                return
            if self._set({**self.schema, "additionalProperties": built.schema}):
                self.form_of_others = built.form
                return
        if not self._rest():
            self._narrow("additionalProperties", holder)
            self._set({**self.schema, "additionalProperties": False}, self.schema)

    def _rest(self) -> bool:
        """Send other keys as pairs in a separate property."""
        if self.builder.accepted.maps and not self.builder.table.is_closed:
            return False
        pairs = _pairs(self.builder, self.merged, self.others)
        if pairs is None:
            return False
        name = _REST
        while name in self.properties:
            name += "_"
        self.rest, self.form_of_others = name, pairs.form
        self.properties[name] = pairs.schema
        self.required.append(name)
        self.schema |= {"properties": self.properties, "required": self.required}
        is_sent = self._set({**self.schema, "additionalProperties": False}, self.schema)
        if is_sent and self.schema.get("additionalProperties") is not False:
            holder = self.merged.where.get("additionalProperties", self.merged.nodes[0])
            value = holder.get("additionalProperties") if isinstance(holder, dict) else None
            self.builder.relax(holder, "additionalProperties", value, "other keys are accepted there")
        return is_sent

    def _with_patterns(self) -> None:
        by_pattern = {
            pattern: self.builder.emit(tuple(held)) for pattern, held in self.merged.patterns.items()
        }
        same = all(built is not None and built.form is SAME for built in by_pattern.values())
        schemas = {pattern: built.schema for pattern, built in by_pattern.items() if built is not None}
        more: dict[str, Any] = {"patternProperties": schemas}
        if self.others:
            built = None if self.others == [False] else self.builder.emit(tuple(self.others))
            more["additionalProperties"] = False if built is None else built.schema
            same = same and (built is None or built.form is SAME)
        if same and self._set({**self.schema, **more}):
            return
        holder = self.merged.where.get("patternProperties")
        if self._rest():
            return
        value = None if holder is None else holder.get("patternProperties")
        self.builder.relax(holder, "patternProperties", value, "keys are not compared with expressions there")
        self._as_others(by_pattern)

    def _as_others(self, by_pattern: dict[str, BuiltSchema | None]) -> None:
        """Allow other keys to have a value that any expression allows."""
        together = [
            (built, list(self.merged.patterns[key])) for key, built in by_pattern.items() if built is not None
        ]
        if self.others != [False]:
            built = self.builder.emit(tuple(self.others))
            if built is not None:
                together.append((built, list(self.others) or [True]))
        whole = alternatives.union(self.builder, together)
        schema = {} if whole is None else {**self.schema, "additionalProperties": whole.schema}
        if whole is not None and self.builder.accepted.maps and self._set(schema):
            self.form_of_others = whole.form
            return
        if not self._set(self.schema, {**self.schema, "additionalProperties": True}):
            self._narrow("patternProperties", self.merged.where.get("patternProperties"))
            self._set({**self.schema, "additionalProperties": False})

    def _bar(self) -> None:
        """Forbid properties without a valid value. Closed objects forbid them by not listing them."""
        if not self.barred or self.schema.get("additionalProperties") is False:
            return
        if self.builder.accepted.booleans:
            listed = {**self.schema.get("properties", {}), **dict.fromkeys(self.barred, False)}
            self.schema["properties"] = listed
            return
        for name in self.barred:
            node = self.merged.where.get("properties")
            self.builder.relax(node, "properties", {name: False}, "a forbidden key is accepted there")

    def _count(self) -> None:
        """Write the limits on the number of properties, unless the properties imply them already."""
        limits = self.merged.limits
        least, most = limits.get("minProperties", 0), limits.get("maxProperties")
        is_closed = _is_closed(self.merged, self.others) and self.schema.get("additionalProperties") is False
        counts: dict[str, Any] = {}
        if least > len([name for name in self.required if name in self.merged.required]):
            counts["minProperties"] = least
        if most is not None and not (is_closed and len(self.properties) <= most):
            counts["maxProperties"] = most
        # Null for an absent property changes the count, and so do pairs, which are one property.
        if counts and (self.filled or self.rest is not None):
            for keyword, value in counts.items():
                self.builder.relax(self.merged.where.get(keyword), keyword, value, "not enforced there")
            return
        self.schema |= counts
        if self.merged.names and not is_closed and self.rest is None:
            for node in self.merged.names:
                self.builder.relax(
                    self.merged.where.get("propertyNames"), "propertyNames", node, "not enforced there"
                )
