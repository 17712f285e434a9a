"""Repair of malformed JSON with `judge`: value, form, and steps."""

import pytest

from schema_guard import InvalidArgument, Judgement, Schema, judge
from tests.public.calls.judging.repair_cases import LOSSLESS, LOSSY

NESTED = Schema.of({"type": ["object", "array"]})
# In these texts, `judge` finds the value, or no JSON, before any repair.
READ_WITHOUT_REPAIR = {
    "trailing comma behind the value",
    "closer too many",
    "object closed too early",
    "callback",
    "words behind a comma",
    "words before",
}
ROUND = {"tuple", "tuple without commas"}


def finish_reason(case):
    return "stop" if case.finished else None


def params(cases, left_out):
    return [pytest.param(case, id=case.id) for case in cases if case.id not in left_out]


@pytest.mark.parametrize("case", params(LOSSLESS, READ_WITHOUT_REPAIR | ROUND))
@pytest.mark.parametrize("repair", ["lossless", "lossy"])
def test_lossless_repair_is_done_at_both_levels(case, repair):
    """A lossless repair returns the only possible value, with its steps."""
    judged = judge(case.text, NESTED, repair=repair, finish_reason=finish_reason(case))

    assert judged == Judgement(True, case.want, None, "repaired_lossless", case.steps)


@pytest.mark.parametrize("case", params(LOSSY, READ_WITHOUT_REPAIR))
def test_lossy_repair_needs_its_level(case):
    """A lossy repair returns the likeliest value. With `repair="lossless"`, the reply fails."""
    judged = judge(case.text, NESTED, repair="lossy", finish_reason=finish_reason(case))

    assert judged == Judgement(True, case.want, None, "repaired_lossy", case.steps)
    assert not judge(case.text, NESTED, repair="lossless", finish_reason=finish_reason(case)).ok


@pytest.mark.parametrize("case", params(LOSSLESS + LOSSY, READ_WITHOUT_REPAIR))
def test_nothing_is_repaired_by_default(case):
    """Without `repair=`, malformed JSON fails as a syntax failure or a truncation."""
    failure = judge(case.text, NESTED, finish_reason=finish_reason(case)).failure

    assert (failure.kind, failure.code) in {
        ("syntax", "malformed"),
        ("syntax", "not_finite"),
        ("syntax", "no_json"),
        ("truncation", "unfinished"),
    }


@pytest.mark.parametrize("case", [case for case in LOSSLESS + LOSSY if case.id in READ_WITHOUT_REPAIR])
def test_value_with_text_around_it_is_not_repaired(case):
    """A valid JSON text with other text around it needs no repair."""
    judged = judge(case.text, NESTED, repair="lossy")

    assert (judged.form, judged.repairs) == ("unwrapped", ())


@pytest.mark.parametrize(
    ("text", "schema", "value"),
    [
        ('{"a": 1, "b": "2024-0', {"required": ["b"]}, {"a": 1, "b": "2024-0"}),
        ('{"a": 1, "b": "2024-0', {"properties": {"b": {"format": "date"}}}, {"a": 1}),
        ('{"a": 1,000}', {"properties": {"a": {"type": "integer"}}}, {"a": 1000}),
        ('{"a": 1,000}', {"properties": {"a": {"type": "string"}}}, {"a": "1,000"}),
        ("[007]", {"items": {"type": "string"}}, ["007"]),
        ("[007]", {"items": {"type": "integer"}}, [7]),
    ],
)
def test_schema_decides_between_two_readings(text, schema, value):
    """If a text has two possible values, the first one that fits the schema is the value."""
    judged = judge(text, Schema.of(schema), repair="lossy")

    assert (judged.value, judged.form) == (value, "repaired_lossy")


@pytest.mark.parametrize("repair", ["lossless", "lossy"])
@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('{"a": 1}{"b": 2}', "several_documents"),
        ("// no", "no_json"),
        ("", "empty"),
        ('{"a":1,"a":2}', "duplicate_key"),
        ('{"a":"\\ud800"}', "bad_unicode"),
    ],
)
def test_repair_does_not_hide_other_faults(text, code, repair):
    """Several documents, no JSON, equal keys, and bad Unicode fail at every level."""
    failure = judge(text, NESTED, repair=repair, finish_reason="stop").failure

    assert (failure.kind, failure.code) == ("syntax", code)


def test_rejects_an_unknown_level_of_repair():
    """The error for an unknown level lists the levels."""
    with pytest.raises(InvalidArgument) as raised:
        judge("{}", NESTED, repair="some")

    assert str(raised.value) == "judge: repair='some': expected one of off, lossless, lossy"
