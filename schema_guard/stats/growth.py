# SPDX-License-Identifier: Apache-2.0
"""Has a failure rate been growing, or did it jump? Compare a straight rise with a jump after a rise was noticed.

Rules: The calls since the last time that the rate was stable are counted in blocks of equal length. The answer is
text for a reader, and no decision depends on it.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from math import log, log1p
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schema_guard.stats.changes import Change

_BLOCKS = 60
_SLOPES = (1.2, 1.6, 2.0, 2.4, 3.0)
_LARGEST_RATE = 0.98
# A few calls after a jump, a straight rise often fits slightly better by chance. With this margin of the logarithm of the
# likelihood, it does so after at most 10% of the jumps (`benchmarks/cycle_simulation.py`).
_MARGIN = 1.0


class _Counts(NamedTuple):
    """Calls in blocks: the failed calls and the calls up to the end of each block, from 0 on."""

    k: list[int]
    n: list[int]


def growing_since(failed: Sequence[int], n: int, found: Sequence[Change]) -> int | None:
    """Return the number of the call at which the failure rate may have begun to grow gradually.

    The result is None if the last change isn't a rise, or if the rate rose in one jump.

    Args:
        failed: Numbers of the failed calls in ascending order. The first call is 1.
        n: Number of calls.
        found: The changes that `changes` returned for these calls.

    Source: a comparison of the likelihoods of two models. In one model, the failure rate jumps once. In the other
    model, the failure rate is constant at first and then rises in a straight line. Both models have three parameters.

    >>> from schema_guard.stats.changes import changes
    >>> failed = [4_000 + round(100 * number**0.5) for number in range(1, 1_601)]
    >>> growing_since(failed, 8_000, changes(failed, 8_000))
    3991
    """
    if not found or found[-1].direction != "rise":
        return None
    begins, rise = _begins(found), found[-1].start
    length = max(1, (n - begins + 1) // _BLOCKS)
    edges = sorted({*range(begins, n + 1, length), rise, n + 1})
    # If a jump is inside of a block, a straight rise over this block fits better than it should. So jumps at failures count.
    near = failed[bisect_left(failed, max(begins, rise - length)) : bisect_right(failed, rise + length)]
    jumps = _counts(failed, begins, sorted({*edges, *near}))
    jump = max(_constant(jumps, 0, at) + _constant(jumps, at, -1) for at in range(len(jumps.k)))
    counts = _counts(failed, begins, edges)
    line, start = max((_line(counts, at), at) for at in range(len(edges) - 1))
    return edges[start] if line >= jump + _MARGIN else None


def _counts(failed: Sequence[int], begins: int, edges: Sequence[int]) -> _Counts:
    """Return the counts of the blocks between some edges."""
    before = bisect_left(failed, begins)
    return _Counts([bisect_left(failed, at) - before for at in edges], [at - begins for at in edges])


def _begins(found: Sequence[Change]) -> int:
    """Return the first call of the stable rate before the last rise, or before several rises in a row."""
    first = found[-1]
    for change in reversed(found):
        if change.direction != "rise":
            break
        first = change
    return first.start - first.prior_n


def _constant(counts: _Counts, first: int, last: int) -> float:
    """Return the largest log likelihood of some blocks with one rate."""
    k, n = counts.k[last] - counts.k[first], counts.n[last] - counts.n[first]
    return k * log(k / n) + (n - k) * log1p(-k / n) if 0 < k < n else 0.0


def _line(counts: _Counts, start: int) -> float:
    """Return the largest log likelihood of a rate that is constant up to a block, and then rises on a straight line."""
    k, n = counts.k[start], counts.n[start]
    base = (k + 0.5) / (n + 1) if n else (counts.k[1] + 0.5) / (counts.n[1] + 1)
    rest = counts.n[-1] - n
    mean = (counts.k[-1] - k) / rest
    ends = range(start + 1, len(counts.k))
    each = [
        (
            ((counts.n[at - 1] + counts.n[at]) / 2 - n) / rest,
            counts.k[at] - counts.k[at - 1],
            counts.n[at] - counts.n[at - 1],
        )
        for at in ends
    ]

    def likelihood(slope: float) -> float:
        total = 0.0
        for place, failed, calls in each:
            rate = min(base + slope * max(mean - base, 0.0) * place, _LARGEST_RATE)
            total += failed * log(rate) + (calls - failed) * log1p(-rate)
        return total

    return _constant(counts, 0, start) + max(map(likelihood, _SLOPES))
