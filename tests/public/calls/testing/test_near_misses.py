"""Near misses: invalid by exactly one keyword at one place, for every keyword that can be broken."""

import dataclasses
import json
import random
from collections import Counter
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis import strategies as st

from schema_guard import InvalidArgument, InvalidSchema, Schema
from schema_guard.testing import NearMiss, near_misses
from tests.thinned import thinned

DRAWN = settings(max_examples=40, database=None, derandomize=True, deadline=None, phases=[Phase.generate])


@dataclass(frozen=True)
class Case:
    """A schema, and all labels that its near misses have: keyword, its location."""

    id: str
    schema: Any
    labels: set
    dialect: str = "2020-12"


CASES = [
    Case("type", {"type": "string"}, {("type", "/type")}),
    Case("enum", {"enum": [1, "a"]}, {("enum", "/enum")}),
    Case("const", {"const": {"a": 1}}, {("const", "/const")}),
    Case("minimum", {"minimum": 3}, {("minimum", "/minimum")}),
    Case("maximum", {"maximum": 3}, {("maximum", "/maximum")}),
    Case("exclusiveMinimum", {"exclusiveMinimum": 3}, {("exclusiveMinimum", "/exclusiveMinimum")}),
    Case("exclusiveMaximum", {"exclusiveMaximum": 3}, {("exclusiveMaximum", "/exclusiveMaximum")}),
    Case("exclusive_of_draft_4", {"minimum": 3, "exclusiveMinimum": True}, {("exclusiveMinimum", "/exclusiveMinimum")}, "draft4"),
    Case("multipleOf", {"multipleOf": 3}, {("multipleOf", "/multipleOf")}),
    Case("decimals", {"type": "number", "multipleOf": 0.01}, {("type", "/type"), ("multipleOf", "/multipleOf")}),
    Case("minLength", {"minLength": 2}, {("minLength", "/minLength")}),
    Case("maxLength", {"maxLength": 2, "pattern": "^a*$"}, {("maxLength", "/maxLength"), ("pattern", "/pattern")}),
    Case("pattern", {"pattern": "^a+$"}, {("pattern", "/pattern")}),
    Case("format", {"format": "date"}, {("format", "/format")}),
    Case("minItems", {"minItems": 2}, {("minItems", "/minItems")}),
    Case("maxItems", {"maxItems": 2}, {("maxItems", "/maxItems")}),
    Case("uniqueItems", {"uniqueItems": True}, {("uniqueItems", "/uniqueItems")}),
    Case("contains", {"contains": {"const": 1}}, {("contains", "/contains")}),
    Case("minContains", {"contains": {"const": 1}, "minContains": 2}, {("minContains", "/minContains")}),
    Case("maxContains", {"contains": {"const": 1}, "maxContains": 2},
         {("maxContains", "/maxContains")}),
    Case("items", {"items": {"type": "integer"}}, {("type", "/items/type")}),
    Case("no_items", {"prefixItems": [{"minimum": 1}], "items": False}, {("items", "/items"), ("minimum", "/prefixItems/0/minimum")}),
    Case("additionalItems", {"items": [{}], "additionalItems": False}, {("additionalItems", "/additionalItems")}, "draft7"),
    Case("prefixItems", {"prefixItems": [True, False]}, {("prefixItems", "/prefixItems/1")}),
    Case("unevaluatedItems", {"prefixItems": [True], "unevaluatedItems": False}, {("unevaluatedItems", "/unevaluatedItems")}),
    Case("required", {"required": ["a", "b"]}, {("required", "/required")}),
    Case("properties", {"properties": {"a": {"maximum": 1}, "b": False}}, {("maximum", "/properties/a/maximum"), ("properties", "/properties/b")}),
    Case("patternProperties", {"patternProperties": {"^x": {"minimum": 3}}}, {("minimum", "/patternProperties/^x/minimum")}),
    Case("additionalProperties", {"properties": {"a": {}}, "additionalProperties": False}, {("additionalProperties", "/additionalProperties")}),
    Case("additional_schema", {"additionalProperties": {"const": 1}}, {("const", "/additionalProperties/const")}),
    Case("unevaluatedProperties", {"allOf": [{"properties": {"a": {}}}], "unevaluatedProperties": False},
         {("unevaluatedProperties", "/unevaluatedProperties")}),
    Case("propertyNames", {"propertyNames": {"maxLength": 3}}, {("propertyNames", "/propertyNames")}),
    Case("minProperties", {"minProperties": 2}, {("minProperties", "/minProperties")}),
    Case("maxProperties", {"maxProperties": 1}, {("maxProperties", "/maxProperties")}),
    Case("dependentRequired", {"dependentRequired": {"a": ["b"]}}, {("dependentRequired", "/dependentRequired")}),
    Case("dependentSchemas", {"dependentSchemas": {"a": {"required": ["c"]}}}, {("required", "/dependentSchemas/a/required")}),
    Case("dependencies", {"dependencies": {"a": ["b"]}}, {("dependencies", "/dependencies")}, "draft7"),
    Case("anyOf", {"anyOf": [{"type": "string"}, {"minimum": 3}]}, {("minimum", "/anyOf/1/minimum")}),
    Case("oneOf", {"oneOf": [{"type": "string"}, {"minLength": 3}]}, {("oneOf", "/oneOf")}),
    Case("allOf", {"allOf": [{"type": "string"}, {"minLength": 2}]}, {("type", "/allOf/0/type"), ("minLength", "/allOf/1/minLength")}),
    Case("not", {"not": {"type": "string"}}, {("not", "/not")}),
    Case("if", {"if": {"type": "string"}, "then": {"minLength": 2}, "else": {"maximum": 2}},
         {("minLength", "/then/minLength"), ("maximum", "/else/maximum")}),
    Case("ref", {"$ref": "#/$defs/a", "$defs": {"a": {"maximum": 2}}}, {("maximum", "/$ref/maximum")}),
    Case("false", False, {("falseSchema", "")}),
]  # fmt: skip


def drawn(strategy, run=DRAWN):
    """Give what Hypothesis draws, health checks and all."""
    results = []

    @run
    @given(strategy)
    def draw(value):
        results.append(value)

    draw()
    return results


def told(schema, miss):
    return [
        NearMiss(miss.value, v.instance_location, v.keyword, v.keyword_location)
        for v in schema.violations(miss.value)
    ]


@pytest.mark.parametrize("case", thinned(CASES, 4), ids=lambda case: case.id)
def test_every_keyword_is_broken(case):
    """The near misses of a schema break each of its keywords, and nothing else."""
    result = drawn(near_misses(Schema.of(case.schema, dialect=case.dialect)))

    assert {(miss.keyword, miss.keyword_location) for miss in result} == case.labels


@pytest.mark.parametrize("case", thinned(CASES, 4), ids=lambda case: case.id)
def test_the_label_is_the_only_violation(case):
    """What is drawn has one violation, the one that it is labelled with."""
    schema = Schema.of(case.schema, dialect=case.dialect)

    assert all(told(schema, miss) == [miss] for miss in drawn(near_misses(schema)))


def test_recursion_is_broken_at_each_level():
    """A near miss of a schema that refers to itself is at the root or inside."""
    schema = {"properties": {"next": {"$ref": "#"}}, "required": ["id"]}

    places = {miss.keyword_location for miss in drawn(near_misses(schema))}
    assert places >= {"/required", "/properties/next/$ref/required"}


ORDER = {
    "type": "object",
    "properties": {
        "number": {"type": "string", "pattern": "^A-[0-9]{4}$"},
        "status": {"enum": ["open", "paid"]},
        "lines": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "properties": {"qty": {"type": "integer", "minimum": 1}, "sku": {"type": "string"}},
                "required": ["qty", "sku"],
                "additionalProperties": False,
            },
        },
    },
    "required": ["number", "lines"],
    "additionalProperties": False,
}
LINE = "/properties/lines/items"


@pytest.mark.costly
def test_all_keywords_of_a_schema_come_up():
    """Of a schema as people write it, each keyword at each place is broken."""
    result = drawn(
        near_misses(ORDER), settings(DRAWN, max_examples=1_200)
    )  # the rarest comes up about once in 50

    assert {miss.keyword_location for miss in result} == {
        "/type", "/required", "/additionalProperties", "/properties/number/type", "/properties/number/pattern",
        "/properties/status/enum", "/properties/lines/type", "/properties/lines/minItems", f"{LINE}/type",
        f"{LINE}/required", f"{LINE}/additionalProperties", f"{LINE}/properties/qty/type",
        f"{LINE}/properties/qty/minimum", f"{LINE}/properties/sku/type",
    }  # fmt: skip


@pytest.mark.costly
def test_a_near_miss_shrinks_around_its_fault():
    """The simplest near miss of a keyword has the fault first, and only the simplest values beside it."""
    # Fifty draws may hold no such miss.
    thorough = settings(database=None, max_examples=2_000)
    value = find(near_misses(ORDER), lambda miss: miss.keyword == "minimum", settings=thorough).value

    assert value["number"] == "A-0000"
    assert value["lines"][0] == {"qty": 0, "sku": ""}
    assert all(line == {"qty": 1, "sku": ""} for line in value["lines"][1:])


def test_near_misses_are_frozen():
    """A near miss is a value."""
    miss = NearMiss(1, "", "type", "/type")

    with pytest.raises(dataclasses.FrozenInstanceError):
        miss.value = 2


@pytest.mark.parametrize(
    "schema", [True, {}, {"title": "x"}, {"minLength": 0, "required": [], "minItems": 0}, {"anyOf": [True]}]
)
def test_what_cannot_be_broken_is_an_error(schema):
    """A schema that accepts everything has no near miss."""
    with pytest.raises(
        InvalidArgument,
        match=r": at .root.: schema_guard found no value that violates only one keyword of the schema",
    ):
        near_misses(schema)


def test_keywords_that_only_break_together_are_an_error():
    """Two keywords that say the same have no near miss, and the draw says so."""
    with pytest.raises(InvalidArgument, match=r"schema_guard found no near miss of schema 'schema-\w+'"):
        near_misses({"allOf": [{"format": "date"}, {"format": "date"}]})


leaves = st.sampled_from([{"type": "string"}, {"type": "integer", "minimum": 2}, {"enum": [1, "a"]}, {"pattern": "^[ab]+$"}, {"$ref": "#"},
                          {"required": ["a"]}, {"maxLength": 2}, {"uniqueItems": True}, {"maxProperties": 1}, True])  # fmt: skip
parts = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds(lambda a, b: {"type": "object", "properties": {"a": a, "b": b}, "required": ["a"]}, inner, inner),
        st.builds(lambda a: {"properties": {"a": a}, "additionalProperties": False}, inner),
        st.builds(lambda a: {"type": "array", "items": a}, inner),
        st.builds(lambda a: {"not": a}, inner),
        st.builds(lambda a, b: {"if": a, "then": b}, inner, inner),
        st.builds(lambda word, arms: {word: arms}, st.sampled_from(["anyOf", "oneOf", "allOf"]), st.lists(inner, min_size=1, max_size=3)),
    ),
    max_leaves=5,
)  # fmt: skip


@settings(suppress_health_check=list(HealthCheck))
@given(parts, st.data())
def test_any_schema_gives_near_misses_or_says_that_there_are_none(part, data):
    """Of every schema a near miss is drawn, with its only violation, or an error says that there is none."""
    try:
        schema = Schema.of(part)
        miss = data.draw(near_misses(schema))
    except (InvalidSchema, InvalidArgument):
        return

    assert told(schema, miss) == [miss]


def rows(corpora):
    return [
        json.loads(line)
        for line in (corpora / "jsonschemabench.jsonl").read_text(encoding="utf-8").splitlines()
    ]


def broken(rows, most, without=()):
    """Count the broken keywords over all schemas; every other schema gives near misses."""
    count = Counter()
    for row in rows:
        schema = Schema.of(row["schema"], allow_unknown=True)
        if row["id"] in without:
            with pytest.raises(InvalidArgument, match="no branch of"):
                drawn(near_misses(schema), settings(DRAWN, max_examples=most))
            continue
        result = drawn(near_misses(schema), settings(DRAWN, max_examples=most))
        assert (row["id"], [miss for miss in result if told(schema, miss) != [miss]]) == (row["id"], [])
        count.update(miss.keyword for miss in result)
    return count


@pytest.mark.costly
def test_real_schemas_give_near_misses(corpora):
    """Of twelve real schemas near misses are drawn, each with its only violation."""
    result = broken(random.Random(2020).sample(rows(corpora), 12), 10)  # a sample

    assert result.keys() >= {"type", "required", "enum"}


@pytest.mark.slow
def test_all_real_schemas_give_near_misses(corpora):
    """Of every real schema near misses are drawn, of many keywords, but for one that no value is valid for."""
    assert len(broken(rows(corpora), 4, without=["Glaiveai2K/calculate_area_f88fb53c"])) >= 16
