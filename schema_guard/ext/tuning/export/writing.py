# SPDX-License-Identifier: Apache-2.0
"""A training set as a folder: three files in the host's format, the source of each row, and the manifest.

Rules:
1. Every file is made for its owner only, and is complete before it has its name. The manifest is the last of them, so a
   folder with a manifest is complete. `rows.jsonl` has no text.
2. `to_label.jsonl` has the inputs that a person should answer next. First come the inputs that nothing else can answer. Of
   these, the parts of the traffic and the failures with the fewest rows take turns. Of nearly equal inputs, it has one.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from schema_guard.errors import InvalidArgument
from schema_guard.ext.tuning.export.hosts import BYTE_ORDER_MARK, line_of, tokens_of
from schema_guard.ext.tuning.export.similarity import SAME, Groups, normalised, shingles, similar_pairs
from schema_guard.ext.tuning.export.splitting import DIFFER
from schema_guard.ext.tuning.export.values import MANIFEST, SIDES, file_of
from schema_guard.ext.tuning.tuned_model import JOB_FILE
from schema_guard.records.private import write_private
from schema_guard.text import safe

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from schema_guard.ext.tuning.export.hosts import TuningHost
    from schema_guard.ext.tuning.export.splitting import SplitRows
    from schema_guard.ext.tuning.export.values import TrainingRow

LABELS = "to_label.jsonl"
_ROWS = "rows.jsonl"


MOST_TO_LABEL: Final = 200
"""Most inputs that are named at once."""
_MOST_COMPARED: Final = 5_000


def check_folder(folder: str | os.PathLike[str]) -> Path:
    """Return the folder to write to: a new or empty one, or that of an earlier set on which no model was tuned.

    Raises:
        InvalidArgument: The folder has other content, or can't be read.
    """
    path = Path(folder)
    try:
        there = {entry.name for entry in path.iterdir()} if path.exists() else set()
    except OSError as error:
        raise InvalidArgument(
            f"--output {safe(str(path))}: expected a folder, but reading it failed: {error.strerror}"
        ) from error
    ours = {MANIFEST, LABELS, _ROWS, *map(file_of, SIDES)}
    if JOB_FILE in there:
        raise InvalidArgument(
            f"--output {safe(str(path))}: a model was tuned on the set in this folder ({JOB_FILE}). Name another folder"
        )
    if there - ours:
        raise InvalidArgument(
            f"--output {safe(str(path))}: expected a new folder or the folder of a training set, but it contains {safe(min(there - ours))!r}. Name another folder"
        )
    return path


def write_set(
    folder: Path, split: SplitRows, host: TuningHost, manifest: Mapping[str, Any]
) -> dict[str, Any]:
    """Write a training set. Return the manifest with the files in it.

    Raises:
        InvalidArgument: A file would be larger than the host accepts, or the folder can't be written.
    """
    texts = {
        side: _file_text([line_of(host, row) for row in rows], host) for side, rows in split.sides.items()
    }
    for side, text in texts.items():
        if host.most_bytes is not None and len(text.encode()) > host.most_bytes:
            raise InvalidArgument(
                f"{file_of(side)} has {len(text.encode()):,} bytes, but {host.name} accepts at most {host.most_bytes:,}. "
                "Reduce the number of rows with --max-examples"
            )
    files = {
        side: {
            "rows": len(split.sides[side]),
            "sha256": hashlib.sha256(text.encode()).hexdigest(),
            "tokens": sum(map(tokens_of, split.sides[side])),
        }
        for side, text in texts.items()
    }
    whole = {**manifest, "files": files}
    with _as_argument_errors(folder):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        (folder / MANIFEST).unlink(missing_ok=True)
        for side, text in texts.items():
            _write(folder / file_of(side), text)
        rows = _provenance(split, manifest["checked_wrong"])
        _write(folder / _ROWS, "".join(json.dumps(row) + "\n" for row in rows))
        _write(folder / MANIFEST, _members(whole))
    return whole


def write_labels(folder: Path, inputs: Sequence[TrainingRow]) -> None:
    """Write the inputs that a person should answer next, the most useful first. Without inputs, delete the file."""
    with _as_argument_errors(folder):
        if not inputs:
            (folder / LABELS).unlink(missing_ok=True)
            return
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _write(folder / LABELS, "".join(json.dumps(to_label(open_input)) + "\n" for open_input in inputs))


def _file_text(lines: Sequence[str], host: TuningHost) -> str:
    mark = BYTE_ORDER_MARK if host.byte_order_mark and lines else ""
    return mark + "".join(f"{line}\n" for line in lines)


def _provenance(split: SplitRows, wrong: Mapping[str, Any] | None) -> Iterable[dict[str, Any]]:
    known = None if wrong is None else [wrong["lower"], wrong["upper"]]
    for side, rows in split.sides.items():
        for line, (row, cluster) in enumerate(zip(rows, split.clusters[side], strict=True), 1):
            yield {
                "file": file_of(side),
                "line": line,
                **_provenance_fields(row),
                "cluster": cluster,
                "tokens": tokens_of(row),
                **({"wrong_share": known} if row.source == "checked" else {}),
            }


def _provenance_fields(row: TrainingRow) -> dict[str, Any]:
    names = ("source", "origin", "call_id", "input_hash", "segment", "failure", "model", "version", "licence")
    return {name: getattr(row, name) for name in names}


def _members(document: Mapping[str, Any]) -> str:
    """Return JSON with one member per line, so that its first line shows the sources of the answers."""
    members = (f"{json.dumps(name)}: {json.dumps(value)}" for name, value in document.items())
    return "{" + ",\n ".join(members) + "}\n"


def _write(path: Path, text: str) -> None:
    beside = path.with_name(f".{path.name}.part")
    beside.unlink(missing_ok=True)
    write_private(beside, text)
    beside.replace(path)


@contextmanager
def _as_argument_errors(folder: Path) -> Iterator[None]:
    """Raise errors of the file system as `InvalidArgument`."""
    try:
        yield
    except OSError as error:
        raise InvalidArgument(
            f"--output {safe(str(folder))}: writing the set failed: {error.strerror}. Name another folder"
        ) from error


def label_next(open_inputs: Sequence[TrainingRow], rows: Sequence[TrainingRow]) -> list[TrainingRow]:
    """Rank inputs without an answer, the most useful first.

    Args:
        open_inputs: Inputs without an answer that can be trained on.
        rows: Inputs with such an answer.
    """
    answered = {normalised(row.text) for row in rows}
    unanswered: dict[str, TrainingRow] = {}
    for open_input in sorted(open_inputs, key=lambda one: (_urgency(one), -one.at, one.text)):
        text = normalised(open_input.text)
        if text not in answered:
            unanswered.setdefault(text, open_input)
    texts = list(unanswered)[:_MOST_COMPARED]
    groups = Groups(len(texts))
    for pair in similar_pairs(shingles(texts), SAME):
        groups.join(pair.first, pair.second)
    different = [unanswered[text] for place, text in enumerate(texts) if groups.root(place) == place]
    have = Counter((row.segment, row.failure) for row in rows)
    turns: defaultdict[tuple[Any, ...], int] = defaultdict(int)
    ranked: list[tuple[int, int, int, int, TrainingRow]] = []
    for open_input in different:
        part = open_input.segment, open_input.failure
        ranked.append((_urgency(open_input), turns[part], have[part], len(ranked), open_input))
        turns[part] += 1
    return [open_input for *_, open_input in sorted(ranked, key=lambda entry: entry[:4])][:MOST_TO_LABEL]


def to_label(one: TrainingRow) -> dict[str, Any]:
    """Return an input as a line of `to_label.jsonl`. With its answer filled in, `--answers` reads it."""
    content: Any = list(one.messages)
    if len(one.messages) == 1:
        content = one.messages[0]["content"]
    known = {"call_id": one.call_id, "segment": one.segment, "failure": one.failure}
    fields = {name: value for name, value in known.items() if value is not None}
    return {**fields, "input": content, "why": one.why, "answer": None}


def _urgency(open_input: TrainingRow) -> int:
    return 0 if open_input.why == DIFFER else 1 if open_input.failure is not None else 2
