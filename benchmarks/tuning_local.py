"""What tuning on this machine takes: seconds, processor and memory of a LoRA on seeded orders, beside what was planned.

    python -m benchmarks.tuning_local [--rows 200] [--epochs N] [--output benchmarks/results/FILE.txt]

The rows are those of `benchmarks/finetune_tasks.py`; what the model has learned of them is measured elsewhere. Wall time
depends on what else runs on the machine, processor seconds do not. Needs the extra tuning.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import tempfile
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from benchmarks.finetune_tasks import tasks_of
from schema_guard.ext.tuning.local.plan import LoraSettings, plan_training
from schema_guard.ext.tuning.local.training import TrainStep, train

PACKAGES = ("torch", "transformers", "peft", "gguf")
VALIDATION = 20


def main() -> None:
    """Train, and say what it took."""
    parser = argparse.ArgumentParser(description="What tuning on this machine takes.")
    parser.add_argument("--rows", type=int, default=200)
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--output", type=Path)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        shown = measured(Path(folder), asked.rows, LoraSettings(epochs=asked.epochs))
    text = "\n".join(shown)
    print(text)
    if asked.output:
        asked.output.write_text(text + "\n", encoding="utf-8")


def measured(folder: Path, rows: int, settings: LoraSettings) -> list[str]:
    """Give the lines of the result."""
    write_set(folder, rows)
    plan, steps = plan_training(folder, settings=settings), list[TrainStep]()
    busy = os.getloadavg()[0]
    made = train(folder, settings=settings, on_step=steps.append)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = used.ru_utime + used.ru_stime
    learning = steps[-1].seconds - steps[0].seconds
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    return [
        f"Tuning {plan.base} on this machine, {datetime.now(UTC).isoformat(timespec='seconds')}",
        f"{packages}; one thread; {rows} orders, {plan.validation_rows} more to check by",
        "",
        f"steps            {plan.steps} of {plan.batch} rows, rank {plan.rank}",
        f"planned          {plan.seconds:.0f} s, {plan.memory_bytes / 1e9:.1f} GB",
        f"processor        {processor:.0f} s in all",
        f"wall time        {made.seconds:.0f} s in all, {learning / (plan.steps - 1):.1f} s a step (load {busy:.0f} on {os.cpu_count()} cores)",
        f"memory           {made.memory_bytes / 1e9:.1f} GB at the peak",
        f"adapter          {made.adapter.stat().st_size / 1e6:.1f} MB",
        f"loss             {steps[0].loss:.3f} nats a token of the answer at first, {made.loss:.3f} at last",
        f"validation loss  {made.validation_loss:.3f}",
    ]


def write_set(folder: Path, rows: int) -> None:
    """Write a training set of orders."""
    tasks = tasks_of("order", sizes={"train": rows + VALIDATION})["train"]
    for name, part in (("train", tasks[:rows]), ("validation", tasks[rows:])):
        with (folder / f"{name}.jsonl").open("w", encoding="utf-8") as file:
            for task in part:
                answer = json.dumps(task["gold"], separators=(",", ":"), ensure_ascii=False)
                asked = f"{task['instruction']}\n\n{task['input']}"
                turns = [{"role": "user", "content": asked}, {"role": "assistant", "content": answer}]
                file.write(json.dumps({"messages": turns}, ensure_ascii=False) + "\n")
    (folder / "manifest.json").write_text(json.dumps({"format": 1, "form": "sft", "files": {}}))


if __name__ == "__main__":
    main()
