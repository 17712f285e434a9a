# SPDX-License-Identifier: Apache-2.0
"""Bedrock's Converse: messages with a role and a list of parts, each under the name of its kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from schema_guard.providers.dialects.chat import CHAT, extended_as, is_tool_result, read
from schema_guard.providers.dialects.dialect import Side, raw_message
from schema_guard.providers.fields import field
from schema_guard.values import Message

__all__ = ["BEDROCK"]

_KINDS = {
    "text", "image", "document", "video", "audio", "toolUse", "toolResult", "guardContent", "cachePoint",
    "reasoningContent", "citationsContent", "searchResult",
}  # fmt: skip


def _marks(elements: Sequence[Any]) -> bool:
    return any(_is_of_kinds(field(element, "content")) for element in elements)


def _is_of_kinds(content: Any) -> bool:
    return (
        isinstance(content, list)
        and bool(content)
        and all(
            isinstance(part, Mapping) and len(part) == 1 and not _KINDS.isdisjoint(part) for part in content
        )
    )


def _extended(message: Message, text: str, behind: bool) -> tuple[Message, ...]:
    return extended_as(BEDROCK, message, text, behind=behind)


def _turn(side: Side, text: str, near: Sequence[Message]) -> Message:
    message = Message("user" if side == "user" else "assistant", [{"text": text}])
    return raw_message(message, message.as_dict(), BEDROCK)


BEDROCK: Final = CHAT._replace(
    name="bedrock", marks=_marks, read=read, is_tool_result=is_tool_result, extended=_extended, turn=_turn
)
