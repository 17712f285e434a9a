# SPDX-License-Identifier: Apache-2.0
"""The suite `long`: inputs of 1 to 30 KB, from public-domain texts and from a generator."""

from __future__ import annotations

import json
import lzma
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from schema_guard.bench.suites.assembly import Line, suite_of_lines
from schema_guard.bench.suites.reading import SuiteReader
from schema_guard.bench.suites.values import Task

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schema_guard.bench.suites.values import Suite

_FILE = "long.jsonl.xz"


def load_long() -> Suite:
    """Load the suite `long`."""
    return suite_of_lines(SuiteReader(Path()), Path("long"), _lines())


def _lines() -> Iterator[Line]:
    packed = files("schema_guard.ext.suites").joinpath(_FILE).read_bytes()
    for number, line in enumerate(lzma.decompress(packed).decode("utf-8").splitlines(), 1):
        row = json.loads(line)
        task = Task(
            row["id"], row["input"], row["instruction"], row["gold"], row["match"], split=row["split"]
        )
        yield Line(f"{_FILE}:{number}", task, row["schema"], row["source"], row["source"], row["licence"])
