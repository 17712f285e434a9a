"""The head of a verdict has at most 25 lines, and names the place at which most replies fail."""

import json

import pytest

from tests.public.commands.command_lines import command
from tests.public.decide.production import MOST_LINES, missing_places
from tests.public.decide.test_every_value import EVIDENCE as VALUES
from tests.public.decide.test_figures import EVIDENCE as FIGURES
from tests.public.decide.test_scenarios import IDS

PLACE = "/lines/*/price"


def with_places(evidence):
    """Return evidence in which a third of the failures of each strategy are at one place."""
    strategies = [
        {
            **one,
            "fails_at": [
                {
                    "place": PLACE,
                    "code": "minimum",
                    "k": max(5, round(one["k_final"] / 3)),
                    "n": round(one["k_final"]),
                }
            ],
        }
        if one.get("k_final", 0) >= 5
        else one
        for one in evidence.get("strategies", ())
    ]
    return {**evidence, **({"strategies": strategies} if strategies else {})}


def head_faults(evidence, folder):
    """Return the lines beyond the 25th, and each failing place that the head does not name."""
    file = folder / "evidence.json"
    file.write_text(json.dumps(evidence))
    status, text, error = command("decide", "--evidence", file)
    assert (status in (0, 1), error) == (True, "")
    document = json.loads(command("decide", "--evidence", file, "--format", "json")[1])
    lines = text.rstrip("\n").splitlines()
    return [*lines[MOST_LINES:], *missing_places(document, " ".join(text.split()))]


@pytest.mark.parametrize("name", IDS)
def test_the_head_of_a_scenario_is_short_and_names_the_place(corpora, tmp_path, name):
    """Each worked scenario, as it is and with a place at which a third of the replies fail."""
    scenarios = json.loads((corpora / "decision_scenarios.json").read_text(encoding="utf-8"))["scenarios"]
    evidence = next(one["input"] for one in scenarios if one["id"] == name)

    assert head_faults(evidence, tmp_path) == []
    assert head_faults(with_places(evidence), tmp_path) == []


@pytest.mark.parametrize(
    "evidence", [*FIGURES.values(), *VALUES.values()], ids=[*FIGURES, *(f"value {name}" for name in VALUES)]
)
def test_the_head_of_any_evidence_is_short_and_names_the_place(tmp_path, evidence):
    """Evidence with many facts, among them costs, a pilot, outages, and a weekly pattern."""
    assert head_faults(with_places(evidence), tmp_path) == []


def test_a_missing_place_is_noticed():
    """The check finds a head that does not name the place."""
    document = {
        "breach": [], "counted": {"current": "plain"}, "fails_at": {"plain": [{"place": PLACE, "code": "enum", "k": 5, "n": 15}]},
    }  # fmt: skip

    assert missing_places(document, "fails at /team (enum)") == [PLACE]
    assert missing_places(document, f"fails at {PLACE} (enum)") == []
