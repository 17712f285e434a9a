"""Failing replies drawn from a schema: each fails as its label says."""

from dataclasses import dataclass

import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st

from schema_guard import InvalidArgument, Schema, judge
from schema_guard.testing import broken
from tests.needs import marked, needs
from tests.testing.model_replies.sent_schemas import DRAWS, ORDER, SCHEMAS, draws
from tests.thinned import examples, share

# To explain an example varies it, and `find` gives the last one it saw.
FOUND = settings(database=None, derandomize=True, deadline=None, phases=[Phase.generate, Phase.shrink])
SYNTACTIC = {"syntax", "truncation", "refusal"}
MANY = share(2_000)


def label(fault, schema, repair="off"):
    """What judge makes of a failing reply: kind and code, or None when it is valid."""
    failure = judge(fault.text, schema, finish_reason=fault.finish_reason, repair=repair).failure
    return failure and (failure.kind, failure.code)


def least_repair(fault, schema):
    """The least level of repair that makes a reply valid; None when none does."""
    return next((level for level in ("lossless", "lossy") if label(fault, schema, level) is None), None)


@pytest.fixture(scope="module")
def many():
    """Failing replies for an object with all kinds of members."""
    return draws(broken(ORDER), MANY)


@given(st.data())
@examples(40)
def test_judge_gives_the_label(data):
    """A reply fails with exactly the kind and code that it is labelled with, whatever the schema."""
    schema = Schema.of(data.draw(st.sampled_from(list(SCHEMAS.values()))))

    fault = data.draw(broken(schema))

    assert label(fault, schema) == (fault.kind, fault.code)


@needs("repair")
@given(st.data())
@examples(30)
def test_only_what_is_labelled_so_is_repaired(data):
    """A reply becomes valid by repair from the level on that it is labelled with, and else by none."""
    schema = Schema.of(data.draw(st.sampled_from(list(SCHEMAS.values()))))

    fault = data.draw(broken(schema))

    assert least_repair(fault, schema) == fault.repaired_by


@given(broken(ORDER))
def test_chunks_join_to_the_text(fault):
    """The chunks of a reply are its text, in order."""
    assert "".join(fault.chunks) == fault.text


@dataclass(frozen=True)
class Way:
    """The labels and the levels of repair that a way to fail can have."""

    id: str
    labels: frozenset[tuple[str, str]] | set[tuple[str, str]]
    repaired_by: frozenset[str | None] | set[str | None] = frozenset({None})


MALFORMED = {("syntax", "malformed")}
CUT = {("truncation", "max_tokens"), ("truncation", "unfinished")}
SHAPE = {("structure", "type"), ("structure", "anyOf"), ("value", "enum")}
WAYS = [
    Way("prose_only", {("syntax", "no_json"), ("truncation", "max_tokens")}),
    Way("empty", {("syntax", "empty"), ("truncation", "max_tokens")}),
    Way("refusal", {("refusal", "refusal"), ("refusal", "content_filter")}),
    Way("null", SHAPE),
    Way("missing_key", {("structure", "required"), ("structure", "anyOf")}),
    Way("extra_key", {("structure", "additionalProperties"), ("structure", "anyOf")}),
    Way("number_as_string", {("structure", "type")}),
    Way("wrong_type", SHAPE),
    Way(
        "wrong_arm",
        SHAPE
        | {
            ("value", "const"),
            ("value", "enum"),
            ("structure", "required"),
            ("structure", "additionalProperties"),
        },
    ),
    Way(
        "wrong_value",
        {
            ("value", "enum"),
            ("value", "minimum"),
            ("value", "minLength"),
            ("value", "maxLength"),
            ("value", "pattern"),
            ("value", "const"),
        },
    ),
    Way("cut_off", CUT | MALFORMED, {None, "lossless", "lossy"}),
    Way("repetition_loop", CUT | {("truncation", "runaway")}, {None, "lossy"}),
    Way("trailing_comma", MALFORMED, {"lossless"}),
    Way("missing_comma", MALFORMED, {"lossless"}),
    Way("single_quotes", MALFORMED, {"lossless"}),
    Way("python_literals", MALFORMED, {"lossless"}),
    Way("bad_escape", MALFORMED, {None, "lossless"}),
    Way("unescaped_quote", MALFORMED, {None, "lossless", "lossy"}),
    Way("not_finite", {("syntax", "not_finite")}),
    Way("duplicate_key", {("syntax", "duplicate_key")}),
    Way("several_documents", {("syntax", "several_documents")}),
    Way("schema_echo", {("structure", "required"), ("structure", "additionalProperties")}),
    Way("cut_schema_echo", CUT | MALFORMED),
]


@pytest.mark.parametrize(
    "way", marked(WAYS, "repair", lambda way: None not in way.repaired_by), ids=lambda way: way.id
)
def test_way_has_its_labels(many, way):
    """Every way to fail comes up for a schema that has all that it takes, with no label but its own."""
    made = [fault for fault in many if fault.how == way.id]

    assert made
    assert {(fault.kind, fault.code) for fault in made} <= way.labels
    assert {fault.repaired_by for fault in made} <= way.repaired_by


@pytest.mark.parametrize(
    ("schema", "left_out"),
    [
        (
            {"type": "array", "items": {"type": "integer"}},
            {"wrong_arm", "missing_key", "extra_key", "duplicate_key"},
        ),
        (
            {"type": "string"},
            {"wrong_arm", "number_as_string", "not_finite", "several_documents", "trailing_comma"},
        ),
        (
            {"type": "object", "properties": {"a": {"type": "boolean"}}},
            {"extra_key", "wrong_arm", "schema_echo"},
        ),
    ],
    ids=["integers", "string", "open_object"],
)
def test_what_cannot_be_made_is_left_out(schema, left_out):
    """A way that the schema has no place for does not come up."""
    assert {fault.how for fault in draws(broken(schema), share(500))} & left_out == set()


@pytest.mark.parametrize(
    "schema",
    [True, {"oneOf": [{"type": "string", "pattern": "^a"}, {"not": {"type": "string", "pattern": "^a"}}]}],
    ids=["true", "one_of_two_opposites"],
)
def test_schema_that_takes_anything_has_syntactic_failures_only(schema):
    """Where every JSON value is valid, what fails is no JSON, cut off or a refusal."""
    assert {fault.kind for fault in draws(broken(schema), share(300))} == SYNTACTIC


@pytest.mark.costly
def test_large_instance_is_broken_too():
    """Of an instance with many parts some are looked at."""
    schema = Schema.of({"type": "array", "items": {"type": "integer"}, "minItems": 300})

    assert {fault.code for fault in draws(broken(schema), 30) if fault.how == "null"} == {"type"}


def test_examples_shrink_to_prose():
    """The simplest failing reply is a sentence."""
    fault = find(broken(ORDER), lambda _: True, settings=FOUND)

    assert (fault.how, fault.text) == ("prose_only", "I have read the text. It does not say.")


def test_truncation_happens_at_any_byte():
    """A text is cut inside a character too, which then comes as U+FFFD."""
    cut = [
        fault for fault in draws(broken({"type": "string", "minLength": 9}), 1_000) if fault.how == "cut_off"
    ]

    assert any("\ufffd" in fault.text for fault in cut)
    assert any("\ufffd" not in fault.text for fault in cut)


def test_schema_without_an_instance_is_refused():
    """Nothing is made of no instance."""
    with pytest.raises(InvalidArgument, match="no instance of schema"):
        broken(False)


@pytest.mark.slow
@pytest.mark.parametrize("name", SCHEMAS)
def test_many_failing_replies_have_their_label(name):
    """Of many failing replies each has its label, and none is valid as it stands."""
    schema = Schema.of(SCHEMAS[name])

    wrong = [
        fault for fault in draws(broken(schema), DRAWS) if label(fault, schema) != (fault.kind, fault.code)
    ]

    assert wrong == []


@pytest.mark.slow
@pytest.mark.parametrize("name", SCHEMAS)
def test_no_unlabelled_failing_reply_is_repaired(name):
    """Repair makes valid what is labelled so, and nothing else."""
    schema = Schema.of(SCHEMAS[name])

    wrong = [
        fault
        for fault in draws(broken(schema), DRAWS // 2, seed=1)
        if least_repair(fault, schema) != fault.repaired_by
    ]

    assert wrong == []
