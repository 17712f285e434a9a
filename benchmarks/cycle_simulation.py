"""Count false alarms for failure rates that follow the week, and the calls until a real rise in the pattern is found.

    python benchmarks/cycle_simulation.py [--streams 300] [--seed N] [--output FILE.json]

Each stream has eight weeks of calls with known rates. The first call comes at a random hour of the week. The calls go
through the functions that put the calls of a store in order for `decide` and `watch`. The parts of the week are proved from
the complete weeks before each look, and an open rise counts at every look of the week after them.

Without --seed, a fresh seed is drawn and printed. With --output, a text file is written beside the JSON file. The exit
status is 1 if a promise is not kept.
"""

from __future__ import annotations

import argparse
import json
import platform
import random
import secrets
import sys
from bisect import bisect_right
from dataclasses import asdict
from datetime import UTC, datetime
from math import inf, log1p
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, NamedTuple

from stream_simulation import Row, progress

from schema_guard import __version__
from schema_guard.decide.recorded.stream import in_order
from schema_guard.decide.recorded.weeks import Calendar
from schema_guard.stats import changes, growing_since

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from schema_guard.decide.recorded.stream import CallsInOrder

MONDAY = 1_780_272_000  # 2026-06-01, 0:00 UTC
HOUR_S = 3_600
WEEK = 168
WEEKS = 8
WITHIN = 1_000
CALLS, JUMP, BEFORE = 14_000, 3_000, 0.003
WEDNESDAY, SATURDAY = 48, 120
WEEKEND, NIGHT = (
    frozenset(range(120, 168)),
    frozenset(h for h in range(WEEK) if h % 24 in (22, 23, *range(6))),
)


class Stream(NamedTuple):
    """Calls by the hour: the numbers of the failed ones, and of each hour the last number and the start."""

    begins: int
    failed: list[int]
    hours: list[tuple[int, int]]

    def seen_at(self, week: int) -> CallsInOrder:
        """Return the calls known in the last hour of a week, when only the weeks before it are complete."""
        end = self.begins + (week + 1) * WEEK * HOUR_S - HOUR_S
        hours = [one for one in self.hours if one[1] < end]
        n = hours[-1][0]
        calendar = Calendar(UTC, self.begins, end)
        return in_order([one for one in self.failed if one <= n], n, hours, calendar)

    def first_call(self, hour: int) -> int:
        """Return the number of the first call of an hour. The first hour is 0."""
        return self.hours[hour - 1][0] + 1 if hour else 1


class Traffic(NamedTuple):
    """Calls a day, the rate at most hours of the week, the rate at the other hours, and these hours."""

    per_day: int
    rate: float
    other: float = 0.0
    hours: frozenset[int] = frozenset()

    def at(self, hour_of_week: int) -> float:
        """Return the rate at an hour of the week."""
        return self.other if hour_of_week in self.hours else self.rate


def drawn(
    before: Traffic, rng: random.Random, *, after: Traffic | None = None, jump: int = -1
) -> tuple[Stream, int]:
    """Draw a stream, whose rates change at the first hour of the week *jump* from some week on.

    Returns:
        The stream, and the number of hours before the rates change.
    """
    start = rng.randrange(WEEK)
    week, of_week = divmod(jump, WEEK)
    changes_at = week * WEEK + (of_week - start) % WEEK if after else WEEKS * WEEK
    failed: list[int] = []
    hours: list[tuple[int, int]] = []
    end = 0
    for hour in range(WEEKS * WEEK):
        traffic = before if after is None or hour < changes_at else after
        rate, last = traffic.at((start + hour) % WEEK), traffic.per_day * (hour + 1) // 24
        while True:
            end += 1 + int(log1p(-rng.random()) / log1p(-rate))
            if end > last:
                break
            failed.append(end)
        end = last
        hours.append((last, MONDAY + (start + hour) * HOUR_S))
    return Stream(hours[0][1], failed, hours), changes_at


def open_rise(seen: CallsInOrder, week: int) -> bool:
    """Return whether a rise is open at any look of a week."""
    assert seen.weeks is not None
    first = seen.weeks.starts[week]
    for series in seen.series:
        earlier = [one for one in series if one.alarm_at < first]
        if any(one.direction == "rise" for one in [*earlier[-1:], *series[len(earlier) :]]):
            return True
    return False


def ever_open(
    traffic: Traffic, streams: int, rng: random.Random, text: Callable[[str], None]
) -> tuple[float, float]:
    """Return the share of streams with an open rise in weeks 3 to 8, and the share with a pattern by the end."""
    rises = patterns = 0
    for number in range(streams):
        stream, _ = drawn(traffic, rng)
        looks = [stream.seen_at(week) for week in range(2, WEEKS)]
        rises += any(open_rise(seen, week) for week, seen in enumerate(looks, 2))
        patterns += any(seen.weeks is not None and bool(seen.weeks.parts) for seen in looks)
        text(f"{traffic}: {rises} rises and {patterns} patterns of {number + 1}")
    return rises / streams, patterns / streams


def patterns_part(streams: int, rng: random.Random, text: Callable[[str], None]) -> Iterator[Row]:
    """Yield the rows for rates that follow the week."""
    for name, traffic, at_most in (
        ("weekends 3 %, the rest 0.3 %, 400 calls a day", Traffic(400, 0.003, 0.03, WEEKEND), 0.02),
        ("weekends 1.5 %, the rest 0.5 %, 1,000 calls a day", Traffic(1_000, 0.005, 0.015, WEEKEND), 0.08),
        ("22:00 to 6:00 3 %, the rest 0.3 %, 400 calls a day", Traffic(400, 0.003, 0.03, NIGHT), None),
    ):
        rises, patterns = ever_open(traffic, streams, rng, text)
        yield Row(f"{name}: ever an open rise in weeks 3 to 8", rises, "share", at_most, streams=streams)
        yield Row(f"{name}: pattern found by week 8", patterns, "share", streams=streams)


def constant_part(streams: int, rng: random.Random, text: Callable[[str], None]) -> Iterator[Row]:
    """Yield the rows for constant rates."""
    for per_day, rate in ((400, 0.003), (400, 0.01), (1_000, 0.005), (1_000, 0.03)):
        rises = patterns = 0
        for number in range(streams):
            stream, _ = drawn(Traffic(per_day, rate), rng)
            looks = [stream.seen_at(week) for week in range(2, WEEKS)]
            patterns += any(seen.weeks is not None and bool(seen.weeks.parts) for seen in looks)
            rises += sum(one.direction == "rise" for one in looks[-1].changes)
            text(f"constant {rate:.1%}: {rises} rises and {patterns} patterns of {number + 1}")
        name = f"constant {rate:.1%}, {per_day:,} calls a day"
        yield Row(
            f"{name}: a pattern in any of the weeks", patterns / streams, "share", 0.02, streams=streams
        )
        mean = rises / (streams * per_day * 7 * WEEKS) * 100_000
        yield Row(f"{name}: false rises in 100,000 calls, in the mean", mean, "rises", 1)


def delay(stream: Stream, jump: int) -> float:
    """Return the number of calls until a rise that begins with an hour is noticed. inf if it takes over two weeks."""
    first, week = stream.first_call(jump), jump // WEEK
    found = inf
    for look in range(week, min(week + 2, WEEKS)):
        seen = stream.seen_at(look)
        assert seen.weeks is not None
        # A week's parts show an earlier alarm at the first look of that week.
        begins = max(first, seen.weeks.starts[look])
        alarms = [one.alarm_at for one in seen.changes if one.direction == "rise" and one.alarm_at > first]
        found = min([found, *(max(one, begins) - first for one in alarms)])
    return found


def jumps_part(streams: int, rng: random.Random, text: Callable[[str], None]) -> Iterator[Row]:
    """Yield the rows for rises within a pattern."""
    before = Traffic(400, 0.003, 0.03, WEEKEND)
    for name, hour, after, at_least in (
        ("the rest 0.3 to 3 % on a Wednesday", WEDNESDAY, Traffic(400, 0.03, 0.03, WEEKEND), 0.9),
        ("weekends 3 to 12 % on a Saturday", SATURDAY, Traffic(400, 0.003, 0.12, WEEKEND), 0.8),
    ):
        for week in (3, 5):
            delays = []
            for number in range(streams):
                stream, jump = drawn(before, rng, after=after, jump=(week - 1) * WEEK + hour)
                delays.append(delay(stream, jump))
                text(f"{name} of week {week}: {number + 1}")
            what = f"{name} of week {week}, 400 calls a day"
            share = sum(one <= WITHIN for one in delays) / streams
            yield Row(
                f"{what}: noticed within {WITHIN:,} calls", share, "share", at_least=at_least, streams=streams
            )
            yield Row(f"{what}: noticed within, in the median", median(delays), "calls")


def no_pattern_part(streams: int, rng: random.Random, text: Callable[[str], None]) -> Iterator[Row]:
    """Yield the rows for jumps without a pattern, with the delays of the plain detector."""
    delays = []
    for number in range(streams):
        stream, jump = drawn(
            Traffic(400, 0.003), rng, after=Traffic(400, 0.03), jump=rng.randrange(WEEK, 5 * WEEK)
        )
        delays.append(delay(stream, jump))
        text(f"no pattern: {number + 1}")
    ordered = sorted(delays)
    what = "no pattern, 0.3 to 3 % in week 2 to 5"
    yield Row(f"{what}: noticed within, in the median", median(ordered), "calls", 600)
    yield Row(f"{what}: noticed within, in 99 %", ordered[-(-99 * streams // 100) - 1], "calls", 5_000)


def growth_part(streams: int, rng: random.Random, text: Callable[[str], None]) -> Iterator[Row]:
    """Yield the rows for jumps and linear rises, with the share of each for which growth is reported as possible."""
    for name, rate, at_most in (
        ("a jump", 0.03, 0.1),
        ("a jump", 0.06, 0.1),
        ("a jump", 0.015, 0.1),
        ("a rise in four weeks", 0.03, None),
    ):
        for looked in (0, 1_000, 5_000):
            growing = noticed = 0
            for number in range(streams):
                failed = [
                    one
                    for one in range(1, CALLS + 1)
                    if rng.random() < _rate(one, rate, is_jump=at_most is not None)
                ]
                found = [
                    one for one in changes(failed, CALLS) if one.direction == "rise" and one.alarm_at > JUMP
                ][:1]
                if found:
                    last = min(found[0].alarm_at + looked, CALLS)
                    seen = failed[: bisect_right(failed, last)]
                    noticed += 1
                    growing += growing_since(seen, last, changes(seen, last)) is not None
                text(f"{name} to {rate:.1%}: {growing} of {number + 1}")
            what = f"{name} from 0.3 to {100 * rate:g} %, {looked:,} calls after the alarm: may have been growing"
            yield Row(what, growing / noticed, "share", at_most, streams=noticed)


def _rate(number: int, rate: float, *, is_jump: bool) -> float:
    after = max(0, number - JUMP) / (28 * 400)
    return BEFORE + (rate - BEFORE) * (float(number > JUMP) if is_jump else after)


PARTS = {
    "patterns": patterns_part, "constant": constant_part, "jumps": jumps_part, "no_pattern": no_pattern_part,
    "growth": growth_part,
}  # fmt: skip


def main() -> int:
    """Simulate, print the figures with the promises, and write them if requested."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--streams", type=int, default=300)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--parts", default=",".join(PARTS))
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    streams = arguments.streams
    seed = secrets.randbelow(2**32) if arguments.seed is None else arguments.seed
    lines = [f"{streams} streams of {WEEKS} weeks each, seed {seed}"]
    print(lines[0])
    parts: dict[str, list[dict[str, Any]]] = {}
    is_kept = True
    for name in arguments.parts.split(","):
        rng = random.Random(f"{seed} {name}")  # a simulation
        rows = list(PARTS[name](streams, rng, progress()))
        parts[name] = [asdict(row) for row in rows]
        lines += ["", *(row.text() for row in rows)]
        print("\n".join(["", *(row.text() for row in rows)]), flush=True)
        is_kept = is_kept and all(row.kept for row in rows)
    if arguments.output is not None:
        _write(arguments.output, streams, seed, parts)
        arguments.output.with_suffix(".txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return 0 if is_kept else 1


def _write(output: Path, streams: int, seed: int, parts: dict[str, list[dict[str, Any]]]) -> None:
    result = {
        "command": f"python benchmarks/cycle_simulation.py --streams {streams} --seed {seed} --parts {','.join(parts)}",
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
