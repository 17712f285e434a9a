"""Whatever a model writes, judging it ends in one of the documented outcomes."""

import json
import random

import pytest
from hypothesis import HealthCheck, assume, given
from hypothesis import strategies as st

from schema_guard import Limits, judge
from schema_guard.parsing import NotJson, parse
from tests.needs import marked, needs
from tests.public.calls.judging.drawn_replies import KINDS, MARKS, WRAPPERS, case, reply
from tests.thinned import examples

SYNTAX = {
    "no_json",
    "empty",
    "malformed",
    "duplicate_key",
    "not_finite",
    "bad_unicode",
    "too_large",
    "too_deep",
    "too_many_nodes",
    "number_too_long",
    "several_documents",
    "too_costly",
}
TRUNCATION = {"max_tokens", "unfinished", "reasoning_exhausted", "runaway"}
REFUSAL = {"refusal", "content_filter"}
STRUCTURE = {"encoded_value", "type", "required", "additionalProperties", "oneOf"}
VALUE = {
    "const",
    "enum",
    "format",
    "maximum",
    "maxItems",
    "minimum",
    "minItems",
    "minLength",
    "multipleOf",
    "pattern",
    "uniqueItems",
}
CODES = {
    "syntax": SYNTAX,
    "structure": STRUCTURE,
    "value": VALUE,
    "truncation": TRUNCATION,
    "refusal": REFUSAL,
}
LEVELS = ["off", "lossless", "lossy"]
FORMS = {
    "off": {"clean", "unwrapped"},
    "lossless": {"clean", "unwrapped", "repaired_lossless"},
    "lossy": {"clean", "unwrapped", "repaired_lossless", "repaired_lossy"},
}
FINISHES = [None, "stop", "length", "tool_call"]


RANDOMS = st.randoms(use_true_random=False)


@st.composite
def cases(draw):
    """A kind of schema with a reply, whose parts Hypothesis chooses."""
    kind = draw(st.sampled_from(KINDS))
    any_text = st.text() | st.text("".join(MARKS) + "\ud800\x00ant1e", max_size=60)
    # What is not UTF-8 becomes lone surrogates, as at the command line.
    any_bytes = st.binary(max_size=60).map(lambda data: data.decode("utf-8", "surrogateescape"))
    replies = st.builds(reply, st.just(kind), RANDOMS)
    return kind, draw(replies | replies | any_text | any_bytes)


def values(kind):
    """Values that are valid for a kind, whose parts Hypothesis chooses."""
    return RANDOMS.map(kind.drawn)


def is_lossy(step):
    """Return whether a step of repair changes the meaning of a text."""
    from schema_guard.ext.repair.steps import STEPS

    return not STEPS[step].lossless


def assert_documented(kind, text, repair, finish):
    """Hold a judgement against everything that is documented of one."""
    judged = judge(text, kind.schema, repair=repair, finish_reason=finish)

    assert judge(text, kind.schema, repair=repair, finish_reason=finish) == judged
    if judged.ok:
        assert judged.failure is None
        assert kind.schema.is_valid(judged.value)
        assert judged.form in FORMS[repair]
        assert bool(judged.repairs) == judged.form.startswith("repaired")
        assert (judged.form == "repaired_lossy") == any(is_lossy(step) for step in judged.repairs)
    else:
        assert judged.value is None
        assert judged.form is None
        assert judged.failure.code in CODES[judged.failure.kind]
        assert judged.failure.message
        assert bool(judged.failure.violations) == (judged.failure.kind in ("structure", "value"))


@pytest.mark.parametrize("repair", marked(LEVELS, "repair", "off".__ne__))
@given(case=cases(), finish=st.sampled_from(FINISHES))
@examples(150, suppress_health_check=[HealthCheck.too_slow])
def test_any_reply_has_a_documented_outcome(repair, case, finish):
    """Any text is valid with a documented form, or fails with a documented kind and code; twice it is the same."""
    assert_documented(*case, repair, finish)


@needs("repair")
@pytest.mark.slow
def test_fifty_thousand_replies_have_a_documented_outcome():
    """As above, with many more replies."""
    rng = random.Random(18)
    for _ in range(50_000):
        kind, text = case(rng)
        assert_documented(kind, text, rng.choice(LEVELS), rng.choice(FINISHES))


@needs("repair")
@given(case=cases(), finish=st.sampled_from(FINISHES))
@examples(100, suppress_health_check=[HealthCheck.too_slow])
def test_more_repair_takes_nothing_away(case, finish):
    """What is valid without repair is the same value, in the same form, at every level."""
    kind, text = case

    plain = judge(text, kind.schema, finish_reason=finish)

    if plain.ok:
        assert [judge(text, kind.schema, repair=level, finish_reason=finish) for level in LEVELS] == [
            plain
        ] * 3


@needs("repair")
@given(
    data=st.data(), kind=st.sampled_from([kind for kind in KINDS if kind.id not in ("number", "anything")])
)
@examples(100)
def test_a_cut_reply_is_never_repaired_without_loss(data, kind):
    """A reply that was cut off inside its JSON is not valid, and lossless repair does not make it so."""
    written = json.dumps(data.draw(values(kind)))
    wrapper = data.draw(st.sampled_from(["{}", "```json\n{}", "<think>so</think>{}"]))
    cut = wrapper.format(written[: data.draw(st.integers(1, len(written) - 1))])

    judged = [judge(cut, kind.schema, repair=level) for level in ("off", "lossless")]

    assert [(result.failure.kind, result.failure.code) for result in judged] == [
        ("truncation", "unfinished")
    ] * 2


@given(kind=st.sampled_from(KINDS), data=st.data(), wrapper=st.sampled_from(WRAPPERS[:6]))
@examples(100)
def test_a_wrapped_valid_reply_gives_its_value(kind, data, wrapper):
    """A valid object or list in fences, reasoning or prose gives its value."""
    value = data.draw(values(kind).filter(lambda value: isinstance(value, (dict, list))))
    assume("think" not in json.dumps(value).lower())  # in prose that mark closes what the model thought

    judged = judge(wrapper.format(json.dumps(value)), kind.schema)

    assert (judged.ok, judged.value) == (True, value)


SMALL = Limits(max_bytes=60, max_depth=3, max_nodes=8, max_number_chars=5)


def depth(value):
    """How many levels of objects and arrays a value has."""
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if parts is None else 1 + max(map(depth, parts), default=0)


def values_in(value):
    """How many values a value has, itself included."""
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + sum(map(values_in, parts))


@given(st.text('{}[]",:1e.-x ', max_size=80) | cases().map(lambda case: case[1]))
@examples(100, suppress_health_check=[HealthCheck.too_slow])
def test_parsed_values_keep_the_limits(text):
    """A value that is parsed is no larger than any limit."""
    value = parse(text, SMALL)

    if not isinstance(value, NotJson):
        assert len(text.encode()) <= SMALL.max_bytes
        assert depth(value) <= SMALL.max_depth
        assert values_in(value) <= SMALL.max_nodes
