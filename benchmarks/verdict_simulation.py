"""Count wrong verdicts with a look after every call, and the calls until a right verdict.

    python benchmarks/verdict_simulation.py [--streams 4000] [--calls 5000] [--seed 20261124]
        [--output benchmarks/results/FILE.json]

A stream is a sequence of calls that fail independently at one rate. After every call, the evidence of
`schema_guard.stats` is compared with 1/alpha, alpha = 5%. The verdict is "ok" if the rate is proved to be below the
target, and "bad" if above. Streams at the target rate show how often a verdict is ever wrong. On each side, 5% of them
may be wrong, plus three standard errors for chance. Streams of other rates show the median number of calls to the right
verdict, which may be a tenth more than promised.

With --output, a text file is written beside the JSON. The exit status is 1 if a promise is not kept.
"""

from __future__ import annotations

import argparse
import json
import platform
import random
import sys
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from math import inf, log, log1p, sqrt
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Literal, NamedTuple

from schema_guard import __version__
from schema_guard.stats import clopper_pearson, log_e_value

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ALPHA = 0.05
TARGETS = (0.05, 0.02, 0.01, 0.002)

# Rate, target and the median calls that the method was chosen for.
MEDIANS = (
    (0.002, 0.01, 663),
    (0.005, 0.02, 330),
    (0.03, 0.01, 359),
    (0.05, 0.01, 105),
    (0.02, 0.05, 249),
    (0.12, 0.05, 109),
)
MEDIAN_TOLERANCE = 0.10


class Boundary(NamedTuple):
    """The calls at which streams cross 1/alpha, by the number k of their failures so far.

    A clean call only adds to the evidence for "ok", and a failed one only to that for "bad". So a stream with k
    failures is found "ok" at its `ok[k]`-th call, and "bad" at its k-th failure if that comes no later than its
    `bad[k]`-th call.
    """

    ok: list[int]
    bad: list[int]


class Verdicts(NamedTuple):
    """The call at which a stream was first found "ok", and "bad". inf if it never was."""

    ok: float
    bad: float


@dataclass(frozen=True)
class Row:
    """One promise and its measured value. `ratio` is measured / promised."""

    measure: str
    rate: float
    target: float
    side: str
    promised: float
    measured: float
    ratio: float
    at_most: float
    kept: bool


def boundary(target: float, calls: int) -> Boundary:
    """Return the boundary for streams of *calls* calls: of every k, the first call for "ok" and the last for "bad"."""

    def reaches(k: int, n: int, side: Literal["ok", "bad"]) -> bool:
        return log_e_value(k, n, target, side=side) >= -log(ALPHA)

    ok, bad = [], [0]
    first, last = 1, 0
    for k in range(calls + 1):
        first = max(first, k)
        while first <= calls and not reaches(k, first, "ok"):
            first += 1
        ok.append(first)
    for k in range(1, calls + 1):
        last = max(last, k - 1)
        while last < calls and reaches(k, last + 1, "bad"):
            last += 1
        bad.append(last)
    return Boundary(ok, bad)


def verdicts(rate: float, calls: int, at: Boundary, rng: random.Random) -> Verdicts:
    """Draw one stream, from failure to failure, and return its verdicts."""
    ok = bad = inf
    k = n = 0
    while n < calls:
        # The calls up to the next failure are geometric.
        n += 1 + int(log1p(-rng.random()) / log1p(-rate))
        if at.ok[k] <= min(n - 1, calls):
            ok = min(ok, at.ok[k])
        k += 1
        if n <= min(at.bad[k], calls):
            bad = min(bad, n)
    return Verdicts(ok, bad)


def wrong_rows(streams: int, calls: int, rng: random.Random) -> Iterator[Row]:
    """Yield the share of streams at the target rate that are found on either side of it."""
    at_most = ALPHA + 3 * sqrt(ALPHA * (1 - ALPHA) / streams)
    for target in TARGETS:
        at = boundary(target, calls)
        results = [verdicts(target, calls, at, rng) for _ in range(streams)]
        for side in Verdicts._fields:
            share = sum(getattr(one, side) < inf for one in results) / streams
            yield Row("wrong", target, target, side, ALPHA, share, share / ALPHA, at_most, share <= at_most)


def median_rows(streams: int, calls: int, rng: random.Random) -> Iterator[Row]:
    """Yield the median number of calls until streams are found on their true side."""
    for rate, target, promised in MEDIANS:
        side = "ok" if rate < target else "bad"
        at = boundary(target, calls)
        middle = median(getattr(verdicts(rate, calls, at, rng), side) for _ in range(streams))
        ratio, at_most = middle / promised, promised * (1 + MEDIAN_TOLERANCE)
        stored = middle <= at_most
        yield Row("calls", rate, target, side, promised, middle, ratio, at_most, stored)


def table(rows: Sequence[Row], streams: int, calls: int, seed: int) -> str:
    """Return the rows as text."""
    wrong = [row for row in rows if row.measure == "wrong"]
    lines = [
        f"{streams} streams of {calls} calls, every call looked at, alpha {ALPHA:.0%}, seed {seed}",
        "",
        "streams that are ever found on the wrong side, their rate being the target",
        f"  {'target':>7} {'side':>5} {'wrong':>7}  {'one look, 95 %':<17} {'allowed':>8} {'ratio':>6}",
    ]
    for row in wrong:
        interval = clopper_pearson(round(row.measured * streams), streams)
        assert interval is not None
        between = f"[{interval.lower:.2%}, {interval.upper:.2%}]"
        lines.append(
            f"  {row.target:>7.1%} {row.side:>5} {row.measured:>7.2%}  {between:<17} {row.promised:>8.0%}"
            f" {row.ratio:>6.2f}{'' if row.kept else '  NOT KEPT'}"
        )
    lines += [
        "",
        "median calls until a stream is found on the side on which it is",
        f"  {'rate':>7} {'target':>7} {'side':>5} {'median':>7} {'promised':>9} {'ratio':>6}",
    ]
    lines += [
        f"  {row.rate:>7.1%} {row.target:>7.1%} {row.side:>5} {row.measured:>7.0f} {row.promised:>9.0f}"
        f" {row.ratio:>6.2f}{'' if row.kept else '  NOT KEPT'}"
        for row in rows
        if row not in wrong
    ]
    return "\n".join(lines) + "\n"


def main() -> int:
    """Simulate, print a table, and write it if requested."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--streams", type=int, default=4000)
    parser.add_argument("--calls", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=20261124)
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    streams, calls, seed = arguments.streams, arguments.calls, arguments.seed
    rng = random.Random(seed)  # a simulation
    rows = [*wrong_rows(streams, calls, rng), *median_rows(streams, calls, rng)]
    text = table(rows, streams, calls, seed)
    print(text, end="")
    if arguments.output is not None:
        result = {
            "command": f"python benchmarks/verdict_simulation.py --streams {streams} --calls {calls} --seed {seed}",
            "date": datetime.now(UTC).date().isoformat(),
            "python": platform.python_version(),
            "schema_guard": __version__,
            "alpha": ALPHA,
            "streams": streams,
            "calls": calls,
            "seed": seed,
            "rows": [asdict(row) for row in rows],
        }
        arguments.output.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
        arguments.output.with_suffix(".txt").write_text(text, encoding="utf-8")
    return 0 if all(row.kept for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
