"""Seeded tasks with known answers for tuning a model and for measuring it: python -m benchmarks.finetune_tasks FOLDER.

Rules:
1. A text is a template with slots filled, and its gold is made from the slots: no model has a part in either.
2. Templates are split between training and test, and are never shared; only the set `shared` asks those of training,
   with other values.
3. No text comes twice, in any set.

Writes two suites, a task a line, for each kind of task: `KIND.jsonl` for `export`, what is to be learned as `dev` and
what is held out as `test`; and `KIND-test.jsonl` for `bench`, what is held out and two tasks to show. Tasks are tagged
with their set: `train`, `shared`, `unseen`, or `hard` and what is hard about them.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any, NamedTuple

from benchmarks import finetune_bookings, finetune_expenses, finetune_meetings, finetune_orders

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Drawn(NamedTuple):
    """A task as a kind draws it.

    Attributes:
        text: What is asked about.
        gold: The right answer.
        template: Name of its template.
    """

    text: str
    gold: Any
    template: str


class Kind(NamedTuple):
    """A kind of task.

    Attributes:
        schema: Of the answers.
        instruction: Stands before every text.
        draw: Draws a task from a set: `train`, `shared`, `unseen`, or one of *hard*.
        hard: What may be hard about a task.
    """

    schema: dict[str, Any]
    instruction: str
    draw: Callable[[Random, str], tuple[str, Any, str]]
    hard: tuple[str, ...]


KINDS = {
    module.NAME: Kind(module.SCHEMA, module.INSTRUCTION, module.draw, module.HARD)
    for module in (finetune_orders, finetune_bookings, finetune_meetings, finetune_expenses)
}
SIZES = {"train": 240, "shared": 34, "unseen": 34, "hard": 36}
"""Tasks in each set; `hard` has as many of each of its kinds."""


def tasks_of(
    kind: str, *, seed: int = 17, sizes: dict[str, int] | None = None
) -> dict[str, list[dict[str, Any]]]:
    """Give the tasks of each file, as the lines of a suite.

    Args:
        kind: One of `KINDS`.
        seed: Of everything.
        sizes: In place of `SIZES`; a set without a size is empty.

    Returns:
        The lines of `train`, and those of what is held out: `test`.
    """
    drawn: set[str] = set()
    wanted = SIZES if sizes is None else sizes
    sets = {name: list(_lines(kind, name, wanted.get(name, 0), seed, drawn)) for name in SIZES}
    return {"train": sets.pop("train"), "test": [line for lines in sets.values() for line in lines]}


def _lines(kind: str, name: str, size: int, seed: int, drawn: set[str]) -> Iterator[dict[str, Any]]:
    random = Random(f"{kind} {name} {seed}")
    hard = KINDS[kind].hard
    for number in range(size):
        source = hard[number % len(hard)] if name == "hard" else name
        if name == "train" and number < _SHOWN:
            source = "shared"  # as those are that are asked
        task = _new(kind, source, random, drawn)
        yield {
            "id": f"{kind}-{name}-{number + 1}",
            "instruction": KINDS[kind].instruction,
            "input": task.text,
            "gold": task.gold,
            "schema_file": f"{kind}.json",
            "tags": [name, *([source] if name == "hard" else []), task.template],
            "split": "dev" if name == "train" else "test",
        }


# How many tasks of training few-shot prompts show.
_SHOWN = 2


def _new(kind: str, source: str, random: Random, drawn: set[str]) -> Drawn:
    """Draw until a text is new."""
    while True:
        task = Drawn(*KINDS[kind].draw(random, source))
        if task.text not in drawn:
            drawn.add(task.text)
            return task


def write_tasks(
    folder: Path, kind: str, *, seed: int = 17, sizes: dict[str, int] | None = None
) -> dict[str, Path]:
    """Write the suites of a kind; gives their paths: `all`, and `test`."""
    folder.mkdir(parents=True, exist_ok=True)
    result = tasks_of(kind, seed=seed, sizes=sizes)
    document = json.dumps(KINDS[kind].schema, indent=2) + "\n"
    Path(folder, f"{kind}.json").write_text(document, encoding="utf-8")
    suites = {"all": result["train"], "test": result["train"][:_SHOWN]}
    paths = {"all": folder / f"{kind}.jsonl", "test": folder / f"{kind}-test.jsonl"}
    for name, path in paths.items():
        lines = (json.dumps(line, ensure_ascii=False) for line in (*suites[name], *result["test"]))
        path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return paths


def main() -> None:
    """Write all suites."""
    parser = argparse.ArgumentParser(description="Seeded tasks with known answers.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=17)
    asked = parser.parse_args()
    for kind in KINDS:
        for path in write_tasks(asked.folder, kind, seed=asked.seed).values():
            print(path)


if __name__ == "__main__":
    main()
