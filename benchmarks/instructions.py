"""Count the processor instructions of an import, a first call, and more calls. Other programs do not affect the counts.

    python benchmarks/instructions.py [CHECKOUT ...] [--output FILE]

This Python runs each checkout with its package first on the path, under `valgrind --tool=callgrind`. The last column is
the ratio of the last checkout to the first. The script needs valgrind.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

_GUARDED = """
from schema_guard import guard
schema = {"title": "invoice", "type": "object", "required": ["total"], "properties": {
    "number": {"type": "integer"}, "total": {"type": "number"},
    "lines": {"type": "array", "items": {"type": "object", "required": ["qty"]}}}}
text = '{"number": 12, "total": 99.5, "lines": [{"qty": 1}, {"qty": 2}]}'
chat = {"id": "c", "object": "chat.completion", "model": "m", "choices": [
    {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}],
    "usage": {"prompt_tokens": 9, "completion_tokens": 9}}
message = {"id": "m", "type": "message", "role": "assistant", "model": "m", "stop_reason": "end_turn",
    "content": [{"type": "text", "text": text}], "usage": {"input_tokens": 9, "output_tokens": 9}}
replies = REPLIES

@guard(schema, store=STORE, max_attempts=2)
def extract(prompt):
    return replies[next(number) % len(replies)]

from itertools import count
number = count()
for _ in range(CALLS):
    extract("Invoice 12")
"""
# The script, and the number of calls for the difference. None for the whole process.
CASES = {
    "import schema_guard": ("import schema_guard", None),
    "a process up to its first call": (_GUARDED.replace("REPLIES", "[text]").replace("STORE", "None"), None),
    "the same, with a store": (_GUARDED.replace("REPLIES", "[text]").replace("STORE", "'sqlite://'"), None),
    "a call, a text": (_GUARDED.replace("REPLIES", "[text]").replace("STORE", "None"), 200),
    "a call, a chat completion": (_GUARDED.replace("REPLIES", "[chat]").replace("STORE", "None"), 200),
    "a call, a message": (_GUARDED.replace("REPLIES", "[message]").replace("STORE", "None"), 200),
    "a call with a retry": (_GUARDED.replace("REPLIES", "['[]', text]").replace("STORE", "None"), 200),
}
_COLLECTED = re.compile(r"Collected\s*:\s*(\d+)")


def instructions(script: str, checkout: Path) -> int:
    """Return the instructions of a process that runs a script with the package of a checkout."""
    environment = {**os.environ, "PYTHONPATH": str(checkout), "PYTHONHASHSEED": "0"}
    python = [sys.executable, "-c", script]
    # Once without, so that every module has its bytecode.
    subprocess.run(python, env=environment, check=True, cwd=checkout)
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", *python]
    done = subprocess.run(command, env=environment, check=True, cwd=checkout, capture_output=True, text=True)
    match = _COLLECTED.search(done.stderr)
    assert match, done.stderr
    return int(match[1])


def taken(name: str, checkout: Path) -> float:
    """Return the instructions of a case: of the process, or of one more call."""
    script, calls = CASES[name]
    if calls is None:
        return instructions(script.replace("CALLS", "1"), checkout)
    less, more = (instructions(script.replace("CALLS", str(n)), checkout) for n in (calls, 2 * calls))
    return (more - less) / calls


def main() -> None:
    """Print a row for each case."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("checkouts", nargs="*", type=Path, default=[ROOT])
    parser.add_argument("--output", type=Path, help="also write the result there")
    value = parser.parse_args()
    checkouts = [path.resolve() for path in value.checkouts]
    commits = [
        subprocess.run(
            ["git", "rev-parse", "--short", "HEAD"], cwd=path, capture_output=True, text=True, check=False
        )
        for path in checkouts
    ]
    lines = [
        f"instructions, Python {sys.version.split()[0]}, {datetime.now(UTC).isoformat(timespec='seconds')}",
        f"{'':31}"
        + "".join(f"{commit.stdout.strip():>16}" for commit in commits)
        + ("" if len(commits) < 2 else "   ratio"),
    ]
    for name in CASES:
        counts = [taken(name, path) for path in checkouts]
        ratio = "" if len(counts) < 2 else f"{counts[-1] / counts[0]:8.3f}"
        lines.append(f"{name:31}" + "".join(f"{count:16,.0f}" for count in counts) + ratio)
        print(lines[-1], file=sys.stderr, flush=True)
    text = "\n".join(lines) + "\n"
    print(text, end="")
    if value.output:
        value.output.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
