# SPDX-License-Identifier: Apache-2.0
"""The costs of prompting and of a tuned model, and the point at which tuning pays. Units: dollars, calls, months.

Rules: Three columns use one formula, and verdicts use only the pessimistic column. A case that saves nothing has the
payback None, never infinity. Every limit (volume, bar, upfront, failure cost) is the value at which the pessimistic
payback is exactly the horizon, while the other values stay the same.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil, fsum, inf
from typing import TYPE_CHECKING, NamedTuple

from schema_guard.prices.costs import PerMillion

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schema_guard.decide.evidence.money import CallCost, Economics, Three

_PER_MILLION = 1e-6
# Tolerance for the rounding of a division.
_ROUNDING = 1e-9
_SHORTEST_MONTHS = 0.1
# With a smaller gain per call, in dollars, no real volume pays.
_LEAST_GAIN = 1e-15
# Volume and failure cost are halved and doubled.
_VARIED = (0.5, 1.0, 2.0)


def months(duration: float) -> str:
    """Write a number of months.

    >>> months(1.96692), months(1), months(0.01)
    ('2.0 months', '1.0 months', '0.01 months')
    """
    return f"{duration:.2g} months" if 0 < duration < _SHORTEST_MONTHS else f"{duration:.1f} months"


class Rates(NamedTuple):
    """Failure rates in the three columns, of the prompted and of the tuned model."""

    prompt: Three
    tuned: Three


@dataclass(frozen=True, slots=True)
class CostColumn:
    """The case in one column.

    Attributes:
        prompt_rate: Failure rate of the prompted model.
        tuned_rate: Failure rate of the tuned model.
        prompt_per_call: Dollars, failures included.
        tuned_per_call: Dollars, failures included.
        saving_per_month: Dollars after hosting and refresh. Below 0, tuning loses money.
        payback_months: None if nothing is saved, so it never pays back.
    """

    prompt_rate: float
    tuned_rate: float
    prompt_per_call: float
    tuned_per_call: float
    saving_per_month: float
    payback_months: float | None


@dataclass(frozen=True, slots=True)
class Proposal:
    """A proposal to tune a model.

    Attributes:
        economics: Prices.
        calls_per_month: Calls that the tuned model would take over.
        prompt_attempts: Mean attempts of a prompted call; 1 if attempts are not recorded.
        rates: Failure rates.
        horizon_months: Months within which tuning must pay back.
        lead_months: Months until the tuned model is in production.
        life_months: Months until the base model ends. None if unknown.
        next_life_months: Months that each later base model lives.
    """

    economics: Economics
    calls_per_month: float
    prompt_attempts: float
    rates: Rates
    horizon_months: float
    lead_months: float
    life_months: float | None = None
    next_life_months: float = 18.0

    @property
    def ends_early(self) -> bool:
        """Whether the base model ends before the horizon."""
        return self.life_months is not None and self.life_months < self.horizon_months

    @property
    def used_months(self) -> float:
        """Months of use before the base model or the horizon ends."""
        alive = self.life_months if self.life_months is not None and self.ends_early else self.horizon_months
        return max(0.0, alive - self.lead_months)

    @property
    def tunings(self) -> int:
        """Tunings that the horizon needs, one for each base model."""
        if self.life_months is None or not self.ends_early:
            return 1
        return 1 + ceil((self.horizon_months - self.life_months) / self.next_life_months - _ROUNDING)


@dataclass(frozen=True, slots=True)
class Flip:
    """One assumption, and whether a change of it changes whether fine-tuning pays.

    Attributes:
        name: `failure_cost`, `calls_per_month`, `token_prices`, `tuned_prices`, or `cache_hit`.
        change: The change in words.
        value: The value at which the result flips, or the changed value. None if no value flips it.
        payback_months: Pessimistic payback at that value. None if it never pays back there.
        flips: Whether the change flips `CostCase.passes`, which is the gate of the verdict.
    """

    name: str
    change: str
    value: float | None
    payback_months: float | None
    flips: bool


class CostCase:
    """The cost case: whether tuning pays.

    Attributes:
        proposal: The priced proposal.
        pess: The pessimistic column, which verdicts use.
        point: The column as measured.
        opt: The optimistic column.
        upfront: Dollars paid once.
        hosting_plus_refresh: Dollars paid every month.
        prompt_tokens_per_call: Dollars without failures.
        tuned_tokens_per_call: Dollars without failures.
        break_even_calls_per_month: The fewest calls that pay back within the horizon. None if no number does.
        max_tuned_residual_for_horizon: The bar, which is the largest failure rate that the tuned model may have. Below
            0 if no rate is low enough. None if failures cost nothing.
        largest_upfront: The most dollars that may be paid once; 0 if nothing is saved.
        base_model_must_live_months: Lead and payback. None if it never pays back.
    """

    def __init__(self, proposal: Proposal) -> None:
        """Price a proposal.

        Source: saving = V (C_prompt - C_tuned) - monthly costs, and payback = upfront / saving. For the limits, both
        are solved for the volume, the tuned rate, and the upfront cost at which the payback is the horizon.
        """
        money, volume, horizon = proposal.economics, proposal.calls_per_month, proposal.horizon_months
        self.proposal = proposal
        self.upfront, self.hosting_plus_refresh = fsum(money.upfront.values()), money.monthly
        prompt = per_call(money.prompt_cost, proposal.prompt_attempts, money.latency_cost_per_s)
        tuned = tuned_per_call(money)
        self.prompt_tokens_per_call, self.tuned_tokens_per_call = prompt, tuned
        self.pess, self.point, self.opt = (
            self._column(*rates) for rates in zip(*proposal.rates, strict=True)
        )
        pess, payback = self.pess, self.pess.payback_months
        needed = self.upfront / horizon + self.hosting_plus_refresh
        gain = pess.prompt_per_call - pess.tuned_per_call
        self.break_even_calls_per_month = needed / gain if gain > 0 else None
        self.max_tuned_residual_for_horizon = (
            (pess.prompt_per_call - tuned - needed / volume) / money.failure_cost
            if money.failure_cost
            else None
        )
        self.largest_upfront = max(horizon * pess.saving_per_month, 0.0)
        self.base_model_must_live_months = None if payback is None else payback + proposal.lead_months

    def _column(self, prompt_rate: float, tuned_rate: float) -> CostColumn:
        failure_cost = self.proposal.economics.failure_cost
        prompt_call = self.prompt_tokens_per_call + prompt_rate * failure_cost
        tuned_call = self.tuned_tokens_per_call + tuned_rate * failure_cost
        saving = self.proposal.calls_per_month * (prompt_call - tuned_call) - self.hosting_plus_refresh
        # With a saving near 0, the quotient overflows to infinity, which means that it never pays back.
        payback = self.upfront / saving if saving > 0 and self.upfront / saving < inf else None
        return CostColumn(prompt_rate, tuned_rate, prompt_call, tuned_call, saving, payback)

    @property
    def needed_saving(self) -> float | None:
        """The least dollars saved a month that pass the gate of `passes`. None if no saving is enough."""
        proposal, paid = self.proposal, self.upfront + (self.proposal.tunings - 1) * self.next_tuning
        spans = (
            (self.needed, proposal.used_months),
            (paid, proposal.horizon_months - proposal.tunings * proposal.lead_months),
        )
        if any(dollars > 0 and months <= 0 for dollars, months in spans):
            return None
        return max(dollars / months for dollars, months in spans if months > 0)

    @property
    def pays(self) -> bool:
        """Whether the pessimistic payback is within the horizon."""
        payback = self.pess.payback_months
        return payback is not None and payback <= self.proposal.horizon_months

    @property
    def next_tuning(self) -> float:
        """Dollars of the tuning of the next base model."""
        return self.proposal.economics.next_tuning_cost

    @property
    def earned(self) -> float:
        """Dollars that the tuned model saves while it is used, before the base model or the horizon ends."""
        return self.pess.saving_per_month * self.proposal.used_months

    @property
    def total(self) -> float:
        """Dollars saved over the horizon, with all its tunings."""
        proposal = self.proposal
        used = proposal.horizon_months - proposal.tunings * proposal.lead_months
        return self.pess.saving_per_month * used - self.upfront - (proposal.tunings - 1) * self.next_tuning

    @property
    def needed(self) -> float:
        """Dollars that *earned* must reach."""
        return self.upfront + (self.next_tuning if self.proposal.ends_early else 0.0)

    @property
    def passes(self) -> bool:
        """Whether it earns its cost before the base model or the horizon ends, and saves over the horizon."""
        return (
            self.pess.saving_per_month > 0
            and self._reaches(self.earned, self.needed)
            and self.total >= -_ROUNDING * self.upfront
        )

    @property
    def would_pass(self) -> bool:
        """Whether it would pass if the base model lived as long as the horizon."""
        saving, months = self.pess.saving_per_month, self.proposal.horizon_months - self.proposal.lead_months
        return saving > 0 and self._reaches(saving * max(0.0, months), self.upfront)

    @staticmethod
    def _reaches(earned: float, needed: float) -> bool:
        return earned >= needed * (1 - _ROUNDING)


def first_attempt(cost: CallCost, latency_cost_per_s: float) -> float:
    """Return the dollars of a call's first attempt.

    Source: input, cached input, and output tokens are billed per million at their prices. Seconds are billed at the
    cost of waiting.
    """
    cached = cost.fixed * cost.hit
    prices = PerMillion(cost.p_in, cost.p_cached, cost.p_out)
    tokens = prices.dollars(cost.fixed - cached + cost.var, cached, cost.out)
    if cost.p_cache_write is not None:
        tokens += (cost.fixed - cached) * (cost.p_cache_write - cost.p_in) * _PER_MILLION
    return tokens * cost.of_usual_price + latency_cost_per_s * cost.latency_s


def retry_cost(cost: CallCost) -> float:
    """Return the dollars that a retry costs in addition to a first attempt: the previous reply and the error."""
    return cost.repair * cost.p_in * _PER_MILLION * cost.of_usual_price


def per_call(cost: CallCost, attempts: float, latency_cost_per_s: float) -> float:
    """Return the dollars of a call with this mean number of attempts, without failures."""
    return attempts * first_attempt(cost, latency_cost_per_s) + (attempts - 1) * retry_cost(cost)


def tuned_per_call(money: Economics) -> float:
    """Return the dollars of a call of the tuned model before failures, with the hosting that grows with the calls."""
    attempts = mean_attempts(money.tuned.hazards)
    return per_call(money.tuned_cost, attempts, money.latency_cost_per_s) + (money.hosting_per_call or 0.0)


def tokens_per_call(cost: CallCost, attempts: float) -> float:
    """Return the sent and received tokens of a call with this mean number of attempts."""
    return attempts * (cost.fixed + cost.var + cost.out) + (attempts - 1) * cost.repair


def mean_attempts(hazards: Sequence[float]) -> float:
    """Return the attempts per call: 1 + f_1 + f_1 f_2 + ... The last hazard is not used."""
    reached, total = 1.0, 0.0
    for hazard in hazards:
        total += reached
        reached *= hazard
    return total


def total_range(case: CostCase) -> tuple[float, float]:
    """Return the smallest and largest total, with volume and failure cost each halved, as they are, and doubled."""
    proposal = case.proposal
    totals = [
        CostCase(
            replace(
                proposal,
                calls_per_month=volume * proposal.calls_per_month,
                economics=replace(proposal.economics, failure_cost=cost * proposal.economics.failure_cost),
            )
        ).total
        for volume in _VARIED
        for cost in _VARIED
    ]
    return min(totals), max(totals)


def flips(case: CostCase) -> tuple[Flip, ...]:
    """Return the changes that may flip whether it pays: failure cost, volume, prices, caching."""
    money = case.proposal.economics
    doubled, tuned_doubled = _doubled(money.prompt_cost), _doubled(money.tuned_cost)
    uncached = replace(money.prompt_cost, hit=0.0, p_cache_write=None)
    return (
        _failure_cost_flip(case),
        _volume_flip(case),
        _flip(case, "token_prices", "all token prices x2", 2.0, replace(money, prompt_cost=doubled, tuned_cost=tuned_doubled)),
        _flip(case, "tuned_prices", "the tuned model's token prices x2", 2.0, replace(money, tuned_cost=tuned_doubled)),
        _flip(case, "cache_hit", "no prompt token is cached", 0.0, replace(money, prompt_cost=uncached)),
    )  # fmt: skip


def _doubled(cost: CallCost) -> CallCost:
    write = None if cost.p_cache_write is None else 2 * cost.p_cache_write
    return replace(
        cost, p_in=2 * cost.p_in, p_cached=2 * cost.p_cached, p_out=2 * cost.p_out, p_cache_write=write
    )


def _flip(case: CostCase, name: str, change: str, value: float, economics: Economics) -> Flip:
    changed = CostCase(replace(case.proposal, economics=economics))
    return Flip(name, change, value, changed.pess.payback_months, changed.passes != case.passes)


def _failure_cost_flip(case: CostCase) -> Flip:
    """Return the failure cost at which the gate is just passed, or the payback if failures cost nothing.

    The saving is linear in the failure cost. So the result flips where the saving crosses the needed saving, if that
    cost is above 0.
    """
    pess, proposal = case.pess, case.proposal
    saving, fewer_failures = case.needed_saving, pess.prompt_rate - pess.tuned_rate
    if saving is not None and fewer_failures:
        tokens_alone = case.prompt_tokens_per_call - case.tuned_tokens_per_call
        needed = (saving + case.hosting_plus_refresh) / proposal.calls_per_month
        value = (needed - tokens_alone) / fewer_failures
        if value > 0:
            payback = case.upfront / saving if saving else None
            return Flip("failure_cost", f"a failure costs ${value:.4g}", value, payback, flips=True)
    free = CostCase(replace(proposal, economics=replace(proposal.economics, failure_cost=0.0)))
    return Flip("failure_cost", "failures cost nothing", None, free.pess.payback_months, flips=False)


def _volume_flip(case: CostCase) -> Flip:
    saving, gain = case.needed_saving, case.pess.prompt_per_call - case.pess.tuned_per_call
    if saving is None or gain <= _LEAST_GAIN:
        return Flip("calls_per_month", "tuning pays at no volume", None, None, flips=False)
    value = (saving + case.hosting_plus_refresh) / gain
    if value <= 0:
        return Flip("calls_per_month", "tuning always pays", None, case.pess.payback_months, flips=False)
    payback = case.upfront / saving if saving else None
    return Flip("calls_per_month", f"{value:,.0f} calls a month", value, payback, flips=True)
