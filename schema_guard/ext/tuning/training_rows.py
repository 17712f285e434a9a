# SPDX-License-Identifier: Apache-2.0
"""Read the folder that `schema-guard tune prepare` wrote, for a host or for this machine."""

from __future__ import annotations

import codecs
import hashlib
import json
from typing import TYPE_CHECKING, Any, NamedTuple

from schema_guard.bench.suites.reading import SuiteReader
from schema_guard.bench.suites.training import turns_of, turns_problem
from schema_guard.errors import InvalidArgument
from schema_guard.ext.tuning.export.values import MANIFEST, file_of
from schema_guard.text import clip, clip_path

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

TRAIN, VALIDATION = file_of("train"), file_of("validation")
_FORMAT = 1
_MOST_SHOWN = 5


class SftRow(NamedTuple):
    """A task and its answer.

    Attributes:
        prompt: The messages before the answer, each with `role` and `content`.
        answer: The text of the answer.
    """

    prompt: list[dict[str, str]]
    answer: str


class TrainingSet(NamedTuple):
    """The rows of a folder.

    Attributes:
        train: The training rows.
        validation: The validation rows; may be empty.
        manifest: The manifest; a set may have none.
        keys: The sets of keys of the training rows.
        bytes: Size of each file with rows. The training file comes first.
        has_mark: Whether the training file begins with a byte-order mark.
        is_unchanged: Whether the training file is the one that the manifest was written with, if it has a digest.
        tokens: Tokens of the training rows, from the manifest; None if it has none, or the file has changed.
    """

    train: list[SftRow]
    validation: list[SftRow]
    manifest: Mapping[str, Any] = {}
    keys: frozenset[frozenset[str]] = frozenset()
    bytes: Mapping[str, int] = {}
    has_mark: bool = False
    is_unchanged: bool = True
    tokens: int | None = None


def read_set(directory: Path) -> TrainingSet:
    """Read a training set.

    Raises:
        InvalidArgument: The manifest or a row can't be read, or there is no training row.
    """
    reader = SuiteReader(directory)
    manifest = _manifest(reader, directory)
    keys: set[frozenset[str]] = set()
    train = _rows(reader, TRAIN, keys)
    measured = directory / VALIDATION
    validation = _rows(reader, VALIDATION, set()) if measured.exists() and measured.stat().st_size else []
    if reader.problems:
        shown, more = reader.problems[:_MOST_SHOWN], len(reader.problems) - _MOST_SHOWN
        raise InvalidArgument(
            f"{clip_path(directory)}: expected a training set that `schema-guard tune prepare` wrote, but reading it failed: "
            f"{'; '.join(shown)}{f'; and {more} more' if more > 0 else ''}"
        )
    content = (directory / TRAIN).read_bytes()
    counted = manifest.get("files", {}).get("train", {})
    is_unchanged = counted.get("sha256") in (None, hashlib.sha256(content).hexdigest())
    files = [TRAIN, *([VALIDATION] if validation else [])]
    return TrainingSet(
        train,
        validation,
        manifest,
        frozenset(keys),
        {name: (directory / name).stat().st_size for name in files},
        content.startswith(codecs.BOM_UTF8),
        is_unchanged,
        counted.get("tokens") if is_unchanged else None,
    )


def _manifest(reader: SuiteReader, directory: Path) -> Mapping[str, Any]:
    text = reader.read_text(MANIFEST) if (directory / MANIFEST).exists() else None
    shown = clip_path(directory / MANIFEST)
    try:
        manifest = {"format": _FORMAT} if text is None else json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidArgument(
            f"{shown}: expected the manifest of a training set, but reading it failed: {clip(str(error))}"
        ) from error
    files = manifest.get("files", {}) if isinstance(manifest, dict) else None
    if not isinstance(files, dict) or not all(isinstance(file, dict) for file in files.values()):
        raise InvalidArgument(f"{shown}: expected the manifest of a training set, which is a JSON object")
    if manifest.get("format") != _FORMAT:
        raise InvalidArgument(
            f"{shown} has the format {clip(repr(manifest.get('format')))}, but this version of schema-guard reads only "
            f"format {_FORMAT}. Upgrade schema-guard, or prepare the set again"
        )
    return manifest


def _rows(reader: SuiteReader, name: str, keys: set[frozenset[str]]) -> list[SftRow]:
    rows = []
    for where, row in reader.read_rows(name, "training row"):
        turns = turns_of(row)
        problem = turns_problem(turns)
        if problem is not None:
            reader.problems.append(f"{where}: {problem}")
            continue
        keys.add(frozenset(row))
        rows.append(SftRow(turns[:-1], turns[-1]["content"]))
    return rows
