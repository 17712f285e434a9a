# SPDX-License-Identifier: Apache-2.0
"""Bounds of the calls, tokens, and cost of a playbook, known before the first call."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from schema_guard.bench.suites.load import estimated_tokens
from schema_guard.ext.playbook.run import most_of
from schema_guard.prices.tokens import CallTokens

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schema_guard.ext.playbook.inputs import Inputs
    from schema_guard.ext.playbook.settings import PlaybookSettings
    from schema_guard.models import Model
    from schema_guard.prices.tokens import TokenPrices

__all__ = ["PlaybookEstimate", "estimate_of"]


class PlaybookEstimate(NamedTuple):
    """Bounds of a playbook.

    Attributes:
        inputs: Calls of one step.
        steps: The most steps.
        calls: The most calls of all steps.
        attempts: The most attempts of all calls.
        prompt_tokens: Estimated prompt tokens of one attempt.
        reply_tokens: Output limit of one attempt; None for none.
        output_tokens: The most output tokens of all attempts; None if nothing limits them.
    """

    inputs: int
    steps: int
    calls: int
    attempts: int
    prompt_tokens: int
    reply_tokens: int | None
    output_tokens: int | None

    def as_text(self, prices: Sequence[TokenPrices] = ()) -> str:
        """Return the bounds in one line; *prices* are those of the models, none if unknown."""
        most = (
            "no output limit"
            if self.output_tokens is None
            else f"at most {self.output_tokens:,} output tokens"
        )
        text = (
            f"{self.inputs} inputs x at most {self.steps} steps: at most {self.calls:,} calls, about "
            f"{self.prompt_tokens:,} prompt tokens an attempt, {most}"
        )
        if not prices or self.output_tokens is None:
            return text
        each = CallTokens(self.prompt_tokens, 0, self.output_tokens // max(1, self.attempts))
        return f"{text}, at most about ${self.attempts * max(one.cost(each) for one in prices):.2f}"


def estimate_of(
    inputs: Inputs,
    model: Model,
    *,
    larger: Model | None,
    tuned: Model | None,
    settings: PlaybookSettings,
) -> PlaybookEstimate:
    """Return the bounds of a playbook; nothing is called.

    Args:
        inputs: The schema and its inputs.
        model: The model of the steps.
        larger: The model of the last step; None if there is none.
        tuned: The model after the steps; None if there is none.
        settings: The limits.

    Raises:
        InvalidArgument: The first step cannot be run.
    """
    most = most_of(inputs, (model, larger, tuned), settings)
    calls, budget = most.steps * len(inputs.tasks), settings.budget
    if budget.calls is not None:
        calls = min(calls, budget.calls)
    attempts = calls * most.attempts
    output_tokens = None if most.output_tokens is None else attempts * most.output_tokens
    shown = [estimated_tokens([one.value, one.task]) for one in inputs.examples]
    texts = [estimated_tokens(task) for task in inputs.tasks]
    prompt_tokens = estimated_tokens(inputs.schema.document) + sum(shown) + sum(texts) // len(texts)
    return PlaybookEstimate(
        len(inputs.tasks), most.steps, calls, attempts, prompt_tokens, most.output_tokens, output_tokens
    )
