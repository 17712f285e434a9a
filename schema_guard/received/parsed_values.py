# SPDX-License-Identifier: Apache-2.0
"""Facts of a schema about parsed values: its own Python type, its own names, and its own scalars.

Nothing here raises for any value. A value is passed only to the validators of the schema's own type.
"""

from __future__ import annotations

import types
import typing
from functools import reduce
from typing import TYPE_CHECKING, Any, get_origin

from schema_guard.interruptions import is_interruption
from schema_guard.limits import DEFAULT_LIMITS
from schema_guard.pointer import member, split
from schema_guard.validation.measure import FOREIGN, refusal_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schema_guard.schema import Schema

# Types of JSON values, or of values that JSON may be read into. Their instances are no sign of the schema's own type.
_PLAIN = (object, str, bool, int, float, type(None), list, tuple, set, frozenset, dict)
_TYPES = {bool: "boolean", int: "integer", float: "number"}


class TypedValues:
    """Facts of one schema about values, found once.

    Attributes:
        annotation: The Python type of the schema. None if it was built from a document.
        names: Names of the properties that it declares.
    """

    __slots__ = ("_document", "_is_class", "_reader", "annotation", "names")

    def __init__(self, schema: Schema[Any]) -> None:
        self.annotation = getattr(schema.annotation, "_type", schema.annotation)
        self.names = frozenset(_declared(schema.document))
        self._document, self._reader = schema.document, schema.reader
        self._is_class = _is_class(self.annotation)

    def is_instance(self, value: object) -> bool:
        """Return whether a value is, or contains, an instance of the schema's own Python type. False for plain JSON."""
        if self.annotation in (None, Any, object):
            return False
        try:
            if self._is_class:
                return isinstance(value, self.annotation)
        except Exception as error:
            if is_interruption(error):
                raise
            # A foreign class may raise any exception from an instance check.
            return False
        refused = refusal_of(value, DEFAULT_LIMITS)
        is_foreign = refused is not None and refused.code == FOREIGN
        return is_foreign and self._reader is not None and self._reader.holds(value)

    def is_schema_scalar(self, value: object) -> bool:
        """Return whether the schema allows a bool or number of this type, by its `type`, its `enum`, or its `const`."""
        return _is_schema_scalar(self._document, value)

    def takes_lists(self) -> bool:
        """Return whether a list may be a value of the schema. False only if it names its types without an array."""
        types = [part["type"] for part in _roots(self._document) if "type" in part]
        return not types or any(kind == "array" or "array" in kind for kind in types)


def _is_class(annotation: Any) -> bool:
    """Return whether an annotation is a class whose instances are not JSON values."""
    return (
        isinstance(annotation, type)
        and get_origin(annotation) is None
        and annotation not in _PLAIN
        and not typing.is_typeddict(annotation)
    )


def never_filled(value: object) -> list[str]:
    """Return the required fields of an instance that are None although they must not be, as it was never validated.

    A library that streams a growing value creates such instances (instructor's partials). If the reply is cut off, the
    last value is one of them.
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
    """Yield the subschemas that apply to the value itself, including the targets of local references."""
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
            waiting.append(reduce(member, split(reference[1:]), document))
