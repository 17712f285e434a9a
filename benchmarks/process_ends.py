"""Measure the records that survive each kind of end of a process, in rows and milliseconds.

    python benchmarks/process_ends.py [--repeat 3] [--output FILE]

A process records at a constant rate for a second, prints the number of each attempt after `record` returned, and ends.
A printed attempt that is not in the file is lost. The milliseconds are from the start of its end to the end of the
process. Power failures are not tried, because a stored row is in the file system, not on the disk
(`synchronous = NORMAL`).
"""

from __future__ import annotations

import argparse
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
RATES = (1, 20, 200)

_SCRIPT = """
import os, runpy, signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell starts what runs in its background deaf to it
url, rate, durability, end = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
from schema_guard import flush_on_sigterm
from schema_guard.records import resolve_store
outcome = runpy.run_path("tests/public/records/outcomes.py")["outcome"]
def work(n=0):
    store = resolve_store(f"{url}?durability={durability}")
    begun = time.monotonic()
    for k in range(max(3, rate)):
        time.sleep(max(0.0, begun + k / rate - time.monotonic()))
        store.record(outcome())
        os.write(1, b"r\\n")
if end == "SIGTERM, flush_on_sigterm()":
    flush_on_sigterm()
if end == "multiprocessing.Pool":
    import multiprocessing
    with multiprocessing.get_context("fork").Pool(1) as pool:
        pool.map(work, [0])
        os.write(1, b"end\\n")
        pool.close(); pool.join()
    sys.exit()
if end == "multiprocessing.Pool, terminated":
    import multiprocessing
    with multiprocessing.get_context("fork").Pool(1) as pool:
        pool.map(work, [0])
        os.write(1, b"end\\n")
    sys.exit()
work()
os.write(1, b"end\\n")
if end == "os._exit":
    os._exit(0)
if end == "exception":
    raise RuntimeError("ends")
if end != "return":
    time.sleep(30)
"""
_SIGNALS = {
    "SIGINT": signal.SIGINT,
    "SIGTERM": signal.SIGTERM,
    "SIGTERM, flush_on_sigterm()": signal.SIGTERM,
    "SIGKILL": signal.SIGKILL,
}
ENDS = (
    "return", "exception", "SIGINT", "SIGTERM", "SIGTERM, flush_on_sigterm()", "os._exit", "multiprocessing.Pool",
    "multiprocessing.Pool, terminated", "SIGKILL",
)  # fmt: skip


class Ended(NamedTuple):
    """The records of one process after its end."""

    recorded: int
    lost: int
    seconds: float


def run(end: str, rate: int, durability: str) -> Ended:
    """Run a process that records and ends, and count the rows in the file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "records.db"
        command = [sys.executable, "-c", _SCRIPT, f"sqlite:///{path}", str(rate), durability, end]
        process = subprocess.Popen(
            command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, restore_signals=True,
        )  # fmt: skip
        assert process.stdout is not None
        recorded = 0
        for line in process.stdout:
            if line == b"end\n":
                break
            recorded += 1
        begun = time.perf_counter()
        if end in _SIGNALS:
            process.send_signal(_SIGNALS[end])
        process.wait(timeout=60)
        seconds = time.perf_counter() - begun
        connection = sqlite3.connect(path)
        ((stored,),) = connection.execute("SELECT count(*) FROM attempts").fetchall()
        connection.close()
    return Ended(recorded, recorded - stored, seconds)


def main() -> None:
    """Print a row for each end and durability, with a column for each rate."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    lines = [
        f"python benchmarks/process_ends.py --repeat {arguments.repeat}",
        (
            f"{datetime.now(UTC):%Y-%m-%d}, SQLite {sqlite3.sqlite_version}, Python {sys.version.split()[0]}; most rows lost in "
            f"one of {arguments.repeat} processes / of how many, and the longest end in ms"
        ),
        "",
        f"{'end':34}{'durability':12}" + "".join(f"{f'{rate}/s':>22}" for rate in RATES),
    ]
    for end in ENDS:
        for durability in ("queue", "sync"):
            cells = []
            for rate in RATES:
                results = [run(end, rate, durability) for _ in range(arguments.repeat)]
                worst = max(results, key=lambda ended: ended.lost)
                longest = max(ended.seconds for ended in results)
                cells.append(f"{f'{worst.lost}/{worst.recorded}':>12}{f'{longest * 1000:.0f} ms':>10}")
            lines.append(f"{end:34}{durability:12}" + "".join(cells))
            print(lines[-1], file=sys.stderr, flush=True)
    lines[1] += f"; load {os.getloadavg()[2]:.0f}"
    text = "\n".join(lines) + "\n"
    if arguments.output:
        arguments.output.write_text(text, encoding="utf-8")
    print(text, end="")


if __name__ == "__main__":
    main()
