# SPDX-License-Identifier: Apache-2.0
"""An attempt on its way out of a store or into one, with its texts and the facts about its call.

Rules:
1. Only stored texts are moved. Texts can be redacted on their way out, whatever the store keeps. A text on which the
   redaction fails is left out.
2. The facts about the values of a call belong to its first attempt. A label that is stored stays. The texts of second
   replies are not copied.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, TypeAlias

from schema_guard.ext.redaction import redacted_value
from schema_guard.ext.transfer.columns import CONTENT, TEXTS, FieldFault, checked, row_of
from schema_guard.interruptions import is_interruption
from schema_guard.records.attempts import as_dict
from schema_guard.records.backend import pages
from schema_guard.records.counts.calls import calls, hour_of, whole_calls
from schema_guard.records.payloads.texts import (
    HASH_MARK,
    Payload,
    Texts,
    Touched,
    lost_text,
    packed_text,
    with_task,
)
from schema_guard.records.rows import COLUMNS
from schema_guard.records.sql.tables import packed, placeholders, unpacked
from schema_guard.text import clip

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from schema_guard.records.attempts import Where
    from schema_guard.records.backend import Backend
    from schema_guard.records.rows import Row
    from schema_guard.records.sql.tables import Connection

_CALL_ID, _NUMBER = COLUMNS.index("call_id"), COLUMNS.index("number")


TextsAs: TypeAlias = Literal["redacted", "kept"]
TEXTS_AS: Final[tuple[TextsAs, ...]] = ("redacted", "kept")
"""The form of exported texts: without credentials and personal data, or as the store keeps them."""
_LOST: Final = "redactor_error"
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_KINDS: Final = {
    "prompt": "prompt", "reply": "raw", "prompt_hash": "hash", "reply_hash": "hash", "touched": "places", "lost": "raw",
    "task": "prompt",
}  # fmt: skip
_FIELDS: Final = {name: (kind, True) for name, kind in _KINDS.items()}
_CONTENT_FIELDS = {
    "unit": ("text", False),
    **dict.fromkeys(("pair", "kinds", "second_model", "label", "confidence", "wrong_at"), ("text", True)),
    **dict.fromkeys(
        ("sought", "grounded", "list_rows", "source_rows", "leaves", "agreed", "block"), ("count", True)
    ),
    **dict.fromkeys(("differing", "cost", "wrong"), ("number", True)),
}
_COLUMNS = ", ".join(_CONTENT_FIELDS)
_IDS = 500
_INSERT = f"""INSERT INTO content (configuration_id, hour, call_id, {_COLUMNS}) VALUES ({placeholders(len(_CONTENT_FIELDS) + 3)})
ON CONFLICT (call_id) DO UPDATE SET block = excluded.block, label = excluded.label, wrong = excluded.wrong,
    wrong_at = excluded.wrong_at
WHERE content.wrong IS NULL AND excluded.label IS NOT NULL
    AND (content.block IS NULL OR content.block = excluded.block)"""


class Moved(NamedTuple):
    """An attempt.

    Attributes:
        row: The values of `COLUMNS`.
        texts: Its texts. None if there are none, or if they are not moved.
        content: The facts about the values of its call, at its first attempt. None if there are none.
    """

    row: Row
    texts: Texts | None = None
    content: dict[str, Any] | None = None

    @property
    def call_id(self) -> str:
        """The id of its call."""
        return str(self.row[_CALL_ID])

    def as_fields(self, texts: TextsAs | None) -> dict[str, Any]:
        """Return it by the names of its fields, in the types of JSON.

        Args:
            texts: How to write its texts. None writes none.
        """
        fields = as_dict(self.row)
        fields["final"] = bool(fields["final"])
        if texts is not None:
            fields[TEXTS] = None if self.texts is None else texts_as_json(self.texts, texts)
        if self.content is not None:
            fields[CONTENT] = self.content
        return fields


def read_moved(fields: Mapping[str, Any]) -> Moved:
    """Return an imported attempt.

    Raises:
        FieldFault: A field is missing or unknown, or has an invalid value.
    """
    return Moved(row_of(fields), read_texts(fields.get(TEXTS)), read_content(fields.get(CONTENT)))


def moved_of(backend: Backend, rows: Sequence[Row], *, with_texts: bool, with_content: bool) -> list[Moved]:
    """Return attempts of a store with their texts and the facts about their calls."""
    call_ids = list(dict.fromkeys(str(row[_CALL_ID]) for row in rows))
    with backend.reading() as snapshot:
        stored = snapshot.texts(call_ids) if with_texts else ()
        content = content_of(snapshot.connection, call_ids) if with_content else {}
    texts: dict[tuple[Any, Any], Texts] = {(one.call_id, one.number): one for one in stored}
    return [
        Moved(
            row,
            texts.get((str(row[_CALL_ID]), row[_NUMBER])),
            content.get(str(row[_CALL_ID])) if row[_NUMBER] == 1 else None,
        )
        for row in rows
    ]


def moved_calls(
    backend: Backend, where: Where, *, with_texts: bool, with_content: bool = True
) -> Iterator[list[Moved]]:
    """Yield the attempts of each call of a store, in the order of storing."""
    for page in whole_calls(pages(backend, where)):
        attempts = iter(
            moved_of(backend, [row for _, row in page], with_texts=with_texts, with_content=with_content)
        )
        for call in calls(page):
            yield list(islice(attempts, len(call)))


def texts_as_json(texts: Texts, how: TextsAs) -> dict[str, Any]:
    """Return the texts of an attempt in the types of JSON."""
    cleaned = _redacted(texts) if how == "redacted" else texts
    fields = {name: getattr(cleaned, name) for name in _FIELDS}
    fields["touched"] = [list(place) for place in cleaned.touched] or None
    return {name: _encodable(value) for name, value in fields.items() if value is not None}


def _encodable(value: Any) -> Any:
    """Replace lone surrogates, which no file accepts, with six characters, as `store_text` does."""
    if isinstance(value, str):
        return value if value.isascii() else _SURROGATE.sub(lambda match: f"\\u{ord(match[0]):04x}", value)
    if isinstance(value, list):
        return [_encodable(part) for part in value]
    if isinstance(value, dict):
        return {_encodable(key): _encodable(part) for key, part in value.items()}
    return value


def _redacted(texts: Texts) -> Texts:
    """Return texts without credentials and personal data. Texts that contain none don't change."""
    contents: dict[str, Any] = {"prompt": texts.prompt, "reply": texts.reply, "task": texts.task}
    touched = list(texts.touched)
    lost = texts.lost
    for name, text in contents.items():
        if text is None:
            continue
        try:
            value, places = redacted_value(text)
        except Exception as error:
            if is_interruption(error):
                raise
            # After any other error, the text is left out.
            contents[name], lost = None, _LOST
            continue
        if value != text:
            contents[name] = value
            touched = [place for place in touched if place.text != name]
            touched += [Touched(name, *place) for place in places]
    return replace(texts, **contents, touched=tuple(touched), lost=lost)


def read_texts(fields: Any) -> Texts | None:
    """Return the imported texts of an attempt. None if there are none.

    Raises:
        FieldFault: A field is unknown, or has an invalid value.
    """
    if fields is None:
        return None
    values = checked(fields, _FIELDS, TEXTS)
    return Texts("", 0, **{**values, "touched": tuple(Touched(*place) for place in values["touched"] or ())})


def payload_of(texts: Texts) -> Payload:
    """Return texts in their stored form."""
    prompt = texts.prompt
    text = None if prompt is None else _written(prompt)
    if text is not None and texts.task is not None:
        text = with_task(text, _written(texts.task))
    missing = None if texts.lost is None else lost_text(texts.lost)
    return Payload(
        _packed(text, texts.prompt_hash) or missing,
        _packed(texts.reply, texts.reply_hash) or missing,
        json.dumps([list(place) for place in texts.touched]) if texts.touched else None,
    )


def _written(prompt: Any) -> str:
    return json.dumps(prompt, ensure_ascii=False, separators=(",", ":"))


def _packed(text: str | None, digest: str | None) -> bytes | None:
    if text is None:
        return None if digest is None else HASH_MARK + bytes.fromhex(digest)
    return packed_text(text)


def content_of(connection: Connection, call_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return the facts about the values of these calls, by the id of the call."""
    found = {}
    for start in range(0, len(call_ids), _IDS):
        some = [packed(call_id) for call_id in call_ids[start : start + _IDS]]
        sql = f"SELECT call_id, {_COLUMNS} FROM content WHERE call_id IN ({placeholders(len(some))})"
        for call_id, *row in connection.select(sql, some):
            fields = dict(zip(_CONTENT_FIELDS, row, strict=True))
            found[str(unpacked(call_id))] = {**fields, "pair": unpacked(fields["pair"])}
    return found


def read_content(fields: Any) -> dict[str, Any] | None:
    """Return imported facts. None if there are none.

    Raises:
        FieldFault: A field is unknown, or has an invalid value.
    """
    if fields is None:
        return None
    values = checked(fields, _CONTENT_FIELDS, CONTENT)
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
    return [packed(fields[name]) if name == "pair" else fields[name] for name in _CONTENT_FIELDS]
