"""Whatever a model writes, judging it ends in one of the documented outcomes."""

import json
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from schema_guard.core.judge import judge
from schema_guard.core.reading.parse import NotJson, parse
from schema_guard.core.repair.steps import STEPS
from schema_guard.core.schema import Schema
from schema_guard.core.values import Limits
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
    "off": {"exact", "unwrapped"},
    "lossless": {"exact", "unwrapped", "repaired_lossless"},
    "lossy": {"exact", "unwrapped", "repaired_lossless", "repaired_lossy"},
}
FINISHES = [None, "stop", "length", "tool_call"]


@dataclass(frozen=True)
class Kind:
    """A schema, and a strategy that draws values which are valid for it."""

    id: str
    document: Any
    values: st.SearchStrategy

    @property
    def schema(self):
        return Schema.of(self.document)


NAMES = st.text(min_size=1, max_size=8)
LINES = st.fixed_dictionaries(
    {"item": NAMES, "qty": st.integers(1, 99)}, optional={"note": st.none() | NAMES}
)
TREE = st.deferred(
    lambda: st.fixed_dictionaries({"name": NAMES}, optional={"parts": st.lists(TREE, max_size=2)})
)
SCALARS = st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.floats(-1e9, 1e9) | NAMES
KINDS = [
    Kind(
        "invoice",
        {
            "type": "object",
            "properties": {
                "number": {"type": "string", "pattern": "^[A-Z]{2}[0-9]+$"},
                "paid": {"type": "boolean"},
                "total": {"type": "number", "minimum": 0},
                "currency": {"enum": ["EUR", "USD"]},
                "lines": {
                    "type": "array",
                    "maxItems": 4,
                    "items": {
                        "type": "object",
                        "properties": {
                            "item": {"type": "string", "minLength": 1},
                            "qty": {"type": "integer", "minimum": 1, "maximum": 99},
                            "note": {"type": ["string", "null"]},
                        },
                        "required": ["item", "qty"],
                        "additionalProperties": False,
                    },
                },
            },
            "required": ["number", "paid", "lines"],
            "additionalProperties": False,
        },
        st.fixed_dictionaries(
            {
                "number": st.from_regex(r"[A-Z]{2}[0-9]{1,6}", fullmatch=True),
                "paid": st.booleans(),
                "lines": st.lists(LINES, max_size=4),
            },
            optional={"total": st.floats(0, 1e6), "currency": st.sampled_from(["EUR", "USD"])},
        ),
    ),
    Kind(
        "tree",
        {
            "type": "object",
            "properties": {
                "name": {"type": "string"},
                "parts": {"type": "array", "items": {"$ref": "#"}},
            },
            "required": ["name"],
            "additionalProperties": False,
        },
        TREE,
    ),
    Kind(
        "union",
        {
            "oneOf": [
                {
                    "type": "object",
                    "properties": {"kind": {"const": "a"}, "size": {"type": "integer"}},
                    "required": ["kind", "size"],
                },
                {
                    "type": "object",
                    "properties": {"kind": {"const": "b"}, "on": {"format": "date", "type": "string"}},
                    "required": ["kind", "on"],
                },
            ]
        },
        st.fixed_dictionaries({"kind": st.just("a"), "size": st.integers(-9, 9)})
        | st.fixed_dictionaries({"kind": st.just("b"), "on": st.dates().map(str)}),
    ),
    Kind(
        "labels",
        {"type": "array", "items": {"type": "string"}, "uniqueItems": True, "minItems": 1},
        st.lists(NAMES, min_size=1, max_size=5, unique=True),
    ),
    Kind("number", {"type": "integer", "multipleOf": 3}, st.integers(-50, 50).map(lambda part: 3 * part)),
    Kind("anything", True, st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3), max_leaves=6)),
]

MARKS = [*"{}[]()<>:,\"'`\\/#*+-.;=_|~ \t\n\r", "é", "\u2028", "\u200b", "\ufeff", "“", "”"]
SPLICES = [
    *MARKS,
    "\ud800",
    "\udc00",
    "\x00",
    "\\u0000",
    "\\ud83d",
    "```",
    "\n```json\n",
    "<think>",
    "</think>",
    "//",
    "/*",
    "*/",
    "...",
    "{}",
    "[1]",
    '"a":1',
    ", ",
    ': "',
    "null",
    "True",
    "NaN",
    "-Infinity",
    "1e999",
    "9" * 401,
    "0x1F",
    "[" * 101,
    "I can't help with that. ",
    "Here it is: ",
]


@st.composite
def mutated(draw, text):
    """A text with a few parts of it changed."""
    for _ in range(draw(st.integers(0, 4))):
        at, end = sorted(draw(st.tuples(*[st.integers(0, len(text))] * 2)))
        part = text[at:end][:12]
        change = draw(st.sampled_from(["put", "drop", "twice", "swap", "cut", "flip", "quotes"]))
        if change == "put":
            text = text[:at] + draw(st.sampled_from(SPLICES)) + text[at:]
        elif change == "drop":
            text = text[:at] + text[at + len(part) :]
        elif change == "twice":
            text = text[:at] + part + text[at:]
        elif change == "swap":
            text = text[:at] + part[::-1] + text[at + len(part) :]
        elif change == "cut":
            text = text[: max(at, end)]
        elif change == "flip":
            text = text[:at] + draw(st.sampled_from(MARKS)) + text[at + 1 :]
        else:
            text = text.replace('"', draw(st.sampled_from(["'", "“", '\\"', ""])))
    return text


WRAPPERS = [
    "{}",
    "```json\n{}\n```",
    "~~~\n{}\n~~~\n",
    "<think>It is {{}}.</think>\n{}",
    "[THINK]\n{{[/THINK]```\n{}```",
    "Here it is:\n{}\nThat is all.",
    "\ufeff {} ",
    "{{see}} and {}, or [1]",
    "so }} </think> {}",
]


@st.composite
def replies(draw, kind):
    """A reply that was valid before it was written badly, changed, wrapped, or joined with another one."""
    text = ""
    for _ in range(draw(st.sampled_from([1, 1, 1, 2]))):
        value = draw(kind.values)
        written = draw(
            st.sampled_from([json.dumps(value), json.dumps(value, indent=1, ensure_ascii=False), repr(value)])
        )
        wrapper = draw(st.sampled_from(WRAPPERS))
        text += wrapper.format(draw(mutated(written)))
    return draw(mutated(text)) if draw(st.booleans()) else text


@st.composite
def cases(draw):
    """A kind of schema with a reply."""
    kind = draw(st.sampled_from(KINDS))
    any_text = st.text() | st.text("".join(MARKS) + "\ud800\x00ant1e", max_size=60)
    # What is not UTF-8 becomes lone surrogates, as at the command line.
    any_bytes = st.binary(max_size=60).map(lambda data: data.decode("utf-8", "surrogateescape"))
    return kind, draw(replies(kind) | replies(kind) | any_text | any_bytes)


def assert_documented(kind, text, repair, finish):
    """Hold a judgement against everything that is documented of one."""
    judged = judge(text, kind.schema, repair=repair, finish_reason=finish)

    assert judge(text, kind.schema, repair=repair, finish_reason=finish) == judged
    if judged.ok:
        assert judged.failure is None
        assert kind.schema.is_valid(judged.value)
        assert judged.form in FORMS[repair]
        assert bool(judged.repairs) == judged.form.startswith("repaired")
        assert (judged.form == "repaired_lossy") == any(not STEPS[step].lossless for step in judged.repairs)
    else:
        assert judged.value is None
        assert judged.form is None
        assert judged.failure.code in CODES[judged.failure.kind]
        assert judged.failure.message
        assert bool(judged.failure.violations) == (judged.failure.kind in ("structure", "value"))


@given(cases(), st.sampled_from(LEVELS), st.sampled_from(FINISHES))
@examples(150, suppress_health_check=[HealthCheck.too_slow])
def test_any_reply_has_a_documented_outcome(case, repair, finish):
    """Any text is valid with a documented form, or fails with a documented kind and code; twice it is the same."""
    assert_documented(*case, repair, finish)


@pytest.mark.slow
@given(cases(), st.sampled_from(LEVELS), st.sampled_from(FINISHES))
@settings(max_examples=20_000, suppress_health_check=[HealthCheck.too_slow])
def test_many_replies_have_a_documented_outcome(case, repair, finish):
    """As above, with many more replies."""
    assert_documented(*case, repair, finish)


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


@given(
    data=st.data(), kind=st.sampled_from([kind for kind in KINDS if kind.id not in ("number", "anything")])
)
@examples(100)
def test_a_cut_reply_is_never_mended_without_loss(data, kind):
    """A reply that was cut off inside its JSON is not valid, and lossless repair does not make it so."""
    written = json.dumps(data.draw(kind.values))
    wrapper = data.draw(st.sampled_from(["{}", "```json\n{}", "<think>so</think>{}"]))
    cut = wrapper.format(written[: data.draw(st.integers(1, len(written) - 1))])

    judged = [judge(cut, kind.schema, repair=level) for level in ("off", "lossless")]

    assert [(found.failure.kind, found.failure.code) for found in judged] == [
        ("truncation", "unfinished")
    ] * 2


@given(kind=st.sampled_from(KINDS), data=st.data(), wrapper=st.sampled_from(WRAPPERS[:6]))
@examples(100)
def test_a_wrapped_valid_reply_gives_its_value(kind, data, wrapper):
    """A valid object or list in fences, reasoning or prose gives its value."""
    value = data.draw(kind.values.filter(lambda value: isinstance(value, (dict, list))))
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
    found = parse(text, SMALL)

    if not isinstance(found, NotJson):
        assert len(text.encode()) <= SMALL.max_bytes
        assert depth(found) <= SMALL.max_depth
        assert values_in(found) <= SMALL.max_nodes
