"""Excluded calls: whose fault they are, and when it matters that nobody knows."""

import pytest

from schema_guard.configuration.excluded_calls import cause_of, ways_of
from schema_guard.decide import decide
from schema_guard.decide.failures import unexplained
from schema_guard.errors import InvalidArgument
from schema_guard.report.as_text import as_text
from schema_guard.report.decision.document import document_of
from tests.public.decide.examples import failing, passing


def excluded(*counts):
    """Evidence that would pass, with excluded calls."""
    evidence = passing()
    evidence["strategies"][0]["excluded"] = [
        {"code": code, "exception": exception, "calls": calls} for code, exception, calls in counts
    ]
    return evidence


@pytest.mark.parametrize(
    ("code", "cause"),
    [
        ("provider_error", "provider"),
        ("stream_cut", "provider"),
        ("cancelled", "caller"),
        ("expected", "expected"),
        ("call_raised", "unknown"),
        ("no_reply", "unknown"),
        ("a code of another release", "unknown"),
    ],
)
def test_a_code_says_whose_fault_it_is(code, cause):
    """Every code has one cause; what is not known to be somebody's fault is unknown."""
    assert cause_of(code) == cause


def test_ways_that_are_alike_are_added_up():
    """Rows of several segments with one code and exception are one count, the largest first."""
    result = ways_of([("call_raised", "E", 1), ("no_reply", None, 2), ("call_raised", "E", 4)])

    assert result == (("call_raised", "E", 5), ("no_reply", None, 2))


@pytest.mark.parametrize(
    ("unknown", "judged", "target", "is_told"),
    [
        (4, 10, 0.01, False),
        (5, 10, 0.01, True),
        (10, 990, 0.01, False),
        (11, 989, 0.01, True),
        (150, 150, 0.5, False),
    ],
)
def test_few_calls_need_no_explanation(unknown, judged, target, is_told):
    """Fewer than 5, or no more than the target's share of all calls, are left alone."""
    result = unexplained([("call_raised", "E", unknown)], judged, target)

    assert (result is not None) == is_told


def test_known_causes_never_alarm_and_are_in_all_calls():
    """What the provider, the caller or a declaration explains is no question, and counts among all calls."""
    known = [("provider_error", "E", 500), ("cancelled", None, 300), ("expected", "OutOfStock", 200)]

    assert unexplained(known, 0, 0.01) is None
    assert unexplained([*known, ("call_raised", "E", 10)], 0, 0.01) is None
    assert unexplained([*known, ("call_raised", "E", 11)], 0, 0.01).of == 1011


@pytest.mark.parametrize(
    ("counts", "text"),
    [
        ([("call_raised", "ValueError", 150)], "150 of 300 calls raised ValueError"),
        (
            [("call_raised", "KeyError", 50), ("call_raised", "ValueError", 100)],
            "150 of 300 calls raised ValueError (100), KeyError (50)",
        ),
        (
            [("call_raised", None, 100), ("no_reply", "InvalidArgument", 50)],
            "150 of 300 calls raised an exception without a recorded type (100) or gave no reply (50)",
        ),
        ([("no_reply", None, 150)], "150 of 300 calls gave no reply"),
    ],
)
def test_what_was_raised_is_named(counts, text):
    """The types are told, the most frequent first."""
    assert unexplained(counts, 150, 0.01).text == text


def test_unexplained_calls_come_before_every_verdict():
    """However good the rate of the others is, it decides nothing."""
    verdict = decide(excluded(("call_raised", "KeyError", 300), ("provider_error", "Timeout", 10)))

    assert (verdict.verdict, verdict.exit_code()) == ("NEED_MORE_DATA", 1)
    assert verdict.why.startswith("300 of 1,310 calls raised KeyError, which is more than the target of 1%")
    assert verdict.figures["unexplained"] == {
        "calls": 300,
        "of": 1310,
        "exceptions": {"KeyError": 300},
        "no_reply": 0,
    }
    assert "ignore=(KeyError,)" in verdict.figures["next_step"]
    assert verdict.figures["excluded"] == {
        "few_shot": [
            {"cause": "unknown", "code": "call_raised", "exception": "KeyError", "calls": 300},
            {"cause": "provider", "code": "provider_error", "exception": "Timeout", "calls": 10},
        ]
    }
    text = as_text(document_of(verdict))
    assert "Excluded calls" in text
    assert "no number of calls" not in text


@pytest.mark.parametrize("evidence", [passing, failing])
def test_explained_calls_change_no_verdict(evidence):
    """What is known to be no fault of the model is shown, and nothing else changes."""
    with_them = evidence()
    with_them["strategies"][0]["excluded"] = [{"code": "provider_error", "calls": 500}]
    before, after = decide(evidence()).as_dict(), decide(with_them).as_dict()

    assert after.pop("excluded")
    assert after == before


def test_a_count_is_a_whole_number():
    """A share of calls is no count."""
    with pytest.raises(InvalidArgument, match="/strategies/0/excluded/0/calls"):
        decide(excluded(("call_raised", None, 0.5)))
