# SPDX-License-Identifier: Apache-2.0
"""Estimate the remaining calls of a plan and their cost before anything is sent."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple

from schema_guard.bench.run.journal_model import MissingReply
from schema_guard.bench.run.runner import Calls
from schema_guard.bench.suites.values import estimated_tokens
from schema_guard.prices.costs import CallTokens

if TYPE_CHECKING:
    from collections.abc import Mapping

    from schema_guard.bench.run.journal import Journal
    from schema_guard.bench.run.plan import Cell, RunPlan
    from schema_guard.bench.run.runner import Prices
    from schema_guard.models import Model


class Estimate(NamedTuple):
    """The expected cost of the rest of a run if every next attempt is valid, and the highest cost.

    Attributes:
        calls: Number of calls that are not finished.
        input_tokens: Tokens of the prompts of their next attempts.
        output_tokens: Tokens of their replies if each is as long as its gold.
        most_output_tokens: Tokens of their replies if every attempt is made and reaches its limit.
        cost: Dollars for *input_tokens* and *output_tokens*. None without prices.
        most_cost: Dollars if every attempt is made and reaches its limit, with prompts as long as the next one. None
            without prices.
        refusals: The calls that cannot be made, one line per variant.
    """

    calls: int
    input_tokens: int
    output_tokens: int
    most_output_tokens: int
    cost: float | None
    most_cost: float | None
    refusals: tuple[str, ...] = ()

    def as_text(self) -> str:
        """Return the estimate in one line."""
        text = f"about {self.input_tokens:,} prompt tokens and {self.output_tokens:,} to {self.most_output_tokens:,} reply tokens"
        return text if self.cost is None else f"{text}, ${self.cost:.2f} to ${self.most_cost:.2f}"


def estimate(
    plan: RunPlan, models: Mapping[str, Model], journal: Journal | None = None, prices: Prices | None = None
) -> Estimate:
    """Estimate the remaining cost of a plan without sending anything."""
    calls = Calls(plan, models, journal=journal, is_offline=True)
    nothing = 0.0 if prices else None
    total = Estimate(0, 0, 0, 0, nothing, nothing, tuple(calls.refusals()))
    for cell, attempt in asyncio.run(_next_attempts(calls)):
        sent = estimated_tokens(attempt.prompt)
        if (tools := attempt.options.get("tools")) is not None:
            sent += estimated_tokens(tools)
        gold = estimated_tokens(cell.task.gold)
        count = plan.settings.most_attempts(cell.variant.strategy) - attempt.attempt + 1
        limit = plan.output_limit(cell.entry, cell.task, cell.variant.strategy)
        most = (limit or cell.task.output_tokens) * count
        total = total._replace(
            calls=total.calls + 1,
            input_tokens=total.input_tokens + sent,
            output_tokens=total.output_tokens + gold,
            most_output_tokens=total.most_output_tokens + most,
        )
        if prices:
            price = prices[cell.variant.model]
            total = total._replace(
                cost=(total.cost or 0.0) + price.cost(CallTokens(sent, 0, gold)),
                most_cost=(total.most_cost or 0.0) + price.cost(CallTokens(sent * count, 0, most)),
            )
    return total


async def _next_attempts(calls: Calls) -> list[tuple[Cell, MissingReply]]:
    """Return every unfinished call with its next attempt. Nothing is sent."""
    unfinished = []
    for cell in calls.cells():
        try:
            await calls.outcome(cell)
        except MissingReply as attempt:
            unfinished.append((cell, attempt))
    return unfinished
