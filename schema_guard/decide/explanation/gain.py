# SPDX-License-Identifier: Apache-2.0
"""How much of what a tuned model gains over the bare prompt is reached by prompting already.

Rules: nothing is told unless all three were asked the same inputs, and unless the tuned model is proved to be better than
the first prompt: a share of a gain that may be none has no bounds.
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any, NamedTuple

from schema_guard.decide.playbook import ANOTHER_MODEL, order_of
from schema_guard.stats import Rate
from schema_guard.text import interval, percent

if TYPE_CHECKING:
    from collections.abc import Iterable

    from schema_guard.decide.case import Case
    from schema_guard.decide.evidence.changes import Counted
    from schema_guard.decide.evidence.values import ComparisonCounts
    from schema_guard.decide.measure import Measured


class GainShare(NamedTuple):
    """The share of the tuned model's gain over the first prompt that the best prompt reaches.

    Attributes:
        what: `format`, or `right` of the values.
        first: Id of the first prompt, the earliest step that was asked the same inputs.
        best: Id of the best prompt.
        rates: Of the first prompt, of the best one and of the tuned model: the share that misses it.
        share: (first - best) / (first - tuned).
        lower: Smallest share inside of the bounds of the three rates, which hold together.
        upper: Largest one; above 1 where the best prompt may be better than the tuned model.
    """

    what: str
    first: str
    best: str
    rates: tuple[Rate, Rate, Rate]
    share: float
    lower: float
    upper: float


def gain_figures(case: Case) -> dict[str, Any]:
    """Return the shares as plain JSON, with a line that names them, or the reason why there are none."""
    shares = gain_shares(case)
    if isinstance(shares, str):
        return {"line": shares, "shares": {}}
    keys = ("first", "best", "share", "lower", "upper")
    figures = {share.what: {key: getattr(share, key) for key in keys} for share in shares}
    return {"line": "; ".join(map(_text, shares)), "shares": figures}


def _text(gain: GainShare) -> str:
    first, best, tuned = (percent(rate.rate or 0.0) for rate in gain.rates)
    what = "of the calls failed" if gain.what == "format" else "of the values were wrong"
    return (
        f"{gain.best} reaches {percent(gain.share)} {interval(gain.lower, gain.upper)} of what the tuned model gains "
        f"over {gain.first}, on the same inputs: {first}, {best} and {tuned} {what}"
    )


def gain_shares(case: Case) -> list[GainShare] | str:
    """Give the share for the format, and for right values where they are known of all three; or say why there is none."""
    if case.tuned is None or not case.tuned.failed.n or case.evidence.pilot is None:
        return "no tuned model is measured"
    pilot, best = case.evidence.pilot, case.best
    if best is None or pilot.paired is None:
        return "the tuned model and the best prompt were not asked the same inputs"
    first = _first(case, best)
    if first is best:
        return f"no prompt before {best.strategy.id} was asked the same inputs"
    format_rates = (first.failed, best.failed, case.tuned.failed)
    right = _rates((first.strategy.right, best.strategy.right, pilot.right), case.alpha_each)
    shares = [_share("format", first, best, format_rates), right and _share("right", first, best, right)]
    known = [share for share in shares if share is not None]
    return known or f"the tuned model is not proved to be better than {first.strategy.id}"


def _first(case: Case, best: Measured) -> Measured:
    """Give the earliest step that was asked the inputs of the best one, by comparisons on the same inputs."""
    same = _connected(best.strategy.id, case.evidence.comparisons)
    candidates = [
        one
        for one in case.prompted
        if one.strategy.id in same and one.failed.n and one.strategy.step not in ANOTHER_MODEL
    ]
    return min(candidates, key=lambda found: (order_of(found.strategy.step), found.strategy.id), default=best)


def _connected(start: str, comparisons: Iterable[ComparisonCounts]) -> set[str]:
    """Give the strategies that a chain of comparisons leads to."""
    pairs = [{comparison.before, comparison.after} for comparison in comparisons if comparison.n]
    reached, more = {start}, True
    while more:
        before = len(reached)
        for pair in pairs:
            if pair & reached:
                reached |= pair
        more = len(reached) > before
    return reached


def _rates(counts: tuple[Counted | None, ...], alpha: float) -> tuple[Rate, Rate, Rate] | None:
    known = [
        Rate.of(counted.missed, counted.n, alpha=alpha)
        for counted in counts
        if counted is not None and counted.n
    ]
    return (known[0], known[1], known[2]) if len(known) == len(counts) else None


def _share(what: str, first: Measured, best: Measured, rates: tuple[Rate, Rate, Rate]) -> GainShare | None:
    """Give the share; None unless the tuned model's upper bound is below the first prompt's lower one.

    Source: the share rises or falls all the way with each of the three rates while the gain is above 0, so that over their
    bounds it is smallest and largest in a corner. The bounds are those of the verdict, which hold for all strategies together:
    the best one may be chosen by its own data.
    """
    before, prompted, tuned = rates
    if before.rate is None or prompted.rate is None or tuned.rate is None:
        return None
    if before.bounds.lower <= tuned.bounds.upper:
        return None
    corners = product(*((rate.bounds.lower, rate.bounds.upper) for rate in rates))
    shares = [(start - prompt) / (start - end) for start, prompt, end in corners]
    return GainShare(
        what,
        first.strategy.id,
        best.strategy.id,
        rates,
        (before.rate - prompted.rate) / (before.rate - tuned.rate),
        min(shares),
        max(shares),
    )
