"""The short way of a reply: what it takes, and that it takes what the rules say and nothing else."""

import json
import math
import random
import re

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema_guard.core.accepting import acceptor
from schema_guard.core.judge import judge, judge_missed
from schema_guard.core.schema import Schema
from schema_guard.core.values import Limits, Missed
from schema_guard.errors import InvalidArgument, InvalidSchema
from tests.core.prefix.fuzzing import DRAFTS, Drawn, likely, written

ENGINES = (
    jsonschema_rs.Draft4Validator,
    jsonschema_rs.Draft6Validator,
    jsonschema_rs.Draft7Validator,
    jsonschema_rs.Draft201909Validator,
    jsonschema_rs.Draft202012Validator,
)
# What a text may get in the place of one of its values: the limits, and what JSON does not have.
SPLICES = (
    *("1e308", "1e309", "-1e999", "1E+00400", "1" * 308, "1" * 310, "1" * 310 + ".5", "1" * 400, "1" * 401, "0." + "1" * 399),
    *("NaN", "-Infinity", '{"x":1,"x":2}', '{"x":1,"\\u0078":2}', '"\\ud800"', "\ud800", "[" * 99 + "]" * 99),
    *("[" * 101 + "]" * 101, '{"a":' * 101 + "1" + "}" * 101, "[" * 150 + "1e999" + "]" * 150, "[]", "{}", '"a"', "01", ""),
    *('"' + "[" * 120 + '"', '"1e999' + "1" * 500 + '"', "[" + "1," * 300 + "2]"),
)  # fmt: skip
VALUE = re.compile(r'"(?:[^"\\]|\\.)*"(?!\s*:)|-?\d[\d.eE+-]*|true|false|null|\[\s*\]|\{\s*\}')
LIMITS = (
    Limits(),
    Limits(),
    Limits(max_depth=3),
    Limits(max_nodes=9),
    Limits(max_number_chars=3),
    Limits(max_bytes=60),
)
MISSED = object()


def members(pairs):
    made = dict(pairs)
    if len(made) < len(pairs):
        raise ValueError("a key came twice")
    return made


def refused(name):
    raise ValueError(name)


def depth(value):
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + max(map(depth, inside), default=0) if isinstance(value, dict | list) else 0


def scalars(value):
    if isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from scalars(part)
        if isinstance(value, dict):
            yield from value
    else:
        yield value


def read(text, limits):
    """The value of a JSON object or array within the limits, by the standard library and as the limits are written."""
    try:
        size = len(text.encode())
        value = json.loads(text, object_pairs_hook=members, parse_constant=refused)
        told = list(scalars(value))
        "".join(part for part in told if isinstance(part, str)).encode()
    except ValueError:
        return MISSED
    bare = re.sub(r'"(?:[^"\\]|\\.)*"', '""', text)
    numbers = [len(found) for found in re.findall(r"-?\d[\d.eE+-]*", bare)]
    kept = (
        text[:1] in ("{", "[")
        and size <= limits.max_bytes
        and depth(value) <= limits.max_depth
        and sum(map(bare.count, "{[,:")) + 1 <= limits.max_nodes
        and max(numbers, default=0) <= limits.max_number_chars
        and not any(isinstance(part, float) and math.isinf(part) for part in told)
    )
    return value if kept else MISSED


def expected(text, document, draft, limits):
    """What the short way has to give, by an engine of its own."""
    value = read(text, limits)
    if value is MISSED or not ENGINES[draft](document, validate_formats=True, offline=True).is_valid(value):
        return MISSED
    return value


def same(found, wanted):
    return (
        found is MISSED
        if wanted is MISSED
        else found is not MISSED and json.dumps(found) == json.dumps(wanted)
    )


def accepted(schema, text, limits):
    found = acceptor(schema, limits)(text)
    return MISSED if type(found) is Missed else found


def changed(text, rng):
    """A text as it is, or with other text in the place of one of its values, or with a character changed."""
    way = rng.random()
    places = list(VALUE.finditer(text))
    if way < 0.4 or not places:
        return text
    if way < 0.85:
        start, end = rng.choice(places).span()
        return text[:start] + rng.choice(SPLICES) + text[end:]
    at = rng.randrange(len(text))
    return text[:at] + rng.choice('{}[]",:0e\\x ') + text[at + rng.randint(0, 1) :]


@given(st.integers(0, 2**32))
def test_what_is_taken_is_what_the_rules_say(seed):
    """A text is taken if it is one JSON text that is valid and within the limits, whatever the schema; as its value."""
    rng = random.Random(seed)
    drawn = Drawn(rng)
    document = drawn.document()
    try:
        schema = Schema.of(document, dialect=DRAFTS[drawn.draft])
    except InvalidSchema:
        return
    for _ in range(8):
        text = changed(written(likely(document, document, rng), rng), rng)
        limits = rng.choice(LIMITS)
        wanted = expected(text, document, drawn.draft, limits)

        assert same(accepted(schema, text, limits), wanted), (document, text, limits)


NUMBERED = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}


@pytest.mark.parametrize(
    "text", ["", " ", '"a"', "12", "so", '```json\n{"a":1}\n```', ' {"a":1}', "\ufeff{}", "\ud800", '{"a":1']
)
def test_what_is_no_object_or_array_and_nothing_else_is_missed(text):
    """What opens with something else than a bracket has its value by the whole reading rule, if it has one."""
    assert type(acceptor(Schema.of(NUMBERED))(text)) is Missed


@given(
    st.sampled_from(
        ['{"a":1}', '{"a":"1"}', '{"a":1', '[{"a":1}]', '```json\n{"a":1}\n```', '{"a":1} {"a":2}', "", "so"]
    )
)
def test_what_was_missed_is_judged_as_if_it_had_not_been_tried(text):
    """The judgement that follows on a miss is the one that the whole text gets."""
    schema = Schema.of(NUMBERED)
    found = acceptor(schema)(text)

    judged = judge(text, schema, repair="lossless")
    if type(found) is Missed:
        assert judge_missed(text, found, schema, repair="lossless") == judged
    else:
        assert (judged.value, judged.form) == (found, "exact")


def test_nothing_but_a_schema_has_an_acceptor():
    """An object that is no Schema is refused by name."""
    with pytest.raises(InvalidArgument, match="expected a Schema, as"):
        acceptor({"type": "object"})
