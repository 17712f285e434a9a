# SPDX-License-Identifier: Apache-2.0
"""A list of typed parts without a message around them: what a function puts into one turn of the user's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from schema_guard.providers.dialects.dialect import Dialect, RawMessage, Side, raw_message, text_part, word
from schema_guard.providers.fields import field, has
from schema_guard.values import Message

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["PARTS"]

_KINDS = (
    "text", "image_url", "input_audio", "file", "image", "document", "search_result",
    "input_text", "input_image", "input_file", "video_url", "audio_url",
)  # fmt: skip


def _read(element: Any) -> Message | None:
    kind = word(field(element, "type"))
    is_part = kind in _KINDS and not has(element, "role") and not isinstance(element, (str, Message))
    return (
        Message("user", field(element, "text") if kind in ("text", "input_text") else element)
        if is_part
        else None
    )


def _marks(elements: Sequence[Any]) -> bool:
    return all(_read(element) is not None for element in elements)


def _part(text: str, near: Sequence[Message]) -> Message:
    beside = [one.element for one in near if isinstance(one, RawMessage)]
    return raw_message(Message("user", text), text_part(text, beside), PARTS)


def _extended(message: Message, text: str, behind: bool) -> tuple[Message, ...]:
    new = _part(text, (message,))
    return (message, new) if behind else (new, message)


def _turn(side: Side, text: str, near: Sequence[Message]) -> Message:
    # There are no turns in it: what the model said is quoted, as in a prompt that is a text.
    return _part(f"The reply was:\n{text}" if side == "model" else text, near)


PARTS: Final = Dialect(
    name="parts",
    marks=_marks,
    read=_read,
    systems=frozenset(),
    users=frozenset({"user"}),
    is_tool_result=lambda _: False,
    extended=_extended,
    turn=_turn,
)
