# SPDX-License-Identifier: Apache-2.0
"""Compare two variants on the same tasks: do they differ, by how much, and how many tasks would decide it?

Rules:
1. Only tasks that both answered are compared. Each counts once, with the difference of the shares of its calls that
   failed. The sums of the differences against A and against B are the two counts of a paired comparison.
2. The e-value is two-sided. It is the mean of the two one-sided ones, which is an e-value of "no difference".
3. All comparisons of a result together decide which variants are called different. The expected share of wrong ones
   among those is at most 5%, however many variants there are.
4. All calls of a task are one cluster, which counts once. The order of the calls doesn't change the sums.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from itertools import combinations
from math import ceil, fsum, sqrt
from sys import float_info
from typing import TYPE_CHECKING, TypeAlias

from schema_guard.bench.result.values import MEASURES, PASSED, Compared, Measure
from schema_guard.stats import Rate, e_bh, gap_bounds, mean_bounds, paired
from schema_guard.stats.rate import ALPHA as ALPHA_EACH
from schema_guard.stats.rates import log_e_of, odds_of
from schema_guard.text import odds, percent, plural

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from schema_guard.bench.result.values import BenchResult, Compared
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
        variants: Name and validated calls of each.
    """
    return corrected(
        compared(a, b, measure=measure) for a, b in combinations(variants, 2) for measure in MEASURES
    )


def corrected(comparisons: Iterable[Compared]) -> tuple[Compared, ...]:
    """Mark the comparisons that show a difference, decided over all of them together.

    Source: `stats.e_bh`, Wang & Ramdas (2022), JRSS B 84(3):822-852.
    """
    listed = list(comparisons)
    called = set(e_bh([comparison.e_value for comparison in listed], delta=DELTA))
    return tuple(replace(comparison, called=index in called) for index, comparison in enumerate(listed))


def compared(
    a: tuple[str, Clusters], b: tuple[str, Clusters], *, measure: Measure, alpha: float = ALPHA
) -> Compared:
    """Compare two variants. `called` is not decided yet.

    Args:
        a: Name and validated calls of the first variant.
        b: Name and validated calls of the second variant.
        measure: The calls that count as failed: without a valid value, or without a right one.
        alpha: The probability that the difference is ever outside of its bounds.

    The evidence is that of `stats.paired` on the sums of the positive and of the negative differences of a task's
    failure shares. These have equal means if the two variants fail equally often, and add up to at most 1 per task.
    `paired` needs nothing more. The bounds are those of `stats.gap_bounds` on the differences.
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
    """Return the share of failed calls in A and in B for every task that both answered."""
    failed = IS_FAILURE[measure]
    return {
        task: (share_of(calls, failed), share_of(b[task], failed)) for task, calls in a.items() if task in b
    }


TaskKey: TypeAlias = tuple[str, str]
"""Schema and task."""

Clusters: TypeAlias = "dict[TaskKey, list[CallRow]]"


def clusters_of(calls: Iterable[CallRow]) -> Clusters:
    """Return the calls with a validated reply by task, in the order of the first call of each task."""
    clusters: Clusters = {}
    for call in calls:
        if not call.is_lost:
            clusters.setdefault((call.schema, call.task), []).append(call)
    return clusters


def share_of(calls: Sequence[CallRow], holds: Callable[[CallRow], bool]) -> float:
    """Return the share of a task's calls for which *holds* is true. There must be at least one call."""
    return sum(map(holds, calls)) / len(calls)


def rate_of(clusters: Clusters, holds: Callable[[CallRow], bool]) -> Rate:
    """Return the rate of the calls for which *holds* is true. Each task counts once."""
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
    interval = mean_bounds(shares, alpha=2 * ALPHA_EACH)
    mean = fsum(shares) / len(shares)
    lower, upper = (
        (None, None) if interval is None else (min(interval.lower, mean), max(interval.upper, mean))
    )
    return Rate(_whole(fsum(shares)), len(shares), mean, lower, upper)


@lru_cache(maxsize=4096)
def _rate(count: float, n: int) -> Rate:
    return Rate.of(_whole(count), n)


def _whole(count: float) -> float:
    """Return a count as an int if it has no fraction."""
    return int(count) if count.is_integer() else count


# A plan for more tasks than this is useless.
_MOST_TASKS = 1_000_000

# The normal quantile below which a fifth of the samples lie, so that the tasks decide with 80% probability.
_UNLUCKY = 0.8416


def needed_odds(result: BenchResult) -> float:
    """Return the odds at which one more comparison of a result is reported as a difference."""
    called = sum(other.called for other in result.comparisons)
    return len(result.comparisons) / (DELTA * (called + 1))


def tasks_needed(comparison: Compared, result: BenchResult) -> int | None:
    """Return the number of further tasks that decide a comparison with 80% probability.

    The estimate assumes that the two variants differ as often as on the present tasks.

    Returns:
        None if they differ equally often in both directions, or if a million tasks aren't enough.
    """
    enough, tasks = needed_odds(result), comparison.tasks
    if not tasks or comparison.only_a == comparison.only_b:
        return None
    differing = (comparison.only_a + comparison.only_b) / tasks
    gap = abs(comparison.only_a - comparison.only_b) / tasks

    def decided(n: int) -> bool:
        unlucky = n * gap - _UNLUCKY * sqrt(n * max(differing - gap**2, 0.0))
        return (
            unlucky > 0 and _evidence((n * differing + unlucky) / 2, (n * differing - unlucky) / 2) >= enough
        )

    needed = _smallest(decided, tasks)
    return None if needed is None else needed - tasks


def _smallest(holds: Callable[[int], bool], low: int) -> int | None:
    """Return the smallest number above *low* at which *holds*, within 1%. None if it is too large."""
    high = 2 * low
    while not holds(high):
        low, high = high, 2 * high
        if high > _MOST_TASKS:
            return None
    while high - low > max(ceil(low / 100), 1):
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high


def _evidence(b: float, c: float) -> float:
    """Return the evidence of `comparisons.compared` for two counts of differing tasks."""
    return (odds_of(log_e_of(b, c, 0.5, "bad")) + odds_of(log_e_of(c, b, 0.5, "bad"))) / 2


def power_text(result: BenchResult, names: Mapping[str, str]) -> str:
    """Return why the clearest undecided difference is not decided, or an empty text if there is none.

    Args:
        result: The result.
        names: The displayed name of each variant.
    """
    undecided = [
        one for one in result.comparisons if not one.called and one.tasks and one.only_a != one.only_b
    ]
    if not undecided:
        return ""
    found = max(undecided, key=lambda one: one.e_value)
    more, fewer = sorted((found.only_a, found.only_b), reverse=True)
    better, worse = (found.a, found.b) if found.only_a < found.only_b else (found.b, found.a)
    rates = sorted((1 - (found.rate_a or 0.0), 1 - (found.rate_b or 0.0)), reverse=True)
    needed = tasks_needed(found, result)
    plan = (
        "" if needed is None else f" With about {needed:,} more tasks, the probability of a decision is 80%."
    )
    is_taught = found.measure == "content" and result.setup.teacher is not None
    what = "in agreement with the teacher" if is_taught else PASSED[found.measure]
    return (
        f"the data does not show whether {names[better]} ({percent(rates[0])} {what}) is better than {names[worse]} ({percent(rates[1])} {what}). Of {plural(found.tasks, 'task')}, {names[better]} is better on "
        f"{more:,.4g}, and {names[worse]} on {fewer:,.4g}. The odds are {odds(found.e_value)}, and a decision needs {odds(needed_odds(result))}.{plan}"
    )
