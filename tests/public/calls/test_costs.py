"""Costs of attempts and calls, from a table of prices for a million tokens."""

import json

import pytest

from schema_guard import About, InvalidArgument, guard
from tests.public.calls import wire

TOTAL = {"type": "object", "properties": {"total": {"type": "number"}}, "required": ["total"]}
PRICES = {
    "small": {"p_in": 1, "p_cached": 0.5, "p_out": 4},
    "large": {"p_in": 10, "p_cached": 5, "p_out": 40},
}
BAD, GOOD = '{"total": "x"}', '{"total": 1}'


def reply(text, model, **usage):
    return {**wire.chat(text), "model": model, **({"usage": usage} if usage else {})}


def outcome_of(*replies, model=None, **settings):
    value = iter(replies)

    @guard(
        TOTAL,
        store=None,
        about=About(prices=PRICES, version="1", model=model),
        max_attempts=len(replies),
        name="priced",
        **settings,
    )
    def ask(prompt):
        return next(value)

    return ask.outcome("t")


def test_tokens_cost_their_price():
    """Input, cached input, and output tokens have different prices."""
    outcome = outcome_of(reply(GOOD, "small"))

    # 12 input tokens, 4 of them cached, and 7 output tokens.
    assert outcome.attempts[0].cost == pytest.approx((8 * 1 + 4 * 0.5 + 7 * 4) / 1e6)
    assert outcome.cost == outcome.attempts[0].cost


def test_cost_is_summed_over_attempts():
    """The cost of a call is the sum of its attempts. Each attempt has the prices of its own model."""
    outcome = outcome_of(
        reply(BAD, "small", prompt_tokens=100, completion_tokens=10, total_tokens=110),
        reply(GOOD, "large", prompt_tokens=100, completion_tokens=10, total_tokens=110),
    )

    assert [attempt.cost for attempt in outcome.attempts] == pytest.approx([140e-6, 1400e-6])
    assert outcome.cost == pytest.approx(1540e-6)


@pytest.mark.parametrize(
    "replies",
    [
        [reply(BAD, "unknown"), reply(GOOD, "small")],
        [BAD, reply(GOOD, "small")],
        [reply(BAD, "small"), {**wire.chat(GOOD), "model": "small", "usage": None}],
    ],
    ids=["first model", "first usage", "last usage"],
)
def test_unknown_cost_of_an_attempt_makes_the_sum_unknown(replies):
    """If the cost of one attempt is unknown, so is the sum. The other attempt has its cost."""
    outcome = outcome_of(*replies)

    assert [attempt.cost is None for attempt in outcome.attempts].count(True) == 1
    assert outcome.cost is None


def test_snapshot_has_the_price_of_its_model():
    """A model with a date in its name has the price of the model without the date."""
    assert outcome_of(reply(GOOD, "small-2026-08-06")).cost == outcome_of(reply(GOOD, "small")).cost


def test_named_model_has_its_price():
    """If a reply names no model, the price is that of `About(model=...)`."""
    usage = {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110}
    values = {key: part for key, part in {**wire.chat(GOOD), "usage": usage}.items() if key != "model"}

    assert outcome_of(values, model="large").cost == pytest.approx(1400e-6)


def test_cost_is_unknown_without_prices():
    """Without a table of prices, the cost of a call is None."""
    ask = guard(TOTAL, store=None, name="unpriced")(lambda prompt: reply(GOOD, "small"))

    assert ask.outcome("t").cost is None


@pytest.mark.parametrize(("tokens", "cost"), [(128, 0.0128), (128_000, 12.8), (128_001, 25.6002)])
def test_long_prompt_has_the_price_of_its_tier(tmp_path, tokens, cost):
    """In a price table of litellm, a tier `above_128k` begins at 128,000 input tokens."""
    dollars = {"litellm_provider": "openai", "input_cost_per_token": 1e-4, "output_cost_per_token": 1e-3}
    table = {"small": {**dollars, "input_cost_per_token_above_128k_tokens": 2e-4}}
    (tmp_path / "prices.json").write_text(json.dumps(table))
    usage = {"prompt_tokens": tokens, "completion_tokens": 0, "total_tokens": tokens}
    answer = {**reply(GOOD, "small"), "usage": usage}
    ask = guard(TOTAL, store=None, about=About(prices=str(tmp_path / "prices.json")))(lambda prompt: answer)

    assert ask.outcome("t").cost == pytest.approx(cost)


def test_error_names_all_prices_that_a_model_lacks():
    """One error is enough to complete the table."""
    with pytest.raises(InvalidArgument) as caught:
        guard(TOTAL, about=About(prices={"small": {"p_in": 1}}))

    assert str(caught.value) == (
        "prices at /small: expected property 'p_cached', got object with 1 property: "
        "add 'p_cached', the price of a million cached input tokens, in dollars, 0 or more; "
        "'p_out', the price of a million output tokens, in dollars, 0 or more"
    )


def test_prices_of_litellm_need_no_name_of_a_provider():
    """The prices of one token are enough."""
    prices = {"small": {"input_cost_per_token": 1e-6, "output_cost_per_token": 4e-6}}

    @guard(TOTAL, store=None, about=About(prices=prices))
    def ask(prompt):
        return reply(GOOD, "small", prompt_tokens=1_000_000, completion_tokens=1_000_000)

    assert ask.outcome("t").cost == pytest.approx(5.0)


def test_error_for_half_of_the_prices_of_litellm_names_the_other_half():
    """An entry with one price of litellm is read as litellm's."""
    with pytest.raises(InvalidArgument, match="add 'output_cost_per_token'"):
        guard(TOTAL, about=About(prices={"small": {"input_cost_per_token": 1e-6}}))
