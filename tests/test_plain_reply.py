"""The short way of a reply: what it takes, and that it takes what the rules say and nothing else."""

import datetime as dt
import json
import math
import random
import re
import uuid
from decimal import Decimal
from typing import Literal

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, field_validator

from schema_guard import InvalidArgument, InvalidSchema, Limits, Schema, judge
from schema_guard.judging import Terms, judge_reply, judge_value
from schema_guard.plain_reply import acceptor
from schema_guard.testing import instances
from schema_guard.values import Missed
from tests.needs import needs
from tests.public.schemas.fuzzing import DRAFTS, Drawn, likely, written
from tests.thinned import examples

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
    """The value of a JSON text within the limits, by the standard library and as the limits are written."""
    try:
        size = len(text.encode())
        value = json.loads(text, object_pairs_hook=members, parse_constant=refused)
        items = list(scalars(value))
        "".join(part for part in items if isinstance(part, str)).encode()
    except ValueError:
        return MISSED
    bare = re.sub(r'"(?:[^"\\]|\\.)*"', '""', text)
    numbers = [len(result) for result in re.findall(r"-?\d[\d.eE+-]*", bare)]
    stored = (
        size <= limits.max_bytes
        and depth(value) <= limits.max_depth
        and sum(map(bare.count, "{[,:")) + 1 <= limits.max_nodes
        and max(numbers, default=0) <= limits.max_number_chars
        and not any(isinstance(part, float) and math.isinf(part) for part in items)
    )
    return value if stored else MISSED


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
    result = acceptor(schema, limits)(text)
    return MISSED if type(result) is Missed else result


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


@examples(40)
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
        # All else is prose.
        if text[:1] in ("{", "["):
            wanted = expected(text, document, drawn.draft, limits)
            assert same(accepted(schema, text, limits), wanted), (document, text, limits)


@pytest.mark.parametrize("size", [18, 19, 20])
def test_a_fence_counts_for_the_limit_of_bytes(size):
    """The whole reply is what the limit of bytes is about."""
    limits = Limits(max_bytes=size)

    assert judge('```json\n{"a":1}\n```', Schema.of(True), limits=limits).ok is (size >= 19)


@pytest.mark.parametrize("item", [0, {"a": 0}])
def test_what_is_costly_to_validate_is_left_to_the_whole_rule(item):
    """A limit of steps holds for what is accepted too, be it by the closed form or by the schema itself."""
    schema = Schema.of({"type": "array", "items": {"type": ["integer", "object"]}})
    text = json.dumps([item] * 2_000)

    assert type(acceptor(schema)(text)) is list
    assert type(acceptor(schema, Limits(max_steps=100))(text)) is Missed


NUMBERED = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}


@pytest.mark.parametrize(
    "text", ["", " ", "so", "\ufeff{}", "\ud800", '{"a":1', '{"a":1}\n```', '{"a":1} so']
)
def test_what_is_more_than_a_json_text_is_missed(text):
    """A text that is no JSON text as a whole has its value by the reading rule, if it has one."""
    assert type(acceptor(Schema.of(True))(text)) is Missed


@needs("repair")
@given(
    st.sampled_from(
        ['{"a":1}', '{"a":"1"}', '{"a":1', '[{"a":1}]', '```json\n{"a":1}\n```', '{"a":1} {"a":2}', "", "so"]
    )
)
def test_what_was_missed_is_judged_as_if_it_had_not_been_tried(text):
    """The judgement that follows on a miss is the one that the whole text gets."""
    schema = Schema.of(NUMBERED)
    result = acceptor(schema)(text)

    judged = judge(text, schema, repair="lossless")
    if type(result) is Missed:
        assert judge_reply(text, Terms(schema, repair="lossless"), result) == judged
    else:
        assert (judged.value, judged.form) == (result, "clean")


@pytest.mark.parametrize("digits", [20, 21])
def test_the_longest_number_is_taken_and_no_longer_one(digits):
    """Where the number stands alone, and where the text around it is too long to say that it holds none such."""
    accept = acceptor(Schema.of(True), Limits(max_number_chars=20))

    for text in (f"[{'1' * digits}]", f'["{"x" * 5_000}", {"1" * digits}]'):
        assert (type(accept(text)) is list) is (digits == 20)


def test_nothing_but_a_schema_has_an_acceptor():
    """An object that is no Schema is refused by name."""
    with pytest.raises(InvalidArgument, match="expected a Schema, such as"):
        acceptor({"type": "object"})


class Part(BaseModel):
    """What is inside of it."""

    name: str
    weight: Decimal | None = None
    made: dt.datetime | None = None


class Whole(BaseModel):
    """Types of which JSON has no value, and those of which it has several."""

    number: int
    share: float
    price: Decimal
    day: dt.date
    ways: Literal["a", 1] | None
    parts: list[Part]
    counts: dict[str, int | float]
    place: tuple[float, float] | str


class Strict(BaseModel):
    """A model that takes nothing for what it is not."""

    model_config = ConfigDict(strict=True, extra="forbid")

    day: dt.date
    keys: set[int]
    data: bytes
    at: uuid.UUID


@pytest.mark.parametrize("model", [Whole, Strict])
@given(st.data(), st.integers(0, 2**32))
def test_a_model_is_made_of_the_text_as_of_its_value(model, data, seed):
    """A Pydantic model that reads the reply's text is the one that its value gives, however the text is written."""
    schema = Schema.of(model)
    value = data.draw(instances(schema))
    text = written(value, random.Random(seed))

    result = acceptor(schema)(text)

    judged = judge_value(json.loads(text), Terms(schema))
    assert (result.failure if type(result) is Missed else result) == (
        judged.value if judged.ok else judged.failure
    )


def test_a_model_that_refuses_a_valid_value_says_why_of_the_text_as_of_the_value():
    """The failure of a model that reads the text is the same, and its validators are not asked again by `judge`."""
    asked = []

    class Asked(BaseModel):
        a: int

        @field_validator("a")
        @classmethod
        def even(cls, a):
            asked.append(a)
            if a % 2:
                raise ValueError("odd")
            return a

    schema = Schema.of(Asked)
    text = '{"a":1}'
    result = acceptor(schema)(text)
    once = len(asked)

    assert result.failure == judge_value({"a": 1}, Terms(schema)).failure
    asked.clear()
    assert judge(text, schema).failure == result.failure
    assert len(asked) == once


@pytest.mark.parametrize(
    "text", ['{"a":1,"a":2}', '{"a":NaN}', '{"a":"nan"}', '{"a":1e999}', '{"a":"inf"}', '{"a":1.5}']
)
def test_a_model_gets_no_text_that_is_refused_before(text):
    """What Pydantic's own reader would take, or take for something else, does not reach it."""

    class Number(BaseModel):
        a: int

    class Share(BaseModel):
        a: float

    for model in (Number, Share):
        judged = judge(text, Schema.of(model))
        assert judged.ok is (text == '{"a":1.5}' and model is Share)
