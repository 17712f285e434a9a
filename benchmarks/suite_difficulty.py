"""Measure the difficulty of the built-in tasks: python benchmarks/suite_difficulty.py --output FILE.txt [--write].

Every task runs once, without a retry, under few_shot and under strict_schema. The difficulty of a task is the share of
its gold's leaves that were wrong, as the mean of the two. A call without a valid value has only wrong leaves. --write
writes the numbers to the suite's tasks.jsonl, and sorts the schemas of suite.json by their means. The replies are
stored in a journal, so that an interrupted run resumes.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from schema_guard.bench.run.journal import Journal
from schema_guard.bench.run.plan import PlanSettings, plan_of, variants_of
from schema_guard.bench.run.runner import run
from schema_guard.bench.suites.load import load_suite
from schema_guard.models import connect

FOLDER = Path(__file__).resolve().parent.parent / "schemas"
STRATEGIES = ("few_shot", "strict_schema")


def main() -> None:
    """Measure, print the table, and write the requested files."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    parser.add_argument("--model", default="local")
    parser.add_argument("--journal", type=Path, default=cache / "schema-guard" / "difficulty.jsonl")
    parser.add_argument("--output", type=Path, help="a .txt file for the table")
    parser.add_argument("--write", action="store_true", help="put the numbers into the suite")
    arguments = parser.parse_args()
    hardness, model = measure(arguments.model, arguments.journal)
    by_schema: dict[str, dict[str, float]] = {}
    for entry in load_suite(FOLDER).schemas:
        by_schema[entry.name] = {task.id: hardness[task.id] for task in entry.tasks_of("test")}
    order = sorted(by_schema, key=lambda name: (statistics.mean(by_schema[name].values()), name))
    shown = (
        f"wrong leaves of {model} under {' and '.join(STRATEGIES)}, one attempt, {datetime.now(UTC):%Y-%m-%d}"
    )
    lines = [f"python benchmarks/suite_difficulty.py --model {arguments.model}", shown, ""]
    for name in order:
        tasks = by_schema[name].values()
        lines.append(f"{name:18}{statistics.mean(tasks):6.2f}   {' '.join(f'{one:.2f}' for one in tasks)}")
    text = "\n".join(lines)
    print(text)
    if arguments.output:
        arguments.output.write_text(text + "\n", encoding="utf-8")
    if arguments.write:
        write(hardness, order, shown)


def measure(name: str, file: Path) -> tuple[dict[str, float], str]:
    """Run every task. Return the share of wrong leaves by task, and the model's name."""
    model = connect(name)
    plan = plan_of(load_suite(FOLDER), variants_of([model.name], STRATEGIES), PlanSettings(max_attempts=1))
    file.parent.mkdir(parents=True, exist_ok=True)
    with Journal.resume(file, plan) as journal, Progress(console=Console(stderr=True)) as bar:
        task = bar.add_task("calls", total=plan.calls)
        finished = run(plan, {model.name: model}, journal=journal, on_call=lambda _: bar.advance(task))
    wrong: dict[str, list[float]] = {}
    for one in finished.calls:
        wrong.setdefault(one.task, []).append(1 - one.leaves_right / one.leaves)
    return {task: round(statistics.mean(shares), 3) for task, shares in wrong.items()}, model.name


def write(hardness: dict[str, float], order: list[str], said: str) -> None:
    """Write the numbers to the suite's files."""
    for name in order:
        file = FOLDER / name / "tasks.jsonl"
        rows = [json.loads(line) for line in file.read_text(encoding="utf-8").split("\n") if line.strip()]
        for row in rows:
            row.pop("difficulty", None)
            if row["id"] in hardness:
                row["difficulty"] = hardness[row["id"]]
        file.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    manifest = json.loads((FOLDER / "suite.json").read_text(encoding="utf-8"))
    manifest |= {"difficulty": said, "schemas": order}
    (FOLDER / "suite.json").write_text(
        json.dumps(manifest, indent=2, ensure_ascii=False) + "\n", encoding="utf-8"
    )


if __name__ == "__main__":
    main()
