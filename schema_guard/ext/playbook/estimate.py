# SPDX-License-Identifier: Apache-2.0
"""Bounds of the calls, tokens, and cost of a playbook, known before the first call."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schema_guard.bench.suites.values import estimated_tokens
from schema_guard.ext.playbook.run import configurations_ahead
from schema_guard.prices.costs import CallTokens

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schema_guard.ext.playbook.inputs import Inputs
    from schema_guard.ext.playbook.settings import PlaybookSettings
    from schema_guard.ext.playbook.steps import Models
    from schema_guard.prices.costs import TokenPrices

__all__ = ["plan_text"]


def plan_text(
    inputs: Inputs, models: Models, settings: PlaybookSettings, prices: Sequence[TokenPrices] = ()
) -> str:
    """Return the most calls, tokens, and dollars of a playbook in one line. Nothing is called.

    Args:
        inputs: The schema and its inputs.
        models: The models of the playbook.
        settings: The limits.
        prices: Prices of the models; empty if they are unknown.

    Raises:
        InvalidArgument: The first step cannot be run.
    """
    ahead = configurations_ahead(inputs, models, settings)
    calls = len(ahead) * len(inputs.tasks)
    calls = calls if settings.max_calls is None else min(calls, settings.max_calls)
    attempts = calls * max(one.max_attempts for one in ahead)
    limits = [one.output_tokens for one in ahead if one.output_tokens is not None]
    shown = sum(estimated_tokens([one.value, one.task]) for one in inputs.examples)
    texts = [estimated_tokens(task) for task in inputs.tasks]
    prompt = estimated_tokens(inputs.schema.document) + shown + sum(texts) // len(texts)
    text = (
        f"{len(inputs.tasks)} inputs x at most {len(ahead)} steps: at most {calls:,} calls, about {prompt:,} prompt "
        "tokens an attempt, "
    )
    if not limits:
        return f"{text}no output limit"
    text += f"at most {attempts * max(limits):,} output tokens"
    if not prices:
        return text
    dollars = attempts * max(one.cost(CallTokens(prompt, 0, max(limits))) for one in prices)
    return f"{text}, at most about ${dollars:.2f}"
