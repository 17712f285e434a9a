"""Check a store after kills and with damaged bytes: python benchmarks/store_faults.py.

    python benchmarks/store_faults.py [--kills 100] [--flips 200] [--output benchmarks/results/NAME.txt]

Kills: processes that record 300 calls a second into one file are killed with -9 at a random moment, one after another,
with each durability. A call is acknowledged when `record` has returned. Then the file is checked.
Maintenance: processes that merge, import, export, prune, delete a function in, and rebuild a copy of a store are killed
with -9 at a random moment. Then the file is checked, the command is run to its end, and the file is checked again.
Damage: in a copy of a store, one bit at a random place is changed, or the file is cut after each of its pages, or its
header is zeroed. Each time, `store check` examines it. If the check finds nothing, the counts and all values are compared
with those of the store.
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
from collections.abc import Callable
from contextlib import closing, redirect_stderr, redirect_stdout
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from store_speed import made_up_calls

from schema_guard.errors import StoreError
from schema_guard.records import Store, open_store
from schema_guard.records.payloads.retention import Forgotten, Retention
from schema_guard.records.sqlite.database import SQLite
from schema_guard.values import Attempt, Call, Outcome, Usage

_CALLS_A_SECOND = 300
_CALLS = 1_500  # of the store that is damaged
_HEADER = 100


def outcome(name: str, number: int) -> Outcome[Any]:
    """Return a call with one attempt."""
    usage = Usage(500 + number % 7, 90, None, None)
    attempt = Attempt(1, "bare", "p", "{}", None, "clean", (), usage, 0.001, "stop", 0.25 + number % 3)
    called = Call(
        name, f"app.f{number % 2}", "invoice", "f" * 16, "model", None, "bare", "{}", "v1", None,
        f"{number % 700:032x}", None, 1.75e9 + 10 * number,
    )  # fmt: skip
    return Outcome(True, None, (attempt,), None, usage, None, 0.5, called)


def recording(path: Path, durability: Any, first: int, text: int) -> None:
    """Record calls until killed, and write the number of each recorded call to a pipe."""
    store = open_store(str(path), durability=durability)
    number = first
    while True:
        store.record(outcome(f"{number:032x}", number))
        os.write(text, b"%d\n" % number)
        number += 1
        time.sleep(1 / _CALLS_A_SECOND)


def killed(path: Path, durability: str, first: int, after_s: float) -> list[int]:
    """Run a process that records, and kill it. Return the calls that it acknowledged."""
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
    """Kill processes with one durability, and return a line."""
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
    """Return the tables of a file and all of their rows."""
    with closing(sqlite3.connect(path)) as connection:
        tables = connection.execute("SELECT name, sql FROM sqlite_schema ORDER BY name").fetchall()
        results: list[Any] = [tables, connection.execute("PRAGMA user_version").fetchall()]
        names = [name for name, sql in tables if sql and sql.startswith("CREATE TABLE")]
        results += [connection.execute(f"SELECT * FROM {name}").fetchall() for name in names]
        return results


def counted(path: Path) -> Any:
    """Return all counts of a file."""
    with Store(SQLite(path)) as store:
        return store.configurations(), store.by_hour()


def told(path: Path, right: Any, counts: Any) -> str:
    """Return the result of a check of a file, or the effect of its damage."""
    try:
        with Store(SQLite(path)) as store:
            check = store.check()
    except StoreError:
        return "refused when it is opened"
    if not check.is_sound:
        by_sqlite = {"file", "tables"} & {one.part for one in check.damage}
        return "found by SQLite's check" if by_sqlite else "found by the recount"
    try:
        if content(path) == right:
            return "in bytes that nothing reads"
        return "in a value that is not counted" if counted(path) == counts else "MISSED"
    except (sqlite3.Error, StoreError):
        return "MISSED"


def damage(folder: Path, flips: int) -> list[str]:
    """Damage copies of a store, and return lines."""
    path = folder / "sound.db"
    with open_store(str(path)) as store:
        for number in range(_CALLS):
            store.record(outcome(f"{number:032x}", number))
        store.flush(60.0)
        store.set_target("f" * 16, 0.01)
    whole, right, copy = path.read_bytes(), content(path), folder / "copy.db"
    counts = counted(path)
    draw, flipped = random.Random(1), Counter[str]()
    for _ in range(flips):
        place, bit = draw.randrange(len(whole)), draw.randrange(8)
        copy.write_bytes(whole[:place] + bytes([whole[place] ^ 1 << bit]) + whole[place + 1 :])
        flipped[told(copy, right, counts)] += 1
    page = int.from_bytes(whole[16:18], "big")
    cut = Counter[str]()
    for size in range(page, len(whole), page):
        copy.write_bytes(whole[:size])
        cut[told(copy, right, counts)] += 1
    copy.write_bytes(bytes(_HEADER) + whole[_HEADER:])
    return [
        f"{_CALLS:,} attempts in {len(whole):,} bytes",
        *(f"{flips} bits changed: {count:>4} {what}" for what, count in flipped.most_common()),
        *(f"cut after each page: {count:>4} {what}" for what, count in cut.most_common()),
        f"header zeroed: {told(copy, right, counts)}",
    ]


def maintenance(folder: Path, times: int) -> list[str]:
    """Kill processes in maintenance, and return lines."""
    os.environ["SCHEMA_GUARD_HASH_KEY"] = "one key for both stores"
    sound, other, file = folder / "whole.db", folder / "other.db", folder / "whole.jsonl"
    for path, first in ((sound, 0), (other, 1)):
        with closing(SQLite(path).session()) as session:
            made = made_up_calls(1, 100_000 * first)
            for _ in range(10):
                session.write([row for _ in range(1_000) for row in next(made)], {}, 1.75e9)
    shop(["store", "export", "-o", str(file), "--store", f"sqlite:///{other}"])
    commands: dict[str, Callable[[Path], object]] = {
        "merge": lambda path: shop(["store", "import", str(other), "--store", f"sqlite:///{path}"]),
        "import": lambda path: shop(["store", "import", str(file), "--store", f"sqlite:///{path}"]),
        "export": lambda path: shop(
            ["store", "export", "-o", f"{path}.jsonl", "--store", f"sqlite:///{path}"]
        ),
        "prune": lambda path: Store(SQLite(path)).prune(Retention(max_rows=3_000)),
        "forget": lambda path: Store(SQLite(path)).forget(Forgotten("function", "app.extract_order")),
        "rebuild": lambda path: Store(SQLite(path)).rebuild(),
    }
    return [maintained(folder, name, command, sound, times) for name, command in commands.items()]


def shop(command: list[str]) -> None:
    """Run a command of the command line in this process."""
    from schema_guard.cli.command import main as run

    with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere):
        try:
            status = run(command)
        except SystemExit as ended:
            status = ended.code
    if status:
        raise SystemExit(f"{command}: exit {status}")


def maintained(folder: Path, name: str, command: Callable[[Path], object], sound: Path, times: int) -> str:
    """Kill one command at random moments of its run, and return a line."""
    path, draw, killed_inside, damaged = folder / f"{name}.db", random.Random(1), 0, 0
    began = time.perf_counter()
    ended(path, command, sound, None)
    took_s = time.perf_counter() - began
    for _ in range(times):
        killed_inside += ended(path, command, sound, draw.uniform(0.0, took_s)) == -signal.SIGKILL
        with Store(SQLite(path)) as store:
            damaged += not store.check().is_sound
        Path(f"{path}.jsonl").unlink(missing_ok=True)
        command(path)
        with Store(SQLite(path)) as store:
            damaged += not store.check().is_sound
    return f"{name:<8} {times} kills, {killed_inside:>4} before its end; store check: {damaged} of {2 * times} damaged"


def ended(path: Path, command: Callable[[Path], object], sound: Path, after_s: float | None) -> int:
    """Run a command on a copy of a store in a process that is killed after a time. Return its exit status."""
    for end in ("", "-wal", "-shm", ".jsonl"):
        Path(f"{path}{end}").unlink(missing_ok=True)
    path.write_bytes(sound.read_bytes())
    child = os.fork()
    if child == 0:
        try:
            command(path)
        finally:
            os._exit(0)
    if after_s is not None:
        time.sleep(after_s)
        os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def main() -> None:
    """Run, print, and write the result if requested."""
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
            *maintenance(Path(folder), arguments.kills),
            *damage(Path(folder), arguments.flips),
        ]
    text = "\n".join(lines) + "\n"
    sys.stdout.write(text)
    if arguments.output is not None:
        arguments.output.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
