"""Run two real playbooks on the local model: python benchmarks/playbook_local.py [--output benchmarks/results/NAME].

The first may try every step. The second has no constrained decoding, so it tries all steps to the end. Both use the
60 inputs of the demo. --output writes NAME.txt, the output of the commands, and NAME.json, their results.
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
_PLAYBOOK = [
    "bench", "run", "--playbook", "--schema", "event", "--inputs", "schema_guard/ext/demo/notices.jsonl", "--model", "local",
    "--max-failure-rate", "10%", "--reply-tokens", "128", "--option", "temperature=0",
    "--decline", "schema_simplify=title, date and minutes are all needed",
]  # fmt: skip
_RUNS = {
    "with every step": _PLAYBOOK,
    "without constrained decoding": [
        *_PLAYBOOK,
        "--decline",
        "strict_schema=the server in production takes no grammar",
    ],
}


def run(arguments: list[str], folder: str) -> tuple[str, float, int]:
    """Run a command. Return its output, its seconds, and its exit status."""
    command = [
        sys.executable,
        "-m",
        "schema_guard",
        *arguments,
        "--store",
        "none",
        "--output",
        f"{folder}/playbook.json",
    ]
    started = perf_counter()
    done = subprocess.run(command, cwd=_FOLDER.parent, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode > 1:
        raise SystemExit(done.returncode)
    return done.stdout, perf_counter() - started, done.returncode


def main() -> None:
    """Run both playbooks."""
    parser = argparse.ArgumentParser(description="Two real playbooks on the local model.")
    parser.add_argument(
        "--output", type=Path, help="Path of NAME.txt and NAME.json, without the ending. Default: no files."
    )
    output = parser.parse_args().output
    texts, results = [], {}
    with tempfile.TemporaryDirectory() as folder:
        for name, arguments in _RUNS.items():
            printed, elapsed_s, status = run(arguments, folder)
            results[name] = json.loads(Path(folder, "playbook.json").read_text(encoding="utf-8"))
            took = f"{elapsed_s:.0f} s of wall time, exit status {status}; {os.cpu_count()} processors"
            texts.append(f"{name}\n$ schema-guard {shlex.join(arguments)}\n\n{printed}\n{took}\n")
            print(texts[-1])
    if output is not None:
        Path(f"{output}.txt").write_text("\n\n".join(texts), encoding="utf-8")
        Path(f"{output}.json").write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
