# SPDX-License-Identifier: Apache-2.0
"""What an annotation means: its JSON Schema, and the function that makes its Python value of a valid JSON value."""

from __future__ import annotations

import datetime as dt
import enum
import operator
import uuid
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

from schema_guard.validation.equality import is_same

if TYPE_CHECKING:
    from collections.abc import Callable

    Restore = Callable[[Any], Any]


class Mismatch(ValueError):
    """A JSON value is not one of the annotation; unions try their next arm."""


class Meaning(NamedTuple):
    """What an annotation means.

    Attributes:
        schema: Its JSON Schema.
        restore: Makes its value of a JSON value.
        unchanged_types: Types of the JSON values that *restore* gives back as they are, so that it need not be called: four of
            five values of a reply, and a third of the time.
    """

    schema: Any
    restore: Restore
    unchanged_types: frozenset[type] = frozenset()


SCALARS: dict[Any, tuple[dict[str, Any], type | tuple[type, ...]]] = {
    str: ({"type": "string"}, str),
    int: ({"type": "integer"}, (int, float)),
    float: ({"type": "number"}, (int, float)),
    bool: ({"type": "boolean"}, bool),
    type(None): ({"type": "null"}, type(None)),
}
FORMATTED: dict[Any, tuple[str, Restore]] = {
    dt.date: ("date", dt.date.fromisoformat),
    # RFC 3339 s. 5.6: "t" and "z" may be lower case.
    dt.datetime: ("date-time", lambda text: dt.datetime.fromisoformat(text.upper())),
    dt.time: ("time", lambda text: dt.time.fromisoformat(text.upper())),
    uuid.UUID: ("uuid", uuid.UUID),
}

# Formats of dates and times: a type that reads them reads more than RFC 3339 has.
TIMES = ("date", "date-time", "time", "duration")
# As Pydantic has it for a Decimal.
_DECIMAL_TEXT = r"^(?!^[-+.]*$)[+-]?0*\d*\.?\d*$"
_KEEPS: dict[str, Callable[[Decimal, Any], bool]] = {
    "minimum": operator.ge,
    "exclusiveMinimum": operator.gt,
    "maximum": operator.le,
    "exclusiveMaximum": operator.lt,
    "multipleOf": lambda value, step: value % Decimal(str(step)) == 0,
}


def same(value: Any) -> Any:
    """Give a value as it is."""
    return value


def scalar(annotation: Any) -> Meaning:
    """Give what a JSON scalar's type means."""
    schema, kinds = SCALARS[annotation]

    def restore(value: Any) -> Any:
        # bool is an int to Python and not to JSON.
        if not isinstance(value, kinds) or (isinstance(value, bool) and annotation is not bool):
            raise Mismatch
        if annotation is int and isinstance(value, float):
            if not value.is_integer():
                raise Mismatch
            return int(value)
        return _float(value) if annotation is float and isinstance(value, int) else value

    return Meaning(dict(schema), restore, frozenset({annotation}))


def unchanged_types_of(arms: tuple[Any, ...], built: list[Meaning]) -> frozenset[type]:
    """Give the types of values that a union gives back as they are: those that the first arm to take them does.

    Args:
        arms: Annotations of the arms. Behind one that is no scalar nothing is known to be kept.
        built: What they mean.
    """
    types: set[type] = set()
    taken: set[type] = set()
    for arm, meaning in zip(arms, built, strict=True):
        if arm not in SCALARS:
            break
        kinds = SCALARS[arm][1]
        types |= meaning.unchanged_types - taken
        taken |= set(kinds) if isinstance(kinds, tuple) else {kinds}
    return frozenset(types)


def _float(value: int) -> float:
    try:
        return float(value)
    except OverflowError as error:
        raise Mismatch(f"an integer of {value.bit_length()} bits is too large for a float") from error


def decimal_or_text(constraints: dict[str, Any] | None = None) -> Meaning:
    """Give what a Decimal means to Pydantic: a number, or a text that is one.

    Args:
        constraints: Keywords that the number has to keep to, as text too.
    """

    def restore(value: Any) -> Decimal:
        number = Decimal(value) if isinstance(value, str) else decimal(value)
        if not all(
            _KEEPS[word](number, limit) for word, limit in (constraints or {}).items() if word in _KEEPS
        ):
            raise Mismatch
        return number

    arms = [{"type": "number", **(constraints or {})}, {"type": "string", "pattern": _DECIMAL_TEXT}]
    return Meaning({"anyOf": arms}, restore)


def decimal(value: Any) -> Decimal:
    """Give the Decimal of a number, by the shortest digits that are that number."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise Mismatch
    return Decimal(repr(value))


def formatted(annotation: Any, *, loosely: bool = False) -> Meaning:
    """Give what a type means that is a text in JSON; *loosely* what the type itself reads of dates and times."""
    name, read = FORMATTED[annotation]

    def restore(value: Any) -> Any:
        if not isinstance(value, str):
            raise Mismatch
        return read(value)

    keywords = {} if loosely and name in TIMES else {"format": name}
    return Meaning({"type": "string", **keywords}, restore)


def literal(values: tuple[Any, ...]) -> Meaning:
    """Give what a Literal means; a value is the one of them that is the same in JSON."""
    plain = [value.value if isinstance(value, enum.Enum) else value for value in values]

    def restore(value: Any) -> Any:
        for option, known in zip(values, plain, strict=True):
            if is_same(value, known):
                return option
        raise Mismatch

    return Meaning({"enum": plain}, restore)


def enumerated(annotation: type[enum.Enum]) -> Restore:
    """Give what makes the member of an Enum."""

    def restore(value: Any) -> Any:
        for member in annotation:
            if is_same(value, member.value):
                return member
        raise Mismatch

    return restore


def first_match(restores: list[Restore]) -> Restore:
    """Give what makes the value of the first arm of a union that takes it."""

    def restore(value: Any) -> Any:
        for arm in restores:
            try:
                return arm(value)
            except ValueError:
                continue
        raise Mismatch

    return restore


def mapping(item: Meaning) -> Restore:
    """Give what makes a dict of what is made of its members."""
    _, make, kept_types = item

    def restore(value: Any) -> Any:
        if not isinstance(value, dict):
            raise Mismatch
        return {key: member if type(member) in kept_types else make(member) for key, member in value.items()}

    return restore


def sequence(kind: type, item: Meaning) -> Restore:
    """Give what makes a collection of a kind."""
    _, make, kept_types = item

    def restore(value: Any) -> Any:
        if not isinstance(value, list):
            raise Mismatch
        items = [element if type(element) in kept_types else make(element) for element in value]
        try:
            return kind(items)
        except TypeError as error:
            raise Mismatch("an item has no hash, so that it cannot be in a set") from error

    return restore


def fixed(items: list[Restore]) -> Restore:
    """Give what makes a tuple of a fixed length."""

    def restore(value: Any) -> Any:
        if not isinstance(value, list) or len(value) != len(items):
            raise Mismatch
        return tuple(item(element) for item, element in zip(items, value, strict=True))

    return restore


def restore_object(make: Any, parts: dict[str, Meaning], required: list[str]) -> Restore:
    """Give what makes a dataclass or a TypedDict of the parts of an object."""
    least, restores, kept_types = set(required), {}, {}
    for key, part in parts.items():
        restores[key], kept_types[key] = part.restore, part.unchanged_types

    def restore(value: Any) -> Any:
        if not isinstance(value, dict) or not least <= value.keys() <= parts.keys():
            raise Mismatch
        return make(
            **{
                key: member if type(member) in kept_types[key] else restores[key](member)
                for key, member in value.items()
            }
        )

    return restore
