# SPDX-License-Identifier: Apache-2.0
"""Two configurations on the same inputs: is B better than A, and by how much?

Rules: The pairs with different results show which one is better, and all pairs show by how much. Evidence and interval
hold at all times. They depend only on the counts, not on the order of the pairs.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log

from schema_guard.errors import InvalidArgument
from schema_guard.stats.checks import count, fraction, part
from schema_guard.stats.rates import bounds_of, log_e_of, odds_of

_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Paired:
    """The result of comparing the configurations A and B on pairs of calls.

    Attributes:
        e_value: Evidence, as odds, that B is better. For example, a value of 412 means odds of 412:1. The value is 1 if no
            pair differs, and infinite if its natural log is above 709.
        lower: Lower bound for A's failure rate minus B's failure rate, as a fraction in [-1, 1]. If the bound is above
            0, B is better.
        upper: Upper bound for A's failure rate minus B's failure rate.
        better: Whether the e-value reached 1/alpha, which proves that B is better.
    """

    e_value: float
    lower: float
    upper: float
    better: bool


def paired(b: float, c: float, n: int, *, alpha: float = 0.05) -> Paired:
    """Compare the failure rates of two configurations on the same inputs.

    The results are valid at all times, however often you check. If B isn't better, the probability that `better` is
    ever true is at most *alpha*. The probability that the difference is ever outside its interval is also at most
    *alpha*. If the lower bound is above 0, `better` is true. If `better` is true, the lower bound can still be below 0,
    because the interval combines four bounds. The method assumes that each pair has a different input. The method also
    assumes one constant probability that only A fails on an input, and another constant probability that only B fails.
    Pairs with the same input form a cluster, which counts as one pair. With clusters, *b* and *c* are sums of cluster
    means.

    Args:
        b: Number of pairs in which only A failed.
        c: Number of pairs in which only B failed. The sum of *b* and *c* is at most *n*.
        n: Number of pairs. If *n* is 0, the e-value is 1, and the interval is from -1 to 1.
        alpha: Highest probability of a wrong result, in (0, 1).

    Raises:
        InvalidArgument: The counts are inconsistent, or *alpha* is out of its range.

    Source: McNemar (1947), Psychometrika 12(2):153-157. `log_e_value` tests whether A fails in more than half of the
    pairs that differ. The difference is d (2 s - 1). In this formula, d is the share of pairs that differ, and s is the
    share of these pairs in which only A failed. To bound the difference, the function multiplies bounds for d and for
    2 s - 1. Each bound comes from `bounds`, with an error probability of alpha / 4.

    >>> paired(40, 10, 500)
    Paired(e_value=3434..., lower=0.00812..., upper=0.137..., better=True)
    """
    n = count("n", n, "the pairs observed")
    b = part("b", b, n, "the pairs on which only A failed")
    c = part("c", c, n, "the pairs on which only B failed")
    alpha = fraction("alpha", alpha)
    # Sums of cluster means may be a few roundings too large.
    if b + c > n * (1 + _ROUNDING):
        raise InvalidArgument(f"b={b:g}, c={c:g}: expected b + c <= n={n} observed pairs")
    log_e = log_e_of(b, c, 0.5, "bad")
    quarter = log(4) - log(alpha)
    differing, wins = bounds_of(min(b + c, n), n, quarter), bounds_of(b, b + c, quarter)
    return Paired(
        e_value=odds_of(log_e),
        lower=_lead(wins.lower, weakest=differing.lower, strongest=differing.upper),
        upper=-_lead(1 - wins.upper, weakest=differing.lower, strongest=differing.upper),
        better=log_e >= -log(alpha),
    )


def _lead(won: float, *, weakest: float, strongest: float) -> float:
    """Return the smallest lead of a side that wins at least this share of the pairs that differ."""
    lead = 2 * won - 1
    return lead * (weakest if lead >= 0 else strongest)
