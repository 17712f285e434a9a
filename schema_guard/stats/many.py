# SPDX-License-Identifier: Apache-2.0
"""Many e-values at once: which of them to flag."""

from __future__ import annotations

from numbers import Real
from typing import TYPE_CHECKING

from schema_guard.errors import InvalidArgument
from schema_guard.stats.checks import fraction
from schema_guard.text import clip

if TYPE_CHECKING:
    from collections.abc import Iterable


def e_bh(e_values: Iterable[float], delta: float = 0.1) -> list[int]:
    """Return the 0-based indices of the e-values to flag, in ascending order.

    The expected share of wrong flags is at most *delta*, even if the e-values depend on each other. Pass current
    e-values. The guarantee doesn't hold if you pass the highest value that each e-value has reached so far.

    Args:
        e_values: One e-value for each schema. An e-value is at least 0 and can be infinite. If there are no e-values,
            the result is empty.
        delta: Allowed false discovery rate, in (0, 1).

    Raises:
        InvalidArgument: An e-value or *delta* is out of its range.

    Source: Wang & Ramdas (2022), JRSS B 84(3):822-852. The method flags the *r* largest e-values, for the largest r at
    which each of these e-values is at least S / (r delta). S is the number of e-values.

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


def _e_value(index: int, value: float) -> float:
    """Return one e-value, or raise InvalidArgument."""
    if not isinstance(value, Real) or not value >= 0:
        raise InvalidArgument(
            f"e_values[{index}]={clip(repr(value))}: expected a number >= 0, which gives the evidence as odds"
        )
    return value
