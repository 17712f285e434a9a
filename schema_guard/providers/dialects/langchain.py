# SPDX-License-Identifier: Apache-2.0
"""LangChain's messages: objects that name their type, pairs of a type and a content, and texts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from schema_guard.interruptions import value_or
from schema_guard.providers.dialects.chat import read as read_message
from schema_guard.providers.dialects.dialect import (
    Dialect,
    RawMessage,
    Side,
    instance,
    joined,
    raw_message,
    rest_of,
    text_part,
    with_field,
    with_text,
    word,
)
from schema_guard.providers.fields import field, has
from schema_guard.values import Message

__all__ = ["LANGCHAIN", "content_of", "with_content"]

_TYPES = (
    "human",
    "ai",
    "system",
    "tool",
    "function",
    "HumanMessageChunk",
    "AIMessageChunk",
    "SystemMessageChunk",
)
_WORDS = ("human", "user", "ai", "assistant", "system", "developer")
_CLASSES: Final[dict[Side, str]] = {"user": "HumanMessage", "model": "AIMessage"}
_OURS: Final[dict[Side, str]] = {"user": "human", "model": "ai"}
_THEIRS: Final[dict[Side, str]] = {"user": "user", "model": "assistant"}
# What a provider's reply left in the message, other each time.
_OF_A_REPLY = ("id", "usage_metadata", "response_metadata")


def _is_object(element: Any) -> bool:
    if isinstance(element, (str, Mapping, Message)) or not has(element, "content"):
        return False
    kind = word(field(element, "type"))
    return kind in _TYPES or (kind == "chat" and word(field(element, "role")) is not None)


def _is_pair(element: Any) -> bool:
    return (
        type(element) is tuple and len(element) == 2 and isinstance(element[0], str) and element[0] in _WORDS
    )


def _marks(elements: Sequence[Any]) -> bool:
    return any(_is_object(element) or _is_pair(element) for element in elements)


def _read(element: Any) -> Message | None:
    if isinstance(element, str):
        return Message("human", element)
    if _is_pair(element):
        return Message(*element)
    if not _is_object(element):
        return read_message(element) if isinstance(element, Mapping) else None
    kind = word(field(element, "type")) or ""
    role = word(field(element, "role")) if kind == "chat" else kind.removesuffix("MessageChunk").lower()
    return Message(
        role or kind, field(element, "content"), rest_of(element, "type", "role", "content", *_OF_A_REPLY)
    )


def _is_tool_result(message: Message) -> bool:
    return message.role in ("tool", "function")


def _extended(message: Message, text: str, behind: bool) -> tuple[Message, ...]:
    content = with_text(message.content, text, behind=behind, part=text_part)
    if content is None or not isinstance(message, RawMessage):
        return ()
    element: Any = message.element
    if isinstance(element, str):
        changed: Any = joined(text, element, behind=behind)
    elif isinstance(element, tuple):
        changed = (element[0], content)
    else:
        changed = with_field(element, "content", content)
    return (
        ()
        if changed is None
        else (raw_message(Message(message.role, content, message.fields), changed, LANGCHAIN),)
    )


def _turn(side: Side, text: str, near: Sequence[Message]) -> Message:
    elements = [one.element for one in near if isinstance(one, RawMessage)]
    message = Message(_OURS[side], text)
    element = instance(
        _classes(elements, _CLASSES[side]), {"content": text}, {"content": text, "type": _OURS[side]}
    )
    if element is not None:
        return raw_message(message, element, LANGCHAIN)
    words = _THEIRS if any(_is_pair(one) and one[0] in _THEIRS.values() for one in elements) else _OURS
    return raw_message(message, (words[side], text), LANGCHAIN)


def _classes(elements: Sequence[Any], name: str) -> Iterator[Any]:
    """Give the class of a side's messages, found from those that are there."""
    for element in elements:
        for kind in type(element).__mro__ if _is_object(element) else ():
            yield from [candidate for candidate in (kind, *_below(kind)) if candidate.__name__ == name]


def _below(kind: Any) -> list[Any]:
    return kind.__subclasses__() if kind.__name__ == "BaseMessage" else []


LANGCHAIN: Final = Dialect(
    name="langchain",
    marks=_marks,
    read=_read,
    systems=frozenset({"system", "developer"}),
    users=frozenset({"human", "user"}),
    is_tool_result=_is_tool_result,
    extended=_extended,
    turn=_turn,
)


# Prompt values: the objects that prompt templates pass on, with a text or messages in them.


def content_of(value: Any) -> Any:
    """Return the text of a prompt value, or its messages; the value itself if it cannot be read."""
    text = field(value, "text")
    return text if isinstance(text, str) else value_or(value, lambda: list(value.to_messages()))


def with_content(value: Any, content: Any) -> Any:
    """Return a copy of a prompt value with another content; the content alone if no copy can have it."""
    name = "text" if isinstance(content, str) else "messages"
    return content if field(value, name) is None else with_field(value, name, content) or content
