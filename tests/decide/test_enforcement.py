"""The line about values of a verdict that enforces the schema."""

import pytest

from schema_guard.decide import decide
from schema_guard.report.decision.head import facts_of
from tests.public.decide.examples import ladder, strategy

UNTESTED = ladder(strict_schema="untested")
COMPARED = {
    "measure": "right",
    "n": 120,
    "before": {"id": "few_shot", "share": 0.32, "lower": 0.24, "upper": 0.41},
    "after": {"id": "strict_schema", "share": 0.15, "lower": 0.1, "upper": 0.22},
    "lower": -0.26,
    "upper": -0.08,
}


def evidence(*strategies, **more):
    return {"strategies": list(strategies), "current": "few_shot", "ladder": UNTESTED, **more}


def failing(**more):
    """A strategy in use that fails, whose failures the provider can prevent."""
    return strategy(n=400, k=100, failure_kinds={"syntax": 100}, failure_codes={"malformed": 100}, **more)


def values_of(document):
    """Return the verdict, and its lines about values."""
    verdict = decide(document)
    return verdict.verdict, [fact.text for fact in facts_of(verdict.as_dict()) if fact.label == "values"]


NOT_MEASURED = (
    "not measured, although enforcement can make wrong answers valid. To measure the values, run: "
    "schema-guard bench run --playbook --schema NAME --model MODEL --first-step few_shot"
)
MEASURED = (
    "32% [24%, 41%] of the values are right before enforcement (few_shot), and 15% [10%, 22%] after it (strict_schema); "
    "the difference is -17 [-26, -8] percentage points (120 inputs)"
)


def test_enforcement_names_the_command_that_measures_values():
    """Without known values, the line has the command of a trial that begins with the strategy in use."""
    assert values_of(evidence(failing())) == ("USE_CONSTRAINED_DECODING", [NOT_MEASURED])


def test_a_switch_to_enforcement_has_the_measured_values():
    """The line has both shares, and the difference on the same inputs."""
    strict = strategy("strict_schema", n=1000, k=0)
    verdict, lines = values_of(evidence(failing(), strict, values=COMPARED, ladder=ladder()))

    assert (verdict, lines) == ("PROMPTING_ENOUGH", [MEASURED])


def test_known_answers_of_both_strategies_are_shown():
    """Without pairs, each strategy has its own bounds."""
    strict = strategy("strict_schema", n=1000, k=0, right={"n": 200, "k": 150})
    _, lines = values_of(evidence(failing(right={"n": 200, "k": 100}), strict, ladder=ladder()))

    assert len(lines) == 1
    assert lines[0].startswith("50% [")
    assert "and 25% [" in lines[0]


LABELS = {"lower": 0.1, "upper": 0.2, "alpha": 0.001, "blocks": 150, "skipped": 0, "wrong": 22.5}


def test_labels_without_enforcement_are_shown():
    """The bounds of the strategy in use are known, and only those with enforcement are missing."""
    _, lines = values_of(evidence(failing(right=LABELS)))

    assert lines[0].startswith(
        "[80%, 90%] of the values are right without enforcement; with it, the share is not measured, although enforcement can "
    )


def test_labels_of_both_strategies_are_shown():
    """Labels give bounds of both, without a mean that can be outside of them."""
    strict = strategy("strict_schema", n=1000, k=0, right={**LABELS, "lower": 0.3, "upper": 0.4})
    _, lines = values_of(evidence(failing(right=LABELS), strict, ladder=ladder()))

    assert lines == [
        "[80%, 90%] of the values are right before enforcement (few_shot), and [60%, 70%] after it (strict_schema)"
    ]


@pytest.mark.parametrize(("right", "is_added"), [(LABELS, True), ({"n": 200, "k": 2}, False)])
def test_the_printed_watch_has_the_share_that_labels_measure(right, is_added):
    """`watch` can't measure known answers, so their share is no option of it."""
    verdict = decide(evidence(strategy(n=1000, k=0, right=right), config={"right": 0.5}))

    assert verdict.verdict == "PROMPTING_ENOUGH"
    assert ("--min-right 50%" in verdict.as_dict()["next_step"]) == is_added


def test_values_in_the_input_are_named_as_such():
    """Grounding is not rightness."""
    _, lines = values_of(evidence(failing(), values={**COMPARED, "measure": "grounded"}))

    assert "32% [24%, 41%] of the values are in the input before enforcement (few_shot)" in lines[0]


def test_other_verdicts_say_nothing_of_enforcement():
    """A strategy in use that is good enough, or that enforces the schema already, has no line."""
    assert values_of(evidence(strategy(n=1000, k=0))) == ("PROMPTING_ENOUGH", [])
    strict = strategy("strict_schema", n=1000, k=0)
    assert values_of(evidence(strict, current="strict_schema"))[1] == []
