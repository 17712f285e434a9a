# SPDX-License-Identifier: Apache-2.0
"""Bounds of a mean whose values are not only 0 and 1: content scores, shares, cluster means.

Rules: The bounds depend on the order in which the values were observed. A refuted mean stays refuted.
"""

from __future__ import annotations

from math import log, log1p, sqrt
from typing import TYPE_CHECKING

from schema_guard.stats.checks import fraction, share
from schema_guard.stats.rates import Bounds

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

# Finer than any displayed number. The error of the bisection is on the safe side.
_WIDTH = 1e-9


def mean_bounds(values: Iterable[float], *, alpha: float = 0.05) -> Bounds | None:
    """Return a lower and an upper bound for the mean of values in [0, 1].

    The bounds hold for any number of values. You can check as often as you like and stop at any time. The probability
    that one of the bounds is ever on the wrong side of the true mean is at most *alpha*. The bounds assume that each
    value has the same expectation, regardless of the earlier values. If all values are 0 or 1, use `bounds`, which is
    faster and doesn't depend on the order of the values.

    Args:
        values: Values in [0, 1], in chronological order. Without values, the bounds are 0 and 1.
        alpha: Highest probability that the bounds are ever wrong, in (0, 1).

    Returns:
        The bounds, or None if the values exclude every mean. None shows that the mean has changed, with an error
        probability of at most *alpha*.

    Raises:
        InvalidArgument: A value or *alpha* is out of its range.

    Source: Waudby-Smith & Ramdas (2024), JRSS B 86(1):1-27. The method is the hedged capital process with predictable
    plug-in bets and half of the capital on each side. No bet can lose more than half of its capital. The capital from
    bets that the mean is above m falls as m rises, so bisection finds the excluded means.

    >>> mean_bounds(([1.0] + 9 * [0.0]) * 10)
    Bounds(lower=0.042..., upper=0.206...)
    """
    alpha = fraction("alpha", alpha)
    scores = [share(f"values[{index}]", value) for index, value in enumerate(values)]
    bets = _bets(scores, alpha)
    lower = _largest_refuted(scores, bets, 2 / alpha)
    upper = 1 - _largest_refuted([1 - score for score in scores], bets, 2 / alpha)
    return Bounds(lower, upper) if lower < upper else None


def _bets(scores: Sequence[float], alpha: float) -> list[float]:
    """Return the fraction of the capital that is bet on each score, chosen before the score is read.

    The running mean and variance begin as if there had been a score of 1/2 with a variance of 1/4.
    """
    bets = []
    total, squares, variance = 0.5, 0.25, 0.25
    for number, score in enumerate(scores, start=1):
        bets.append(sqrt(-2 * log(alpha / 2) / (number * log1p(number) * variance)))
        total += score
        squares += (score - total / (number + 1)) ** 2
        variance = squares / (number + 1)
    return bets


def _largest_refuted(scores: Sequence[float], bets: Sequence[float], limit: float) -> float:
    """Return the largest mean that is too small for these scores, or 0 if none is."""
    low, high = 0.0, 1.0
    while high - low > _WIDTH:
        middle = (low + high) / 2
        low, high = (middle, high) if _refuted(middle, scores, bets, limit) else (low, middle)
    return low


def _refuted(mean: float, scores: Sequence[float], bets: Sequence[float], limit: float) -> bool:
    """Return whether betting on more than this mean multiplies the capital by *limit* at any time."""
    largest = 0.5 / mean
    capital = 1.0
    for score, bet in zip(scores, bets, strict=True):
        # Not min: the call would cost more than all the rest of the line.
        capital *= 1 + (bet if bet < largest else largest) * (score - mean)  # noqa: FURB136
        if capital >= limit:
            return True
    return False
