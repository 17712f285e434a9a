# SPDX-License-Identifier: Apache-2.0
"""The regularised incomplete beta function I_x(a, b) in logs, far into both tails.

Rules: Every function takes x and y = 1 - x, because a float near 1 keeps no digits of y. No function computes terms
that cancel on paper, so an error stays near 1e-16 of the *distance* from the mean, not of a + b. The tail that contains
the mean is computed from the other tail, whose continued fraction converges. Requirements: a, b > 0, 0 < x < 1.

With `front` = x^a y^b / B(a, b), the tail is the front times a fraction of moderate size: I_x(a, b) = front * fraction.
The front is always a log, because it can underflow and overflow.
"""

from __future__ import annotations

from math import exp, lgamma, log, log1p, pi, sqrt
from typing import NamedTuple

# Relative change of the fraction at which it has converged: a few units in the last place of a float.
_CONVERGED = 1e-15

_HALF_LOG_2_PI = 0.5 * log(2 * pi)

# Stirling's series in 1/z, 1/z^3, ...: DLMF 5.11.1. From z = 10 on, the remainder after the last term is below
# 7e-16.
_STIRLING = (1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360)
_STIRLING_FROM = 10.0


# The search for odds covers e^-700 to e^700, just inside the range of a float. A rate beyond is 0 or 1.
LARGEST_LOGIT = 700.0

# Newton's step, as a fraction of the distribution's width, after which the error is below a float's digits.
_LAST_STEP = 1e-8

# Newton needs 4 to 8 steps.
_MOST_STEPS = 100


class Point(NamedTuple):
    """A rate x and its complement y = 1 - x, both to full precision."""

    x: float
    y: float


class Tails(NamedTuple):
    """Natural logs of the two tails, which add up to 1.

    Attributes:
        lower: ln I_x(a, b), the mass of Beta(a, b) below x.
        upper: ln(1 - I_x(a, b)), the mass above x.
    """

    lower: float
    upper: float


def odds_point(logit: float) -> Point:
    """Return the rate with this log odds."""
    odds = exp(-abs(logit))
    small, large = odds / (1 + odds), 1 / (1 + odds)
    return Point(large, small) if logit > 0 else Point(small, large)


def quantile(a: float, b: float, log_lower: float) -> Point:
    """Return the point below which Beta(a, b) has a mass of exp(*log_lower*), at most one half.

    A point below e^-700 is returned as about 0. The point above which Beta(a, b) has that mass is `quantile(b, a,
    log_lower)` with x and y swapped. The function uses Newton's method on the logit. The log of the mass is concave in
    the logit, so no step from below goes too far.
    """
    width = sqrt(1 / a + 1 / b)
    low, high = -LARGEST_LOGIT, LARGEST_LOGIT
    logit = log(a) - log(b) - 2 * width
    for _ in range(_MOST_STEPS):
        if not low < logit < high:
            logit = (low + high) / 2
        x, y = odds_point(logit)
        value = log_tails(a, b, x, y).lower
        low, high = (logit, high) if value < log_lower else (low, logit)
        step = (log_lower - value) * exp(min(value - log_front(a, b, x, y), LARGEST_LOGIT))
        logit += step
        if abs(step) <= _LAST_STEP * min(width, 1.0):
            break
    return odds_point(logit)


def log_tails(a: float, b: float, x: float, y: float) -> Tails:
    """Return the logs of both tails of Beta(a, b) at *x*, where *y* = 1 - *x*.

    Source: the continued fraction of `log_fraction`; I_x(a, b) = 1 - I_y(b, a), DLMF 8.17.4.
    """
    front = log_front(a, b, x, y)
    if _below_mean(a, b, x, y) >= 0:
        lower = min(front + log_fraction(a, b, x, y), 0.0)
        return Tails(lower, log1p(-exp(lower)))
    upper = min(front + log_fraction(b, a, y, x), 0.0)
    return Tails(log1p(-exp(upper)), upper)


def log_tail_over_front(a: float, b: float, x: float, y: float) -> float:
    """Return ln(I_x(a, b) B(a, b) / (x^a y^b)) without the two large terms that cancel in it."""
    if _below_mean(a, b, x, y) >= 0:
        return log_fraction(a, b, x, y)
    front = log_front(a, b, x, y)
    return log1p(-exp(front + log_fraction(b, a, y, x))) - front


def log_front(a: float, b: float, x: float, y: float) -> float:
    """Return ln(x^a y^b / B(a, b)).

    Source: Loader (2000), Fast and accurate computation of binomial probabilities. Stirling's series replaces the gamma
    functions, so only `divergence` and small terms remain.
    """
    total = a + b
    series = _stirling(total) - _stirling(a) - _stirling(b)
    return 0.5 * (log(a) + log(b) - log(total)) - _HALF_LOG_2_PI + series - divergence(a, b, x, y)


def divergence(a: float, b: float, x: float, y: float) -> float:
    """Return a ln(a / (s x)) + b ln(b / (s y)) with s = a + b; never below 0.

    That is s times the Kullback-Leibler divergence of the rate *x* from the rate a / s: how much more
    likely, in logs, the best rate makes *a* failures and *b* successes than *x* does. Here *a* or *b*
    may be 0.
    """
    total = a + b
    below = _below_mean(a, b, x, y)
    return max(_excess(a, total * x, below) + _excess(b, total * y, -below), 0.0)


def log_fraction(a: float, b: float, x: float, y: float) -> float:
    """Return ln(I_x(a, b) / front) for x <= a / (a + b). Above this limit, the fraction converges slowly.

    At three standard deviations below the mean, it takes about 40 terms for any a + b. At the mean, the number of terms
    grows as the cube root of a + b. For example, it is 900 for 10^7.

    Source: Didonato & Morris (1992), ACM TOMS 18(3):360-373 (Algorithm 708, BFRAC), the even part of DLMF 8.17.22,
    evaluated by Lentz's method.
    """
    below = _below_mean(a, b, x, y) + 1
    value = c = a * below / (a + 1)
    d = 0.0
    change = 0.0
    m = 0
    while abs(change - 1) > _CONVERGED:
        m += 1
        odd = a + 2 * m - 1
        w = m * (b - m) * x / odd
        numerator = (a + m - 1) * (a + b + m - 1) * x / odd * w
        denominator = m + w + (a + m) * (below + m * (1 + y)) / (odd + 2)
        d = 1 / (denominator + numerator * d)
        c = denominator + numerator / c
        change = c * d
        value *= change
    return -log(value)


def _below_mean(a: float, b: float, x: float, y: float) -> float:
    """Return a y - b x, which is a + b times the distance of x below the mean a / (a + b)."""
    return a - (a + b) * x if x <= y else (a + b) * y - b


def _excess(count: float, expected: float, surplus: float) -> float:
    """Return count ln(count / expected) - surplus. *surplus* is the exact count - expected."""
    if count == 0:
        return -surplus
    # Below half, log1p saves the digits that the quotient loses. Above, the argument of log1p loses them.
    if abs(surplus) < 0.5 * expected:
        return count * log1p(surplus / expected) - surplus
    return count * (log(count) - log(expected)) - surplus


def _stirling(z: float) -> float:
    """Return ln Gamma(z) - ((z - 1/2) ln z - z + ln(2 pi) / 2)."""
    if z < _STIRLING_FROM:
        return lgamma(z) - (z - 0.5) * log(z) + z - _HALF_LOG_2_PI
    power = 1 / z
    square = power * power
    total = 0.0
    for coefficient in reversed(_STIRLING):
        total = total * square + coefficient
    return total * power
