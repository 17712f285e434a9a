"""Measure the speed at which several processes write to one store in PostgreSQL, and at which it is read.

    python benchmarks/postgres_speed.py [--writers 4] [--attempts 100000] [--url URL] [--output FILE]

Each writer is a process that writes synthetic attempts like those of `store_speed.py` through `Session.write`. Its
transactions have 500 calls, like those of the writer's thread. The rows are made before the clock starts. Without
--url, the script starts a server on a Unix socket, with the defaults of PostgreSQL (`fsync` and `synchronous_commit`
on) except 256 MB of shared buffers. The server shares the processors with its writers. All times are wall times.
"""

from __future__ import annotations

import argparse
import importlib.util
import itertools
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from schema_guard.decide.recorded.from_store import gather_each
from schema_guard.records import open_store, urls
from schema_guard.records.attempts import Where
from schema_guard.records.backend import pages
from schema_guard.report import report_on
from tests.records.scan import scanned

ROOT = Path(__file__).resolve().parent.parent
_CALLS_A_BATCH, _WEEK_S = 500, 7 * 86_400
_SERVER = {
    "fsync": "on", "synchronous_commit": "on", "full_page_writes": "on", "autovacuum": "on", "shared_buffers": "256MB",
}  # fmt: skip


def _module(path: str) -> object:
    spec = importlib.util.spec_from_file_location(Path(path).stem, ROOT / path)
    if spec is None or spec.loader is None:
        raise FileNotFoundError(path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def write(url: str, seed: int, attempts: int) -> None:
    """Write attempts after a line on standard input, and print their number."""
    made_up_calls = _module("benchmarks/store_speed.py").made_up_calls  # type: ignore[attr-defined]
    calls, batches, rows = made_up_calls(seed), [], 0
    while rows < attempts:
        several = [row for call in itertools.islice(calls, _CALLS_A_BATCH) for row in call]
        batches.append([(f"{seed:04x}{row[0][4:]}", *row[1:]) for row in several])
        rows += len(several)
    session = urls.connect(url).session()
    print("ready", flush=True)
    sys.stdin.readline()
    for batch in batches:
        session.write(batch, {}, 0.0)
    session.close()
    print(rows, flush=True)


def measured(url: str, writers: int, attempts: int) -> tuple[int, float]:
    """Run writers at the same time. Return the rows of all, and the seconds until the last one is done."""
    open_store(url).close()
    command = [sys.executable, __file__, "--url", url, "--attempts", str(attempts // writers), "--seed"]
    processes = [
        subprocess.Popen(
            [*command, str(seed)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        for seed in range(1, writers + 1)
    ]  # fmt: skip
    for process in processes:
        if process.stdout is None or process.stdout.readline() != "ready\n":
            raise RuntimeError("a writer did not start")
    begun = time.perf_counter()
    for process in processes:
        if process.stdin is not None:
            process.stdin.write("\n")
            process.stdin.flush()
    rows = sum(int(process.communicate()[0]) for process in processes)
    return rows, time.perf_counter() - begun


def cpu_of(action: Callable[[], object]) -> float:
    """Return the least CPU time of three runs, in seconds."""
    least = float("inf")
    for _ in range(3):
        begun = time.process_time()
        action()
        least = min(least, time.process_time() - begun)
    return least


def report(url_of: object, writers: int, attempts: int) -> list[str]:
    """Return the lines of the result."""
    lines = []
    for several in sorted({1, writers}):
        url = url_of(f"speed_{several}")  # type: ignore[operator]
        rows, took_s = measured(url, several, attempts)
        with open_store(url) as store:
            begun = time.perf_counter()
            counted = store.configurations()
            read_s = time.perf_counter() - begun
            info = store.info()
            is_sound = store.check().is_sound
            since = max(counts.last_started_at or 0.0 for counts in counted) - _WEEK_S
            reads = [
                cpu_of(partial(read, store, since=at))
                for at in (None, since)
                for read in (report_on, gather_each)
            ]
            last_week = [replace(counts, id=None) for counts in store.configurations(since=since)]
            is_week_right = last_week == scanned(pages(store.backend, Where(since)))
        stored = sum(sums.attempts for one in counted for sums in one.sums)
        if not (rows == stored == info.rows and is_sound and is_week_right):
            raise RuntimeError(f"{rows} rows were written, {info.rows} are stored, {stored} counted")
        lines.append(
            f"{several} writer{'s' * (several > 1):<2} {rows / took_s:>9,.0f} rows/s together, "
            f"{info.size_bytes / rows:,.0f} bytes a row, configurations() {read_s * 1_000:,.1f} ms"
        )
        lines.append(
            "             CPU of the reader: report {:.2f} s, decide {:.2f} s, of a week {:.2f} s, {:.2f} s".format(
                *reads
            )
        )
    return [
        f"{info.engine}, {rows:,} attempts each time, all stored and counted once, the last week as by a scan",
        "",
        *lines,
    ]


def main() -> None:
    """Measure, and print the result."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--writers", type=int, default=4)
    parser.add_argument("--attempts", type=int, default=100_000)
    parser.add_argument("--url")
    parser.add_argument("--seed", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--output", type=Path)
    asked = parser.parse_args()
    if asked.seed is not None:
        write(asked.url, asked.seed, asked.attempts)
        return
    server = None
    if asked.url is None:
        server = _module("tests/public/records/server.py").Server(**_SERVER)  # type: ignore[attr-defined]
    try:
        joint = "&" if "?" in (asked.url or "") else "?"
        url_of = server.url if server else (lambda schema: f"{asked.url}{joint}schema={schema}")
        result = report(url_of, asked.writers, asked.attempts)
    finally:
        if server:
            server.stop()
    head = f"{datetime.now(UTC):%Y-%m-%d}, Python {platform.python_version()}, {os.cpu_count()} processors"
    command = f"python benchmarks/postgres_speed.py --attempts {asked.attempts} --writers {asked.writers}"
    text = "\n".join([command, head, *result]) + "\n"
    print(text, end="")
    if asked.output:
        asked.output.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
