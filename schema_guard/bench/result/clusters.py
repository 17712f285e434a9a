# SPDX-License-Identifier: Apache-2.0
"""All calls of a task are one cluster: what several epochs of it count.

Rules: the order of the calls changes no sum; where an order matters it is that of the tasks' first calls.
"""

from __future__ import annotations

from functools import lru_cache
from math import fsum
from typing import TYPE_CHECKING, TypeAlias

from schema_guard.stats import Rate, mean_bounds
from schema_guard.stats.rate import ALPHA

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from schema_guard.bench.run.scored_call import CallRow

TaskKey: TypeAlias = tuple[str, str]
"""Schema and task."""

Clusters: TypeAlias = "dict[TaskKey, list[CallRow]]"


def clusters_of(calls: Iterable[CallRow]) -> Clusters:
    """Give the calls with a judged reply by task, the tasks in the order of their first call."""
    clusters: Clusters = {}
    for call in calls:
        if not call.is_lost:
            clusters.setdefault((call.schema, call.task), []).append(call)
    return clusters


def share_of(calls: Sequence[CallRow], holds: Callable[[CallRow], bool]) -> float:
    """Return the share of a task's calls, at least one, of which something holds."""
    return sum(map(holds, calls)) / len(calls)


def rate_of(clusters: Clusters, holds: Callable[[CallRow], bool]) -> Rate:
    """Return the rate of the calls of which something holds, each task counted once."""
    # fsum: the sum of floats would depend on their order.
    return _rate(fsum(share_of(calls, holds) for calls in clusters.values()), len(clusters))


def leaf_share_of(clusters: Clusters) -> Rate:
    """Return the mean share of right leaves, each task counted once, in the order of the tasks.

    Bounds that hold at any time can exclude the last mean. They are widened to include it, which keeps them valid.
    """
    shares = [fsum(c.leaves_right / c.leaves for c in calls) / len(calls) for calls in clusters.values()]
    if not shares:
        return Rate(0, 0, None, None, None)
    # The two bounds of a mean share their alpha, those of a rate have one each.
    interval = mean_bounds(shares, alpha=2 * ALPHA)
    mean = fsum(shares) / len(shares)
    lower, upper = (
        (None, None) if interval is None else (min(interval.lower, mean), max(interval.upper, mean))
    )
    return Rate(_whole(fsum(shares)), len(shares), mean, lower, upper)


@lru_cache(maxsize=4096)
def _rate(count: float, n: int) -> Rate:
    return Rate.of(_whole(count), n)


def _whole(count: float) -> float:
    """Return a count without a fraction as an int, as it would be written."""
    return int(count) if count.is_integer() else count
