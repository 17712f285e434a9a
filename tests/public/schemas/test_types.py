"""Types decide on replies as Pydantic does, except where a value would be lost, invented, or widened."""

import datetime as dt
import enum
import ipaddress
import pathlib
import re
import uuid
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Any, Literal, NamedTuple, NewType, NotRequired, TypedDict

import pytest
import typing_extensions
from pydantic import (
    AliasChoices,
    AnyUrl,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    PositiveInt,
    Secret,
    SecretStr,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    field_validator,
)
from pydantic.dataclasses import dataclass as pydantic_dataclass

from schema_guard import judge


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Word(enum.StrEnum):
    YES = "yes"


class Invoice(BaseModel):
    number: int
    total: float = 0.0


class Closed(BaseModel):
    model_config = ConfigDict(extra="forbid")
    number: int


class Open(BaseModel):
    model_config = ConfigDict(extra="allow")
    number: int


class Strict(BaseModel):
    model_config = ConfigDict(strict=True)
    number: int


class Aliased(BaseModel):
    number: int = Field(validation_alias=AliasChoices("number", "no"))


class Renamed(BaseModel):
    number: int = Field(alias="invoiceNumber")


class Even(BaseModel):
    number: int

    @field_validator("number")
    @classmethod
    def is_even(cls, number):
        if number % 2:
            raise ValueError("must be even")
        return number


class Limited(BaseModel):
    model_config = ConfigDict(
        json_schema_extra={"properties": {"number": {"type": "integer", "maximum": 10}}}
    )
    number: int


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int


class Dog(BaseModel):
    kind: Literal["dog"]
    tricks: list[str]


class Tree(BaseModel):
    value: int
    kids: list["Tree"] = []


@dataclass
class Point:
    x: float
    y: float = 0.0


@dataclass
class Line:
    ends: list[Point] = field(default_factory=list)


@pydantic_dataclass
class Place:
    name: str


class Note(TypedDict):
    text: str
    pinned: NotRequired[bool]


class NoteForPydantic(typing_extensions.TypedDict):
    text: str
    pinned: NotRequired[bool]


class Pair(NamedTuple):
    left: int
    right: str = ""


UserId = NewType("UserId", int)
Pet = Annotated[Cat | Dog, Field(discriminator="kind")]

# Each annotation with four replies: as its schema says it, converted, wrong, and odd.
ROWS = {
    "int": (int, "12", '"12"', '"x"', "1.5"),
    "whole float": (int, "12.0", "true", "null", "1e400"),
    "float": (float, "1.5", '"1.5"', '"x"', '"nan"'),
    "infinite float": (float, "1", '"1e3"', "[]", '"inf"'),
    "bool": (bool, "true", '"true"', '"maybe"', "1"),
    "str": (str, '"x"', "1", "null", "{}"),
    "None": (int | None, "null", '"3"', '"x"', "[]"),
    "int or str": (int | str, '"12"', "12", "1.5", "true"),
    "float or int": (float | int, "3", '"3"', '"x"', "3.5"),
    "bool or int": (bool | int, "true", '"1"', '"x"', "2"),
    "any": (Any, "{}", "[]", "1", '"x"'),
    "date": (dt.date, '"2026-03-14"', '"2026-03-14T00:00:00"', '"soon"', "0"),
    "datetime": (dt.datetime, '"2026-03-14T09:30:00Z"', '"2026-03-14 09:30"', '"soon"', "0"),
    "aware datetime": (AwareDatetime, '"2026-03-14T09:30:00Z"', "0", '"2026-03-14T09:30:00"', "{}"),
    "time": (dt.time, '"09:30:00"', '"09:30"', '"noon"', "3600"),
    "timedelta": (dt.timedelta, '"PT45M"', '"00:45:00"', '"long"', "60"),
    "uuid": (uuid.UUID, f'"{uuid.UUID(int=1)}"', f'"{uuid.UUID(int=1).hex}"', '"bad"', "1"),
    "decimal": (Decimal, "1.5", '"1.50"', '"1,50"', '"NaN"'),
    "limited decimal": (Annotated[Decimal, Field(ge=0)], "1.5", '"1.5"', '"-1"', "-1"),
    "fraction": (Fraction, '"1/2"', "0.5", '"x"', "null"),
    "url": (AnyUrl, '"https://example.com/"', '"example.com"', '"x"', "1"),
    "address": (ipaddress.IPv4Address, '"192.0.2.1"', "1", '"192.0.2"', "null"),
    "path": (pathlib.Path, '"a/b"', "1", "null", "{}"),
    "pattern": (re.Pattern, '"^a"', "1", '"("', "null"),
    "bytes": (bytes, '"abc"', "1", "null", "[]"),
    "secret": (SecretStr, '"x"', "1", "null", "{}"),
    "secret number": (Secret[int], "1", '"1"', '"x"', "null"),
    "literal": (Literal["a", 1], '"a"', "1", '"b"', '"1"'),
    "literal of one": (Literal[2], "2", '"2"', "3", "2.0"),
    "enum": (Colour, '"red"', '"RED"', '"green"', "1"),
    "int enum": (Level, "1", '"1"', "3", "1.0"),
    "str enum": (Word, '"yes"', '"YES"', '"no"', "true"),
    "positive": (PositiveInt, "1", '"1"', "0", '"0"'),
    "multiple": (Annotated[int, Field(multiple_of=5)], "10", '"10"', "11", '"11"'),
    "short text": (Annotated[str, StringConstraints(max_length=2)], '"ab"', '"a"', '"abc"', "1"),
    "stripped text": (Annotated[str, StringConstraints(strip_whitespace=True, max_length=2)], '"ab"', '" a"', '"abc"', "1"),
    "pattern of text": (Annotated[str, StringConstraints(pattern="^a")], '"ab"', '"a"', '"b"', "1"),
    "list": (list[int], "[1]", '["1"]', '["x"]', '{"a": 1}'),
    "short list": (Annotated[list[int], Field(max_length=1)], "[1]", '["1"]', "[1, 2]", "[]"),
    "sequence": (Sequence[int], "[1]", '["1"]', '["x"]', '"12"'),
    "set": (set[int], "[1, 2]", '["1", 1]', '["x"]', "[1, 1]"),
    "frozen set": (frozenset[str], '["a"]', "[1]", "null", '["a", "a"]'),
    "deque": (deque[int], "[1]", '["1"]', '["x"]', "{}"),
    "tuple": (tuple[int, str], '[1, "a"]', '["1", "a"]', '["x", "a"]', "[1]"),
    "tuple of any length": (tuple[int, ...], "[1, 2]", '["1"]', '["x"]', "1"),
    "dict": (dict[str, int], '{"a": 1}', '{"a": "1"}', '{"a": "x"}', "[]"),
    "dict of numbers": (dict[int, str], '{"1": "a"}', '{"1.0": "a"}', '{"x": "a"}', "[]"),
    "mapping": (Mapping[str, bool], '{"a": true}', '{"a": "no"}', '{"a": "x"}', "1"),
    "new type": (UserId, "1", '"1"', '"x"', "null"),
    "model": (Invoice, '{"number": 1}', '{"number": "1"}', '{"number": "x"}', '{"number": "1", "more": 1}'),
    "closed model": (Closed, '{"number": 1}', '{"number": "1"}', "{}", '{"number": "1", "more": 1}'),
    "open model": (Open, '{"number": 1, "more": 1}', '{"number": "1", "more": 1}', "{}", "[]"),
    "strict model": (Strict, '{"number": 1}', '{"number": "1"}', "{}", '{"number": true}'),
    "second alias": (Aliased, '{"number": 1}', '{"no": 1}', "{}", '{"no": "x"}'),
    "alias": (Renamed, '{"invoiceNumber": 1}', '{"invoiceNumber": "1"}', '{"number": 1}', "{}"),
    "validator": (Even, '{"number": 2}', '{"number": "2"}', '{"number": 3}', '{"number": "3"}'),
    "own limit": (Limited, '{"number": 2}', '{"number": "2"}', '{"number": 11}', '{"number": "11"}'),
    "tagged union": (Pet, '{"kind": "cat", "lives": 9}', '{"kind": "cat", "lives": "9"}', '{"kind": "cow"}', '{"lives": 9}'),
    "untagged union": (Cat | Dog, '{"kind": "dog", "tricks": []}', '{"kind": "cat", "lives": "9"}', "{}", "null"),
    "recursion": (Tree, '{"value": 1, "kids": [{"value": 2}]}', '{"value": 1, "kids": [{"value": "2"}]}', '{"value": 1, "kids": [{}]}', '{"value": 1, "kids": {}}'),
    "dataclass": (Point, '{"x": 1}', '{"x": "1"}', '{"x": "x"}', '{"x": 1, "z": 1}'),
    "nested dataclass": (Line, '{"ends": [{"x": 1}]}', '{"ends": [{"x": "1"}]}', '{"ends": [1]}', '{"ends": [{"x": "1", "z": 1}]}'),
    "Pydantic's dataclass": (Place, '{"name": "a"}', '{"name": 1}', "{}", '{"name": "a", "more": 1}'),
    "typed dict": (Note, '{"text": "a"}', '{"text": "a", "pinned": "yes"}', '{"pinned": true}', '{"text": "a", "more": 1}'),
    "named tuple": (Pair, '[1, "a"]', '["1"]', '["x"]', '{"left": 1}'),
    "model or None": (Invoice | None, "null", '{"number": "1"}', '{"number": null}', "[]"),
    "list of models": (list[Invoice], '[{"number": 1}]', '[{"number": "1"}]', "[1]", '{"number": 1}'),
}  # fmt: skip

# Replies that Pydantic reads, and that are refused all the same.
REFUSED = {
    ("float", 3): "nan is no JSON",
    ("infinite float", 3): "inf is no JSON",
    ("own limit", 2): "Pydantic does not know the limit of the schema",
    ("own limit", 3): "as before",
    ("dataclass", 3): "a key is lost",
    ("nested dataclass", 3): "a key is lost",
    ("typed dict", 3): "a key is lost",
    ("secret number", 1): "what is written back is masked",
}


def _for_pydantic(annotation):
    # Pydantic takes no `typing.TypedDict` on Python 3.11.
    return NoteForPydantic if annotation is Note else annotation


def _is_read_by_pydantic(annotation, text):
    try:
        TypeAdapter(_for_pydantic(annotation)).validate_json(text)
    except (ValidationError, OverflowError):
        return False
    return True


def test_verdicts_are_those_of_pydantic():
    """Of the replies to all annotations, the listed ones are refused though Pydantic reads them, and no others."""
    differing = {
        (name, place): (is_read, judge(text, annotation).failure)
        for name, (annotation, *texts) in ROWS.items()
        for place, text in enumerate(texts)
        if (is_read := _is_read_by_pydantic(annotation, text)) is not judge(text, annotation).ok
    }

    assert differing.keys() == REFUSED.keys()
    assert all(is_read for is_read, _ in differing.values())


@pytest.mark.parametrize("name", ROWS)
def test_a_value_that_comes_out_is_the_types_own(name):
    """A reply that is valid gives the value that Pydantic reads."""
    annotation, *texts = ROWS[name]
    values = {text: judged.value for text in texts if (judged := judge(text, annotation)).ok}

    assert values
    assert values == {text: TypeAdapter(_for_pydantic(annotation)).validate_json(text) for text in values}


@pytest.mark.parametrize("extra", ["allow", "ignore"])
def test_a_dataclass_may_allow_more_keys(extra):
    """A dataclass of the standard library is closed unless its own configuration allows extra keys."""

    @dataclass
    class Loose:
        __pydantic_config__ = ConfigDict(extra=extra)
        x: int

    assert judge('{"x": 1, "y": 2}', Loose).ok is (extra == "allow")


def test_a_parent_does_not_open_a_dataclass():
    """A model that allows more keys does not open a dataclass inside of it."""

    class Parent(BaseModel):
        model_config = ConfigDict(extra="allow")
        point: Point

    assert judge('{"point": {"x": 1}, "more": 1}', Parent).ok
    assert judge('{"point": {"x": 1, "z": 1}}', Parent).failure.code == "additionalProperties"


def test_an_integer_too_large_for_a_float_is_refused():
    """Pydantic reads an integer of 350 digits as infinite, and JSON has no infinite number."""
    failure = judge(f'{{"x": {"1" * 350}}}', Point).failure

    assert (failure.kind, failure.code) == ("semantic", "not_finite")
    assert judge("1" * 350, int).ok
