"""Worked scenarios: the verdict and every figure of each, within the tolerances that come with them."""

import json

import pytest

from schema_guard.decide import decide

IDS = ("S01", "S02", "S04", "S10", "S12", "S15", "S17", "S22")

# Keys of which the scenarios tell more than the absolute tolerance of a bound.
MONEY = ("economics", "months_to_answer")


@pytest.fixture(scope="module")
def scenarios(corpora):
    return json.loads((corpora / "decision_scenarios.json").read_text(encoding="utf-8"))


def differences(expected, found, tolerance, path=()):
    """Give each place at which *found* is not what is *expected*; keys that are not expected may be there."""
    if isinstance(expected, dict):
        missing = [f"{path}: no {key}" for key in expected.keys() - found.keys()]
        return missing + [
            text
            for key in expected.keys() & found.keys()
            for text in differences(expected[key], found[key], tolerance, (*path, key))
        ]
    if isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        return [
            text
            for index, (one, other) in enumerate(zip(expected, found, strict=True))
            for text in differences(one, other, tolerance, (*path, index))
        ]
    if isinstance(expected, bool) or not isinstance(expected, int | float):
        return [] if expected == found else [f"{path}: {expected!r}, found {found!r}"]
    near = pytest.approx(expected, **allowed(path, tolerance))
    return [] if found == near else [f"{path}: {expected!r}, found {found!r}"]


def allowed(path, tolerance):
    if path[-1] == "n_more":
        return {"abs": tolerance["n_more_abs"], "rel": 0}
    if path[0] in {"paired_e", "e_bad"}:
        return {"rel": tolerance["e_value_rel"], "abs": 0}
    if path[0] in MONEY:
        return {"rel": tolerance["money_rel"], "abs": 0}
    return {"abs": tolerance["bounds_abs"], "rel": 0}


@pytest.mark.parametrize("name", IDS)
def test_scenario_gives_its_verdict_and_figures(scenarios, name):
    """A scenario's input, as it stands, gives its verdict and every figure that it expects."""
    scenario = next(one for one in scenarios["scenarios"] if one["id"] == name)

    result = decide(scenario["input"]).as_dict()

    assert differences(scenario["expect"], result, scenarios["tolerance"]) == []


def test_every_scenario_is_tried(scenarios):
    """No scenario of the file is left out."""
    assert [one["id"] for one in scenarios["scenarios"]] == list(IDS)
