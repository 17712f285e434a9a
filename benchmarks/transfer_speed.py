"""Measure the time and memory of exports and imports of a store: python benchmarks/transfer_speed.py.

    python benchmarks/transfer_speed.py [--attempts 1000000] [--output benchmarks/results/NAME.txt]

The script runs `schema-guard store export` and `schema-guard store import` in separate processes, on the synthetic
attempts of `store_speed.py`. Times are CPU times of the process, including its start. Memory is the largest resident
set. Parquet is omitted if pyarrow is not installed.
"""

import argparse
import importlib.util
import os
import platform
import sqlite3
import sys
import tempfile
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

from store_speed import made_up_calls

from schema_guard.records.sqlite.database import SQLite

_CALLS_A_BATCH = 2_000


class Measured(NamedTuple):
    """The time and memory of a command.

    Attributes:
        what: The command.
        cpu_s: CPU seconds.
        wall_s: Wall seconds.
        resident_mib: The largest resident set.
        file_bytes: Size of the file that it wrote. None if it wrote none.
    """

    what: str
    cpu_s: float
    wall_s: float
    resident_mib: float
    file_bytes: int | None


def filled(path: Path, attempts: int) -> int:
    """Fill a store, and return its number of attempts."""
    calls, stored = made_up_calls(seed=1), 0
    with closing(SQLite(path).session()) as session:
        while stored < attempts:
            rows = [row for _ in range(_CALLS_A_BATCH) for row in next(calls)]
            session.write(rows, {}, 0.0)
            stored += len(rows)
    return stored


def measured(what: str, *arguments: str, file: Path | None = None) -> Measured:
    """Run a command of `schema-guard store`."""
    begun = perf_counter()
    command = [sys.executable, "-m", "schema_guard", "store", *arguments]
    child = os.posix_spawn(sys.executable, command, os.environ)
    _, status, used = os.wait4(child, 0)
    if status:
        raise SystemExit(f"{' '.join(command)}: exit {os.waitstatus_to_exitcode(status)}")
    size = file.stat().st_size if file is not None else None
    return Measured(what, used.ru_utime + used.ru_stime, perf_counter() - begun, used.ru_maxrss / 1024, size)


def all_measured(folder: Path) -> list[Measured]:
    """Export a store in each form, and import the JSON Lines and the store into empty ones, each twice."""
    forms = ["jsonl", "csv", *(["parquet"] if importlib.util.find_spec("pyarrow") else [])]
    store, result = str(folder / "store.db"), []
    for form in forms:
        file = folder / f"a.{form}"
        into = str(folder / f"{form}.db")
        result.append(
            measured(f"export, {form}", "export", "--store", store, "--output", str(file), file=file)
        )
        if form == "jsonl":
            result.append(measured("import, jsonl", "import", str(file), "--store", into))
            result.append(measured("import, jsonl, again", "import", str(file), "--store", into))
    into = str(folder / "merged.db")
    return [
        *result,
        measured("merge", "import", store, "--store", into),
        measured("merge, again", "import", store, "--store", into),
    ]


def as_text(command: str, attempts: int, found: list[Measured]) -> str:
    """Return a result as lines."""
    about = (
        f"{datetime.now(UTC).date()}, Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}; "
        f"{attempts:,} attempts; rows a second of the processor; load {os.getloadavg()[2]:.0f}"
    )
    lines = [
        command,
        about,
        "",
        f"{'':<22}{'rows/s':>10}{'CPU s':>9}{'wall s':>9}{'largest MiB':>13}{'bytes a row':>13}",
    ]
    for one in found:
        size = "" if one.file_bytes is None else f"{one.file_bytes / attempts:.0f}"
        lines.append(
            f"{one.what:<22}{attempts / one.cpu_s:>10,.0f}{one.cpu_s:>9.1f}{one.wall_s:>9.1f}"
            f"{one.resident_mib:>13.0f}{size:>13}"
        )
    return "\n".join(line.rstrip() for line in lines)


def main() -> None:
    """Measure, print, and write the result if requested."""
    parser = argparse.ArgumentParser(description="How fast a store goes out and in.")
    parser.add_argument("--attempts", type=int, default=1_000_000)
    parser.add_argument("--output", type=Path, help="Where to write it.")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        attempts = filled(Path(folder) / "store.db", arguments.attempts)
        result = all_measured(Path(folder))
    command = f"python benchmarks/transfer_speed.py --attempts {arguments.attempts}"
    text = as_text(command, attempts, result)
    print(text)
    if arguments.output:
        arguments.output.write_text(f"{text}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
