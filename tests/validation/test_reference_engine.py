"""The reference engine, for schemas that the fast engine cannot compile, has the same results."""

import random

import pytest

import schema_guard
from schema_guard import InvalidSchema, Schema
from tests.needs import needs
from tests.public.schemas.fuzzing import drawn_schema, drawn_value
from tests.public.schemas.test_official_suite import WITHOUT_ASSERTIONS, suite, wrong
from tests.thinned import costly

__all__ = ["suite"]


@pytest.mark.parametrize("draft", costly(["draft4", "draft7", "draft2020-12"], 3))
def test_reference_engine_agrees(suite, draft, monkeypatch):
    """The engine behind the fast one is right wherever the fast one is."""
    monkeypatch.setattr("schema_guard.validation.fast_engine.MAX_CROSSINGS", 0)
    monkeypatch.setattr("schema_guard.schema._cache", {})

    _, result = wrong(suite, draft, f"tests/{draft}", formats=False)

    assert [case for case in result if case[1] != WITHOUT_ASSERTIONS] == []


@needs("streaming")
def test_a_schema_that_only_the_reference_engine_takes_asks_nothing(monkeypatch):
    """Where the fast engine does not validate, only what is no JSON is stopped."""
    monkeypatch.setattr("schema_guard.validation.fast_engine.MAX_CROSSINGS", 0)
    monkeypatch.setattr("schema_guard.schema._cache", {})
    schema = Schema.of({"type": "object"})

    assert schema.engine == "jsonschema"
    checker = schema_guard.prefix_checker(schema)
    assert checker.feed("[1") is None
    assert checker.feed("}").code == "malformed"


@pytest.mark.parametrize("seed", range(20))
def test_engines_agree_on_drawn_schemas(seed):
    """Both engines accept the same values."""
    rng = random.Random(seed)
    for _ in range(30):
        schema = drawn_schema(rng)
        reference = schema.reference()
        for value in [drawn_value(schema.document, rng) for _ in range(4)]:
            assert reference.is_valid(value) is schema.is_valid(value), (schema.document, value)


@pytest.mark.parametrize("keyword", ["additionalProperties", "unevaluatedProperties"])
def test_reference_engine_matches_names_as_the_fast_engine_does(keyword):
    """A pattern that Python cannot compile, or takes exponential time for, is no trouble beside this keyword."""
    reference = Schema.of({"patternProperties": {r"^\p{L}$": {}, "^(a+)+$": {}}, keyword: False}).reference()

    assert reference.is_valid({"\u00e9": 1, "aa": 2})
    assert [error.kind.fields for error in reference.errors({"x": 1, "a" * 5_000 + "b": 2, "12": 3})] == [
        {"unexpected": ["a" * 5_000 + "b", "12"]}
    ]


_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_OWN_RESOURCE = {"$id": "http://x/y", "$ref": "#/$defs/a"}
_OBJECT, _ARRAY = (
    {**_OWN_RESOURCE, "$defs": {"a": {name: {}}}} for name in ("additionalProperties", "items")
)


@pytest.mark.parametrize(
    ("document", "instance", "is_valid"),
    [
        ({"allOf": [{"$schema": _DIALECT, "pattern": r"^\p{L}$"}]}, "\u00e9", True),
        ({"allOf": [{"$schema": _DIALECT, "format": "date"}]}, "yesterday", False),
        ({"not": _OBJECT}, {"a": 1}, False),
        ({"if": _OBJECT, "then": {"required": ["b"]}}, {"a": 1}, False),
        ({"oneOf": [{}, _OBJECT]}, {"a": 1}, False),
        ({"allOf": [_OBJECT], "unevaluatedProperties": False}, {"a": 1}, True),
        ({"allOf": [_ARRAY], "unevaluatedItems": False}, [1], True),
        ({"dependencies": {"a": ["b"]}}, {"a": 1}, False),
    ],
)
def test_reference_engine_reads_a_schema_inside_as_the_fast_engine_does(document, instance, is_valid):
    """A schema inside keeps its base URI, and what is checked does not change at a `$schema` inside."""
    schema = Schema.of(document)

    assert schema.is_valid(instance) is is_valid
    assert schema.reference().is_valid(instance) is is_valid


def test_reference_engine_checks_resources_at_load(monkeypatch):
    """A resource with an unknown type is refused, as the fast engine does."""
    monkeypatch.setattr("schema_guard.validation.fast_engine.MAX_CROSSINGS", 0)

    with pytest.raises(InvalidSchema, match="objekt"):
        Schema.of({"$ref": "https://example.com/a"}, resources={"https://example.com/a": {"type": "objekt"}})
