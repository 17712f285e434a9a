"""Costs, payback and the values at which they flip, against arithmetic done here by hand."""

from dataclasses import replace

import pytest

from schema_guard.decide import decide
from schema_guard.decide.economics import (
    CostCase,
    Proposal,
    Rates,
    first_attempt,
    flips,
    mean_attempts,
    per_call,
    retry_cost,
    total_range,
)
from schema_guard.decide.evidence.money import Three, TunedFailures
from schema_guard.decide.evidence.reading import read_evidence
from tests.public.decide.examples import economics, exhausted

MONEY = read_evidence(exhausted()).economics
PROMPT_CALL = 1000 * (0.5 * 0.3 + 0.5 * 3) * 1e-6 + 500 * 3e-6 + 100 * 21e-6
TUNED_CALL = 100 * 1e-6 + 500 * 1e-6 + 100 * 8e-6


def proposal(**changes):
    """100,000 calls a month, 1.2 attempts each, 4 % failed against 0.9 %."""
    values = {
        "economics": MONEY,
        "calls_per_month": 100_000,
        "prompt_attempts": 1.2,
        "rates": Rates(Three(0.04, 0.05, 0.06), Three(0.009, 0.004, 0.001)),
        "horizon_months": 6,
        "lead_months": 1,
    }
    return Proposal(**(values | changes))


def test_first_attempt_bills_each_kind_of_token_at_its_price():
    """Cached, fresh and output tokens are billed by the million, seconds at the price of waiting."""
    waiting = replace(MONEY.prompt_cost, latency_s=2.5)

    assert first_attempt(MONEY.prompt_cost, 0.01) == pytest.approx(PROMPT_CALL)
    assert first_attempt(waiting, 0.01) == pytest.approx(PROMPT_CALL + 0.025)


def test_retry_repeats_the_attempt_and_adds_the_repair():
    """Each further attempt costs the first one again and its repair tokens, waiting included."""
    waiting = replace(MONEY.prompt_cost, latency_s=2.5)

    assert retry_cost(MONEY.prompt_cost) == pytest.approx(0.0012)
    assert per_call(waiting, 1.2, 0.01) == pytest.approx(
        PROMPT_CALL + 0.025 + 0.2 * (PROMPT_CALL + 0.025 + 0.0012)
    )


@pytest.mark.parametrize(
    ("hazards", "mean"), [([0.3], 1), ([0.1, 0.6, 0.75], 1.16), ([0, 1, 1], 1), ([1, 1, 1], 3)]
)
def test_mean_attempts_sum_the_chances_to_reach_each(hazards, mean):
    """The last attempt's failure leads to no other."""
    assert mean_attempts(hazards) == pytest.approx(mean)


def test_case_is_the_difference_of_two_costs_per_call():
    """Saving, payback and all limits follow from both costs per call."""
    case = CostCase(proposal())

    prompt = PROMPT_CALL * 1.2 + 0.2 * 0.0012
    tuned = TUNED_CALL + 0.02 * (TUNED_CALL + 0.0004)
    gain = prompt + 0.04 * 0.4 - tuned - 0.009 * 0.4
    saving = 100_000 * gain - 120
    needed = 2850 / 6 + 120
    assert case.pess.saving_per_month == pytest.approx(saving)
    assert case.pess.payback_months == pytest.approx(2850 / saving)
    assert case.opt.saving_per_month == pytest.approx(
        100_000 * (prompt + 0.06 * 0.4 - tuned - 0.001 * 0.4) - 120
    )
    assert (case.upfront, case.hosting_plus_refresh) == (2850, 120)
    assert case.break_even_calls_per_month == pytest.approx(needed / gain)
    assert case.max_tuned_residual_for_horizon == pytest.approx(
        (prompt + 0.04 * 0.4 - tuned - needed / 100_000) / 0.4
    )
    assert case.largest_upfront == pytest.approx(6 * saving)
    assert case.base_model_must_live_months == pytest.approx(1 + 2850 / saving)


def test_a_case_that_saves_nothing_never_pays_back():
    """Without a saving there is no payback, no break-even volume and no upfront that pays."""
    same = replace(MONEY, tuned_cost=MONEY.prompt_cost, tuned=TunedFailures((0.2,)))

    case = CostCase(proposal(economics=same, prompt_attempts=1, rates=Rates(Three(0, 0, 0), Three(0, 0, 0))))

    assert (case.pess.payback_months, case.break_even_calls_per_month) == (None, None)
    assert (case.largest_upfront, case.base_model_must_live_months, case.pays) == (0, None, False)


def test_free_failures_have_no_bar():
    """When failures cost nothing, any failure rate of the tuned model pays the same."""
    assert (
        CostCase(proposal(economics=replace(MONEY, failure_cost=0.0))).max_tuned_residual_for_horizon is None
    )


def test_payback_at_the_horizon_pays():
    """Within the horizon includes its last day."""
    case = CostCase(proposal())

    assert CostCase(proposal(horizon_months=case.pess.payback_months)).pays


@pytest.mark.parametrize(
    "known", [{}, {"life_months": 4.5}, {"life_months": 2.0, "next_life_months": 3.0}, {"lead_months": 2.5}]
)
def test_flips_have_the_value_at_which_the_gate_changes(known):
    """Failure cost and volume have the value from which on it passes, whatever the base model's life and the lead are."""
    case = CostCase(proposal(calls_per_month=400_000, **known))
    results = {flip.name: flip for flip in flips(case)}
    cost, volume = (results[name].value for name in ("failure_cost", "calls_per_month"))

    for factor, passes in ((1 + 1e-6, True), (1 - 1e-6, False)):
        money = replace(MONEY, failure_cost=(cost or 0.0) * factor)
        assert cost is None or CostCase(replace(case.proposal, economics=money)).passes == passes
        assert CostCase(replace(case.proposal, calls_per_month=volume * factor)).passes == passes
    assert results["calls_per_month"].flips


def test_no_volume_flips_a_model_that_ends_before_it_is_used():
    """The base model ends within the lead, so no saving is enough."""
    case = CostCase(proposal(life_months=0.5))

    assert [(flip.value, flip.flips) for flip in flips(case)[:2]] == [(None, False), (None, False)]


def test_prices_and_caching_flip_the_gate():
    """At 40,000 calls a month, only a dearer tuned model changes whether the gate is passed."""
    results = {flip.name: flip for flip in flips(CostCase(proposal(calls_per_month=40_000)))}

    assert [name for name, flip in results.items() if not flip.flips] == ["token_prices", "cache_hit"]


def test_prices_flip_when_they_take_the_saving():
    """A tuned model that saves by its prices alone stops to pay when they double."""
    money = replace(
        MONEY, failure_cost=0.0, tuned_cost=replace(MONEY.tuned_cost, p_in=3.0, p_cached=3.0, p_out=20.0)
    )

    results = {
        flip.name: flip for flip in flips(CostCase(proposal(economics=money, calls_per_month=1_000_000)))
    }

    doubled = 2 * 2 * 1e-3 + 600 * 6e-6 + 100 * 40e-6
    assert doubled > PROMPT_CALL * 1.2 + 0.00024
    assert (results["tuned_prices"].payback_months, results["tuned_prices"].flips) == (None, True)


def test_failure_cost_does_not_flip_what_tokens_alone_pay():
    """When tokens alone pay back, no failure cost above 0 flips it, and the payback without is told."""
    case = CostCase(proposal(calls_per_month=1_000_000))

    flip = flips(case)[0]

    free = CostCase(replace(case.proposal, economics=replace(MONEY, failure_cost=0.0)))
    assert (flip.value, flip.flips, flip.payback_months) == (None, False, free.pess.payback_months)


def test_failure_cost_does_not_flip_where_rates_are_equal():
    """Where tuning leaves as many failed, what they cost cannot decide."""
    equal = Rates(Three(0.01, 0.01, 0.01), Three(0.01, 0.01, 0.01))

    assert flips(CostCase(proposal(rates=equal)))[0].value is None


def test_no_volume_flips_a_call_that_saves_nothing():
    """Where a call saves nothing, no number of calls pays."""
    dear = replace(MONEY, failure_cost=0.0, tuned_cost=replace(MONEY.prompt_cost, p_out=99.0))

    results = {flip.name: flip for flip in flips(CostCase(proposal(economics=dear)))}

    assert (results["calls_per_month"].value, results["calls_per_month"].flips) == (None, False)


def test_waiting_is_priced_in_every_attempt():
    """Seconds cost on the prompt's side and on the tuned model's, retries included."""
    prompt_cost = {**economics()["prompt_cost"], "latency_s": 2}
    tuned_cost = {**economics()["tuned_cost"], "latency_s": 1}
    slow = economics(prompt_cost=prompt_cost, tuned_cost=tuned_cost, latency_cost_per_s=0.001)

    result = decide(exhausted() | {"economics": slow}).as_dict()["cost"]

    assert result["prompt_tokens_per_call"] == pytest.approx(1.175 * (PROMPT_CALL + 0.002) + 0.175 * 0.0012)
    assert result["tuned_tokens_per_call"] == pytest.approx(1.02 * (TUNED_CALL + 0.001) + 0.02 * 0.0004)


def test_optional_costs_are_counted_when_they_are_given():
    """Batches, cache writes, hosting by volume, and re-tuning change the costs of a call and of a month."""
    priced = replace(MONEY.prompt_cost, p_cache_write=3.75, batch_share=0.5, batch_price=0.5)
    money = replace(
        MONEY, prompt_cost=priced, hosting_per_call=0.002, retuning_cost=300.0, retuning_every_months=4.0
    )
    plain, case = CostCase(proposal()), CostCase(proposal(economics=money))

    assert first_attempt(priced, 0.0) == pytest.approx(0.75 * (PROMPT_CALL + 500 * 0.75e-6))
    assert retry_cost(priced) == pytest.approx(0.75 * 0.0012)
    assert case.tuned_tokens_per_call == pytest.approx(plain.tuned_tokens_per_call + 0.002)
    assert case.hosting_plus_refresh == pytest.approx(plain.hosting_plus_refresh + 75)
    assert (MONEY.not_given, money.not_given) == (
        ["batch price", "cache-write price", "hosting by volume", "re-tuning each period"],
        [],
    )


def test_range_of_the_total_halves_and_doubles_volume_and_failure_cost():
    """The smallest and the largest total are those of two corners."""
    case = CostCase(proposal())
    totals = [
        CostCase(
            proposal(calls_per_month=volume * 100_000, economics=replace(MONEY, failure_cost=paid * 0.4))
        ).total
        for volume in (0.5, 2)
        for paid in (0.5, 2)
    ]

    assert case.total == pytest.approx(5 * case.pess.saving_per_month - 2850)
    assert total_range(case) == (pytest.approx(min(totals)), pytest.approx(max(totals)))
