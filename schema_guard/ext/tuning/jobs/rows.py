# SPDX-License-Identifier: Apache-2.0
"""A training set, read: its rows, its size, and what a host refuses of it."""

from __future__ import annotations

import codecs
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from schema_guard.errors import InvalidArgument
from schema_guard.ext.tuning.export.hosts import host_of
from schema_guard.ext.tuning.export.values import MANIFEST, file_of
from schema_guard.ext.tuning.jobs.hosts import HOSTS, MESSAGES, PREFERENCE
from schema_guard.ext.tuning.jobs.state import check_format, digests
from schema_guard.text import clip, clip_path, plural

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from schema_guard.ext.tuning.export.hosts import TuningHost
    from schema_guard.ext.tuning.jobs.hosts import HostRules

__all__ = ["TRAIN", "VALIDATION", "TrainingRows", "holds_pairs", "read_set", "refused"]

TRAIN, VALIDATION = file_of("train"), file_of("validation")
# Faults of rows that are told.
_MOST_SHOWN = 5


class SetOrigin(NamedTuple):
    """The store, the schema, and the function of the calls of a training set."""

    store: str
    schema_fingerprint: str
    function: str | None


class TrainingRows(NamedTuple):
    """What a training set holds.

    Attributes:
        files: The files that go to a host: the rows, and those to measure on where there are any.
        rows: Of each file.
        tokens: Of the rows to train on, as the manifest counts them; None where it does not.
        bytes: Of each file.
        keys: The keys of the rows to train on, each set of them that occurs.
        form: `sft` or `dpo`.
        schema: Name of the schema; None where the manifest names none.
        has_mark: Whether the file to train on begins with a byte-order mark.
        origin: The URL of the store with the recorded calls, the schema's fingerprint, and the function; None if it is not known.
        is_counted: Whether it is, by its SHA-256, the file that the manifest was written with; True where the manifest has none.
    """

    files: tuple[str, ...]
    rows: Mapping[str, int]
    tokens: int | None
    bytes: Mapping[str, int]
    keys: frozenset[frozenset[str]]
    form: str
    schema: str | None
    has_mark: bool = False
    is_counted: bool = True
    origin: SetOrigin | None = None


def read_set(directory: Path) -> TrainingRows:
    """Read a training set.

    Raises:
        InvalidArgument: It is none: no rows, a line that is no row, or a manifest that cannot be read.
    """
    manifest = _manifest(directory / MANIFEST)
    rows, keys = _rows(directory / TRAIN)
    counts, sizes = {TRAIN: rows}, {TRAIN: (directory / TRAIN).stat().st_size}
    measured = directory / VALIDATION
    if measured.exists() and measured.stat().st_size:
        counts[VALIDATION], sizes[VALIDATION] = _rows(measured)[0], measured.stat().st_size
    entry = manifest.get("files", {}).get("train", {})
    counted = entry if isinstance(entry, dict) else {}
    is_counted = counted.get("sha256") in (None, digests(directory, (TRAIN,))[TRAIN])
    tokens = counted.get("tokens") if is_counted else None
    name = manifest.get("schema", {}).get("name") if isinstance(manifest.get("schema"), dict) else None
    return TrainingRows(
        files=tuple(counts),
        rows=counts,
        tokens=tokens if isinstance(tokens, int) else None,
        bytes=sizes,
        keys=keys,
        form="dpo" if any(PREFERENCE & row for row in keys) else "sft",
        schema=name,
        has_mark=_begins_with_mark(directory / TRAIN),
        is_counted=is_counted,
        origin=_origin(manifest),
    )


def _origin(manifest: Mapping[str, Any]) -> SetOrigin | None:
    schema, store, function = (manifest.get(name) for name in ("schema", "store", "function"))
    content = schema.get("fingerprint") if isinstance(schema, Mapping) else None
    if not isinstance(store, str) or not isinstance(content, str):
        return None
    return SetOrigin(store, content, function if isinstance(function, str) else None)


def holds_pairs(directory: Path) -> bool:
    """Say whether a set is of preferred and rejected answers, by its manifest; False where that does not say it."""
    try:
        return _manifest(directory / MANIFEST).get("form") == "dpo"
    except InvalidArgument:
        return False


def refused(rows: TrainingRows, backend: str) -> list[str]:
    """Say what a host would refuse of a training set; nothing where it is not known what it refuses."""
    rules = HOSTS[backend]
    reasons = [] if rules.spellings is None else list(_too_much(rows, rules, host_of(backend, rows.form)))
    if len(rows.keys) > 1:
        reasons.append(f"{TRAIN} has rows of {len(rows.keys)} forms: {_keys_text(rows.keys)}; a file has one")
    elif rules.spellings is not None and not rows.keys <= set(rules.spellings):
        reasons.append(
            f"{TRAIN} has rows of {_keys_text(rows.keys)}; {rules.label} takes {_keys_text(rules.spellings)}: "
            "write them so with schema-guard tune prepare --provider HOST"
        )
    return reasons


def _too_much(training_set: TrainingRows, rules: HostRules, takes: TuningHost) -> Iterator[str]:
    rows, label = training_set.rows[TRAIN], rules.label
    if rows < takes.least_rows:
        yield f"{TRAIN} has {plural(rows, 'row')}, {label} takes {takes.least_rows} and more"
    if takes.most_rows is not None and rows > takes.most_rows:
        yield f"{TRAIN} has {rows:,} rows, {label} takes at most {takes.most_rows:,}"
    most = rules.most_bytes or takes.most_bytes
    for name, size in training_set.bytes.items():
        if most is not None and size > most:
            yield f"{name} has {size:,} bytes, {label} takes at most {most:,} in one request"
    if takes.byte_order_mark and not training_set.has_mark:
        yield f"{TRAIN} begins without a byte-order mark, which {label} wants: write it so with schema-guard tune prepare --provider {takes.name}"


def _keys_text(keys: Any) -> str:
    return " or ".join(sorted("{" + ", ".join(sorted(names)) + "}" for names in keys))


def _begins_with_mark(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(codecs.BOM_UTF8)) == codecs.BOM_UTF8


def _manifest(path: Path) -> dict[str, Any]:
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        raise InvalidArgument(
            f"{clip_path(path)}: expected the manifest of a training set: {clip(str(error))}"
        ) from error
    if not isinstance(manifest, dict) or not isinstance(manifest.get("files", {}), dict):
        raise InvalidArgument(f"{clip_path(path)}: expected the manifest of a training set, an object")
    check_format(manifest, path)
    return manifest


def _rows(path: Path) -> tuple[int, frozenset[frozenset[str]]]:
    """Count the rows of a file, and give the sets of keys that they have."""
    keys, faults, number = set(), [], 0
    try:
        with path.open(encoding="utf-8-sig") as lines:  # Azure wants the mark
            for number, line in enumerate(lines, 1):
                fault, row = _row(line)
                if fault is not None:
                    faults.append(f"line {number}: {fault}")
                keys.add(row)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise InvalidArgument(
            f"{clip_path(path)}: {reason}: expected the rows of a training set, which schema-guard tune prepare --output DIR writes"
        ) from error
    if faults:
        more = f"; and {len(faults) - _MOST_SHOWN} more" if len(faults) > _MOST_SHOWN else ""
        raise InvalidArgument(f"{clip_path(path)}: {'; '.join(faults[:_MOST_SHOWN])}{more}")
    if not number:
        raise InvalidArgument(f"{clip_path(path)}: expected the rows of a training set, the file is empty")
    return number, frozenset(keys)


def _row(line: str) -> tuple[str | None, frozenset[str]]:
    """Give what is wrong with a row, None for nothing, and its keys."""
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        return f"expected JSON, got {clip(repr(line))} ({error})", frozenset()
    if not isinstance(row, dict) or not row:
        return f"expected an object, got {clip(repr(row))}", frozenset()
    keys = frozenset(row)
    return _fault(row) if keys == MESSAGES else None, keys


def _fault(row: Mapping[str, Any]) -> str | None:
    """Say what is wrong with a conversation, which ends with the answer."""
    turns = row["messages"]
    if not isinstance(turns, list) or not all(isinstance(turn, dict) for turn in turns) or not turns:
        return "/messages: expected a list of messages"
    last = turns[-1]
    if last.get("role") != "assistant" or not isinstance(last.get("content"), str):
        return (
            f"/messages/{len(turns) - 1}: expected the assistant's answer as a text, got {clip(repr(last))}"
        )
    return None
