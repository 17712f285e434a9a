# SPDX-License-Identifier: Apache-2.0
"""Read a training set as a suite: the folder that `schema-guard tune prepare` writes.

The rows of `test.jsonl`, which were held out of training, are the tasks, with their last message as the gold. The first
rows of `train.jsonl` are the few-shot examples. A task is asked as it was trained. It has the same messages before the
user's last message, and its text has no addition.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from schema_guard.bench.suites.reading import Line, SuiteReader, decoded, suite_of_lines
from schema_guard.bench.suites.values import Task

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from schema_guard.bench.suites.values import Split, Suite

MANIFEST = "manifest.json"
"""The file that identifies a training set."""
_FILES: tuple[tuple[str, Split], ...] = (("train.jsonl", "dev"), ("test.jsonl", "test"))
# Few, because every prompt contains them.
_SHOWN = 2


def load_training(path: Path) -> Suite:
    """Load the tasks that were held out of a training set.

    Raises:
        InvalidArgument: The folder has problems. The message lists all of them.
    """
    reader = SuiteReader(path)
    manifest = reader.read_object(MANIFEST, "training set")
    lines = () if manifest is None else _lines(reader, manifest)
    suite = suite_of_lines(reader, path, lines)
    if manifest is None:
        return suite
    counts = manifest.get("sources_by_file", {}).get("test", {})
    rows, by_people = sum(counts.values()), counts.get("gold", 0)
    teacher = f"{rows - by_people:,} of {rows:,}" if rows > by_people else None
    return replace(suite, function=manifest.get("function"), teacher=teacher)


def _lines(reader: SuiteReader, manifest: dict[str, Any]) -> Iterator[Line]:
    schema = manifest["schema"]
    for file, split in _FILES:
        rows = enumerate(reader.read_rows(file, "training row"), 1)
        for number, (where, row) in islice(rows, _SHOWN if split == "dev" else None):
            *before, question, answer = turns = turns_of(row)
            if (problem := turns_problem(turns)) is not None:
                reader.problems.append(f"{where}: {problem}")
                continue
            try:
                gold = decoded(answer["content"])
            except ValueError as error:
                reader.problems.append(f"{where}: expected an answer that is JSON: {error}")
                continue
            name = f"{file.removesuffix('.jsonl')}-{number}"
            task = Task(name, question["content"], "", gold, split=split, before=tuple(before))
            yield Line(where, task, schema["document"], schema["name"])


def turns_of(row: dict[str, Any]) -> list[dict[str, str]]:
    """Return the messages of a row, in every spelling of `export`."""
    if "messages" not in row:
        return [
            {"role": "user", "content": row["prompt"]},
            {"role": "assistant", "content": row["completion"]},
        ]
    system = [{"role": "system", "content": row["system"]}] if "system" in row else []
    return system + [{"role": turn["role"], "content": turn["content"]} for turn in row["messages"]]


def turns_problem(turns: list[dict[str, str]]) -> str | None:
    """Return the reason why messages are not a task with its answer. None if they are."""
    roles = [turn["role"] for turn in turns]
    if roles[-2:] == ["user", "assistant"] and "system" not in roles[1:]:
        return None
    return f"expected messages that end with a user message and an assistant message, with a system message only at the start, got {', '.join(roles)}"
