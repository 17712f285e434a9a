"""Measure the time and memory of tuning a LoRA on this machine with seeded orders, and compare them with the plan.

    python -m benchmarks.tuning_local [--rows 200] [--epochs N] [--output benchmarks/results/FILE.txt]

The rows are those of `benchmarks/finetune_tasks.py`. The quality of the tuned model is measured elsewhere. Wall time
depends on other programs on the machine, but CPU time doesn't. The script needs the extra tuning.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sys
import tempfile
import time
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.finetune_tasks import tasks_of
from schema_guard.ext.tuning.local.plan import LoraSettings, plan_training
from schema_guard.ext.tuning.local.training import train

if TYPE_CHECKING:
    from collections.abc import Mapping

PACKAGES = ("torch", "transformers", "peft", "gguf")
VALIDATION = 20


def main() -> None:
    """Train, and print the time and memory."""
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
    """Return the lines of the result."""
    write_set(folder, rows)
    plan = plan_training(folder, settings=settings)
    losses, times = list[float](), [time.monotonic()]
    busy = os.getloadavg()[0]

    def note(progress: Mapping[str, Any]) -> None:
        losses.append(progress["loss"])
        times.append(time.monotonic())

    job = train(folder, settings=settings, on_step=note)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = used.ru_utime + used.ru_stime
    # Linux counts in KiB, macOS in bytes.
    memory = used.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    assert job.result is not None
    adapter = folder / str(job.result.adapter)
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    return [
        f"Tuning {plan.base} on this machine, {datetime.now(UTC).isoformat(timespec='seconds')}",
        f"{packages}; one thread; {rows} orders, {plan.validation_rows} more to check by",
        "",
        f"steps            {plan.steps} of {plan.batch} rows, rank {plan.rank}",
        f"planned          {plan.seconds:.0f} s, {plan.memory_bytes / 1e9:.1f} GB",
        f"processor        {processor:.0f} s in all",
        f"wall time        {job.cost['seconds']:.0f} s in all, {(times[-1] - times[1]) / (plan.steps - 1):.1f} s a step (load {busy:.0f} on {os.cpu_count()} cores)",
        f"memory           {memory / 1e9:.1f} GB at the peak",
        f"adapter          {adapter.stat().st_size / 1e6:.1f} MB",
        f"loss             {losses[0]:.3f} nats a token of the answer at first",
        f"at last          {job.message}",
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
