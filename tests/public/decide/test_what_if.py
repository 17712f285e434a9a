"""What-if: where a change goes, and what is said of one that goes nowhere."""

import subprocess
import sys
from copy import deepcopy

import pytest

from schema_guard import InvalidArgument
from schema_guard.decide import decide, what_if
from tests.public.decide.examples import exhausted, passing, piloted


@pytest.mark.parametrize(
    ("change", "path", "value"),
    [
        ("economics.failure_cost=0.1", ("economics", "failure_cost"), 0.1),
        ("failure_cost=0.1", ("economics", "failure_cost"), 0.1),
        ("target=0.02", ("config", "target"), 0.02),
        ("calls_per_month=50000", ("calls_per_month",), 50_000),
        ("economics.prompt_cost.hit=0", ("economics", "prompt_cost", "hit"), 0),
        ("prompt_cost.hit=0", ("economics", "prompt_cost", "hit"), 0),
        ("residual.pess=0.05", ("economics", "tuned", "residual", "pess"), 0.05),
        ("labels=1", ("economics", "upfront", "labels"), 1),
        ("hazards=[0.1, 0.2]", ("economics", "tuned", "hazards"), [0.1, 0.2]),
        ("strategies.few_shot.k_final=3", ("strategies", 0, "k_final"), 3),
        ("strategies.few_shot.rung=json_mode", ("strategies", 0, "rung"), "json_mode"),
        ("json_mode.status=untested", ("ladder", 5, "status"), "untested"),
        ("months_to_shutdown=null", ("feasibility", "months_to_shutdown"), None),
        ("current = few_shot", ("current",), "few_shot"),
        ("attempts.0.1=7", ("strategies", 0, "attempts", 0, 1), 7),
    ],
)
def test_change_reaches_its_place(change, path, value):
    """A path, or the end of one that means one place only, is set to a JSON value or a text."""
    place = what_if(exhausted(), [change])

    for name in path:
        place = place[name]
    assert place == value


def test_what_is_not_there_yet_is_made():
    """A known key is set where the evidence leaves it out."""
    assert what_if(passing(), ["target=0.02", "train_examples=5"]) == {
        **passing(),
        "config": {"target": 0.02},
        "feasibility": {"train_examples": 5},
    }


def test_evidence_stays_as_it_is():
    """The changes are made in a copy, to its depths."""
    evidence = exhausted()
    before = deepcopy(evidence)

    what_if(evidence, ["failure_cost=9", "strategies.few_shot.n=9", "labels=9"])

    assert evidence == before


def test_changes_change_the_verdict():
    """Applied in order, the last change of one place counts."""
    verdict = decide(what_if(exhausted(), ["calls_per_month=10", "failure_cost=0", "calls_per_month=20"]))

    assert (verdict.verdict, verdict.figures["calls_per_month"]) == ("ACCEPT_OR_REDESIGN", 20)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("failure_cost", "what-if 'failure_cost': expected path=value, such as economics.failure_cost=0.1"),
        ("failure_csot=1", "what-if 'failure_csot': expected the path of a value in the evidence. Did you mean 'failure_cost'?"),
        ("economics.failure=1", "what-if 'economics.failure': expected the path of a value in the evidence. Did you mean 'economics.failure_cost'?"),
        ("zzzz=1", "what-if 'zzzz': expected the path of a value in the evidence, such as config.target"),
        ("hit=0", "what-if 'hit': several paths have this ending: economics.prompt_cost.hit, economics.tuned_cost.hit. Write more of the path"),
    ],
)  # fmt: skip
def test_change_that_goes_nowhere_is_an_error(change, message):
    """A change without a value, an unknown path and one that means several places are told."""
    with pytest.raises(InvalidArgument) as caught:
        what_if(exhausted(), [change])

    assert str(caught.value) == message


def test_many_places_are_not_all_named():
    """Of the places a short name may mean, five are named and the others counted."""
    with pytest.raises(
        InvalidArgument, match=r"reason_then_format\.status|and 10 more. Write more of the path"
    ):
        what_if(piloted({"n": 1, "k_final": 0}), ["status=untested"])


def test_a_loaded_module_does_not_replace_the_function():
    """A program may load every module of the package first."""
    code = (
        "import pkgutil, schema_guard.decide as d; from importlib import import_module;"
        "[import_module(m.name) for m in pkgutil.walk_packages(d.__path__, 'schema_guard.decide.')];"
        "assert all(map(callable, (d.what_if, d.decide, d.evidence_schema)))"
    )

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
