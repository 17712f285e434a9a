# SPDX-License-Identifier: Apache-2.0
"""Written alternatives as one schema: `anyOf`, a list of types, or `nullable`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from schema_guard.ext.fitting.adapting.builder import BuiltSchema
from schema_guard.ext.fitting.adapting.forms import SAME, TextForm, UnionArm, UnionForm

if TYPE_CHECKING:
    from schema_guard.ext.fitting.adapting.builder import Builder

_ENCODED = json.JSONEncoder(sort_keys=True).encode


def union(builder: Builder, made: list[tuple[BuiltSchema, list[Any]]]) -> BuiltSchema | None:
    """Write alternatives as one schema. None if there is no alternative.

    Args:
        builder: Builder of the schema.
        made: Each alternative, and the plain schemas that it was made from.
    """
    if not made:
        return None
    # A text with any JSON includes all alternatives, and a string beside it would have two meanings.
    anything = next((built for built, _ in made if isinstance(built.form, TextForm)), None)
    if anything is not None:
        return anything
    if len(made) == 1:
        return made[0][0]
    arms: list[tuple[BuiltSchema, list[Any]]] = []
    met: set[str] = set()
    for built, nodes in made:
        if built.form is not SAME or _is_new(built.schema, met):
            arms.append((built, nodes))
    if len(arms) == 1:
        return arms[0][0]
    whole = BuiltSchema(joined(builder, [built.schema for built, _ in arms]))
    if all(built.form is SAME for built, _ in arms):
        return whole
    forms = tuple(
        UnionArm(built.form, builder.sent(built.schema), builder.validity(nodes)) for built, nodes in arms
    )
    return whole._replace(form=UnionForm(forms))


def _is_new(schema: dict[str, Any], met: set[str]) -> bool:
    """Return whether a schema is not among those met so far, and add it. In JSON, 1 and true differ."""
    text = _ENCODED(schema)
    if text in met:
        return False
    met.add(text)
    return True


def joined(builder: Builder, schemas: list[dict[str, Any]]) -> dict[str, Any]:
    """Return alternatives as one schema: a list of types if they have no other keywords, or `anyOf`."""
    parts: list[dict[str, Any]] = []
    met: set[str] = set()
    for schema in schemas:
        inner = schema["anyOf"] if schema.keys() == {"anyOf"} else [schema]
        parts += [part for part in inner if _is_new(part, met)]
    if not builder.accepted.nulls and {"type": "null"} in parts and len(parts) > 1:
        rest = joined(builder, [part for part in parts if part != {"type": "null"}])
        return {**rest, "nullable": True}
    types = [part["type"] for part in parts if part.keys() == {"type"} and isinstance(part["type"], str)]
    if len(types) > 1 and builder.accepted.is_clean({"type": types}):
        others = [part for part in parts if part.keys() != {"type"} or not isinstance(part["type"], str)]
        parts = [*others, {"type": types}] if "array" not in types and "object" not in types else parts
    return parts[0] if len(parts) == 1 else {"anyOf": parts}
