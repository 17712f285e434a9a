"""Measure memory, threads, and file descriptors over many guarded calls: python benchmarks/soak.py.

Plain calls, retries, streams, calls of a router, and calls that a recorder records take turns, in blocks of 1,000. All
records go to one SQLite store. After the first tenth, each tenth of the calls is compared: the resident memory of the
process, its threads, and its open file descriptors. `--output FOLDER` also writes the printed text to a dated file.
"""

from __future__ import annotations

import argparse
import gc
import os
import platform
import sys
import tempfile
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from langchain_core.language_models import FakeListChatModel
from pydantic import BaseModel

from schema_guard import About, Router, guard, open_store
from schema_guard.ext.recorders.langchain import LangChainRecorder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BLOCK = 1_000
GOOD, BAD = '{"number": 7, "note": "two desks"}', '{"number": "seven", "note": "two desks"}'


class Order(BaseModel):
    """The schema of all calls."""

    number: int
    note: str = ""


def kinds(store: Any) -> dict[str, Callable[[str], Any]]:
    """Return a call of each kind."""
    turn = [0]

    def every_other(prompt: str) -> str:
        turn[0] += 1
        return BAD if turn[0] % 2 else GOOD

    def pieces(prompt: str) -> Iterator[str]:
        for start in range(0, len(GOOD), 8):
            yield GOOD[start : start + 8]

    def branch(name: str, *, tuned: bool = False) -> Any:
        about = About(tuned=tuned, model=name)
        return guard(Order, store=store, name="routed", about=about)(lambda prompt: GOOD)

    streamed = guard(Order, store=store, name="streamed", early_stop=True)(pieces)
    router = Router(
        tuned=branch("tuned", tuned=True),
        prompt=branch("prompt"),
        primary=lambda prompt: len(prompt) % 2 == 0,
    )
    schema = {"name": "order", "schema": Order.model_json_schema()}
    model = FakeListChatModel(responses=[GOOD]).bind(
        response_format={"type": "json_schema", "json_schema": schema}
    )
    recorder = LangChainRecorder(store=store, function="recorded")
    return {
        "plain": guard(Order, store=store, name="plain")(lambda prompt: GOOD),
        "retry": guard(Order, store=store, name="retry")(every_other),
        "stream": lambda prompt: list(streamed.stream(prompt)),
        "router": router,
        "recorder": lambda prompt: model.invoke(prompt, config={"callbacks": [recorder]}),
    }


def state() -> tuple[float, int, int]:
    """Return the resident memory in MiB, the threads, and the open file descriptors of this process."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    resident = pages * os.sysconf("SC_PAGE_SIZE") / 2**20
    return resident, threading.active_count(), len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - names alone


def run(calls: int) -> Iterator[str]:
    """Make the calls, and yield the lines of the result."""
    with tempfile.TemporaryDirectory() as folder, open_store(f"{folder}/soak.db") as store:
        made = kinds(store)
        blocks = calls // BLOCK
        yield f"{'calls':>10}{'MiB':>8}{'threads':>9}{'files':>7}{'us a call':>11}"
        first: tuple[float, int, int] | None = None
        begun = time.process_time()
        for number in range(1, blocks + 1):
            call = list(made.values())[number % len(made)]
            for place in range(BLOCK):
                call(f"Order {number * BLOCK + place}")
            # Fake models reply faster than a disk writes, and the queue of records is bounded.
            store.flush(60.0)
            if number % max(1, blocks // 10) == 0:
                now = state()
                first = first or now
                each = 1e6 * (time.process_time() - begun) / (number * BLOCK)
                yield f"{number * BLOCK:>10,}{now[0]:>8.1f}{now[1]:>9}{now[2]:>7}{each:>11.1f}"
        assert first is not None
        counts = store.counts()
        yield (
            f"after the first tenth: {now[0] - first[0]:+.1f} MiB, {now[1] - first[1]:+d} threads, {now[2] - first[2]:+d} files; "
            f"stored {counts.stored:,}, lost {sum(counts.lost_records.values()):,}"
        )


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--calls", type=int, default=1_000_000)
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    title = (
        f"soak of {arguments.calls:,} calls, Python {platform.python_version()}, {datetime.now(UTC):%Y-%m-%d}"
    )
    lines = [title]
    print(title)
    for line in run(arguments.calls):
        lines.append(line)
        print(line, flush=True)
    if arguments.output:
        path = arguments.output / f"{datetime.now(UTC):%Y-%m-%d}-soak.txt"
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
