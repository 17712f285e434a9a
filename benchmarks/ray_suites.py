"""Named suites on Ray: python -m benchmarks.ray_suites --output FILE.txt [--suite long] [--suite tools].

A scripted model returns the right answer of each task, but a sentence for every fifth task. `bench run` runs all tasks in
one process, then on Ray. The files of the two results are compared byte for byte. Needs the extra ray.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from time import monotonic

from schema_guard.bench.suites.load import load_suite


def main() -> None:
    """Run the suites, print the results, and write them if requested."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--suite", action="append", choices=("small", "long", "tools", "real"))
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    lines = [
        "python -m benchmarks.ray_suites",
        f"{datetime.now(UTC):%Y-%m-%d}, Ray {version('ray')}, load {os.getloadavg()[0]:.0f} on {os.cpu_count()} processors",
    ]
    for suite in arguments.suite or ("long", "tools"):
        with tempfile.TemporaryDirectory() as folder:
            lines += ["", *compared(suite, Path(folder))]
    text = "\n".join(lines)
    print(text)
    if arguments.output:
        arguments.output.write_text(text + "\n", encoding="utf-8")


def compared(suite: str, folder: Path) -> list[str]:
    """Run a suite in one process and on Ray."""
    script = folder / "script.jsonl"
    tasks = [task for entry in load_suite(suite).schemas for task in entry.tasks_of("test")]
    with script.open("w", encoding="utf-8") as file:
        for number, task in enumerate(tasks):
            reply = "I can't tell." if number % 5 == 0 else json.dumps(task.gold, ensure_ascii=False)
            line = {"when": task.text, "reply": reply, "finish_reason": "stop"}
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
    results, seconds = [], []
    for executor in ("local", "ray"):
        result = folder / f"{executor}.json"
        began = monotonic()
        subprocess.run(
            [
                *(
                    sys.executable,
                    "-m",
                    "schema_guard",
                    "bench",
                    "run",
                    suite,
                    "--model",
                    f"scripted:{script}",
                ),
                *(
                    "--strategy",
                    "bare,system_prompt",
                    "--sample",
                    "all",
                    "--max-attempts",
                    "1",
                    "--store",
                    "none",
                ),
                *(
                    "--executor",
                    executor,
                    "--journal",
                    str(folder / f"{executor}.journal"),
                    "-o",
                    str(result),
                ),
            ],
            check=True,
            stdout=subprocess.DEVNULL,
            env={**os.environ, "RAY_USAGE_STATS_ENABLED": "0"},
        )
        seconds.append(monotonic() - began)
        results.append(result.read_bytes())
    calls = json.loads(results[0])["calls"]
    same = "yes" if results[0] == results[1] else "NO"
    return [
        f"suite {suite}: {len(tasks):,} tasks, {len(calls):,} calls",
        f"one process {seconds[0]:.0f} s, on Ray {seconds[1]:.0f} s, with the start of Ray",
        f"the two result files of {len(results[0]):,} bytes are equal: {same}",
    ]


if __name__ == "__main__":
    main()
