# SPDX-License-Identifier: Apache-2.0
"""Two variants on the same tasks: do they differ, and by how much?

Rules:
1. Only tasks that both answered are compared, each once: what counts is by how much the share of its calls that
   failed differs. The two differences so summed, A's and B's, are the two counts of a paired comparison.
2. Evidence goes both ways: the e-value is the mean of the two one-sided ones, which is an e-value of "no difference".
3. What is called different is decided over all comparisons of a result together, so that of those that are called
   the expected share of wrong ones is at most 5 %, however many variants there are.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from math import fsum
from sys import float_info
from typing import TYPE_CHECKING

from schema_guard.bench.result.clusters import Clusters, TaskKey, share_of
from schema_guard.bench.result.values import MEASURES, Compared, Measure
from schema_guard.stats import e_bh, gap_bounds, paired

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from schema_guard.bench.run.scored_call import CallRow

DELTA = 0.05
ALPHA = 0.05

IS_FAILURE: Mapping[Measure, Callable[[CallRow], bool]] = {
    "format": lambda call: not call.is_valid,
    "content": lambda call: not call.right,
}


def comparisons_of(variants: Sequence[tuple[str, Clusters]]) -> tuple[Compared, ...]:
    """Compare every two variants, for format and for content.

    Args:
        variants: Name and judged calls of each.
    """
    return corrected(
        compared(a, b, measure=measure) for a, b in combinations(variants, 2) for measure in MEASURES
    )


def corrected(comparisons: Iterable[Compared]) -> tuple[Compared, ...]:
    """Call different what is, all of these comparisons being considered.

    Source: `stats.e_bh`, Wang & Ramdas (2022), JRSS B 84(3):822-852.
    """
    listed = list(comparisons)
    called = set(e_bh([comparison.e_value for comparison in listed], delta=DELTA))
    return tuple(replace(comparison, called=index in called) for index, comparison in enumerate(listed))


def compared(
    a: tuple[str, Clusters], b: tuple[str, Clusters], *, measure: Measure, alpha: float = ALPHA
) -> Compared:
    """Compare two variants; nothing is called yet.

    Args:
        a: Name and judged calls of the one.
        b: Of the other.
        measure: What counts as failed.
        alpha: The probability that the difference is ever outside of its bounds.

    Source: the evidence is that of `stats.paired` on the sums of the positive and of the negative differences of a
    task's failure shares, which have equal means when the two variants fail equally often, and add up to at most 1
    a task: all that it needs. The bounds are those of `stats.gap_bounds` on the differences themselves.
    """
    shares = list(shares_of(a[1], b[1], measure).values())
    gaps = [of_a - of_b for of_a, of_b in shares]
    # fsum: the order of the tasks must change nothing.
    only_a, only_b = fsum(gap for gap in gaps if gap > 0), fsum(-gap for gap in gaps if gap < 0)
    forward, backward = paired(only_a, only_b, len(gaps)), paired(only_b, only_a, len(gaps))
    bounds = gap_bounds(gaps, alpha=alpha)
    return Compared(
        a=a[0],
        b=b[0],
        measure=measure,
        tasks=len(gaps),
        rate_a=fsum(of_a for of_a, _ in shares) / len(shares) if shares else None,
        rate_b=fsum(of_b for _, of_b in shares) / len(shares) if shares else None,
        only_a=only_a,
        only_b=only_b,
        difference=(only_a - only_b) / len(gaps) if gaps else None,
        lower=bounds.lower,
        upper=bounds.upper,
        e_value=min((forward.e_value + backward.e_value) / 2, float_info.max),
    )


def shares_of(a: Clusters, b: Clusters, measure: Measure) -> dict[TaskKey, tuple[float, float]]:
    """Give for every task that both answered the share of its calls that failed, A's and B's."""
    failed = IS_FAILURE[measure]
    return {
        task: (share_of(calls, failed), share_of(b[task], failed)) for task, calls in a.items() if task in b
    }
