# SPDX-License-Identifier: Apache-2.0
"""What the monthly saving depends on: each assumption of a verdict's costs, changed by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    Figures = Mapping[str, Any]


class Sensitivity(NamedTuple):
    """One assumption, and the monthly saving when it is changed, all else as in the pessimistic column.

    Attributes:
        name: What is changed.
        low_change: To what, in words.
        low: Dollars a month saved then.
        high_change: To what else.
        high: Dollars a month saved then.
    """

    name: str
    low_change: str
    low: float
    high_change: str
    high: float


def sensitivities(figures: Figures) -> list[Sensitivity]:
    """Return how the monthly saving moves when one assumption changes, the highest sensitivity first.

    Returns:
        Empty without economics.

    Source: saving = calls x (cost of a prompted call - cost of a tuned call) - hosting and refresh, where a
    call costs its tokens and its failures; every term is a figure of the verdict.
    """
    if "cost" not in figures:
        return []
    cost, money = figures["cost"], figures["economics"]
    pess, opt, monthly, volume = (
        money["pess"],
        money["opt"],
        money["hosting_plus_refresh"],
        cost["calls_per_month"],
    )
    prompt, tuned = cost["prompt_tokens_per_call"], cost["tuned_tokens_per_call"]
    prompt_call, tuned_call = pess["prompt_per_call"], pess["tuned_per_call"]
    failures = (prompt_call - prompt) - (tuned_call - tuned)

    def saving(gain: float) -> float:
        return float(volume * gain - monthly)

    def scaled(name: str, base: float, part: float) -> Sensitivity:
        halved, doubled = saving(base + part / 2), saving(base + 2 * part)
        return Sensitivity(name, "halved", halved, "doubled", doubled)

    gain = prompt_call - tuned_call
    now = saving(gain)
    changes = [
        scaled("cost of a failure", prompt - tuned, failures),
        scaled("calls a month", 0.0, gain),
        scaled("price of a prompted call", gain - prompt, prompt),
        scaled("price of a tuned call", gain + tuned, -tuned),
        Sensitivity("prompt's failure rate", "pess", now, "opt", saving(opt["prompt_per_call"] - tuned_call)),
        Sensitivity(
            "tuned model's failure rate", "pess", now, "opt", saving(prompt_call - opt["tuned_per_call"])
        ),
    ]
    return sorted(changes, key=lambda sensitivity: -abs(sensitivity.high - sensitivity.low))
