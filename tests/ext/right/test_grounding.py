"""The values of a reply that occur in its source."""

import pytest

from schema_guard import Schema
from schema_guard.ext.right import Grounding, Source, ground

TEXT = "Invoice no. 0042: one OAK desk (large), 1,250.50 EUR. Refund: -30. Due on the 4th of March, 2026; VAT 19%."


@pytest.mark.parametrize(
    "value",
    [
        "oak desk",
        "Oak desk, large",
        "desk large 1 250 50",
        1250.5,
        "1250.50",
        30,
        -30,
        "19",
        42,
        "2026-03-04",
        "2026-03-04T10:00Z",
    ],
)
def test_value_of_the_source_is_grounded(value):
    """A value occurs in another case, with other punctuation, as a number in another form, or as a date."""
    assert Source(TEXT).holds(value)


@pytest.mark.parametrize(
    "value", ["pine desk", "desk oak", 1250, 1250.51, "2026-04-03", "2025-03-04", "large desk"]
)
def test_value_that_the_source_lacks_is_not_grounded(value):
    """Other words, other numbers, and other dates do not occur."""
    assert not Source(TEXT).holds(value)


def test_date_parts_far_apart_are_no_date():
    """A year, a month, and a day in different sentences are not grounded as a date."""
    assert not Source(
        "In 2026 we sold a lot more of these desks. In March it was less. We sold 4 of them."
    ).holds("2026-03-04")


def test_kinds_are_counted_apart():
    """Texts, long texts, numbers, and dates have counts of their own."""
    value = {"item": "oak desk", "note": "x" * 61, "total": 1250.5, "other": [7, "2026-03-04"]}

    assert ground(value, Source(TEXT)) == Grounding(
        {"text": 1, "long": 1, "number": 2, "date": 1}, {"text": 1, "number": 1, "date": 1}
    )


def test_values_that_the_schema_names_are_not_looked_for():
    """A value of an enum or a const does not come from the source, and neither do null and truth values."""
    schema = Schema.of(
        {
            "properties": {
                "kind": {"enum": ["invoice", "letter"]},
                "version": {"$ref": "#/$defs/version"},
                "paid": {"type": ["boolean", "null"]},
            },
            "$defs": {"version": {"const": 2}},
        }
    )
    value = {"kind": "letter", "version": 2, "paid": None, "done": True, "empty": " "}

    assert ground(value, Source(TEXT), schema=schema).share is None


def test_share_is_that_of_all_kinds():
    """Two of three values occur."""
    assert ground({"a": "oak", "b": "pine", "c": 42}, Source(TEXT)).share == pytest.approx(2 / 3)
