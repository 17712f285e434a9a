"""Write seeded tasks with known answers to tune and to measure a model: python -m benchmarks.finetune_tasks FOLDER.

Rules:
1. A text is a template with filled slots, and its gold is made from the slots. No model writes either.
2. Training and test share no templates. The exception is the set `shared`, which has the templates of training with
   other values.
3. All texts of all sets are different.

The script writes two suites for each kind of task, one task per line. `KIND.jsonl` is for `tune prepare`, with the
training tasks as `dev` and the held-out tasks as `test`. `KIND-test.jsonl` is for `bench`, with the held-out tasks and
two tasks to show in prompts. Tasks are tagged with their set: `train`, `shared`, `unseen`, or `hard` with the kind of
difficulty.
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
    """A drawn task.

    Attributes:
        text: The input.
        gold: The right answer.
        template: Name of its template.
    """

    text: str
    gold: Any
    template: str


class Kind(NamedTuple):
    """A kind of task.

    Attributes:
        schema: Schema of the answers.
        instruction: Instruction before every text.
        draw: Draws a task from a set: `train`, `shared`, `unseen`, or one of *hard*.
        hard: Kinds of difficulty.
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
    """Return the tasks of each file, as the lines of a suite.

    Args:
        kind: One of `KINDS`.
        seed: Seed of all draws.
        sizes: Sizes to use instead of `SIZES`. A set without a size is empty.

    Returns:
        The lines of `train`, and of the held-out tasks as `test`.
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
            source = "shared"  # the shown tasks are like the asked ones
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
    """Draw tasks until one has a new text, and return it."""
    while True:
        task = Drawn(*KINDS[kind].draw(random, source))
        if task.text not in drawn:
            drawn.add(task.text)
            return task


def write_tasks(
    folder: Path, kind: str, *, seed: int = 17, sizes: dict[str, int] | None = None
) -> dict[str, Path]:
    """Write the suites of a kind, and return their paths, `all` and `test`."""
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
