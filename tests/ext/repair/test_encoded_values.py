"""Encoded strings in parsed values, and values that decoding leaves unchanged."""

import json

from schema_guard import Schema, Violation
from schema_guard.ext.repair.scalar_reply import scalars
from schema_guard.judging import Terms, judge_value
from schema_guard.validation.encoded_json import decoded
from tests.public.calls.judging.test_encoded import CATEGORY, ORDER, STEP


def test_a_parsed_value_is_read_alike():
    """What a function had parsed already is repaired, or fails, as the text would."""
    value = {"lines": "[]"}

    repaired = judge_value(value, Terms(ORDER, repair="lossless"))

    assert (repaired.value, repaired.form, repaired.repairs) == ({"lines": []}, "repaired_lossless", STEP)
    assert judge_value(value, Terms(ORDER)).failure.code == "encoded_value"
    assert not judge_value("billing", Terms(Schema.of(CATEGORY | {"type": "integer"}), repair="lossless")).ok


def test_decoding_changes_no_value():
    """What was given stays as it is."""
    value = {"a": ["{}"]}
    messages = [Violation(place, "", "type", "", "string '{}'") for place in ("/a/0", "/b", "/a/7")]

    assert decoded(value, messages, lambda _: (), json.loads) == ({"a": [{}]}, ())
    assert value == {"a": ["{}"]}


def test_nothing_is_read_out_of_nothing():
    """An empty text is no scalar."""
    assert list(scalars("", {"enum": [""]}, finished=True)) == []
