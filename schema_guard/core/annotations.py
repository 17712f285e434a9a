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
import datetime as dt
import enum
import json
import re
import reprlib
import sys
import types
import typing
import uuid
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, NotRequired, Required, Union, get_args, get_origin

from schema_guard.core.validation.equality import is_same
from schema_guard.errors import InvalidArgument
from schema_guard.text import clip

if TYPE_CHECKING:
    from collections.abc import Callable

    Restore = Callable[[Any], Any]


class Mismatch(ValueError):
    """A JSON value is not one of the annotation; unions try their next arm."""


class Meaning(NamedTuple):
    """What an annotation means: its schema and what makes its value."""

    schema: Any
    restore: Restore


def from_annotation(annotation: Any) -> tuple[Any, str | None, Restore | None]:
    """Give the schema document of an annotation, its name, and what makes its values.

    Args:
        annotation: A Pydantic model or TypeAdapter, a dataclass, a TypedDict, an Enum, a scalar type, a generic
            such as `list[Invoice]`, a union, a Literal, or an Annotated of one of them.

    Raises:
        InvalidArgument: There is no JSON Schema for it; the message names the part.
    """
    adapter = _pydantic(annotation)
    if adapter is not None:
        return adapter.json_schema(), _name(annotation), _pydantic_restore(adapter)
    if annotation is None or isinstance(annotation, (int, float, list, tuple)):
        # Not repr: a list may hold one list many times over, and that many again.
        raise InvalidArgument(
            f"schema={clip(reprlib.repr(annotation))}: expected {_WANTED}, got a {type(annotation).__name__}"
        )
    builder = _Builder()
    schema, restore = builder.build(annotation, _name(annotation))
    return builder.document(schema), _name(annotation), restore


def _name(annotation: Any) -> str:
    """Name an annotation as its reader wrote it: `Invoice`, `list[Invoice]`."""
    args = [arg for arg in get_args(annotation) if get_origin(annotation) is not typing.Annotated]
    name = getattr(annotation, "__name__", None) or repr(annotation)
    return clip(f"{name}[{', '.join(_name(arg) for arg in args)}]" if args else name)


_WANTED = (
    "a JSON Schema dict or bool, a path, a Pydantic model, a dataclass, a TypedDict or another annotation"
)
_SCALARS: dict[Any, tuple[dict[str, Any], type | tuple[type, ...]]] = {
    str: ({"type": "string"}, str),
    int: ({"type": "integer"}, (int, float)),
    float: ({"type": "number"}, (int, float)),
    bool: ({"type": "boolean"}, bool),
    type(None): ({"type": "null"}, type(None)),
}
_FORMATTED: dict[Any, tuple[str, Restore]] = {
    dt.date: ("date", dt.date.fromisoformat),
    # RFC 3339 s. 5.6: "t" and "z" may be lower case.
    dt.datetime: ("date-time", lambda text: dt.datetime.fromisoformat(text.upper())),
    dt.time: ("time", lambda text: dt.time.fromisoformat(text.upper())),
    uuid.UUID: ("uuid", uuid.UUID),
}
# Attributes by which annotated-types and Pydantic's Field say what JSON Schema has a keyword for.
_CONSTRAINTS = {
    "ge": "minimum", "gt": "exclusiveMinimum", "le": "maximum", "lt": "exclusiveMaximum",
    "multiple_of": "multipleOf", "pattern": "pattern",
}  # fmt: skip


class _Builder:
    """Builds one document; named types are collected under `$defs`."""

    def __init__(self) -> None:
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
            return Meaning({}, _same)
        if annotation is None:
            annotation = type(None)
        # Before anything is looked up: what is noted beside a type may be without a hash.
        if origin is typing.Annotated:
            return self._annotated(annotation, place)
        if not _hashable(annotation):
            raise InvalidArgument(f"{place}: no JSON Schema for {clip(repr(annotation))}: expected {_WANTED}")
        if annotation in _SCALARS:
            return _scalar(annotation)
        if annotation in _FORMATTED:
            return _formatted(annotation)
        if annotation is Decimal:
            return Meaning({"type": "number"}, _decimal)
        if origin in (Required, NotRequired) or getattr(origin, "_name", None) == "ReadOnly":
            return self.build(get_args(annotation)[0], place)
        if origin is Literal:
            return _literal(get_args(annotation))
        if origin in (Union, types.UnionType):
            return self._union(get_args(annotation), place)
        if (origin or annotation) in _COLLECTIONS:
            return self._collection(origin or annotation, get_args(annotation), place)
        if isinstance(annotation, type):
            return self._named(annotation, place)
        raise InvalidArgument(f"{place}: no JSON Schema for {clip(repr(annotation))}: expected {_WANTED}")

    def _annotated(self, annotation: Any, place: str) -> Meaning:
        inner, *notes = get_args(annotation)
        schema, restore = self.build(inner, place)
        extra: dict[str, Any] = {}
        for note in [part for given in notes for part in (given, *(getattr(given, "metadata", None) or ()))]:
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
        return Meaning({**schema, **extra}, restore)

    def _union(self, arms: tuple[Any, ...], place: str) -> Meaning:
        built = [self.build(arm, place) for arm in arms]
        # bool before int and int before float would not matter to JSON; the order of the annotation decides.
        return Meaning({"anyOf": [arm.schema for arm in built]}, _first_match([arm.restore for arm in built]))

    def _collection(self, origin: Any, args: tuple[Any, ...], place: str) -> Meaning:
        kind = _COLLECTIONS[origin]
        if kind is dict:
            if args and args[0] is not str:
                raise InvalidArgument(
                    f"{place}: keys of {clip(repr(args[0]))}: expected str, JSON has no other keys"
                )
            schema, restore = self.build(args[1], f"{place}[...]") if args else Meaning({}, _same)
            return Meaning({"type": "object", "additionalProperties": schema}, _mapping(restore))
        if kind is tuple and args and args[-1] is not Ellipsis:
            built = [self.build(arg, f"{place}[{index}]") for index, arg in enumerate(args)]
            schema = {
                "type": "array", "prefixItems": [item.schema for item in built], "items": False,
                "minItems": len(built), "maxItems": len(built),
            }  # fmt: skip
            return Meaning(schema, _fixed([item.restore for item in built]))
        schema, restore = self.build(args[0], f"{place}[]") if args else Meaning({}, _same)
        unique = {"uniqueItems": True} if kind in (set, frozenset) else {}
        if unique and args and getattr(get_origin(args[0]) or args[0], "__hash__", None) is None:
            raise InvalidArgument(
                f"{place}: a set of {clip(repr(args[0]))}: expected items with a hash, or a list instead of a set"
            )
        return Meaning({"type": "array", "items": schema, **unique}, _sequence(kind, restore))

    def _named(self, annotation: type, place: str) -> Meaning:
        """Give a reference to a named type, which is built when it is met first."""
        if annotation not in self._names:
            # A reference is a URI, which has no other characters.
            first = name = re.sub(r"[^A-Za-z0-9_.-]", "_", annotation.__name__)
            number = 2
            while name in self.defs:
                name, number = f"{first}{number}", number + 1
            self._names[annotation] = name
            self.defs[name] = None
            schema, restore = self._definition(annotation, place)
            self.defs[name], self._restores[annotation] = schema, restore
        return Meaning({"$ref": f"#/$defs/{self._names[annotation]}"}, self._restore_of(annotation))

    def _restore_of(self, annotation: type) -> Restore:
        # Looked up when it is used: inside its own definition a type's function is not made yet.
        return lambda value: self._restores[annotation](value)  # noqa: PLW0108

    def _definition(self, annotation: type, place: str) -> Meaning:
        adapter = _pydantic(annotation)
        if adapter is not None:
            return Meaning(
                self._pydantic_definition(adapter, self._names[annotation]), _pydantic_restore(adapter)
            )
        if issubclass(annotation, enum.Enum):
            return Meaning({"enum": [member.value for member in annotation]}, _enum(annotation))
        if dataclasses.is_dataclass(annotation):
            return self._dataclass(annotation, place)
        if typing.is_typeddict(annotation):
            return self._typed_dict(annotation, place)
        raise InvalidArgument(
            f"{place}: no JSON Schema for {annotation.__module__}.{annotation.__qualname__}: expected {_WANTED}"
        )

    def _pydantic_definition(self, adapter: Any, name: str) -> Any:
        """Give a model's own schema; those that it refers to go to `$defs`, renamed where a name is taken."""
        schema = adapter.json_schema()
        parts = schema.pop("$defs", {})
        # A model that refers to itself is a reference to its own definition, which takes the place kept for it.
        itself = schema.get("$ref") == f"#/$defs/{name}"
        own = parts.pop(name) if itself else schema
        if any(self.defs.get(taken, part) != part for taken, part in parts.items()):
            schema = adapter.json_schema(ref_template=f"#/$defs/{name}.{{model}}")
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
        return Meaning(_closed(annotation, built, required), _object(annotation, built, required))

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
        return Meaning(_closed(annotation, built, required), _object(dict, built, required))


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


def _same(value: Any) -> Any:
    return value


def _scalar(annotation: Any) -> Meaning:
    schema, kinds = _SCALARS[annotation]

    def restore(value: Any) -> Any:
        # bool is an int to Python and not to JSON.
        if not isinstance(value, kinds) or (isinstance(value, bool) and annotation is not bool):
            raise Mismatch
        if annotation is int and isinstance(value, float):
            if not value.is_integer():
                raise Mismatch
            return int(value)
        return _float(value) if annotation is float and isinstance(value, int) else value

    return Meaning(dict(schema), restore)


def _float(value: int) -> float:
    try:
        return float(value)
    except OverflowError as error:
        raise Mismatch(f"an integer of {value.bit_length()} bits is too large for a float") from error


def _decimal(value: Any) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise Mismatch
    return Decimal(repr(value))


def _formatted(annotation: Any) -> Meaning:
    name, read = _FORMATTED[annotation]

    def restore(value: Any) -> Any:
        if not isinstance(value, str):
            raise Mismatch
        return read(value)

    return Meaning({"type": "string", "format": name}, restore)


def _literal(values: tuple[Any, ...]) -> Meaning:
    plain = [value.value if isinstance(value, enum.Enum) else value for value in values]

    def restore(value: Any) -> Any:
        for given, known in zip(values, plain, strict=True):
            if is_same(value, known):
                return given
        raise Mismatch

    return Meaning({"enum": plain}, restore)


def _enum(annotation: type[enum.Enum]) -> Restore:
    def restore(value: Any) -> Any:
        for member in annotation:
            if is_same(value, member.value):
                return member
        raise Mismatch

    return restore


def _first_match(restores: list[Restore]) -> Restore:
    def restore(value: Any) -> Any:
        for arm in restores:
            try:
                return arm(value)
            except ValueError:
                continue
        raise Mismatch

    return restore


def _mapping(item: Restore) -> Restore:
    def restore(value: Any) -> Any:
        if not isinstance(value, dict):
            raise Mismatch
        return {key: item(member) for key, member in value.items()}

    return restore


def _sequence(kind: type, item: Restore) -> Restore:
    def restore(value: Any) -> Any:
        if not isinstance(value, list):
            raise Mismatch
        items = [item(element) for element in value]
        try:
            return kind(items)
        except TypeError as error:
            raise Mismatch("an item has no hash, so that it cannot be in a set") from error

    return restore


def _fixed(items: list[Restore]) -> Restore:
    def restore(value: Any) -> Any:
        if not isinstance(value, list) or len(value) != len(items):
            raise Mismatch
        return tuple(item(element) for item, element in zip(items, value, strict=True))

    return restore


def _object(make: Any, parts: dict[str, Meaning], required: list[str]) -> Restore:
    def restore(value: Any) -> Any:
        if (
            not isinstance(value, dict)
            or not value.keys() >= set(required)
            or not value.keys() <= parts.keys()
        ):
            raise Mismatch
        return make(**{key: parts[key].restore(member) for key, member in value.items()})

    return restore


def _pydantic(annotation: Any) -> Any:
    """Give Pydantic's adapter for a model, a Pydantic dataclass or an adapter; None for everything else."""
    if hasattr(annotation, "validate_json") and hasattr(annotation, "json_schema"):
        return annotation
    pydantic = sys.modules.get("pydantic")
    if (
        pydantic is None
        or not isinstance(annotation, type)
        or not hasattr(annotation, "__pydantic_validator__")
    ):
        return None
    return pydantic.TypeAdapter(annotation)


def _pydantic_restore(adapter: Any) -> Restore:
    # JSON mode, for a strict model refuses in Python mode what JSON has no type for, such as dates.
    return lambda value: adapter.validate_json(json.dumps(value))
