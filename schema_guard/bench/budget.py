"""What a run may spend, what it is expected to spend, and what it has spent.

Rules: a budget is looked at before each call, so calls that are under way may go beyond it; tokens that nobody told
are estimated from the texts, never taken for 0; money needs prices, and a budget in money without prices is an error.
"""

from __future__ import annotations

from collections.abc import Mapping
from time import monotonic
from typing import TYPE_CHECKING, NamedTuple

from schema_guard.errors import InvalidArgument

if TYPE_CHECKING:
    from schema_guard.bench.scored import Scored
    from schema_guard.decide.prices import TokenPrices

    Prices = Mapping[str, TokenPrices]


class RunBudget(NamedTuple):
    """What a run may spend; None is no bound.

    Attributes:
        cost: Dollars, over all models.
        tokens: Of prompts and replies together.
        elapsed_s: Seconds of this process; what an earlier one took is not counted.
    """

    cost: float | None = None
    tokens: int | None = None
    elapsed_s: float | None = None

    def check(self, *, has_prices: bool) -> None:
        """Raise InvalidArgument for a bound that is not above 0, or one in dollars without prices."""
        for name, bound in self._asdict().items():
            if bound is not None and bound <= 0:
                raise InvalidArgument(f"budget.{name}={bound}: expected a number > 0, or None for no bound")
        if self.cost is not None and not has_prices:
            raise InvalidArgument(
                f"budget.cost={self.cost}: expected prices beside it: what a call costs is not known"
            )


class Spending:
    """What has been spent so far, against a budget."""

    def __init__(self, budget: RunBudget) -> None:
        self._budget = budget
        self._began = monotonic()
        self.cost = 0.0
        self.tokens = 0

    def add(self, scored: Scored) -> None:
        """Count a finished call."""
        self.cost += scored.cost or 0.0
        self.tokens += (scored.input_tokens or 0) + (scored.output_tokens or 0)

    def exhausted(self) -> str | None:
        """Say what is used up; None while nothing is."""
        budget = self._budget
        if budget.cost is not None and self.cost >= budget.cost:
            return f"the budget of ${budget.cost:g} is used up"
        if budget.tokens is not None and self.tokens >= budget.tokens:
            return f"the budget of {budget.tokens:,} tokens is used up"
        if budget.elapsed_s is not None and monotonic() - self._began >= budget.elapsed_s:
            return f"the budget of {budget.elapsed_s:g} seconds is used up"
        return None


class Estimate(NamedTuple):
    """What a run is expected to take, if every first attempt is valid, and at the most.

    Attributes:
        calls: That are still to be made.
        input_tokens: Of the first attempts' prompts.
        output_tokens: As long as the golds.
        most_output_tokens: Every attempt made, and each at its limit.
        cost: Dollars for the prompts and golds; None without prices.
        most_cost: Dollars when every attempt is made and each is at its limit, re-asks taken to be as long as first
            prompts; None without prices.
    """

    calls: int
    input_tokens: int
    output_tokens: int
    most_output_tokens: int
    cost: float | None
    most_cost: float | None

    def as_text(self) -> str:
        """Give the estimate in one line."""
        text = (
            f"about {self.input_tokens:,} tokens of prompts and {self.output_tokens:,} to "
            f"{self.most_output_tokens:,} of replies"
        )
        return text if self.cost is None else f"{text}, ${self.cost:.2f} to ${self.most_cost:.2f}"
