"""Measure the CPU time of one bound: python benchmarks/bounds_speed.py.

The script prints microseconds of CPU time per bound (half of `bounds`, which returns two), the best of several runs,
for counts up to 10^7. The promise is at most 1,000.
"""

from time import process_time

from schema_guard.stats import bounds

_RUNS = 7
_CALLS_A_RUN = 20


def microseconds(k: float, n: int) -> float:
    """Return the CPU time of one of the two bounds of *k* failures in *n* calls, the best of the runs."""
    best = float("inf")
    for _ in range(_RUNS):
        started = process_time()
        for _ in range(_CALLS_A_RUN):
            bounds(k, n)
        best = min(best, process_time() - started)
    return best / _CALLS_A_RUN / 2 * 1e6


def main() -> None:
    """Print a line for every pair of counts, and the slowest."""
    slowest = 0.0
    print(f"{'k':>12} {'n':>10} {'us a bound':>11}")
    for n in (10, 1_000, 100_000, 10_000_000):
        for k in sorted({0, 1, 2.5, n // 1000, n // 100, n // 10, n // 2, n - 1, n}):
            taken = microseconds(k, n)
            slowest = max(slowest, taken)
            print(f"{k:>12} {n:>10} {taken:>11.0f}")
    print(f"slowest: {slowest:.0f} us")


if __name__ == "__main__":
    main()
