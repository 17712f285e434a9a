"""The head of a verdict: 25 lines in plain words, and a next step that can be run."""

import re

import click
import pytest
from hypothesis import given

from schema_guard.decide import decide
from schema_guard.decide.playbook import STEPS
from schema_guard.report.as_text import as_text
from schema_guard.report.decision.document import document_of, head_of
from schema_guard.report.decision.words import FIXES
from tests.cli import parsing
from tests.needs import needs
from tests.public.decide.examples import exhausted, failing, ladder, passing, strategy
from tests.public.decide.test_laws import evidences
from tests.report.decision.examples import VERDICTS

JARGON = re.compile(
    r"\b(rho|hazards?|alpha|odds|geometric|bounds?|inconclusive|unhandled|pess|clusters?)\b|\bf =|\[\d"
)
ABOUT = {"function": "shop.extract it", "schema": "ticket"}


def head(verdict):
    return as_text(head_of(verdict))


def line(verdict, label):
    return dict(document_of(verdict).facts)[label]


@given(evidences())
def test_any_head_is_25_lines(evidence):
    """Whatever the verdict, its head fits a terminal, and says how to get the rest."""
    lines = head(decide(evidence)).splitlines()

    assert len(lines) <= 25
    assert lines[-1].startswith("more ")


@pytest.mark.parametrize("name", VERDICTS)
def test_a_head_needs_no_statistics(name):
    """No word of statistics stands above the details, and no verdict is without words of its own."""
    text = head(VERDICTS[name])

    assert JARGON.findall(text) == []
    assert text.splitlines()[0].startswith(f"VERDICT: {VERDICTS[name].verdict}")
    assert len(text.splitlines()[0]) <= 110


def test_every_step_has_words():
    """Each fix of the playbook is named in plain words."""
    assert set(FIXES) == set(STEPS)


@needs("playbook")
@pytest.mark.parametrize("about", [None, ABOUT])
# few_shot was measured, two steps are for wrong values only, and improved_prompt has its own command.
@pytest.mark.parametrize(
    "rung",
    [
        rung
        for rung in STEPS
        if rung not in ("few_shot", "strict_only", "reason_then_strict", "improved_prompt")
    ],
)
def test_every_step_has_a_command_that_can_be_run(rung, about):
    """The command that measures a fix takes the options that it is given, and begins with what a playbook run can run."""
    verdict = decide(failing(ladder=ladder(**{rung: "untested"})) | {"about": about})
    context = parsed(verdict.figures["next_step"])

    assert verdict.figures["next_rung"] == rung
    assert context.params["first_step"] == ("system_prompt" if rung == "schema_simplify" else rung)
    assert context.params["function"] == (about and about["function"])


@needs("playbook", "tuning")
@pytest.mark.parametrize("name", VERDICTS)
def test_every_next_step_that_is_a_command_can_be_run(name, tmp_path, monkeypatch):
    """What is said to be next is taken by the command as it stands."""
    monkeypatch.chdir(tmp_path)
    for file in ("costs.json", "answers.json"):
        (tmp_path / file).write_text("{}")
    step = VERDICTS[name].figures["next_step"]

    if "schema-guard report" not in step and "schema-guard " in step:
        assert parsed(step).params


def parsed(step):
    """Read the command of a next step as the command line does."""
    return parsing.parsed(step.partition("schema-guard ")[2])


@needs("playbook")
def test_a_wrong_option_is_seen_by_these_tests():
    """An option that no command has is an error here too."""
    with pytest.raises(click.UsageError):
        parsed("schema-guard bench run --playbook --schema x --call 3")


def production(**found):
    return {**strategy("system_prompt", 2000, 100), "traffic_share": 1.0, **found}


def test_what_is_asked_for_and_not_measured_is_told():
    """Right values are asked for and nobody knows an answer."""
    verdict = decide(passing(strategies=[production(k_final=0)], config={"right": 0.95}))

    assert verdict.verdict == "NEED_MORE_DATA"
    assert "the share of right values is unknown, but the target requires it" in line(verdict, "unmeasured")
    assert "at least 95% of the values are right" in line(verdict, "target")
    assert "the values are unchecked" in head(verdict).splitlines()[0]


def test_few_right_values_are_told_though_nobody_asked():
    """83 % right without a target is a line in the head."""
    text = line(VERDICTS["prompting enough"], "values")

    assert text.startswith("166 of 200 values equal the known answer (83%)")


def test_new_inputs_that_fail_more_are_told():
    """Inputs that come for the first time fail more often than asked for, proved."""
    verdict = decide(failing(strategies=[production(k_final=2, inputs={"n": 500, "k": 40})]))

    assert "40 of 500 inputs that are not frequent fail (8%)" in line(verdict, "new inputs")


def test_the_next_command_names_its_function():
    """A verdict about a function gives commands about that function."""
    verdict = decide(passing() | {"about": ABOUT})

    assert (
        verdict.figures["next_step"]
        == "schema-guard watch --max-failure-rate 1% --function 'shop.extract it'"
    )


def test_second_hand_end_of_a_model_is_marked():
    """The head marks the last day of a model if no page of the provider confirms it."""
    feasible = {"base_model": "o4-mini", "active_tuner": True}
    verdict = decide({**exhausted(), "day": "2026-09-01", "feasibility": feasible})

    assert "o4-mini shuts down on 2026-10-23 (second-hand), in 1.7 months" in as_text(head_of(verdict))
