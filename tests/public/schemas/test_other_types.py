"""Types that other packages than Pydantic define: attrs classes and msgspec structs."""

import datetime as dt
from dataclasses import dataclass
from typing import NotRequired, TypedDict

import pytest

from schema_guard import Schema, judge

attrs = pytest.importorskip("attrs")
msgspec = pytest.importorskip("msgspec")


class Note(TypedDict):
    text: str
    pinned: NotRequired[bool]


@attrs.define
class Box:
    width: int
    _depth: int = 1


def test_an_attrs_class_is_closed_and_comes_back():
    """An attrs class is an object of the names that its constructor takes."""
    schema = Schema.of(Box)

    assert (schema.document["required"], schema.document["additionalProperties"]) == (["width"], False)
    assert judge('{"width": "2", "depth": 3}', schema).value == Box(2, 3)
    assert judge('{"width": 2, "height": 3}', schema).failure.code == "additionalProperties"


class Struct(msgspec.Struct):
    number: int
    day: dt.date | None = None


def test_a_struct_is_read_by_msgspec():
    """A msgspec struct has msgspec's schema, and its strict verdicts."""
    schema = Schema.of(list[Struct])

    assert judge('[{"number": 1, "day": "2026-03-14"}]', schema).value == [Struct(1, dt.date(2026, 3, 14))]
    assert judge('[{"number": "1"}]', schema).failure.code == "type"
    failure = judge('[{"number": 1, "day": "soon"}]', schema).failure
    assert (failure.code, failure.violations[0].instance_location) == ("format", "/0/day")


def test_a_dataclass_with_typed_dicts_and_attrs_classes_comes_back():
    """Classes that Pydantic does not support may be fields of other classes."""

    @dataclass
    class Shelf:
        notes: list[Note]
        box: Box

    judged = judge('{"notes": [{"text": "a"}], "box": {"width": 1}}', Shelf)

    assert judged.value == Shelf([{"text": "a"}], Box(1))


def test_a_class_is_left_as_it_was():
    """A class of the user is unchanged after its schema is made."""
    Schema.of(Box)
    Schema.of(Note)

    assert not hasattr(Box, "__get_pydantic_core_schema__")
    assert not hasattr(Note, "__get_pydantic_core_schema__")
