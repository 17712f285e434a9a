# SPDX-License-Identifier: Apache-2.0
"""A Python annotation -> its JSON Schema, and the function that makes the Python value of a valid JSON value.

Rules:
1. Dataclasses and TypedDicts are closed: a property that they do not name is a violation.
2. A Pydantic model brings its own schema and its own validation; Pydantic is never imported here.
3. Named types stand under `$defs`, so that recursion and repetition cost nothing.
4. What cannot be said in JSON Schema is refused at load, with the place in the annotation.
"""

from __future__ import annotations

import dataclasses
import enum
import json
import re
import reprlib
import types
import typing
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal, NotRequired, Required, Union, get_args, get_origin

from schema_guard.errors import InvalidArgument
from schema_guard.text import clip
from schema_guard.validation.annotations.models import ModelRestore, adapter_of, schema_of
from schema_guard.validation.annotations.restoring import (
    FORMATTED,
    SCALARS,
    Meaning,
    decimal,
    decimal_or_text,
    enumerated,
    first_match,
    fixed,
    formatted,
    literal,
    mapping,
    restore_object,
    same,
    scalar,
    sequence,
    unchanged_types_of,
)

if TYPE_CHECKING:
    from schema_guard.validation.annotations.restoring import Restore


def from_annotation(annotation: Any) -> tuple[Any, str | None, Restore | None]:
    """Give the schema document of an annotation, its name, and what makes its values.

    Args:
        annotation: A Pydantic model or TypeAdapter, a dataclass, a TypedDict, an Enum, a scalar type, a generic
            such as `list[Invoice]`, a union, a Literal, or an Annotated of one of them.

    Raises:
        InvalidArgument: There is no JSON Schema for it; the message names the part.
    """
    adapter = adapter_of(annotation)
    if adapter is not None:
        return adapter.json_schema(), _name(annotation), ModelRestore(adapter)
    if annotation is None or isinstance(annotation, (int, float, list, tuple)):
        # Not repr: a list may hold one list many times over, and that many again.
        raise InvalidArgument(
            f"schema={clip(reprlib.repr(annotation))}: expected {_WANTED}, got a {type(annotation).__name__}"
        )
    builder = _Builder()
    schema, restore, _ = builder.build(annotation, _name(annotation))
    return builder.document(schema), _name(annotation), restore


def as_parsed(annotation: Any) -> Meaning:
    """Give what the types of an annotation parse, where that is more than its schema document says.

    Dates and times in every form that their type reads, and a Decimal as text, as Pydantic takes it.

    Args:
        annotation: As `from_annotation` took it.
    """
    adapter = adapter_of(annotation)
    if adapter is not None:
        return Meaning(schema_of(adapter, loosely=True), ModelRestore(adapter))
    builder = _Builder(loosely=True)
    schema, restore, _ = builder.build(annotation, _name(annotation))
    return Meaning(builder.document(schema), restore)


def _name(annotation: Any) -> str:
    """Name an annotation as its reader wrote it: `Invoice`, `list[Invoice]`."""
    args = [arg for arg in get_args(annotation) if get_origin(annotation) is not typing.Annotated]
    name = getattr(annotation, "__name__", None) or repr(annotation)
    return clip(f"{name}[{', '.join(_name(arg) for arg in args)}]" if args else name)


_WANTED = (
    "a JSON Schema dict or bool, a path, a Pydantic model, a dataclass, a TypedDict or another annotation"
)
# Attributes by which annotated-types and Pydantic's Field say what JSON Schema has a keyword for.
_CONSTRAINTS = {
    "ge": "minimum", "gt": "exclusiveMinimum", "le": "maximum", "lt": "exclusiveMaximum",
    "multiple_of": "multipleOf", "pattern": "pattern",
}  # fmt: skip


class _Builder:
    """Builds one document; named types are collected under `$defs`.

    Args:
        loosely: Whether to say what the types parse, and not what a model is told.
    """

    def __init__(self, *, loosely: bool = False) -> None:
        self.loosely = loosely
        self.defs: dict[str, Any] = {}
        self._names: dict[Any, str] = {}
        self._restores: dict[Any, Restore] = {}

    def document(self, schema: dict[str, Any]) -> dict[str, Any]:
        """Give the whole document: the root's own definition stands at the root when nothing refers to it."""
        name = schema.get("$ref", "").removeprefix("#/$defs/")
        if name in self.defs and f'"#/$defs/{name}"' not in json.dumps(self.defs):
            schema = self.defs.pop(name)
        return {**schema, "$defs": self.defs} if self.defs else schema

    def build(self, annotation: Any, place: str) -> Meaning:  # noqa: C901, PLR0911, PLR0912 - one line a kind of annotation
        origin = get_origin(annotation)
        if isinstance(annotation, str):
            raise InvalidArgument(
                f"{place}: {annotation!r} cannot be resolved: expected a type that can be imported"
            )
        if annotation is Any or annotation is object:
            return Meaning({}, same)
        if annotation is None:
            annotation = type(None)
        # Before anything is looked up: what is noted beside a type may be without a hash.
        if origin is typing.Annotated:
            return self._annotated(annotation, place)
        if not _hashable(annotation):
            raise InvalidArgument(f"{place}: no JSON Schema for {clip(repr(annotation))}: expected {_WANTED}")
        if annotation in SCALARS:
            return scalar(annotation)
        if annotation in FORMATTED:
            return formatted(annotation, loosely=self.loosely)
        if annotation is Decimal:
            return decimal_or_text() if self.loosely else Meaning({"type": "number"}, decimal)
        if origin in (Required, NotRequired) or getattr(origin, "_name", None) == "ReadOnly":
            return self.build(get_args(annotation)[0], place)
        if origin is Literal:
            return literal(get_args(annotation))
        if origin in (Union, types.UnionType):
            return self._union(get_args(annotation), place)
        if (origin or annotation) in _COLLECTIONS:
            return self._collection(origin or annotation, get_args(annotation), place)
        if isinstance(annotation, type):
            return self._reference_to(annotation, place)
        raise InvalidArgument(f"{place}: no JSON Schema for {clip(repr(annotation))}: expected {_WANTED}")

    def _annotated(self, annotation: Any, place: str) -> Meaning:
        inner, *notes = get_args(annotation)
        schema, restore, kept_types = self.build(inner, place)
        extra: dict[str, Any] = {}
        for note in [part for entry in notes for part in (entry, *(getattr(entry, "metadata", None) or ()))]:
            if isinstance(note, str):
                extra["description"] = note
            elif isinstance(getattr(note, "description", None), str):
                extra["description"] = note.description
            extra |= {
                word: getattr(note, name)
                for name, word in _CONSTRAINTS.items()
                if getattr(note, name, None) is not None
            }
            size = (
                "Items"
                if schema.get("type") == "array"
                else "Properties"
                if schema.get("type") == "object"
                else "Length"
            )
            extra |= {
                f"{bound[:3]}{size}": getattr(note, bound)
                for bound in ("min_length", "max_length")
                if getattr(note, bound, None) is not None
            }
        if inner is Decimal and self.loosely:
            return decimal_or_text(extra)
        return Meaning({**schema, **extra}, restore, kept_types)

    def _union(self, arms: tuple[Any, ...], place: str) -> Meaning:
        if self.loosely:
            # A text beside a Decimal is the text that it is.
            arms = tuple(sorted(arms, key=lambda arm: arm is Decimal))
        built = [self.build(arm, place) for arm in arms]
        # bool before int and int before float would not matter to JSON; the order of the annotation decides.
        restore = first_match([arm.restore for arm in built])
        return Meaning({"anyOf": [arm.schema for arm in built]}, restore, unchanged_types_of(arms, built))

    def _collection(self, origin: Any, args: tuple[Any, ...], place: str) -> Meaning:
        kind = _COLLECTIONS[origin]
        if kind is dict:
            if args and args[0] is not str:
                raise InvalidArgument(
                    f"{place}: keys of {clip(repr(args[0]))}: expected str, JSON has no other keys"
                )
            member = self.build(args[1], f"{place}[...]") if args else Meaning({}, same)
            return Meaning({"type": "object", "additionalProperties": member.schema}, mapping(member))
        if kind is tuple and args and args[-1] is not Ellipsis:
            built = [self.build(arg, f"{place}[{index}]") for index, arg in enumerate(args)]
            schema = {
                "type": "array", "prefixItems": [item.schema for item in built], "items": False,
                "minItems": len(built), "maxItems": len(built),
            }  # fmt: skip
            return Meaning(schema, fixed([item.restore for item in built]))
        item = self.build(args[0], f"{place}[]") if args else Meaning({}, same)
        unique = {"uniqueItems": True} if kind in (set, frozenset) else {}
        if unique and args and getattr(get_origin(args[0]) or args[0], "__hash__", None) is None:
            raise InvalidArgument(
                f"{place}: a set of {clip(repr(args[0]))}: expected items with a hash, or a list instead of a set"
            )
        return Meaning({"type": "array", "items": item.schema, **unique}, sequence(kind, item))

    def _reference_to(self, annotation: type, place: str) -> Meaning:
        """Give a reference to a named type, which is built when it is met first."""
        if annotation not in self._names:
            # A reference is a URI, which has no other characters.
            first = name = re.sub(r"[^A-Za-z0-9_.-]", "_", annotation.__name__)
            number = 2
            while name in self.defs:
                name, number = f"{first}{number}", number + 1
            self._names[annotation] = name
            self.defs[name] = None
            self.defs[name], self._restores[annotation], _ = self._definition(annotation, place)
        return Meaning({"$ref": f"#/$defs/{self._names[annotation]}"}, self._restore_of(annotation))

    def _restore_of(self, annotation: type) -> Restore:
        # Looked up when it is used: inside its own definition a type's function is not made yet.
        return lambda value: self._restores[annotation](value)  # noqa: PLW0108

    def _definition(self, annotation: type, place: str) -> Meaning:
        adapter = adapter_of(annotation)
        if adapter is not None:
            return Meaning(self._pydantic_definition(adapter, self._names[annotation]), ModelRestore(adapter))
        if issubclass(annotation, enum.Enum):
            return Meaning({"enum": [member.value for member in annotation]}, enumerated(annotation))
        if dataclasses.is_dataclass(annotation):
            return self._dataclass(annotation, place)
        if typing.is_typeddict(annotation):
            return self._typed_dict(annotation, place)
        raise InvalidArgument(
            f"{place}: no JSON Schema for {annotation.__module__}.{annotation.__qualname__}: expected {_WANTED}"
        )

    def _pydantic_definition(self, adapter: Any, name: str) -> Any:
        """Give a model's own schema; those that it refers to go to `$defs`, renamed where a name is taken."""
        schema = schema_of(adapter, loosely=self.loosely)
        parts = schema.pop("$defs", {})
        # A model that refers to itself is a reference to its own definition, which takes the place kept for it.
        itself = schema.get("$ref") == f"#/$defs/{name}"
        own = parts.pop(name) if itself else schema
        if any(self.defs.get(model_name, part) != part for model_name, part in parts.items()):
            schema = schema_of(adapter, loosely=self.loosely, ref_template=f"#/$defs/{name}.{{model}}")
            parts = {f"{name}.{part}": value for part, value in schema.pop("$defs").items()}
            own = schema
        self.defs |= parts
        return own

    def _dataclass(self, annotation: Any, place: str) -> Meaning:
        hints = _hints(annotation, place)
        fields = [field for field in dataclasses.fields(annotation) if field.init]
        built = {field.name: self.build(hints[field.name], f"{place}.{field.name}") for field in fields}
        required = [
            field.name
            for field in fields
            if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        ]
        return Meaning(_closed(annotation, built, required), restore_object(annotation, built, required))

    def _typed_dict(self, annotation: Any, place: str) -> Meaning:
        hints = _hints(annotation, place)
        built = {name: self.build(hint, f"{place}.{name}") for name, hint in hints.items()}
        # Where annotations are postponed, Python's own list knows neither Required nor NotRequired.
        required = [
            name
            for name, hint in hints.items()
            if get_origin(hint) is Required
            or (get_origin(hint) is not NotRequired and name in annotation.__required_keys__)
        ]
        return Meaning(_closed(annotation, built, required), restore_object(dict, built, required))


_COLLECTIONS: dict[Any, Any] = {list: list, tuple: tuple, set: set, frozenset: frozenset, dict: dict}
for _abstract, _concrete in (
    ("Sequence", list),
    ("Iterable", list),
    ("Collection", list),
    ("Set", frozenset),
    ("Mapping", dict),
):
    _COLLECTIONS[getattr(__import__("collections.abc", fromlist=[_abstract]), _abstract)] = _concrete


def _hashable(annotation: Any) -> bool:
    try:
        hash(annotation)
    except TypeError:
        return False
    return True


def _hints(annotation: Any, place: str) -> dict[str, Any]:
    try:
        return typing.get_type_hints(annotation, include_extras=True)
    except NameError as error:
        raise InvalidArgument(
            f"{place}: {error}: define the type at the top of its module, so that its annotation can be resolved"
        ) from error


def _closed(annotation: type, built: dict[str, Meaning], required: list[str]) -> dict[str, Any]:
    doc = annotation.__doc__ or ""
    # The docstring that dataclasses write by themselves is the signature.
    described = (
        {"description": doc.strip()}
        if doc and not doc.startswith(f"{annotation.__name__}(") and "dict(" not in doc
        else {}
    )
    return {
        "type": "object",
        "title": annotation.__name__,
        **described,
        "properties": {name: part.schema for name, part in built.items()},
        "required": required,
        "additionalProperties": False,
    }
