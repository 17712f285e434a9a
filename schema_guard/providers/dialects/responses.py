# SPDX-License-Identifier: Apache-2.0
"""OpenAI's Responses: messages with a role, and items without one, such as calls of tools and their outputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from schema_guard.providers.dialects.chat import SYSTEMS, USERS, extended_as
from schema_guard.providers.dialects.chat import read as read_message
from schema_guard.providers.dialects.dialect import Dialect, Side, raw_message, rest_of, text_part, word
from schema_guard.providers.fields import field
from schema_guard.values import Message

__all__ = ["RESPONSES"]

_ITEMS = ("reasoning", "item_reference", "compaction", "program")
# function_call_output, computer_call, mcp_approval_response ...
_ENDINGS = ("_call", "_call_output", "_approval_request", "_approval_response", "_list_tools", "_output")


def _kind(element: Any) -> str | None:
    kind = word(field(element, "type"))
    if kind is None or word(field(element, "role")) is not None:
        return None
    return kind if kind in _ITEMS or kind.endswith(_ENDINGS) else None


def _marks(elements: Sequence[Any]) -> bool:
    return any(
        _kind(element) is not None or _has_its_parts(field(element, "content")) for element in elements
    )


def _has_its_parts(content: Any) -> bool:
    parts = content if isinstance(content, (list, tuple)) else ()
    kinds = [word(field(part, "type")) or "" for part in parts]
    return any(kind in ("input_text", "input_image", "input_file", "output_text") for kind in kinds)


def _read(element: Any) -> Message | None:
    kind = _kind(element)
    if kind is None:
        return read_message(element)
    return Message(kind, field(element, "output"), rest_of(element, "type", "output"))


def _is_tool_result(message: Message) -> bool:
    return message.role.endswith("_output") or message.role == "mcp_approval_response"


def _extended(message: Message, text: str, behind: bool) -> tuple[Message, ...]:
    return extended_as(RESPONSES, message, text, behind=behind, part=_part)


def _part(text: str, beside: Sequence[Any]) -> Any:
    return text_part(text, beside) if beside else {"type": "input_text", "text": text}


def _turn(side: Side, text: str, near: Sequence[Message]) -> Message:
    message = Message("user" if side == "user" else "assistant", text)
    return raw_message(message, message.as_dict(), RESPONSES)


RESPONSES: Final = Dialect(
    name="responses",
    marks=_marks,
    read=_read,
    systems=SYSTEMS,
    users=USERS,
    is_tool_result=_is_tool_result,
    extended=_extended,
    turn=_turn,
)
