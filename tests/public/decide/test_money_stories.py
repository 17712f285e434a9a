"""Stories about money and the end of models, played through guarded functions, a store and a clock."""

import json
import random
from datetime import UTC, date, datetime, timedelta

import pytest

from tests.public.decide.production import GOOD, reply

TUNED = "ft:gpt-4o-mini-2024-07-18:shop::1"
UNCACHED = {
    "litellm_provider": "maker", "input_cost_per_token": 3e-07, "output_cost_per_token": 1.2e-06,
}  # fmt: skip


def note_of(result, part):
    """Return the only note with a text, or None."""
    return next((note for note in result.figures["notes"] if part in note), None)


@pytest.mark.parametrize("every", [0, 250])
def test_cached_tokens_of_a_tuned_model_without_their_price_cost_as_others(production, tmp_path, every):
    """The verdict says so. This holds without failures and with 0.4% of failures."""
    table = tmp_path / "prices.json"
    table.write_text(json.dumps({TUNED: UNCACHED}))
    production.calls(1_500, every, good=reply(GOOD, tokens=(1_000, 10), cached=800), model=TUNED)

    result = production.verdict(prices=str(table))

    assert "has no price for cached input" in note_of(result, TUNED)
    if every == 0:
        (rate,) = result.figures["rates"].values()
        assert rate["price"] == pytest.approx(1_000 * 3e-07 + 10 * 1.2e-06)


def test_price_of_cached_input_is_no_note(production, tmp_path):
    """A tuned model with a price of its cached input is priced with it."""
    table = tmp_path / "prices.json"
    table.write_text(json.dumps({TUNED: {**UNCACHED, "cache_read_input_token_cost": 1.5e-07}}))
    production.calls(1_500, 300, good=reply(GOOD, tokens=(1_000, 10), cached=800), model=TUNED)

    assert note_of(production.verdict(prices=str(table)), "cached input") is None


MONEY = {
    "failure_cost": 1.0,
    "prompt_cost": {"fixed": 0, "var": 500, "out": 50, "hit": 0, "p_in": 2.5, "p_cached": 1.25, "p_out": 10},
    "tuned_cost": {"p_in": 0.3, "p_cached": 0.3, "p_out": 1.2},
    "tuned": {"hazards": [0.01], "residual": {"opt": 0.001, "point": 0.002, "pess": 0.004}},
    "upfront": {"all": 100},
    "hosting_per_month": 0,
    "refresh_per_month": 0,
}
BASE = "gpt-4o-mini-2024-07-18"
# On this day the last one of tuned models of the base model, 2027-01-14, is 46 days away.
DAY = "2026-11-29"


def decided_on(production, day, feasibility=None, upfront=100, money=None, **config):
    """Return the verdict on a store of an exhausted playbook as on a day."""
    steps = ("raise_max_output_tokens", "reasoning_limit", "lenient_parse", "strict_schema", "json_mode")
    steps += (
        "few_shot",
        "temperature",
        "reason_then_format",
        "improved_prompt",
        "decision_model",
        "schema_simplify",
        "repair_retry",
    )
    steps += ("smaller_model", "larger_model")
    given = {
        "day": day,
        "economics": {**MONEY, "upfront": {"all": upfront}, **(money or {})},
        "feasibility": {"train_examples": 500, **(feasibility or {})},
        "ladder": [{"rung": step, "status": "declined", "reason": "tried before"} for step in steps],
    }
    return production.verdict(function="shop.extract", config=config, given=given)


def on(clock, day):
    """Set the clock to a day."""
    clock.now = datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp()


@pytest.mark.parametrize(("every", "also"), [(20, ()), (17, ("not JSON",))])
def test_a_model_that_is_switched_off_in_46_days_is_not_advised(production, every, also):
    """The store names the base model, and the head names its last day. The failures have one cause, or two."""
    on(production.clock, "2026-10-20")
    production.calls(3_000, every, '{"team": "c"}', *also, model=BASE, after_s=600.0)
    production.calls(200, 0, model=TUNED, tuned=True, name="shop.other")

    result = decided_on(production, DAY, upfront=500)

    assert result.verdict == "FINE_TUNE_BLOCKED"
    assert result.figures["blocked"] == ["base_model_shutdown_before_payback"]
    assert (
        f"{BASE} shuts down on 2027-01-14 (second-hand), in 1.5 months; the next tuning costs $500"
        in result.head
    )
    assert "the tuned model shuts down on 2027-01-14" in result.head
    figures = result.figures
    assert 0 < figures["cost"]["earned"] < figures["cost"]["needed"] == 1_000


@pytest.mark.parametrize("after_days", [0, 59, 60, 90])
def test_a_call_of_a_tuned_model_within_60_days_makes_an_active_tuner(production, after_days):
    """Another function of the same store called a tuned model. Later than that, tuning is blocked."""
    on(production.clock, "2026-08-01")
    production.calls(30, 0, model=TUNED, tuned=True, name="shop.other", after_s=60.0)
    production.calls(3_000, 20, '{"team": "c"}', model=BASE, after_s=30.0)
    day = (date(2026, 8, 1) + timedelta(after_days)).isoformat()

    result = decided_on(production, day)

    is_active = result.figures["counted"]["feasibility"]["active_tuner"]
    assert is_active is (True if after_days < 60 else None)
    assert ("not_an_active_tuner" in result.figures.get("blocked", [])) is (after_days >= 60)
    assert ("used a tuned model within 60 days" in result.head) is (after_days >= 60)


@pytest.mark.parametrize("every", [20, 23])
def test_a_base_model_of_openai_without_an_active_tuner_is_blocked(production, every):
    """The same store with `active_tuner` in the given facts is not."""
    on(production.clock, "2026-07-20")
    production.calls(3_000, every, '{"team": "c"}', "{}", model=BASE, after_s=30.0)

    blocked = decided_on(production, "2026-08-01")
    given = decided_on(production, "2026-08-01", {"active_tuner": True})

    assert (blocked.verdict, blocked.figures["blocked"]) == ("FINE_TUNE_BLOCKED", ["not_an_active_tuner"])
    assert given.verdict == "FINE_TUNE_JUSTIFIED"


@pytest.mark.parametrize("every", [0, 300])
def test_a_tuned_model_in_use_names_its_last_day(production, every):
    """The verdict keeps the tuned model, and its head says until when it answers."""
    on(production.clock, "2026-11-20")
    production.calls(3_000, every, model=TUNED, tuned=True, after_s=60.0)

    result = production.verdict(given={"day": DAY})

    assert (result.verdict, result.figures["stage"]) == ("FINE_TUNE_JUSTIFIED", "in_service")
    assert (
        f"{TUNED} shuts down on 2027-01-14 (second-hand), in 1.5 months; you gave no cost for the next tuning"
        in result.head
    )


@pytest.mark.parametrize("every", [0, 400])
def test_a_prompted_model_that_is_kept_names_its_last_day(production, every):
    """The verdict keeps the prompted model. It is not tuned, so no tuning has a cost."""
    on(production.clock, "2026-11-20")
    production.calls(3_000, every, model=BASE, after_s=60.0)

    result = production.verdict(given={"day": DAY})

    assert result.verdict == "PROMPTING_ENOUGH"
    assert f"{BASE} shuts down on 2027-01-14 (second-hand), in 1.5 months" in result.head
    assert "next tuning" not in result.head


@pytest.mark.parametrize(
    ("money", "verdict"), [({}, "FINE_TUNE_BLOCKED"), ({"next_tuning": 10}, "FINE_TUNE_JUSTIFIED")]
)
def test_the_next_tuning_decides_about_a_model_that_ends_early(production, money, verdict):
    """The model lives 5.5 months. It earns its own cost, and that of the next tuning only if that is low."""
    on(production.clock, "2026-07-20")
    production.calls(3_000, 20, '{"team": "c"}', model=BASE, after_s=30.0)
    production.calls(30, 0, model=TUNED, tuned=True, name="shop.other")
    saved = decided_on(production, "2026-08-01").figures["cost"]["earned"]

    result = decided_on(production, "2026-08-01", upfront=0.8 * saved, money=money)

    assert result.verdict == verdict
    assert result.figures["cost"]["tunings"] == 2


@pytest.mark.parametrize("seed", range(3))
def test_no_advice_to_tune_has_a_negative_total(production, seed):
    """The failures are random, and so are the day, the cost, and the lead."""
    chance = random.Random(seed)
    on(production.clock, "2026-07-20")
    for _ in range(40):
        production.calls(50, chance.randint(8, 40), '{"team": "c"}', "{}", model=BASE, after_s=30.0)
    for _ in range(4):
        day = f"2026-{chance.randint(8, 12):02}-01"
        known = {"active_tuner": True, "next_life_months": chance.uniform(1, 20)}
        upfront = chance.uniform(0, 4_000)
        result = decided_on(production, day, known, upfront, lead_months=chance.uniform(0, 2))

        cost = result.figures["cost"]
        assert cost["passes"] is (result.verdict == "FINE_TUNE_JUSTIFIED")
        assert cost["total"] >= 0 or not cost["passes"]


@pytest.mark.parametrize("every", [20, 23])
def test_money_line_names_the_bad_end_the_total_and_its_range(production, every):
    """The head has the total over the horizon beside the payback, and the cost of a pilot that fails."""
    on(production.clock, "2026-07-20")
    production.calls(3_000, every, '{"team": "c"}', "{}", model="m1", after_s=30.0)

    result = decided_on(production, "2026-08-01", {"months_to_shutdown": 24})

    assert (result.verdict, result.figures["stage"]) == ("FINE_TUNE_JUSTIFIED", "pilot")
    cost, saving = result.figures["cost"], result.figures["economics"]["pess"]["saving_per_month"]
    assert cost["total"] == pytest.approx(5 * saving - 100)
    assert cost["lowest_total"] < cost["total"] < cost["highest_total"]
    assert "a month in the worse case of both failure rates, so it pays back in" in result.head
    assert " over 6.0 months; from $" in result.head
    assert "a failed pilot costs $100 plus its hosting" in result.head
    assert "goes badly" not in result.head


@pytest.mark.parametrize("every", [20, 29])
def test_total_can_be_negative_at_half_of_the_volume(production, every):
    """Tuning pays as it is, and the range shows that it loses at half of the volume and failure cost."""
    on(production.clock, "2026-07-20")
    production.calls(3_000, every, '{"team": "c"}', model="m1", after_s=30.0)
    first = decided_on(production, "2026-08-01", {"months_to_shutdown": 24}).figures["cost"]

    result = decided_on(
        production, "2026-08-01", {"months_to_shutdown": 24}, upfront=0.8 * (first["total"] + 100)
    )

    assert result.verdict == "FINE_TUNE_JUSTIFIED"
    assert result.figures["cost"]["lowest_total"] < 0 < result.figures["cost"]["total"]
    assert "from -$" in result.head


@pytest.mark.parametrize("seed", [1, 2])
def test_costs_that_are_given_are_counted_and_the_rest_is_listed(production, seed):
    """Failures are random. Each optional cost that is given lowers the saving of the tuned model, or of the prompt."""
    chance = random.Random(seed)
    on(production.clock, "2026-07-20")
    for _ in range(60):
        production.calls(50, chance.randint(8, 40), '{"team": "c"}', model="m1", after_s=30.0)
    known = {"months_to_shutdown": 24}
    given = {
        "hosting_per_call": 0.001,
        "retuning_cost": 60,
        "retuning_every_months": 3,
        "prompt_cost": {**MONEY["prompt_cost"], "batch_share": 0.5, "batch_price": 0.5, "p_cache_write": 3.1},
    }

    plain = decided_on(production, "2026-08-01", known)
    priced = decided_on(production, "2026-08-01", known, money=given)

    volume = plain.figures["cost"]["calls_per_month"]
    saving, less = (one.figures["economics"]["pess"]["saving_per_month"] for one in (plain, priced))
    tokens = (
        plain.figures["cost"]["prompt_tokens_per_call"] - priced.figures["cost"]["prompt_tokens_per_call"]
    )
    assert tokens == pytest.approx(0.25 * plain.figures["cost"]["prompt_tokens_per_call"])
    assert saving - less == pytest.approx(volume * (0.001 + tokens) + 20)
    assert len(plain.figures["cost"]["not_given"]) == 4
    assert priced.figures["cost"]["not_given"] == []
    full = " ".join(production.run("decide", "--with", production.folder / "with.json", "--full")[1].split())
    assert "not counted, because" not in full
