"""Prices of tuning: where they were seen, and lists of the user's own."""

import json
from pathlib import Path

import pytest

from schema_guard.errors import InvalidArgument
from schema_guard.prices import tuning
from schema_guard.prices.tuning import closing_of, tuning_prices
from schema_guard.schema import Schema

ROW = {
    "what": "train x",
    "amount": 1,
    "unit": "$ per 1M training tokens",
    "source": "invoice",
    "as_of": "2026-11-02",
}


def test_tuning_prices_have_source_and_day():
    """Each price of the library's own list is an amount with a unit, a source and a month."""
    prices = tuning_prices()

    assert [price.amount for price in prices if price.what.startswith("train")] == [8, 3, 25, 0.5, 3]
    assert all(price.unit.startswith("$ per ") and price.source and price.as_of >= "2026" for price in prices)


def test_tuning_prices_can_be_the_users_own(table):
    """A file of the user's replaces the list."""
    assert [price.what for price in tuning_prices(table({"prices": [ROW]}))] == ["train x"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"prices": [{**ROW, "amount": -1}]}, "at /prices/0/amount: expected a number >= 0, got number -1: in dollars"),
        ({"prices": [{**ROW, "unit": " "}]}, "at /prices/0/unit: expected a string that matches '\\\\S', got string ' ': for how much of it, not blank"),
        ({"prices": [{**ROW, "sourc": "x"}]}, "at /prices/0: expected no further properties, got object with 'sourc': known are what amount unit source as_of, did you mean 'source'?"),
        ({"about": "mine"}, "at (root): expected property 'prices', got object with 1 property: add 'prices', one row for each price that was seen"),
        ("{", "expected a JSON file: Expecting property name enclosed in double quotes"),
    ],
)  # fmt: skip
def test_list_that_is_no_price_list_is_an_error(table, content, message):
    """A fault in a list of the user's is told with its place and what belongs there."""
    with pytest.raises(InvalidArgument) as caught:
        tuning_prices(table(content))

    assert message in str(caught.value)


def test_the_librarys_own_list_keeps_to_the_schema():
    """What comes with the library is what is asked of a user's list."""
    folder = Path(tuning.__file__).parent
    seen = json.loads((folder / "tuning_prices.json").read_text(encoding="utf-8"))

    assert Schema.of(folder / "tuning.schema.json").violations(seen) == []


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
