# SPDX-License-Identifier: Apache-2.0
"""The exact interval of a failure rate for a finished batch that you check once.

Rules: The interval is for display only, under the words "one look". No verdict uses it. If you check earlier or more
than once, it isn't valid. In these cases, use `bounds`.
"""

from __future__ import annotations

from math import log

from schema_guard.stats.beta import quantile
from schema_guard.stats.checks import fraction, whole_counts
from schema_guard.stats.rates import Bounds


def clopper_pearson(k: int, n: int, *, confidence: float = 0.95) -> Bounds | None:
    """Return the exact interval of a failure rate for a single check.

    The interval covers the true rate with a probability of at least *confidence*. Use the interval if an auditor needs
    this guarantee for a finished batch. The guarantee assumes that you fixed *n* before the first call, and that calls
    fail independently at one rate. For a rate that you check repeatedly, use `bounds`.

    Args:
        k: Number of failed calls, as a whole number. The guarantee doesn't cover a sum of cluster means.
        n: Number of calls.
        confidence: Probability that the interval covers the true rate, in (0, 1). Each side has half of the error
            probability.

    Returns:
        The bounds, or None if *n* is 0, because a rate without data is unknown.

    Raises:
        InvalidArgument: The counts are inconsistent, or the confidence is out of its range.

    Source: Clopper & Pearson (1934), Biometrika 26(4):404-413. The bounds are quantiles of beta distributions.

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
