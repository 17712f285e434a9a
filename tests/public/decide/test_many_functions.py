"""Stories about stores with many functions, which share the probability of a false alarm."""

import json
import random

import pytest

from schema_guard.decide import decide
from tests.public.decide.production import TICKET


def filled(production, functions, calls, rate=0.0, seed=1):
    """Call several functions, each so many times at a failure rate."""
    chance = random.Random(seed)
    for number in range(functions):
        for _ in range(calls):
            failed = int(chance.random() < rate)
            production.calls(1, failed, name=f"shop.f{number}", after_s=1.0)


def json_of(production, *arguments):
    """Return what a command prints as JSON."""
    return json.loads(production.run(*arguments, "--format", "json")[1])


def test_27_of_600_are_proved_above_one_and_a_half_percent_among_50_functions():
    """With 50 functions, the bound of 27 failed calls of 600 is the worked example."""
    evidence = {"n_functions": 50, "strategies": [{"id": "a", "rung": "bare", "n": 600, "k_final": 27}]}

    result = decide(evidence).as_dict()

    assert result["alpha_each"] == pytest.approx(0.05 / 50)
    assert result["rates"]["a"]["lower"] == pytest.approx(0.0165, abs=5e-5)
    assert result["n_functions"] == 50


def test_evidence_without_a_number_of_functions_has_all_of_alpha():
    """A file of evidence without `n_functions` is about one function."""
    evidence = {"strategies": [{"id": "a", "rung": "bare", "n": 600, "k_final": 27}]}

    assert decide(evidence).figures["alpha_each"] == 0.05


def test_each_function_of_a_store_has_its_part(production):
    """Three functions count as five. `decide` and `watch` of one function give the bounds of `watch` over all."""
    filled(production, 3, 60, rate=0.3)

    together = {
        one["function"]: one for one in json_of(production, "watch", "--max-failure-rate", "1%")["watched"]
    }
    for name, one in together.items():
        alone = json_of(production, "decide", "--function", name)
        (watched,) = json_of(production, "watch", "--max-failure-rate", "1%", "--function", name)["watched"]
        assert alone["n_functions"] == one["n_functions"] == 5
        assert alone["alpha_each"] == pytest.approx(0.01)
        assert alone["rates"]["system_prompt"]["lower"] == one["lower"] == watched["lower"]
        assert [breach["what"] for breach in alone["breach"]] == [
            breach["what"] for breach in one["breaches"]
        ]


def test_a_function_with_priority_has_half(production):
    """The function with priority has half of alpha, and the other three of five parts share the other half."""
    filled(production, 3, 40)

    alphas = {
        name: json_of(production, "decide", "--function", name, "--priority", "shop.f0")["alpha_each"]
        for name in ("shop.f0", "shop.f1", "shop.f2")
    }

    assert alphas == {"shop.f0": 0.025, "shop.f1": pytest.approx(0.005), "shop.f2": pytest.approx(0.005)}
    text = production.run("decide", "--function", "shop.f1", "--priority", "f0")[1]
    assert "--priority f0" in text
    assert "up to 5 functions of the store share this error probability" in " ".join(text.split())


def test_a_function_with_several_schemas_counts_once(production):
    """Two functions, one of which has three schemas, count as two."""
    for title in ("ticket", "order", "bill"):
        production.calls(20, 0, schema={**TICKET, "title": title}, name="shop.f0")
    production.calls(20, 0, name="shop.f1")

    assert json_of(production, "decide", "--function", "shop.f1")["n_functions"] == 2


def test_a_function_that_has_no_more_calls_has_no_part(production):
    """A function without a call in the last 14 days of the store does not count."""
    filled(production, 2, 10)
    production.clock.now += 15 * 86_400
    production.calls(30, 0, name="shop.f0")

    assert "n_functions" not in json_of(production, "decide", "--function", "shop.f0")
