# SPDX-License-Identifier: Apache-2.0
"""When two values are one JSON value."""

from __future__ import annotations

from typing import Any

__all__ = ["is_same"]


def is_same(one: Any, other: Any) -> bool:
    """Say whether two values are one JSON value: 1 is 1.0 and is not true, and the order of keys says nothing.

    Recurses: for values within the limit of 100 levels.

    >>> is_same({"a": [1, True]}, {"a": [1.0, True]}), is_same(1, True)
    (True, False)
    """
    if isinstance(one, dict):
        return (
            isinstance(other, dict)
            and one.keys() == other.keys()
            and all(is_same(one[key], other[key]) for key in one)
        )
    if isinstance(one, list):
        return isinstance(other, list) and len(one) == len(other) and all(map(is_same, one, other))
    return bool(one == other) and isinstance(one, bool) == isinstance(other, bool)
