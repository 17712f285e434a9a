"""The parts of a violation: places, descriptions, and the cache of keywords."""

import json
from dataclasses import dataclass

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from schema_guard import Schema, Violation
from schema_guard.pointer import declared_location, join, pointer, split
from schema_guard.validation.encoded_json import may_hold_json
from schema_guard.validation.violations import describe, violations
from tests.public.schemas.test_schema import _INSTANCES, SCHEMAS


def came(actual):
    return Violation("", "", "type", "", actual)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("x" * 1000, f"string '{'x' * 78}…"),
        (10**399, "number of 1326 bits"),
        ({"a": 1}, "object with 1 property"),
        ([], "array of 0 items"),
        (True, "boolean true"),
        (None, "null"),
        (-0.0, "number -0.0"),
    ],
)
def test_value_is_told_by_its_kind_and_cut(value, text):
    """A value is at most 80 characters of a text."""
    assert describe(value) == text
    assert came(describe(value)).got == text.partition(" ")[0]


CANARY = "Canary"


_TEXTS = st.sampled_from([CANARY, f"{CANARY} x", f"2020-{CANARY}"])


_VALUES = st.recursive(
    _TEXTS | st.integers() | st.none(),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(_TEXTS | st.sampled_from("ab"), inner, max_size=4)
    ),
    max_leaves=10,
)


_ARM = {
    "properties": {"a": {"type": "integer"}, "b": {"enum": ["x"]}},
    "required": ["a", "b"],
    "additionalProperties": False,
    "propertyNames": {"maxLength": 3},
}


ECHOING = [
    Schema.of(_ARM),
    Schema.of({"oneOf": [_ARM, {"items": _ARM, "type": "array"}, {"format": "date"}, {"const": "x"}]}),
    Schema.of({"anyOf": [{"additionalProperties": {"anyOf": [_ARM, {"type": "null"}]}, "type": "object"}, {"type": "null"}]}),
    Schema.of({"items": {"pattern": "^x"}, "uniqueItems": True, "patternProperties": {"^C": False}}),
    Schema.of({"dependentRequired": {CANARY[:1]: ["z"]}, "unevaluatedProperties": False, "type": ["object", "null"]}),
]  # fmt: skip


@given(st.sampled_from(ECHOING), _VALUES)
def test_no_text_of_the_instance_is_in_what_was_expected(schema, instance):
    """What is sent back to a model quotes the schema only; the place is told as far as the schema names it."""
    for violation in schema.violations(instance) + schema.violations(instance, max_steps=0):
        sent = (
            f"At {pointer(declared_location(violation))}: expected {violation.expected}, got {violation.got}"
        )

        assert CANARY not in sent
        assert len(violation.expected) <= 320
        assert len(violation.actual) <= 100


@dataclass(frozen=True)
class Case:
    id: str
    instance_location: str
    keyword_location: str
    declared: str


@given(SCHEMAS, _INSTANCES, st.sampled_from([None, 3]))
def test_a_value_in_a_text_has_the_violations_that_it_has_alone(document, value, indent):
    """The text that a value was parsed from bounds what is told of it, and changes nothing that is told."""
    schema = Schema.of(document)
    assume(not schema.accepts(value))

    assert schema.violations_in(value, json.dumps(value, indent=indent), 50_000_000) == schema.violations(
        value
    )


@given(SCHEMAS, st.lists(_INSTANCES, min_size=2, max_size=4))
@example({"required": ["a", "b"], "properties": {"a": {"type": "null"}}}, [{"a": 1}, {}, {"b": 1, "a": []}])
@example({"propertyNames": {"maxLength": 1, "pattern": "a"}}, [{"aa": 1}, {"b": 1}, {"aaa": 1, "b": 1}])
@example({"oneOf": [{"type": "object"}, {"minProperties": 1}]}, [{}, {"a": 1}, 1])
@example(
    {"dependentRequired": {"a": ["b", "c"]}, "additionalProperties": False},
    [{"a": 1}, {"a": 1, "b": 1}, {"d": 1}],
)
@example({"items": {"pattern": "^(?:a+)+$"}}, [["b"], ["a" * 30 + "b"], ["b"]])
def test_what_was_told_before_changes_nothing_that_is_told(document, values):
    """A schema remembers what its keywords ask for, and that is the same of every instance."""
    engine, known = Schema.of(document)._compiled.engine, {}

    for value in values:
        errors = engine.errors(value)
        assert violations(errors, known=known) == violations(errors)


LARGE = {"type": "array", "items": {"anyOf": [{"required": list("abcdefgh")}, {"type": "string"}]}}


@pytest.mark.parametrize("size", [1, 100, 2_000, 9_000])
def test_many_errors_of_a_text_are_told_as_those_of_its_value(size):
    """Where a text may hold more errors than are listed its value is looked at, and told as without the text."""
    schema, value = Schema.of(LARGE), [{}] * size

    assert schema.violations_in(value, json.dumps(value), 50_000_000) == schema.violations(value)


@dataclass(frozen=True)
class Encoded:
    """A string of a reply, and whether it may be the text of an object or array."""

    id: str
    text: str
    may: bool


@pytest.mark.parametrize(
    "case",
    [
        Encoded("object", '{"a": 1}', True),
        Encoded("array in white space", " \n\t\u2003[1]", True),
        Encoded("space that is no ASCII", "\u2003{}", True),
        Encoded("quotes of both kinds", '["it\'s"]', True),
        Encoded("word", "twelve", False),
        Encoded("nothing", "", False),
        Encoded("quote", "'{", False),
    ],
    ids=lambda case: case.id,
)
def test_a_string_that_may_hold_json_is_known_by_what_is_told_of_it(case):
    """Of any other string nothing has to be decoded."""
    assert may_hold_json(came(describe(case.text))) is case.may


@given(st.text("{[ \n\t\u2003\u00a0a'\"\\\\", max_size=6))
def test_no_string_that_opens_json_is_missed(text):
    """Whatever white space stands before it."""
    assert may_hold_json(came(describe(text))) or text.lstrip()[:1] not in tuple("{[")


LOCATIONS = [
    Case("root", "", "/type", ""),
    Case("declared", "/total", "/properties/total/type", "/total"),
    Case("index", "/lines/3/qty", "/properties/lines/items/properties/qty/type", "/lines/*/qty"),
    Case("made by the model", "/secret", "/additionalProperties/type", "/*"),
    Case("pattern", "/a/x", "/patternProperties/^a/properties/x/type", "/*/x"),
    Case("through a union", "/a/b", "/properties/a/anyOf/1/properties/b/enum", "/a/b"),
    Case("escaped", "/a~1b", "/properties/a~1b/type", "/a~1b"),
    Case("key of no characters", "/", "/properties//type", "/"),
    Case("a word of the schema", "/type", "/additionalProperties/type", "/*"),
    Case("long and declared", f"/{'a' * 300}", f"/properties/{'a' * 300}/type", f"/{'a' * 300}"),
    Case("long and made up", f"/{'a' * 300}", "/additionalProperties/type", "/*"),
]


@pytest.mark.parametrize("case", LOCATIONS, ids=lambda case: case.id)
def test_declared_location_keeps_only_keys_of_the_schema(case):
    """An index and a key that the schema does not declare become a star."""
    violation = Violation(case.instance_location, case.keyword_location, "type", "number", "null")

    assert declared_location(violation, indices=False) == case.declared


@given(st.text(), st.text())
def test_declared_location_says_nothing_that_the_schema_does_not_say(instance_location, keyword_location):
    """Every step of a declared location is a star or stands in the keyword location."""
    violation = Violation(f"/{instance_location}", keyword_location, "type", "", "")

    steps = declared_location(violation, indices=False).split("/")[1:]

    assert all(step == "*" or step in keyword_location.split("/") for step in steps)


@given(st.lists(st.text("a~/01") | st.text() | st.integers(0, 10**9)))
def test_a_pointer_says_its_path(path):
    """Whatever stands in a key."""
    assert split(join(path)) == list(map(str, path))
