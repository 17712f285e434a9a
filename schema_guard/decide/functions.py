# SPDX-License-Identifier: Apache-2.0
"""How the functions of a store share alpha, so that one healthy function of many seldom raises an alarm."""

from __future__ import annotations


def rounded_up(functions: int) -> int:
    """Return a number of functions, rounded up to 1, 2, 5, 10, 20, 50, and so on. So it changes seldom.

    >>> [rounded_up(n) for n in (0, 1, 2, 3, 9, 21, 101)]
    [1, 1, 2, 5, 10, 50, 200]
    """
    power = 1
    while True:
        for step in (1, 2, 5):
            if step * power >= functions:
                return step * power
        power *= 10


def part_of_alpha(functions: int, is_priority: bool | None) -> float:
    """Return the part of alpha that a function has.

    Args:
        functions: Of the store.
        is_priority: True for the function that has half of alpha, and False for those that share the other half. None
            stands for equal parts.

    >>> part_of_alpha(3, None), part_of_alpha(3, True), part_of_alpha(3, False)
    (0.2, 0.5, 0.1)
    """
    shared = rounded_up(functions)
    if is_priority is None or shared == 1:
        return 1 / shared
    return 1 / 2 if is_priority else 1 / (2 * shared)
