# SPDX-License-Identifier: Apache-2.0
"""The costs of a verdict: the figures, the lines of arithmetic behind them.

Rules: every line is made from the figures of the case, never from a second computation.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from schema_guard.decide.economics import (
    CostCase,
    CostColumn,
    first_attempt,
    flips,
    mean_attempts,
    months,
    retry_cost,
    tokens_per_call,
    total_range,
)
from schema_guard.decide.evidence.model_availability import end_of
from schema_guard.text import dollars, plural

if TYPE_CHECKING:
    from collections.abc import Iterable

    from schema_guard.decide.case import Case
    from schema_guard.decide.evidence.money import CallCost
    from schema_guard.decide.rules.ruling import Ruling


_COLUMN = ("prompt_per_call", "tuned_per_call", "saving_per_month", "payback_months")
_ECONOMICS = (
    "upfront", "hosting_plus_refresh", "break_even_calls_per_month", "max_tuned_residual_for_horizon",
)  # fmt: skip
_COST = (
    "prompt_tokens_per_call", "tuned_tokens_per_call", "largest_upfront", "base_model_must_live_months", "next_tuning",
    "earned", "needed", "total", "passes",
)  # fmt: skip


def _named(value: Any, names: Iterable[str]) -> dict[str, Any]:
    return {name: getattr(value, name) for name in names}


def economic_figures(cost: CostCase) -> dict[str, Any]:
    """Return a case's figures as plain JSON: `economics` and `cost`, as `Verdict.as_dict` has them."""
    low, high = total_range(cost)
    by_name = {"pess": cost.pess, "point": cost.point, "opt": cost.opt}
    return {
        "economics": {
            **{name: _named(column, _COLUMN) for name, column in by_name.items()},
            **_named(cost, _ECONOMICS),
        },
        "cost": {
            "calls_per_month": cost.proposal.calls_per_month,
            "tokens_per_month": tokens_per_month(cost),
            **_named(cost, _COST),
            "tunings": cost.proposal.tunings,
            "lowest_total": low,
            "highest_total": high,
            "failed_pilot": cost.upfront,
            "not_given": cost.proposal.economics.not_given,
            "failure_cost": cost.proposal.economics.failure_cost,
            "prompt_rate": {name: column.prompt_rate for name, column in by_name.items()},
            "tuned_rate": {name: column.tuned_rate for name, column in by_name.items()},
            "lines": [*_lines(cost), *_gate_lines(cost)],
            "flips": [asdict(flip) for flip in flips(cost)],
        },
    }


def end_figures(case: Case, ruling: Ruling) -> dict[str, Any]:
    """Return the last day of each model that a verdict keeps, advises, or calls blocked."""
    evidence, used = case.evidence, case.in_use
    named = {used.strategy.id} if used is not None else set()
    named |= {ruling.figures[key] for key in ("strategy", "switch_to") if key in ruling.figures}
    kept = {
        one.strategy.model.rpartition(">")[2]: one.strategy.is_tuned
        for one in case.strategies
        if one.strategy.id in named and one.strategy.model
    }
    is_about_tuning = ruling.verdict.startswith("FINE_TUNE") or "cost_case_blocked" in ruling.figures
    base = evidence.feasibility.base_model
    if base is not None and (is_about_tuning or case.tuned is not None or any(kept.values())):
        kept = {base: True} | {model: tuned for model, tuned in kept.items() if base not in model.split(":")}
    ends = [
        {**end, "tuned": tuned}
        for model, tuned in kept.items()
        if (end := end_of(model, evidence.day)) is not None
    ]
    if not ends:
        return {}
    money = evidence.economics
    next_tuning = None if money is None else money.next_tuning_cost
    return {"model_ends": ends, **({} if next_tuning is None else {"next_tuning": next_tuning})}


def tokens_per_month(cost: CostCase) -> dict[str, float]:
    """Return the tokens of a month's calls, sent and received: prompted, and of the tuned model."""
    proposal, money = cost.proposal, cost.proposal.economics
    sides = {"prompt": (money.prompt_cost, proposal.prompt_attempts)}
    sides["tuned"] = money.tuned_cost, mean_attempts(money.tuned.hazards)
    return {side: proposal.calls_per_month * tokens_per_call(*of) for side, of in sides.items()}


def _lines(cost: CostCase) -> list[str]:
    """Write the costs with their arithmetic, so that a reader can check every figure."""
    proposal = cost.proposal
    money, horizon = proposal.economics, proposal.horizon_months
    wait = money.latency_cost_per_s
    needed = f"({dollars(cost.upfront)} / {horizon:g} + {dollars(cost.hosting_plus_refresh)})"
    return [
        _side_line("prompt", money.prompt_cost, proposal.prompt_attempts, cost.prompt_tokens_per_call, wait),
        _side_line(
            "tuned",
            money.tuned_cost,
            mean_attempts(money.tuned.hazards),
            cost.tuned_tokens_per_call,
            wait,
            hosting=money.hosting_per_call,
        ),
        *(_column_line(name, getattr(cost, name), cost) for name in ("pess", "point", "opt")),
        _break_even_line(cost, needed),
        _bar_line(cost, needed),
        _upfront_line(cost),
    ]


def _gate_lines(cost: CostCase) -> list[str]:
    """Write the total, the earnings of tuning before the base model or the horizon ends, and the required earnings."""
    proposal, next_tuning = cost.proposal, dollars(cost.next_tuning)
    saving = f"${cost.pess.saving_per_month:,.2f}".replace("$-", "-$")
    horizon, lead, n = proposal.horizon_months, proposal.lead_months, proposal.tunings
    alive = (
        f"min({horizon:g}, {proposal.life_months:.4f})"
        if proposal.life_months is not None
        else f"{horizon:g}"
    )
    needed, known = dollars(cost.upfront), "" if proposal.economics.next_tuning is not None else ", assumed"
    if proposal.ends_early:
        needed += f" + {next_tuning} (the next tuning{known}) = {dollars(cost.needed)}"
    low, high = map(dollars, total_range(cost))
    earned = (
        f"savings before the base model or the horizon ends: {saving} x ({alive} - {lead:g}, at least 0) months = "
        f"${cost.earned:,.2f}; required: {needed}"
    ).replace("$-", "-$")
    total = (
        f"total over {months(horizon)}, {plural(n, 'tuning')}: {saving} x ({horizon:g} - {n} x {lead:g}) - "
        f"{dollars(cost.upfront)} - {n - 1} x {next_tuning} = {dollars(cost.total)}; from {low} to {high} if you halve or double volume and failure cost"
    )
    lines = [earned, total, f"a failed pilot costs {dollars(cost.upfront)} plus its hosting"]
    if cost.base_model_must_live_months is not None:
        lines.append(
            f"the base model must be available for at least {months(cost.base_model_must_live_months)}"
        )
    missing = proposal.economics.not_given
    return [*lines, *([f"not counted, because you gave no values: {', '.join(missing)}"] if missing else [])]


def _side_line(
    name: str, cost: CallCost, attempts: float, per_call: float, wait: float, *, hosting: float | None = None
) -> str:
    """Write the cost of a call of one side before failures. *wait*: dollars of a second."""
    waiting = f" + {cost.latency_s:g} s x {dollars(wait)}" if wait else ""
    fresh = cost.p_in if cost.p_cache_write is None else cost.p_cache_write
    batch = f" x {cost.of_usual_price:.4g} (batches)" if cost.batch_share else ""
    hosted = "" if hosting is None else f", hosting {dollars(hosting)} included"
    return (
        f"{name}: attempt 1 = ({cost.fixed:g} x ({1 - cost.hit:.2f} x {fresh:g} + {cost.hit:.2f} x "
        f"{cost.p_cached:g}) + {cost.var:g} x {cost.p_in:g} + {cost.out:g} x {cost.p_out:g}) / 1e6{batch}{waiting} = "
        f"{dollars(first_attempt(cost, wait))}, a retry adds {cost.repair:g} x {cost.p_in:g} / 1e6{batch} = {dollars(retry_cost(cost))}; mean of {attempts:.4g} attempts per call: {dollars(per_call)}{hosted}"
    )


def _column_line(name: str, column: CostColumn, cost: CostCase) -> str:
    failure = dollars(cost.proposal.economics.failure_cost)
    payback = "never" if column.payback_months is None else months(column.payback_months)
    return (
        f"{name}: prompt {dollars(cost.prompt_tokens_per_call)} + {_exact(column.prompt_rate)} x {failure} = "
        f"{dollars(column.prompt_per_call)}; tuned {dollars(cost.tuned_tokens_per_call)} + "
        f"{_exact(column.tuned_rate)} x {failure} = {dollars(column.tuned_per_call)}; "
        f"saving {cost.proposal.calls_per_month:,.0f} x {dollars(column.prompt_per_call - column.tuned_per_call)}"
        f" - {dollars(cost.hosting_plus_refresh)} = {dollars(column.saving_per_month)}/month; "
        f"upfront {dollars(cost.upfront)}: payback {payback}"
    )


def _break_even_line(cost: CostCase, needed: str) -> str:
    value = cost.break_even_calls_per_month
    volume = "none, because a call saves nothing" if value is None else f"{value:,.0f} calls/month"
    return (
        f"break-even volume for a payback in {cost.proposal.horizon_months:g} months: {needed} / "
        f"({dollars(cost.pess.prompt_per_call)} - {dollars(cost.pess.tuned_per_call)}) = {volume}"
    )


def _upfront_line(cost: CostCase) -> str:
    saving = dollars(max(cost.pess.saving_per_month, 0))
    return (
        f"largest one-time cost that still pays back: {cost.proposal.horizon_months:g} x {saving} = "
        f"{dollars(cost.largest_upfront)}"
    )


def _bar_line(cost: CostCase, needed: str) -> str:
    bar = cost.max_tuned_residual_for_horizon
    if bar is None:
        return "the bar: none, because failures cost nothing"
    sum_of = (
        f"({dollars(cost.pess.prompt_per_call)} - {dollars(cost.tuned_tokens_per_call)} - {needed} / "
        f"{cost.proposal.calls_per_month:,.0f}) / {dollars(cost.proposal.economics.failure_cost)}"
    )
    if bar < 0:
        return f"the bar: {sum_of} = {_exact(bar)}, so no tuned model pays"
    return f"the bar: the tuned model may fail at most {sum_of} = {_exact(bar)} of the calls"


def _exact(rate: float) -> str:
    """Write a rate in arithmetic, with digits that allow a check."""
    return f"{100 * rate:.2f}%"
