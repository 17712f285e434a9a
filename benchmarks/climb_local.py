"""Two real climbs on the local model: python benchmarks/climb_local.py [--output benchmarks/results/NAME].

The first may use every remedy; for the second no constrained decoding is to be had, so that the ladder has to be
climbed to its end. Both ask the 60 inputs of the demo. With --output it writes NAME.txt, what the commands
printed, and NAME.json, their results.
"""

import argparse
import json
import os
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter

_FOLDER = Path(__file__).parent
_CLIMB = [
    "climb", "--schema", "event", "--inputs", "schema_guard/ext/demo/notices.jsonl", "--model", "local", "--target", "0.1",
    "--output-tokens", "128", "--option", "temperature=0",
    "--decline", "schema_simplify=title, date and minutes are all needed",
]  # fmt: skip
_CLIMBS = {
    "as it comes": _CLIMB,
    "where no constrained decoding is to be had": [
        *_CLIMB,
        "--decline",
        "strict_schema=the server in production takes no grammar",
    ],
}


def climbed(arguments: list[str], folder: str) -> tuple[str, float, int]:
    """Run a climb; gives what it printed, its seconds, and its exit status."""
    command = [
        sys.executable,
        "-m",
        "schema_guard",
        *arguments,
        "--store",
        "none",
        "--output",
        f"{folder}/climb.json",
    ]
    started = perf_counter()
    done = subprocess.run(command, cwd=_FOLDER.parent, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode > 1:
        raise SystemExit(done.returncode)
    return done.stdout, perf_counter() - started, done.returncode


def main() -> None:
    """Climb twice."""
    parser = argparse.ArgumentParser(description="Two real climbs on the local model.")
    parser.add_argument(
        "--output", type=Path, help="Where to write NAME.txt and NAME.json, without the ending."
    )
    output = parser.parse_args().output
    texts, results = [], {}
    with tempfile.TemporaryDirectory() as folder:
        for name, arguments in _CLIMBS.items():
            printed, elapsed_s, status = climbed(arguments, folder)
            results[name] = json.loads(Path(folder, "climb.json").read_text(encoding="utf-8"))
            took = f"{elapsed_s:.0f} s of wall time, exit status {status}; {os.cpu_count()} processors"
            texts.append(f"{name}\n$ schema-guard {shlex.join(arguments)}\n\n{printed}\n{took}\n")
            print(texts[-1])
    if output is not None:
        Path(f"{output}.txt").write_text("\n\n".join(texts), encoding="utf-8")
        Path(f"{output}.json").write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
