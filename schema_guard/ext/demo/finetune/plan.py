# SPDX-License-Identifier: Apache-2.0
"""What `schema-guard demo finetune` will do and take, before it does anything."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

from schema_guard.bench.suites.load import load_suite
from schema_guard.errors import missing_extra
from schema_guard.ext.demo.finetune.loop import Loop
from schema_guard.ext.demo.finetune.router_step import TASKS

if TYPE_CHECKING:
    from collections.abc import Iterator

_HERE = Path(__file__).parent
_KIND = "order"
# Seconds of one processor of 2023; what the whole took once: benchmarks/results/2026-11-26-demo-finetune.txt.
_PROMPTED_S, _TUNED_S, _TRAINED_S = 4.5, 2.5, 330.0
# Of the ways of prompting that are not the best, together.
_EARLY = 30
_NEEDED = {
    "xllamacpp": "local",
    "torch": "tuning",
    "transformers": "tuning",
    "peft": "tuning",
    "gguf": "tuning",
}


def demo_loop(folder: Path) -> Loop:
    """Give the loop of the demo, whose tasks `benchmarks/finetune_tasks.py` has drawn.

    Raises:
        MissingExtra: A package is not installed that one of its steps needs.
    """
    for package, extra in _NEEDED.items():
        if importlib.util.find_spec(package) is None:
            raise missing_extra("demo finetune", package, extra)
    learned, asked = (_HERE / f"{_KIND}{part}.jsonl" for part in ("", "-test"))
    return Loop(kind=_KIND, folder=folder, learned=learned, suite=asked)


def plan_lines(loop: Loop) -> Iterator[str]:
    """Say in a few lines what the loop will do, and how long that takes."""
    (entry,) = load_suite(loop.learned).schemas
    learned, held_out = (len(entry.tasks_of(split)) for split in ("dev", "test"))
    prompted, tuned = held_out + _EARLY + TASKS // 2, held_out + TASKS // 2
    seconds = prompted * _PROMPTED_S + _TRAINED_S + tuned * _TUNED_S
    yield f"{learned} orders to learn, {held_out} held out; all of it runs here, one thread, and nothing leaves this machine"
    yield f"about {prompted} calls of the local model with prompts, a LoRA of {learned} rows, {tuned} calls of the tuned model"
    yield f"about {seconds / 60:.0f} minutes on a free processor, each step a command; files go to {loop.folder}"
