"""Stories about money and the end of models, played through guarded functions, a store and a clock."""

import json
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

    assert "has no price of its cached input" in note_of(result, TUNED)
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


def decided_on(production, day, feasibility=None, upfront=100, **config):
    """Decide on a store of an exhausted playbook as on a day."""
    steps = ("raise_max_output_tokens", "reasoning_limit", "lenient_parse", "strict_schema", "json_mode")
    steps += ("few_shot", "temperature", "reason_then_format", "schema_simplify", "repair_retry")
    steps += ("smaller_model", "larger_model")
    given = {
        "day": day,
        "economics": {**MONEY, "upfront": {"all": upfront}},
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
    assert f"{BASE} ends 2027-01-14, in 1.5 months" in result.head
    assert "the tuned model ends on 2027-01-14" in result.head
    figures = result.figures
    saved, paid = figures["cost"]["earned_until_shutdown"], figures["economics"]["upfront"]
    assert 0 < saved < paid == 500


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
    assert f"{TUNED} ends 2027-01-14, in 1.5 months" in result.head
