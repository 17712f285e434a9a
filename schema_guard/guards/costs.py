# SPDX-License-Identifier: Apache-2.0
"""Costs that somebody else had counted: they stand where no table of prices says what an attempt cost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schema_guard.core.values import Outcome

__all__ = ["with_costs"]


def with_costs(outcome: Outcome[Any], costs: Sequence[float | None]) -> Outcome[Any]:
    """Give an outcome with the costs of its attempts where those are not known.

    Args:
        outcome: Of a call.
        costs: Dollars for each of its attempts; None where nobody has counted.
    """
    if all(cost is None for cost in costs):
        return outcome
    attempts = tuple(
        attempt if attempt.cost is not None else attempt._replace(cost=cost)
        for attempt, cost in zip(outcome.attempts, costs, strict=True)
    )
    known = [attempt.cost for attempt in attempts if attempt.cost is not None]
    return outcome._replace(attempts=attempts, cost=sum(known) if len(known) == len(attempts) else None)
