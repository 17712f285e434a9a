# SPDX-License-Identifier: Apache-2.0
"""A rate as it is shown: never without the counts behind it, nor without its bounds."""

from __future__ import annotations

from dataclasses import dataclass

from schema_guard.stats.rates import Bounds, bounds

ALPHA = 0.05


@dataclass(frozen=True, slots=True)
class Rate:
    """A share of calls, with bounds that hold at every look.

    Attributes:
        count: Calls that it is about; a sum of means where inputs repeat.
        n: Calls in all, or distinct inputs where inputs repeat.
        rate: count / n, in [0, 1]; None when n is 0: no data is not a rate of 0.
        lower: The true rate is below this with probability <= alpha, however often someone looks; None without data.
        upper: The true rate is above this with probability <= alpha; None without data.
    """

    count: float
    n: int
    rate: float | None
    lower: float | None
    upper: float | None

    @staticmethod
    def of(count: float, n: int, *, alpha: float = ALPHA, alpha_lower: float | None = None) -> Rate:
        """Give the rate of *count* out of *n* with its bounds, each at *alpha*, the lower one at its own where it has one.

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
        """The bounds to calculate with: 0 and 1 where nothing is known."""
        return Bounds(0.0 if self.lower is None else self.lower, 1.0 if self.upper is None else self.upper)
