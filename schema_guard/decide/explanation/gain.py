# SPDX-License-Identifier: Apache-2.0
"""How much of what a tuned model gains over the bare prompt is reached by prompting already.

Rules: nothing is told unless all three were asked the same inputs, and unless the tuned model is proved to be better than
the first prompt: a share of a gain that may be none has no bounds.
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

from schema_guard.decide.playbook import ANOTHER_MODEL, order_of
from schema_guard.stats import Rate
from schema_guard.text import interval, percent

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from schema_guard.decide.case import Case
    from schema_guard.decide.evidence.values import ComparisonCounts
    from schema_guard.decide.measure import Measured

_MISSED = {"format": "of the calls failed", "right": "of the values were wrong"}


def gain_figures(case: Case) -> dict[str, Any]:
    """Return the share for the format, and for right values if they are known of all three, with a line in words.

    A share has `first`, the earliest step that was asked the same inputs, `best`, the best prompt, `share`, and its
    `lower` and `upper` bound. Without shares, the line is the reason.
    """
    tuned, pilot, best = case.tuned, case.evidence.pilot, case.best
    if tuned is None or pilot is None or not tuned.failed.n:
        return {"line": "no tuned model is measured", "shares": {}}
    if best is None or pilot.paired is None:
        return {"line": "the tuned model and the best prompt got different inputs", "shares": {}}
    first, name = _first(case, best), best.strategy.id
    if first is best:
        return {"line": f"no prompt before {name} got the same inputs", "shares": {}}
    all_three, shares, lines = (first, best, tuned), {}, []
    right = [one.strategy.right for one in all_three]
    rates = {
        "format": [one.failed for one in all_three],
        "right": [Rate.of(one.missed, one.n, alpha=case.alpha_each) for one in right if one and one.n],
    }
    for what, known in rates.items():
        share = _share(known)
        if share is not None:
            shares[what] = {"first": first.strategy.id, "best": name, **share}
            missed = ", ".join(percent(rate.rate or 0.0) for rate in known[:2])
            lines.append(
                f"{name} reaches {percent(share['share'])} {interval(share['lower'], share['upper'])} of the tuned "
                f"model's gain over {first.strategy.id} on the same inputs: {missed} and {percent(known[2].rate or 0.0)} "
                f"{_MISSED[what]}"
            )
    none = f"the tuned model is not proved to be better than {first.strategy.id}"
    return {"line": "; ".join(lines) or none, "shares": shares}


def _first(case: Case, best: Measured) -> Measured:
    """Return the earliest step that was asked the inputs of the best one, by comparisons on the same inputs."""
    same = _connected(best.strategy.id, case.evidence.comparisons)
    candidates = [
        one
        for one in case.prompted
        if one.strategy.id in same and one.failed.n and one.strategy.step not in ANOTHER_MODEL
    ]
    return min(candidates, key=lambda one: (order_of(one.strategy.step), one.strategy.id), default=best)


def _connected(start: str, comparisons: Iterable[ComparisonCounts]) -> set[str]:
    """Return the strategies that a chain of comparisons leads to."""
    pairs = [{comparison.before, comparison.after} for comparison in comparisons if comparison.n]
    reached, more = {start}, True
    while more:
        before = len(reached)
        for pair in pairs:
            if pair & reached:
                reached |= pair
        more = len(reached) > before
    return reached


def _share(rates: Sequence[Rate]) -> dict[str, float] | None:
    """Return the share; None unless the tuned model's upper bound is below the first prompt's lower one.

    Source: the share rises or falls all the way with each of the three rates while the gain is above 0, so that over their
    bounds it is smallest and largest in a corner. The bounds are those of the verdict, which hold for all strategies together:
    the best one may be chosen by its own data.
    """
    if len(rates) < 3 or rates[0].bounds.lower <= rates[2].bounds.upper:
        return None
    corners = product(*((rate.bounds.lower, rate.bounds.upper) for rate in rates))
    shares = [(start - prompt) / (start - end) for start, prompt, end in corners]
    before, prompted, tuned = (rate.rate or 0.0 for rate in rates)
    share = (before - prompted) / (before - tuned)
    return {"share": share, "lower": min(shares), "upper": max(shares)}
