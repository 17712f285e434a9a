"""The candidates that follow from a failure map."""

import json

import pytest

from schema_guard import Schema
from schema_guard.ext.improve.candidates import PoolExample, PromptCandidate, candidates_of, chosen_examples
from schema_guard.ext.improve.failure_map import Gap, MapCall, failure_map
from schema_guard.ext.improve.wording import SchemaWords
from schema_guard.prompting import schema_instructions
from tests.ext.improve.improve_models import ORDER, SENTENCE

ENUM, DATE, LONG = (
    Gap("/priority", "enum", "enum"),
    Gap("/due", "format", "format"),
    Gap("/note", "maxLength", "maxLength"),
)
MAP = failure_map(
    [
        *(MapCall(f"a{at}", (ENUM,)) for at in range(5)),
        *(MapCall(f"b{at}", (DATE,)) for at in range(3)),
        *(MapCall(f"c{at}", ()) for at in range(2)),
    ]
)
BASE = PromptCandidate("base", schema_instructions(ORDER), (), "turns", ())


def candidates(schema=ORDER, failures=MAP, pool=(), *, base=None, layouts=True):
    base = base or BASE._replace(instructions=schema_instructions(schema))
    return {one.name: one for one in candidates_of(base, schema, failures, pool, layouts=layouts)}


def test_has_one_candidate_for_each_change():
    """Layout, examples, sentences, order, descriptions, words, and two that change several."""
    assert list(candidates()) == [
        "drawn examples",
        "layout",
        "sentence for /priority (enum)",
        "sentence for /due (format)",
        "sentences",
        "key order",
        "descriptions",
        "words",
        "layout and examples",
        "examples and sentences",
    ]


def test_a_sentence_is_added_to_the_prompt_in_use_with_its_reason():
    """The reason counts the failures that the sentence answers."""
    found = candidates()["sentence for /priority (enum)"]

    assert found.instructions == f"{BASE.instructions}\n{SENTENCE}"
    assert found.added == ((SENTENCE, "5 of 10 calls failed at /priority (enum)"),)


def test_every_candidate_has_a_reason_for_each_line():
    """`--diff` has nothing to invent."""
    assert all(line.line and line.reason for one in candidates().values() for line in one.added)
    assert all(one.added for one in candidates().values())


def test_reasoning_comes_first_and_decisions_last():
    """The keys of the schema change their order, and nothing else changes."""
    schema = Schema.of(
        {
            "type": "object",
            "properties": {
                "ok": {"type": "boolean"},
                "name": {"type": "string"},
                "reason": {"type": "string"},
            },
        }
    )
    found = candidates(schema)["key order"]

    assert '{"reason":' in found.instructions
    assert found.added[0].line == "order of the keys: reason, name, ok"
    assert Schema.of(json.loads(found.instructions.partition("\n")[2])).fingerprint == schema.fingerprint


def test_descriptions_do_not_change_the_identity_of_the_schema():
    """A description at each failing place, in the schema that the prompt shows."""
    text = candidates()["descriptions"].instructions.partition("\n")[2]

    assert Schema.of(json.loads(text)).fingerprint == ORDER.fingerprint
    assert json.loads(text)["properties"]["priority"]["description"] == SENTENCE


def test_words_replace_the_schema():
    """Each keyword has words, and the schema is gone."""
    text = candidates()["words"].instructions

    assert "JSON Schema" not in text
    assert '"due": a date as YYYY-MM-DD, such as "2026-03-14".' in text
    assert '"note": a text, at most 20 characters. Omit it if the text does not give it.' in text
    assert "There are no other keys." in text


def test_no_layout_for_a_function_that_has_no_choice():
    """A function that builds its own messages gets no other layout."""
    assert {name for name in candidates(layouts=False) if "layout" in name} == set()


def test_examples_show_the_failing_places_first():
    """An example of an input that failed comes before one that only has a value there."""
    plain = PoolExample("plain", {"priority": "low", "due": "2026-01-01"}, "labeled")
    failing = PoolExample("failing", {"priority": "low", "due": "2026-01-01"}, "a call", (ENUM,))
    other = PoolExample("other", {"note": "x"}, "labeled")

    assert chosen_examples([other, plain, failing], MAP)[0] == failing
    assert [one.task for one in candidates(pool=[other, plain, failing])["examples"].examples] == [
        "failing",
        "plain",
        "other",
    ]


def test_draws_examples_with_patterns_if_there_is_none_to_show():
    """A required pattern is no obstacle."""
    schema = Schema.of(
        {
            "type": "object",
            "properties": {"id": {"type": "string", "pattern": "^[A-Z]{2}[0-9]{4}$"}},
            "required": ["id"],
        }
    )
    found = candidates(schema)["drawn examples"]

    assert found.examples
    assert all(schema.is_valid(one.value) and one.task is None for one in found.examples)


@pytest.mark.parametrize(
    ("gap", "sentence"),
    [
        (ENUM, SENTENCE),
        (DATE, '"due" is a date as YYYY-MM-DD, such as "2026-03-14".'),
        (LONG, '"note" is a text, at most 20 characters. If the text does not give it, omit it.'),
        (Gap("", "required", "required"), 'The reply always has the keys "priority", "due".'),
        (Gap("", "additionalProperties", ""), 'The reply has no other keys than "priority", "due", "note".'),
        (Gap("", "type", "type"), "The reply is an object in JSON."),
        (
            Gap(None, "", "no_json"),
            "Begin your reply with { and end it with }. Write nothing before or after it.",
        ),
        (Gap(None, "", "unfinished"), "Write the JSON on one line, and stop after the last }."),
        (Gap(None, "", "refusal"), None),
        (Gap("/unknown", "type", "type"), None),
    ],
)
def test_sentence_for_a_gap(gap, sentence):
    """A gap without words has no sentence."""
    assert SchemaWords(ORDER).sentence(gap) == sentence


def test_words_of_items_and_references():
    """Sentences reach into the items of a list, and into a definition."""
    words = SchemaWords(
        Schema.of(
            {
                "type": "object",
                "properties": {"lines": {"type": "array", "items": {"$ref": "#/$defs/line"}}},
                "$defs": {
                    "line": {"type": "object", "properties": {"qty": {"type": "integer", "minimum": 1}}}
                },
            }
        )
    )

    assert words.sentence(Gap("/lines/*/qty", "minimum", "minimum")) == (
        '"qty" is a whole number without quotes, at least 1. If the text does not give it, omit it.'
    )
    assert words.whole() is not None


def test_no_words_for_a_schema_that_contains_itself():
    """The words would lose the definition."""
    tree = Schema.of({"type": "object", "properties": {"sub": {"type": "array", "items": {"$ref": "#"}}}})

    assert SchemaWords(tree).whole() is None
    assert "words" not in candidates(tree)


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"properties": {"a": {"$ref": "#/$defs/x"}}, "$defs": {"x": True}}, None),
        ({"properties": {"a": {"type": "string", "description": "the ISO code"}}}, "the ISO code."),
        ({"properties": {"a": {}}, "additionalProperties": {"type": "integer"}}, '"additionalProperties"'),
        ({"properties": {"a": {}}, "required": ["b"]}, '"required":["b"]'),
    ],
    ids=["boolean definition", "description", "other keys", "key without a schema"],
)
def test_the_words_of_a_schema_lose_nothing(schema, words):
    """The text quotes keywords that have no words of their own."""
    text = SchemaWords(Schema.of({"type": "object", **schema})).whole()

    assert text is None if words is None else words in text
