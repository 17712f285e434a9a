"""Facts about `Evidence`: the segments that a tuned model gets."""

import pytest

from schema_guard import Evidence, InvalidArgument


def test_primary_calls_are_those_of_the_segments():
    """A call without a segment is primary if that is named."""
    evidence = Evidence(segments=["invoices", "(no segment)"])

    assert [evidence.holds(segment) for segment in ("invoices", None, "letters")] == [True, True, False]


def test_a_verdict_names_the_segments():
    """What `decide` says to tune is what is primary."""
    verdict = {"verdict": "FINE_TUNE_AND_ROUTE", "tune": ["invoices"], "prompt": ["letters"]}

    assert Evidence.of(verdict) == Evidence(segments=("invoices",))


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (
            lambda: Evidence(segments="invoices"),
            "segments='invoices'): expected a list of segment names, such as",
        ),
        (lambda: Evidence.of({"verdicts": []}), "verdicts of several functions"),
        (
            lambda: Evidence.of("v.json"),
            "Evidence.of: 'v.json': expected the parsed JSON of `schema-guard decide --format json`",
        ),
        (lambda: Evidence.of({"verdict": "PROMPTING_ENOUGH"}), "names no segments to tune"),
    ],
)
def test_what_says_nothing_is_refused(make, said):
    """The message says what was expected."""
    with pytest.raises(InvalidArgument) as caught:
        make()
    assert said in str(caught.value)
