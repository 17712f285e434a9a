"""Two servers at once: attempts of one call go to two models of different providers, and what comes of both is predicted."""

from random import Random

import pytest

from schema_guard import About, guard
from schema_guard.models import connect
from schema_guard.stats import bounds
from schema_guard.testing import serve

TICKET = {
    "title": "ticket",
    "type": "object",
    "properties": {"team": {"enum": ["shop", "bank"]}, "note": {"type": "string"}},
    "required": ["team"],
}
PRICES = {
    "small": {"p_in": 1.0, "p_cached": 0.1, "p_out": 2.0, "as_of": "2026-11-26"},
    "large": {"p_in": 10.0, "p_cached": 1.0, "p_out": 20.0, "as_of": "2026-11-26"},
}
RATES = {"small": 0.4, "large": 0.25}
CALLS = 300


def failing(name):
    """Gives a reply that breaks the schema at the rate of a name, else a valid one."""
    random = Random(name)  # a test
    return lambda prompt: '{"team": 1}' if random.random() < RATES[name] else '{"team": "shop"}'


@pytest.fixture
def models():
    """A small and a large model behind a server each, asked by the arguments of two providers."""
    with serve(failing("small")) as first, serve(failing("large")) as second:
        small = connect(f"{first.openai_url}#small", provider="openai", key="k")
        large = connect(f"{second.openai_url}#large", provider="vllm", key="k")
        with small, large:
            yield small, large


def guarded(models, **settings):
    return guard(
        TICKET,
        models=list(models),
        strategy="strict_schema",
        on_failure="return",
        about=About(prices=PRICES),
        store=None,
        **settings,
    )(models[0])


def test_each_attempt_has_its_own_model_target_form_usage_and_price(models):
    """Whoever was asked is told of each attempt, what was sent in the schema's place, and what it cost."""
    ask = guarded(models, max_attempts=2)

    outcomes = [ask.outcome(f"ticket {number}") for number in range(20)]
    first, second = next(outcome.attempts for outcome in outcomes if len(outcome.attempts) == 2)

    assert [(one.model, one.provider) for one in (first, second)] == [("small", "openai"), ("large", "vllm")]
    assert (first.adapted.narrowed != (), second.adapted) == (True, None)
    for one in (first, second):
        per_million = PRICES[one.model]
        tokens = one.usage.input_tokens * per_million["p_in"] + one.usage.output_tokens * per_million["p_out"]
        assert one.cost == pytest.approx(tokens / 1e6)


@pytest.mark.slow
def test_the_failure_rate_is_within_what_both_models_predict(models):
    """Models that fail independently fail together at the product of their rates: its bounds hold what comes out."""
    alone = {}
    for model in models:
        ask = guarded([model], max_attempts=1)
        failed = sum(not ask.outcome(f"ticket {number}").ok for number in range(CALLS))
        alone[model.name] = bounds(failed, CALLS, alpha=0.0125)
    ask = guarded(models, max_attempts=2)
    failed = sum(not ask.outcome(f"ticket {number}").ok for number in range(CALLS))

    realised = bounds(failed, CALLS, alpha=0.0125)
    lower = alone["small"].lower * alone["large"].lower
    upper = alone["small"].upper * alone["large"].upper
    assert lower <= failed / CALLS <= upper
    assert realised.lower <= RATES["small"] * RATES["large"] <= realised.upper
