"""Stories of two functions that share one schema, and of trials with an output limit for each task."""

import json

import pytest

from schema_guard import About, Limits, Params, guard
from tests.public.decide.production import GOOD, SHAPE, TICKET


@pytest.fixture
def two(production):
    """Two functions with the schema `ticket`."""
    production.calls(300, 30)
    production.calls(200, 0, name="shop.other")
    return production


@pytest.mark.parametrize("arguments", [("--max-failure-rate", "2%"), ("--decline", "few_shot=too long")])
def test_a_declaration_for_a_shared_schema_names_its_functions(two, arguments):
    """A target or a declined step is for one function, and the schema has two."""
    status, out, err = two.run("decide", "--schema", "ticket", *arguments)

    assert (status, out) == (2, "")
    assert "one function" in err
    assert "choose one with --function: shop.extract, shop.other" in err


def test_costs_for_a_shared_schema_name_its_functions(two):
    """Costs are those of one function, and the schema has two."""
    file = two.folder / "costs.json"
    file.write_text(json.dumps({"calls_per_month": 3_000}))

    status, out, err = two.run("decide", "--schema", "ticket", "--with", file)

    assert (status, out) == (2, "")
    assert "choose one with --function: shop.extract, shop.other" in err


@pytest.mark.parametrize("by", ["function", "model", "segment", "version"])
def test_a_report_of_a_shared_schema_names_its_functions(two, by):
    """Also if the rows are models, segments, or versions."""
    out = two.run("report", "--schema", "ticket", "--by", by)[1]

    assert "shop.extract" in out
    assert "shop.other" in out
    assert ("functions shop.extract, shop.other" in out) == (by in ("model", "segment"))


def trial(production, limit, replies):
    """Record a trial of one strategy, with the output limit of one task."""
    remaining = iter(replies)

    def extract(prompt, options=None):
        return next(remaining)

    function = guard(
        TICKET, store=production.store, on_failure="return", name="playbook:1:system_prompt:shop.extract", max_attempts=1,
        limits=Limits(output_tokens=limit), params=Params(options="options"), about=About(model="m1"), provider="openai",
    )(extract)  # fmt: skip
    for number in range(len(replies)):
        function(f"task {limit} {number}")


def test_a_report_has_one_line_for_a_strategy_of_a_trial(production):
    """Each task of the trial has an output limit of its own. The function has calls with two limits, which are two settings."""
    production.calls(300, 30)
    for limit in (100, 200, 300, 400):
        trial(production, limit, [GOOD, GOOD, SHAPE])

    report = json.loads(production.run("report", "--schema", "ticket", "--format", "json")[1])
    out = production.run("report", "--schema", "ticket")[1]

    trials = [one for one in report["configurations"] if one["function"].startswith("playbook:")]
    assert [(one["calls"], one["failed"]["count"]) for one in trials] == [(12, 4)]
    assert out.count("12 attempts on m1.") == 1
    assert "output_tokens" not in out
