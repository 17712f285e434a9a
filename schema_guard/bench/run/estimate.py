# SPDX-License-Identifier: Apache-2.0
"""What is still to be asked, and what it is expected to take: known before anything is asked."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, NamedTuple

from schema_guard.bench.run.journal_model import MissingReply
from schema_guard.bench.run.runner import Calls
from schema_guard.bench.suites.load import estimated_tokens
from schema_guard.prices.tokens import CallTokens

if TYPE_CHECKING:
    from collections.abc import Mapping

    from schema_guard.bench.run.budget import Prices
    from schema_guard.bench.run.journal import Journal
    from schema_guard.bench.run.plan import Cell, RunPlan
    from schema_guard.models import Model


class Estimate(NamedTuple):
    """What a run is expected to take, if every first attempt is valid, and at the most.

    Attributes:
        calls: That are still to be made.
        input_tokens: Of the first attempts' prompts.
        output_tokens: As long as the golds.
        most_output_tokens: Every attempt made, and each at its limit.
        cost: Dollars for the prompts and golds; None without prices.
        most_cost: Dollars when every attempt is made and each is at its limit, retries taken to be as long as first
            prompts; None without prices.
        refusals: Which calls cannot be made at all, a line a variant.
    """

    calls: int
    input_tokens: int
    output_tokens: int
    most_output_tokens: int
    cost: float | None
    most_cost: float | None
    refusals: tuple[str, ...] = ()

    def as_text(self) -> str:
        """Give the estimate in one line."""
        text = (
            f"about {self.input_tokens:,} tokens of prompts and {self.output_tokens:,} to "
            f"{self.most_output_tokens:,} of replies"
        )
        return text if self.cost is None else f"{text}, ${self.cost:.2f} to ${self.most_cost:.2f}"


def missing(
    plan: RunPlan, models: Mapping[str, Model], journal: Journal | None = None
) -> list[tuple[Cell, MissingReply]]:
    """Give the next attempt of every call that is not finished: the call, and what would be sent; nothing is asked."""
    return _missing(Calls(plan, models, journal=journal, is_offline=True))


def _missing(calls: Calls) -> list[tuple[Cell, MissingReply]]:
    async def wanted() -> list[tuple[Cell, MissingReply]]:
        unfinished = []
        for cell in calls.cells():
            try:
                await calls.outcome(cell)
            except MissingReply as next_attempt:
                unfinished.append((cell, next_attempt))
        return unfinished

    return asyncio.run(wanted())


def estimate(
    plan: RunPlan, models: Mapping[str, Model], journal: Journal | None = None, prices: Prices | None = None
) -> Estimate:
    """Estimate what is still to be spent on a plan, before anything is."""
    calls = Calls(plan, models, journal=journal, is_offline=True)
    wanted = _missing(calls)
    sent = [_tokens_of(attempt.prompt) + _tokens_of(attempt.options.get("tools")) for _, attempt in wanted]
    golds = [estimated_tokens(cell.task.gold) for cell, _ in wanted]
    most = [
        plan.settings.most_attempts(cell.variant.strategy) - attempt.attempt + 1 for cell, attempt in wanted
    ]
    limits = [
        (plan.output_limit(cell.entry, cell.task) or cell.task.output_tokens) * count
        for (cell, _), count in zip(wanted, most, strict=True)
    ]
    cost = most_cost = None
    if prices:
        by_cell = [prices[cell.variant.model] for cell, _ in wanted]
        cost = sum(
            price.cost(CallTokens(tokens_in, 0, out))
            for price, tokens_in, out in zip(by_cell, sent, golds, strict=True)
        )
        most_cost = sum(
            price.cost(CallTokens(tokens_in * count, 0, out))
            for price, tokens_in, count, out in zip(by_cell, sent, most, limits, strict=True)
        )
    refusals = tuple(calls.refusals())
    return Estimate(len(wanted), sum(sent), sum(golds), sum(limits), cost, most_cost, refusals)


def _tokens_of(sent: Any) -> int:
    return 0 if sent is None else estimated_tokens(sent)
