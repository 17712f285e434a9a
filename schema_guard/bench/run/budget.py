# SPDX-License-Identifier: Apache-2.0
"""What a run may spend, and what it has spent.

Rules: a budget is looked at before each call, so calls that are under way may go beyond it; tokens that nobody told
are estimated from the texts, never taken for 0; money needs prices, and a budget in money without prices is an error.
"""

from __future__ import annotations

from collections.abc import Mapping
from time import monotonic
from typing import TYPE_CHECKING, NamedTuple

from schema_guard.bench.suites.values import estimated_tokens
from schema_guard.errors import InvalidArgument
from schema_guard.prices.costs import CallTokens

if TYPE_CHECKING:
    from schema_guard.prices.costs import TokenPrices
    from schema_guard.values import Attempt

    Prices = Mapping[str, TokenPrices]


class RunBudget(NamedTuple):
    """What a run may spend; None is no bound.

    Attributes:
        cost: Dollars, over all models.
        elapsed_s: Seconds of this process; what an earlier one took is not counted.
    """

    cost: float | None = None
    elapsed_s: float | None = None

    def check(self, *, has_prices: bool) -> None:
        """Raise InvalidArgument for a bound that is not above 0, or one in dollars without prices."""
        for name, bound in self._asdict().items():
            if bound is not None and bound <= 0:
                raise InvalidArgument(f"budget.{name}={bound}: expected a number > 0, or None for no bound")
        if self.cost is not None and not has_prices:
            raise InvalidArgument(
                f"budget.cost={self.cost}: expected prices too, because the cost of a call is unknown"
            )


class Spending:
    """What has been spent so far, against a budget."""

    def __init__(self, budget: RunBudget) -> None:
        self._budget = budget
        self._began = monotonic()
        self.cost = 0.0

    def add(self, attempt: Attempt, prices: TokenPrices | None) -> None:
        """Count an attempt."""
        if prices is not None:
            self.cost += prices.cost(_tokens_of(attempt))

    def exhausted(self) -> str | None:
        """Say what is used up; None while nothing is."""
        budget = self._budget
        if budget.cost is not None and self.cost >= budget.cost:
            return f"the budget of ${budget.cost:g} is used up"
        if budget.elapsed_s is not None and monotonic() - self._began >= budget.elapsed_s:
            return f"the budget of {budget.elapsed_s:g} seconds is used up"
        return None


def _tokens_of(attempt: Attempt) -> CallTokens:
    """Give an attempt's tokens, estimated from its texts where nobody told them."""
    usage, prompt = attempt.usage, attempt.prompt or ""
    sent, received = usage.input_tokens, usage.output_tokens
    if sent is None:
        sent = estimated_tokens(prompt if isinstance(prompt, str) else [turn.content for turn in prompt])
    if received is None:
        received = estimated_tokens(attempt.reply or "")
    return CallTokens(sent, usage.cached_input_tokens or 0, received)
