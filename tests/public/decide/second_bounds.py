"""The bounds of rates, written a second time with scipy and nothing of the library."""

from math import inf, log, log1p

from scipy.optimize import brentq
from scipy.special import betainc, betaincc, betaln


def log_e(k, n, tau, side):
    """The evidence of section 3.2, as a logarithm."""
    tail = betainc if side == "ok" else betaincc
    mass = tail(k + 0.5, n - k + 0.5, tau)
    if n == 0:
        return 0.0
    if mass <= 0:
        return -inf
    front = betaln(k + 0.5, n - k + 0.5) - betaln(0.5, 0.5)
    return front + log(mass) - log(tail(0.5, 0.5, tau)) - k * log(tau) - (n - k) * log1p(-tau)


def upper(k, n, alpha):
    """The rate below which it is, with all but probability alpha."""
    if n == 0 or k >= n:
        return 1.0
    result = _root(lambda tau: log_e(k, n, tau, "ok") + log(alpha), max(k / n, 1e-12), 1 - 1e-12)
    return 1.0 if result is None else result


def lower(k, n, alpha):
    """The rate above which it is."""
    if n == 0 or k <= 0:
        return 0.0
    result = _root(lambda tau: log_e(k, n, tau, "bad") + log(alpha), min(k / n, 1 - 1e-12), 1e-12)
    return 0.0 if result is None else result


def _root(evidence, near, far):
    """Where evidence that grows from one rate to another is enough; None where it never is."""
    return (
        brentq(lambda tau: max(evidence(tau), -1e9), *sorted((near, far)), xtol=1e-13)
        if evidence(far) > 0
        else None
    )


def state_of(n, low, high, limit):
    """What bounds prove."""
    if n == 0:
        return "no_data"
    return "pass" if high <= limit else "fail" if low > limit else "inconclusive"


def further(k, n, limit, alpha):
    """The fewest further calls at the observed rate that decide; None where none does."""
    if n == 0:
        more = further(0, 1, limit, alpha)
        return None if more is None else more + 1
    rate = k / n
    if rate == limit:
        return None
    side = "ok" if rate < limit else "bad"

    def decided(more):
        return log_e(rate * (n + more), n + more, limit, side) >= -log(alpha)

    if decided(0):
        return 0
    high = 1
    while not decided(high):
        high *= 2
        if high > 2**34:
            return None
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if decided(middle) else (middle, high)
    return high
