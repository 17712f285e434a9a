"""Count wrong verdicts on calls in order, checked after every call: with bursts, changes, and repeats.

    python benchmarks/stream_simulation.py [--streams 500] [--seed N] [--parts bursts,jumps,...] [--output FILE.json]

The script draws streams of calls with known rates. They go through the functions that `decide` and `watch` use for the
calls of a store: the changes, bursts, and counts of a stream, the evidence, its rates, and the proved breaches. Between
two failures, bounds only move in one direction unless a change is noticed. So only looks at a failure, before one,
before a fall is noticed, and at the end can be wrong. The script makes only these looks.

Without --seed, a new one is drawn and printed. With --output, parts that the file has for the same seed are not drawn
again, so that an interrupted run resumes. A text file is written beside it. The exit status is 1 if a promise is not
kept. The progress of a part is printed on stderr.
"""

from __future__ import annotations

import argparse
import json
import platform
import random
import secrets
import sys
import time
from bisect import bisect_left, bisect_right
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import lru_cache
from itertools import accumulate
from math import inf, log1p
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from schema_guard import __version__
from schema_guard.decide.breaches import breaches, open_rise
from schema_guard.decide.case import Case
from schema_guard.decide.evidence.reading import read_evidence
from schema_guard.decide.recorded.production import of_calls
from schema_guard.decide.recorded.stream import CallsInOrder
from schema_guard.stats import Change, bursts, changes, clopper_pearson
from schema_guard.stats.rates import upper_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

# The looks at one stream ask for the same bounds of its beginning again and again.
bursts.upper_of = lru_cache(10_000)(upper_of)

TARGET = 0.01
BURST = 20
CALLS = 6_000
OUTAGE = 60
CLEAN = 1_500
LATE = 10_000  # calls after a change within which it is looked for
CONSTANT = (0.001, 0.003, 0.01, 0.05)
CONSTANT_CALLS = 20_000


@dataclass(frozen=True)
class Row:
    """A measured figure with its promised maximum or minimum. None for a figure without a promise."""

    what: str
    measured: float
    unit: str
    at_most: float | None = None
    at_least: float | None = None
    streams: int | None = None

    @property
    def kept(self) -> bool:
        """Whether the promise is kept, if there is one."""
        return (self.at_most is None or self.measured <= self.at_most) and (
            self.at_least is None or self.measured >= self.at_least
        )

    def text(self) -> str:
        """Return the figure as one line."""
        shown = f"{self.measured:.1%}" if self.unit == "share" else f"{_number(self.measured)} {self.unit}"
        if self.unit == "share" and self.streams:
            between = clopper_pearson(round(self.measured * self.streams), self.streams)
            shown += "" if between is None else f" [{between.lower:.1%}, {between.upper:.1%}]"
        promised = "told as it is"
        for word, limit in (("at most", self.at_most), ("at least", self.at_least)):
            if limit is not None:
                promised = f"{word} {limit:.0%}" if self.unit == "share" else f"{word} {_number(limit)}"
        return f"  {self.what:<95} {shown:>20}   {promised}{'' if self.kept else '   NOT KEPT'}"


def _number(value: float) -> str:
    return f"{value:,.2f}".rstrip("0").removesuffix(".")


def independent(rate: float, n: int, rng: random.Random, *, after: int = 0) -> list[int]:
    """Draw the numbers of failed calls among *n* calls after call *after*. The calls fail independently."""
    failed, at = [], after
    while True:
        at += 1 + int(log1p(-rng.random()) / log1p(-rate))
        if at > after + n:
            return failed
        failed.append(at)


def in_bursts(rate: float, n: int, rng: random.Random, *, failing: float = 1.0) -> list[int]:
    """Draw failed calls in bursts of a mean length. *failing* is the rate in a burst, and *rate* that of all calls."""
    clean = BURST * (failing / rate - 1)
    failed, at = [], 1
    while at <= n:
        at += int(log1p(-rng.random()) / log1p(-1 / clean))
        length = 1 + int(log1p(-rng.random()) / log1p(-1 / BURST))
        failed += [number for number in range(at, min(at + length, n + 1)) if rng.random() < failing]
        at += length
    return [number for number in failed if number <= n]


def looked_at(failed: Sequence[int], n: int, found: Sequence[Change], config: dict[str, Any]) -> Case:
    """Return the case that `decide` and `watch` see after the n-th call."""
    known = tuple(failed[: bisect_right(failed, n)])
    noticed = tuple(change for change in found if change.alarm_at <= n)
    stream = CallsInOrder(known, n, (), noticed)
    counts = {"id": "calls", "rung": "bare", "n": n, "k_final": len(known), "traffic_share": 1.0}
    evidence = {"strategies": [{**counts, **of_calls(stream, stream.part(()), n)}], "config": config}
    return Case(read_evidence(evidence))


def ever_enough(failed: Sequence[int], n: int, config: dict[str, Any]) -> bool:
    """Return whether a look passes: before a failure, before a fall is noticed, or at the end."""
    result = changes(failed, n)
    before = {number - 1 for number in failed} - set(failed) | {n}
    before |= {change.alarm_at - 1 for change in result if change.direction == "fall"}
    looks = (number for number in sorted(before) if number > 0)
    return any(looked_at(failed, number, result, config).strategies[0].state == "pass" for number in looks)


def ever_above(failed: Sequence[int], n: int, config: dict[str, Any]) -> tuple[bool, bool]:
    """Return whether the rate is ever proved to exceed the target, and whether a rise is ever open.

    An outage that continues is a rise. Then the verdict is to find the change, and it has no rate before the rise.
    """
    result = changes(failed, n)
    above = rise = False
    for number in failed:
        case = looked_at(failed, number, result, config)
        if open_rise(case, case.strategies[0]) is not None:
            rise = True
        elif case.strategies[0].state == "fail":
            above = True
        if above and rise:
            break
    return above, rise


def bursts_part(streams: int, rng: random.Random, text: Callable[[str], None]) -> Iterator[Row]:
    """Yield the rows for bursts of mean length 20 with a target of 1%."""
    asked, plain = {"target": TARGET, "burst_length": BURST}, {"target": TARGET}
    for name, failing, config, at_most in (
        ("asked about", 1.0, asked, 0.06),
        ("asked about, half of their calls failing", 0.5, asked, None),
        ("not asked about", 1.0, plain, None),
    ):
        wrong = 0
        for stream in range(streams):
            wrong += ever_enough(in_bursts(0.02, CALLS, rng, failing=failing), CALLS, config)
            text(f"enough, bursts {name}: {wrong} of {stream + 1}")
        what = f"2 % in bursts of {BURST}, {CALLS:,} calls: ever enough, bursts {name}"
        yield Row(what, wrong / streams, "share", at_most, streams=streams)


def above_part(streams: int, rng: random.Random, text: Callable[[str], None]) -> Iterator[Row]:
    """Yield the rows for bursts of mean length 20 far below the target."""
    config = {"target": TARGET, "burst_length": BURST}
    for failing in (1.0, 0.5):
        wrong = rises = 0
        for stream in range(streams):
            above, rise = ever_above(in_bursts(0.005, CALLS, rng, failing=failing), CALLS, config)
            wrong, rises = wrong + above, rises + rise
            text(f"above, {failing:.0%} failing: {wrong} of {stream + 1}")
        what = f".5 % in bursts of {BURST}, {failing:.0%} of their calls failing: ever above"
        yield Row(what, wrong / streams, "share", 0.03 if failing == 1 else None, streams=streams)
        what = "  the same: ever FIND_WHAT_CHANGED while an outage goes on"
        yield Row(what, rises / streams, "share", streams=streams)


def delays(
    before: float, rate: float, at: int, streams: int, rng: random.Random, text: Callable[[str], None]
) -> list[float]:
    """Return the sorted numbers of calls until the changes are noticed. inf if a change is not noticed."""
    results: list[float] = []
    direction = "rise" if rate > before else "fall"
    for stream in range(streams):
        failed = independent(before, at, rng) + independent(rate, LATE, rng, after=at)
        seen = [one for one in changes(failed, at + LATE) if one.direction == direction and one.alarm_at > at]
        results.append(seen[0].alarm_at - at if seen else inf)
        text(f"{before:.1%} to {rate:.1%} after {at:,}: {stream + 1}")
    return sorted(results)


def jumps_part(streams: int, rng: random.Random, text: Callable[[str], None]) -> Iterator[Row]:
    """Yield the rows for jumps of the rate."""
    for at in (4_000, 100_000):
        result = delays(0.003, 0.03, at, streams, rng, text)
        what = f".3 % to 3 % after {at:,} calls"
        yield Row(f"{what}: noticed within, in the median", median(result), "calls", 600)
        yield Row(
            f"{what}: noticed within, in 99 %", min(result[-(-99 * streams // 100) - 1], LATE), "calls", 5_000
        )
    for before, rate in ((0.003, 0.01), (0.05, 0.001)):
        result = delays(before, rate, 4_000, streams, rng, text)
        what = f"{before:.1%} to {rate:.1%} after 4,000 calls"
        yield Row(f"{what}: noticed within, in the median", min(median(result), LATE), "calls")
        late = sum(one == inf for one in result) / streams
        yield Row(f"{what}: not noticed within {LATE:,}", late, "share", streams=streams)


def constant_part(streams: int, rng: random.Random, text: Callable[[str], None]) -> Iterator[Row]:
    """Yield the rows for constant rates."""
    for rate in CONSTANT:
        alarms = 0
        for stream in range(streams):
            alarms += len(changes(independent(rate, CONSTANT_CALLS, rng), CONSTANT_CALLS))
            text(f"constant {rate:.1%}: {alarms} alarms in {(stream + 1) * CONSTANT_CALLS:,} calls")
        mean = alarms / (streams * CONSTANT_CALLS) * 100_000
        yield Row(f"constant {rate:.1%}: false alarms in 100,000 calls, in the mean", mean, "alarms", 1)


def outage_part(streams: int, rng: random.Random, text: Callable[[str], None]) -> Iterator[Row]:
    """Yield the rows for an outage that is over."""
    quiet = 0
    for stream in range(streams):
        before, rate = rng.choice((400, 3_000, 20_000)), rng.choice((0.001, 0.003, 0.005))
        failed = independent(rate, before, rng) + list(range(before + 1, before + OUTAGE + 1))
        n = before + OUTAGE + CLEAN
        quiet += not breaches(looked_at(failed, n, changes(failed, n), {"target": TARGET}))
        text(f"outage: {quiet} of {stream + 1} quiet")
    what = f"after an outage of {OUTAGE} calls and {CLEAN:,} clean ones nothing is a breach"
    yield Row(what, quiet / streams, "share", at_least=0.95, streams=streams)


@dataclass(frozen=True)
class Mix:
    """The inputs of a traffic, with the frequency and the failure rate of each."""

    name: str
    weights: Callable[[], Sequence[float]]
    rates: Callable[[random.Random, int], float]


def zipf(exponent: float, inputs: int = 2_000) -> Callable[[], list[float]]:
    """Return the weights of Zipf's law."""
    return lambda: [rank**-exponent for rank in range(1, inputs + 1)]


def hot(share: float, inputs: int = 2_000) -> Callable[[], list[float]]:
    """Return equal weights, and one input with a share of all calls."""
    return lambda: [share * inputs / (1 - share), *([1.0] * inputs)]


MIXES = (
    Mix("Zipf 1.1, Beta rates", zipf(1.1), lambda rng, index: rng.betavariate(0.2, 10)),
    Mix("Zipf 1.7, Beta rates", zipf(1.7), lambda rng, index: rng.betavariate(0.2, 10)),
    Mix("Zipf 1.1, inputs that always fail or never", zipf(1.1), lambda rng, index: float(rng.random() < 0.02)),
    Mix("Zipf 1.7, inputs that always fail or never", zipf(1.7), lambda rng, index: float(rng.random() < 0.02)),
    Mix("one input is a tenth of the calls and fails 20 %", hot(0.1), lambda rng, index: 0.002 if index else 0.2),
)  # fmt: skip
REPEATS_CALLS = 5_000


def repeats_part(streams: int, rng: random.Random, text: Callable[[str], None]) -> Iterator[Row]:
    """Yield the rows for inputs that repeat. Bounds of the call rate are wrong if they exclude the truth at a look."""
    for mix in MIXES:
        summed = list(accumulate(mix.weights()))
        low = high = drawn = 0
        while drawn < streams:
            rates = [mix.rates(rng, index) for index in range(len(summed))]
            weights = [after - before for before, after in zip([0.0, *summed], summed, strict=False)]
            truth = sum(map(float.__mul__, weights, rates)) / summed[-1]
            if not 0.0005 < truth < 0.2:  # a mix that fails never or always says nothing
                continue
            asked = (
                min(bisect_left(summed, rng.random() * summed[-1]), len(summed) - 1)
                for _ in range(REPEATS_CALLS)
            )
            failed = [number for number, index in enumerate(asked, 1) if rng.random() < rates[index]]
            config = {"target": truth}
            low += ever_enough(failed, REPEATS_CALLS, config)
            high += ever_proved_above(failed, REPEATS_CALLS, config)
            drawn += 1
            text(f"{mix.name}: {low} and {high} of {drawn}")
        yield Row(
            f"{mix.name}: upper bound ever below the truth", low / streams, "share", 0.05, None, streams
        )
        yield Row(
            f"{mix.name}: lower bound ever above the truth", high / streams, "share", 0.05, None, streams
        )


def ever_proved_above(failed: Sequence[int], n: int, config: dict[str, Any]) -> bool:
    """Return whether the lower bound ever exceeds the target."""
    result = changes(failed, n)
    return any(looked_at(failed, number, result, config).strategies[0].state == "fail" for number in failed)


def speed_part(streams: int, rng: random.Random, text: Callable[[str], None]) -> Iterator[Row]:
    """Yield the rows for the CPU time of the detector per call."""
    for rate in (0.003, 0.05, 0.5):
        failed = independent(rate, 50_000, rng)
        best = inf
        for _ in range(3):
            begun = time.process_time()
            changes(failed, 50_000)
            best = min(best, time.process_time() - begun)
        yield Row(f"detector, {rate:.1%} of the calls failing", best / 50_000 * 1e6, "us a call", 6)


PARTS = {
    "bursts": bursts_part, "above": above_part, "jumps": jumps_part, "constant": constant_part,
    "outage": outage_part, "repeats": repeats_part, "speed": speed_part,
}  # fmt: skip


def progress() -> Callable[[str], None]:
    """Return a function that prints the progress on stderr about every two seconds."""
    last = [time.monotonic()]

    def told(text: str) -> None:
        if time.monotonic() - last[0] > 2:
            last[0] = time.monotonic()
            print(f"\r{text:<100}", end="", file=sys.stderr, flush=True)

    return told


def main() -> int:
    """Simulate, print the figures with the promises, and write them if requested."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--streams", type=int, default=500)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--parts", default=",".join(PARTS))
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    known: dict[str, Any] = {}
    if arguments.output is not None and arguments.output.exists():
        known = json.loads(arguments.output.read_text(encoding="utf-8"))
    seed = arguments.seed if arguments.seed is not None else known.get("seed", secrets.randbelow(2**32))
    if (known.get("seed"), known.get("streams")) != (seed, arguments.streams):
        known = {}
    value: dict[str, list[dict[str, Any]]] = known.get("parts", {})
    lines = [f"{arguments.streams} streams each, looked at after every call, seed {seed}"]
    print(lines[0])
    is_kept = True
    for name in arguments.parts.split(","):
        if name not in value:
            rng = random.Random(f"{seed} {name}")  # a simulation
            value[name] = [asdict(row) for row in PARTS[name](arguments.streams, rng, progress())]
            if arguments.output is not None:
                _write(arguments.output, arguments.streams, seed, value)
        rows = [Row(**row) for row in value[name]]
        lines += ["", *(row.text() for row in rows)]
        print("\n".join(["", *(row.text() for row in rows)]), flush=True)
        is_kept = is_kept and all(row.kept for row in rows)
    if arguments.output is not None:
        arguments.output.with_suffix(".txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return 0 if is_kept else 1


def _write(output: Path, streams: int, seed: int, parts: dict[str, list[dict[str, Any]]]) -> None:
    result = {
        "command": f"python benchmarks/stream_simulation.py --streams {streams} --seed {seed} --parts {','.join(parts)}",
        "date": datetime.now(UTC).date().isoformat(),
        "python": platform.python_version(),
        "schema_guard": __version__,
        "streams": streams,
        "seed": seed,
        "parts": parts,
    }
    output.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
