"""Columns of a report that have a meaning for some calls only."""

import json

import pytest

from schema_guard import About, guard
from tests.public.decide.production import REFUSED, TICKET, reply


def parsed(production, n):
    """Call a function that returns parsed values."""
    function = guard(TICKET, store=production.store, name="shop.parsed", about=About(model="m1"))(
        lambda prompt: {"team": "a"}
    )
    for number in range(n):
        function(f"ticket {number}")


def thinking(reasoning):
    """Return a completion of 100 output tokens, some of which are reasoning."""
    completion = reply('{"team": "a"}', tokens=(50, 100))
    completion["usage"]["completion_tokens_details"] = {"reasoning_tokens": reasoning}
    return completion


@pytest.mark.parametrize("form", ["text", "markdown", "html"])
def test_clean_is_explained_for_parsed_values(production, form):
    """No text is known of a value that the function has parsed."""
    parsed(production, 20)

    out = production.run("report", "--function", "shop.parsed", "--format", form)[1]

    assert "parsed by your function" in out
    assert "no data" not in out.replace("no data for", "")


def test_refusals_are_no_parsed_values(production):
    """A refusal has no text either."""
    production.calls(20, 1, REFUSED)

    assert "parsed by your function" not in production.run("report")[1]


def test_json_counts_parsed_values(production):
    """The share of clean replies has no calls."""
    parsed(production, 20)
    production.calls(30, 0)

    groups = json.loads(production.run("report", "--format", "json")[1])["groups"]

    assert {one["function"]: (one["parsed"], one["clean"]["n"]) for one in groups} == {
        "shop.parsed": (20, 0),
        "shop.extract": (0, 30),
    }


@pytest.mark.parametrize(("reasoning", "is_named"), [(10, False), (11, True), (0, False)])
@pytest.mark.parametrize("form", ["text", "html"])
def test_reasoning_is_named_above_a_tenth_of_the_output(production, form, reasoning, is_named):
    """Fewer tokens of reasoning change nothing."""
    production.calls(30, 0, good=thinking(reasoning))

    assert (
        "of the output tokens are for reasoning" in production.run("report", "--format", form)[1]
    ) == is_named
    assert "are reasoning" not in production.run("decide", "--full")[1]
