# SPDX-License-Identifier: Apache-2.0
"""The stored form of the texts of one attempt, and their decoding.

Rules: The functions are pure. The first byte of a stored value names its kind: a text, a compressed text, a keyed hash,
or the reason why nothing was stored. So a store can contain texts of several policies. A prompt is stored as JSON: a
text, or the list of its messages. If the task differs from it, both are stored in one object. Most of the text is in
both, so the compressed object is hardly larger than the prompt.
"""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from schema_guard.records.rows import keyed_hash

if TYPE_CHECKING:
    from schema_guard.values import Prompt

_TEXT: Final = b"t"
_COMPRESSED: Final = b"z"
TEXT_MARKS: Final = (_TEXT, _COMPRESSED)
"""The first bytes of the texts that can be read again."""
HASH_MARK: Final = b"h"
_LOST: Final = b"e"

NO_TEXT: Final = "no text is stored"
"""The reason why the input of a call is not known if its texts are not stored."""

# For shorter texts, the header of the compressed form is longer than the bytes that it saves.
_LEAST_COMPRESSED: Final = 128

_SENT, _ASKED = "prompt", "task"


class Payload(NamedTuple):
    """Stored form of the texts of one attempt.

    Attributes:
        prompt: None if nothing was sent.
        reply: None if no text came back.
        touched: JSON of the places where the redaction changed them. None if there are none.
    """

    prompt: bytes | None
    reply: bytes | None
    touched: str | None = None


class Touched(NamedTuple):
    """A place where the redaction changed a text.

    Attributes:
        text: `"prompt"`, `"task"` or `"reply"`.
        location: JSON Pointer to the text in the messages of a prompt. `""` for a prompt that is a text.
        kind: Kind of the removed text: `"email"`, `"jwt"` ..., or `"redact"` if the user's own function changed it.
        start: Start of the replacement, in characters of the stored text.
        stop: End of the replacement.
    """

    text: str
    location: str
    kind: str
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class Texts:
    """Stored texts of one attempt.

    Attributes:
        call_id: Id of its call.
        number: Number of the attempt.
        prompt: The prompt as sent: a text, or messages as providers take them. None if it was not stored.
        reply: The text of the reply. None if it was not stored, or there was none.
        prompt_hash: 32 hex digits, with the policy `"hash"`.
        reply_hash: Likewise.
        touched: Places where the redaction changed them.
        lost: Reason why a text was not stored: `"redactor_error"`. None if none was lost.
        task: The task of the user's function, for attempt 1, in the forms of a prompt. None if it equals the prompt, or
            was not stored.
    """

    call_id: str
    number: int
    prompt: str | list[dict[str, Any]] | None = None
    reply: str | None = None
    prompt_hash: str | None = None
    reply_hash: str | None = None
    touched: tuple[Touched, ...] = ()
    lost: str | None = None
    task: str | list[dict[str, Any]] | None = None


def input_of(texts: Texts | None) -> tuple[tuple[dict[str, str], ...], str] | str:
    """Return the messages before the input of a call, and the input. If they are not known, return the reason."""
    if texts is None or texts.prompt is None:
        return NO_TEXT
    task: Any = texts.prompt if texts.task is None else texts.task
    if isinstance(task, str):
        return (), task
    messages = [{"role": one.get("role"), "content": one.get("content")} for one in task]
    if not all(isinstance(one["content"], str) for one in messages) or messages[-1]["role"] != "user":
        return "its messages are more than texts"
    *before, last = messages
    return tuple({"role": str(one["role"]), "content": str(one["content"])} for one in before), str(
        last["content"]
    )


def prompt_text(prompt: Prompt) -> str:
    """Return a prompt as stored: JSON of the text or messages. The `repr` replaces values that JSON can't represent."""
    document: Any = prompt if isinstance(prompt, str) else [message.as_dict() for message in prompt]
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"), default=repr)


def with_task(prompt: str, task: str) -> str:
    """Return the stored form of a prompt with its task, from the JSON of each."""
    return f'{{"{_SENT}":{prompt},"{_ASKED}":{task}}}'


def packed_text(text: str) -> bytes:
    """Return the stored form of a text, compressed if that makes it smaller."""
    plain = text.encode("utf-8", "surrogatepass")
    if len(plain) >= _LEAST_COMPRESSED:
        small = zlib.compress(plain, 6)
        if len(small) < len(plain):
            return _COMPRESSED + small
    return _TEXT + plain


def hashed(text: str, key: bytes) -> bytes:
    """Return the stored form of a text's keyed hash."""
    return HASH_MARK + bytes.fromhex(keyed_hash(text, key))


def lost_text(reason: str) -> bytes:
    """Return the stored value for a text that was not stored."""
    return _LOST + reason.encode()


def texts_of(call_id: str, number: int, payload: Payload) -> Texts:
    """Decode the stored texts of an attempt."""
    unpacked = {
        part: _unpacked(part, stored) for part, stored in (("prompt", payload[0]), ("reply", payload[1]))
    }
    fields: dict[str, Any] = {
        name: value for part_fields in unpacked.values() for name, value in part_fields.items()
    }
    places = json.loads(payload.touched) if payload.touched else []
    return Texts(call_id, number, **fields, touched=tuple(Touched(*place) for place in places))


def _unpacked(part: str, stored: bytes | None) -> dict[str, Any]:
    """Return the fields of `Texts` for a stored prompt or reply."""
    if stored is None:
        return {}
    kind, content = stored[:1], stored[1:]
    if kind == HASH_MARK:
        return {f"{part}_hash": content.hex()}
    if kind == _LOST:
        return {"lost": content.decode()}
    text = (zlib.decompress(content) if kind == _COMPRESSED else content).decode("utf-8", "surrogatepass")
    if part == "reply":
        return {part: text}
    document = json.loads(text)
    return document if isinstance(document, dict) else {part: document}
