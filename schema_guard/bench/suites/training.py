# SPDX-License-Identifier: Apache-2.0
"""A training set as a suite: the folder that `schema-guard export` writes, asked for what was held out of training.

Rules: the rows of `test.jsonl` are the tasks, each with its last message as the gold; the first rows of
`train.jsonl` are what few-shot shows. A task is asked as it was trained: one user message, whose text nothing is added to.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from schema_guard.bench.suites.assembly import Line, suite_of_lines
from schema_guard.bench.suites.reading import SuiteReader, decoded

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from schema_guard.bench.suites.values import Split, Suite

MANIFEST = "manifest.json"
"""The file that a training set is known by."""
_FILES: tuple[tuple[str, Split], ...] = (("train.jsonl", "dev"), ("test.jsonl", "test"))
# As many as the chapters show: each is a part of every prompt.
_SHOWN = 2


def load_training(path: Path) -> Suite:
    """Load the tasks that were held out of a training set.

    Raises:
        InvalidArgument: The folder is not right.
    """
    reader = SuiteReader(path)
    manifest = reader.read_object(MANIFEST, "training set")
    lines = () if manifest is None else _lines(reader, manifest)
    suite = suite_of_lines(reader, path, lines)
    return suite if manifest is None else replace(suite, function=manifest.get("function"))


def _lines(reader: SuiteReader, manifest: dict[str, Any]) -> Iterator[Line]:
    schema = manifest["schema"]
    for file, split in _FILES:
        rows = enumerate(reader.read_rows(file, "training row"), 1)
        for number, (where, row) in islice(rows, _SHOWN if split == "dev" else None):
            texts = _texts(row)
            try:
                gold = decoded(texts[1])
            except ValueError as error:
                reader.problems.append(f"{where}: expected an answer that is JSON: {error}")
                continue
            yield Line(
                where=where,
                id=f"{file.removesuffix('.jsonl')}-{number}",
                input=texts[0],
                instruction="",
                gold=gold,
                document=schema["document"],
                name=schema["name"],
                match={},
                split=split,
            )


def _texts(row: dict[str, Any]) -> tuple[str, str]:
    """Give what a row asks, and the answer."""
    if "messages" in row:
        asked, answer = row["messages"]
        return asked["content"], answer["content"]
    return row["prompt"], row["completion"]
