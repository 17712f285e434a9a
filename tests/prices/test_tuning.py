"""Prices of tuning, and where they were seen."""

from schema_guard.prices.tuning import closing_of, tuning_prices


def test_tuning_prices_have_source_and_day():
    """Each price of the library's own list is an amount with a unit, a source and a month."""
    prices = tuning_prices()

    assert [price.amount for price in prices if price.what.startswith("train")] == [8, 3, 25, 0.5, 3]
    assert all(price.unit.startswith("$ per ") and price.source and price.as_of >= "2026" for price in prices)


def test_what_a_provider_closes_has_its_days_and_where_they_are_said():
    """The last day of training and of inference are known for a base model, and for what was tuned from it."""
    closing = closing_of("gpt-4o-mini-2024-07-18")

    assert (closing.last_training, closing.last_inference) == ("2027-01-06", "2027-01-14")
    assert closing.source.startswith("https://")
    assert closing_of("ft:gpt-4o-mini-2024-07-18:shop::1") == closing


def test_a_day_that_is_not_known_is_none():
    """Of a closing whose end of inference nobody says, that is None; of other models nothing is known."""
    assert closing_of("command-r-08-2024").last_inference is None
    assert closing_of("a-model-of-mine") is None
