# SPDX-License-Identifier: Apache-2.0
"""Python types: the schema of a type, and the value of a reply in it.

Rules:
1. Pydantic describes a type and reads its values. msgspec does so for a type with its structs.
2. Dataclasses of the standard library and TypedDicts are closed, unless their own configuration allows extra keys.
3. The schema decides first. A type may only convert a value that its schema refuses (see `coercion`).
"""

from __future__ import annotations

import dataclasses
import json
import re
import reprlib
import sys
import typing
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple, NotRequired, Required, get_args, get_origin

from schema_guard.errors import InvalidArgument
from schema_guard.interruptions import is_interruption, value_or
from schema_guard.locks import fork_safe_lock
from schema_guard.text import clip

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_WANTED = (
    "a JSON Schema dict or bool, a path, a Pydantic model, a dataclass, a TypedDict, or another annotation"
)
# The beginning of Pydantic's error for an unknown class.
_NO_SCHEMA = "Unable to generate pydantic-core schema for "
_MOST_PROBLEMS = 50
# msgspec writes `$.lines[0].qty`, and `[...]` for a value of a dict.
_STEP = re.compile(r"\.([^.\[`]+)|\[(\d+)\]")
_REFUSED = object()
_lock = fork_safe_lock()


class TypeProblem(NamedTuple):
    """A fault that a type found in a value.

    Attributes:
        location: Keys and indices. Pydantic adds the branches of unions.
        code: Pydantic's type of the error: `missing`, `int_parsing`.
        message: One line for people.
    """

    location: tuple[Any, ...]
    code: str
    message: str


class TypeReader:
    """A reader of values of a Python type, with the schema of the type. `reader_of` makes one.

    Attributes:
        name: The type as its author wrote it, such as `Invoice` or `list[Invoice]`.
        document: The JSON Schema of the replies that it reads.
        read: Reads a JSON text into a value. It passes on the exceptions of the type.
    """

    __slots__ = ("_adapter", "document", "name", "read")

    def __init__(self, adapter: Any, name: str) -> None:
        self.name = name
        self._adapter = adapter
        self.document = adapter.json_schema(schema_generator=_generator())
        # The adapter's own method only passes its arguments on, in 0.3 us.
        self.read: Callable[[str], Any] = getattr(adapter, "validator", adapter).validate_json

    def reads(self, value: Any) -> bool:
        """Return whether the type reads a JSON value."""
        return value_or(_REFUSED, lambda: self.read(json.dumps(value))) is not _REFUSED

    def read_closed(self, text: str) -> Any:
        """Read a JSON text into a value, and refuse keys that the type does not name."""
        return self._adapter.validate_json(text, extra="forbid")

    def write(self, value: Any) -> Any:
        """Return the JSON value that the type writes for one of its values."""
        return self._adapter.dump_python(value, mode="json", by_alias=True, warnings="none")

    def written_document(self) -> Any:
        """Return the JSON Schema of the values that `write` returns."""
        return self._adapter.json_schema(schema_generator=_generator(), mode="serialization")

    def holds(self, value: Any) -> bool:
        """Return whether a Python value is one of the type, without a conversion."""
        return value_or(_REFUSED, self._adapter.validate_python, value, strict=True) is not _REFUSED

    def problems(self, error: Exception) -> list[TypeProblem] | None:
        """Return the problems in an error of `read`. None if a validator raised its own exception."""
        details = getattr(error, "errors", None)
        if not callable(details) or type(error).__name__ != "ValidationError":
            return None
        return [
            TypeProblem(tuple(detail["loc"]), str(detail["type"]), str(detail["msg"]))
            for detail in details(include_url=False, include_context=False, include_input=False)[
                :_MOST_PROBLEMS
            ]
        ]


class _StructReader(TypeReader):
    """A reader that uses msgspec, for a type with its structs."""

    __slots__ = ("_annotation", "_msgspec")

    def __init__(self, annotation: Any, name: str, msgspec: Any) -> None:
        self.name, self._annotation, self._msgspec = name, annotation, msgspec
        self.document = msgspec.json.schema(annotation)
        self.read = msgspec.json.Decoder(annotation, strict=True).decode

    def read_closed(self, text: str) -> Any:
        return self.read(text)

    def write(self, value: Any) -> Any:
        return self._msgspec.to_builtins(value)

    def written_document(self) -> Any:
        return self.document

    def holds(self, value: Any) -> bool:
        return value_or(_REFUSED, self._msgspec.convert, value, self._annotation, strict=True) is not _REFUSED

    def problems(self, error: Exception) -> list[TypeProblem] | None:
        if type(error).__name__ != "ValidationError":
            return None
        message, _, place = str(error).partition(" - at `$")
        steps = tuple(key or int(index) for key, index in _STEP.findall(place))
        return [TypeProblem(steps, "msgspec", message)]


def reader_of(annotation: Any) -> TypeReader:
    """Return the reader of a type.

    Args:
        annotation: A Pydantic model or TypeAdapter, a dataclass, TypedDict, NamedTuple, attrs or msgspec class, or any
            annotation that Pydantic knows, such as `list[Invoice]` or a union.

    Raises:
        InvalidArgument: The type has no JSON Schema. The message names the part.
    """
    if annotation is None or isinstance(annotation, (int, float, list, tuple)):
        # Not repr, because the text of nested lists that repeat one list is exponentially long.
        raise InvalidArgument(
            f"schema={clip(reprlib.repr(annotation))}: expected {_WANTED}, got {type(annotation).__name__}"
        )
    name = _name(annotation)
    classes = list(classes_in(annotation))
    try:
        if any(hasattr(kind, "__struct_fields__") for kind in classes):
            return _StructReader(annotation, name, sys.modules["msgspec"])
        from pydantic import TypeAdapter  # `import schema_guard` loads no third-party module

        if isinstance(annotation, TypeAdapter):
            return TypeReader(annotation, name)
        with _described(classes):
            adapter: Any = TypeAdapter(annotation)
            if not adapter.pydantic_complete:
                adapter.rebuild(raise_errors=True)
            return TypeReader(adapter, name)
    except Exception as error:
        if is_interruption(error):
            raise
        if getattr(error, "code", None) in ("class-not-fully-defined", "undefined-annotation"):
            why = f"name {getattr(error, 'name', name)!r} is not defined"
            raise InvalidArgument(
                f"{name}: {why}. Define the type at module level, so that schema_guard can resolve its annotations"
            ) from error
        why = str(error).split("\n", 1)[0].partition(". Set `")[0]
        known = why.startswith(_NO_SCHEMA)
        part = why.removeprefix(_NO_SCHEMA)
        why = f": {why}" if not known else "" if part == name else f" for {part}"
        raise InvalidArgument(f"{name} has no JSON Schema{clip(why, 300)}. Expected {_WANTED}") from error


def _name(annotation: Any) -> str:
    args = [arg for arg in get_args(annotation) if get_origin(annotation) is not typing.Annotated]
    name = getattr(annotation, "__name__", None) or repr(annotation)
    return clip(f"{name}[{', '.join(_name(arg) for arg in args)}]" if args else name)


@cache
def _generator() -> Any:
    from pydantic.json_schema import GenerateJsonSchema

    class ClosedJsonSchema(GenerateJsonSchema):
        """Pydantic's schemas, with closed dataclasses and TypedDicts."""

        def dataclass_schema(self, schema: Any) -> Any:
            return _closed(super().dataclass_schema(schema), schema["cls"])

        def typed_dict_schema(self, schema: Any) -> Any:
            return _closed(super().typed_dict_schema(schema), schema.get("cls"))

    return ClosedJsonSchema


def _closed(document: dict[str, Any], kind: Any) -> dict[str, Any]:
    # A Pydantic dataclass has its fields, and its own configuration decides.
    if kind is None or "__pydantic_fields__" in vars(kind):
        return document
    own = getattr(kind, "__pydantic_config__", None) or {}
    if own.get("extra") == "allow" or isinstance(document.get("additionalProperties"), dict):
        return document
    return {**document, "additionalProperties": False}


def classes_in(annotation: Any, *, into_models: bool = False) -> Iterator[type]:
    """Yield the classes of an annotation and of their fields. With *into_models*, also those in Pydantic models."""
    waiting: list[Any] = [annotation]
    seen: list[Any] = []
    while waiting and len(seen) < 1_000:
        part = waiting.pop()
        if any(part is known for known in seen):
            continue
        seen.append(part)
        waiting += get_args(part)
        if isinstance(part, type) and get_origin(part) is None:
            yield part
            if not hasattr(part, "__pydantic_validator__"):
                waiting += _hints(part).values()
            elif into_models:
                waiting += [field.annotation for field in getattr(part, "__pydantic_fields__", {}).values()]


def _hints(kind: type) -> dict[str, Any]:
    if not (
        dataclasses.is_dataclass(kind)
        or typing.is_typeddict(kind)
        or hasattr(kind, "_fields")
        or _is_attrs(kind)
    ):
        return {}
    try:
        return typing.get_type_hints(kind, include_extras=True)
    except (NameError, TypeError):
        # Pydantic's error names the unknown name.
        return {}


def _is_attrs(kind: type) -> bool:
    return hasattr(kind, "__attrs_attrs__")


@contextmanager
def _described(classes: list[type]) -> Iterator[None]:
    """Describe classes that Pydantic does not support as TypedDicts, within the block."""
    twins = {kind: _twin(kind) for kind in classes if _is_attrs(kind) or _is_old_typed_dict(kind)}
    with _lock:
        described = [kind for kind in twins if not hasattr(kind, "__get_pydantic_core_schema__")]
        for kind in described:
            kind.__get_pydantic_core_schema__ = staticmethod(_description(kind, twins[kind]))  # type: ignore[attr-defined]
        try:
            yield
        finally:
            for kind in described:
                del kind.__get_pydantic_core_schema__  # type: ignore[attr-defined]


def _is_old_typed_dict(kind: type) -> bool:
    # Before Python 3.12, `typing.TypedDict` does not store the facts that Pydantic needs.
    return sys.version_info < (3, 12) and type(kind).__module__ == "typing" and typing.is_typeddict(kind)


def _twin(kind: type) -> Any:
    """Make a TypedDict of the fields of a class."""
    from typing_extensions import TypedDict  # Pydantic brings it

    hints = _hints(kind)
    if _is_attrs(kind):
        fields = [field for field in kind.__attrs_attrs__ if field.init]  # type: ignore[attr-defined]
        nothing = sys.modules["attr"].NOTHING
        hints = {field.alias: hints.get(field.name, Any) for field in fields}
        required = {field.alias for field in fields if field.default is nothing}
    else:
        required = kind.__required_keys__  # type: ignore[attr-defined]
    # If annotations are postponed, Python's own list of required keys ignores Required and NotRequired.
    members = {
        name: hint if name in required or get_origin(hint) in (Required, NotRequired) else NotRequired[hint]
        for name, hint in hints.items()
    }
    make: Any = TypedDict
    twin = make(kind.__name__, members)
    twin.__doc__, twin.__module__ = kind.__doc__, kind.__module__
    if hasattr(kind, "__pydantic_config__"):
        twin.__pydantic_config__ = kind.__pydantic_config__
    return twin


def _description(kind: Any, twin: Any) -> Callable[[Any, Any], Any]:
    def describe(_: Any, handler: Any) -> Any:
        fields = handler.generate_schema(twin)
        if not _is_attrs(kind):
            return fields
        from pydantic_core import core_schema

        made = core_schema.no_info_after_validator_function(lambda values: kind(**values), fields)
        names = [(field.alias, field.name) for field in kind.__attrs_attrs__ if field.init]
        written = core_schema.wrap_serializer_function_ser_schema(
            lambda value, write: write({alias: getattr(value, name) for alias, name in names}), schema=fields
        )
        return core_schema.json_or_python_schema(
            made,
            core_schema.union_schema([core_schema.is_instance_schema(kind), made]),
            serialization=written,
        )

    return describe
