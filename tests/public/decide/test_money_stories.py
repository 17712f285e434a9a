"""Stories about money and the end of models, played through guarded functions, a store and a clock."""

import json

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
