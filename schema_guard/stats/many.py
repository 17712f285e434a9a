# SPDX-License-Identifier: Apache-2.0
"""Many schemas at once: which of them fail, and in which order to look at them.

Rules: which fail is decided by each one's own evidence; estimates that borrow from the others only rank.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, inf, log, log1p
from numbers import Real
from typing import TYPE_CHECKING, NamedTuple

from schema_guard.errors import InvalidArgument
from schema_guard.stats.beta import LARGEST_LOGIT, log_front, odds_point, quantile
from schema_guard.stats.checks import count, fraction, pair, part
from schema_guard.stats.one_look import jeffreys
from schema_guard.text import clip

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

# The sizes of a prior that are tried, in calls. Below 1, two schemas of which one always fails would prove
# that there is nothing between; at 100 times the most calls of a schema, every rate is one rate for all.
_SMALLEST_LOG_SIZE = 0.0
_LARGEST_SIZE_PER_CALL = 100

# A prior that makes the counts so little likelier (in logs) than one rate for all is not told from it.
_LEAST_GAIN = 1e-6

# Nelder and Mead's method ends after 60 to 120 steps here.
_MOST_STEPS = 500
_LAST_SPAN = 1e-8

# The tenfold: how far apart the sizes are at which the playbook run may start.
_STEP = log(10)

_LOG_TAIL = log(0.025)


@dataclass(frozen=True, slots=True)
class Shrunk:
    """A failure rate, shrunk toward the rates of other schemas. Use it only for ranking, and never for a verdict.

    Attributes:
        rate: Mean estimate of the rate, a fraction.
        lower: Lower bound. The rate is above this bound with a probability of 97.5%.
        upper: Upper bound. The rate is below this bound with a probability of 97.5%.
    """

    rate: float
    lower: float
    upper: float


@dataclass(frozen=True, slots=True)
class Shrinkage:
    """The distribution of the failure rates of all schemas, and the rate of each schema.

    Attributes:
        a: First parameter of the beta distribution of the rates, with a + b >= 1. This parameter is inf if one rate
            explains all results.
        b: Second parameter of the beta distribution. This parameter is inf if *a* is inf.
        mean: Mean of the distribution, a fraction.
        rates: Rate of each schema, in the order of the argument.
    """

    a: float
    b: float
    mean: float
    rates: tuple[Shrunk, ...]


class _Counts(NamedTuple):
    """The calls of one schema, and those that failed."""

    n: int
    k: float


class _Place(NamedTuple):
    """A beta distribution: the logit of its mean a / (a + b), and the log of its size a + b."""

    logit: float
    log_size: float

    def towards(self, other: _Place, part: float) -> _Place:
        """Return the place so far along the way to another; beyond it when *part* is above 1."""
        return _Place(
            self.logit + part * (other.logit - self.logit),
            self.log_size + part * (other.log_size - self.log_size),
        )

    def span(self, other: _Place) -> float:
        """Return how far apart two places are, in the direction in which they are further."""
        return max(abs(self.logit - other.logit), abs(self.log_size - other.log_size))


class _Corner(NamedTuple):
    """A place and how high it is, which comes first to compare by."""

    height: float
    place: _Place


def e_bh(e_values: Iterable[float], delta: float = 0.1) -> list[int]:
    """Return the 0-based indices of the e-values to flag, in ascending order.

    The expected share of wrong flags is at most *delta*, even if the schemas depend on each other. Pass current
    e-values. The guarantee doesn't hold for the largest value that each e-value ever had.

    Args:
        e_values: One e-value for each schema, at least 0. A value can be inf. Without e-values, the function flags no
            index.
        delta: Allowed false discovery rate, in (0, 1).

    Raises:
        InvalidArgument: An e-value or *delta* is out of its range.

    Source: Wang & Ramdas (2022), JRSS B 84(3):822-852. The method flags the *r* largest e-values, for the greatest *r*
    at which the smallest of these is at least S / (r delta). S is the number of e-values.

    >>> e_bh([8, 900, 1, 60, 30])
    [1, 3, 4]
    """
    values = [_e_value(index, value) for index, value in enumerate(e_values)]
    delta = fraction("delta", delta)
    ranked = sorted(range(len(values)), key=values.__getitem__, reverse=True)
    flagged = 0
    for rank, index in enumerate(ranked, start=1):
        if values[index] >= len(values) / (rank * delta):
            flagged = rank
    return sorted(ranked[:flagged])


def shrink_rates(schemas: Iterable[Sequence[float]]) -> Shrinkage | None:
    """Estimate the failure rate of each schema, shrunk toward the rates of all schemas, for ranking.

    Rates of schemas with few calls move far, and rates of schemas with many calls hardly move. Don't base a verdict on
    these estimates, because they are biased on purpose. If the rates differ no more than by chance, all schemas get one
    rate, with the interval of all calls together.

    Args:
        schemas: A pair for each schema: the number of calls and the number of failed calls, which can be a fraction.
            For a schema without calls, the result has the common rate.

    Returns:
        The estimates for the schemas, or None if no schema has calls.

    Raises:
        InvalidArgument: A pair is invalid, or its counts are inconsistent.

    Source: Skellam (1948), JRSS B 10(2):257-261, for the beta-binomial likelihood. Nelder & Mead (1965), The Computer
    Journal 7(4):308-313, for its maximum. The method assumes that the rates of the schemas come from one beta
    distribution, and that the calls of a schema fail independently.

    >>> found = shrink_rates([(400, 2), (50, 1), (8, 0), (600, 30), (200, 4), (3, 0)])
    >>> [round(schema.rate, 4) for schema in found.rates]
    [0.0081, 0.0223, 0.0216, 0.047, 0.0211, 0.0229]
    """
    counts = [_schema_counts(index, pair) for index, pair in enumerate(schemas)]
    n, k = sum(one.n for one in counts), sum(one.k for one in counts)
    one_rate = jeffreys(k, n)
    if one_rate is None:
        return None
    prior = _fitted_prior(counts, k / n) if 0 < k / n < 1 else None
    if prior is None:
        one_for_all = Shrunk(k / n, one_rate.lower, one_rate.upper)
        return Shrinkage(inf, inf, k / n, (one_for_all,) * len(counts))
    a, b = prior
    return Shrinkage(a, b, a / (a + b), tuple(_shrunk(a + one.k, b + one.n - one.k) for one in counts))


def _schema_counts(index: int, schema: Sequence[float]) -> _Counts:
    """Return the counts of one schema, or raise InvalidArgument."""
    n, k = pair(f"schemas[{index}]", schema, "the calls observed and those that failed")
    n = count(f"schemas[{index}]: n", n, "the calls observed")
    return _Counts(n, part(f"schemas[{index}]: k", k, n, "the calls that failed"))


def _shrunk(a: float, b: float) -> Shrunk:
    """Give the mean of a belief Beta(a, b) and the interval that holds 95 % of it, and the mean."""
    rate = a / (a + b)
    return Shrunk(rate, min(quantile(a, b, _LOG_TAIL).x, rate), max(quantile(b, a, _LOG_TAIL).y, rate))


def _fitted_prior(counts: Sequence[_Counts], mean: float) -> tuple[float, float] | None:
    """Give the a and b that make the counts likeliest, or None where one rate for all does as well."""
    most = log(_LARGEST_SIZE_PER_CALL * max(one.n for one in counts))
    one_rate = sum(one.k * log(mean) + (one.n - one.k) * log1p(-mean) for one in counts)

    def gain(at: _Place) -> float:
        if not _SMALLEST_LOG_SIZE <= at.log_size <= most or abs(at.logit) > LARGEST_LOGIT:
            return -inf
        return _log_likelihood(counts, at) - one_rate

    logit = log(mean) - log1p(-mean)
    steps = range(int((most - _SMALLEST_LOG_SIZE) / _STEP) + 1)
    start = max((_Place(logit, _SMALLEST_LOG_SIZE + _STEP * step) for step in steps), key=gain)
    best = _peak(gain, start)
    if gain(best) < _LEAST_GAIN:
        return None
    x, y = odds_point(best.logit)
    return x * exp(best.log_size), y * exp(best.log_size)


def _log_likelihood(counts: Sequence[_Counts], at: _Place) -> float:
    """Return the log of the likelihood that a schema's rate, drawn from this distribution, gives its calls.

    For each schema ln B(a + k, b + n - k) - ln B(a, b), by fronts, which lose no digits where a and b are
    large.
    """
    x, y = odds_point(at.logit)
    a, b = x * exp(at.log_size), y * exp(at.log_size)
    log_x, log_y, front = log(x), log(y), log_front(a, b, x, y)
    return sum(k * log_x + (n - k) * log_y + front - log_front(a + k, b + n - k, x, y) for n, k in counts)


def _peak(height: Callable[[_Place], float], start: _Place) -> _Place:
    """Return the peak next to *start*: a triangle playbook runs by turning its lowest corner over, and shrinks."""

    def corner(place: _Place) -> _Corner:
        return _Corner(height(place), place)

    aside, below = _Place(start.logit + 1, start.log_size), _Place(start.logit, start.log_size - 1)
    triangle = [corner(start), corner(aside), corner(below)]
    for _ in range(_MOST_STEPS):
        best, other, worst = sorted(triangle, reverse=True)
        if best.place.span(worst.place) < _LAST_SPAN:
            break
        middle = best.place.towards(other.place, 0.5)
        turned = corner(worst.place.towards(middle, 2))
        if turned > best:
            turned = max(turned, corner(worst.place.towards(middle, 3)))
        elif turned < other:
            turned = max(corner(worst.place.towards(middle, part)) for part in (0.5, 1.5))
        triangle = [best, other, turned]
        if turned < worst:
            triangle = [best, *(corner(one.place.towards(best.place, 0.5)) for one in (other, worst))]
    return max(triangle).place


def _e_value(index: int, value: float) -> float:
    """Return one e-value, or raise InvalidArgument."""
    if not isinstance(value, Real) or not value >= 0:
        raise InvalidArgument(
            f"e_values[{index}]={clip(repr(value))}: expected a number >= 0, which gives the evidence as odds"
        )
    return value
