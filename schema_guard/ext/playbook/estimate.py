# SPDX-License-Identifier: Apache-2.0
"""Bounds of the calls, tokens, and cost of a playbook, known before the first call."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schema_guard.bench.suites.values import estimated_tokens
from schema_guard.prices.costs import CallTokens

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schema_guard.ext.playbook.run import PlaybookRun
    from schema_guard.prices.costs import TokenPrices

__all__ = ["plan_text"]


def plan_text(run: PlaybookRun, prices: Sequence[TokenPrices] = ()) -> str:
    """Return the most calls, tokens, and dollars of a playbook in one line. Nothing is called."""
    inputs, settings, ahead = run.inputs, run.settings, run.ahead()
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
