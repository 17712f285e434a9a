"""How fast a store is written and read: python benchmarks/store_speed.py.

    python benchmarks/store_speed.py [--attempts 200000] [--output benchmarks/results/NAME]

Writes made-up attempts through `Session.write`, in transactions of 500 calls as the writer's thread does, and
inserts the same rows into a second file without roll-ups, batch by batch in turn, so that both are measured
under the same load. Then times the reading of everything that a report and a decision need, and the command
`schema-guard decide`, process start and all. All times are wall times. With --output it writes NAME.json and NAME.txt.
"""

import argparse
import hashlib
import json
import os
import platform
import random
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Any

from schema_guard.records import open_store
from schema_guard.records.rows import COLUMNS, Row
from schema_guard.records.sqlite.database import SQLite

_CALLS_A_BATCH = 500
_READS = 5
_FULL = 10_000_000

# Three schemas and four strategies: twelve configurations in every batch.
_SCHEMAS = ("invoice", "order", "ticket")
_FAILURE_RATES = {"bare": 0.4, "system_prompt": 0.15, "few_shot": 0.1, "strict_schema": 0.01}
_FAILURES = (
    ("structure", "type", '[["/total","type"]]'),
    ("syntax", "no_json", "[]"),
    ("truncation", "max_tokens", "[]"),
)
_MAX_ATTEMPTS = 3
_REPEATED = 0.1  # of the calls have one of the thousand inputs that repeat
_START_S, _STEP_S = 1.75e9, 0.1


def made_up_calls(seed: int) -> Iterator[list[Row]]:
    """Give the rows of one call after the other."""
    draw = random.Random(seed)  # made-up data
    number = 0
    while True:
        number += 1
        task = draw.randrange(1_000) if draw.random() < _REPEATED else number + 1_000
        yield _call(draw, number, hashlib.md5(str(task).encode()).hexdigest())  # noqa: S324 - as above


def _call(draw: random.Random, number: int, input_hash: str) -> list[Row]:
    schema, strategy = draw.choice(_SCHEMAS), draw.choice(list(_FAILURE_RATES))
    columns: dict[str, Any] = {
        "call_id": f"{number:032x}", "started_at": _START_S + number * _STEP_S,
        "function": f"app.extract_{schema}", "schema_name": schema, "schema_fingerprint": f"{schema:0<16}",
        "model": "model", "target": None, "strategies": strategy, "settings": '{"max_attempts":3}',
        "version": "0123456789ab", "tuned": 0, "segment": None, "cluster": None, "input_hash": input_hash,
        "parent_call_id": None, "strategy": strategy, "repairs": "[]", "finish_reason": "stop",
        "cached_input_tokens": 0, "reasoning_tokens": None, "prompt_chars": 2_000, "reply_bytes": 900,
        "reply_hash": input_hash, "reply_model": "model", "snapshot": "model-2026-01-01", "exception": None,
        "unseen": 0, "adapted": 0, "healed": 0, "stopped_at": None,
    }  # fmt: skip
    rows: list[Row] = []
    final = False
    while not final:
        failed = draw.random() < _FAILURE_RATES[strategy]
        final = not failed or len(rows) + 1 == _MAX_ATTEMPTS
        kind, code, violations = draw.choice(_FAILURES) if failed else (None, None, "[]")
        columns.update(
            number=len(rows) + 1, final=int(final), kind=kind, code=code, violations=violations,
            form=None if failed else "exact", input_tokens=draw.randrange(500, 900),
            output_tokens=draw.randrange(50, 400), elapsed_s=draw.lognormvariate(0, 0.5),
            cost=draw.random() / 100,
        )  # fmt: skip
        rows.append(tuple(columns[name] for name in COLUMNS))
    return rows


def plain_table(path: Path) -> sqlite3.Connection:
    """Make a file with the table of attempts and its indexes, and nothing else."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute(f"CREATE TABLE attempts (id INTEGER PRIMARY KEY, {', '.join(COLUMNS)})")
    connection.execute("CREATE INDEX attempts_call_id ON attempts (call_id)")
    connection.execute("CREATE INDEX attempts_started_at ON attempts (started_at)")
    return connection


def insert(connection: sqlite3.Connection, rows: list[Row]) -> None:
    """Store a batch without roll-ups."""
    connection.execute("BEGIN IMMEDIATE")
    connection.executemany(
        f"INSERT INTO attempts ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))})",
        rows,
    )
    connection.execute("COMMIT")


def seconds(action: Callable[[], object]) -> float:
    """Give the wall time of one run."""
    started = perf_counter()
    action()
    return perf_counter() - started


def written(folder: Path, attempts: int) -> dict[str, Any]:
    """Write both files; gives what that took."""
    made = made_up_calls(seed=1)
    session, with_s, plain_s, stored = SQLite(folder / "store.db").session(), 0.0, 0.0, 0
    with closing(session), closing(plain_table(folder / "plain.db")) as plain:
        while stored < attempts:
            rows = [row for _ in range(_CALLS_A_BATCH) for row in next(made)]
            with_s += seconds(lambda rows=rows: session.write(rows, {}, _START_S))
            plain_s += seconds(lambda rows=rows: insert(plain, rows))
            stored += len(rows)
    return {
        "attempts": stored,
        "write_s": with_s,
        "rows_a_s": stored / with_s,
        "plain_rows_a_s": stored / plain_s,
        "times_plain": with_s / plain_s,
        "file_bytes": (folder / "store.db").stat().st_size,
        "plain_file_bytes": (folder / "plain.db").stat().st_size,
    }


def read(path: Path) -> dict[str, Any]:
    """Read the store as a report and a decision do; gives what that took."""
    with open_store(f"sqlite:///{path}") as store:
        reads = [seconds(store.configurations) for _ in range(_READS)]
        counted = store.configurations()
        largest = max(counted, key=lambda counts: counts.calls)
        late = max(counts.last_started_at or 0.0 for counts in counted) - 3_600
        return {
            "configurations": len(counted),
            "calls": sum(counts.calls for counts in counted),
            "distinct_inputs": sum(counts.inputs for counts in counted),
            "read_first_s": reads[0],
            "read_median_s": sorted(reads)[_READS // 2],
            "last_hour_s": seconds(lambda: store.configurations(since=late)),
            "after_90_percent_s": seconds(
                lambda: store.configuration_after(largest.id or 0, largest.calls * 9 // 10)
            ),
            "decide_s": sorted(seconds(lambda: decided(path)) for _ in range(_READS))[_READS // 2],
        }


def decided(path: Path) -> None:
    """Run the command on one of the schemas."""
    command = [sys.executable, "-m", "schema_guard", "decide", "--schema", _SCHEMAS[0], "--format", "json"]
    done = subprocess.run([*command, "--store", f"sqlite:///{path}"], capture_output=True, check=False)
    if done.returncode > 1:
        raise SystemExit(done.stderr.decode())


def as_text(result: dict[str, Any]) -> str:
    """Give a result as lines."""
    attempts = result["attempts"]
    sizes = [round(result[name] / attempts) for name in ("file_bytes", "plain_file_bytes")]
    first_ms, median_ms, hour_ms, after_ms, decide_ms = (
        1e3 * result[name]
        for name in ("read_first_s", "read_median_s", "last_hour_s", "after_90_percent_s", "decide_s")
    )
    return f"""{result["command"]}
{result["date"]}, Python {result["python"]}, SQLite {result["sqlite"]}, {result["processors"]} processors

{attempts:,} attempts of {result["calls"]:,} calls, {result["distinct_inputs"]:,} distinct inputs, \
{result["configurations"]} configurations
written with roll-ups     {result["rows_a_s"]:>10,.0f} rows/s, {sizes[0]} bytes a row
inserted without          {result["plain_rows_a_s"]:>10,.0f} rows/s, {sizes[1]} bytes a row
ratio                     {result["times_plain"]:>10.1f}
configurations()          {median_ms:>10.1f} ms, the first time {first_ms:.1f}
... of the last hour      {hour_ms:>10.1f} ms (goes through the attempts)
configuration_after(90 %) {after_ms:>10.1f} ms (goes through the attempts)
schema-guard decide       {decide_ms:>10.1f} ms (the whole command, median of {_READS})
writing {_FULL:,} at this rate takes {_FULL / result["rows_a_s"] / 60:.1f} minutes"""


def main() -> None:
    """Measure, print, and write it when asked."""
    parser = argparse.ArgumentParser(description="How fast a store is written and read.")
    parser.add_argument("--attempts", type=int, default=200_000)
    parser.add_argument(
        "--output", type=Path, help="Where to write NAME.json and NAME.txt, without the ending."
    )
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        result = {
            "command": f"python benchmarks/store_speed.py --attempts {arguments.attempts}",
            "date": datetime.now(UTC).date().isoformat(),
            "python": platform.python_version(),
            "sqlite": sqlite3.sqlite_version,
            "processors": os.cpu_count(),
            **written(Path(folder), arguments.attempts),
            **read(Path(folder) / "store.db"),
        }
    text = as_text(result)
    print(text)
    if arguments.output is not None:
        Path(f"{arguments.output}.json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
        Path(f"{arguments.output}.txt").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
