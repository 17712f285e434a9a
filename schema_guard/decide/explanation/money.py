# SPDX-License-Identifier: Apache-2.0
"""The costs of a verdict: the figures, the lines of arithmetic behind them, and what spreadsheets would promise.

Rules: every line is made from the figures of the case, never from a second computation.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from schema_guard.decide.economics import first_attempt, flips, mean_attempts, retry_cost, tokens_per_call
from schema_guard.text import dollars, months, percent

if TYPE_CHECKING:
    from schema_guard.decide.case import Case
    from schema_guard.decide.economics import CostCase, CostColumn
    from schema_guard.decide.evidence.money import CallCost
    from schema_guard.decide.measure import Measured
    from schema_guard.decide.rules.ruling import Ruling


def economic_figures(cost: CostCase, case: Case) -> dict[str, Any]:
    """Give a case's figures as plain JSON: `economics` and `cost`, as `Verdict.as_dict` has them."""
    earned = _earned(cost, case)
    by_name = {"pess": cost.pess, "point": cost.point, "opt": cost.opt}
    columns = {
        name: {
            "prompt_per_call": column.prompt_per_call,
            "tuned_per_call": column.tuned_per_call,
            "saving_per_month": column.saving_per_month,
            "payback_months": column.payback_months,
        }
        for name, column in by_name.items()
    }
    return {
        "economics": {
            **columns,
            "upfront": cost.upfront,
            "hosting_plus_refresh": cost.hosting_plus_refresh,
            "break_even_calls_per_month": cost.break_even_calls_per_month,
            "max_tuned_residual_for_horizon": cost.max_tuned_residual_for_horizon,
        },
        "cost": {
            "calls_per_month": cost.proposal.calls_per_month,
            "tokens_per_month": tokens_per_month(cost),
            "prompt_tokens_per_call": cost.prompt_tokens_per_call,
            "tuned_tokens_per_call": cost.tuned_tokens_per_call,
            "largest_upfront": cost.largest_upfront,
            "base_model_must_live_months": cost.base_model_must_live_months,
            **({} if earned is None else {"earned_until_shutdown": earned}),
            "failure_cost": cost.proposal.economics.failure_cost,
            "prompt_rate": {name: column.prompt_rate for name, column in by_name.items()},
            "tuned_rate": {name: column.tuned_rate for name, column in by_name.items()},
            "lines": [*_lines(cost), *_end_lines(cost, case)],
            "flips": [asdict(flip) for flip in flips(cost)],
            **_independent_retries(cost, case.best),
        },
    }


def end_figures(case: Case, ruling: Ruling) -> dict[str, Any]:
    """Return the last day of the tuned model that a verdict keeps, advises, or calls blocked."""
    end, feasible, used = case.evidence.model_end, case.evidence.feasibility, case.in_use
    is_about_tuning = (
        ruling.verdict.startswith("FINE_TUNE")
        or "cost_case_blocked" in ruling.figures
        or case.tuned is not None
        or (used is not None and used.strategy.is_tuned)
    )
    if end is None or end.last_day is None or not is_about_tuning:
        return {}
    return {
        "model_end": {
            "model": feasible.base_model,
            "last_day": end.last_day,
            "months": feasible.months_to_shutdown,
            "source": end.source,
        }
    }


def _earned(cost: CostCase, case: Case) -> float | None:
    """Return the dollars that tuning saves before the base model is shut down. None if that day is not known."""
    alive = case.evidence.feasibility.months_to_shutdown
    return None if alive is None else cost.saved_until(alive)


def tokens_per_month(cost: CostCase) -> dict[str, float]:
    """Give the tokens of a month's calls, sent and received: prompted, and of the tuned model."""
    proposal, money = cost.proposal, cost.proposal.economics
    sides = {
        "prompt": tokens_per_call(money.prompt_cost, proposal.prompt_attempts),
        "tuned": tokens_per_call(money.tuned_cost, mean_attempts(money.tuned_hazards)),
    }
    return {side: proposal.calls_per_month * tokens for side, tokens in sides.items()}


def _independent_retries(cost: CostCase, measurement: Measured | None) -> dict[str, Any]:
    """Price a month's failures as a spreadsheet would that takes retries for fresh tries, and as they were recorded."""
    retries = measurement.retries if measurement else None
    if measurement is None or retries is None or retries.geometric is None:
        return {}
    month = cost.proposal.calls_per_month * cost.proposal.economics.failure_cost
    promised = {
        "promised_per_month": month * retries.geometric,
        "failures_per_month": month * measurement.point,
    }
    return {"independent_retries": promised}


def _lines(cost: CostCase) -> list[str]:
    """Write the costs with their arithmetic, so that a reader can check every figure."""
    proposal = cost.proposal
    money, horizon = proposal.economics, proposal.horizon_months
    wait = money.latency_cost_per_s
    needed = f"({dollars(cost.upfront)} / {horizon:g} + {dollars(cost.hosting_plus_refresh)})"
    return [
        _side_line("prompt", money.prompt_cost, proposal.prompt_attempts, cost.prompt_tokens_per_call, wait),
        _side_line(
            "tuned", money.tuned_cost, mean_attempts(money.tuned_hazards), cost.tuned_tokens_per_call, wait
        ),
        _column_line("pess", cost.pess, cost),
        _column_line("point", cost.point, cost),
        _column_line("opt", cost.opt, cost),
        _break_even_line(cost, needed),
        _bar_line(cost, needed),
        _upfront_line(cost),
    ]


def _end_lines(cost: CostCase, case: Case) -> list[str]:
    """Write how long the base model must live, and what tuning saves before its shutdown."""
    alive, earned, lead = (
        case.evidence.feasibility.months_to_shutdown,
        _earned(cost, case),
        cost.proposal.lead_months,
    )
    lines = []
    if alive is not None and earned is not None:
        used = f"({alive:.4f} - {lead:g})" if alive > lead else "0"
        lines.append(
            f"until the base model is shut down tuning saves ${cost.pess.saving_per_month:,.2f} x {used} months = "
            f"${earned:,.2f}, and costs {dollars(cost.upfront)} once"
        )
    if cost.base_model_must_live_months is not None:
        lines.append(f"the base model must live at least {months(cost.base_model_must_live_months)}")
    return lines


def _side_line(name: str, cost: CallCost, attempts: float, per_call: float, wait: float) -> str:
    """Write what a call of one side costs before failures; *wait* is the dollars of a second."""
    waiting = f" + {cost.latency_s:g} s x {dollars(wait)}" if wait else ""
    return (
        f"{name}: attempt 1 = ({cost.fixed:g} x ({1 - cost.hit:.2f} x {cost.p_in:g} + {cost.hit:.2f} x "
        f"{cost.p_cached:g}) + {cost.var:g} x {cost.p_in:g} + {cost.out:g} x {cost.p_out:g}) / 1e6{waiting} = "
        f"{dollars(first_attempt(cost, wait))}, a retry adds {cost.repair:g} x {cost.p_in:g} / 1e6 = "
        f"{dollars(retry_cost(cost))}; {attempts:.4g} attempts a call: {dollars(per_call)}"
    )


def _column_line(name: str, column: CostColumn, cost: CostCase) -> str:
    failure = dollars(cost.proposal.economics.failure_cost)
    payback = "never" if column.payback_months is None else months(column.payback_months)
    return (
        f"{name}: prompt {dollars(cost.prompt_tokens_per_call)} + {percent(column.prompt_rate)} x {failure} = "
        f"{dollars(column.prompt_per_call)}; tuned {dollars(cost.tuned_tokens_per_call)} + "
        f"{percent(column.tuned_rate)} x {failure} = {dollars(column.tuned_per_call)}; "
        f"saving {cost.proposal.calls_per_month:,.0f} x {dollars(column.prompt_per_call - column.tuned_per_call)}"
        f" - {dollars(cost.hosting_plus_refresh)} = {dollars(column.saving_per_month)}/month; "
        f"upfront {dollars(cost.upfront)}: payback {payback}"
    )


def _break_even_line(cost: CostCase, needed: str) -> str:
    value = cost.break_even_calls_per_month
    volume = "none, a call saves nothing" if value is None else f"{value:,.0f} calls/month"
    return (
        f"break-even volume for a payback in {cost.proposal.horizon_months:g} months: {needed} / "
        f"({dollars(cost.pess.prompt_per_call)} - {dollars(cost.pess.tuned_per_call)}) = {volume}"
    )


def _upfront_line(cost: CostCase) -> str:
    saving = dollars(max(cost.pess.saving_per_month, 0))
    return (
        f"largest upfront that still pays: {cost.proposal.horizon_months:g} x {saving} = "
        f"{dollars(cost.largest_upfront)}"
    )


def _bar_line(cost: CostCase, needed: str) -> str:
    bar = cost.max_tuned_residual_for_horizon
    if bar is None:
        return "the bar: failures cost nothing, any failure rate pays the same"
    sum_of = (
        f"({dollars(cost.pess.prompt_per_call)} - {dollars(cost.tuned_tokens_per_call)} - {needed} / "
        f"{cost.proposal.calls_per_month:,.0f}) / {dollars(cost.proposal.economics.failure_cost)}"
    )
    if bar < 0:
        return f"the bar: {sum_of} = {percent(bar)}, below 0: no tuned model pays"
    return f"the bar: the tuned model may fail at most {sum_of} = {percent(bar)} of the calls"
