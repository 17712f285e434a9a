"""Compare two files of the local model's weights, task by task, from the results of `bench run`.

Run: python -m benchmarks.weights BEFORE.json AFTER.json [BEFORE.json AFTER.json ...]

Each pair of files has the results of one suite. A row pools the tasks of all pairs under one strategy.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from math import ceil, floor
from pathlib import Path
from typing import TYPE_CHECKING

from schema_guard.bench.result.as_json import result_from_json
from schema_guard.stats import gap_bounds, paired

if TYPE_CHECKING:
    from collections.abc import Iterable


def shares_of(path: str) -> dict[tuple[str, str], tuple[bool, float]]:
    """Return whether the value of each task is valid, and its share of right leaves."""
    result = result_from_json(json.loads(Path(path).read_text(encoding="utf-8")))
    return {
        (result.variants[call.variant].strategy, call.task): (
            call.is_valid,
            call.leaves_right / call.leaves if call.leaves else float(call.right),
        )
        for call in result.calls
    }


def lines(paths: list[str]) -> Iterable[str]:
    """Yield a line for each strategy and measure."""
    rows = defaultdict(list)
    for before, after in zip(paths[::2], paths[1::2], strict=True):
        first, second = shares_of(before), shares_of(after)
        for strategy, task in first.keys() & second.keys():
            rows[strategy].append((first[strategy, task], second[strategy, task]))
    for strategy, pairs in sorted(rows.items()):
        n = len(pairs)
        only_before, only_after = (
            sum(one[a][0] and not one[b][0] for one in pairs) for a, b in ((0, 1), (1, 0))
        )
        bounds = paired(only_after, only_before, n)
        valid = [100 * sum(one[at][0] for one in pairs) / n for at in (0, 1)]
        yield _line(strategy, "valid", n, valid, (100 * bounds.lower, 100 * bounds.upper))
        gaps = gap_bounds([after - before for (_, before), (_, after) in pairs])
        leaves = [100 * sum(one[at][1] for one in pairs) / n for at in (0, 1)]
        yield _line(strategy, "leaves right", n, leaves, (100 * gaps.lower, 100 * gaps.upper))


def _line(strategy: str, what: str, n: int, means: list[float], bounds: tuple[float, float]) -> str:
    before, after = means
    low, high = floor(10 * bounds[0]) / 10, ceil(10 * bounds[1]) / 10
    difference = f"{after - before:+.1f} [{low:+.1f}, {high:+.1f}]"
    return f"{strategy:<16}{what:<14}{n:>5}{before:>9.1f}{after:>9.1f}  {difference}"


if __name__ == "__main__":
    print(f"{'strategy':<16}{'what':<14}{'tasks':>5}{'before':>9}{'after':>9}  difference, points")
    print(*lines(sys.argv[1:]), sep="\n")
