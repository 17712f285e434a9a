"""The closed form of a schema: what it accepts, and which schemas have one."""

import inspect
import json
import math
import random
import sys

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from schema_guard import Schema
from tests.public.schemas.fuzzing import any_value, drawn_schema, likely
from tests.thinned import examples

ROW = {
    "type": "object",
    "properties": {"id": {"type": "integer"}, "tags": {"type": "array", "items": {"type": "string"}}},
}
CLOSED_ROW = {**ROW, "additionalProperties": False}


def form(document, dialect="2020-12"):
    return Schema.of(document, dialect=dialect).conditions.closed


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
def test_what_a_closed_form_accepts_is_valid_finite_and_shallow(seed):
    """Whatever keywords a schema has, its closed form accepts only what is valid, of few levels and of finite numbers."""
    rng = random.Random(seed)
    schema = drawn_schema(rng)
    document, closed = schema.document, schema.conditions.closed
    assume(closed is not None)
    for _ in range(10):
        value = spoiled(likely(document, document, rng), rng)
        if closed.is_valid(value):
            assert is_finite(value), (document, value)
            assert depth(value) <= closed.levels, (document, value)
            assert schema.is_valid(value), (document, value)
        else:
            assert not (closed.is_schema_itself and schema.conditions.is_valid(value)), (document, value)


OWN = {
    "closed": CLOSED_ROW,
    "listed": {"enum": [1, [{"a": [2]}]]},
    "text": {"type": "string", "anyOf": [{"format": "date"}, {"format": "time"}]},
    "union": {"oneOf": [CLOSED_ROW, {"type": "null"}]},
    "referred": {"$defs": {"row": CLOSED_ROW}, "type": "array", "items": {"$ref": "#/$defs/row"}},
    "required_one_of": {**CLOSED_ROW, "anyOf": [{"required": ["id"]}, {"required": ["tags"]}]},
    "with_unevaluated": {**CLOSED_ROW, "unevaluatedProperties": False},
}
CHANGED = {
    "open": ROW,
    "no_type": {"properties": {"id": {}}},
    "anything": True,
    "union": {"anyOf": [ROW, {"type": "null"}]},
    "one_of": {"oneOf": [{**ROW, "required": ["id"]}, {"type": "null"}]},
    "referred": {"$defs": {"row": ROW}, "type": "array", "items": {"$ref": "#/$defs/row"}},
    "required_one_of": {**ROW, "anyOf": [{"required": ["id"]}, {"required": ["tags"]}]},
    "all_of_one": {"allOf": [ROW]},
    "reference_that_is_kept": {"$id": "urn:x", "$defs": {"row": ROW}, "not": {"$ref": "#/$defs/row"}},
    "one_of_references": {"$defs": {"row": ROW}, "oneOf": [{"$ref": "#/$defs/row"}, {"type": "null"}]},
}
NONE = {
    "tree": {"$ref": "#/$defs/node", "$defs": {"node": {"properties": {"below": {"$ref": "#/$defs/node"}}}}},
    "all_of_two": {"allOf": [ROW, {"properties": {"b": {}}}]},
    "unevaluated": {**ROW, "unevaluatedProperties": False},
    "reference_to_the_whole": {"properties": {"a": ROW, "b": {"type": "integer", "not": {"$ref": "#"}}}},
    "reference_by_name": {"$defs": {"row": {"$id": "urn:row", **ROW}}, "not": {"$ref": "urn:row"}, **ROW},
}


@pytest.mark.parametrize("name", OWN)
def test_a_schema_that_is_closed_is_its_own_closed_form(name):
    """Where the schema itself allows only few levels and finite numbers nothing else has to look."""
    assert form(OWN[name]).is_schema_itself


@pytest.mark.parametrize("name", CHANGED)
def test_an_open_schema_has_a_closed_form(name):
    """Further members, further items and values without a type are scalars there."""
    assert not form(CHANGED[name]).is_schema_itself


@pytest.mark.parametrize("name", NONE)
def test_some_schemas_have_no_closed_form(name):
    """What refers to itself has no end; what depends on what stands beside it would mean something else."""
    assert form(NONE[name]) is None


def test_a_closed_form_is_written_out_to_a_size():
    """References that double at each step are not followed to the end."""
    steps = {f"s{n}": {"properties": {k: {"$ref": f"#/$defs/s{n + 1}"} for k in "ab"}} for n in range(40)}

    assert form({"$defs": {**steps, "s40": {}}, "$ref": "#/$defs/s0"}) is None


def test_lists_are_written_out_to_a_size():
    """Many references to a long list make no document of many long lists."""
    words = {"enum": ["x" * 1_000 + str(n) for n in range(100)]}
    members = {f"m{n}": {"$ref": "#/$defs/words"} for n in range(50)}

    assert form({"$defs": {"words": words}, "properties": members}) is None
    assert form({"$defs": {"words": words}, "properties": {"m": members["m0"]}}) is not None


def test_a_closed_form_is_not_looked_for_where_the_stack_is_short():
    """Deep in somebody's recursion a schema has none, and nothing is raised."""
    nested = {"type": "integer"}
    for _ in range(30):
        nested = {"properties": {"a": nested}}

    schema = Schema.of(nested)

    def descend(left):
        return schema.conditions.closed if left == 0 else descend(left - 1)

    frames = len(inspect.stack(0))
    assert descend(sys.getrecursionlimit() - frames - 40) is None


LISTS = {"type": "array", "items": [{"type": "array", "items": {"type": "string"}}], "additionalItems": False}
REFERRED = {"$ref": "#/definitions/a", "type": "object", "properties": {}, "additionalProperties": False}
TWO = [{"type": "object", "required": ["a"]}, {"type": "object", "properties": {"b": {"type": "array"}}}]
DEEP = [[[1]]]
REFUSED = [
    ("2020-12", {"patternProperties": {"^a": {}}}, {"a": math.inf}),
    (
        "2020-12",
        {"type": "object", "patternProperties": {"^a": {}}, "additionalProperties": False},
        {"a": DEEP},
    ),
    ("2020-12", {"properties": {"a": {}}}, {"a": math.inf}),
    ("2020-12", {"properties": {"a": {}}}, {"a": DEEP}),
    ("2020-12", {}, [math.inf]),
    ("2020-12", {"enum": [10**350]}, math.inf),
    ("2020-12", {"$defs": {"a": ROW}, "$ref": "#/$defs/a", "allOf": [{"required": ["id"]}]}, {}),
    ("2020-12", {"type": "array", "prefixItems": [{}]}, [DEEP]),
    ("2020-12", {"type": "array", "prefixItems": [{}]}, [1, DEEP]),
    ("2020-12", {"type": "array", "prefixItems": [{}], "items": {}}, [1, [math.inf]]),
    ("draft7", {"type": "array", "items": [{}], "additionalItems": {}}, [1, DEEP]),
    ("draft7", {"definitions": {"a": {}}, "properties": {"b": REFERRED}}, {"b": [math.inf]}),
    ("draft4", {"const": 1}, [math.inf]),
    # Valid by both arms, and so not at all, however few of them are still kept to when less is allowed.
    ("2020-12", {"oneOf": TWO}, {"a": 1, "b": [1]}),
]


@pytest.mark.parametrize(("dialect", "document", "value"), REFUSED)
def test_what_a_closed_form_refuses(dialect, document, value):
    """Infinite numbers and nesting wherever a schema leaves a place for them, and what it does not allow itself."""
    assert not form(document, dialect).is_valid(value)


LEVELS = [
    ({"enum": [1, [{"a": [2]}]]}, 3),
    ({"const": [[1]]}, 2),
    ({**CLOSED_ROW, "type": ["object", "array"], "items": {"type": "string"}}, 2),
    ({**CLOSED_ROW, "type": ["object", "array"], "items": {"enum": [[[1]]]}}, 3),
    ({"anyOf": [{"type": "null"}, CLOSED_ROW, {"type": "string"}]}, 2),
    ({"type": "array", "prefixItems": [{"enum": [[[1]]]}, {"type": "string"}], "items": False}, 3),
    ({"type": "array", "items": {}}, 2),
    ({"type": "array"}, 1),
    ({"type": "string"}, 0),
]


@pytest.mark.parametrize(("document", "levels"), LEVELS)
def test_a_closed_form_says_how_deep_a_value_may_be(document, levels):
    """The deepest of all that it leaves a place for, as a limit of depth is held against that alone."""
    assert form(document).levels == levels


@pytest.mark.parametrize("dialect", ["draft4", "draft7", "2019-09"])
def test_lists_of_one_schema_each_are_closed_as_their_draft_writes_them(dialect):
    """What closes such a list in an earlier draft closes it."""
    closed = form(LISTS, dialect)

    assert (closed.is_schema_itself, closed.levels, closed.is_valid([["a"]])) == (True, 2, True)


def test_a_closed_form_takes_scalars_that_are_not_named():
    """A further member that is no object and no array is what most replies add, if they add one."""
    closed = form(ROW)

    taken = [
        closed.is_valid(json.loads(text)) for text in ('{"id":1,"x":2}', '{"id":1,"x":[]}', '{"id":"1"}')
    ]

    assert (taken, closed.levels) == ([True, False, False], 2)
