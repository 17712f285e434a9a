"""Values that decide looks up or measures: a value that the user gives replaces it."""

import itertools
import json
import shutil

import pytest

from schema_guard import open_store
from schema_guard.decide import decide
from tests.public.clock import stopped_clock
from tests.public.commands.command_lines import command
from tests.public.commands.shop import PRICES, open_depot
from tests.public.decide.examples import economics, exhausted
from tests.public.decide.leaves import flat
from tests.public.decide.production import Production
from tests.public.decide.test_every_value import effect
from tests.public.golden import expected

KNOWN_MODEL, UNKNOWN_MODEL = "gpt-4o-mini-2024-07-18", "a-model-of-mine"
# The last day on which each of these days allows new jobs, and the months until the model ends.
LOOKED_UP = {
    (KNOWN_MODEL, "2026-05-01"): True,
    (KNOWN_MODEL, "2027-02-01"): False,
    (UNKNOWN_MODEL, "2026-05-01"): None,
    (None, "2026-05-01"): None,
}
GIVEN = [*itertools.product(LOOKED_UP, (None, True, False), (None, 0.5, 36), (None, 20, 900))]


def used(place, allowed, months, examples):
    """Return the feasibility that decide uses, and its verdict."""
    model, day = place
    values = {
        "base_model": model,
        "new_jobs_allowed": allowed,
        "months_to_shutdown": months,
        "train_examples": examples,
    }
    values = {key: value for key, value in values.items() if value is not None}
    result = decide({**exhausted(), "day": day, "feasibility": values}).as_dict()
    return result["counted"]["feasibility"], result


@pytest.mark.parametrize(("place", "allowed", "months", "examples"), GIVEN)
def test_given_feasibility_replaces_the_known_days_of_a_model(place, allowed, months, examples):
    """Only values that nobody gave come from the known days of the base model."""
    feasibility, result = used(place, allowed, months, examples)
    expects_jobs = LOOKED_UP[place] if allowed is None else allowed

    assert feasibility["new_jobs_allowed"] is expects_jobs
    assert feasibility["train_examples"] == examples
    if months is not None or place[0] != KNOWN_MODEL:
        assert feasibility["months_to_shutdown"] == months
    else:
        assert (feasibility["months_to_shutdown"] == 0) is (place[1] > "2027")
    assert ("provider_closed" in result.get("blocked", [])) is (expects_jobs is False)
    assert ("train_examples" in result.get("blocked", [])) is (examples == 20)


@pytest.fixture(scope="session")
def depot(tmp_path_factory):
    """A folder with a store of production calls, of a tuned model among them."""
    folder = tmp_path_factory.mktemp("given")
    with stopped_clock() as clock, open_store(f"sqlite:///{folder}/depot.db", payload="full") as store:
        open_depot(Production(store, clock, folder))
    (folder / "prices.json").write_text(json.dumps(PRICES))
    return folder


@pytest.fixture
def figures(depot, tmp_path, monkeypatch):
    """Return a function that decides on the store with some given values. It returns each figure by its place."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(depot / "prices.json", tmp_path)

    def decided(given, *options):
        shutil.copy(depot / "depot.db", tmp_path)
        (tmp_path / "with.json").write_text(json.dumps(given))
        line = "decide --store sqlite:///depot.db --function depot.sort --with with.json --format json"
        with stopped_clock(1_780_000_000.0 + 60 * 86_400):
            status, out, err = command(*line.split(), *options)
        out = out.replace(str(tmp_path), "FOLDER")
        return flat(json.loads(out)) if status in (0, 1) else {"error": err}

    return decided


MONEY = economics()
PRICED = {"p_in": 3.0, "p_cached": 0.3, "p_out": 15.0}
PARTLY = {
    **MONEY,
    "latency_cost_per_s": 0.001,
    "prompt_cost": PRICED,
    "tuned_cost": {"p_in": 1.0, "p_cached": 0.5, "p_out": 8.0},
}
BASE = {"economics": PARTLY, "feasibility": {"train_examples": 500, "months_to_shutdown": 24}}


def _with_economics():
    for cost, name in itertools.product(("prompt_cost", "tuned_cost"), MONEY["prompt_cost"]):
        value = 0.123 if name == "hit" else 1_234.5
        yield f"{cost}.{name}", {"economics": {**PARTLY, cost: {**PARTLY[cost], name: value}}}
    for name, value in (("failure_cost", 3.5), ("hosting_per_month", 9_999), ("refresh_per_month", 8_888)):
        yield name, {"economics": {**PARTLY, name: value}}
    yield "latency_cost_per_s", {"economics": {**PARTLY, "latency_cost_per_s": 0.01}}
    yield "upfront", {"economics": {**PARTLY, "upfront": {"labels": 77_777}}}
    yield "hazards", {"economics": {**PARTLY, "tuned": {"hazards": [0.3]}}}


WITH = {
    **dict(_with_economics()),
    "calls_per_month": {"calls_per_month": 123_456},
    "day": {"day": "2027-03-04"},
    "content": {"content": {"n": 300, "right": 150}},
    "latency": {"latency": {"budget_s": 0.3}},
    "latency of the prompt": {"latency": {"budget_s": 0.3, "p50_s": 0.1, "p95_s": 0.2}},
    "latency of the tuned model": {"latency": {"budget_s": 0.3, "tuned_p50_s": 0.1, "tuned_p95_s": 0.25}},
    "segments": {"segments": [{"name": "one", "share": 1.0, "n": 100, "k": 50}]},
    "comparisons": {
        "comparisons": [{"before": "system_prompt", "after": "system_prompt", "n": 100, "b": 90, "c": 1}]
    },
    "target_history": {"target_history": [["2026-01-01", 0.001], ["2026-02-01", 0.5]]},
    "sources": {"sources": [{"name": "mine", "as_of": "2026-01"}]},
    "about": {"about": {"schema": "another", "calls": 7}},
    "ladder": {"ladder": [{"rung": "few_shot", "status": "declined", "reason": "no"}]},
    "feasibility": {"feasibility": {"train_examples": 3}},
    "target": {"config": {"target": 0.4}},
    "alpha": {"config": {"alpha": 0.2}},
    "horizon_months": {"config": {"horizon_months": 0.01}},
    "lead_months": {"config": {"lead_months": 11}},
    "min_train_examples": {"config": {"min_train_examples": 5_000}},
    "content_margin": {"config": {"content_margin": 0.9}},
    "primary_share_min": {"config": {"primary_share_min": 0.99}},
    "right": {"config": {"right": 0.9}},
    "latency_p95_s": {"config": {"latency_p95_s": 0.1}},
    "burst_length": {"config": {"burst_length": 40}},
    "notes": {"notes": ["a note of mine"]},
}


def test_given_values_replace_the_recorded_ones(figures):
    """Each given value changes the recorded figures of the verdict to the recorded values."""
    before = figures(BASE)
    with_table = {"economics": {**PARTLY, "prompt_cost": {}}}
    effects = {
        name: effect(before, figures({**BASE, **value}), has_sentences=True) for name, value in WITH.items()
    }
    effects["--prices"] = effect(before, figures({**BASE, **with_table}, "--prices", "prices.json"))
    text = f"{before['/verdict']}, {len(before)} figures\n" + "".join(
        f"{name} -> {one}\n" for name, one in effects.items()
    )

    assert text == expected("decide/given.txt", text)


OPTIONS = {
    "--max-failure-rate 40%": {"config": {"target": 0.003}},
    "--min-right 0.9": {"config": {"right": 0.5}},
    "--max-p95 0.1": {"config": {"latency_p95_s": 9}},
    "--burst-length 40": {"config": {"burst_length": 2}},
    "--decline few_shot=mine": {
        "ladder": [{"rung": "json_mode", "status": "declined", "reason": "of the file"}]
    },
}


@pytest.mark.parametrize("option", OPTIONS)
def test_option_of_the_command_line_replaces_the_value_of_the_file(figures, option):
    """An option applies although `--with` has another value."""
    with_both = figures({**BASE, **OPTIONS[option]}, *option.split())
    with_option = figures({**BASE, "ladder": OPTIONS[option].get("ladder", [])}, *option.split())

    assert with_both == with_option


@pytest.mark.parametrize("name", ["strategies", "schemas", "pilot", "current"])
def test_file_cannot_replace_what_the_store_counts(figures, name):
    """A key that the store provides this fact is an error."""
    value = {"current": "bare", "pilot": {"n": 9, "k_final": 1}}.get(name, [])

    assert "the store provides this fact" in figures({**BASE, name: value})["error"]
