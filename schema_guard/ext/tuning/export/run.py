# SPDX-License-Identifier: Apache-2.0
"""Make a training set: collect the sources, leave out unusable answers, and split, write, and report the rest.

Rules: the sources are only read. If there are too few rows, only the inputs that a person should answer next are
written.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import schema_guard
from schema_guard.errors import InvalidArgument
from schema_guard.ext.redaction import redacted_value
from schema_guard.ext.tuning.export.hosts import host_of, refused_by
from schema_guard.ext.tuning.export.splitting import split_rows
from schema_guard.ext.tuning.export.values import SIDES, SOURCES
from schema_guard.ext.tuning.export.writing import check_folder, label_next, write_labels, write_set
from schema_guard.text import clip, percent, plural

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator
    from pathlib import Path

    from schema_guard.ext.tuning.export.hosts import TuningHost
    from schema_guard.ext.tuning.export.splitting import SplitRows
    from schema_guard.ext.tuning.export.values import ExportSettings, GatheredRows, TrainingRow
    from schema_guard.schema import Schema

FORMAT: Final = 1
UNCHECKED_WARNING: Final = (
    "the values of {rows} are unchecked, so the tuned model learns the mistakes of the model that wrote them"
)
_FEW: Final = 0.05  # a part below this share of the rows is reported
_MOST_SAME: Final = 0.8  # share of equal answers
_LEAST_REPORTED: Final = 20
_MOST_REDACTED: Final = 500_000  # characters, so that the check takes little time compared to the rest


@dataclass(frozen=True)
class ExportResult:
    """The result of an export.

    Attributes:
        folder: Folder of the set, also if no set was written.
        manifest: The manifest as written. If there were too few rows, as it would have been, without files.
        split: The rows.
        needed: Required number of training rows.
        to_label: Inputs that a person should answer next, the most useful first.
        settings: Settings of the training set.
    """

    folder: Path
    manifest: dict[str, Any]
    split: SplitRows
    needed: int
    to_label: list[TrainingRow]
    settings: ExportSettings

    @property
    def is_written(self) -> bool:
        """Whether there were enough rows."""
        return "files" in self.manifest


def export_set(
    gathered: GatheredRows,
    schema: Schema[Any],
    folder: str | os.PathLike[str],
    settings: ExportSettings,
    *,
    function: str | None = None,
    store: str | None = None,
) -> ExportResult:
    """Make a training set.

    Args:
        gathered: The rows of the sources.
        schema: Schema of the answers.
        folder: Folder to write to, either a new one or that of an earlier set.
        settings: Settings of the training set.
        function: Function of the recorded calls; None for files alone.
        store: The URL of the store with these calls. `tune run` notes its job there.

    Raises:
        InvalidArgument: The host is unknown, the shares of the split are invalid, or the folder can't be used.
    """
    host = host_of(settings.host)
    path = check_folder(folder)
    shares = settings.validation, settings.test
    if min(shares) < 0 or sum(shares) >= 1:
        raise InvalidArgument(
            f"--validation {shares[0]:g} and --test {shares[1]:g}: expected shares with a sum below 1"
        )
    left_out = Counter(gathered.left_out)
    rows = _usable(gathered.rows, schema, host, left_out)
    split = split_rows(rows, settings)
    left_out += split.left_out
    every = [row for side in SIDES for row in split.sides[side]]
    to_label = label_next([*gathered.open, *split.open], every)
    manifest = _manifest(split, schema, settings, host, left_out, function=function)
    manifest["store"] = store
    manifest["notes"] = list(gathered.notes)
    manifest["to_label"] = len(to_label)
    needed = max(settings.min_examples, host.least_rows)
    if len(split.sides["train"]) >= needed:
        manifest = write_set(path, split, host, manifest)
    write_labels(path, to_label)
    return ExportResult(path, manifest, split, needed, to_label, settings)


def _usable(
    rows: list[TrainingRow],
    schema: Schema[Any],
    host: TuningHost,
    left_out: Counter[str],
) -> list[TrainingRow]:
    """Return the rows that the schema and the host accept. Count the others."""
    usable = []
    for row in rows:
        reason = refused_by(host, row)
        if not schema.is_valid(row.answer):
            reason = "its answer is not valid for the schema"
        if reason is None:
            usable.append(row)
        else:
            left_out[reason] += 1
    return usable


def _manifest(
    split: SplitRows,
    schema: Schema[Any],
    settings: ExportSettings,
    host: TuningHost,
    left_out: Counter[str],
    *,
    function: str | None,
) -> dict[str, Any]:
    every = [row for side in SIDES for row in split.sides[side]]
    sources = Counter(row.source for row in every)
    return {
        "sources": {source: sources[source] for source in SOURCES},
        "format": FORMAT,
        "schema": {"name": schema.name, "fingerprint": schema.fingerprint, "document": schema.document},
        "function": function,
        "for": host.name,
        "strategy": settings.strategy,
        "seed": settings.seed,
        "sources_by_file": {side: dict(Counter(row.source for row in split.sides[side])) for side in SIDES},
        "left_out": dict(left_out.most_common()),
        "segments": _counted(row.segment for row in every),
        "failures": _counted(row.failure for row in every),
        "clusters": {side: len(set(split.clusters[side])) for side in SIDES},
        "checked_wrong": settings.wrong,
        "alike": split.similarity if split.similarity <= 1 else None,
        "versions": _counted(row.version for row in every if row.call_id is not None),
        "models": _counted(row.model for row in every if row.call_id is not None),
        "base": settings.base,
        "licences": _counted(row.licence for row in every if row.licence is not None),
        "host": {"name": host.name, "source": host.source, "read": host.read},
        "warnings": list(_warnings(split, every)),
        "made": {
            "by": f"schema-guard {schema_guard.__version__}",
            "on": datetime.now(UTC).date().isoformat(),
        },
    }


def _counted(names: Any) -> dict[str, int]:
    return {name or "(none)": count for name, count in Counter(names).most_common()}


def _warnings(split: SplitRows, every: list[TrainingRow]) -> Iterator[str]:
    """Yield the reasons why the set is less useful than it looks."""
    unchecked = sum(row.source == "valid" for row in every)
    if unchecked:
        yield UNCHECKED_WARNING.format(rows=plural(unchecked, "row"))
    if len(every) >= _LEAST_REPORTED:
        yield from _imbalances(every)
        for side in SIDES[1:]:
            if not split.sides[side]:
                yield f"{side}.jsonl is empty: too few clusters"
    yield from _private(every)
    if split.similarity > 1:
        yield "over a third of the inputs are near copies of each other, so near copies can be on both sides of the split"


def _private(every: list[TrainingRow]) -> Iterator[str]:
    """Yield a warning if rows contain text that a redaction would remove. A large set is only checked in part."""
    chars = looked_at = holding = 0
    kinds: Counter[str] = Counter()
    for row in every:
        places = redacted_value([*(message["content"] for message in row.messages), row.answer]).places
        kinds.update({place.kind for place in places})
        holding += bool(places)
        looked_at += 1
        chars += len(row.text)
        if chars > _MOST_REDACTED:
            break
    if holding:
        yield (
            f"{holding} of {plural(looked_at, 'row')} that were checked contain {', '.join(sorted(kinds))}, which a "
            "tuned model can repeat. A store with payload='redacted' contains none"
        )


def _imbalances(every: list[TrainingRow]) -> Iterator[str]:
    count = len(every)
    for what in ("segment", "failure"):
        counts = Counter(getattr(row, what) for row in every)
        few = sorted((name, rows) for name, rows in counts.items() if name and rows < _FEW * count)
        for name, rows in few:
            yield f"{what} {clip(name)}: {rows:,} of {plural(count, 'row')} ({percent(rows / count)}), which may be too few to learn from"
    answers = Counter(json.dumps(row.answer, sort_keys=True) for row in every)
    most = answers.most_common(1)[0][1]
    if most > _MOST_SAME * count:
        yield f"{most:,} of {count:,} answers are equal, so the tuned model may learn to return only this answer"
    if any(row.call_id for row in every) and not any(row.failure for row in every):
        yield "no row comes from a call whose first attempt failed, so the set has no example of your failures"
