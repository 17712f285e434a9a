# SPDX-License-Identifier: Apache-2.0
"""Messages with a role and a content: OpenAI's Chat Completions, Anthropic's Messages, and those who copied them.

A plain list looks the same to both, so it is given nothing that one of them refuses: Anthropic takes no role but
`user` and `assistant`, and results of tools are the user's turns there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from schema_guard.providers.dialects.dialect import (
    Dialect,
    RawMessage,
    Side,
    instance,
    raw_message,
    rest_of,
    text_part,
    with_field,
    with_text,
    word,
)
from schema_guard.providers.fields import field, has
from schema_guard.values import Message

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["CHAT", "SYSTEMS", "USERS", "extended_as", "is_tool_result", "read"]

SYSTEMS: Final = frozenset({"system", "developer"})
USERS: Final = frozenset({"user"})
_WORDS: Final[dict[Side, str]] = {"user": "user", "model": "assistant"}
_RESULTS = ("tool_result", "mcp_tool_result", "web_search_tool_result")


def read(element: Any) -> Message | None:
    """Read an element with a role: a dict, or an SDK's object."""
    role = word(field(element, "role"))
    if role is None or (has(element, "parts") and not has(element, "content")):
        return None
    if not isinstance(element, Mapping) and not has(element, "content"):
        return None
    return Message(role, field(element, "content"), rest_of(element, "role", "content"))


def is_tool_result(message: Message) -> bool:
    """Say whether a message is a tool's, or one of the user's with results of tools among its parts."""
    if message.role in ("tool", "function"):
        return True
    parts = message.content if isinstance(message.content, (list, tuple)) else ()
    return any(word(field(part, "type")) in _RESULTS or has(part, "toolResult") for part in parts)


def extended_as(
    dialect: Dialect,
    message: Message,
    text: str,
    *,
    behind: bool,
    part: Callable[[str, Sequence[Any]], Any] = text_part,
) -> tuple[Message, ...]:
    """Give a message with a text before or behind its content; *part* makes a part of text beside others."""
    content = with_text(message.content, text, behind=behind, part=part)
    if content is None:
        return ()
    new = message._replace(content=content)
    if not isinstance(message, RawMessage):
        return (new,)
    element = with_field(message.element, "content", content)
    return () if element is None else (raw_message(new, element, dialect),)


def _extended(message: Message, text: str, behind: bool) -> tuple[Message, ...]:
    return extended_as(CHAT, message, text, behind=behind)


def _turn(side: Side, text: str, near: Sequence[Message]) -> Message:
    message = Message(_WORDS[side], text)
    elements = [one.element for one in near if isinstance(one, RawMessage)]
    if not elements:
        return message
    mapping = {"role": message.role, "content": text}
    # A function that is given objects alone may read them as such.
    objects = [] if any(isinstance(one, Mapping) for one in elements) else elements
    element = instance([type(one) for one in objects], mapping, mapping)
    return raw_message(message, mapping if element is None else element, CHAT)


CHAT: Final = Dialect(
    name="chat",
    marks=lambda _: True,
    read=read,
    systems=SYSTEMS,
    users=USERS,
    is_tool_result=is_tool_result,
    extended=_extended,
    turn=_turn,
)
"""What every list with roles and contents is taken for that bears no other marks."""
