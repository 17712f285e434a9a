# SPDX-License-Identifier: Apache-2.0
"""Bound the share of wrong values of all calls, with second opinions on many calls and labels of a few.

The valid calls of one configuration that have a second opinion are cut into blocks. In each block, one call is drawn
uniformly and labeled. The second opinions of a block predict its share of wrong values, and the label corrects the
prediction. The expected value of a block is the share of wrong values, however bad the second model is. So the bounds
hold for any second model, and a good one makes them narrower.

Source: Angelopoulos et al. (2023), Science 382:669-674, for the estimate; Waudby-Smith and Ramdas (2024), JRSS B
86(1):1-27, for bounds that hold at all times.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from schema_guard.errors import InvalidArgument
from schema_guard.stats import Bounds, gap_bounds

WEIGHT_OF_SHARES, WEIGHT_OF_CALLS = 0.6, 0.3
"""How much second opinions count: for the share of wrong values of a call, and for calls with any wrong value."""


class Block(NamedTuple):
    """The calls of one block, in which one call is labeled.

    Attributes:
        second_opinions: For each call, the share of its values on which the second model differs, in [0, 1].
        drawn: Index of the labeled call.
        wrong: Its share of wrong values, in [0, 1]; None if the label was skipped.
    """

    second_opinions: Sequence[float]
    drawn: int
    wrong: float | None


def label_bounds(blocks: Iterable[Block], *, weight: float = WEIGHT_OF_SHARES, alpha: float = 0.05) -> Bounds:
    """Return a lower and an upper bound of the mean share of wrong values.

    The bounds hold at all times: you may check after each label and stop when you like. A skipped label counts as all
    right for the lower bound, and as all wrong for the upper one.

    Args:
        blocks: In the order in which they were labeled. Without any, the bounds are 0 and 1.
        weight: How much second opinions count, in [0, 1]. It must be chosen before the first label. 0 ignores them.
        alpha: Error probability of both bounds together, in (0, 1).

    Raises:
        InvalidArgument: A share or the weight is not in [0, 1], or no call of a block has the drawn index.

    >>> label_bounds([Block([0.0] * 10, 3, 0.0)] * 100)
    Bounds(lower=0, upper=0.0732...)
    """
    if not 0 <= weight <= 1:
        raise InvalidArgument(f"weight={weight!r}: expected a number from 0 to 1")
    blocks = list(map(_checked, blocks))
    width = 1 + 2 * weight

    def gaps(skipped: float) -> list[float]:
        # Each estimate is in [-weight, 1 + weight]; `gap_bounds` takes values in [-1, 1].
        return [(2 * _estimate(block, weight, skipped) - 1) / width for block in blocks]

    lower = (1 + width * gap_bounds(gaps(0), alpha=alpha).lower) / 2
    upper = (1 + width * gap_bounds(gaps(1), alpha=alpha).upper) / 2
    return Bounds(max(0, lower), min(1, upper))


def _estimate(block: Block, weight: float, skipped: float) -> float:
    mean = sum(block.second_opinions) / len(block.second_opinions)
    wrong = skipped if block.wrong is None else block.wrong
    return wrong + weight * (mean - block.second_opinions[block.drawn])


def _checked(block: Block) -> Block:
    if not 0 <= block.drawn < len(block.second_opinions):
        raise InvalidArgument(
            f"drawn={block.drawn!r}: expected the index of one of {len(block.second_opinions)} calls, starting at 0"
        )
    shares = [*block.second_opinions, *(() if block.wrong is None else (block.wrong,))]
    if not all(0 <= share <= 1 for share in shares):
        raise InvalidArgument("second_opinions, wrong: expected numbers from 0 to 1")
    return block
