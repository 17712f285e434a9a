"""The playbook: its order, what is next, and what is said of every step."""

import pytest

from schema_guard.decide.playbook import (
    STEPS,
    PlaybookStep,
    next_step,
    order_of,
    playbook_line,
    playbook_of,
    untested,
)


def claims(*rungs, status="untested", reason=""):
    return [PlaybookStep(rung, status, reason) for rung in rungs]


@pytest.mark.parametrize(
    ("left", "following"),
    [
        ((), None),
        (("larger_model", "few_shot"), "few_shot"),
        (("strict_schema", "larger_model"), "larger_model"),
        (("strict_schema",), "strict_schema"),
        (tuple(reversed(STEPS)), "raise_max_output_tokens"),
    ],
)
def test_next_is_the_first_untested_step_strict_last(left, following):
    """Climbing takes the steps in order, and strict decoding, out of reach, when nothing else is left."""
    assert next_step(playbook_of(claims(*left), {})) == following


def test_every_step_has_a_status():
    """A step is what is claimed of it, tested where it was measured, and not claimed otherwise."""
    ladder = playbook_of(
        [*claims("few_shot", "temperature"), *claims("json_mode", status="declined", reason="no")],
        {"few_shot": ["a", "b"]},
    )

    assert [step for step in ladder if step.status != "not_claimed"] == [
        PlaybookStep("json_mode", "declined", "no"),
        PlaybookStep("few_shot", "tested", "", ("a", "b")),
        PlaybookStep("temperature", "untested"),
    ]
    assert untested(ladder) == ["temperature"]


def test_line_tells_what_was_not_tried_and_why():
    """One line names the untested steps, the reasons of the others, and what nothing is said of."""
    tested = claims(*STEPS[:-3], status="tested")
    ladder = playbook_of(
        [*tested, *claims(STEPS[-3], status="declined", reason="a contract"), *claims(STEPS[-2], status="not_applicable", reason="on")],
        {},
    )  # fmt: skip

    assert playbook_line(ladder) == (
        "untested: none / declined: repair_retry (a contract) / "
        "not applicable: smaller_model (on) / no status: larger_model"
    )


def test_bare_comes_before_every_step():
    """Observed calls have nothing added, and so are the cheapest; a model of unknown size is last."""
    ordered = ("bare", *STEPS, "other_model")

    assert [order_of(rung) for rung in ordered] == list(range(19))
