"""Write questions of the Berkeley Function-Calling Leaderboard as a suite of one file.

    python benchmarks/bfcl.py BFCL_v3_simple.json suite.jsonl

A file of questions has its answers in the folder `possible_answer` beside it, under the same name. Both are JSON Lines:

- `{"id", "question": [[{"role", "content"}]], "function": [{"name", "description", "parameters"}]}`
- `{"id", "ground_truth": [{name: {parameter: [acceptable values]}}]}`

A question can also hold its own `ground_truth`. Questions that are not tasks are omitted and listed. The suite `tools`
has the questions of version 4.

Source: the files `BFCL_v3_simple.json`, `_multiple`, `_parallel`, `_parallel_multiple` and `BFCL_v4_live_simple.json` of
ShishirPatil/gorilla.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from schema_guard.ext.suites.bfcl import Unusable, line_of


def convert(source: Path, target: Path) -> list[str]:
    """Write the questions of a file as a suite. Return the questions that are left out, as `id: reason`."""
    beside = source.parent / "possible_answer" / source.name
    answers = {row["id"]: row["ground_truth"] for row in _rows(beside)} if beside.exists() else {}
    lines, left_out = [], []
    for row in _rows(source):
        try:
            line = line_of(row, row.get("ground_truth", answers.get(row["id"])), source.stem)
        except Unusable as error:
            left_out.append(f"{row['id']}: {error}")
        else:
            lines.append(json.dumps(line) + "\n")
    target.write_text("".join(lines), encoding="utf-8")
    return left_out


def _rows(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").split("\n") if line.strip()]


def main() -> None:
    """Convert one file, and print the questions that are left out."""
    source, target = map(Path, sys.argv[1:])
    for line in convert(source, target):
        print(line)


if __name__ == "__main__":
    main()
