# SPDX-License-Identifier: Apache-2.0
"""LangChain's messages: whole and in chunks, and the lists of them that a prompt is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from schema_guard.interruptions import value_or
from schema_guard.providers.fields import either, field, has, items, usage_of, words
from schema_guard.providers.messages import (
    CHAT,
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
from schema_guard.providers.messages import read as read_message
from schema_guard.providers.model_output import Written, has_reasoned, text_of
from schema_guard.providers.provider import Provider, RawReply, pieces
from schema_guard.values import Message, Usage

if TYPE_CHECKING:
    from schema_guard.providers.provider import Stream

_STOP_WORDS: Final = ("finish_reason", "stop_reason", "done_reason", "stopReason")


def _message(reply: object, content: object) -> RawReply | None:
    if field(reply, "type") not in ("ai", "AIMessageChunk") or not isinstance(content, str | list):
        return None
    metadata = field(reply, "response_metadata")
    if metadata is None:
        return None
    # Joined chunks still have the arguments as received. If these were cut off, `tool_calls` has them closed.
    calls = items(field(reply, "tool_call_chunks")) or (
        items(field(reply, "tool_calls")) + items(field(reply, "invalid_tool_calls"))
    )
    return RawReply(
        Written(text_of(content), calls, _refusal(reply), _has_reasoned(reply, content)),
        either(metadata, *_STOP_WORDS),
        usage_of(field(reply, "usage_metadata")),
        either(metadata, "model_name", "model"),
    )


def _refusal(message: object) -> str | None:
    return words(field(field(message, "additional_kwargs"), "refusal"))


def _has_reasoned(message: object, content: object) -> bool:
    more = field(message, "additional_kwargs")
    return has_reasoned(content) or words(field(more, "reasoning_content")) is not None


def _chunk(stream: Stream, chunk: object, content: object) -> str | None:
    """Read a piece of a message. The last one is marked."""
    if field(chunk, "type") != "AIMessageChunk" or not isinstance(content, str | list):
        return None
    stream.refuse(_refusal(chunk))
    if _has_reasoned(chunk, content):
        stream.think()
    metadata = field(chunk, "response_metadata")
    stream.name_model(either(metadata, "model_name", "model"))
    usage = field(chunk, "usage_metadata")
    if usage is not None:
        stream.usage = _added(stream.usage, usage_of(usage))
    stopped = either(metadata, *_STOP_WORDS)
    if stopped is not None:
        stream.stop(stopped)
    elif field(chunk, "chunk_position") == "last":
        stream.is_ended = True
    return text_of(content) + pieces(stream, items(field(chunk, "tool_call_chunks")))


def _added(known: Usage, more: Usage) -> Usage:
    """Add the tokens of a chunk, whose counts cover only this chunk."""
    return Usage(*[b if a is None else a if b is None else a + b for a, b in zip(known, more, strict=True)])


# Lists of messages.


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
# Fields of a provider's reply in the message, which differ each time.
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


def _extended(dialect: Dialect, message: Message, text: str, behind: bool) -> tuple[Message, ...]:
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
    """Yield the class of a side's messages, found from those that are there."""
    for element in elements:
        for kind in type(element).__mro__ if _is_object(element) else ():
            yield from [candidate for candidate in (kind, *_below(kind)) if candidate.__name__ == name]


def _below(kind: Any) -> list[Any]:
    return kind.__subclasses__() if kind.__name__ == "BaseMessage" else []


# Prompt values: the objects that prompt templates pass on, with a text or messages in them.


def content_of(value: Any) -> Any:
    """Return the text of a prompt value, or its messages. Return the value itself if it cannot be read."""
    text = field(value, "text")
    return text if isinstance(text, str) else value_or(value, lambda: list(value.to_messages()))


def with_content(value: Any, content: Any) -> Any:
    """Return a copy of a prompt value with another content. Return only the content if it cannot be copied."""
    name = "text" if isinstance(content, str) else "messages"
    return content if field(value, name) is None else with_field(value, name, content) or content


LANGCHAIN: Final = CHAT._replace(
    name="langchain",
    marks=_marks,
    read=_read,
    users=frozenset({"human", "user"}),
    is_tool_result=_is_tool_result,
    extend=_extended,
    turn=_turn,
)


PROVIDER: Final = Provider(
    replies={"content": _message},
    chunks={"content": _chunk},
    messages=LANGCHAIN,
)
