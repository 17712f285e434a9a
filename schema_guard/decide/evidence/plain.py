# SPDX-License-Identifier: Apache-2.0
"""Values of evidence from plain JSON, and back. A field's key is its name, or the one that `Annotated` has.

Rules: JSON that comes here keeps to the schema of evidence, so nothing is checked.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from inspect import signature
from types import UnionType
from typing import Annotated, Any, NamedTuple, get_args, get_origin, get_type_hints


class _Field(NamedTuple):
    """The key and the type of a field, and whether it has no default."""

    key: str
    kind: Any
    is_required: bool


def to_json(value: Any) -> Any:
    """Return a value as plain JSON, without the fields that are None."""
    if hasattr(value, "__annotations__"):
        members = ((field.key, getattr(value, name)) for name, field in _fields(value.__class__).items())
        return {key: to_json(member) for key, member in members if member is not None}
    return [to_json(member) for member in value] if isinstance(value, (list, tuple)) else value


def from_json(kind: Any, value: Any) -> Any:
    """Return a value of a type from its JSON. A field without a key has its default, or None."""
    origin, parts = get_origin(kind), get_args(kind)
    if value is None:
        known = None
    elif origin is UnionType:  # of a type and None
        known = from_json(parts[0], value)
    elif origin is tuple:
        kinds = [parts[0]] * len(value) if parts[-1] is Ellipsis else parts
        known = tuple(map(from_json, kinds, value))
    elif origin is Mapping:
        known = {key: from_json(parts[1], member) for key, member in value.items()}
    elif kind in (int, float):
        known = kind(value)  # JSON does not tell 60 from 60.0
    elif kind is not Any and isinstance(value, (list, dict)):
        known = _of_fields(kind, value)
    else:
        known = value
    return known


def _of_fields(kind: Any, value: Any) -> Any:
    fields = _fields(kind)
    if isinstance(value, list):
        value = dict(zip((field.key for field in fields.values()), value, strict=False))
    return kind(
        **{
            name: from_json(field.kind, value.get(field.key))
            for name, field in fields.items()
            if field.is_required or field.key in value
        }
    )


@cache
def _fields(kind: Any) -> dict[str, _Field]:
    hints, parameters = get_type_hints(kind, include_extras=True), signature(kind).parameters
    fields = {}
    for name, hint in hints.items():
        plain, key = get_args(hint) if get_origin(hint) is Annotated else (hint, name)
        fields[name] = _Field(key, plain, parameters[name].default is parameters[name].empty)
    return fields
