"""Closed schemas: every value that one accepts has few levels and finite numbers."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema_guard import Schema
from tests.public.schemas.fuzzing import any_value, drawn_schema, likely
from tests.thinned import examples

ROW = {
    "type": "object",
    "properties": {"id": {"type": "integer"}, "tags": {"type": "array", "items": {"type": "string"}}},
}
CLOSED_ROW = {**ROW, "additionalProperties": False}
TREE = {"$ref": "#/$defs/node", "$defs": {"node": {"type": "array", "items": {"$ref": "#/$defs/node"}}}}


def levels(document, dialect="2020-12"):
    return Schema.of(document, dialect=dialect).conditions.closed_levels


def depth(value):
    if not isinstance(value, dict | list):
        return 0
    return 1 + max(map(depth, value.values() if isinstance(value, dict) else value), default=0)


def is_finite(value):
    if isinstance(value, dict | list):
        return all(map(is_finite, value.values() if isinstance(value, dict) else value))
    return not isinstance(value, float) or math.isfinite(value)


def spoiled(value, rng):
    """A value with an infinite number, or nesting, somewhere in it, or as it is."""
    if isinstance(value, dict) and value and rng.random() < 0.7:
        key = rng.choice([*value, "x"])
        return {**value, key: spoiled(value.get(key), rng)}
    if isinstance(value, list) and value and rng.random() < 0.7:
        at = rng.randrange(len(value))
        return [*value[:at], spoiled(value[at], rng), *value[at + 1 :]]
    return rng.choice((value, math.inf, -math.inf, [[[value]]], {"a": {"b": value}}, any_value(rng, 3)))


@examples(40)
@given(st.integers(0, 2**32))
def test_valid_values_of_a_closed_schema_are_finite_and_shallow(seed):
    """Whatever keywords a schema has."""
    rng = random.Random(seed)
    schema = drawn_schema(rng)
    most = schema.conditions.closed_levels
    for _ in range(10 if most is not None else 0):
        value = spoiled(likely(schema.document, schema.document, rng), rng)
        if schema.conditions.is_valid(value):
            assert is_finite(value), (schema.document, value)
            assert depth(value) <= most, (schema.document, value)


@pytest.mark.parametrize(
    ("document", "most"),
    [
        ({"type": "string"}, 0),
        (CLOSED_ROW, 2),
        ({"enum": [1, "a", None, True]}, 0),
        ({"type": "string", "anyOf": [{"format": "date"}, {"format": "time"}]}, 0),
        ({"oneOf": [CLOSED_ROW, {"type": "null"}]}, 2),
        ({"$defs": {"row": CLOSED_ROW}, "type": "array", "items": {"$ref": "#/$defs/row"}}, 3),
        ({"allOf": [CLOSED_ROW]}, 2),
        ({**CLOSED_ROW, "anyOf": [{"required": ["id"]}, {"required": ["tags"]}]}, 2),
    ],
)
def test_closed_schema_has_levels(document, most):
    """Each object and array names what it may hold."""
    assert levels(document) == most


@pytest.mark.parametrize(
    "document",
    [True, ROW, {"properties": {"id": {}}}, {"type": "array"}, {"anyOf": [ROW, {"type": "null"}]}, TREE, {"enum": [10**399]}, {"enum": [[1]]},
     {"allOf": [CLOSED_ROW, {"required": ["id"]}]}, {"const": [True, {"a": 10**399}]}],
)  # fmt: skip
def test_open_schema_has_none(document):
    """A schema is open if it allows any value somewhere, or refers to itself."""
    assert levels(document) is None


def test_schema_that_doubles_is_followed_to_a_limit():
    """References that double at each step are not followed to the end."""
    closed = {"type": "object", "additionalProperties": False}
    steps = {
        f"s{n}": {**closed, "properties": {key: {"$ref": f"#/$defs/s{n + 1}"} for key in "ab"}}
        for n in range(40)
    }

    assert levels({"$defs": {**steps, "s40": closed}, "$ref": "#/$defs/s0"}) is None


def test_siblings_of_a_reference_count_by_draft():
    """Draft 7 ignores keywords beside a reference."""
    document = {"$ref": "#/definitions/a", **CLOSED_ROW, "definitions": {"a": {"type": "object"}}}

    assert levels(document, "draft7") is None
    assert levels(document) == 2
