"""From the verdict to a tuned model and back, on the local model: python -m benchmarks.finetune FOLDER [--seed N] [--small].

The script needs the extras local and tuning. Every step is a command of schema-guard whose output is stored in FOLDER.
The same command line resumes an interrupted loop, and repeats no call. The settings were chosen with a view of the
texts of seed 17, but not of those of other seeds. --small uses 40 held-out orders, takes 15 minutes, and sends six of
them through a router at the end. --output NAME writes the summary to NAME.txt, and the figures to NAME.json.
"""

import argparse
import json
import os
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.finetune_loop import Loop
from benchmarks.finetune_router import routed
from benchmarks.finetune_summary import summary_of
from benchmarks.finetune_tasks import KINDS, write_tasks
from schema_guard.report.as_text import as_text

SMALL = {"train": 200, "shared": 13, "unseen": 13, "hard": 14}
"""Tasks in each set of `--small`."""


def main() -> None:
    """Run the loop for each kind of task."""
    parser = argparse.ArgumentParser(description="From the verdict to a tuned model and back.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--kind", action="append", choices=list(KINDS))
    parser.add_argument("--seed", type=int, default=17, help="Of what is learned and what is held out.")
    parser.add_argument("--small", action="store_true", help="40 held-out orders, and a router at the end.")
    parser.add_argument(
        "--output", type=Path, help="Where to write NAME.txt and NAME.json, without the ending."
    )
    asked = parser.parse_args()
    texts, figures = [], {}
    for kind in ["order"] if asked.small else asked.kind or list(KINDS):
        paths = write_tasks(asked.folder, kind, seed=asked.seed, sizes=SMALL if asked.small else None)
        loop = Loop(kind=kind, folder=asked.folder, learned=paths["all"], suite=paths["test"])
        loop.run()
        if not asked.small:
            loop.elsewhere()
        result = summary_of(loop, routed(loop) if asked.small else ())
        texts.append(as_text(result.document))
        figures[kind] = result.figures
        print(texts[-1])
    if asked.output is not None:
        day = datetime.now(UTC).date().isoformat()
        busy = f"load {os.getloadavg()[2]:.1f}"
        head = f"python -m benchmarks.finetune FOLDER --seed {asked.seed}\n{day}, {os.cpu_count()} processors, one thread, {busy}"
        Path(f"{asked.output}.txt").write_text("\n\n".join((head, *texts)) + "\n", encoding="utf-8")
        Path(f"{asked.output}.json").write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
