"""Instances that `few_shot` draws from a schema as examples of a reply."""

import json
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema_guard import InvalidArgument, InvalidSchema, Schema, guard


def samples(schema):
    """Return the instances in the prompt of a call without examples."""
    try:
        guarded = guard(schema, strategy="few_shot", store=None, max_attempts=1, name="sampled")(
            lambda prompt: "x"
        )
    except InvalidArgument as error:
        if "can't generate an example" in str(error):
            return []
        raise
    prompt = guarded.outcome("").attempts[0].prompt
    return [json.loads(part.strip()) for part in prompt.split("Example:\n")[1:]]


@dataclass(frozen=True)
class Case:
    id: str
    schema: Any
    drawn: list


TREE = {
    "$defs": {
        "node": {
            "type": "object",
            "properties": {
                "name": {"type": "string"},
                "kids": {"type": "array", "items": {"$ref": "#/$defs/node"}},
            },
            "required": ["name"],
        }
    },
    "$ref": "#/$defs/node",
}
CASES = [
    Case("true", True, ["example", "sample"]),
    Case("false", False, []),
    Case("anything", {}, ["example", "sample"]),
    Case("null", {"type": "null"}, [None]),
    Case("boolean", {"type": "boolean"}, [False, True]),
    Case("integer_in_bounds", {"type": "integer", "minimum": 4, "maximum": 5}, [4, 5]),
    Case("one_integer", {"type": "integer", "minimum": 4, "maximum": 4}, [4]),
    Case("exclusive_bounds", {"type": "integer", "exclusiveMinimum": 4, "exclusiveMaximum": 7}, [5, 6]),
    Case("multiple", {"type": "integer", "minimum": 4, "multipleOf": 5}, [5, 10]),
    Case("length", {"type": "string", "minLength": 9, "maxLength": 9}, ["examplexx", "samplexxx"]),
    Case("length_as_a_float", {"type": "string", "minLength": 8.0}, ["examplex", "samplexx"]),
    Case("date", {"type": "string", "format": "date"}, ["2026-03-14"]),
    Case("enum", {"enum": ["a", "b", "c"]}, ["a", "b"]),
    Case("const", {"const": {"a": 1}}, [{"a": 1}]),
    Case("own_examples_first", {"type": "integer", "examples": [7, "no"]}, [7]),
    Case("default", {"properties": {"a": {"type": "integer", "default": 3}}}, [{"a": 3}]),
    Case("nullable", {"type": ["null", "integer"]}, [1, 2]),
    Case("arms", {"anyOf": [{"type": "integer"}, {"type": "string"}]}, [1, "sample"]),
    Case("all_of", {"allOf": [True, {"$ref": "#/$defs/a"}], "$defs": {"a": {"type": "integer"}}}, [1, 2]),
    Case("items", {"type": "array", "items": {"type": "integer"}, "minItems": 2}, [[1, 2], [2, 3]]),
    Case("items_without_a_minimum", {"type": "array", "items": {"type": "integer"}}, [[1], [2]]),
    Case("no_items", {"type": "array"}, [[]]),
    Case("items_that_may_be_absent", {"type": "array", "items": {"type": "integer"}, "minItems": 0}, [[1], [2]]),
    Case("nested_items", {"properties": {"a": {"type": "array", "items": {"type": "string"}}}}, [{"a": ["example"]}, {"a": ["sample"]}]),
    Case("many_items", {"type": "array", "items": {"const": 1}, "minItems": 20.0}, [[1] * 20]),
    Case("tuple", {"prefixItems": [{"type": "integer"}, {"const": "x"}], "items": False}, [[1, "x"], [2, "x"]]),
    Case(
        "tuple_of_draft_7",
        {"$schema": "http://json-schema.org/draft-07/schema#", "items": [{"type": "integer"}], "minItems": 1},
        [[1], [2]],
    ),
    Case("escaped_reference", {"$ref": "#/$defs/a~1b%20c", "$defs": {"a/b c": {"type": "integer"}}}, [1, 2]),
    Case("reference_into_a_list", {"$ref": "#/x/1", "x": [True, {"const": 5}]}, [5]),
    Case("pattern", {"type": "string", "pattern": "^[0-9]{3}$"}, ["544", "511"]),
    Case("pattern_with_a_lookahead", {"type": "string", "pattern": "^(?=.*[0-9])[a-z0-9]{6}$"}, ["bkc9h8", "rbl8z0"]),
    Case("pattern_with_lengths", {"type": "string", "pattern": "[0-9]", "minLength": 4, "maxLength": 5}, ["48%G", "1W`d{"]),
    Case("pattern_of_a_format", {"type": "string", "format": "date", "pattern": "^20"}, ["2026-03-14"]),
    Case("pattern_of_items", {"type": "array", "items": {"type": "string", "pattern": "^[A-Z]$"}}, [["D"], ["B"]]),
    Case("null_for_a_pattern", {"type": ["string", "null"], "pattern": "^(?=a)b$"}, [None]),
    Case("null_for_an_arm", {"anyOf": [{"type": "string", "pattern": "^(?=a)b$"}, {"type": "null"}]}, [None]),
    Case("pattern_of_nothing", {"type": "string", "pattern": "^(?=a)b$"}, []),
    Case("unsatisfiable", {"type": "integer", "minimum": 5, "maximum": 4}, []),
    Case("recursion", TREE, [{"name": "example", "kids": [{"name": "example"}]}]),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES[:-1], ids=lambda case: case.id)
def test_drawn(case):
    """The drawn instances are these, for ever: they stand in prompts that are cached and compared."""
    drawn = samples(Schema.of(case.schema))

    assert (drawn, list(map(type, drawn))) == (case.drawn, list(map(type, case.drawn)))


def test_recursion_ends():
    """A schema that refers to itself gives instances of a bounded size."""
    drawn = samples(Schema.of(TREE))

    assert len(drawn) == 2
    assert all(len(json.dumps(value)) < 500 for value in drawn)


TOO_LARGE = [
    {"type": "object", "properties": {k: {"$ref": "#"} for k in "abcdef"}, "required": list("abcdef")},
    {"type": "array", "minItems": 8, "items": {"$ref": "#"}},
    {"type": "array", "minItems": 2**70, "items": {}},
    {"type": "string", "minLength": 10**9},
    {"type": "string", "minLength": 2**70},
]


@pytest.mark.parametrize("schema", TOO_LARGE, ids=range(len(TOO_LARGE)))
def test_what_is_too_large_is_not_drawn(schema):
    """A schema whose instances are huge or endless gives none, at once."""
    assert samples(Schema.of(schema)) == []


parts = st.recursive(
    st.sampled_from([True, {}, {"type": "string"}, {"type": "integer"}, {"type": "number", "minimum": 0.5},
                     {"enum": [1, "a", None]}, {"const": []}, {"$ref": "#"}, {"$ref": "#/$defs/d"},
                     {"type": "string", "format": "uuid"}, {"type": ["string", "null"], "maxLength": 3}]),
    lambda inner: st.one_of(
        st.builds(lambda item, size: {"type": "array", "items": item, "minItems": size}, inner, st.integers(0, 3)),
        st.builds(lambda item: {"prefixItems": [item]}, inner),
        st.builds(lambda a, b: {"type": "object", "properties": {"a": a, "b": b}, "required": ["a"]}, inner, inner),
        st.builds(lambda word, arms: {word: arms}, st.sampled_from(["anyOf", "oneOf", "allOf"]),
                  st.lists(inner, min_size=1, max_size=3)),
    ),
    max_leaves=6,
)  # fmt: skip


PATTERNS = st.lists(
    st.sampled_from(
        [
            "[A-Z]",
            "[^a]",
            r"\d",
            r"\w",
            "x",
            ".",
            "(ab|c)",
            "(?=[a-z])",
            "(?!b)",
            r"\b",
            "{2}",
            "?",
            "+",
            "*",
            "|",
            "^",
            "$",
            "(x)",
            r"\1",
        ]
    ),
    min_size=1,
    max_size=6,
).map("".join)


@given(PATTERNS, st.integers(0, 4), st.integers(4, 9))
def test_a_pattern_gives_valid_texts_or_none(pattern, least, most):
    """Each drawn text matches the pattern, and has an allowed length."""
    code = {"type": "string", "pattern": pattern, "minLength": least, "maxLength": most}
    try:
        schema = Schema.of({"type": "object", "properties": {"code": code}, "required": ["code"]})
    except InvalidSchema:
        return

    assert all(schema.is_valid(sample) for sample in samples(schema))


@given(parts)
def test_every_sample_is_valid(part):
    """Whatever the schema, every sample is valid, and the same ones come again."""
    document = {"$defs": {"d": {"type": "integer"}}, **part} if isinstance(part, dict) else part
    try:
        schema = Schema.of(document)
    except InvalidSchema:
        return

    drawn = samples(schema)

    assert all(schema.is_valid(value) for value in drawn)
    assert samples(Schema.of(document)) == drawn


@pytest.mark.costly
def test_public_schemas_are_drawn_from(corpora):
    """Of the public corpus of real schemas four fifths give an instance, and none makes an error."""
    loaded, drawn = 0, 0
    for line in (corpora / "jsonschemabench.jsonl").read_text(encoding="utf-8").splitlines()[::4]:
        try:
            schema = Schema.of(json.loads(line)["schema"], allow_unknown=True)
        except InvalidSchema:
            continue
        loaded += 1
        drawn += bool(samples(schema))

    assert loaded > 100
    assert drawn >= 0.8 * loaded
