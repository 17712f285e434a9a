# SPDX-License-Identifier: Apache-2.0
"""The costs in evidence, in dollars, as frozen values: calls, tuning, and trials."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import fsum
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class CallCost:
    """Tokens, seconds and prices of one attempt.

    Attributes:
        fixed: Tokens that every prompt has in common: schema, instructions, examples.
        var: Tokens of the task.
        out: Tokens of the reply, reasoning included.
        repair: Tokens that a retry adds: the previous reply and the error.
        hit: Share of the fixed tokens billed as cached, in [0, 1].
        latency_s: Seconds of one attempt.
        p_in: Dollars for a million input tokens.
        p_cached: Dollars for a million cached input tokens.
        p_out: Dollars for a million output tokens.
        p_cache_write: Dollars for a million fixed tokens that are not billed as cached. None if they cost *p_in*.
        batch_share: Share of the calls that a batch answers, in [0, 1].
        batch_price: Price of a call in a batch, as a share of the usual price.
    """

    fixed: float
    var: float
    out: float
    repair: float
    hit: float
    latency_s: float
    p_in: float
    p_cached: float
    p_out: float
    p_cache_write: float | None = None
    batch_share: float = 0.0
    batch_price: float = 1.0

    @property
    def of_usual_price(self) -> float:
        """Mean price of a call as a share of its price outside of a batch."""
        return 1.0 - self.batch_share * (1.0 - self.batch_price)


class Three(NamedTuple):
    """A figure in three columns: as bad as can be for fine-tuning, as measured, and as good as can be for it."""

    pess: float
    point: float
    opt: float


class TunedFailures(NamedTuple):
    """Assumed failure rates of a tuned model.

    Attributes:
        hazards: Failure rate of attempt 1, 2, ...
        residual: Failure rate of its calls. None if a pilot measures it.
    """

    hazards: tuple[float, ...]
    residual: Three | None = None


class TrialCost(NamedTuple):
    """The cost of all calls of a trial, including calls without a validated reply. None if unknown."""

    input_tokens: float | None = None
    output_tokens: float | None = None
    seconds: float | None = None
    dollars: float | None = None


@dataclass(frozen=True, slots=True)
class Economics:
    """Costs, in dollars.

    Attributes:
        prompt_cost: Cost of the strategies in use.
        tuned_cost: Cost of the tuned model.
        failure_cost: Cost of one failed call for the business.
        tuned: Assumed failure rates of the tuned model.
        upfront: Dollars paid once, by purpose: labels, training, engineering ...
        hosting_per_call: Hosting that grows with the calls of the tuned model. None if it is not given.
        retuning_cost: Dollars of each tuning that keeps the model current. None if it is not given.
        retuning_every_months: Months between two of these tunings.
        next_tuning: Dollars of the tuning of the next base model. None if it is not given.
        hosting_per_month: Hosting of the tuned model.
        refresh_per_month: Relabeling and retraining.
        latency_cost_per_s: Cost of one second of waiting.
    """

    prompt_cost: CallCost
    tuned_cost: CallCost
    failure_cost: float
    tuned: TunedFailures
    upfront: Mapping[str, float]
    hosting_per_month: float
    refresh_per_month: float
    latency_cost_per_s: float = 0.0
    hosting_per_call: float | None = None
    retuning_cost: float | None = None
    retuning_every_months: float | None = None
    next_tuning: float | None = None

    @property
    def monthly(self) -> float:
        """Dollars paid every month, regardless of the number of calls."""
        every = self.retuning_every_months
        retuning = 0.0 if every is None or self.retuning_cost is None else self.retuning_cost / every
        return self.hosting_per_month + self.refresh_per_month + retuning

    @property
    def next_tuning_cost(self) -> float:
        """Dollars of the tuning of the next base model. Default: the upfront dollars without the labels."""
        if self.next_tuning is not None:
            return self.next_tuning
        return fsum(dollars for part, dollars in self.upfront.items() if "label" not in part.lower())

    @property
    def not_given(self) -> list[str]:
        """The optional costs that are not given, and therefore not counted."""
        costs = (self.prompt_cost, self.tuned_cost)
        given = {
            "batch price": any(cost.batch_share for cost in costs),
            "cache-write price": any(cost.p_cache_write is not None for cost in costs),
            "hosting by volume": self.hosting_per_call is not None,
            "re-tuning each period": self.retuning_cost is not None,
        }
        return [name for name, is_given in given.items() if not is_given]
