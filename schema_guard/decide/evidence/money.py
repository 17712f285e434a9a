# SPDX-License-Identifier: Apache-2.0
"""The money of evidence, in dollars: what calls, tuning and trials take, as frozen values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from schema_guard.text import dollars, large

if TYPE_CHECKING:
    from collections.abc import Mapping


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


class Three(NamedTuple):
    """One figure by how it is looked at: as bad, as is, and as good as can be for fine-tuning."""

    pess: float
    point: float
    opt: float


class TokenBill(NamedTuple):
    """Training that is billed by the token."""

    name: str
    tokens: float
    epochs: float
    price_per_million: float

    @property
    def dollars(self) -> float:
        """What it comes to."""
        return self.tokens * self.epochs * self.price_per_million / 1e6

    def arithmetic(self) -> str:
        """Write the arithmetic without its result."""
        return f"{large(self.tokens)} tokens x {self.epochs:g} epochs x {dollars(self.price_per_million)} a million"


class GpuBill(NamedTuple):
    """Training that is billed by the hour of a GPU."""

    name: str
    gpu_hours: float
    price_per_hour: float

    @property
    def dollars(self) -> float:
        """What it comes to."""
        return self.gpu_hours * self.price_per_hour

    def arithmetic(self) -> str:
        """Write the arithmetic without its result."""
        return f"{self.gpu_hours:,g} GPU hours x {dollars(self.price_per_hour)}"


class TrialCost(NamedTuple):
    """What all calls of a trial took, those without a judged reply included; None where it is not known."""

    input_tokens: float | None = None
    output_tokens: float | None = None
    seconds: float | None = None
    dollars: float | None = None


@dataclass(frozen=True, slots=True)
class Economics:
    """Money, in dollars.

    Attributes:
        prompt_cost: Of the strategies in use.
        tuned_cost: Of the tuned model.
        failure_cost: What one failed call costs the business.
        tuned_hazards: Failure rate that is assumed of the tuned model's attempt 1, 2, ...
        tuned_residual: Failure rate that is assumed of it; None where a pilot measures it.
        upfront: Dollars of what is paid once, by what for: labels, training, engineering ...
        bills: How dollars of *upfront* come about, where that is given.
        hosting_per_month: For the tuned model.
        refresh_per_month: Relabelling and retraining.
        latency_cost_per_s: What one second of waiting costs.
    """

    prompt_cost: CallCost
    tuned_cost: CallCost
    failure_cost: float
    tuned_hazards: tuple[float, ...]
    tuned_residual: Three | None
    upfront: Mapping[str, float]
    hosting_per_month: float
    refresh_per_month: float
    latency_cost_per_s: float = 0.0
    bills: tuple[TokenBill | GpuBill, ...] = ()
