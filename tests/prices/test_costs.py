"""Prices: where they come from, tiers, and models that no table knows."""

import json
import sys
from importlib.resources import files

import pytest

from schema_guard.errors import InvalidArgument, MissingExtra
from schema_guard.prices.costs import CallTokens, PerMillion, token_prices

OWN = {
    "small": {"p_in": 0.25, "p_cached": 0.025, "p_out": 2.0},
    "large": {"p_in": 5, "p_cached": 0.5, "p_out": 25},
}
LITELLM = {
    "sample_spec": {"litellm_provider": "one of the list", "max_tokens": "a number"},
    "tiered": {
        "litellm_provider": "maker",
        "input_cost_per_token": 1.25e-06,
        "cache_read_input_token_cost": 1.25e-07,
        "output_cost_per_token": 1e-05,
        "input_cost_per_token_above_200k_tokens": 2.5e-06,
        "output_cost_per_token_above_200k_tokens": 1.5e-05,
        "output_cost_per_token_above_1000k_tokens": 2e-05,
    },
    "uncached": {"litellm_provider": "maker", "input_cost_per_token": 1e-06, "output_cost_per_token": 2e-06},
    "images": {"litellm_provider": "maker", "output_cost_per_image": 0.04},
}


def test_own_table_prices_a_call(table):
    """A call costs its fresh, cached and received tokens, each at its price for a million."""
    prices = token_prices("small", source=table(OWN))

    assert prices.cost(CallTokens(sent=1000, cached=800, received=150)) == pytest.approx(
        (200 * 0.25 + 800 * 0.025 + 150 * 2) / 1e6
    )


def test_prices_name_their_source(table):
    """Model and table are named, for a reader to find them."""
    path = table(OWN)

    prices = token_prices("small", source=path)

    assert (prices.model, prices.source) == ("small", str(path))


@pytest.mark.parametrize(
    ("sent", "prices"),
    [
        (0, PerMillion(1.25, 0.125, 10)),
        (200_000, PerMillion(1.25, 0.125, 10)),
        (200_001, PerMillion(2.5, 0.125, 15)),
        (1_000_001, PerMillion(2.5, 0.125, 20)),
    ],
)
def test_tier_is_that_of_the_call(table, sent, prices):
    """Past a threshold all tokens of the call have the tier's price; what a tier leaves out stays."""
    assert token_prices("tiered", source=table(LITELLM)).per_million(sent) == pytest.approx(prices)


def test_calls_are_priced_one_by_one(table):
    """Many small calls never reach the tier that their sum would."""
    prices = token_prices("tiered", source=table(LITELLM))

    assert sum(prices.cost(CallTokens(150_000, 0, 0)) for _ in range(10)) == pytest.approx(1.5 * 1.25)


def test_cached_tokens_without_a_price_cost_as_others(table):
    """No discount is assumed that no table names."""
    assert token_prices("uncached", source=table(LITELLM)).per_million(10) == pytest.approx(
        PerMillion(1, 1, 2)
    )


@pytest.mark.parametrize(
    ("content", "model", "message"),
    [
        (OWN, "smal", "expected a model with known prices, got 'smal'. Similar models: small"),
        (OWN, "zzz", "expected a model with known prices, got 'zzz'. No model has a similar name"),
        (LITELLM, "images", "at /images: expected property 'input_cost_per_token', got object with 2 properties: add 'input_cost_per_token', the price of one input token in dollars, without which schema_guard cannot calculate costs"),
        ({"a": {"p_in": 1, "p_cached": 1}}, "a", "at /a: expected property 'p_out', got object with 2 properties: add 'p_out', the price of a million output tokens, in dollars, 0 or more"),
        ({"a": {"p_in": -1, "p_cached": 1, "p_out": 1}}, "a", "at /a/p_in: expected a number >= 0, got number -1: the price of a million input tokens that are not cached, in dollars, 0 or more"),
        ({"a": {"p_in": True, "p_cached": 1, "p_out": 1}}, "a", "at /a/p_in: expected number, got boolean true"),
        ({"a": {"p_in": float("inf"), "p_cached": 1, "p_out": 1}}, "a", "at /a/p_in: expected a finite number, got number inf"),
        ({"a": {"p_in": 1, "p_cached": 1, "p_out": 1, "p_ot": 1}}, "a", "at /a: expected no further properties, got object with 'p_ot': known are p_in p_cached p_out as_of source. Did you mean 'p_out'?"),
        ({"a": 7}, "a", "at /a: expected object, got number 7: The prices of one model, in dollars per million tokens."),
        ({"a": None}, "a", "expected a model with known prices, got 'a'. No model has a similar name"),
        ([], "a", "at (root): expected object, got array of 0 items: Token prices by the name of the model"),
        ("{", "a", "expected a JSON file, but reading it failed: Expecting property name enclosed in double quotes"),
    ],
)  # fmt: skip
def test_table_that_cannot_price_a_model_is_an_error(table, content, model, message):
    """An unknown model, a model without token prices and a broken table are told, and never cost $0."""
    with pytest.raises(InvalidArgument) as caught:
        token_prices(model, source=table(content))

    assert message in str(caught.value)


def test_missing_table_is_an_error(tmp_path):
    """A file that is not there is told with its path."""
    with pytest.raises(
        InvalidArgument, match=r"^prices '.*none\.json': expected a JSON file, but reading it failed: "
    ):
        token_prices("a", source=tmp_path / "none.json")


def test_package_prices_a_call():
    """The package genai-prices prices a call, cached tokens at their own price."""
    pytest.importorskip("genai_prices")

    prices = token_prices("gpt-4o-mini", source="genai-prices")

    result = prices.per_million(1000)
    assert prices.source.startswith("genai-prices ")
    assert 0 < result.p_cached < result.p_in < result.p_out
    assert prices.cost(CallTokens(1000, 800, 150)) == pytest.approx(
        (200 * result.p_in + 800 * result.p_cached + 150 * result.p_out) / 1e6
    )


def test_model_that_the_package_does_not_know_is_an_error():
    """A model that genai-prices does not know is told with those that are near."""
    pytest.importorskip("genai_prices")

    with pytest.raises(
        InvalidArgument,
        match=r"^prices 'genai-prices': expected a model with known prices, got 'gpt-4o-minx'",
    ):
        token_prices("gpt-4o-minx", source="genai-prices")


def test_missing_package_names_its_extra(monkeypatch):
    """Without genai-prices the message names the pip command."""
    monkeypatch.setitem(sys.modules, "genai_prices", None)

    with pytest.raises(MissingExtra) as caught:
        token_prices("gpt-4o-mini", source="genai-prices")

    assert (
        str(caught.value)
        == "prices 'genai-prices' needs genai-prices. Run pip install 'schema-guard[prices]'"
    )


def test_tuned_model_of_openai_has_its_price_in_the_package():
    """The package prices a tuned model of OpenAI by the name that OpenAI gives it."""
    pytest.importorskip("genai_prices")

    prices = token_prices("ft:gpt-4o-mini-2024-07-18:shop::1", source="genai-prices")

    assert prices.per_million(1_000) == pytest.approx(PerMillion(0.3, 0.3, 1.2))
    assert not prices.has_cached_price


@pytest.mark.parametrize(("model", "has_price"), [("tiered", True), ("uncached", False)])
def test_table_says_if_it_has_a_price_of_cached_input(table, model, has_price):
    """A table without a price of cached input is not mistaken for one with the price of other input."""
    assert token_prices(model, source=table(LITELLM)).has_cached_price is has_price


def test_november_example_has_the_prices_of_its_source():
    """The tuned model of the usual example costs what the package that it names says, cached input included."""
    pytest.importorskip("genai_prices")
    example = json.loads((files("schema_guard") / "docs" / "usual-2026-11.json").read_text(encoding="utf-8"))
    given = PerMillion(*(example["economics"]["tuned_cost"][name] for name in PerMillion._fields))

    assert given == pytest.approx(
        token_prices("ft:gpt-4o-mini-2024-07-18", source="genai-prices").per_million(1)
    )


def test_decisions_have_their_own_price(table):
    """A decision never costs what a text of the same model costs."""
    decider = {"litellm_provider": "maker", "input_cost_per_token": 4e-08, "output_cost_per_token": 0.0}
    rows = {
        "both": {
            **LITELLM["uncached"],
            "input_cost_per_token_decisions": 1e-07,
            "input_cost_per_token_above_272k_tokens_decisions": 2e-07,
            "output_cost_per_token_decisions": 0.0,
        },
        "decider": {**decider, "mode": "decisions"},
        "writer": {**decider, "mode": "chat"},
    }

    both = token_prices("both (decisions)", source=table(rows))
    assert both.per_million(10) == pytest.approx(PerMillion(0.1, 0.1, 0))
    assert both.per_million(300_000) == pytest.approx(PerMillion(0.2, 0.1, 0))
    assert token_prices("decider (decisions)", source=table(rows)).per_million(1).p_in == pytest.approx(0.04)
    with pytest.raises(InvalidArgument, match=r"got 'writer \(decisions\)'"):
        token_prices("writer (decisions)", source=table(rows))


def test_own_table_names_the_price_of_decisions(table):
    """The row of the user's table has the same name."""
    source = table({**OWN, "small (decisions)": {"p_in": 0.1, "p_cached": 0.1, "p_out": 0}})

    assert token_prices("small (decisions)", source=source).per_million(1) == PerMillion(0.1, 0.1, 0)
