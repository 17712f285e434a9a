"""Compare estimated with counted tokens: python benchmarks/token_estimate.py --corpora FOLDER --output FILE.txt.

Texts are cut greedily into the local model's vocabulary, and the count is compared with `estimated_tokens`. The texts
are the golds and inputs of the built-in suite, and the golds, texts, and schemas of 450 public extraction tasks. The
table has quantiles of estimate / count.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.engine_checks.vocabulary import Vocabulary
from benchmarks.public_tasks import convert
from schema_guard.bench.suites.load import load_suite
from schema_guard.bench.suites.values import as_written, estimated_tokens
from schema_guard.models import local_weights

if TYPE_CHECKING:
    from collections.abc import Iterable

QUANTILES = (0.0, 0.1, 0.5, 0.9, 1.0)


def main() -> None:
    """Compare, print the table, and write it if requested."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpora", type=Path, default=os.environ.get("SCHEMA_GUARD_CORPORA"))
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    vocabulary = Vocabulary.of(local_weights())
    with tempfile.TemporaryDirectory() as folder:
        tasks = convert(arguments.corpora / "tasks.jsonl", Path(folder, "tasks.jsonl"))
        builtin, public = load_suite("small").schemas, load_suite(tasks).schemas
    groups: dict[str, Iterable[Any]] = {
        "golds of the built-in suite": [task.gold for entry in builtin for task in entry.tasks],
        "its inputs": [task.input for entry in builtin for task in entry.tasks],
        "golds of public tasks": [task.gold for entry in public for task in entry.tasks],
        "their texts": [task.input for entry in public for task in entry.tasks],
        "their schemas": [entry.schema.document for entry in public],
    }
    lines = [
        "python benchmarks/token_estimate.py",
        f"{datetime.now(UTC):%Y-%m-%d}, estimate / count",
        "",
        f"{'':30}{'n':>5}" + "".join(f"{f'{100 * share:.0f} %':>8}" for share in QUANTILES),
    ]
    for name, values in groups.items():
        ratios = sorted(estimated_tokens(value) / counted(vocabulary, value) for value in values)
        shown = "".join(f"{ratios[round(share * (len(ratios) - 1))]:8.2f}" for share in QUANTILES)
        lines.append(f"{name:30}{len(ratios):5}{shown}")
    text = "\n".join(lines)
    print(text)
    if arguments.output:
        arguments.output.write_text(text + "\n", encoding="utf-8")


def counted(vocabulary: Vocabulary, value: Any) -> int:
    """Count the tokens of a value's JSON text."""
    return len(vocabulary.tokens_of(as_written(value).encode()) or ())


if __name__ == "__main__":
    main()
