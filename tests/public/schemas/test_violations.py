"""What is told of a broken keyword: where, what was expected, what kind of value came."""

import gzip
import json
from dataclasses import dataclass
from typing import Any

import pytest

from schema_guard import Schema, Violation


@dataclass(frozen=True)
class Told:
    """A schema, an instance, and the first violation of it."""

    id: str
    document: Any
    instance: Any
    violation: Violation


def told(keyword, expected, actual, *, at="", location=None):
    return Violation(at, f"/{keyword}" if location is None else location, keyword, expected, actual)


TOLD = [
    Told("type", {"type": "integer"}, "twelve", told("type", "integer", "string 'twelve'")),
    Told("types", {"type": ["integer", "null"]}, 1.5, told("type", "null or integer", "number 1.5")),
    Told("enum", {"enum": ["a", 1, None]}, "b", told("enum", "one of 'a', 1, null", "string 'b'")),
    Told("const", {"const": True}, 1, told("const", "true", "number 1")),
    Told("required", {"required": ["a"]}, {}, told("required", "property 'a'", "object with 0 properties")),
    Told(
        "extra",
        {"properties": {"a": {}}, "additionalProperties": False},
        {"a": 1, "b": 2},
        told("additionalProperties", "no further properties", "object with 'b'"),
    ),
    Told(
        "unevaluated",
        {"unevaluatedProperties": False},
        {"b": 2},
        told("unevaluatedProperties", "no further properties", "object with 'b'"),
    ),
    Told("minimum", {"minimum": 1}, 0, told("minimum", "a number >= 1", "number 0")),
    Told("maximum", {"exclusiveMaximum": 1.5}, 2, told("exclusiveMaximum", "a number < 1.5", "number 2")),
    Told("multiple", {"multipleOf": 0.1}, 0.35, told("multipleOf", "a multiple of 0.1", "number 0.35")),
    Told("short", {"minLength": 1}, "", told("minLength", "a string of at least 1 character", "string ''")),
    Told(
        "long", {"maxLength": 2}, "abc", told("maxLength", "a string of at most 2 characters", "string 'abc'")
    ),
    Told("pattern", {"pattern": "^a"}, "b", told("pattern", "a string that matches '^a'", "string 'b'")),
    Told("format", {"format": "date"}, "b", told("format", "a string in format 'date'", "string 'b'")),
    Told("few", {"minItems": 2}, [1], told("minItems", "at least 2 items", "array of 1 item")),
    Told(
        "equal",
        {"uniqueItems": True},
        [1, 1],
        told("uniqueItems", "items that all differ", "array of 2 items"),
    ),
    Told("false", False, None, told("falseSchema", "nothing here", "null", location="")),
    Told(
        "item of false",
        {"properties": {"a": False}},
        {"a": 1},
        told("properties", "nothing here", "number 1", at="/a", location="/properties/a"),
    ),
    Told(
        "key",
        {"propertyNames": {"pattern": "^a"}},
        {"b": 1},
        told(
            "propertyNames", "every property name to be a string that matches '^a'", "object with 1 property"
        ),
    ),
    Told(
        "dependency",
        {"dependentRequired": {"a": ["b"]}},
        {"a": 1},
        told(
            "dependentRequired",
            "property 'b', which 'dependentRequired' asks for here",
            "object with 1 property",
            location="/dependentRequired/a",
        ),
    ),
    Told(
        "through a reference",
        {"properties": {"a/b": {"$ref": "#/$defs/n"}}, "$defs": {"n": {"type": "integer"}}},
        {"a/b": "x"},
        told("type", "integer", "string 'x'", at="/a~1b", location="/properties/a~1b/$ref/type"),
    ),
    Told(
        "two arms match",
        {"oneOf": [{"type": "integer"}, {"minimum": 1}, {"const": 3}]},
        2,
        told("oneOf", "exactly one of 3 forms to match, not form 1 and form 2", "number 2"),
    ),
]


@pytest.mark.parametrize("case", TOLD, ids=lambda case: case.id)
def test_violation_says_where_what_was_expected_and_what_came(case):
    """Each keyword has its own words."""
    first = Schema.of(case.document).violations(case.instance)[0]

    assert first._replace(keyword_location="") == case.violation._replace(keyword_location="")


def test_keyword_location_is_a_pointer_into_the_schema():
    """It names the keyword under the names and indices that lead there."""
    schema = Schema.of({"properties": {"a/b": {"items": {"allOf": [{"type": "integer"}]}}}})

    (result,) = schema.violations({"a/b": [1, "x"]})

    assert (result.instance_location, result.keyword_location) == (
        "/a~1b/1",
        "/properties/a~1b/items/allOf/0/type",
    )


EVENTS = Schema.of(
    {
        "anyOf": [
            {"properties": {"kind": {"const": "click"}, "x": {"type": "integer"}}, "required": ["kind", "x"]},
            {
                "properties": {"kind": {"const": "key"}, "code": {"type": "string"}},
                "required": ["kind", "code"],
            },
            {"type": "null"},
        ]
    }
)


@pytest.mark.parametrize(
    ("instance", "told"),
    [
        ({"kind": "key", "code": 7}, ("/code", "/anyOf/1/properties/code/type", "type", "string")),
        ({"kind": "click", "x": "7"}, ("/x", "/anyOf/0/properties/x/type", "type", "integer")),
        ({"kind": "key"}, ("", "/anyOf/1/required", "required", "property 'code'")),
        ({"kind": "wheel"}, ("/kind", "/anyOf/0/properties/kind/enum", "enum", "one of 'click', 'key'")),
    ],
)
def test_union_is_explained_by_the_arm_that_was_meant(instance, told):
    """The violation is that of the arm with the fitting tag or type. If none fits, it lists all tags or types."""
    (result,) = EVENTS.violations(instance)

    assert result[:4] == told


def test_equally_close_arms_are_told_together():
    """If arms are equally close, the violation is at the union and lists their expectations."""
    schema = Schema.of({"anyOf": [{"required": ["email"]}, {"required": ["phone"]}]})

    (result,) = schema.violations({})

    assert (result.keyword, result.expected) == (
        "anyOf", "one of 2 forms; closest: property 'email', or property 'phone'",
    )  # fmt: skip


def test_the_arm_that_names_the_keys_is_meant():
    """An arm is closer that misses a key than one that has no place for the keys of the instance."""
    schema = Schema.of({
        "oneOf": [
            {"properties": {"a": {}}, "additionalProperties": False},
            {"properties": {"b": {}, "c": {}}, "required": ["b", "c"], "additionalProperties": False},
        ]
    })  # fmt: skip

    assert [v.expected for v in schema.violations({"b": 1})] == ["property 'c'"]


def test_unions_inside_of_unions_are_followed():
    """The arm of a union inside the meant arm is found in the same way."""
    inner = {"oneOf": [{"properties": {"n": {"const": n}, "x": {"type": "integer"}}} for n in (1, 2)]}
    schema = Schema.of({"anyOf": [{"type": "string"}, {"type": "object", **inner}]})

    assert [v[:4] for v in schema.violations({"n": 2, "x": "a"})] == [
        ("/x", "/anyOf/1/oneOf/1/properties/x/type", "type", "integer")
    ]


WEBHOOKS = "webhooks.json.gz"


@pytest.mark.costly
def test_the_arm_of_the_event_is_named_for_real_payloads(corpora):
    """A payload without one of its keys gets the violation of its own event, or of all events that only differ in that key."""
    source = json.loads(gzip.decompress((corpora / WEBHOOKS).read_bytes()))
    schema, document = Schema.of(source["schema"]), source["schema"]
    arms = [
        Schema.of({**arm, "definitions": document["definitions"]}, dialect=schema.dialect)
        for arm in document["oneOf"]
    ]
    named, told_together, wrong = 0, 0, []
    for payload in [each["payload"] for each in source["examples"] if schema.is_valid(each["payload"])]:
        own = {place for place, arm in enumerate(arms) if arm.is_valid(payload)}
        for key in payload:
            violations = schema.violations({name: part for name, part in payload.items() if name != key})
            steps = violations[0].keyword_location.split("/") if violations else []
            if len(steps) > 2:
                named += 1
                if int(steps[2]) not in own:
                    wrong.append(violations[0])
            elif violations:
                told_together += f"property {key!r}" in violations[0].expected

    # Once five events are equally close, and four of them are told.
    assert (wrong, named, told_together) == ([], 604, 26)


@pytest.mark.costly
def test_unions_in_unions_are_told_to_a_depth():
    """Nested arms of one type give one violation of that type."""
    document: dict[str, Any] = {"type": "integer"}
    for _ in range(12):
        document = {"anyOf": [document, document]}

    (result,) = Schema.of(document).violations("x")

    assert result.expected == "integer"


def test_shallow_comes_before_deep_and_plain_before_unions():
    """What is most relevant comes first."""
    document = {
        "anyOf": [{"required": ["z"]}, {"type": "null"}],
        "properties": {"a": {"items": {"type": "integer"}}, "b": {"type": "integer"}},
        "required": ["c"],
    }

    violations = Schema.of(document).violations({"a": ["x"], "b": "x"})

    assert [(v.instance_location, v.keyword) for v in violations] == [
        ("", "required"), ("", "required"), ("/b", "type"), ("/a/0", "type"),
    ]  # fmt: skip


def test_undecided_pattern_is_told_at_its_text():
    """A pattern that gave up on a text is a violation of the limit there, not of the pattern."""
    schema = Schema.of({"items": {"pattern": "^((?=a)a|(?=a)aa)+$"}})

    (result,) = schema.violations(["a", "a" * 60 + "!"])

    assert result == Violation(
        "/1",
        "/items/pattern",
        "too_costly",
        "a string that the pattern decides on in fewer steps",
        "string '" + "a" * 60 + "!'",
    )


def test_rewritten_pattern_is_told_as_it_was_written():
    """How the engine counts large repetitions is nobody's business."""
    (result,) = Schema.of({"pattern": "^(a{1,1000}){1,1000}$"}).violations("b")

    assert result.expected == "a string that matches '^(a{1,1000}){1,1000}$'"
