# SPDX-License-Identifier: Apache-2.0
"""The facts about the values of a call, on their way from one store to another.

Rules: they belong to the first attempt of their call. A label that is stored stays. The texts of second replies are not
copied.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from schema_guard.ext.transfer.columns import CONTENT, FieldFault, checked
from schema_guard.records.counts.calls import hour_of
from schema_guard.records.sql.tables import packed, placeholders, unpacked
from schema_guard.text import clip

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from schema_guard.records.sql.tables import Connection

__all__ = ["add_content", "content_of", "read_content"]

_FIELDS = {
    "unit": ("text", False),
    **dict.fromkeys(("pair", "kinds", "second_model", "label", "confidence", "wrong_at"), ("text", True)),
    **dict.fromkeys(
        ("sought", "grounded", "list_rows", "source_rows", "leaves", "agreed", "block"), ("count", True)
    ),
    **dict.fromkeys(("differing", "cost", "wrong"), ("number", True)),
}
_COLUMNS = ", ".join(_FIELDS)
_IDS = 500
_INSERT = f"""INSERT INTO content (configuration_id, hour, call_id, {_COLUMNS}) VALUES ({placeholders(len(_FIELDS) + 3)})
ON CONFLICT (call_id) DO UPDATE SET block = excluded.block, label = excluded.label, wrong = excluded.wrong,
    wrong_at = excluded.wrong_at
WHERE content.wrong IS NULL AND excluded.label IS NOT NULL
    AND (content.block IS NULL OR content.block = excluded.block)"""


def content_of(connection: Connection, call_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return the facts about the values of these calls, by the id of the call."""
    found = {}
    for start in range(0, len(call_ids), _IDS):
        some = [packed(call_id) for call_id in call_ids[start : start + _IDS]]
        sql = f"SELECT call_id, {_COLUMNS} FROM content WHERE call_id IN ({placeholders(len(some))})"
        for call_id, *row in connection.select(sql, some):
            fields = dict(zip(_FIELDS, row, strict=True))
            found[str(unpacked(call_id))] = {**fields, "pair": unpacked(fields["pair"])}
    return found


def read_content(fields: Any) -> dict[str, Any] | None:
    """Return imported facts; None if there are none.

    Raises:
        FieldFault: A field does not hold what it should.
    """
    if fields is None:
        return None
    values = checked(fields, _FIELDS, CONTENT)
    for name, (is_right, expected) in _RULES.items():
        if not is_right(values):
            raise FieldFault(f"{CONTENT}/{name}", f"expected {expected}, got {clip(repr(values[name]))}")
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


def add_content(connection: Connection, contents: Mapping[str, Mapping[str, Any]]) -> None:
    """Store the facts about calls that are stored, by the id of the call, and labels of calls without one."""
    by_id = {packed(call_id): fields for call_id, fields in contents.items()}
    ids = [*by_id]
    for start in range(0, len(ids), _IDS):
        some = ids[start : start + _IDS]
        sql = f"""SELECT configuration_id, started_at, call_id FROM attempts
            WHERE number = 1 AND call_id IN ({placeholders(len(some))})"""
        rows = [
            (configuration, hour_of(started), call_id, *_stored(by_id[bytes(call_id)]))
            for configuration, started, call_id in connection.select(sql, some)
        ]
        connection.many(_INSERT, rows)


def _stored(fields: Mapping[str, Any]) -> list[Any]:
    return [packed(fields[name]) if name == "pair" else fields[name] for name in _FIELDS]
