# SPDX-License-Identifier: Apache-2.0
"""How the texts of one attempt lie in a store, and what is read of them.

Rules: pure. What is stored says by its first byte what it is: a text, a compressed one, a keyed hash, or the reason
why nothing was kept; so a store can hold texts of several policies. A prompt is stored as JSON: a text, or the list
of its messages; with the task, where that is another text, as an object of both: most of one stands in the other, so
that compressed they are hardly larger than the prompt.
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
"""The first bytes of what can be read again as a text."""
HASH_MARK: Final = b"h"
_LOST: Final = b"e"

NO_TEXT: Final = "no text is stored"
"""The reason why the input of a call is not known if its texts are not stored."""

# Below this the header of a compressed text is longer than what it saves.
_LEAST_COMPRESSED: Final = 128

_SENT, _ASKED = "prompt", "task"


class Payload(NamedTuple):
    """What is stored of the texts of one attempt.

    Attributes:
        prompt: None when nothing was sent.
        reply: None when no text came.
        touched: JSON of the places where the redaction changed them; None for none.
    """

    prompt: bytes | None
    reply: bytes | None
    touched: str | None = None


class Touched(NamedTuple):
    """A place where the redaction changed a text.

    Attributes:
        text: `"prompt"`, `"task"` or `"reply"`.
        location: JSON Pointer to the text in the messages of a prompt; `""` for a text that is one.
        kind: Of what was taken out: `"email"`, `"jwt"` ...; `"redact"` for what the user's own function changed.
        start: Where what stands there now begins, in characters of the stored text.
        stop: Where it ends.
    """

    text: str
    location: str
    kind: str
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class Texts:
    """What a store has of the texts of one attempt.

    Attributes:
        call_id: Of its call.
        number: Of the attempt.
        prompt: As it was sent: a text, or messages as providers take them; None when it was not kept.
        reply: The text that came back; None when it was not kept, or none came.
        prompt_hash: 32 hex digits, with the policy `"hash"`.
        reply_hash: Likewise.
        touched: Where the redaction changed them.
        lost: Why a text was not kept: `"redactor_error"`; None when nothing was lost.
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
    """Return the messages before the input of a call, and the input; or the reason why they are not known."""
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
    """Give a prompt as it is stored: JSON of the text or of its messages; what JSON cannot say stands as its `repr`."""
    document: Any = prompt if isinstance(prompt, str) else [message.as_dict() for message in prompt]
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"), default=repr)


def with_task(prompt: str, task: str) -> str:
    """Return a prompt with its task as they are stored, from the JSON of each."""
    return f'{{"{_SENT}":{prompt},"{_ASKED}":{task}}}'


def packed_text(text: str) -> bytes:
    """Return a text as it is stored, compressed when that makes it smaller."""
    plain = text.encode("utf-8", "surrogatepass")
    if len(plain) >= _LEAST_COMPRESSED:
        small = zlib.compress(plain, 6)
        if len(small) < len(plain):
            return _COMPRESSED + small
    return _TEXT + plain


def hashed(text: str, key: bytes) -> bytes:
    """Return the keyed hash of a text as it is stored."""
    return HASH_MARK + bytes.fromhex(keyed_hash(text, key))


def lost_text(reason: str) -> bytes:
    """Give what is stored where a text was not kept."""
    return _LOST + reason.encode()


def texts_of(call_id: str, number: int, payload: Payload) -> Texts:
    """Return what is stored as it is read."""
    unpacked = {
        part: _unpacked(part, stored) for part, stored in (("prompt", payload[0]), ("reply", payload[1]))
    }
    fields: dict[str, Any] = {
        name: value for part_fields in unpacked.values() for name, value in part_fields.items()
    }
    places = json.loads(payload.touched) if payload.touched else []
    return Texts(call_id, number, **fields, touched=tuple(Touched(*place) for place in places))


def _unpacked(part: str, stored: bytes | None) -> dict[str, Any]:
    """Return the fields of `Texts` that a stored prompt or reply says."""
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
