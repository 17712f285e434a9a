# SPDX-License-Identifier: Apache-2.0
"""How many requests a probe makes at most, and what they may cost: known before anything is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from schema_guard.bench.suites.values import estimated_tokens
from schema_guard.ext.fitting.probe.request import OUTPUT_TOKENS
from schema_guard.text import dollars, plural
from schema_guard.values import Usage

if TYPE_CHECKING:
    from collections.abc import Iterable

    from schema_guard.prices.charges import Charges

__all__ = ["ProbeCost", "expected"]

# What the replies of a model that does not reason are as long as at most: a JSON text with some forty items.
_SHORT = 120


class ProbeCost(NamedTuple):
    """What a probe is expected to take.

    Attributes:
        requests: How many at most.
        input_tokens: Of all of them, estimated.
        cost: Dollars where each reply is short; None where the price is not known.
        most_cost: Dollars where each reply is as long as it may be; None where the price is not known.
    """

    requests: int
    input_tokens: int
    cost: float | None
    most_cost: float | None

    def as_text(self) -> str:
        """Return it in one line."""
        text = f"at most {plural(self.requests, 'request')}, about {self.input_tokens:,} tokens of prompts and schemas"
        if self.cost is None or self.most_cost is None:
            return f"{text}; the cost is unknown, because this model has no prices"
        return f"{text}; about {dollars(self.cost)}, at most {dollars(self.most_cost)}"


def expected(sent: Iterable[Any], charges: Charges | None, model: str) -> ProbeCost:
    """Estimate what requests take.

    Args:
        sent: For each request its prompt and its schema.
        charges: Prices; None if none are known.
        model: Name of the model, as a table knows it.
    """
    sizes = [estimated_tokens(request) for request in sent]
    cost = most = None
    if charges is not None:
        costs = [charges.cost(Usage(size, _SHORT), model) for size in sizes]
        mosts = [charges.cost(Usage(size, OUTPUT_TOKENS), model) for size in sizes]
        cost, most = _sum(costs), _sum(mosts)
    return ProbeCost(len(sizes), sum(sizes), cost, most)


def _sum(costs: list[float | None]) -> float | None:
    known = [cost for cost in costs if cost is not None]
    return sum(known) if len(known) == len(costs) else None
