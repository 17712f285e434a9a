# SPDX-License-Identifier: Apache-2.0
"""A rate as it is shown: never without the counts behind it, nor without its bounds."""

from __future__ import annotations

from dataclasses import dataclass

from schema_guard.stats.rates import Bounds, bounds

ALPHA = 0.05


@dataclass(frozen=True, slots=True)
class Rate:
    """A share of calls, with bounds that hold at all times.

    Attributes:
        count: Number of calls in the share. If inputs repeat, the value is the sum of the mean of each input.
        n: Number of calls, or of different inputs if inputs repeat.
        rate: The fraction count / n, in [0, 1]. The rate is None if n is 0, because a rate without data is unknown.
        lower: Lower bound. The true rate is below this bound with a probability of at most alpha, however often you
            check. None without data.
        upper: Upper bound. The true rate is above this bound with a probability of at most alpha. None without data.
    """

    count: float
    n: int
    rate: float | None
    lower: float | None
    upper: float | None

    @staticmethod
    def of(count: float, n: int, *, alpha: float = ALPHA, alpha_lower: float | None = None) -> Rate:
        """Return the rate of *count* calls among *n* calls, with its bounds.

        Each bound is wrong with a probability of at most *alpha*. For the lower bound, *alpha_lower* overrides *alpha*.

        >>> Rate.of(0, 377).rate, Rate.of(0, 0).rate
        (0.0, None)
        """
        if n == 0:
            return Rate(count, 0, None, None, None)
        found = bounds(count, n, alpha=alpha)
        lower = found.lower if alpha_lower in (None, alpha) else bounds(count, n, alpha=alpha_lower).lower
        return Rate(count, n, count / n, lower, found.upper)

    @property
    def bounds(self) -> Bounds:
        """The lower and the upper bound of the rate. Without data, the bounds are 0 and 1."""
        return Bounds(0.0 if self.lower is None else self.lower, 1.0 if self.upper is None else self.upper)
