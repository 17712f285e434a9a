"""The first lines of `decide` and `report` name the place in the replies at which most of them fail."""

import random

import pytest

from tests.public.decide.production import CUT_OFF, PATTERN, SHAPE, reply

ORDER = {
    "title": "order",
    "type": "object",
    "properties": {
        "team": {"enum": ["a", "b"]},
        "items": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"price": {"type": "number", "minimum": 0}, "quantity": {"type": "integer"}},
                "required": ["price", "quantity"],
            },
        },
    },
    "required": ["team"],
}
PRICE = '{"team": "a", "items": [{"price": -1, "quantity": 1}, {"price": -2, "quantity": 2}]}'
TWO_FIELDS = '{"team": "a", "items": [{"price": -1, "quantity": "two"}]}'
TEAM = '{"team": "c"}'
FIRST_LINES = 6


def first_lines(production, *asked):
    """Return the first lines of a command's text as one line."""
    return " ".join(" ".join(production.run(*asked)[1].splitlines()[:FIRST_LINES]).split())


def test_items_of_an_array_are_one_place(production):
    """All items of an array count as one place, in both commands."""
    production.calls(2_000, 20, PRICE, schema=ORDER)

    text = "fails at /items/*/price (minimum) in 100 of 100 failed replies"
    assert text in first_lines(production, "decide")
    assert text in first_lines(production, "report")
    assert "first add a line about it to the prompt (`improve` proposes and tests one)" in (
        production.verdict().head
    )


def test_fields_that_fail_equally_often_are_named_by_their_common_path(production):
    """Each failed reply breaks two fields of an item."""
    production.calls(2_000, 20, TWO_FIELDS, schema=ORDER)

    text = "fails at /items/* (minimum, type) in 100 of 100 failed replies"
    assert text in first_lines(production, "decide")
    assert text in first_lines(production, "report")


def test_a_missing_property_is_the_place(production):
    """A reply without a required property fails at that property."""
    production.calls(2_000, 20, SHAPE)

    assert "fails at /team (required) in 100 of 100 failed replies" in first_lines(production, "decide")


def test_a_reply_that_is_cut_off_fails_as_a_whole(production):
    """A reply without a place gets no advice about a line in the prompt."""
    production.calls(2_000, 20, CUT_OFF)

    head = production.verdict().head
    assert "fails at the whole reply (max_tokens) in 100 of 100 failed replies" in head
    assert "a line about it" not in head


@pytest.mark.parametrize("seed", range(3))
def test_the_most_frequent_place_is_named_among_noise(production, seed):
    """Random failures: seven of ten at a price, the rest at three other places."""
    draw = random.Random(seed)
    noise = [TEAM, SHAPE, "no JSON"]
    bad = [PRICE if draw.random() < 0.7 else draw.choice(noise) for _ in range(150)]
    production.calls(3_000, 20, *bad, schema=ORDER)

    prices = bad.count(PRICE)
    assert f"fails at /items/*/price (minimum) in {prices} of 150 failed replies" in first_lines(
        production, "decide"
    )


def test_replies_of_retries_are_counted(production):
    """A call with two failed attempts has two failed replies."""
    production.calls(500, 10, PRICE, schema=ORDER, max_attempts=2)

    assert "(minimum) in 100 of 100 failed replies" in first_lines(production, "decide")


def test_after_a_rise_only_later_failures_are_counted(production):
    """One failure class for a month, then another one that most calls have."""
    production.calls(4_000, 200, PATTERN)
    production.calls(400, 3, TEAM)

    result = production.verdict()

    assert result.verdict == "FIND_WHAT_CHANGED"
    assert "fails at /team (enum) in 133 of 13" in result.head


def test_calls_without_a_failure_have_no_place(production):
    """A function that never failed has no such line."""
    production.calls(1_000, 0, good=reply('{"team": "a"}'))

    assert "fails at" not in production.verdict().head
    assert "fails at" not in production.run("report")[1]
