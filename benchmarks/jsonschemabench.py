"""Write rows of JSONSchemaBench as a suite of one file, so that `bench run` can measure a model on them.

    python benchmarks/jsonschemabench.py jsonschemabench.jsonl suite.jsonl
    schema-guard bench run suite.jsonl --model local

A row has `id`, `subset`, `schema`, and `tests`, which is a list of `{"valid", "data"}`. The task is to write a document
with given values: its input lists each value of a valid document with its place, and the answer is this document. It is
the first valid one of the row, or a value drawn from the schema. Rows without such a value are omitted and listed.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from schema_guard.bench.suites.reading import gold_problems, loaded_schema
from schema_guard.errors import InvalidArgument
from schema_guard.pointer import join
from schema_guard.validation.drawing.samples import sample

if TYPE_CHECKING:
    from collections.abc import Iterator

INSTRUCTION = (
    "Write the JSON document that has exactly these values. Each line has the place of a value as a JSON Pointer, and "
    "the value as JSON."
)
_LICENCE = "JSONSchemaBench card: MIT; schemas by third parties"
_MOST_CHARACTERS = 30_000


def task_of(row: dict[str, Any]) -> dict[str, Any] | str:
    """Return the line of a suite for a row, or the reason why the row is no task."""
    schema = loaded_schema(row["schema"], str(row["id"]))
    if isinstance(schema, str):
        return schema
    known = [test["data"] for test in row.get("tests", ()) if test["valid"]]
    try:
        gold = known[0] if known else sample(schema, Random(0))
    except InvalidArgument as error:
        return str(error)
    if problems := gold_problems(schema, gold, {}):
        return "; ".join(problems)
    text = "\n".join(
        f"{place or '(root)'}: {json.dumps(value, ensure_ascii=False)}" for place, value in leaves(gold)
    )
    if len(text) > _MOST_CHARACTERS:
        return f"the document has {len(text):,} characters, expected at most {_MOST_CHARACTERS:,}"
    return {
        "id": str(row["id"]),
        "source": row.get("subset", "jsonschemabench"),
        "licence": _LICENCE,
        "instruction": INSTRUCTION,
        "input": text,
        "schema": row["schema"],
        "gold": gold,
    }


def leaves(value: Any, at: tuple[str | int, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Yield each value without parts, with its place.

    >>> list(leaves({"a": [1, {}], "b": None}))
    [('/a/0', 1), ('/a/1', {}), ('/b', None)]
    """
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    if not value or not isinstance(value, (dict, list)):
        yield join(at), value
    for key, part in parts:
        yield from leaves(part, (*at, key))


def main() -> None:
    """Convert a file, and print the rows that are left out."""
    source, target = map(Path, sys.argv[1:])
    lines = []
    for text in source.read_text(encoding="utf-8").split("\n"):
        if text.strip():
            row = json.loads(text)
            task = task_of(row)
            if isinstance(task, str):
                print(f"{row['id']}: {task}")
            else:
                lines.append(json.dumps(task) + "\n")
    target.write_text("".join(lines), encoding="utf-8")
    print(f"{len(lines)} tasks", file=sys.stderr)


if __name__ == "__main__":
    main()
