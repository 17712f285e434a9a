# SPDX-License-Identifier: Apache-2.0
"""Intervals of a failure rate for a finished batch that is looked at once.

Rules: for display only, under the words "one look"; no verdict rests on them. Their guarantee is gone as
soon as somebody looks earlier or again: for that there is `bounds`.
"""

from __future__ import annotations

from math import log
from statistics import NormalDist

from schema_guard.stats.beta import quantile
from schema_guard.stats.checks import counts, fraction, whole_counts
from schema_guard.stats.rates import Bounds, score_bound


def wilson(k: float, n: int, *, confidence: float = 0.95) -> Bounds | None:
    """Give the score interval of a failure rate, as fractions in [0, 1].

    For a finished batch that is looked at once: n was fixed before the first call and the calls fail
    independently at one rate. On a page that is watched, use `bounds`: in simulations at
    rates from 0.2 to 0.002, watched from the 30th call to the 5,000th, this interval at 95 % left out the
    true rate at some time in 51 to 35 of 100 runs.

    Args:
        k: Calls that failed; 0 <= k <= n.
        n: Calls observed.
        confidence: Two-sided coverage, in (0, 1).

    Returns:
        The bounds, or None when *n* is 0: no data is not a rate of 0.

    Raises:
        InvalidArgument: The counts or the confidence are inconsistent.

    Source: Wilson (1927), JASA 22(158):209-212, no continuity correction.

    >>> wilson(3, 20)
    Bounds(lower=0.052..., upper=0.360...)
    """
    k, n = counts(k, n)
    confidence = fraction("confidence", confidence)
    if n == 0:
        return None
    z = NormalDist().inv_cdf((1 - confidence) / 2)
    rate, share = k / n, z * z / n
    upper = 1.0 if k == n else min(score_bound(rate, share), 1.0)
    # The product of both bounds is rate^2 / (1 + share): no digits lost for a rate near 0.
    lower = rate * rate / ((1 + share) * upper) if rate else 0.0
    return Bounds(lower, upper)


def clopper_pearson(k: int, n: int, *, confidence: float = 0.95) -> Bounds | None:
    """Give the exact interval of a failure rate for one look: it covers at least as often as it says.

    For an auditor who wants that guarantee for a finished batch, and pays for it with a wider interval
    than `wilson` gives. Assumes that n was fixed before the first call and that the calls fail
    independently at one rate. On a page that is watched, use `bounds`.

    Args:
        k: Calls that failed, a whole number: for a sum of cluster means nothing is guaranteed.
        n: Calls observed.
        confidence: Two-sided coverage, in (0, 1); half of the rest is left on each side.

    Returns:
        The bounds, or None when *n* is 0: no data is not a rate of 0.

    Raises:
        InvalidArgument: The counts or the confidence are inconsistent.

    Source: Clopper & Pearson (1934), Biometrika 26(4):404-413, as quantiles of beta distributions.

    >>> clopper_pearson(3, 50)
    Bounds(lower=0.0125..., upper=0.165...)
    """
    k, n = whole_counts(k, n)
    tail = log((1 - fraction("confidence", confidence)) / 2)
    if n == 0:
        return None
    lower = quantile(k, n - k + 1, tail).x if k > 0 else 0.0
    upper = quantile(n - k, k + 1, tail).y if k < n else 1.0
    return Bounds(lower, upper)


def jeffreys(k: float, n: int, *, confidence: float = 0.95) -> Bounds | None:
    """Give the interval of a failure rate that holds most of a belief, for one look.

    A Bayesian display: the belief after the batch, having begun with Beta(1/2, 1/2). How often it covers
    the true rate is not guaranteed. Assumes that the calls fail independently at one rate. On a page that
    is watched, use `bounds`.

    Args:
        k: Calls that failed; 0 <= k <= n.
        n: Calls observed.
        confidence: Belief inside the interval, in (0, 1); half of the rest is left on each side, but the
            lower bound of no failure is 0 and the upper bound of nothing but failures is 1.

    Returns:
        The bounds, or None when *n* is 0: no data is not a rate of 0.

    Raises:
        InvalidArgument: The counts or the confidence are inconsistent.

    Source: Brown, Cai & DasGupta (2001), Statistical Science 16(2):101-133, with its two exceptions at
    0 and n.

    >>> jeffreys(3, 50)
    Bounds(lower=0.0171..., upper=0.151...)
    """
    k, n = counts(k, n)
    tail = log((1 - fraction("confidence", confidence)) / 2)
    if n == 0:
        return None
    a, b = k + 0.5, n - k + 0.5
    lower = quantile(a, b, tail).x if k > 0 else 0.0
    upper = quantile(b, a, tail).y if k < n else 1.0
    return Bounds(lower, upper)
