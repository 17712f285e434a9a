"""What a provider has closed bears on whether a tuned model can be had."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema_guard.decide import decide
from tests.public.decide.examples import economics, exhausted, failing, feasibility, piloted, strategy
from tests.public.decide.recompute import repeated


def closed(day, **feasibility):
    """Fine-tuning would pay, on a day, of a base model whose days are known."""
    values = {
        "train_examples": 500,
        "base_model": "gpt-4o-mini-2024-07-18",
        "active_tuner": True,
        **feasibility,
    }
    return decide({**exhausted(), "day": day, "feasibility": values}).as_dict()


@pytest.mark.parametrize(
    ("day", "verdict", "blocked"),
    [
        ("2026-05-01", "FINE_TUNE_JUSTIFIED", None),
        ("2026-12-20", "FINE_TUNE_BLOCKED", ["base_model_shutdown_before_payback"]),
        ("2027-01-06", "FINE_TUNE_BLOCKED", ["base_model_shutdown_before_payback"]),
        ("2027-01-07", "FINE_TUNE_BLOCKED", ["provider_closed", "base_model_shutdown_before_payback"]),
    ],
)
def test_days_of_the_base_model_bear_on_the_answer(day, verdict, blocked):
    """Tuning is blocked after the last day of training, and where the model ends before it has paid."""
    result = closed(day)

    assert (result["verdict"], result.get("blocked")) == (verdict, blocked)
    assert any("2027-01-06" in note and "https://" in note for note in result["notes"])


def test_what_is_given_goes_before_what_is_known():
    """Who has a contract of his own says so."""
    result = closed("2027-02-01", new_jobs_allowed=True, months_to_shutdown=24)

    assert result["verdict"] == "FINE_TUNE_JUSTIFIED"


def test_an_unknown_base_model_is_said_to_be_unknown():
    """Nothing is filled in for a model of which no day is known."""
    result = closed("2026-11-01", base_model="a-model-of-mine")

    assert result["counted"]["feasibility"]["months_to_shutdown"] is None
    assert any("a-model-of-mine: its last day is unknown" in note for note in result["notes"])


SINCE = "2026-05-07"


@pytest.mark.parametrize("is_active", [None, False, True])
@pytest.mark.parametrize("day", ["2026-05-06", SINCE, "2026-11-01"])
def test_openai_takes_new_jobs_of_active_tuners_only(day, is_active):
    """Tuning is blocked from that day on unless the account is known to be an active tuner."""
    result = closed(day, active_tuner=is_active, months_to_shutdown=24)

    expected = [] if is_active or day < SINCE else ["not_an_active_tuner"]
    assert result.get("blocked", []) == expected
    assert (result["verdict"] == "FINE_TUNE_BLOCKED") is bool(expected)


@pytest.mark.parametrize(("allowed", "blocked"), [(True, None), (False, ["provider_closed"])])
def test_a_given_permission_replaces_the_rule_of_active_tuners(allowed, blocked):
    """A given answer about new jobs is the only reason then."""
    result = closed("2026-11-01", active_tuner=None, new_jobs_allowed=allowed, months_to_shutdown=24)

    assert result.get("blocked") == blocked


def test_another_base_model_needs_no_active_tuner():
    """The rule is OpenAI's, and is not applied to a model that is not known to be OpenAI's."""
    assert "blocked" not in closed("2026-11-01", base_model="a-model-of-mine", active_tuner=None)


def test_a_passed_pilot_needs_no_new_job():
    """The next step is not a tuning, so the rule of active tuners does not apply."""
    evidence = piloted({"n": 3_000, "k_final": 3})
    values = {"train_examples": 500, "base_model": "gpt-4o-mini-2024-07-18", "months_to_shutdown": 24}

    result = decide({**evidence, "day": "2026-11-01", "feasibility": values}).as_dict()

    assert (result["verdict"], result["stage"]) == ("FINE_TUNE_JUSTIFIED", "ship")


def test_second_hand_days_are_marked():
    """A day that is not from the page of the provider is marked in the note and the figures."""
    verdict = decide(
        {**exhausted(), "day": "2026-09-01", "feasibility": {"base_model": "o4-mini", "active_tuner": True}}
    )
    result = verdict.as_dict()

    assert any("2026-10-23 (second-hand)" in note for note in result["notes"])
    assert [end["second_hand"] for end in result["model_ends"]] == [True]


# A proposal that costs $4,324 once and saves $2,232.76 a month: 10,000 calls, and failures cost nothing.
EXAMPLE = {"upfront": {"all": 4_324}, "hosting_per_month": 0, "refresh_per_month": 0, "failure_cost": 0}


def saving(dollars_a_month):
    """Economics with a saving of so many dollars a month at 10,000 calls."""
    cost = dict.fromkeys(("fixed", "out", "repair", "hit", "latency_s", "p_cached", "p_out"), 0)
    prompt = {**cost, "var": 1_000_000, "p_in": dollars_a_month / 10_000}
    tuned = {"hazards": [0], "residual": {"opt": 0, "point": 0, "pess": 0}}
    return {**EXAMPLE, "prompt_cost": prompt, "tuned_cost": {**prompt, "p_in": 0}, "tuned": tuned}


def test_a_model_that_ends_in_47_days_is_blocked():
    """Within 1.5441 months, one of them the lead, $2,232.76 a month saves $1,214.95 of $4,324."""
    alive = 47 / (365.25 / 12)
    evidence = failing(
        strategies=[strategy()],
        economics=saving(2_232.76),
        feasibility={"new_jobs_allowed": True, "months_to_shutdown": alive},
    )

    result = decide({**evidence, "calls_per_month": 10_000}).as_dict()

    assert result["economics"]["upfront"] == 4_324
    assert result["economics"]["pess"]["saving_per_month"] == pytest.approx(2_232.76)
    assert result["cost"]["earned"] == pytest.approx(1_214.95, abs=0.02)
    assert (result["cost"]["needed"], result["cost"]["tunings"]) == (2 * 4_324, 2)
    assert result["blocked"] == ["base_model_shutdown_before_payback"]
    assert any(
        "$2,232.76 x (min(6, 1.5441) - 1, at least 0) months = $1,21" in line
        for line in result["cost"]["lines"]
    )


@given(
    st.floats(-2_000, 20_000),
    st.floats(0, 20_000),
    st.none() | st.floats(0, 30),
    st.floats(0, 4),
    st.none() | st.floats(0, 20_000),
    st.floats(0.1, 30),
)
def test_a_negative_total_never_goes_with_a_passed_gate(saved, upfront, alive, lead, again, next_life):
    """Tuning is advised if it passes the gate. It then earns its cost in time, and its total is not negative."""
    evidence = failing(
        strategies=[strategy()],
        economics={
            **saving(abs(saved)),
            "hosting_per_month": max(-saved, 0),
            "upfront": {"all": upfront},
            "next_tuning": again,
        },
        feasibility={"new_jobs_allowed": True, "months_to_shutdown": alive, "next_life_months": next_life},
        config={"lead_months": lead},
    )

    result = decide({**evidence, "calls_per_month": 10_000}).as_dict()

    cost, is_advised = result["cost"], result["verdict"] == "FINE_TUNE_JUSTIFIED"
    assert is_advised is cost["passes"]
    assert cost["lowest_total"] <= cost["total"] + 1e-6 <= cost["highest_total"] + 2e-6
    if is_advised:
        assert cost["total"] >= -1e-6
        assert cost["earned"] >= cost["needed"] * (1 - 1e-9)
    assert repeated(result) == []


@pytest.mark.parametrize(
    ("alive", "next_life", "tunings"), [(6, 18, 1), (5.99, 18, 2), (2, 2, 3), (2, 4, 2), (None, 1, 1)]
)
def test_horizon_needs_a_tuning_for_each_base_model(alive, next_life, tunings):
    """A base model that lives as long as the horizon needs one tuning."""
    known = feasibility(months_to_shutdown=alive, next_life_months=next_life)

    assert decide({**exhausted(), "feasibility": known}).as_dict()["cost"]["tunings"] == tunings


@pytest.mark.parametrize(("given", "cost"), [({}, 2_050), ({"next_tuning": 900}, 900)])
def test_next_tuning_is_what_is_paid_once_without_the_labels(given, cost):
    """A given cost of the next tuning replaces the assumed one."""
    result = decide(
        {**exhausted(), "economics": economics(**given), "feasibility": feasibility(months_to_shutdown=5)}
    )

    assert result.as_dict()["cost"]["next_tuning"] == cost


def test_a_passed_pilot_of_a_model_that_ends_is_blocked():
    """The tuned model passes, and its base model ends before it has earned its cost."""
    evidence = piloted({"n": 3_000, "k_final": 3}) | {"feasibility": feasibility(months_to_shutdown=1.5)}

    result = decide(evidence).as_dict()

    assert result["blocked"] == ["base_model_shutdown_before_payback"]
    assert repeated(result) == []


def test_a_payback_within_the_horizon_and_after_it_with_the_lead_does_not_pay():
    """It pays back in 5.5 months of use, and the horizon of 6 months has 5 of them."""
    evidence = failing(
        strategies=[strategy()],
        economics={**saving(1_000), "upfront": {"all": 5_500}},
        feasibility=feasibility(),
    )

    result = decide({**evidence, "calls_per_month": 10_000}).as_dict()

    assert (result["verdict"], result["reason"]) == ("ACCEPT_OR_REDESIGN", "not_economic")
    assert "with a lead of 1.0 months, that is after the horizon" in result["why"]
    assert result["cost"]["total"] == pytest.approx(-500)


@pytest.mark.parametrize("name", ["gpt-5-mini", "o9", "ft:gpt-5:shop::1"])
def test_every_base_model_of_openai_needs_an_active_tuner(name):
    """A base model whose days are not known is OpenAI's by its name."""
    known = {"train_examples": 500, "base_model": name}

    result = decide({**exhausted(), "day": "2026-11-01", "feasibility": known}).as_dict()

    assert result["blocked"] == ["not_an_active_tuner"]


def test_published_weights_of_openai_need_no_active_tuner():
    """Anyone can tune gpt-oss."""
    known = {"train_examples": 500, "base_model": "gpt-oss-20b"}

    assert "blocked" not in decide({**exhausted(), "day": "2026-11-01", "feasibility": known}).as_dict()


def test_a_pilot_for_another_aim_warns_of_an_early_end():
    """The pilot meets the latency that every prompt misses. The cost is no gate then, and the end is a note."""
    slow = strategy(k=0, latency={"n": 2_000, "k": 2_000})
    pilot = {"n": 3_000, "k_final": 3, "latency": {"n": 3_000, "k": 0}}
    evidence = piloted(pilot, strategies=[slow], config={"latency_p95_s": 1})

    result = decide(evidence | {"feasibility": feasibility(months_to_shutdown=1.5)}).as_dict()

    assert (result["verdict"], result["reason"]) == ("FINE_TUNE_JUSTIFIED", "latency")
    assert "the provider shuts down the base model in 1.5 months, before tuning pays back" in result["notes"]
