# SPDX-License-Identifier: Apache-2.0
"""Read a suite: schemas, each with tasks and golds.

Rules:
1. A loaded suite is correct: every gold is valid, and every id is unique.
2. One error lists all problems, each with its file and line.
3. Nothing outside the suite's folder is read.

`schemas/README.md` describes the forms, their files, and their keys.
"""

from __future__ import annotations

import json
from pathlib import Path
from stat import S_ISDIR, S_ISREG
from typing import TYPE_CHECKING, Any, Literal

from schema_guard.bench.suites.folder import load_folder
from schema_guard.bench.suites.rows import load_jsonl, load_rows
from schema_guard.bench.suites.training import MANIFEST, load_training
from schema_guard.bench.suites.values import Suite
from schema_guard.errors import InvalidArgument
from schema_guard.extensions import load
from schema_guard.schema import Schema
from schema_guard.text import clip, did_you_mean

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

_SMALL = "small"
# Suites of an optional package.
_NAMED = ("long", "real", "tools")
SUITE_NAMES = (_SMALL, *_NAMED, "builtin")
"""Names of the suites that need no path. `builtin` is another name of `small`."""
# A line without any of these keys is not in schema_guard's own form.
_OWN_KEYS = frozenset({"id", "input", "gold"})
_SCHEMA_KEYS = frozenset({"schema", "schema_file"})


def load_suite(
    path: str | os.PathLike[str], *, schema: Any = None, columns: Mapping[str, str] | None = None
) -> Suite:
    """Load a suite, whose form follows from the files that are there.

    Args:
        path: A folder with a `suite.json` or with the `manifest.json` of a training set, a file, or the name of a suite: `"small"`, `"long"`, `"real"`, or `"tools"`. `"builtin"` is another name of `"small"`. A folder of that name is `"./small"`.
        schema: The schema of all rows of a file without schemas, as `Schema.of` accepts it.
        columns: The columns of the fields in such a file: `{"input": "text", "gold": "label_json"}`.

    Raises:
        InvalidArgument: The folder or file does not exist, its form does not support an argument, or the suite has
            problems. The message lists all of them.
        InvalidSchema: *schema* is not a valid schema.
    """
    if path in _NAMED:
        named: Suite = load("suites").load_named(path)
        return named
    is_small = path in (_SMALL, "builtin")
    place = _small_suite() if is_small else Path(path)
    form = "folder" if is_small else _form_of(path, columns, schema)
    for name, given in (("schema", schema), ("columns", columns)):
        if given is not None and form != "rows":
            raise InvalidArgument(
                f"{name}: only suites of the form 'rows' accept this argument, but this suite has the form {form!r}. Remove the argument"
            )
    if form == "rows":
        return load_rows(place, columns, None if schema is None else Schema.of(schema))
    return {"folder": load_folder, "training": load_training, "jsonl": load_jsonl}[form](place)


def _small_suite() -> Path:
    package = Path(__file__).parent.parent.parent
    # An installed package contains the suite. In a checkout, the suite is beside the package.
    for folder in (package / "_suite", package.parent / "schemas"):
        if (folder / "suite.json").is_file():
            return folder
    raise InvalidArgument(
        "this installation does not contain the suite 'small'. Run pip install --force-reinstall schema-guard"
    )


def _form_of(path: str | os.PathLike[str], columns: object, schema: object) -> str:
    """Return the form of a suite, derived from its files."""
    place, there = Path(path), _there(path)
    if there == "folder":
        is_suite = _there(place / "suite.json") != "nothing" or _there(place / MANIFEST) == "nothing"
        return "folder" if is_suite else "training"
    if there != "file":
        raise InvalidArgument(
            f"suite {str(path)!r}: the folder or file does not exist. Expected {', '.join(map(repr, (_SMALL, *_NAMED)))}, a folder with a suite.json, or a file"
            f"{did_you_mean(path, SUITE_NAMES)}"
        )
    if columns is not None or place.suffix.lower() == ".csv":
        return "rows"
    return _form_of_line(_first_line(place), path, has_schema=schema is not None)


def _there(path: str | os.PathLike[str]) -> Literal["folder", "file", "nothing"]:
    """Return the kind of a path. A path that is neither a folder nor a file counts as nothing."""
    try:
        mode = Path(path).stat().st_mode
    except (FileNotFoundError, NotADirectoryError, ValueError):
        # A name with NUL raises ValueError.
        return "nothing"
    except OSError as error:
        raise InvalidArgument(
            f"suite {clip(repr(str(path)))} can't be read ({error.strerror}). Check the path"
        ) from error
    return "folder" if S_ISDIR(mode) else "file" if S_ISREG(mode) else "nothing"


def _first_line(file: Path) -> str:
    """Return the first line that is not blank, with invalid UTF-8 replaced. Empty if there is none.

    Empty too if the file cannot be read, because loading it reports the reason.
    """
    try:
        with file.open(encoding="utf-8-sig", errors="replace") as lines:
            return next((line for line in lines if line.strip()), "")
    except OSError:
        return ""


def _form_of_line(line: str, path: str | os.PathLike[str], *, has_schema: bool) -> str:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return "jsonl"
    if not isinstance(row, dict):
        return "jsonl"
    if row and _OWN_KEYS.isdisjoint(row):
        keys = ", ".join(clip(repr(key), 40) for key in list(row)[:6])
        raise InvalidArgument(
            f"suite {str(path)!r}: the keys of the first line ({keys}) match no known form of a suite. Name the "
            "columns of the input and the known answer with --field, or with columns= in Python"
        )
    return "rows" if has_schema and _SCHEMA_KEYS.isdisjoint(row) else "jsonl"
