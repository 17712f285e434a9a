# SPDX-License-Identifier: Apache-2.0
"""One failure rate: its bounds, its evidence against a target, and the number of calls that are still missing.

Rules: *k* of *n* calls failed. *k* may be fractional, as a sum of cluster means. Bounds and evidence are two forms of
one statement, so `upper <= target` and `E_ok >= 1/alpha` never disagree. The side "ok" is the evidence that the rate is
below the target, and "bad" is the evidence that it is above. "bad" is "ok" with failures and successes swapped.
Therefore, only "ok" is computed, at a point (x, y = 1 - x) that is swapped with them. Every function checks its
arguments once, and then computes with floats.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import asin, atan2, exp, floor, inf, log, log1p, pi, sqrt
from typing import TYPE_CHECKING, Literal, TypeAlias

from schema_guard.errors import InvalidArgument
from schema_guard.stats.beta import LARGEST_LOGIT, Point, divergence, log_tail_over_front, odds_point
from schema_guard.stats.checks import MOST_CALLS, counts, fraction
from schema_guard.text import clip

if TYPE_CHECKING:
    from collections.abc import Callable

Side: TypeAlias = Literal["ok", "bad"]

# ln of the largest float is 709.78.
_LARGEST_LOG = 709.0

# Newton's step, as a fraction of the interval's width, at which the next step would be below a float's digits.
_LAST_STEP = 1e-9

# Newton needs 4 to 7 steps. Only counts within a rounding error of 0 or n fall back on halving.
_MOST_STEPS = 100


@dataclass(frozen=True, slots=True)
class Bounds:
    """The lower and the upper bound of a rate or a mean, as fractions. The repr shows six significant digits."""

    lower: float
    upper: float

    def __repr__(self) -> str:
        return f"Bounds(lower={_short(self.lower)}, upper={_short(self.upper)})"


def bounds(k: float, n: int, *, alpha: float = 0.05) -> Bounds:
    """Return a lower and an upper bound that hold for a failure rate at all times.

    Each bound is one-sided, with an error probability of *alpha*. You can check as often as you like and stop at any
    time. The probability that the lower bound is ever above the true rate is at most alpha. The probability that the
    upper bound is ever below the true rate is also at most alpha. The probability that both bounds always hold is at
    least 1 - 2 alpha. The bounds assume that a call fails with one constant probability, independently of other calls.
    Calls with the same input form a cluster, which counts as one call. With clusters, k is the sum of the cluster
    means, and n is the number of clusters. This rule is safe, because the likelihood ratio is convex in the outcome. On
    average, outcomes of 0 and 1 give at least as much evidence as their cluster mean.

    Args:
        k: Number of failed calls, from 0 to *n*.
        n: Number of calls. If *n* is 0, the bounds are 0 and 1.
        alpha: Error probability of each bound, in (0, 1).

    Raises:
        InvalidArgument: The counts are inconsistent, or *alpha* is out of its range.

    Source: Ville (1939) for the inequality behind the guarantee. See Robbins (1970), Annals of Mathematical Statistics
    41(5):1397-1409, for the mixture. See Krichevsky & Trofimov (1981), IEEE Transactions on Information Theory
    27(2):199-207, for the prior of the mixture, which is truncated at the bound. The function inverts `log_e_value`.

    >>> bounds(3, 50)
    Bounds(lower=0.00437..., upper=0.200...)
    >>> bounds(0, 377).upper < 0.01
    True
    """
    k, n = counts(k, n)
    alpha = fraction("alpha", alpha)
    return bounds_of(k, n, -log(alpha))


def log_e_value(k: float, n: int, target: float, *, side: Side) -> float:
    """Return the natural log of the evidence that a failure rate is on one side of a target.

    The e-value is a ratio of likelihoods of the observed calls. It divides the mean likelihood over the rates on the
    given side by the likelihood at the target. If the true rate isn't on the given side, the probability that the
    e-value ever reaches 1/alpha is at most alpha, however often you check. Read the e-value as odds. For example, an
    e-value of 412 means odds of 412:1. The method assumes that a call fails with one constant probability,
    independently of other calls.

    Args:
        k: Number of failed calls, from 0 to *n*.
        n: Number of calls. If *n* is 0, the log is 0, which means an e-value of 1.
        target: Target for the failure rate, in (0, 1).
        side: `"ok"` for evidence that the rate is below the target, or `"bad"` for evidence that the rate is above the
            target.

    Raises:
        InvalidArgument: The counts are inconsistent, the target is out of its range, or the side is unknown.

    Source: Robbins (1970), Annals of Mathematical Statistics 41(5):1397-1409, with the prior Beta(1/2, 1/2) of
    Krichevsky & Trofimov (1981), truncated at the target. See Ville (1939) for the guarantee.

    >>> log_e_value(0, 377, 0.01, side="ok") > log(1 / 0.05) > log_e_value(0, 376, 0.01, side="ok")
    True
    """
    k, n = counts(k, n)
    target = fraction("target", target)
    if side not in ("ok", "bad"):
        raise InvalidArgument(f"side={clip(repr(side))}: expected 'ok' or 'bad'")
    return log_e_of(k, n - k, target, side)


def e_value(k: float, n: int, target: float, *, side: Side) -> float:
    """Return the exponential of `log_e_value`, which is the evidence as odds.

    The result is infinite if the log is above 709.

    Source: `log_e_value`, which also describes the assumptions, the arguments, and the errors.

    >>> round(e_value(3, 50, 0.01, side="bad"), 6)
    2.230828
    """
    return odds_of(log_e_value(k, n, target, side=side))


def calls_needed(k: float, n: int, target: float, *, alpha: float = 0.05) -> int | None:
    """Return the number of further calls that would decide whether a failure rate is below a target.

    The result is a forecast, which assumes that further calls fail at the observed rate k/n. The result is the smallest
    m for which the e-value of n + m calls reaches 1/alpha. If k/n is below the target, the function uses the e-value
    for "ok", otherwise the one for "bad". The arguments *k*, *n*, and *target* have the same meaning as in `log_e_value`.

    Returns:
        The number of further calls, or 0 if the data already decides the question. The result is None if k/n equals the
        target, or is so near the target that 2^53 calls are too few. The result is also None if *n* is 0, because there
        is no observed rate. If you start without data, the decision "ok" takes at least
        `1 + calls_needed(0, 1, target)` calls, even if no call fails.

    Raises:
        InvalidArgument: The counts are inconsistent, or *target* or *alpha* is out of its range.

    Source: `log_e_value` for n + m calls, of which k (n + m) / n calls failed. This number of failed calls can be a
    fraction.

    >>> calls_needed(0, 300, 0.01)
    77
    """
    k, n = counts(k, n)
    target = fraction("target", target)
    alpha = fraction("alpha", alpha)
    if n == 0 or k / n == target:
        return None
    side: Side = "ok" if k / n < target else "bad"
    evidence = -log(alpha)

    def decided(more: int) -> bool:
        failed, good = k + more * (k / n), n - k + more * ((n - k) / n)
        return log_e_of(failed, good, target, side) >= evidence

    if decided(0):
        return 0
    # An average of likelihoods is below the largest one, so fewer calls than this aren't enough.
    gain = divergence(k, n - k, target, 1 - target) / n
    if gain * MOST_CALLS <= evidence:
        return None
    return _first(decided, after=max(floor(evidence / gain) - n - 1, 0), step=n)


def bounds_of(k: float, n: float, evidence: float) -> Bounds:
    """Return `bounds` for checked counts. *n* may be fractional too. *evidence* is ln(1/alpha)."""
    if n == 0:
        return Bounds(0.0, 1.0)
    rest = n - k
    # min and max: for k within a rounding error of 0 or n, the bound and the rate are the same float.
    lower = min(odds_point(_logit_upper(rest, k, evidence)).y, k / n) if k > 0 else 0.0
    return Bounds(lower, upper_of(k, n, evidence))


def upper_of(k: float, n: float, evidence: float) -> float:
    """Return only the upper bound of `bounds_of`. *n* must be above 0."""
    rest = n - k
    return max(odds_point(_logit_upper(k, rest, evidence)).x, k / n) if rest > 0 else 1.0


def log_e_of(k: float, rest: float, target: float, side: Side) -> float:
    """Return `log_e_value` for checked counts of *k* failures and *rest* successes."""
    if side == "ok":
        return _log_e_ok(k, rest, Point(target, 1 - target))
    return _log_e_ok(rest, k, Point(1 - target, target))


def odds_of(log_e: float) -> float:
    """Return the exponential of the log of evidence, or inf if it is too large for a float."""
    return inf if log_e > _LARGEST_LOG else exp(log_e)


def score_bound(rate: float, share: float) -> float:
    """Return the upper score bound of a rate for *share* = z^2 / n; Wilson (1927)."""
    return (rate + share / 2 + sqrt(share * (rate * (1 - rate) + share / 4))) / (1 + share)


def _first(holds: Callable[[int], bool], *, after: int, step: int) -> int:
    """Return the smallest integer above *after* for which *holds* is true.

    *holds* must stay true from there on. For `calls_needed`, it does. The log of an average of exp(m g) is convex in m
    and starts below the threshold, so it crosses the threshold once.
    """
    low, high = after, after + step
    while not holds(high):
        low, high = high, high + 2 * (high - low)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high


def _log_e_ok(k: float, rest: float, at: Point) -> float:
    """Return ln of q^k (1-q)^rest / (x^k y^rest), averaged over all q < x with the prior."""
    return _log_e_ok_and_slope(k, rest, at)[0] if k or rest else 0.0


def _log_e_ok_and_slope(k: float, rest: float, at: Point) -> tuple[float, float]:
    """Return `_log_e_ok` and its derivative with respect to the logit of x.

    With a = k + 1/2 and b = rest + 1/2, the powers of x and y cancel except for a square root of each. The integral of
    the prior, q^(-1/2) (1-q)^(-1/2), up to x is 2 asin(sqrt(x)).
    """
    x, y = at
    root_x, root_y = sqrt(x), sqrt(y)
    prior = 2 * atan2(root_x, root_y)
    tail = log_tail_over_front(k + 0.5, rest + 0.5, x, y)
    value = tail + log(root_x) + log(root_y) - log(prior)
    return value, exp(-tail) - root_x * root_y / prior + rest * x - k * y


def _logit_upper(k: float, rest: float, evidence: float) -> float:
    """Return the logit of the x above the rate at which log E_ok is *evidence*. *rest* must be above 0.

    Below k / (k + rest), log E_ok is at most 0. Above, it rises. The result is inf if x is nearer to 1 than a float can
    represent. The function uses Newton's method between a lower and an upper limit.
    """
    if _log_e_ok(k, rest, odds_point(LARGEST_LOGIT)) < evidence:
        return inf
    bottom = max(log(k) - log(rest), -LARGEST_LOGIT) if k > 0 else -LARGEST_LOGIT
    low, high = bottom, LARGEST_LOGIT
    logit = _near_upper(k, rest, evidence)
    for _ in range(_MOST_STEPS):
        if not low < logit < high:
            logit = (low + high) / 2
        value, slope = _log_e_ok_and_slope(k, rest, odds_point(logit))
        low, high = (logit, high) if value < evidence else (low, logit)
        step = (evidence - value) / slope if slope > 0 else inf
        logit += step
        if abs(step) <= _LAST_STEP * min(1.0, logit - bottom):
            break
    return logit


def _near_upper(k: float, rest: float, evidence: float) -> float:
    """Return an approximation to the result of `_logit_upper`, which is a score bound.

    Near the rate, E is about exp(z^2 / 2) sqrt(2 pi / n) / (2 asin(sqrt(rate))), by Laplace's method.
    """
    n = k + rest
    rate = (k + 0.5) / (n + 1)
    z_square = 2 * evidence + log(2 * n / pi) + 2 * log(asin(sqrt(rate)))
    x = score_bound(k / n, max(z_square, 0.5) / n)
    return log(x) - log1p(-x) if x < 1 else LARGEST_LOGIT


def _short(bound: float) -> str:
    """Return six digits of a bound, or all digits if six would show a bound below 1 as 1."""
    text = f"{bound:.6g}"
    return repr(bound) if text == "1" and bound < 1 else text
