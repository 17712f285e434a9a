# SPDX-License-Identifier: Apache-2.0
"""Suites by name.

The package has `long` as a compressed file, which `python -m benchmarks.long_suite.build` writes. The suite `real` has
questions about pages of real documents, from a file that the user has.
"""

from __future__ import annotations

import gzip
import json
import lzma
import os
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from schema_guard.bench.suites.reading import Line, SuiteReader, suite_of_lines
from schema_guard.bench.suites.values import Task
from schema_guard.errors import InvalidArgument
from schema_guard.ext.suites.tools import load_tools
from schema_guard.pointer import join

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from schema_guard.bench.suites.scoring import Matcher
    from schema_guard.bench.suites.values import Suite


def load_named(name: str) -> Suite:
    """Load the suite of a name: `"long"`, `"real"`, or `"tools"`."""
    if name == "real":
        return load_real()
    if name == "tools":
        return load_tools()
    return suite_of_lines(SuiteReader(Path()), Path(name), _lines(f"{name}.jsonl.xz"))


def _lines(name: str) -> Iterator[Line]:
    packed = files("schema_guard.ext.suites").joinpath(name).read_bytes()
    for number, line in enumerate(lzma.decompress(packed).decode("utf-8").splitlines(), 1):
        row = json.loads(line)
        task = Task(
            row["id"], row["input"], row["instruction"], row["gold"], row["match"], split=row["split"]
        )
        yield Line(f"{name}:{number}", task, row["schema"], row["source"], row["source"], row["licence"])


FOLDER = "SCHEMA_GUARD_CORPORA"
"""Environment variable that names the folder of the user's data."""

FILE = "sob.jsonl.gz"

_KEYS = {"id", "context", "question", "json_schema", "gold"}
_LICENCE = "SOB: MIT; pages from olmOCR-bench: ODC-BY-1.0"


def load_real() -> Suite:
    """Load the suite `real` from `$SCHEMA_GUARD_CORPORA/sob.jsonl.gz`.

    Raises:
        InvalidArgument: The variable or the file is missing, or a line is wrong.
    """
    path = Path(os.environ.get(FOLDER, ".")) / FILE
    lines = (
        Line(
            f"{FILE}:{number}",
            Task(row["id"], row["context"], row["question"], row["gold"], match=text_matches(row["gold"])),
            row["json_schema"],
            row["id"],
            row.get("category"),
            _LICENCE,
        )
        for number, row in documents(path)
    )
    return suite_of_lines(SuiteReader.of_file(path), Path("real"), lines)


def documents(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield each line of a file of documents, with its number.

    Raises:
        InvalidArgument: The file can't be read, or a line lacks a key.
    """
    try:
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                row = json.loads(line)
                if not isinstance(row, dict) or not row.keys() >= _KEYS:
                    raise InvalidArgument(
                        f"{path}:{number}: expected an object with the keys {', '.join(sorted(_KEYS))}"
                    )
                yield number, row
    except (OSError, EOFError, ValueError) as error:
        raise InvalidArgument(
            f"suite 'real': reading {path} failed: {error}. Set {FOLDER} to a folder with the file {FILE}. Each line of this file needs the keys {', '.join(sorted(_KEYS))}. Get the documents from the dataset JigsawStack/sob"
        ) from error


def text_matches(gold: Any) -> Mapping[str, Matcher]:
    """Return the matchers that ignore case, white space, and punctuation in each text of an answer.

    >>> text_matches({"names": ["Ann", "Bo"], "age": 3})
    {'/names/*': 'punctuation'}
    """
    found: dict[str, Matcher] = {}
    pending: list[tuple[tuple[str, ...], Any]] = [((), gold)]
    while pending:
        at, value = pending.pop()
        if isinstance(value, dict):
            pending += [((*at, key), part) for key, part in value.items()]
        elif isinstance(value, list):
            pending += [((*at, "*"), part) for part in value]
        elif isinstance(value, str):
            found[join(at)] = "punctuation"
    return dict(sorted(found.items()))
