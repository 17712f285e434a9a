"""A keyword that is refused, found by requests whose number is bounded."""

import json

from hypothesis import given
from hypothesis import strategies as st

from schema_guard.ext.fitting.probe.bisection import find_refused, most_requests
from schema_guard.pointer import split
from schema_guard.schema import Schema
from schema_guard.validation.references import subschemas

LEAVES = st.sampled_from(
    ({"type": "string"}, {"type": "integer", "minimum": 1}, {"enum": ["a", 1]}, {"$ref": "#/$defs/part"}, {})
)
SCHEMAS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.dictionaries(st.sampled_from("ab/~c"), inner, max_size=4).map(
            lambda found: {"type": "object", "properties": found, "required": sorted(found)}
        ),
        inner.map(lambda found: {"type": "array", "items": found, "maxItems": 3}),
        st.lists(inner, min_size=1, max_size=3).map(lambda found: {"anyOf": found, "description": "d"}),
        inner.map(lambda found: {"type": "object", "additionalProperties": found}),
    ),
    max_leaves=12,
).map(lambda found: {**found, "$defs": {"part": {"type": "boolean"}}})
CLOSED = {
    "type": "object",
    "properties": {"a": {"type": "string"}},
    "required": ["a"],
    "additionalProperties": False,
}


def at(document, location):
    for step in split(location):
        document = document[int(step)] if isinstance(document, list) else document[step]
    return document


def objects(document):
    return [place for place in subschemas(document, "", "") if isinstance(place.schema, dict)]


def without(keyword):
    """A server that refuses a keyword wherever it stands; what it is sent is valid."""

    def ask(document):
        Schema.of(document)
        return not any(keyword in place.schema for place in objects(document)), "no"

    return ask


@given(SCHEMAS, st.data())
def test_a_planted_keyword_is_found_where_it_stands(schema, data):
    """Wherever it is, with at most log2(keywords) + 5 requests."""
    planted = json.loads(json.dumps(schema))  # no two places are one object
    location = data.draw(st.sampled_from(sorted(place.location for place in objects(planted))))
    at(planted, location)["uniqueItems"] = True

    result = find_refused(planted, without("uniqueItems"))

    assert (result.refused.location, result.refused.keyword) == (location, "uniqueItems")
    assert result.requests <= most_requests(planted)


@given(SCHEMAS)
def test_a_schema_that_is_taken_is_one_request(schema):
    """Nothing is searched where nothing is refused."""
    result = find_refused(schema, without("uniqueItems"))

    assert (result.is_accepted, result.requests, result.refused) == (True, 1, None)


def test_of_two_that_are_refused_the_first_is_told():
    """The order is that in which they are written."""
    schema = {**CLOSED, "properties": {"a": {"type": "string", "not": {}}, "b": {"not": {}}}}

    assert find_refused(schema, without("not")).refused.location == "/properties/a"


def test_an_object_that_is_not_closed_is_told_as_that():
    """What is missed is the keyword that would have to say more."""

    def ask(document):
        return all(
            place.schema.get("additionalProperties") is False
            for place in objects(document)
            if "properties" in place.schema
        ), "no"

    open_ = {key: value for key, value in CLOSED.items() if key != "additionalProperties"}
    result = find_refused({**CLOSED, "properties": {"a": open_}}, ask).refused

    assert (result.location, result.keyword, result.is_missed) == (
        "/properties/a",
        "additionalProperties",
        True,
    )


def test_a_property_that_is_not_required_is_told_as_that():
    """The same of a list of required properties that is too short."""

    def ask(document):
        return all(
            set(place.schema.get("required", ())) == set(place.schema.get("properties", ()))
            for place in objects(document)
        ), "no"

    result = find_refused({**CLOSED, "required": []}, ask).refused

    assert (result.location, result.keyword, result.is_missed) == ("", "required", True)


def test_what_is_not_answered_is_no_refusal():
    """A connection that breaks leaves the question open."""
    result = find_refused(CLOSED, lambda document: (None, "no connection"))

    assert (result.is_accepted, result.refused, result.text) == (None, None, "no connection")
