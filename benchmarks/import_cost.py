"""Measure the CPU time of whole processes that import the library, and that are ready for the first call.

Run it with the Python of an environment in which schema-guard is installed:

    python benchmarks/import_cost.py [--runs 20] [--output benchmarks/results/FILE.json]

The commands run in turn, so that a slow moment of the machine affects all of them. A ratio is a median divided by the
median of a process that imports four modules of the standard library.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

BASE = "import json, dataclasses, re, sqlite3"
READY = """\
from schema_guard import guard
extract = guard({"type": "object", "properties": {"total": {"type": "number"}}, "required": ["total"]})(
    lambda prompt: '{"total": 1}')
"""
COMMANDS = {
    "standard library": BASE,
    "import schema_guard": "import schema_guard",
    "ready for the first call": READY,
    "first call made, not recorded": READY.replace("})(", "}, store=None)(") + "extract('x')",
}


def cpu_s(code: str) -> float:
    """Return the user and system seconds of one process."""
    # Without bytecode files every run would compile the sources again, which no installed program does.
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Measure, print a table, and write it if requested."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    for code in COMMANDS.values():
        cpu_s(code)
    times: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(arguments.runs):
        for name, code in COMMANDS.items():
            times[name].append(cpu_s(code))
    medians = {name: statistics.median(runs) for name, runs in times.items()}
    base = medians["standard library"]
    for name, median in medians.items():
        print(f"{name:<32} {1000 * median:7.1f} ms  {median / base:5.2f}x")
    if arguments.output is not None:
        result = {
            "command": f"python benchmarks/import_cost.py --runs {arguments.runs}",
            "date": datetime.now(UTC).date().isoformat(),
            "python": platform.python_version(),
            "runs": arguments.runs,
            "median_cpu_s": medians,
            "ratio": {name: median / base for name, median in medians.items()},
        }
        arguments.output.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
