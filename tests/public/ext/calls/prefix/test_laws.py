"""What holds for every schema and every reply: a stopped reply has no valid continuation."""

import json
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schema_guard import Limits, Schema, judge, prefix_checker
from schema_guard.testing import broken, instances, near_misses, replies
from tests.public.ext.calls.prefix.feeding import run, stopped
from tests.public.schemas.fuzzing import drawn_schema, drawn_value, pieces, sent, written

ORDER = Schema.of(
    {
        "type": "object",
        "properties": {
            "id": {"type": "integer", "minimum": 1},
            "state": {"enum": ["open", "closed", None]},
            "lines": {
                "type": "array",
                "maxItems": 3,
                "items": {
                    "oneOf": [
                        {"type": "object", "properties": {"kind": {"const": "text"}, "text": {"type": "string"}}, "required": ["kind", "text"]},
                        {"type": "object", "properties": {"kind": {"const": "sum"}, "sum": {"type": "number"}}, "required": ["kind", "sum"]},
                    ]
                },
            },
            "sent": {"type": "string", "format": "date"},
            "code": {"type": "string", "pattern": "^[A-Z]{2}[0-9]+$", "maxLength": 6},
        },
        "required": ["id", "lines"],
        "additionalProperties": False,
    }
)  # fmt: skip
TREE = Schema.of(
    {
        "$defs": {
            "node": {
                "type": "object",
                "properties": {"name": {"type": "string", "minLength": 1}, "below": {"type": "array", "items": {"$ref": "#/$defs/node"}}},
                "required": ["name"],
                "additionalProperties": False,
            }
        },
        "$ref": "#/$defs/node",
    }
)  # fmt: skip
SCHEMAS = {"order": ORDER, "tree": TREE}
CHUNKS = st.integers(1, 40)


def fed(schema, text, width):
    return stopped(schema, [text[at : at + width] for at in range(0, len(text), width)])


@pytest.mark.parametrize("name", SCHEMAS)
@given(st.data())
def test_a_valid_reply_is_never_stopped(name, data):
    """However a valid reply is wrapped, written and cut, nothing is said of it."""
    reply = data.draw(replies(SCHEMAS[name]))

    assert fed(SCHEMAS[name], reply.text, data.draw(CHUNKS)).failure is None


@pytest.mark.parametrize("name", SCHEMAS)
@given(st.data())
def test_a_stopped_reply_cannot_be_continued(name, data):
    """What was read of a stopped reply is not valid with the rest of it, nor with the rest of a valid one."""
    schema = SCHEMAS[name]
    text = data.draw(broken(schema)).text
    rest = json.dumps(data.draw(instances(schema)))

    checker = fed(schema, text, data.draw(CHUNKS))

    if checker.failure:
        begun = text[: checker.read]
        for whole in (text, begun + rest, *(begun + rest[at:] for at in range(0, len(rest), 5))):
            assert not judge(whole, schema).ok


@pytest.mark.parametrize("text", ['{"name": "\\(', '{"name": "\\u12g', '{"\\x'])
def test_a_wrong_escape_is_read_up_to_the_wrong_character(text):
    """The characters that were read include the one that no JSON text has there."""
    assert fed(SCHEMAS["tree"], text + 'rest"}', 1).read == len(text)


@given(st.data())
def test_the_failure_is_one_of_those_that_the_judge_tells(data):
    """Of a reply that breaks one keyword the failure has its kind, its code and its place."""
    miss = data.draw(near_misses(ORDER))
    text = json.dumps(miss.value)

    checker = fed(ORDER, text, 1)

    failure = judge(text, ORDER).failure
    if checker.failure:
        (first,) = checker.failure.violations
        assert (checker.failure.kind, checker.failure.code) == (failure.kind, failure.code)
        assert first[:3] in [violation[:3] for violation in failure.violations]


@given(st.integers(0, 2**32))
def test_a_drawn_valid_reply_is_never_stopped(seed):
    """Whatever keywords a schema of whatever draft combines, no reply is stopped that the judge accepts."""
    assert run(random.Random(seed), 2).alarms == []


@pytest.mark.slow
@settings(max_examples=1)
@given(st.integers(0, 2**32))
def test_a_hundred_thousand_drawn_valid_replies_are_never_stopped(seed):
    """The same for 100,000 valid replies."""
    rng, checks, alarms = random.Random(seed), 0, []
    while checks < 100_000 and not alarms:
        result = run(rng, 200)
        checks, alarms = checks + result.checks, result.alarms

    assert alarms == []


def damaged(text, rng):
    at = rng.randrange(len(text) + 1)
    return (
        text[:at]
        + rng.choice(("", '"', ",", "}", "]", "1", "\\", "{", " ", "e", "-"))
        + text[at + rng.randint(0, 2) :]
    )


@given(st.integers(0, 2**32))
def test_pieces_say_how_early_and_not_whether(seed):
    """A reply is stopped in pieces of any size or in none, in small ones no later; and what is stopped is not valid."""
    rng = random.Random(seed)
    schema = drawn_schema(rng)
    for _ in range(4):
        text = damaged(sent(written(drawn_value(schema.document, rng), rng), rng), rng)

        ways = [stopped(schema, parts) for parts in (list(text), pieces(text, rng), [text])]

        assert len({checker.viable for checker in ways}) == 1
        assert ways[0].viable or ways[0].read <= ways[1].read <= ways[2].read
        assert ways[0].viable or not judge(text, schema).ok


@given(st.text(st.sampled_from('{}[]":,\\ \n019.eE+-tfnrualsINy\u00e9'), max_size=40), CHUNKS)
def test_text_that_is_json_is_never_stopped(text, width):
    """Of the texts that any JSON satisfies only those are stopped that are none."""
    anything = Schema.of(True)
    whole = "[" + text

    if fed(anything, whole, width).failure:
        assert not judge(whole, anything).ok


def test_limits_stop_a_reply():
    """A reply that exceeds a limit is stopped with the judge's code."""
    anything = Schema.of(True)
    cases = {
        "too_deep": ("[" * 5, Limits(max_depth=4)),
        "number_too_long": ("[" + "1" * 11, Limits(max_number_chars=10)),
        "too_large": ("[" + " " * 100, Limits(max_bytes=100)),
    }
    for code, (text, limits) in cases.items():
        checker = prefix_checker(anything, limits=limits)

        assert checker.feed(text).code == code
        assert judge(text + "1]", anything, limits=limits).failure.code == code


def test_too_many_values_stop_a_reply():
    """A reply of more values than the limit is stopped at a later piece, with the judge's code."""
    limits, text = Limits(max_nodes=4), "[[],[1,2],{},"
    checker = prefix_checker(Schema.of(True), limits=limits)

    assert checker.feed(text) is None
    assert checker.feed("1,2,3,").code == "too_many_nodes"
    assert judge(text + "1]", Schema.of(True), limits=limits).failure.code == "too_many_nodes"
