# SPDX-License-Identifier: Apache-2.0
"""Sources for the cost of an attempt: a price table, or a cost that something else already counted."""

from __future__ import annotations

from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Any

from schema_guard.errors import InvalidArgument

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from schema_guard.prices.charges import Table
    from schema_guard.strategies import Price
    from schema_guard.values import Outcome


def with_costs(outcome: Outcome[Any], costs: Sequence[float | None]) -> Outcome[Any]:
    """Return an outcome in which each attempt without a cost has its cost from *costs*.

    Args:
        outcome: Outcome of a call.
        costs: Dollars for each of its attempts. None if the cost is not known.
    """
    if all(cost is None for cost in costs):
        return outcome
    attempts = tuple(
        attempt if attempt.cost is not None else attempt._replace(cost=cost)
        for attempt, cost in zip(outcome.attempts, costs, strict=True)
    )
    known = [attempt.cost for attempt in attempts if attempt.cost is not None]
    return outcome._replace(attempts=attempts, cost=sum(known) if len(known) == len(attempts) else None)


def prices_of(table: Table | None) -> Callable[[], Price | None]:
    """Return a function that returns the price of calls: from *table*, or from the environment at the first call."""
    if table is None:
        return cache(_prices_of_environment)
    from schema_guard.prices.charges import charges_of

    price = charges_of(table).cost
    return lambda: price


def _prices_of_environment() -> Price | None:
    from schema_guard.configuration.project import setting  # read at the first call

    with suppress(InvalidArgument):  # `default_charges` reports it
        if setting("prices").value is None:
            return None
    from schema_guard.prices.charges import default_charges  # needed only if a price table is set

    charges = default_charges()
    return None if charges is None else charges.cost
