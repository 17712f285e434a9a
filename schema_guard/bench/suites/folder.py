# SPDX-License-Identifier: Apache-2.0
"""Read a suite from a folder with a `suite.json`, and a folder for each schema."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from schema_guard.bench.suites.reading import BROKEN, Line, SuiteReader, own_task, suite_of_lines
from schema_guard.text import clip, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from schema_guard.bench.suites.values import Suite

_FOLDER_NAME = re.compile("[A-Za-z0-9_][A-Za-z0-9_.-]{0,79}")
_ODD_NAME = "is not a valid name of a folder. Use at most 80 of A-Z, a-z, 0-9, '_', '.', and '-', and begin with neither '.' nor '-'"


def load_folder(root: Path) -> Suite:
    """Load a suite from its folder.

    Raises:
        InvalidArgument: The suite has problems. The message lists all of them.
    """
    reader = SuiteReader(root)
    manifest = reader.read_object("suite.json", "suite") or {}
    suite = suite_of_lines(reader, root, _lines(reader, manifest) if manifest else ())
    return replace(suite, name=manifest["name"])


def _lines(reader: SuiteReader, manifest: dict[str, Any]) -> Iterator[Line]:
    for name in _schema_folders(reader, manifest["schemas"]):
        document = reader.read_json(f"{name}/schema.json")
        meta = reader.read_object(f"{name}/meta.json", "meta") or {}
        licence = meta.get("licence", manifest["licence"])
        for where, row in reader.read_rows(f"{name}/tasks.jsonl", "task"):
            task = own_task(row, meta.get("instruction", ""), manifest.get("most_output_tokens"))
            if document is not BROKEN:
                yield Line(where, task, document, name, name, licence, f"{name}/schema.json")


def _schema_folders(reader: SuiteReader, names: list[str]) -> list[str]:
    """Return the listed folders of schemas that exist, and report wrong names and missing or unlisted folders."""
    root, there = reader.root, []
    for index, name in enumerate(names):
        where = f"suite.json at /schemas/{index}"
        if not _FOLDER_NAME.fullmatch(name) and "/" not in name and "\0" not in name and name != "..":
            reader.problems.append(f"{where}: {clip(repr(name))} {_ODD_NAME}")
        elif not _FOLDER_NAME.fullmatch(name) or not reader.is_inside(root / name):
            reader.problems.append(f"{where}: expected a folder inside the suite, got {clip(repr(name))}")
        elif not (root / name).is_dir():
            hint = did_you_mean(name, (path.name for path in root.iterdir() if path.is_dir()))
            reader.problems.append(f"{where}: the folder {clip(repr(name))} does not exist{hint}")
        else:
            there.append(name)
    reader.problems.extend(
        f"{path.parent.name}: this folder is not listed in suite.json at /schemas"
        for path in sorted(root.glob("*/schema.json"))
        if path.parent.name not in names
    )
    return there
