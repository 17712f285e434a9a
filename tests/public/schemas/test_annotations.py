"""Python annotations: their schemas, and the values that are made of valid JSON."""

import collections.abc
import datetime as dt
import json
import uuid
from dataclasses import dataclass, field, fields, is_dataclass
from decimal import Decimal
from enum import Enum, IntEnum
from typing import Annotated, Any, Literal, NotRequired, Required, TypedDict

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field, TypeAdapter

from schema_guard import InvalidArgument, Schema, judge


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Level(IntEnum):
    LOW = 1
    HIGH = 2


@dataclass(frozen=True)
class Point:
    """A place."""

    x: float
    y: float = 0.0


class Note(TypedDict):
    text: str
    pinned: NotRequired[bool]


class Loose(TypedDict, total=False):
    id: Required[int]
    tags: list[str]


@dataclass
class Node:
    name: str
    kids: list["Node"] = field(default_factory=list)


@dataclass
class Größe:  # noqa: PLC2401 - what is tested
    wert: int
    teil: "Größe | None" = None


@dataclass
class Everything:
    flag: bool
    count: int
    amount: Decimal | None
    day: dt.date
    at: dt.datetime
    key: uuid.UUID
    colour: Colour
    level: Level
    kind: Literal["a", 1, None]  # noqa: PYI061 - what is tested
    either: int | str
    places: dict[str, Point]
    pair: tuple[int, str]
    path: tuple[Point, ...]
    words: frozenset[str]
    note: Note
    root: Node
    rest: Any = None


def test_dataclass_is_a_closed_object():
    """A dataclass is an object with its fields; those without a default are required, all others refused."""
    schema = Schema.of(Point)

    assert (schema.document, schema.name) == (
        {
            "type": "object",
            "title": "Point",
            "description": "A place.",
            "properties": {
                "x": {"title": "X", "type": "number"},
                "y": {"default": 0.0, "title": "Y", "type": "number"},
            },
            "required": ["x"],
            "additionalProperties": False,
        },
        "Point",
    )


@pytest.mark.parametrize(("annotation", "required"), [(Note, ["text"]), (Loose, ["id"])])
def test_typed_dict_knows_what_is_required(annotation, required):
    """A TypedDict is closed, and Required and NotRequired hold."""
    document = Schema.of(annotation).document

    assert (document["required"], document["additionalProperties"]) == (required, False)


def test_postponed_annotations_know_what_is_required(tmp_path, monkeypatch):
    """NotRequired holds in a module that postpones its annotations too."""
    (tmp_path / "postponed_notes.py").write_text(
        "from __future__ import annotations\n"
        "from typing import NotRequired, Required, TypedDict\n"
        "class Some(TypedDict):\n    a: int\n    b: NotRequired[int]\n"
        "class Few(TypedDict, total=False):\n    a: Required[int]\n    b: int\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    import postponed_notes

    assert [
        Schema.of(given).document["required"] for given in (postponed_notes.Some, postponed_notes.Few)
    ] == [
        ["a"],
        ["a"],
    ]


@dataclass(frozen=True)
class Said:
    id: str
    annotation: Any
    document: Any
    name: str


SAID = [
    Said("str", str, {"type": "string"}, "str"),
    Said("none_in_a_union", int | None, {"anyOf": [{"type": "integer"}, {"type": "null"}]}, "int | None"),
    Said("list", list[int], {"type": "array", "items": {"type": "integer"}}, "list[int]"),
    Said("bare_list", list, {"type": "array", "items": {}}, "list"),
    Said(
        "sequence", collections.abc.Sequence[str], {"type": "array", "items": {"type": "string"}}, "Sequence[str]"
    ),
    Said(
        "set", set[str], {"type": "array", "items": {"type": "string"}, "uniqueItems": True}, "set[str]"
    ),
    Said(
        "mapping",
        dict[str, bool],
        {"type": "object", "additionalProperties": {"type": "boolean"}},
        "dict[str, bool]",
    ),
    Said(
        "tuple",
        tuple[int, str],
        {"type": "array", "prefixItems": [{"type": "integer"}, {"type": "string"}], "minItems": 2, "maxItems": 2},
        "tuple[int, str]",
    ),
    Said("literal", Literal["a", 1], {"enum": ["a", 1]}, "Literal[a, 1]"),
    Said("enum", Colour, {"enum": ["red", "blue"], "title": "Colour", "type": "string"}, "Colour"),
    Said(
        "annotated",
        Annotated[int, Field(ge=1, lt=9, description="how many")],
        {"type": "integer", "description": "how many", "minimum": 1, "exclusiveMaximum": 9},
        "int",
    ),
    Said(
        "annotated_lengths",
        Annotated[list[Annotated[str, Field(max_length=3)]], Field(min_length=1)],
        {"type": "array", "items": {"type": "string", "maxLength": 3}, "minItems": 1},
        "list[Annotated]",
    ),
    Said("annotated_by_what_has_no_hash", Annotated[int, {"unit": "cm"}, ["x"]], {"type": "integer"}, "int"),
    Said("recursion", Node, {
        "$ref": "#/$defs/Node",
        "$defs": {"Node": {
            "type": "object", "title": "Node",
            "properties": {
                "name": {"title": "Name", "type": "string"},
                "kids": {"title": "Kids", "type": "array", "items": {"$ref": "#/$defs/Node"}},
            },
            "required": ["name"], "additionalProperties": False,
        }},
    }, "Node"),
]  # fmt: skip


@pytest.mark.parametrize("case", SAID, ids=lambda case: case.id)
def test_annotation_is_said_in_json_schema(case):
    """An annotation has this schema."""
    assert Schema.of(case.annotation).document == case.document


def _jsonable(value):  # noqa: PLR0911 - one line a kind of value
    """The JSON that a value of an annotation stands for, written apart from the library."""
    if is_dataclass(value):
        return {f.name: _jsonable(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, dict):
        return {key: _jsonable(member) for key, member in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_jsonable(item) for item in value]
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, (dt.date, dt.time)):
        return value.isoformat()
    return str(value) if isinstance(value, uuid.UUID) else value


texts = st.text(max_size=4)
points = st.builds(Point, st.floats(allow_nan=False, allow_infinity=False), st.integers(-9, 9).map(float))
nodes = st.recursive(
    st.builds(Node, texts), lambda inner: st.builds(Node, texts, st.lists(inner, max_size=2)), max_leaves=3
)
notes = st.fixed_dictionaries({"text": texts}, optional={"pinned": st.booleans()})
whole = st.builds(
    Everything,
    flag=st.booleans(),
    count=st.integers(-(2**70), 2**70),
    amount=st.none() | st.integers(-9999, 9999).map(lambda cents: Decimal(repr(cents / 100))),
    day=st.dates(),
    at=st.datetimes(timezones=st.just(dt.UTC)),
    key=st.uuids(),
    colour=st.sampled_from(Colour),
    level=st.sampled_from(Level),
    kind=st.sampled_from(["a", 1, None]),
    either=st.integers(-5, 5) | texts,
    places=st.dictionaries(texts, points, max_size=2),
    pair=st.tuples(st.integers(-5, 5), texts),
    path=st.lists(points, max_size=2).map(tuple),
    words=st.frozensets(texts, max_size=3),
    note=notes,
    root=nodes,
    rest=st.none() | st.lists(st.integers(0, 3), max_size=2),
)
EVERYTHING = Schema.of(Everything)


@given(whole)
def test_value_of_a_dataclass_comes_back_equal(value):
    """A value of a dataclass, written as JSON, is valid and is restored to an equal value."""
    judged = judge(json.dumps(_jsonable(value)), EVERYTHING)

    assert (judged.failure, judged.value) == (None, value)


@given(notes)
def test_value_of_a_typed_dict_comes_back_equal(value):
    """A value of a TypedDict, written as JSON, is valid and is restored to an equal value."""
    assert judge(json.dumps(value), Schema.of(Note)).value == value


@given(whole, st.sampled_from(["", "note", "root"]))
def test_unknown_property_is_a_violation_at_every_level(value, inside):
    """Dataclasses and TypedDicts are closed, inner ones too."""
    document = _jsonable(value)
    (document[inside] if inside else document)["unheard_of"] = 1

    failure = judge(json.dumps(document), EVERYTHING).failure

    assert (failure.kind, failure.code) == ("structure", "additionalProperties")


@dataclass(frozen=True)
class Restored:
    id: str
    annotation: Any
    text: str
    value: Any


RESTORED = [
    Restored("whole_float_is_an_integer", int, "3.0", 3),
    Restored("integer_is_a_float", float, "3", 3.0),
    Restored("the_exact_arm", float | int, "3", 3),
    Restored("true_is_no_integer", int | bool, "true", True),
    Restored("text_beside_decimal", Decimal | str, '"x"', "x"),
    Restored("null_beside_decimal", Decimal | None, "null", None),
    Restored("true_beside_decimal", Decimal | bool, "true", True),
    Restored("decimal", Decimal, "0.1", Decimal("0.1")),
    Restored("text_beside_date", dt.date | str, '"soon"', "soon"),
    Restored("literal_of_a_whole_float", Literal[1, 2], "2.0", 2),
    Restored("literal_tells_1_from_true", Literal[1, True], "true", True),
    Restored("enum_of_a_whole_float", Level, "2.0", Level.HIGH),
    Restored("enum_tells_1_from_true", Level | bool, "true", True),
    Restored("lower_case_time", dt.datetime, '"2026-03-14t09:30:00z"', dt.datetime(2026, 3, 14, 9, 30, tzinfo=dt.UTC)),
    Restored("arm_by_properties", Point | Note, '{"text": "x"}', {"text": "x"}),
    Restored("lists_by_items", list[int] | list[str], '["1"]', ["1"]),
    Restored("collection", collections.abc.Set[int], "[1, 2]", frozenset({1, 2})),
    Restored("bare_tuple", tuple, "[1]", (1,)),
    Restored("letters_beyond_ascii", Größe, '{"wert": 1, "teil": {"wert": 2}}', Größe(1, Größe(2))),
]  # fmt: skip


@pytest.mark.parametrize("case", RESTORED, ids=lambda case: case.id)
def test_valid_json_is_restored(case):
    """A valid JSON value becomes this value of the annotation."""
    judged = judge(case.text, Schema.of(case.annotation))

    assert (judged.failure, judged.value, type(judged.value)) == (None, case.value, type(case.value))


@pytest.mark.parametrize(
    ("annotation", "text", "message"),
    [
        (
            dt.date,
            '"0000-01-01"',
            "at (root): Input should be a valid date in the format YYYY-MM-DD, year 0 is out of range",
        ),
        (set[Any], "[[1]]", "at /0: Set items should be hashable"),
    ],
)
def test_what_python_cannot_hold_is_semantic(annotation, text, message):
    """A valid JSON value that the Python type has no value for fails the attempt; it does not raise."""
    failure = judge(text, Schema.of(annotation)).failure

    assert (failure.kind, failure.message) == ("semantic", message)


class Tree(BaseModel):
    value: int
    kids: list["Tree"] = []


class Item(BaseModel):
    number: int


class Holder(BaseModel):
    item: Item


def _other_item():
    @dataclass(frozen=True)
    class Item:
        text: str

    return Item


OTHER_ITEM = _other_item()


def test_pydantic_model_brings_its_own_schema():
    """A model's schema, name and values are Pydantic's."""
    schema = Schema.of(Tree)

    assert (schema.document, schema.name) == (Tree.model_json_schema(), "Tree")
    text = '{"value": 1, "kids": [{"value": 2}]}'
    assert judge(text, schema).value == Tree(value=1, kids=[Tree(value=2)])


@pytest.mark.parametrize(
    ("annotation", "text", "value"),
    [
        (list[Tree], '[{"value": 1, "kids": [{"value": 2}]}]', [Tree(value=1, kids=[Tree(value=2)])]),
        (Tree | None, '{"value": 1}', Tree(value=1)),
        (TypeAdapter(list[int]), "[1]", [1]),
        (tuple[OTHER_ITEM, Holder], '[{"text": "x"}, {"item": {"number": 1}}]',
         (OTHER_ITEM("x"), Holder(item=Item(number=1)))),
        (tuple[Holder, OTHER_ITEM], '[{"item": {"number": 1}}, {"text": "x"}]',
         (Holder(item=Item(number=1)), OTHER_ITEM("x"))),
        (tuple[OTHER_ITEM, Item], '[{"text": "x"}, {"number": 1}]', (OTHER_ITEM("x"), Item(number=1))),
        (tuple[Holder, Item], '[{"item": {"number": 1}}, {"number": 1}]', (Holder(item=Item(number=1)), Item(number=1))),
    ],
    ids=["list", "union", "adapter", "name_taken", "name_taken_later", "same_name", "shared_model"],
)  # fmt: skip
def test_pydantic_models_stand_inside_annotations(annotation, text, value):
    """Models, recursive ones and ones of equal names, are part of any annotation."""
    judged = judge(text, Schema.of(annotation))

    assert (judged.failure, judged.value) == (None, value)


class Plain:
    pass


WANTED = (
    "a JSON Schema dict or bool, a path, a Pydantic model, a dataclass, a TypedDict, or another annotation"
)


@dataclass
class Wrong:
    inner: dict[str, list[Plain]]


def _unresolved():
    @dataclass
    class Local:
        other: "Unheard"  # noqa: F821

    return Local


NO_SCHEMA = "has no JSON Schema for"
REFUSED = [
    (3, f"schema=3: expected {WANTED}, got int"),
    ([int], f"schema=[<class 'int'>]: expected {WANTED}, got list"),
    (None, f"schema=None: expected {WANTED}, got NoneType"),
    (Plain, f"Plain {NO_SCHEMA} <class '{__name__}.Plain'>. Expected {WANTED}"),
    (Wrong, f"Wrong {NO_SCHEMA} <class '{__name__}.Plain'>. Expected {WANTED}"),
    (
        list["Nowhere"],  # noqa: F821
        "list['Nowhere']: name 'Nowhere' is not defined. Define the type at module level, so that schema_guard can resolve its annotations",
    ),
    (
        _unresolved(),
        "Local: name 'Unheard' is not defined. Define the type at module level, so that schema_guard can resolve its annotations",
    ),
]


@pytest.mark.parametrize(("annotation", "message"), REFUSED, ids=range(len(REFUSED)))
def test_what_has_no_schema_is_refused_with_its_place(annotation, message):
    """An annotation that JSON Schema cannot say is refused; the message names the part."""
    with pytest.raises(InvalidArgument) as caught:
        Schema.of(annotation)

    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("annotation", "value", "made"),
    [
        (list[int | float], [1, 1.0, 1.5], [1, 1.0, 1.5]),
        (list[float | int], [1, 1.0, 1.5], [1, 1.0, 1.5]),
        (list[bool | int], [True, 1], [True, 1]),
        (list[int | bool], [True, 1], [True, 1]),
        (list[str | None], ["a", None], ["a", None]),
        (list[dt.date | str], ["2026-01-02", "a"], [dt.date(2026, 1, 2), "a"]),
        (list[str | dt.date], ["2026-01-02"], ["2026-01-02"]),
        (dict[str, float], {"a": 1, "b": 0.5}, {"a": 1.0, "b": 0.5}),
        (set[int], [1.0, 2], {1, 2}),
    ],
)
def test_a_value_is_the_one_of_the_arm_that_has_its_kind(annotation, value, made):
    """Of a union the arm that has the kind of a value reads it, whichever comes first."""
    result = Schema.of(annotation).convert(value)

    assert repr(result) == repr(made)
