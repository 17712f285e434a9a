# SPDX-License-Identifier: Apache-2.0
"""What a schema says of values that were parsed already: its own Python type, its own names, its own scalars.

Rules: nothing here raises for any value, and nothing is called that belongs to the value.
"""

from __future__ import annotations

import dataclasses
import enum
import types
import typing
from collections import abc
from typing import TYPE_CHECKING, Any, Literal, NotRequired, Required, Union, get_args, get_origin

from schema_guard.interruptions import is_interruption
from schema_guard.pointer import split
from schema_guard.validation.equality import is_same

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schema_guard.schema import Schema

__all__ = ["TypedValues", "holds_type", "never_filled"]

_DEEPEST = 20
_NO, _PLAIN, _OWN = 0, 1, 2
_SCALARS = (str, bool, int, float, type(None))
_LISTS = (list, tuple, abc.Sequence, abc.Iterable, abc.Collection)
_SETS = (set, frozenset, abc.Set)
_MAPPINGS = (dict, abc.Mapping)
_TYPES = {bool: "boolean", int: "integer", float: "number"}


class TypedValues:
    """What one schema says of values, found out once.

    Attributes:
        annotation: The Python type that it was made from; None for a document.
        names: What it declares as properties of its value.
    """

    __slots__ = ("_document", "_is_class", "annotation", "names")

    def __init__(self, schema: Schema[Any]) -> None:
        self.annotation = getattr(schema.annotation, "_type", schema.annotation)
        self.names = frozenset(_declared(schema.document))
        self._document = schema.document
        self._is_class = _is_class(self.annotation)

    def is_instance(self, value: object) -> bool:
        """Say whether a value is an instance of the schema's own Python type, or built of such; plain JSON is not."""
        if self.annotation is None:
            return False
        try:
            if self._is_class:
                return isinstance(value, self.annotation)
            return _fit(self.annotation, value, _DEEPEST) == _OWN
        except Exception as error:
            if is_interruption(error, lambda: _fit(self.annotation, value, _DEEPEST)):
                raise
            # A foreign class may raise anything from a look at its instances.
            return False

    def is_schema_scalar(self, value: object) -> bool:
        """Say whether a bool or number is what the schema itself is about: by its `type`, its `enum` or its `const`."""
        return _is_schema_scalar(self._document, value)


def _is_class(annotation: Any) -> bool:
    """Say whether an annotation is a class whose instances are what JSON cannot be."""
    return (
        isinstance(annotation, type)
        and get_origin(annotation) is None
        and annotation not in (object, *_SCALARS, *_LISTS, *_SETS, *_MAPPINGS)
        and not typing.is_typeddict(annotation)
    )


def never_filled(value: object) -> list[str]:
    """Give the required fields of an instance that are None where no None may be: it was made without validation.

    A library that streams a growing value makes such ones (instructor's partials), and of a reply that was cut off they
    are the last.
    """
    fields = getattr(type(value), "model_fields", None)
    if not isinstance(fields, dict):
        return []
    held = getattr(value, "__dict__", {})
    return [
        name
        for name, field in fields.items()
        if held.get(name) is None and field.is_required() and _bars_none(field.annotation)
    ]


def _bars_none(annotation: Any) -> bool:
    kind = get_origin(annotation) or annotation
    return isinstance(kind, type) and kind not in (object, type(None), types.UnionType)


def _fit(annotation: Any, value: object, depth: int) -> int:  # noqa: C901, PLR0911 - one line a kind of annotation
    """Say how a value fits an annotation: not at all, as plain JSON, or as what JSON cannot be."""
    origin = get_origin(annotation)
    if depth == 0:
        return _NO
    if annotation is Any or annotation is object:
        return _PLAIN
    if annotation in (None, *_SCALARS):
        return _PLAIN if _is_scalar(annotation, value) else _NO
    if origin in (typing.Annotated, Required, NotRequired) or getattr(origin, "_name", None) == "ReadOnly":
        return _fit(get_args(annotation)[0], value, depth)
    if origin is Literal:
        return _fit_literal(get_args(annotation), value)
    if origin in (Union, types.UnionType):
        return max(_fit(arm, value, depth - 1) for arm in get_args(annotation))
    alias = getattr(annotation, "__supertype__", None) or getattr(annotation, "__value__", None)
    if alias is not None:
        return _fit(alias, value, depth - 1)
    if typing.is_typeddict(annotation):
        return _fit_typed_dict(annotation, value, depth)
    kind = origin or annotation
    if kind in (*_LISTS, *_SETS, *_MAPPINGS):
        return _fit_collection(kind, get_args(annotation), value, depth)
    return _OWN if isinstance(value, kind) else _NO


def _is_scalar(annotation: Any, value: object) -> bool:
    if annotation is float:
        return type(value) in (int, float)
    return type(value) is (type(None) if annotation is None else annotation)


def _fit_literal(members: tuple[Any, ...], value: object) -> int:
    for member in members:
        if isinstance(member, enum.Enum):
            if value is member:
                return _OWN
        elif is_same(member, value):
            return _PLAIN
    return _NO


def _fit_collection(kind: Any, args: tuple[Any, ...], value: object, depth: int) -> int:
    inside: Any
    if kind in _MAPPINGS:
        inside = dict.values(value) if isinstance(value, dict) else None
        return _fit_all(args[-1] if args else Any, inside, _PLAIN, depth)
    if kind in _SETS:
        inside = value if isinstance(value, set | frozenset) else None
        return _fit_all(args[0] if args else Any, inside, _OWN, depth)
    if not isinstance(value, list | tuple) or (kind in (list, tuple) and not isinstance(value, kind)):
        return _NO
    base = _OWN if isinstance(value, tuple) else _PLAIN
    if kind is tuple and args and args[-1] is not Ellipsis:
        if len(args) != len(value):
            return _NO
        return _least([_fit(arg, part, depth - 1) for arg, part in zip(args, value, strict=True)], base)
    return _fit_all(args[0] if args else Any, value, base, depth)


def _fit_all(annotation: Any, values: Any, base: int, depth: int) -> int:
    if values is None:
        return _NO
    return _least([_fit(annotation, value, depth - 1) for value in values], base)


def _least(fits: list[int], base: int) -> int:
    return _NO if _NO in fits else max(fits, default=base) if base == _PLAIN else base


def _fit_typed_dict(annotation: Any, value: object, depth: int) -> int:
    if not isinstance(value, dict):
        return _NO
    hints = typing.get_type_hints(annotation, include_extras=True)
    if not value.keys() <= hints.keys() or not value.keys() >= annotation.__required_keys__:
        return _NO
    return _least([_fit(hints[key], part, depth - 1) for key, part in dict.items(value)], _PLAIN)


def holds_type(annotation: Any, wanted: type) -> bool:
    """Say whether an annotation, or a class by its fields, holds a class somewhere inside."""
    seen: list[Any] = []
    waiting = [annotation]
    while waiting and len(seen) < 1_000:
        part = waiting.pop()
        if part is wanted:
            return True
        if any(part is known for known in seen):
            continue
        seen.append(part)
        waiting += get_args(part)
        fields = getattr(part, "model_fields", None) or getattr(part, "__pydantic_fields__", None)
        if isinstance(fields, dict):
            waiting += [getattr(field, "annotation", None) for field in fields.values()]
        elif isinstance(part, type) and (dataclasses.is_dataclass(part) or typing.is_typeddict(part)):
            waiting += getattr(part, "__annotations__", {}).values()
    return False


# By the document.


def _declared(document: Any) -> Iterator[str]:
    for part in _roots(document):
        for keyword in ("properties", "required"):
            names = part.get(keyword)
            if isinstance(names, dict | list):
                yield from (name for name in names if isinstance(name, str))


def _is_schema_scalar(document: Any, value: object) -> bool:
    name = _TYPES.get(type(value))
    if name is None:
        return False
    wanted = {name, "number"} if name == "integer" else {name, "integer"} if name == "number" else {name}
    for part in _roots(document):
        kinds = part.get("type")
        if wanted & ({kinds} if isinstance(kinds, str) else set(kinds or ())):
            return True
        members = [*part.get("enum", ()), *([part["const"]] if "const" in part else ())]
        if any(type(member) in _TYPES and wanted & {_TYPES[type(member)]} for member in members):
            return True
    return False


def _roots(document: Any) -> Iterator[dict[str, Any]]:
    """Give the subschemas that speak of the value itself, local references followed."""
    waiting, seen = [document], 0
    while waiting and seen < 1_000:
        part = waiting.pop()
        seen += 1
        if not isinstance(part, dict):
            continue
        yield part
        for keyword in ("allOf", "anyOf", "oneOf"):
            listed = part.get(keyword)
            waiting += listed if isinstance(listed, list) else []
        waiting += [part[keyword] for keyword in ("if", "then", "else") if keyword in part]
        reference = part.get("$ref")
        if isinstance(reference, str) and reference.startswith("#"):
            waiting.append(_at(document, reference[1:]))


def _at(document: Any, location: str) -> Any:
    for token in split(location):
        if not isinstance(document, dict) or token not in document:
            return None
        document = document[token]
    return document
