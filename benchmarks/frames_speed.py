"""Measure the conversion of a store to a data frame: python benchmarks/frames_speed.py.

    python benchmarks/frames_speed.py [--attempts 1000000] [--store URL] [--rounds 3] [--output benchmarks/results/NAME.txt]

The script fills a store with the synthetic attempts of `store_speed.py`, or reads the one at --store, and converts it
with `to_arrow`, `to_pandas`, and `to_polars`. The fastest of some rounds counts. The times are CPU time and wall time.
"""

import argparse
import os
import platform
import sqlite3
import tempfile
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter, process_time

import pandas as pd
import polars as pl
import pyarrow as pa
from transfer_speed import filled

from schema_guard import open_store

MOST_S = 3.0


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--attempts", type=int, default=1_000_000)
    parser.add_argument("--store")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() if arguments.store is None else nullcontext("") as folder:
        path = Path(folder) / "store.db"
        if arguments.store is None:
            filled(path, arguments.attempts)
        with open_store(arguments.store or f"sqlite:///{path}") as store:
            engine, attempts = store.info().engine, store.info().rows
            lines = []
            for name in ("to_arrow", "to_pandas", "to_polars"):
                cpu_s, wall_s = [], []
                for _ in range(arguments.rounds):
                    began = process_time(), perf_counter()
                    assert len(getattr(store, name)()) == attempts
                    cpu_s.append(process_time() - began[0])
                    wall_s.append(perf_counter() - began[1])
                kept = "" if min(wall_s) <= MOST_S else f"more than {MOST_S:g} s"
                lines.append(f"{name:<12}{min(cpu_s):>8.2f}{min(wall_s):>10.2f}  {kept}".rstrip())
    packages = f"pyarrow {pa.__version__}, pandas {pd.__version__}, Polars {pl.__version__}"
    text = f"""python benchmarks/frames_speed.py --attempts {arguments.attempts}
{datetime.now(UTC).date()}, Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, {packages}
{engine}, {attempts:,} attempts, all columns; the fastest of {arguments.rounds} rounds; load {os.getloadavg()[0]:.0f}

{"":<12}{"CPU s":>8}{"wall s":>10}
"""
    text += "\n".join(lines) + "\n"
    print(text, end="")
    if arguments.output is not None:
        arguments.output.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
