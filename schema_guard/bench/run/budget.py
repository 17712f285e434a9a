# SPDX-License-Identifier: Apache-2.0
"""What a run may spend, and what it has spent.

Rules: a budget is looked at before each call, so calls that are under way may go beyond it; tokens that nobody told
are estimated from the texts, never taken for 0; money needs prices, and a budget in money without prices is an error.
"""

from __future__ import annotations

from collections.abc import Mapping
from time import monotonic
from typing import TYPE_CHECKING, Any

from schema_guard.bench.suites.values import estimated_tokens
from schema_guard.prices.costs import CallTokens

if TYPE_CHECKING:
    from schema_guard.prices.costs import TokenPrices
    from schema_guard.values import Attempt, Outcome

    Prices = Mapping[str, TokenPrices]


class Spending:
    """What has been spent so far, against a budget."""

    def __init__(self, max_cost: float | None, max_time_s: float | None) -> None:
        """Begin to count: dollars over all models, and seconds of this process."""
        self._max_cost, self._max_time_s = max_cost, max_time_s
        self._began = monotonic()
        self.cost = 0.0

    def add(self, outcome: Outcome[Any], prices: TokenPrices | None) -> float | None:
        """Count a call, and return its cost; None without prices or if its tokens are unknown."""
        if prices is None:
            return None
        cost = sum(prices.cost(_tokens_of(attempt)) for attempt in outcome.attempts)
        self.cost += cost
        return None if None in (outcome.usage.input_tokens, outcome.usage.output_tokens) else cost

    def exhausted(self) -> str | None:
        """Return what is used up; None while nothing is."""
        if self._max_cost is not None and self.cost >= self._max_cost:
            return f"the budget of ${self._max_cost:g} is used up"
        if self._max_time_s is not None and monotonic() - self._began >= self._max_time_s:
            return f"the budget of {self._max_time_s:g} seconds is used up"
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
