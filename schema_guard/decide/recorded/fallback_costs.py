# SPDX-License-Identifier: Apache-2.0
"""What a call of a tuned model costs together with the prompt that answers where it fails.

Rules: what both billed is added up, the fallbacks' own attempts and retries counted, and told as one cost of an attempt; its
prices are the means of both, weighted by tokens. Where a part of either is not known there is no such cost.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from schema_guard.decide.economics import mean_attempts
from schema_guard.decide.recorded.costs import cost_of
from schema_guard.prices.tokens import PerMillion
from schema_guard.text import clip, percent

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from schema_guard.decide.recorded.configurations import RecordedConfiguration
    from schema_guard.records import ConfigurationCounts, Store

_NEEDED = ("var", "out", "p_in", "p_cached", "p_out")


class SameAttempts(NamedTuple):
    """Attempts that cost the same.

    Attributes:
        cost: Of an attempt, as `CallCost` has it.
        attempts: How many.
        again: Those of them that were retries.
    """

    cost: Mapping[str, Any]
    attempts: float
    again: float


def combined_cost(tuned: SameAttempts, prompt: SameAttempts, per: float) -> dict[str, float] | None:
    """Give what both cost, divided by *per*; None where a part of it is not known."""
    parts = [_billed(attempts) for attempts in (tuned, prompt)]
    if not per or any(part is None for part in parts):
        return None
    total = {name: sum(part[name] for part in parts if part is not None) for name in parts[0] or ()}

    def price(dollars: str, tokens: str, otherwise: str) -> float:
        return 1e6 * total[dollars] / total[tokens] if total[tokens] else float(tuned.cost[otherwise])

    return {
        "fixed": total["fixed"] / per,
        "var": total["var"] / per,
        "out": total["out"] / per,
        "repair": 0.0,
        "hit": 1.0,
        "latency_s": total["latency_s"] / per,
        "p_in": price("var_dollars", "var", "p_in"),
        "p_cached": price("fixed_dollars", "fixed", "p_cached"),
        "p_out": price("out_dollars", "out", "p_out"),
    }


def with_fallback_costs(
    evidence: dict[str, Any],
    configuration: RecordedConfiguration,
    again: Sequence[ConfigurationCounts],
    store: Store,
    prices: str | None,
    notes: list[str],
) -> dict[str, Any]:
    """Give the evidence of a tuned model with what a call of it costs, its fallbacks included."""
    own = evidence.get("prompt_cost")
    if prices is None or own is None or not again:
        return evidence
    behind = cost_of(replace(configuration, rows=tuple(again)), store, prices, notes)
    reached = sum(n for n, _ in evidence.get("attempts", ())) or evidence["n"]
    cost = (
        None
        if behind is None
        else combined_cost(attempts_at(own, configuration.rows), attempts_at(behind, again), reached)
    )
    # The tuned model's price alone would be below what a call costs.
    return {key: part for key, part in evidence.items() if key != "prompt_cost"} | (
        {} if cost is None else {"prompt_cost": cost}
    )


def with_fallbacks(
    money: Any,
    used: RecordedConfiguration,
    again: Sequence[ConfigurationCounts],
    notes: list[str],
) -> Any:
    """Give the evidence's `economics` with the fallbacks of a tuned model in the cost of its calls.

    Args:
        money: With tokens and prices filled in.
        used: The tuned model.
        again: The calls that the prompt was asked in its place.
        notes: Are given what was filled in, or that it is missing.
    """
    calls = sum(row.calls for row in again)
    if not calls or not isinstance(money, dict) or not used.n:
        return money
    share, attempts = calls / used.n, _assumed_attempts(money)
    behind = attempts_at(money["prompt_cost"], again)
    cost = combined_cost(
        SameAttempts(money["tuned_cost"], attempts, attempts - 1),
        behind._replace(attempts=behind.attempts / used.n, again=behind.again / used.n),
        attempts,
    )
    if cost is None:
        notes.append(
            f"the cost of the tuned model leaves out its fallbacks, {percent(share)} of its calls: a price is not known"
        )
        return money
    notes.append(
        f"the cost of the tuned model has the prompt's in it, which answered again in {percent(share)} of the calls of "
        f"{clip(used.id)}; tokens are those of both, prices their means"
    )
    return {**money, "tuned_cost": cost}


def _assumed_attempts(money: Mapping[str, Any]) -> float:
    """Give the attempts of a call of the tuned model; 1 where what is given is none, which is said by what reads it."""
    tuned = money.get("tuned")
    hazards = tuned.get("hazards") if isinstance(tuned, dict) else None
    if not isinstance(hazards, list) or not all(isinstance(hazard, int | float) for hazard in hazards):
        return 1.0
    return mean_attempts(hazards) or 1.0


def attempts_at(cost: Mapping[str, Any], rows: Sequence[ConfigurationCounts]) -> SameAttempts:
    """Give the attempts of configurations at a cost."""
    attempts = sum(n for row in rows for n, _ in row.attempts)
    return SameAttempts(cost, attempts, attempts - sum(row.attempts[0][0] for row in rows if row.attempts))


def _billed(one: SameAttempts) -> dict[str, float] | None:
    cost = {"fixed": 0.0, "repair": 0.0, "hit": 0.0, "latency_s": 0.0, **one.cost}
    if any(
        not isinstance(cost.get(name), int | float)
        for name in (*_NEEDED, "fixed", "repair", "hit", "latency_s")
    ):
        return None
    fixed, out = cost["fixed"] * one.attempts, cost["out"] * one.attempts
    var = cost["var"] * one.attempts + cost["repair"] * one.again
    cached, prices = fixed * cost["hit"], PerMillion(*(cost[name] for name in PerMillion._fields))
    return {
        "fixed": fixed, "var": var, "out": out, "latency_s": cost["latency_s"] * one.attempts,
        "fixed_dollars": prices.dollars(fixed - cached, cached, 0),
        "var_dollars": prices.dollars(var, 0, 0),
        "out_dollars": prices.dollars(0, 0, out),
    }  # fmt: skip
