# SPDX-License-Identifier: Apache-2.0
"""Pair the items of two arrays at the least cost."""

from __future__ import annotations

from math import inf


def cheapest_columns(costs: list[list[int]]) -> list[int]:
    """Return the column of each row, all different, with the least sum of costs. No fewer columns than rows.

    Source: Jonker and Volgenant (1987), Computing 38:325-340. This is the Hungarian method with potentials, with one
    shortest augmenting path for each row.

    >>> cheapest_columns([[1, 2, 9], [1, 9, 9]])
    [1, 0]
    """
    # Index 0 of each list stands for "none yet"; rows and columns count from 1 in here.
    row_prices, column_prices = [0] * (len(costs) + 1), [0] * (len(costs[0]) + 1)
    row_of = [0] * (len(costs[0]) + 1)
    for row in range(1, len(costs) + 1):
        row_of[0] = row
        column, before = _free_column(costs, row_of, row_prices, column_prices)
        while column:
            row_of[column] = row_of[before[column]]
            column = before[column]
    return [row_of.index(row, 1) - 1 for row in range(1, len(costs) + 1)]


def _free_column(
    costs: list[list[int]], row_of: list[int], row_prices: list[int], column_prices: list[int]
) -> tuple[int, list[int]]:
    """Return the column at the end of the cheapest path from row `row_of[0]`, and the column before each on it."""
    nearest: list[float] = [inf] * len(row_of)
    before = [0] * len(row_of)
    unseen, visited = set(range(1, len(row_of))), [0]
    column = 0
    while row_of[column]:
        row = row_of[column]
        for c in unseen:
            cost = costs[row - 1][c - 1] - row_prices[row] - column_prices[c]
            if cost < nearest[c]:
                nearest[c], before[c] = cost, column
        column = min(unseen, key=lambda c: (nearest[c], c))
        step = int(nearest[column])
        for c in visited:
            row_prices[row_of[c]] += step
            column_prices[c] -= step
        for c in unseen:
            nearest[c] -= step
        unseen.remove(column)
        visited.append(column)
    return column, before
