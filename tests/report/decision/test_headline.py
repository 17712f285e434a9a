"""The first screen of a verdict: a sentence with the number that matters, whichever rule gave it."""

import pytest

from schema_guard.decide import decide
from schema_guard.report.decision.page import headline_of, slide_of
from tests.public.decide.test_verdicts import VERDICTS


@pytest.mark.parametrize("case", VERDICTS, ids=lambda case: case.id)
def test_every_verdict_has_a_headline(case):
    """What it means, and how much fails: two sentences, without a word of Python's."""
    figures = decide(case.evidence).as_dict()

    text = headline_of(figures)

    assert text.endswith(".")
    assert text[0].isupper()
    assert "None" not in text
    assert slide_of(figures, plots=0).headline == text


def test_what_no_prompt_gets_right_is_the_number():
    """The headline of a pilot for wrong values has the rate of wrong values."""
    (case,) = [
        one for one in VERDICTS if one.id == "no prompt gets the values right, and tuning does not pay"
    ]

    assert headline_of(decide(case.evidence).as_dict()) == (
        "No prompt gets the values right; run a pilot. 30% of the values are wrong, and 5% may."
    )
