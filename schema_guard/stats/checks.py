# SPDX-License-Identifier: Apache-2.0
"""Arguments as plain numbers, or an error that names the argument, its value and what was expected."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any

from schema_guard.errors import InvalidArgument
from schema_guard.text import clip

# 2^53: the last integer up to which a float holds every count.
MOST_CALLS = 2**53


def counts(k: float, n: int) -> tuple[float, int]:
    """Return k failures of n calls as plain numbers, or raise InvalidArgument."""
    n = count("n", n, "the calls observed")
    return part("k", k, n, "the calls that failed"), n


def count(name: str, value: float, meaning: str) -> int:
    """Return a whole number from 0 to 2^53, or raise InvalidArgument."""
    if not isinstance(value, Integral) or not 0 <= value <= MOST_CALLS:
        raise InvalidArgument(
            f"{name}={clip(repr(value))}: expected the number of {meaning}, an int from 0 to 2**53"
        )
    return int(value)


def whole_counts(k: int, n: int) -> tuple[int, int]:
    """Return k failures of n calls as whole numbers, or raise InvalidArgument."""
    n = count("n", n, "the calls observed")
    if not isinstance(k, Integral) or not 0 <= k <= n:
        raise InvalidArgument(
            f"k={clip(repr(k))}: expected the number of failed calls, an int from 0 to n={n}"
        )
    return int(k), n


def part(name: str, value: float, n: int, meaning: str) -> float:
    """Return a number from 0 to *n*, which need not be whole, or raise InvalidArgument."""
    if not isinstance(value, Real) or not 0 <= value <= n:
        raise InvalidArgument(
            f"{name}={clip(repr(value))}: expected the number of {meaning}, from 0 to n={n}"
        )
    return float(value)


def pair(name: str, value: object, meaning: str) -> tuple[Any, Any]:
    """Return the two parts of a pair, not checked yet, or raise InvalidArgument."""
    if not isinstance(value, Sequence) or len(value) != 2:
        raise InvalidArgument(f"{name}={clip(repr(value))}: expected a pair with the numbers of {meaning}")
    return value[0], value[1]


def share(name: str, value: float) -> float:
    """Return the value as a plain float, or raise InvalidArgument when not in [0, 1]."""
    if not isinstance(value, Real) or not 0 <= value <= 1:
        raise InvalidArgument(f"{name}={clip(repr(value))}: expected a number from 0 to 1")
    return float(value)


def gap(name: str, value: float) -> float:
    """Return the value as a plain float, or raise InvalidArgument when not in [-1, 1]."""
    if not isinstance(value, Real) or not -1 <= value <= 1:
        raise InvalidArgument(f"{name}={clip(repr(value))}: expected a number from -1 to 1")
    return float(value)


def fraction(name: str, value: float) -> float:
    """Return the value as a plain float, or raise InvalidArgument when not in (0, 1)."""
    if not isinstance(value, Real) or not 0 < float(value) < 1:
        raise InvalidArgument(f"{name}={clip(repr(value))}: expected a number above 0 and below 1")
    return float(value)
