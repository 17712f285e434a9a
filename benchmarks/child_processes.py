"""Check whether each child process records while its parent is busy: python benchmarks/child_processes.py.

    python benchmarks/child_processes.py [--children 200] [--pool-calls 10000] [--short 100] [--output FILE]

Forks: a process with four threads that record all the time forks children one after another, with both engines and both
durabilities. Each child records one call and ends. A child that takes longer than 30 s counts as hung.
Pool: a process with four threads that record forks eight workers at once, which record the calls together.
Short: eight processes record all the time into one file, and processes of one call run one after the other. Each ends
with `os._exit` right after its call.
The script starts the PostgreSQL server, which shares the processors.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import platform
import signal
import subprocess
import sys
import tempfile
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from schema_guard.records import open_store
from schema_guard.values import Attempt, Call, Outcome, Usage

ROOT = Path(__file__).resolve().parent.parent
_HANG_S = 30.0
_THREADS, _WORKERS, _BUSY = 4, 8, 8

_SHORT = """
import os, sys
from schema_guard import About, guard
@guard({"type": "object"}, name="short", about=About(version="v1"), store=sys.argv[1])
def short(prompt):
    return "{}"
short(sys.argv[2])
os._exit(0)
"""
_LONG = """
import sys, time
from schema_guard import About, guard
@guard({"type": "object"}, name="long", about=About(version="v1"), store=sys.argv[1])
def long(prompt):
    return "{}"
print("ready", flush=True)
while True:
    long("again")
    time.sleep(0.002)
"""


def outcome(name: str) -> Outcome[Any]:
    """Return a call of one attempt."""
    usage = Usage(500, 90, None, None)
    attempt = Attempt(1, "bare", "p", "{}", None, "clean", (), usage, 0.001, "stop", 0.25)
    call = Call(
        name, "app.f", "invoice", "f" * 16, "m", None, "bare", "{}", "v1", None, name, None, time.time()
    )
    return Outcome(True, None, (attempt,), None, usage, None, 0.5, call)


class Busy:
    """Threads that record into a store all the time."""

    def __init__(self, store: Any) -> None:
        self._store, self._ends = store, threading.Event()
        self._threads = [threading.Thread(target=self._work, args=(n,), daemon=True) for n in range(_THREADS)]
        for thread in self._threads:
            thread.start()

    def _work(self, which: int) -> None:
        number = 0
        while not self._ends.wait(0.001):
            number += 1
            self._store.record(outcome(f"parent-{which}-{number}"))

    def end(self) -> None:
        """Stop the threads."""
        self._ends.set()
        for thread in self._threads:
            thread.join()


def waited(children: dict[int, int]) -> int:
    """Wait for children, and return how many hang."""
    deadline, hanging = time.monotonic() + _HANG_S, 0
    while children and time.monotonic() < deadline:
        for child in list(children):
            if os.waitpid(child, os.WNOHANG)[0]:
                del children[child]
        time.sleep(0.01)
    for child in children:
        hanging += 1
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    return hanging


def forks(url: str, durability: Any, children: int) -> str:
    """Fork children beside busy threads, and return a line."""
    store = open_store(url, durability=durability)
    busy, slowest, hanging = Busy(store), 0.0, 0
    time.sleep(0.5)
    for number in range(children):
        begun = time.perf_counter()
        child = os.fork()
        if child == 0:
            store.record(outcome(f"child-{number}"))
            store.flush(20.0)
            os._exit(0)
        slowest = max(slowest, time.perf_counter() - begun)
        hanging += waited({child: number})
    busy.end()
    store.flush(60.0)
    stored = {row["call_id"] for row in store.attempts()}
    there = sum(f"child-{number}" in stored for number in range(children))
    lost = store.lost_records()
    offered = store.counts().offered
    parents = sum(name.startswith("parent") for name in stored)
    store.close()
    return (
        f"{there:>4} of {children} children recorded, {hanging} hang, slowest fork {slowest * 1e3:>4.0f} ms; "
        f"{parents:,} of {offered:,} calls of the parent; lost records: {lost or 'none'}"
    )


def pool(url: str, durability: Any, calls: int) -> str:
    """Fork a pool of workers beside busy threads, and return a line."""
    store = open_store(url, durability=durability)
    busy = Busy(store)
    time.sleep(0.5)
    children: dict[int, int] = {}
    for worker in range(_WORKERS):
        child = os.fork()
        if child == 0:
            for number in range(calls // _WORKERS):
                store.record(outcome(f"worker-{worker}-{number}"))
                time.sleep(0.001)
            store.flush(25.0)
            os._exit(0)
        children[child] = worker
    hanging = waited(children)
    busy.end()
    store.flush(60.0)
    there = sum(row["call_id"].startswith("worker") for row in store.attempts())
    lost = store.lost_records()
    store.close()
    return f"{there:,} of {calls // _WORKERS * _WORKERS:,} calls of {_WORKERS} workers, {hanging} hang; lost records: {lost or 'none'}"


def short(url: str, processes: int) -> str:
    """Run processes of one call beside busy ones, and return a line."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    busy = [
        subprocess.Popen(
            [sys.executable, "-c", _LONG, url], env=environment, stdout=subprocess.PIPE, text=True
        )
        for _ in range(_BUSY)
    ]
    try:
        for process in busy:
            if process.stdout is None or process.stdout.readline() != "ready\n":
                raise RuntimeError("a busy process did not start")
        for number in range(processes):
            subprocess.run([sys.executable, "-c", _SHORT, url, str(number)], env=environment, check=True)
    finally:
        for process in busy:
            process.kill()
            process.wait()
    with open_store(url) as store:
        stored = sum(one.calls for one in store.configurations(function="short"))
        beside = sum(one.calls for one in store.configurations(function="long"))
        is_sound = store.check().is_sound
    return f"{stored} of {processes} stored, beside {beside:,} calls of {_BUSY} processes; store check: {'sound' if is_sound else 'DAMAGED'}"


def _server() -> Any:
    path = ROOT / "tests/public/records/server.py"
    spec = importlib.util.spec_from_file_location("server", path)
    if spec is None or spec.loader is None:
        raise FileNotFoundError(path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Server()


def main() -> None:
    """Run, print the result, and write it if requested."""
    parser = argparse.ArgumentParser(description="Whether each child process records.")
    parser.add_argument("--children", type=int, default=200)
    parser.add_argument("--pool-calls", type=int, default=10_000)
    parser.add_argument("--short", type=int, default=100)
    parser.add_argument("--output", type=Path)
    asked = parser.parse_args()
    server = _server()
    head = f"{datetime.now(UTC):%Y-%m-%d}, Python {platform.python_version()}, {os.cpu_count()} processors"
    lines = [
        f"python benchmarks/child_processes.py --children {asked.children} --pool-calls {asked.pool_calls} --short {asked.short}"
    ]
    lines.append(f"{head}, load {os.getloadavg()[0]:.1f}")
    print("\n".join(lines), flush=True)
    try:
        with tempfile.TemporaryDirectory() as folder:
            for what, run in (
                ("forks", lambda url, how: forks(url, how, asked.children)),
                ("pool", lambda url, how: pool(url, how, asked.pool_calls)),
            ):
                for engine in ("sqlite", "postgresql"):
                    for durability in ("queue", "sync"):
                        name = f"{what}_{durability}"
                        url = f"sqlite:///{folder}/{name}.db" if engine == "sqlite" else server.url(name)
                        lines.append(f"{what:<6}{engine:<11}{durability:<6}{run(url, durability)}")
                        print(lines[-1], flush=True)
            lines.append(f"short sqlite     queue {short(f'sqlite:///{folder}/short.db', asked.short)}")
            print(lines[-1], flush=True)
    finally:
        server.stop()
    if asked.output is not None:
        asked.output.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
