"""Repair of badly written JSON, as `judge` does it: value, form and steps."""

import pytest

from schema_guard import InvalidArgument, Judgement, Schema, judge
from tests.public.calls.judging.repair_cases import LOSSLESS, LOSSY

NESTED = Schema.of({"type": ["object", "array"]})
# The reading rule finds the value in these texts, or finds no JSON, before any repair.
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


def named(cases, left_out):
    return [pytest.param(case, id=case.id) for case in cases if case.id not in left_out]


@pytest.mark.parametrize("case", named(LOSSLESS, READ_WITHOUT_REPAIR | ROUND))
@pytest.mark.parametrize("repair", ["lossless", "lossy"])
def test_lossless_repair_is_done_at_both_levels(case, repair):
    """A lossless step gives the one value that the text means, and is named."""
    judged = judge(case.text, NESTED, repair=repair, finish_reason=finish_reason(case))

    assert judged == Judgement(True, case.want, None, "repaired_lossless", case.steps)


@pytest.mark.parametrize("case", named(LOSSY, READ_WITHOUT_REPAIR))
def test_lossy_repair_is_done_only_when_asked_for(case):
    """A lossy step gives the likeliest value; without `repair="lossy"` the reply fails."""
    judged = judge(case.text, NESTED, repair="lossy", finish_reason=finish_reason(case))

    assert judged == Judgement(True, case.want, None, "repaired_lossy", case.steps)
    assert not judge(case.text, NESTED, repair="lossless", finish_reason=finish_reason(case)).ok


@pytest.mark.parametrize("case", named(LOSSLESS + LOSSY, READ_WITHOUT_REPAIR))
def test_nothing_is_repaired_by_default(case):
    """Without `repair=` badly written JSON fails as malformed, as cut off, or as no JSON."""
    failure = judge(case.text, NESTED, finish_reason=finish_reason(case)).failure

    assert (failure.kind, failure.code) in {
        ("syntax", "malformed"),
        ("syntax", "not_finite"),
        ("syntax", "no_json"),
        ("truncation", "unfinished"),
    }


@pytest.mark.parametrize("case", [case for case in LOSSLESS + LOSSY if case.id in READ_WITHOUT_REPAIR])
def test_what_the_reading_rule_finds_is_not_repaired(case):
    """A value with something around it needs no repair."""
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
def test_the_schema_picks_among_readings(text, schema, value):
    """If a text has two readings, the first one that the schema accepts is the value."""
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
    """Several documents, no JSON, equal keys and bad Unicode fail at every level."""
    failure = judge(text, NESTED, repair=repair, finish_reason="stop").failure

    assert (failure.kind, failure.code) == ("syntax", code)


def test_repair_must_be_a_known_level():
    """Another word is an error that lists the levels."""
    with pytest.raises(InvalidArgument) as raised:
        judge("{}", NESTED, repair="some")

    assert str(raised.value) == "judge: repair='some': expected one of off, lossless, lossy"
