# SPDX-License-Identifier: Apache-2.0
"""The texts of prompts and replies as they stand in files: an object beside the columns of their attempt.

Rules: pure. Only what is kept is said. Redacted texts can be asked for whatever the store keeps; of a text on which
the redaction fails nothing is said.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any, Final, Literal, TypeAlias

from schema_guard.ext.redaction import redacted_value
from schema_guard.ext.transfer.columns import TEXTS, checked
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

__all__ = ["TEXTS_AS", "TextsAs", "payload_of", "read_texts", "texts_as_json"]

TextsAs: TypeAlias = Literal["redacted", "kept"]
TEXTS_AS: Final[tuple[TextsAs, ...]] = ("redacted", "kept")
"""How texts go out: without credentials and personal data, or as the store keeps them."""

_LOST: Final = "redactor_error"
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_KINDS: Final = {
    "prompt": "prompt", "reply": "raw", "prompt_hash": "hash", "reply_hash": "hash", "touched": "places", "lost": "raw",
    "task": "prompt",
}  # fmt: skip
_FIELDS: Final = {name: (kind, True) for name, kind in _KINDS.items()}


def texts_as_json(texts: Texts, how: TextsAs) -> dict[str, Any]:
    """Give what is said of the texts of an attempt."""
    cleaned = _redacted(texts) if how == "redacted" else texts
    fields = {name: getattr(cleaned, name) for name in _FIELDS}
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


def read_texts(fields: Any) -> Texts | None:
    """Return the imported texts of an attempt; None if there are none.

    Raises:
        FieldFault: A field does not hold what it should.
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
