# SPDX-License-Identifier: Apache-2.0
"""Bounds of a mean difference, of values between -1 and 1, that hold at all times: paired comparisons, drops.

Rules: the order of the values changes nothing; equal values are counted, so that once a million pairs are counted their
bounds take as long as those of ten, where they differ in a few ways.
"""

from __future__ import annotations

from collections import Counter
from math import exp, log, log1p
from typing import TYPE_CHECKING

from schema_guard.stats.checks import fraction, gap
from schema_guard.stats.rates import Bounds

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# Bets as shares of the possible loss: nearly all of it for differences in one direction, down to a thousandth for small
# differences in both directions. The first bet has a third of the stake.
BETS = tuple(0.999 * 2 ** (-step / 2) for step in range(21))
_FIRST_STAKE = 0.35
LOG_STAKES = (log(_FIRST_STAKE), *[log((1 - _FIRST_STAKE) / (len(BETS) - 1))] * (len(BETS) - 1))

# Finer than any number that is shown; the rest of the bisection is left on the safe side.
_WIDTH = 1e-9


def gap_bounds(gaps: Iterable[float], *, alpha: float = 0.05) -> Bounds:
    """Return a lower and an upper bound for the mean of differences in [-1, 1].

    The bounds hold for any number of values. You can check as often as you like and stop at any time. The probability
    that one of the bounds is ever on the wrong side of the true mean is at most *alpha*. The bounds assume that each
    value has the same expectation, regardless of the earlier values. If all differences are 1, 0, or -1, the interval
    is usually narrower than the interval from `paired`, down to 0.6 times that width. If *alpha* is 0.05, the interval
    can also be wider: by up to 15% for at most 50 pairs, and by up to 4% for more pairs.

    Args:
        gaps: Differences, each in [-1, 1]. Without values, the bounds are -1 and 1.
        alpha: Highest probability that the bounds are ever wrong, in (0, 1).

    Raises:
        InvalidArgument: A value or *alpha* is out of its range.

    Source: Waudby-Smith & Ramdas (2024), JRSS B 86(1):1-27. The method excludes a mean when the capital from bets
    against this mean reaches 2 / alpha. At the start, the method divides the stake among bets of fixed sizes. The size
    of each bet is a share of the possible loss. The capital of each bet is a product, so the order of the values
    doesn't matter. The capital falls as the tested mean rises, so bisection finds the excluded means.

    >>> gap_bounds([1.0] * 20 + [-1.0] * 2 + [0.0] * 78)
    Bounds(lower=0.0217..., upper=0.351...)
    """
    alpha = fraction("alpha", alpha)
    counts = Counter(gap(f"gaps[{index}]", value) for index, value in enumerate(gaps))
    enough = log(2 / alpha)
    return Bounds(_lower(counts, enough), -_lower({-value: n for value, n in counts.items()}, enough))


def _lower(counts: Mapping[float, int], enough: float) -> float:
    """Return the largest mean that is refuted from below, or -1 if none is."""
    refuted, kept = -1.0, 1.0
    while kept - refuted > _WIDTH:
        mean = (refuted + kept) / 2
        if _log_capital(counts, mean) >= enough:
            refuted = mean
        else:
            kept = mean
    return refuted


def _log_capital(counts: Mapping[float, int], mean: float) -> float:
    """Return the logarithm of the capital of all bets that the values are above this mean, > -1."""
    logs = [
        stake + sum(n * log1p(bet * ((value - mean) / (1 + mean))) for value, n in counts.items())
        for bet, stake in zip(BETS, LOG_STAKES, strict=True)
    ]
    largest = max(logs)
    return largest + log(sum(exp(one - largest) for one in logs))
