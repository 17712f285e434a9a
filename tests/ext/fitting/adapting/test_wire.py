"""Adapted schemas aren't refused by rules that know nothing of providers."""

import pytest

from benchmarks.provider_refusals.other_providers import COHERE_RULES, CONVERSE_RULES, MISTRAL_RULES
from benchmarks.provider_refusals.sent_schema import SentSchema, broken
from benchmarks.wire_schemas import RULES as OF_PACKAGES
from benchmarks.wire_schemas import cases
from schema_guard.ext.fitting.adapting import adapt
from tests.thinned import costly

RULES = {**OF_PACKAGES, "mistralai": MISTRAL_RULES, "cohere": COHERE_RULES, "boto3": CONVERSE_RULES}

PROVIDER_OPTIONS = {
    "openai": "openai",
    "openai-responses": "openai",
    "anthropic": "anthropic",
    "gemini": "google-genai",
    "mistral": "mistralai",
    "cohere": "cohere",
    "bedrock": "boto3",
}
CASES = cases()


def refused(document, package):
    """The rules of a provider that a schema breaks."""
    return [rule.name for rule, _ in broken(RULES[package], [SentSchema(document, "", name=("r", "name"))])]


@pytest.mark.parametrize("case", costly(CASES, 4), ids=[case.name for case in CASES])
def test_an_adapted_schema_is_not_refused(case):
    """The built-in schemas and those of Pydantic models, adapted to each provider, break none of its rules."""
    for provider, package in PROVIDER_OPTIONS.items():
        schema = adapt(case.document, provider).schema

        assert refused(schema, package) == [], provider


@pytest.mark.parametrize("package", RULES)
def test_some_are_refused_as_they_are(package):
    """Unadapted each provider refuses some, so that the rules are tried."""
    assert any(refused(case.document, package) for case in CASES)


def closed(**properties):
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


TEXT, NUMBER = {"type": "string"}, {"type": "integer"}
ALIKE = {
    "one each": [closed(name=TEXT, a=TEXT), closed(name=TEXT, b=TEXT)],
    "the shorter one has no other": [closed(name=TEXT, a=TEXT), closed(name=NUMBER)],
    "the same keys": [closed(name=TEXT, v=TEXT), closed(name=TEXT, v=NUMBER)],
}


@pytest.mark.parametrize("branches", ALIKE.values(), ids=list(ALIKE))
def test_objects_of_a_union_that_begin_alike_are_told_apart(branches):
    """Their properties come in another order, nothing else is changed, and there is nothing to warn of."""
    schema = closed(v={"anyOf": branches})

    adapted = adapt(schema, "openai")

    assert adapted.schema == schema
    assert refused(adapted.schema, "openai") == []
    assert (adapted.relaxed, adapted.narrowed, adapted.is_same_form) == ([], [], True)
    assert adapt(adapted.schema, "openai").fingerprint == adapted.fingerprint


def test_objects_that_cannot_be_told_apart_are_sent_as_they_are():
    """Where no other key is left the union is sent: `lint` warns of it, for it is not known to be refused today."""
    schema = closed(v={"anyOf": [closed(name=TEXT), closed(name=NUMBER)]})

    assert adapt(schema, "openai").schema == schema


def test_too_many_unions_lose_their_null_where_a_property_can_be_left_out():
    """Of 18 properties that may be absent and null, two can be absent alone, and both are listed as narrowed."""
    schema = closed(**{f"p{n}": {"type": ["string", "null"]} for n in range(18)})

    adapted = adapt({**schema, "required": []}, "anthropic")

    assert [change.location for change in adapted.narrowed] == ["/properties/p0", "/properties/p1"]
    assert [adapted.schema["properties"][name]["type"] for name in ("p1", "p2")] == [
        "string",
        ["string", "null"],
    ]


def test_too_many_unions_that_are_required_are_not_sent():
    """Where each has to be there, none can lose its null: nothing is sent, and the reason is told."""
    adapted = adapt(closed(**{f"p{n}": {"type": ["string", "null"]} for n in range(18)}), "anthropic")

    assert adapted.schema is None
    assert "accepts at most 16 properties with several types" in adapted.relaxed[0].reason
