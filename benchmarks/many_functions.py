"""Count the false alarms of stores with many functions, and the calls until they find a real failure rate.

    python -m benchmarks.many_functions [--stores 300] [--functions 50] [--calls 3000] [--seed N] [--output FILE.txt]

Each store has functions that fail at one rate. After each call of a function, its bound is compared with the target, as
`watch` does at every look. The counts are simulated without a store. The bound is that of `schema_guard.stats` at alpha
divided by the number of functions. A function is a breach if its evidence reaches 1 / alpha, which is the same rule as
lower bound > target. Without --seed, a new one is drawn and printed.
"""

from __future__ import annotations

import argparse
import platform
import secrets
import sys
from datetime import UTC, datetime
from math import log
from pathlib import Path
from random import Random
from statistics import median

from schema_guard.decide.in_use import part_of_alpha
from schema_guard.stats import bounds, log_e_value

TARGET, ALPHA = 0.01, 0.05
HEALTHY = (0.008, 0.009, 0.01)
BAD = 0.03


def first_breach(chance: Random, rate: float, calls: int, alpha: float) -> int | None:
    """Return the call at which a rate is proved to exceed the target. None if it is not.

    Only a failed call can prove it. So the next failed call is drawn, and not each call.
    """
    n = k = 0
    while True:
        n += 1 + int(log(1 - chance.random()) / log(1 - rate))
        if n > calls:
            return None
        k += 1
        if k > n * TARGET and log_e_value(k, n, TARGET, side="bad") >= -log(alpha):
            assert bounds(k, n, alpha=alpha * 1.0001).lower > TARGET * 0.999
            return n


def alarms(chance: Random, rate: float, stores: int, functions: int, calls: int) -> int:
    """Return the number of stores in which any function is a breach."""
    alpha = ALPHA * part_of_alpha(functions, None)
    return sum(
        any(first_breach(chance, rate, calls, alpha) is not None for _ in range(functions))
        for _ in range(stores)
    )


def found_after(chance: Random, stores: int, functions: int) -> list[int]:
    """Return the calls after which one bad function of each store is found."""
    alpha = ALPHA * part_of_alpha(functions, None)
    return [first_breach(chance, BAD, 10**6, alpha) or 10**6 for _ in range(stores)]


def main() -> int:
    """Simulate, print, and write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--stores", type=int, default=300)
    parser.add_argument("--functions", type=int, default=50)
    parser.add_argument("--calls", type=int, default=3_000)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--output", type=Path)
    asked = parser.parse_args()
    seed = secrets.randbelow(2**32) if asked.seed is None else asked.seed
    chance = Random(seed)
    counts = f"--stores {asked.stores} --functions {asked.functions} --calls {asked.calls}"
    lines = [
        f"python -m benchmarks.many_functions {counts} --seed {seed}",
        f"{datetime.now(UTC).date().isoformat()}, Python {platform.python_version()}",
        "",
        f"target {TARGET:.0%}, alpha {ALPHA:.0%}, {asked.stores} stores of {asked.functions} functions",
        f"{asked.calls:,} calls of each function, looked at after each call",
    ]
    is_held = True
    for rate in HEALTHY:
        count = alarms(chance, rate, asked.stores, asked.functions, asked.calls)
        is_held &= count <= ALPHA * asked.stores
        lines.append(
            f"  every function fails {rate:.1%}: a false BREACH in {count} stores ({count / asked.stores:.1%})"
        )
    found = found_after(chance, asked.stores, asked.functions)
    is_held &= median(found) <= 900
    lines.append(
        f"  one function fails {BAD:.0%}: found after {median(found):,.0f} calls in the median, "
        f"{sorted(found)[len(found) * 9 // 10]:,} in nine of ten"
    )
    lines.append("held" if is_held else "NOT held: more than 5% of the stores, or more than 900 calls")
    print("\n".join(lines))
    if asked.output is not None:
        asked.output.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return int(not is_held)


if __name__ == "__main__":
    sys.exit(main())
