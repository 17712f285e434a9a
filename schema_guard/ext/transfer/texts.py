# SPDX-License-Identifier: Apache-2.0
"""The texts of prompts and replies as they stand in files: an object beside the columns of their attempt.

Rules: pure. Only what is kept is said. Redacted texts can be asked for whatever the store keeps; of a text on which
the redaction fails nothing is said.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, TypeAlias

from schema_guard.ext.redaction import redacted_value
from schema_guard.ext.transfer.columns import TEXTS, FieldFault
from schema_guard.interruptions import is_interruption
from schema_guard.records.payloads.texts import (
    HASH_MARK,
    Payload,
    Texts,
    Touched,
    lost_text,
    packed_text,
    with_task,
)
from schema_guard.text import clip

if TYPE_CHECKING:
    from schema_guard.records.rows import Row

__all__ = ["TEXTS_AS", "Moved", "TextsAs", "payload_of", "read_texts", "texts_as_json"]

TextsAs: TypeAlias = Literal["redacted", "kept"]
TEXTS_AS: Final[tuple[TextsAs, ...]] = ("redacted", "kept")
"""How texts go out: without credentials and personal data, or as the store keeps them."""

_LOST: Final = "redactor_error"
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_HASH: Final = re.compile("[0-9a-f]{32}")


class Moved(NamedTuple):
    """An attempt on its way from one store to another.

    Attributes:
        row: Of `COLUMNS`.
        payload: Its texts; None where there are none, or they do not come along.
    """

    row: Row
    payload: Payload | None = None


def texts_as_json(texts: Texts, how: TextsAs) -> dict[str, Any]:
    """Give what is said of the texts of an attempt."""
    cleaned = _redacted(texts) if how == "redacted" else texts
    fields = {name: getattr(cleaned, name) for name in _CHECKS}
    fields["touched"] = [list(place) for place in cleaned.touched] or None
    return {name: _encodable(value) for name, value in fields.items() if value is not None}


def _encodable(value: Any) -> Any:
    """Write lone surrogates, which no file takes, as six characters, as `store_text` does."""
    if isinstance(value, str):
        return value if value.isascii() else _SURROGATE.sub(lambda match: f"\\u{ord(match[0]):04x}", value)
    if isinstance(value, list):
        return [_encodable(part) for part in value]
    if isinstance(value, dict):
        return {_encodable(key): _encodable(part) for key, part in value.items()}
    return value


def _redacted(texts: Texts) -> Texts:
    """Return texts without credentials and personal data; those that have none stay as they are."""
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
            # Whatever it is: nothing is said of such a text.
            contents[name], lost = None, _LOST
            continue
        if value != text:
            contents[name] = value
            touched = [place for place in touched if place.text != name]
            touched += [Touched(name, *place) for place in places]
    return replace(texts, **contents, touched=tuple(touched), lost=lost)


def read_texts(fields: Any) -> Payload | None:
    """Return the texts of an attempt that came from outside, None for none; `FieldFault`."""
    if fields is None:
        return None
    if not isinstance(fields, dict):
        raise FieldFault(TEXTS, f"expected an object or null, got {clip(repr(fields))}")
    if unknown := fields.keys() - _CHECKS.keys():
        raise FieldFault(TEXTS, f"unknown field {clip(repr(min(unknown)))}")
    for name, (is_right, expected) in _CHECKS.items():
        value = fields.get(name)
        if value is not None and not is_right(value):
            raise FieldFault(f"{TEXTS}/{name}", f"expected {expected} or null, got {clip(repr(value))}")
    touched = tuple(Touched(*place) for place in fields.get("touched") or ())
    return payload_of(Texts("", 0, **{**fields, "touched": touched}))


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


def _is_place(place: Any) -> bool:
    kinds = (str, str, str, int, int)
    return (
        isinstance(place, list)
        and len(place) == len(kinds)
        and all(type(part) is kind for part, kind in zip(place, kinds, strict=True))
    )


def _is_prompt(value: Any) -> bool:
    is_list = isinstance(value, list) and all(isinstance(message, dict) for message in value)
    return isinstance(value, str) or is_list


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_hash(value: Any) -> bool:
    return isinstance(value, str) and bool(_HASH.fullmatch(value))


def _is_places(value: Any) -> bool:
    return isinstance(value, list) and all(map(_is_place, value))


_CHECKS: Final = {
    "prompt": (_is_prompt, "a string, an array of objects"),
    "reply": (_is_text, "a string"),
    "prompt_hash": (_is_hash, "32 hex digits"),
    "reply_hash": (_is_hash, "32 hex digits"),
    "touched": (_is_places, "an array of [text, location, kind, start, stop]"),
    "lost": (_is_text, "a string"),
    "task": (_is_prompt, "a string, an array of objects"),
}
