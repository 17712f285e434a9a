# SPDX-License-Identifier: Apache-2.0
"""Rows of a training set from files: labelled suites, and a person's answers.

Rules: labelled answers are gold, and have to be right. An answer that is not valid for the schema is an error that
names its line, and up to 10 such errors are reported at once.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from schema_guard.errors import InvalidArgument
from schema_guard.ext.playbook.inputs import numbered_lines
from schema_guard.ext.tuning.export.served_prompt import Unknown, served
from schema_guard.ext.tuning.export.values import ExportSettings, GatheredRows, TrainingRow
from schema_guard.text import clip, safe

if TYPE_CHECKING:
    import os

    from schema_guard.bench.suites.values import Suite, SuiteSchema
    from schema_guard.ext.tuning.export.values import Side
    from schema_guard.schema import Schema

_MOST_SHOWN = 10


class Answers(NamedTuple):
    """The answers of a person.

    Attributes:
        by_call: The answer to a recorded call and its place, as `answers FILE, line N`, by the call's id.
        rows: The answers to inputs.
    """

    by_call: dict[str, tuple[Any, str]]
    rows: list[TrainingRow]


def from_suite(suite: Suite, schema: Schema[Any], settings: ExportSettings) -> GatheredRows:
    """Return the rows of a suite: the golds of the schema's tasks.

    If the suite has tasks of both splits, its own split is used: `test` is never trained on.

    Args:
        suite: The suite with the schema, found by its content.
        schema: Schema of the answers.
        settings: Settings of the training set.

    Raises:
        InvalidArgument: The suite has no such schema.
    """
    entries = [entry for entry in suite.schemas if entry.schema.fingerprint == schema.fingerprint]
    if not entries:
        names = ", ".join(entry.name for entry in suite.schemas[:_MOST_SHOWN])
        raise InvalidArgument(
            f"suite {clip(suite.name)} does not have the schema {clip(schema.name)} ({schema.fingerprint}). "
            f"Choose one of its schemas: {names}"
        )
    has_split = len({task.split for entry in entries for task in entry.tasks}) > 1
    gathered = GatheredRows()
    for entry in entries:
        _add_tasks(gathered, entry, suite.name, settings, has_split=has_split)
    if has_split:
        gathered.notes.append(
            f"suite {clip(suite.name)}: the suite has its own split, so its test tasks are in test.jsonl"
        )
    return gathered


def _add_tasks(
    gathered: GatheredRows,
    entry: SuiteSchema,
    name: str,
    settings: ExportSettings,
    *,
    has_split: bool,
) -> None:
    for task in entry.tasks:
        messages = served(task.text, entry.schema, settings.strategy)
        if isinstance(messages, Unknown):
            gathered.left_out[messages] += 1
            continue
        side: Side | None = None
        if has_split:
            side = "test" if task.split == "test" else "train"
        row = TrainingRow(
            messages=messages,
            answer=task.gold,
            source="gold",
            origin=f"suite {name}: {entry.name}/{task.id}",
            licence=entry.licence or None,
            side=side,
        )
        gathered.rows.append(row)


def read_answers(path: str | os.PathLike[str], schema: Schema[Any], settings: ExportSettings) -> Answers:
    """Read a person's answers: JSON Lines with `answer`, and `call_id` or `input`. Null answers are skipped.

    Args:
        path: The file, such as `to_label.jsonl` of an earlier export with its answers filled in.
        schema: Schema of the answers.
        settings: Settings of the training set.

    Raises:
        InvalidArgument: The file can't be read, a line is wrong, or an answer is not valid. The message has the first
            problems.
    """
    shown = safe(str(path))
    answers = Answers({}, [])
    problems = []
    for number, line in numbered_lines(path, "answers"):
        try:
            _hear(answers, line, f"answers {shown}, line {number}", schema, settings)
        except (ValueError, RecursionError) as error:
            problems.append(f"line {number}: {error}")
    if problems:
        raise InvalidArgument("\n".join([f"answers {shown}:", *problems[:_MOST_SHOWN]]))
    return answers


def _hear(answers: Answers, line: str, where: str, schema: Schema[Any], settings: ExportSettings) -> None:
    """Add a line of a person's answers. `ValueError` has the fault of an invalid line."""
    entry = json.loads(line)
    keys = entry.keys() if isinstance(entry, dict) else ()
    call = entry.get("call_id") if "answer" in keys else None
    if "answer" not in keys or not (isinstance(call, str) or "input" in keys):
        raise ValueError(
            f'expected an object with the keys "answer" and either "call_id" or "input", got {clip(line)}'
        )
    answer = entry["answer"]
    if answer is None and not schema.is_valid(None):
        return
    if broken := schema.violations(answer):
        place = broken[0].instance_location or "(root)"
        raise ValueError(f"at {place} of the answer: expected {broken[0].expected}, got {broken[0].actual}")
    if isinstance(call, str):
        before, line_before = answers.by_call.setdefault(call, (answer, where))
        if json.dumps(before, sort_keys=True) != json.dumps(answer, sort_keys=True):
            raise ValueError(
                f"the answer to call {clip(repr(call))} differs from the answer in {line_before.rpartition(', ')[2]}. Keep only one of them"
            )
        return
    task = entry["input"]
    is_task = task and (isinstance(task, str) or (isinstance(task, list) and all(map(_is_object, task))))
    messages = served(task, schema, settings.strategy) if is_task else Unknown()
    if not isinstance(messages, Unknown):
        tags = {name: entry[name] for name in ("cluster", "segment") if isinstance(entry.get(name), str)}
        answers.rows.append(TrainingRow(messages, answer, "gold", where, **tags))
        return
    raise ValueError(f"at /input: expected a text or a list of text messages, got {clip(line)}")


def _is_object(value: Any) -> bool:
    return isinstance(value, dict)
