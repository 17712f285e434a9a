"""Measure the rows that `enforce_dataset` makes per second.

    python benchmarks/dataset_speed.py [--rows 100000] [--ray] [--output benchmarks/results/NAME]

The model is a function that returns a fixed reply at once, so only the library is measured. It renders the prompt of
every row, reads, parses, and validates the reply, and yields the row. The cases are with and without a store in a file,
and with several calls at once. They are compared with a guarded function in a plain loop, and with a bare loop that
only parses with jiter and validates with jsonschema_rs. All take turns five times, each time with a fifth of the rows.
The result is the median, in rows a second of wall time. The memory is the peak of a separate process that makes all
rows, and of one that makes ten times as many. With --ray, all rows also run once on Ray Data with two workers. With
--output, the script writes NAME.json and NAME.txt.
"""

import argparse
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import jiter
import jsonschema_rs

from schema_guard import guard
from schema_guard.bench import enforce_dataset
from schema_guard.records import open_store

_TURNS = 5
_SCHEMA = {
    "type": "object",
    "properties": {
        "number": {"type": "string", "pattern": "^[A-Z]{2}-[0-9]+$"},
        "date": {"type": "string", "format": "date"},
        "total": {"type": "number", "minimum": 0},
        "currency": {"enum": ["EUR", "USD", "GBP"]},
        "lines": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"what": {"type": "string"}, "amount": {"type": "number"}},
                "required": ["what", "amount"],
                "additionalProperties": False,
            },
        },
    },
    "required": ["number", "date", "total", "currency", "lines"],
    "additionalProperties": False,
}
_REPLY = json.dumps(
    {
        "number": "IN-12",
        "date": "2026-03-04",
        "total": 30.5,
        "currency": "EUR",
        "lines": [{"what": "paper", "amount": 10.5}, {"what": "ink", "amount": 20}],
    }
)


def written(prompt: str) -> str:
    """Return the same reply for each prompt."""
    return _REPLY


def rows(count: int) -> Iterator[dict[str, Any]]:
    """Return a generator of rows."""
    return (
        {"id": number, "prompt": f"Invoice {number}: paper 10.50, ink 20.00 EUR"} for number in range(count)
    )


def bare(count: int) -> None:
    """Run the steps that no library can omit."""
    is_valid = jsonschema_rs.validator_for(_SCHEMA, validate_formats=True).is_valid
    for row in rows(count):
        value = jiter.from_json(written(row["prompt"]).encode())
        texts = {**row, "value": value, "ok": is_valid(value)}
        assert texts["ok"]


def guarded(count: int) -> None:
    """Make the calls of a guarded function, one after another."""
    extract = guard(_SCHEMA, strategy="system_prompt", store=None)(written)
    for row in rows(count):
        outcome = extract.outcome(row["prompt"])
        texts = {**row, "value": outcome.value, "ok": outcome.ok}
        assert texts["ok"]


def enforced(count: int, *, concurrency: int = 1, is_stored: bool = False) -> None:
    """Make the calls of all rows with `enforce_dataset`."""
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(f"sqlite:///{folder}/records.db") if is_stored else None
        text = enforce_dataset(rows(count), _SCHEMA, written, concurrency=concurrency, store=store)
        assert all(row["ok"] for row in text)
        if store is not None:
            store.close(60.0)
            assert store.counts().stored == count


_WAYS: dict[str, Callable[[int], None]] = {
    "bare loop: jiter and jsonschema_rs": bare,
    "guard: a guarded function in a loop": guarded,
    "enforce_dataset, one call at once": enforced,
    "enforce_dataset, 4 calls at once": lambda count: enforced(count, concurrency=4),
    "enforce_dataset, 64 calls at once": lambda count: enforced(count, concurrency=64),
    "enforce_dataset, 4 at once, recorded": lambda count: enforced(count, concurrency=4, is_stored=True),
}


def rows_a_second(action: Callable[[int], None], count: int) -> float:
    """Return the rate of one turn, in rows a second."""
    started = perf_counter()
    action(count)
    return count / (perf_counter() - started)


def on_ray(count: int) -> float:
    """Return the rate of the second run on Ray Data with two workers. The first run starts the workers."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    ray = import_module("ray")
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    dataset = import_module("ray.data").from_items(list(rows(count)))
    result = 0.0
    for _ in range(2):
        started = perf_counter()
        text = enforce_dataset(dataset, _SCHEMA, written, store=None, concurrency=16).materialize()
        result = count / (perf_counter() - started)
        assert text.count() == count
    ray.shutdown()
    return result


def peak_mib(count: int) -> float:
    """Return the peak resident memory of a process that makes *count* rows."""
    command = [sys.executable, __file__, "--rows", str(count), "--peak"]
    return float(subprocess.run(command, capture_output=True, check=True, text=True).stdout)


def _high_water_mib() -> float:
    # Not getrusage, because its peak can be that of the parent process.
    match = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert match is not None
    return int(match[1]) / 1024


def as_text(result: dict[str, Any]) -> str:
    """Return a result as lines."""
    base = next(iter(result["rows_a_s"].values()))
    lines = [
        f"{name:<40}{rate:>10,.0f} rows/s{1e6 / rate:>8.1f} us a row{base / rate:>7.1f} x"
        for name, rate in result["rows_a_s"].items()
    ]
    memory = [f"peak memory of {rows:>9} rows: {mib:.1f} MiB" for rows, mib in result["peak_mib"].items()]
    head = f"{result['command']}\n{result['date']}, Python {result['python']}, {result['processors']} processors, median of {_TURNS}"
    return "\n".join([head, "", *lines, "", *memory])


def main() -> None:
    """Measure, print, and write the result if requested."""
    parser = argparse.ArgumentParser(description="How many rows a second enforce_dataset makes.")
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--ray", action="store_true", help="Also on Ray Data.")
    parser.add_argument("--peak", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument(
        "--output", type=Path, help="Where to write NAME.json and NAME.txt, without the ending."
    )
    arguments = parser.parse_args()
    count = arguments.rows
    if count < _TURNS:
        parser.error(f"--rows {count}: expected an int >= {_TURNS}")
    if arguments.peak:
        enforced(count, concurrency=4, is_stored=True)
        print(_high_water_mib())
        return
    turns = [
        {name: rows_a_second(way, count // _TURNS) for name, way in _WAYS.items()} for _ in range(_TURNS)
    ]
    rates = {name: median(turn[name] for turn in turns) for name in _WAYS}
    if arguments.ray:
        rates["on Ray Data, 2 workers x 16 at once"] = on_ray(count)
    result = {
        "command": f"python benchmarks/dataset_speed.py --rows {count}{' --ray' if arguments.ray else ''}",
        "date": datetime.now(UTC).date().isoformat(),
        "python": platform.python_version(),
        "processors": os.cpu_count(),
        "rows_a_s": rates,
        "peak_mib": {f"{size:,}": peak_mib(size) for size in (count, 10 * count)},
    }
    print(as_text(result))
    if arguments.output:
        arguments.output.with_suffix(".json").write_text(json.dumps(result, indent=1) + "\n")
        arguments.output.with_suffix(".txt").write_text(as_text(result) + "\n")


if __name__ == "__main__":
    main()
