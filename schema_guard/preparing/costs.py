# SPDX-License-Identifier: Apache-2.0
"""What says what an attempt cost: a table of prices, else somebody who had counted."""

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
    """Return an outcome with the costs of its attempts where those are not known.

    Args:
        outcome: Of a call.
        costs: Dollars for each of its attempts; None if nobody has counted.
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
    """Give what gives the prices of calls: those of a table, else of the environment as it is at the first call."""
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
    from schema_guard.prices.charges import default_charges  # only who names a table needs it

    charges = default_charges()
    return None if charges is None else charges.cost
