"""What kills and damaged bytes do to a store: python benchmarks/store_faults.py.

    python benchmarks/store_faults.py [--kills 100] [--flips 200] [--output benchmarks/results/NAME.txt]

Kills: processes that record 300 calls a second into one file are killed with -9 at a random moment, one after the
other, with each durability. A call is acknowledged when `record` has returned. Then the file is checked.
Damage: in a copy of a store one bit at a random place is changed, or the file is cut after each of its pages, or its
header is zeroed; each time `store check` looks at it. What it does not name is compared with the store, value by value.
Cost: the CPU time of writing in batches of 500 calls with and without checksums, in turn, the minimum of each; and that
of a check.
"""

import argparse
import os
import platform
import random
import signal
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from store_speed import made_up_calls

from schema_guard.errors import StoreError
from schema_guard.records import Store, open_store
from schema_guard.records.sqlite import checksums
from schema_guard.records.sqlite.database import SQLite
from schema_guard.values import Attempt, Call, Outcome, Usage

_CALLS_A_SECOND = 300
_CALLS = 1_500  # of the store that is damaged
_HEADER = 100
_BATCHES, _REPEATS = 60, 5


def outcome(name: str, number: int) -> Outcome[Any]:
    """Give a call of one attempt, every fifth of which failed."""
    usage = Usage(500 + number % 7, 90, None, None)
    attempt = Attempt(1, "bare", "p", "{}", None, "clean", (), usage, 0.001, "stop", 0.25 + number % 3)
    called = Call(
        name, f"app.f{number % 2}", "invoice", "f" * 16, "model", None, "bare", "{}", "v1", None,
        f"{number % 700:032x}", None, 1.75e9 + 10 * number,
    )  # fmt: skip
    return Outcome(True, None, (attempt,), None, usage, None, 0.5, called)


def recording(path: Path, durability: Any, first: int, text: int) -> None:
    """Record until killed; tells each call that was recorded."""
    store = open_store(str(path), durability=durability)
    number = first
    while True:
        store.record(outcome(f"{number:032x}", number))
        os.write(text, b"%d\n" % number)
        number += 1
        time.sleep(1 / _CALLS_A_SECOND)


def killed(path: Path, durability: str, first: int, after_s: float) -> list[int]:
    """Run a process that records, and kill it; gives the calls that it had acknowledged."""
    heard, text = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            recording(path, durability, first, text)
        finally:
            os._exit(1)
    os.close(text)
    acknowledged = os.read(heard, 100)  # from the first one on
    time.sleep(after_s)
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if os.WTERMSIG(status) != signal.SIGKILL:
        raise SystemExit("a process ended by itself")
    while more := os.read(heard, 65_536):
        acknowledged += more
    os.close(heard)
    return [int(line) for line in acknowledged.split(b"\n")[:-1]]


def kills(folder: Path, durability: str, times: int) -> str:
    """Kill processes with one durability; gives a line."""
    path, draw = folder / f"{durability}.db", random.Random(1)
    acknowledged: list[list[int]] = []
    for _ in range(times):
        first = acknowledged[-1][-1] + 10 if acknowledged else 0
        acknowledged.append(killed(path, durability, first, draw.uniform(0.0, 0.4)))
    with Store(SQLite(path)) as store:
        stored = {int(row["call_id"], 16) for row in store.attempts()}
        check = store.check()
    lost = [len(set(numbers) - stored) for numbers in acknowledged]
    return (
        f"{durability:<8} {times} kills, {sum(map(len, acknowledged)):>6,} rows acknowledged, {sum(lost):>4} lost, "
        f"{max(lost):>2} at most by one kill; store check: {'sound' if check.is_sound else check.damage}"
    )


def content(path: Path) -> Any:
    """Give all that a file holds, by what reading gives."""
    with closing(sqlite3.connect(path)) as connection:
        tables = connection.execute("SELECT name, sql FROM sqlite_schema ORDER BY name").fetchall()
        results: list[Any] = [tables, connection.execute("PRAGMA user_version").fetchall()]
        names = [name for name, sql in tables if sql and sql.startswith("CREATE TABLE")]
        results += [connection.execute(f"SELECT * FROM {name}").fetchall() for name in names]
        return results


def told(path: Path, right: Any) -> str:
    """Say what a check finds in a file, or whether it holds what it held."""
    try:
        with Store(SQLite(path)) as store:
            check = store.check()
    except StoreError:
        return "refused when it is opened"
    if not check.is_sound:
        by_sqlite = {"file", "references", "tables"} & {one.part for one in check.damage}
        return "named, SQLite sees it too" if by_sqlite else "named, SQLite sees nothing"
    try:
        return "in bytes that nothing reads" if content(path) == right else "MISSED"
    except sqlite3.Error:
        return "MISSED"


def damage(folder: Path, flips: int) -> list[str]:
    """Damage copies of a store; gives lines."""
    path = folder / "sound.db"
    with open_store(str(path)) as store:
        for number in range(_CALLS):
            store.record(outcome(f"{number:032x}", number))
        store.flush(60.0)
        store.set_target("f" * 16, 0.01)
    whole, right, copy = path.read_bytes(), content(path), folder / "copy.db"
    draw, flipped = random.Random(1), Counter[str]()
    for _ in range(flips):
        place, bit = draw.randrange(len(whole)), draw.randrange(8)
        copy.write_bytes(whole[:place] + bytes([whole[place] ^ 1 << bit]) + whole[place + 1 :])
        flipped[told(copy, right)] += 1
    page = int.from_bytes(whole[16:18], "big")
    cut = Counter[str]()
    for size in range(page, len(whole), page):
        copy.write_bytes(whole[:size])
        cut[told(copy, right)] += 1
    copy.write_bytes(bytes(_HEADER) + whole[_HEADER:])
    return [
        f"{_CALLS:,} attempts in {len(whole):,} bytes",
        *(f"{flips} bits changed: {count:>4} {what}" for what, count in flipped.most_common()),
        *(f"cut after each page: {count:>4} {what}" for what, count in cut.most_common()),
        f"header zeroed: {told(copy, right)}",
    ]


def written(path: Path) -> tuple[float, int]:
    """Write a store; gives the CPU seconds that its batches took, and how many attempts those were."""
    made, took, attempts = made_up_calls(1), 0.0, 0
    with closing(SQLite(path).session()) as session:
        for _ in range(_BATCHES):
            rows = [row for _ in range(500) for row in next(made)]
            begun = time.process_time()
            session.write(rows, {}, 1.75e9)
            took, attempts = took + time.process_time() - begun, attempts + len(rows)
    return took, attempts


def cost(folder: Path) -> list[str]:
    """Measure what checksums cost; gives lines."""
    stored, least = checksums.add, {True: float("inf"), False: float("inf")}
    attempts = 0
    for number in range(2 * _REPEATS):
        has = number % 2 == 0
        checksums.add = stored if has else lambda *_: None
        took, attempts = written(folder / f"cost{number}.db")
        least[has] = min(least[has], took)
    checksums.add = stored
    with Store(SQLite(folder / "cost0.db")) as store:
        begun = time.process_time()
        is_sound = store.check().is_sound
        checked_s = time.process_time() - begun
    us = {has: 1e6 * took / attempts for has, took in least.items()}
    return [
        f"writing {attempts:,} attempts: {us[True]:.1f} us of CPU each with checksums, {us[False]:.1f} without",
        f"checking them: {1e6 * checked_s / attempts:.1f} us each; {'sound' if is_sound else 'DAMAGED'}",
    ]


def main() -> None:
    """Run, print, and write it when asked."""
    parser = argparse.ArgumentParser(description="What kills and damaged bytes do to a store.")
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--flips", type=int, default=200)
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        lines = [
            f"python benchmarks/store_faults.py --kills {arguments.kills} --flips {arguments.flips}",
            f"{datetime.now(UTC).date().isoformat()}, SQLite {sqlite3.sqlite_version}, Python {platform.python_version()}",
            "",
            *(kills(Path(folder), durability, arguments.kills) for durability in ("sync", "queue")),
            *damage(Path(folder), arguments.flips),
            *cost(Path(folder)),
        ]
    text = "\n".join(lines) + "\n"
    sys.stdout.write(text)
    if arguments.output is not None:
        arguments.output.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
