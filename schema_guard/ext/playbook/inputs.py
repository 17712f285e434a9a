# SPDX-License-Identifier: Apache-2.0
"""The inputs of a playbook run: a schema, and different tasks in one order for every step.

Rules:
1. A repeated task is used once, because the unit of evidence is the distinct input.
2. The order is shuffled, so that a step that stops early has seen a sample and not the beginning of a file.
3. The same tasks and the same seed give the same order everywhere.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from schema_guard.bench.run.trial_model import dev_tasks_text
from schema_guard.bench.suites.scoring import match_problems
from schema_guard.bench.suites.values import Task
from schema_guard.errors import InvalidArgument
from schema_guard.prompting import Example
from schema_guard.text import clip, safe

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Mapping

    from schema_guard.bench.suites.values import SuiteSchema
    from schema_guard.schema import Schema


@dataclass(frozen=True, slots=True)
class Inputs:
    """The inputs of a playbook run.

    Attributes:
        schema: Schema of the replies.
        tasks: Different tasks, in the order in which every step uses them.
        examples: Examples for few-shot. If empty, they are drawn from the schema.
        repeated: Number of tasks left out because they were repeated.
        seed: Seed of the shuffle.
        before: Messages before the text of every task; empty for none.
        examples_source: The source of the examples: ids of calls, or a text. Empty if the schema gives them.
        answers: The tasks of a suite, which have a known answer, by their text.
    """

    schema: Schema[Any]
    tasks: tuple[str, ...]
    examples: tuple[Example, ...]
    repeated: int
    seed: int
    before: tuple[dict[str, str], ...] = ()
    examples_source: tuple[str, ...] | str = ""
    answers: Mapping[str, Task] = field(default_factory=dict)


def inputs_of(
    schema: Schema[Any],
    texts: Iterable[str],
    *,
    instruction: str = "",
    examples: Iterable[Example] = (),
    seed: int = 0,
) -> Inputs:
    """Build the inputs of a playbook run from texts.

    Args:
        schema: Schema of the replies.
        texts: One text for each task.
        instruction: Text before every task; empty if the texts contain the instruction.
        examples: Examples for few-shot.
        seed: Seed of the shuffle.

    Raises:
        InvalidArgument: There is no text.
    """
    prompts = [f"{instruction}\n\n{text}" if instruction else text for text in texts]
    tasks = list(dict.fromkeys(prompts))
    if not tasks:
        raise InvalidArgument(
            f"inputs for schema {clip(repr(schema.name))}: expected at least one input, got none"
        )
    repeated = len(prompts) - len(tasks)
    Random(seed).shuffle(tasks)  # a repeatable order, not a secret
    return Inputs(schema, tuple(tasks), tuple(examples), repeated, seed)


def suite_inputs(
    entry: SuiteSchema, *, suite: str = "", texts: Iterable[str] | None = None, seed: int = 0
) -> Inputs:
    """Build the inputs of a playbook run from a suite's schema. few-shot uses its `dev` tasks as examples.

    Args:
        entry: The schema with its tasks.
        suite: The name of the suite.
        texts: Texts to use instead of the suite's `test` tasks, each after the instruction of the suite's first task.
        seed: Seed of the shuffle.

    Raises:
        InvalidArgument: There is no task, or the tasks have different messages before their texts.
    """
    befores = [*{str(task.before): task.before for task in entry.tasks_of("test")}.values()]
    if texts is None and len(befores) > 1:
        raise InvalidArgument(
            f"inputs for schema {clip(repr(entry.name))}: the tasks have different messages before their texts. Use the same messages in all tasks, or use `bench run` without --playbook"
        )
    examples = [Example(task.gold, task.text) for task in entry.tasks_of("dev")]
    if texts is None:
        test_texts = [task.text for task in entry.tasks_of("test")]
        answers = {task.text: task for task in entry.tasks_of("test")}
        inputs = replace(inputs_of(entry.schema, test_texts, seed=seed), before=befores[0], answers=answers)
    else:
        instruction = entry.tasks[0].instruction if entry.tasks else ""
        inputs = inputs_of(entry.schema, texts, instruction=instruction, seed=seed)
    source = dev_tasks_text(suite, entry.name) if examples else ""
    return replace(inputs, examples=tuple(examples), examples_source=source)


def numbered_lines(path: str | os.PathLike[str], what: str) -> list[tuple[int, str]]:
    """Return the lines of a file that are not blank, with their numbers.

    Args:
        path: The file.
        what: The content of the file, for the error.

    Raises:
        InvalidArgument: The file cannot be read.
    """
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidArgument(
            f"{what} {safe(str(path))}: expected a UTF-8 file, but reading it failed: {error}"
        ) from error
    # Not splitlines, because a text may contain U+2028 and similar characters.
    return [(number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip()]


def read_texts(path: str | os.PathLike[str]) -> list[str]:
    """Read a file of inputs, without blank lines.

    Args:
        path: `.txt` with one text per line, or `.jsonl` with a string or an object with `input` per line.
            `read_answers` reads the right answers of such objects.

    Raises:
        InvalidArgument: The file can't be read, has another name, or has an invalid line. The message has its number.
    """
    path = Path(path)
    if path.suffix not in (".txt", ".jsonl"):
        raise InvalidArgument(f"inputs {safe(str(path))}: expected a file name that ends in .txt or .jsonl")
    lines = numbered_lines(path, "inputs")
    if path.suffix == ".txt":
        return [line.strip() for _, line in lines]
    return [_read_line(line.strip(), f"inputs {safe(str(path))}, line {number}") for number, line in lines]


def read_answers(path: str | os.PathLike[str], schema: Schema[Any]) -> dict[str, Task]:
    """Read the right answers of a `.jsonl` file of inputs: `gold` of a line, and `match`, the way to compare it.

    Raises:
        InvalidArgument: An answer is not valid for the schema.
    """
    answers: dict[str, Task] = {}
    if Path(path).suffix != ".jsonl":
        return answers
    for number, line in numbered_lines(path, "inputs"):
        value = json.loads(line)
        if not isinstance(value, dict) or "gold" not in value:
            continue
        broken, match = schema.violations(value["gold"]), value.get("match", {})
        problems = [
            f"at {one.instance_location or '(root)'}: expected {one.expected}, got {one.actual}"
            for one in broken
        ]
        problems = problems or match_problems(match, value["gold"])
        if problems:
            raise InvalidArgument(f"inputs {safe(str(path))}, line {number}: gold: {clip(problems[0])}")
        answers[value["input"]] = Task(str(number), value["input"], "", value["gold"], match)
    return answers


def _read_line(line: str, where: str) -> str:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InvalidArgument(f"{where}: expected JSON, got {clip(repr(line))} ({error})") from error
    text = value.get("input") if isinstance(value, dict) else value
    if not isinstance(text, str) or not text.strip():
        raise InvalidArgument(
            f'{where}: expected a string that is not blank, or {{"input": string}}, got {clip(repr(value))}'
        )
    return text
