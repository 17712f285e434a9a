"""Adapted, answered in any way, restored: the value is always valid."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schema_guard.ext.decisions.fields import fields_of
from schema_guard.ext.decisions.hosts import HOSTS
from schema_guard.ext.decisions.profile import asked
from schema_guard.ext.decisions.questions import AnswerReading, Record
from schema_guard.ext.decisions.wire import wire_answers
from schema_guard.schema import Schema
from tests.ext.fitting.adapting.drawn import schemas as any_schemas

WORDS = st.sampled_from(["low", "high", "", " x", "not stated", "1", "true"])
SCALARS = st.one_of(WORDS, st.integers(0, 3), st.booleans(), st.none(), st.sampled_from([1.0, 2.5]))
ENUMS = st.lists(SCALARS, min_size=1, max_size=5).map(lambda values: {"enum": values})
LEAVES = st.one_of(
    ENUMS,
    st.sampled_from(
        [
            {"type": "boolean"},
            {"type": ["boolean", "null"]},
            {"type": "null"},
            {"type": "integer", "minimum": 1, "maximum": 5},
            {"type": "integer", "exclusiveMinimum": 0, "maximum": 20.5, "multipleOf": 5},
            {"type": "string"},
            {"const": {"a": 1}},
            {"$ref": "#/$defs/level"},
            {"anyOf": [{"$ref": "#/$defs/level"}, {"type": "null"}]},
            {"oneOf": [{"const": "a", "description": "first"}, {"const": "b"}]},
            {"allOf": [{"enum": ["a", "bb"]}, {"minLength": 2}]},
        ]
    ),
)


@st.composite
def records(draw, inner):
    """Draw a schema of objects."""
    properties = draw(st.dictionaries(st.sampled_from(["a", "b/c", "d"]), inner, max_size=3))
    required = draw(st.lists(st.sampled_from(sorted(properties)), unique=True)) if properties else []
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


@st.composite
def lists(draw):
    """Draw a schema of lists of options."""
    schema = {"type": "array", "items": draw(ENUMS)}
    bounds = {"minItems": st.integers(0, 3), "maxItems": st.integers(0, 4), "uniqueItems": st.booleans()}
    return schema | {key: draw(value) for key, value in bounds.items() if draw(st.booleans())}


@st.composite
def unions(draw, inner):
    """Draw a schema of tagged objects."""
    arms = draw(st.lists(records(inner), min_size=2, max_size=3))
    for at, arm in enumerate(arms):
        arm["properties"]["kind"] = {"const": f"k{at}"}
        arm["required"].append("kind")
    return {
        draw(st.sampled_from(["anyOf", "oneOf"])): [*arms, *draw(st.sampled_from([[], [{"type": "null"}]]))]
    }


INNER = st.recursive(
    st.one_of(LEAVES, lists()), lambda inner: st.one_of(records(inner), unions(inner)), max_leaves=6
)
ASKABLE = st.one_of(records(INNER), INNER).map(
    lambda schema: {**schema, "$defs": {"level": {"enum": ["low", "mid", "high"], "description": "Level"}}}
)
HOST_NAMES = st.sampled_from(sorted(HOSTS))


def answered(draw, form):
    """Draw answers to questions, in the form that the host sends."""
    answers = {}
    for at, question in enumerate(form.fields.questions):
        weights = draw(st.lists(st.integers(0, 9), min_size=question.size, max_size=question.size))
        weights[draw(st.integers(0, question.size - 1))] += 1
        answers[at] = [one / sum(weights) for one in weights]
    return json.loads(json.dumps(wire_answers(form.fields.questions, answers)))


def has_required_text(node):
    """Return whether a value that has only the answers lacks a required part."""
    if not isinstance(node, Record):
        return False
    required = node.schema.get("required", ())
    return any(name in required for name in node.texts) or any(
        has_required_text(one) for _, one in node.fields
    )


@pytest.mark.parametrize("source", [ASKABLE, any_schemas()], ids=["askable", "any"])
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_restored_answers_are_valid(source, data):
    """Whatever a host answers, the value is valid, unless a required field stays text."""
    schema, name = data.draw(source), data.draw(HOST_NAMES)
    loaded = Schema.of(schema)

    made = asked(loaded, name)

    if made.schema is None or has_required_text(made.form.fields.root):
        return
    value = made.restore(answered(data.draw, made.form))
    assert loaded.is_valid(value), (schema, value)


@settings(max_examples=100, deadline=None)
@given(schema=any_schemas(), name=HOST_NAMES)
def test_questions_keep_to_the_limits(schema, name):
    """No question has more options or levels than its host accepts, and labels differ."""
    host = HOSTS[name]

    for question in fields_of(Schema.of(schema), host).questions:
        assert question.size <= (host.levels if question.kind == "score" else host.options)
        assert len(set(question.labels)) == len(question.labels)
        assert all(label and label == label.strip() for label in question.labels)


def read(schema, answers, name="decisions"):
    """Return the value of answers by index."""
    form = asked(schema, name).form
    return form.fields.root.read(AnswerReading(answers), ())


TAGS = {
    "type": "array",
    "items": {"enum": ["a", "b", "c"]},
    "minItems": 1,
    "maxItems": 2,
    "uniqueItems": True,
}


@pytest.mark.parametrize(
    ("yes", "expected"),
    [
        ((0.9, 0.8, 0.7), ["a", "b"]),
        ((0.1, 0.3, 0.2), ["b"]),
        ((0.1, 0.3, 0.6), ["c"]),
        ((0.5, 0.3, 0.6), ["a", "c"]),
    ],
)
def test_lists_take_the_likeliest_options_within_their_bounds(yes, expected):
    """A list has the likely options, at least `minItems` and at most `maxItems` of them."""
    assert read(TAGS, {at: [one, 1 - one] for at, one in enumerate(yes)}) == expected


def test_optional_property_may_be_absent():
    """An optional property has the option that the text does not state it."""
    schema = {"type": "object", "properties": {"a": {"enum": ["x", "y"]}}}
    question = asked(schema, "decisions").form.fields.questions[0]

    assert question.labels == ("x", "y", "not stated")
    assert read(schema, {0: [0.2, 0.2, 0.6]}) == {}
    assert read(schema, {0: [0.2, 0.5, 0.3]}) == {"a": "y"}


def test_score_takes_the_lowest_of_the_likeliest_levels():
    """An integer in bounds is a scale; of equally likely levels, the lowest counts."""
    assert read({"type": "integer", "minimum": 1, "maximum": 4}, {0: [0.1, 0.4, 0.1, 0.4]}) == 2


def test_descriptions_are_the_words_of_the_questions():
    """The descriptions of a field, of its options, and of the object around it are in the question."""
    schema = {
        "type": "object",
        "properties": {
            "order": {
                "type": "object",
                "description": "What was bought",
                "properties": {
                    "state": {
                        "description": "Where the parcel is",
                        "oneOf": [{"const": "sent", "description": "left the shop"}, {"const": "lost"}],
                    }
                },
                "required": ["state"],
            }
        },
        "required": ["order"],
    }

    (question,) = asked(schema, "decisions").schema["x-questions"]

    assert question == {
        "name": "q0",
        "type": "choice",
        "instructions": "order > state: Where the parcel is\n(order: What was bought)",
        "choices": [{"value": "sent", "description": "left the shop"}, {"value": "lost"}],
    }


@pytest.mark.parametrize(
    ("field", "reason"),
    [
        ({"type": "string"}, "the schema lists no options for the string"),
        ({"type": "number"}, "the number has too many possible values"),
        (
            {"type": "array", "items": {"type": "object"}},
            "the schema lists no options for the items of the list",
        ),
        ({"enum": list(range(300))}, "the field has 300 options, but the provider accepts at most 255"),
        (
            {"type": "object", "properties": {"a": {"type": "string"}}},
            "no field of the object has few enough values for a decision model",
        ),
        (
            {"type": "object", "minProperties": 1},
            "the schema of the field has the keyword 'minProperties', which a decision model can't apply",
        ),
        ({"enum": ["a"], "minLength": 2}, "no value of the field is valid"),
        (
            {"anyOf": [{"type": "object"}, {"type": "string"}]},
            "the objects of the union have no property that distinguishes them",
        ),
    ],
)
def test_fields_that_stay_text_are_listed_with_the_reason(field, reason):
    """A field that cannot be asked is listed, with its place and the reason."""
    schema = {"type": "object", "properties": {"t": field, "b": {"type": "boolean"}}, "required": ["b", "t"]}

    (text,) = fields_of(Schema.of(schema), HOSTS["decisions"]).texts

    assert (text.path, text.location, text.reason) == (("t",), "/properties/t", reason)
    assert text.is_required


@pytest.mark.parametrize(
    ("beside", "valid"),
    [({"minimum": 3}, [3, 4, 5]), ({"maximum": 2}, [1, 2])],
    ids=["minimum", "maximum"],
)
def test_keywords_beside_a_reference_leave_out_options(beside, valid):
    """Each option is valid for the whole schema, and not only for the reference's."""
    schema = Schema.of(
        {
            "type": "object",
            "properties": {"a": {"$ref": "#/$defs/x", **beside}},
            "required": ["a"],
            "$defs": {"x": {"enum": [1, 2, 3, 4, 5]}},
        }
    )
    (question,) = fields_of(schema, HOSTS["decisions"]).questions

    assert [json.loads(label) for label in question.labels] == valid
