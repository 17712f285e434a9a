# SPDX-License-Identifier: Apache-2.0
"""Return why a difference is not decided, and how many tasks would decide it."""

from __future__ import annotations

from math import ceil, sqrt
from typing import TYPE_CHECKING

from schema_guard.bench.result.comparisons import DELTA
from schema_guard.bench.result.values import PASSED
from schema_guard.stats.rates import log_e_of, odds_of
from schema_guard.text import odds, percent, plural

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from schema_guard.bench.result.values import BenchResult, Compared

# Planning further ahead than this is none.
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
        f"the data does not show whether {names[better]} ({percent(rates[0])} {what}) is better than {names[worse]} ({percent(rates[1])} {what}). Of {plural(found.tasks, 'task')}, {names[better]} is ahead on "
        f"{more:,.4g}, and {names[worse]} on {fewer:,.4g}. The odds are {odds(found.e_value)}, and a decision needs {odds(needed_odds(result))}.{plan}"
    )
