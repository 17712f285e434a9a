# SPDX-License-Identifier: Apache-2.0
"""The rows of `content`, on their way from one store to another.

Rules: a row comes after its call, and a row of a call that is not stored is left out. A label that is stored stays. The
texts of second replies are not copied.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from schema_guard.ext.transfer.columns import FieldFault, checked
from schema_guard.records.counts.calls import hour_of
from schema_guard.records.sql.tables import packed, placeholders, unpacked
from schema_guard.text import clip

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from schema_guard.records.sql.tables import Connection

__all__ = ["add_content", "content_fields", "read_content"]

_MAYBE_COUNT, _MAYBE_NUMBER, _MAYBE_TEXT = ("count", True), ("number", True), ("text", True)
_FIELDS = {
    "call_id": ("text", False),
    "unit": ("text", False),
    "pair": _MAYBE_TEXT,
    "sought": _MAYBE_COUNT,
    "grounded": _MAYBE_COUNT,
    "kinds": _MAYBE_TEXT,
    "list_rows": _MAYBE_COUNT,
    "source_rows": _MAYBE_COUNT,
    "second_model": _MAYBE_TEXT,
    "leaves": _MAYBE_COUNT,
    "agreed": _MAYBE_COUNT,
    "differing": _MAYBE_NUMBER,
    "cost": _MAYBE_NUMBER,
    "block": _MAYBE_COUNT,
    "label": _MAYBE_TEXT,
    "wrong": _MAYBE_NUMBER,
    "confidence": _MAYBE_TEXT,
    "wrong_at": _MAYBE_TEXT,
}
_COLUMNS = ", ".join(_FIELDS)
_IDS = 500
_INSERT = f"""INSERT INTO content (configuration_id, hour, {_COLUMNS}) VALUES ({placeholders(len(_FIELDS) + 2)})
ON CONFLICT (call_id) DO UPDATE SET block = excluded.block, label = excluded.label, wrong = excluded.wrong,
    wrong_at = excluded.wrong_at
WHERE content.wrong IS NULL AND excluded.label IS NOT NULL
    AND (content.block IS NULL OR content.block = excluded.block)"""


def content_fields(connection: Connection, call_ids: Sequence[str]) -> list[dict[str, Any]]:
    """Return the facts about the values of these calls."""
    found = []
    for start in range(0, len(call_ids), _IDS):
        some = [packed(call_id) for call_id in call_ids[start : start + _IDS]]
        rows = connection.select(
            f"SELECT {_COLUMNS} FROM content WHERE call_id IN ({placeholders(len(some))})", some
        )
        for row in rows:
            fields = dict(zip(_FIELDS, row, strict=True))
            found.append(fields | {name: unpacked(fields[name]) for name in ("call_id", "pair")})
    return found


def read_content(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row that came from outside.

    Raises:
        FieldFault: A field does not hold what it should.
    """
    values = checked(fields, _FIELDS)
    for name, (is_right, expected) in _RULES.items():
        if not is_right(values):
            raise FieldFault(name, f"expected {expected}, got {clip(repr(values[name]))}")
    return values


def _are_kinds(text: str) -> bool:
    try:
        kinds = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return isinstance(kinds, dict) and all(
        isinstance(pair, list) and [type(one) for one in pair] == [int, int] and 0 <= pair[1] <= pair[0]
        for pair in kinds.values()
    )


_RULES: dict[str, tuple[Callable[[Mapping[str, Any]], bool], str]] = {
    "unit": (lambda row: row["unit"] in ("value", "call"), "'value' or 'call'"),
    "grounded": (
        lambda row: (row["grounded"] or 0) <= (row["sought"] or 0),
        "at most the number in 'sought'",
    ),
    "kinds": (
        lambda row: row["kinds"] is None or _are_kinds(row["kinds"]),
        'the text of JSON such as {"text": [2, 1]}',
    ),
    "list_rows": (
        lambda row: (row["list_rows"] is None) == (row["source_rows"] is None),
        "a number exactly if 'source_rows' is one",
    ),
    "agreed": (lambda row: (row["agreed"] or 0) <= (row["leaves"] or 0), "at most the number in 'leaves'"),
    "differing": (lambda row: 0 <= (row["differing"] or 0) <= 1, "a share in [0, 1]"),
    "label": (
        lambda row: row["label"] in (None, "given", "known", "skipped"),
        "'given', 'known', 'skipped', or null",
    ),
    "block": (
        lambda row: row["label"] in (None, "known") or None not in (row["block"], row["differing"]),
        "a number, and a share in 'differing', for a call that a person labeled",
    ),
    "wrong": (
        lambda row: (
            (row["label"] in ("given", "known")) == (row["wrong"] is not None)
            and 0 <= (row["wrong"] or 0) <= 1
        ),
        "a share in [0, 1] for the labels 'given' and 'known', and null for others",
    ),
}


def add_content(connection: Connection, rows: Iterable[Mapping[str, Any]]) -> None:
    """Store rows whose calls are stored, and labels of calls without one."""
    by_id = {packed(row["call_id"]): row for row in rows}
    ids = [*by_id]
    for start in range(0, len(ids), _IDS):
        some = ids[start : start + _IDS]
        sql = f"""SELECT call_id, configuration_id, started_at FROM attempts
            WHERE number = 1 AND call_id IN ({placeholders(len(some))})"""
        calls = connection.select(sql, some)
        connection.many(
            _INSERT,
            [
                (configuration, hour_of(started), *_stored(by_id[bytes(call_id)]))
                for call_id, configuration, started in calls
            ],
        )


def _stored(fields: Mapping[str, Any]) -> list[Any]:
    return [packed(value) if name in ("call_id", "pair") else value for name, value in fields.items()]
