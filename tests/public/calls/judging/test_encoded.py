"""Values in another writing than the schema's: JSON inside of strings, and scalars without quotes."""

import json
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema_guard import Schema, judge
from tests.needs import needs

LINE = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
ORDER = Schema.of(
    {
        "type": "object",
        "properties": {
            "lines": {"type": "array", "items": {"$ref": "#/$defs/line"}},
            "buyer": {"anyOf": [{"type": "object"}, {"type": "null"}]},
            "note": {"type": "string"},
        },
        "required": ["lines"],
        "$defs": {"line": LINE},
    }
)
STEP = ("encoded_value",)


@dataclass(frozen=True)
class Encoded:
    """A reply with JSON inside of a string, and what it means."""

    id: str
    text: str
    value: Any
    repairs: tuple[str, ...] = STEP


ENCODED = [
    Encoded("an array", '{"lines": "[{\\"n\\": 1}]"}', {"lines": [{"n": 1}]}),
    Encoded("an item", '{"lines": ["{\\"n\\": 1}", {"n": 2}]}', {"lines": [{"n": 1}, {"n": 2}]}),
    Encoded(
        "in an encoded one", json.dumps({"lines": json.dumps([json.dumps({"n": 1})])}), {"lines": [{"n": 1}]}
    ),
    Encoded("an arm", '{"lines": [], "buyer": "{}"}', {"lines": [], "buyer": {}}),
    Encoded("beside a text", '{"lines": "[]", "note": "{}"}', {"lines": [], "note": "{}"}),
    Encoded("in prose", 'Here: {"lines": "[]"}.', {"lines": []}),
    Encoded("in broken JSON", '{"lines": "[]",}', {"lines": []}, ("trailing_comma", *STEP)),
]


@needs("repair")
@pytest.mark.parametrize("case", ENCODED, ids=lambda case: case.id)
def test_a_value_that_was_sent_as_a_json_string_is_repaired(case):
    """With repair on, a JSON string is what it says where the schema wants that and the whole is then valid."""
    judged = judge(case.text, ORDER, repair="lossless")

    assert (judged.ok, judged.value) == (True, case.value)
    assert (judged.form, judged.repairs) == ("repaired_lossless", case.repairs)


@pytest.mark.parametrize("case", ENCODED[:-1], ids=lambda case: case.id)
def test_a_value_that_was_sent_as_a_json_string_has_a_code_of_its_own(case):
    """Without repair it is a failure of structure that says what happened, with the violations as they are."""
    failure = judge(case.text, ORDER).failure

    assert (failure.kind, failure.code) == ("structure", "encoded_value")
    assert "sent as a JSON string" in failure.message
    assert failure.violations


@needs("repair")
@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('{"lines": "[1"}', "type"),
        ('{"lines": "none"}', "type"),
        ('{"lines": [1]}', "type"),
        ('{"lines": "{}"}', "type"),
        ('{"lines": "[{\\"n\\": \\"x\\"}]"}', "encoded_value"),
        ('{"lines": "[{\\"n\\": 1, \\"n\\": 2}]"}', "type"),
    ],
)
def test_what_is_not_valid_when_decoded_is_not_repaired(text, code):
    """A string that is no JSON, or whose value is wrong too, stays a failure."""
    judged = judge(text, ORDER, repair="lossy")

    assert (judged.ok, judged.failure.code) == (False, code)


@given(st.recursive(st.none() | st.integers() | st.text(max_size=5), st.lists, max_leaves=8))
def test_a_text_is_left_alone(value):
    """Where the schema takes a text, a text that holds JSON is one."""
    text = json.dumps({"note": json.dumps(value)})
    judged = judge(text, Schema.of({"properties": {"note": {"type": "string"}}}), repair="lossless")

    assert (judged.form, judged.value) == ("clean", json.loads(text))


CATEGORY = {
    "$defs": {"c": {"enum": ["billing", "in progress"]}},
    "anyOf": [{"$ref": "#/$defs/c"}, {"const": "9"}],
}
BARE = [
    (CATEGORY, "billing", "billing", "unquoted_string"),
    (CATEGORY, "in progress\n", "in progress", "unquoted_string"),
    (CATEGORY, "```\nbilling\n```", "billing", "unquoted_string"),
    (CATEGORY, "<think>b?</think> billing", "billing", "unquoted_string"),
    (CATEGORY, "'billing'", "billing", "single_quotes"),
    (CATEGORY, "9", "9", "unquoted_string"),
    ({"type": "boolean"}, "True", True, "python_literal"),
    ({"type": ["boolean", "null"]}, "None", None, "python_literal"),
    ({"type": "integer"}, "0xC8", 200, "number_syntax"),
    ({"type": "number"}, ".5", 0.5, "number_syntax"),
]


@needs("repair")
@pytest.mark.parametrize(("schema", "text", "value", "step"), BARE)
def test_a_bare_scalar_is_repaired(schema, text, value, step):
    """A reply of one scalar in another writing is the scalar, only with repair on."""
    judged = judge(text, Schema.of(schema), repair="lossless")

    assert (judged.value, judged.form, judged.repairs) == (value, "repaired_lossless", (step,))
    assert not judge(text, Schema.of(schema)).ok


@needs("repair")
@pytest.mark.parametrize(
    ("schema", "text"),
    [
        ({"type": "string"}, "hello"),
        ({"type": "string"}, "'hello'"),
        (CATEGORY, "billing."),
        (CATEGORY, "Billing"),
        (CATEGORY, "billing or in progress"),
        ({"enum": ["True", True]}, "True"),
        ({"type": "boolean"}, "yes"),
        ({"type": "number"}, "007"),
        ({"type": "number"}, ".5 or .6"),
        ({"type": "number"}, "1" * 500 + "."),
    ],
)
def test_what_may_mean_more_than_one_thing_is_not_repaired(schema, text):
    """A text where any text will do, other words around the value, and two readings are left as they are."""
    assert not judge(text, Schema.of(schema), repair="lossless").ok


@needs("repair")
def test_a_number_that_may_be_cut_off_is_not_repaired():
    """At the output limit a number may have had more digits."""
    assert not judge(".5", Schema.of({"type": "number"}), finish_reason="length", repair="lossless").ok


@needs("repair")
@pytest.mark.parametrize(
    ("second", "ok"), [('{"lines": "[]"}', True), ('{"lines": "[{\\"n\\": 1}]"}', False), ("", True)]
)
def test_prose_with_two_meanings_has_no_value(second, ok):
    """If prose has two values that are valid only after decoding, they have to be equal."""
    judged = judge(f'First {{"lines": "[]"}}, then {second}.', ORDER, repair="lossless")

    assert (judged.ok, judged.value) == ((True, {"lines": []}) if ok else (False, None))
