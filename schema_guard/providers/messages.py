# SPDX-License-Identifier: Apache-2.0
"""Lists of messages: read a turn, extend it, and add one in the form of each provider.

Rules: An element from a caller is sent as the same object and never changed. The one turn that the format is joined
to is a copy. Nothing here imports an SDK, or raises for any element. The fields of a shape identify it. If an object
of an SDK's own class cannot be created, a dict takes its place.
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, TypeAlias

from schema_guard.interruptions import value_or
from schema_guard.providers.fields import field, has
from schema_guard.values import Message

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Side: TypeAlias = Literal["user", "model"]
"""The speaker of a message. Each dialect has its own words for it."""


class Dialect(NamedTuple):
    """A form of lists of messages.

    Attributes:
        name: Name for people.
        marks: Returns whether a list is in this form and in no other.
        read: Returns an element as a message. None if it is not of this dialect.
        systems: Roles of the messages that contain instructions.
        users: Roles of the user's turns.
        is_tool_result: Returns whether a message is the result of a tool call. It has to follow that call directly.
        extend: Implements `extended` for this dialect.
        part: Builds a part of text in the form of the parts beside it.
        turn: Builds a turn of one side with a text, in the form of the messages near it.
    """

    name: str
    marks: Callable[[Sequence[Any]], bool]
    read: Callable[[Any], Message | None]
    systems: frozenset[str]
    users: frozenset[str]
    is_tool_result: Callable[[Message], bool]
    extend: Callable[[Dialect, Message, str, bool], tuple[Message, ...]]
    part: Callable[[str, Sequence[Any]], Any]
    turn: Callable[[Side, str, Sequence[Message]], Message]

    def is_users(self, message: Message) -> bool:
        """Return whether a message is the user's own turn, and not a tool result."""
        return message.role in self.users and not self.is_tool_result(message)

    def extended(self, message: Message, text: str, behind: bool) -> tuple[Message, ...]:
        """Return messages that replace one, with a text before or after its own. () if it has no text and no parts."""
        return self.extend(self, message, text, behind)


class RawMessage(Message):
    """A message that is sent as its original object.

    It equals every message with the same content. A copy or a pickle of it has the content without the object.

    Attributes:
        element: The object to send.
        dialect: The form of the list that it is part of.
    """

    element: Any
    dialect: Dialect

    def __reduce__(self) -> tuple[Any, ...]:
        return Message, tuple(self)


def raw_message(message: Message, element: Any, dialect: Dialect) -> RawMessage:
    """Return a message that is sent as an element."""
    sent_message = RawMessage(*message)
    sent_message.element, sent_message.dialect = element, dialect
    return sent_message


def elements_of(messages: Iterable[Message]) -> list[Any]:
    """Return the elements to send for messages: the original objects, or a new dict for a message of our own."""
    return [message.element if isinstance(message, RawMessage) else message.as_dict() for message in messages]


# Fields of foreign objects.


def word(value: Any) -> str | None:
    """Return a text, or the value of an enum's member. None for any other value."""
    if type(value) is not str:
        named = None if isinstance(value, Mapping) else field(value, "value")
        value = named if isinstance(named, str) else value
    return value if isinstance(value, str) else None


def rest_of(element: Any, *known: str) -> dict[str, Any] | None:
    """Return the fields of an element, without the known and the empty ones. None if none remain."""
    if isinstance(element, Mapping):
        return (
            value_or(None, lambda: {key: part for key, part in element.items() if key not in known}) or None
        )
    parts: dict[str, Any] = value_or({}, vars, element)
    rest = {
        name: part
        for name, part in parts.items()
        if name not in known and not name.startswith("_") and not _is_nothing(part)
    }
    return rest or None


def _is_nothing(part: Any) -> bool:
    # Only known types are tested for emptiness, because the truth value of an array of numbers raises.
    return part is None or (isinstance(part, (str, list, tuple, dict)) and not part)


# Making turns.


def joined(text: str, content: str, *, behind: bool) -> str:
    """Return a text joined before or after another."""
    return "\n\n".join(part for part in ((content, text) if behind else (text, content)) if part)


def with_text(content: Any, text: str, *, behind: bool, part: Callable[[str, Sequence[Any]], Any]) -> Any:
    """Return a text or a list of parts with a text before or after it. None for any other content."""
    if isinstance(content, str):
        return joined(text, content, behind=behind)
    if not isinstance(content, (list, tuple)):
        return None
    new = part(text, content)
    return [*content, new] if behind else [new, *content]


def text_part(text: str, beside: Sequence[Any]) -> Any:
    """Return a part of text in the form of the parts beside it.

    >>> text_part("x", [{"type": "input_image"}]), text_part("x", [{"text": "y"}]), text_part("x", ["y"])
    ({'type': 'input_text', 'text': 'x'}, {'text': 'x'}, 'x')
    """
    kinds = [word(field(part, "type")) for part in beside]
    if any(
        kind is not None and kind.startswith(("input_", "output_")) and kind != "input_audio"
        for kind in kinds
    ):
        return {"type": "input_text", "text": text}
    if beside and all(isinstance(part, str) for part in beside):
        return text
    if beside and not any(kinds):
        return {"text": text}
    return {"type": "text", "text": text}


def with_field(element: Any, name: str, value: Any) -> Any:
    """Return a copy of an element with one field changed. None if it cannot be copied."""
    return value_or(None, _with_field, element, name, value)


def _with_field(element: Any, name: str, value: Any) -> Any:
    if isinstance(element, Mapping):
        return {**element, name: value}
    if callable(getattr(element, "model_copy", None)):
        return element.model_copy(update={name: value})
    if dataclasses.is_dataclass(element) and not isinstance(element, type):
        return dataclasses.replace(element, **{name: value})
    if isinstance(element, tuple):
        return getattr(element, "_replace")(**{name: value})  # noqa: B009 - a named tuple's
    copied = copy.copy(element)
    setattr(copied, name, value)
    return None if copied is element else copied


def instance(kinds: Iterable[Any], arguments: Mapping[str, Any], expected: Mapping[str, Any]) -> Any:
    """Build an element with the first class that accepts the arguments.

    Args:
        kinds: Classes to try.
        arguments: Arguments for the class.
        expected: Values that the fields of the element must have then.

    Returns:
        None if no class fits.
    """
    for kind in dict.fromkeys(kinds):
        element = value_or(None, kind, **arguments)
        if element is not None and value_or(
            False, lambda made: all(field(made, name) == value for name, value in expected.items()), element
        ):
            return element
    return None


# Messages with a role and a content.


SYSTEMS: Final = frozenset({"system", "developer"})
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


def _is_tool_result(message: Message) -> bool:
    """Return whether a message is a tool's, or one of the user's with tool results among its parts."""
    if message.role in ("tool", "function"):
        return True
    parts = message.content if isinstance(message.content, (list, tuple)) else ()
    return any(word(field(part, "type")) in _RESULTS or has(part, "toolResult") for part in parts)


def _extended(dialect: Dialect, message: Message, text: str, behind: bool) -> tuple[Message, ...]:
    content = with_text(message.content, text, behind=behind, part=dialect.part)
    if content is None:
        return ()
    new = message._replace(content=content)
    if not isinstance(message, RawMessage):
        return (new,)
    element = with_field(message.element, "content", content)
    return () if element is None else (raw_message(new, element, dialect),)


def _turn(side: Side, text: str, near: Sequence[Message]) -> Message:
    message = Message(_WORDS[side], text)
    elements = [one.element for one in near if isinstance(one, RawMessage)]
    if not elements:
        return message
    mapping = {"role": message.role, "content": text}
    # A function that receives only objects may read their attributes.
    objects = [] if any(isinstance(one, Mapping) for one in elements) else elements
    element = instance([type(one) for one in objects], mapping, mapping)
    return raw_message(message, mapping if element is None else element, CHAT)


CHAT: Final = Dialect(
    name="chat",
    marks=lambda _: True,
    read=read,
    systems=SYSTEMS,
    users=frozenset({"user"}),
    is_tool_result=_is_tool_result,
    extend=_extended,
    part=text_part,
    turn=_turn,
)
"""The dialect of every list with roles and contents that has no other marks."""


# A list of typed parts.


_KINDS = (
    "text", "image_url", "input_audio", "file", "image", "document", "search_result",
    "input_text", "input_image", "input_file", "video_url", "audio_url",
)  # fmt: skip


def _parts_read(element: Any) -> Message | None:
    kind = word(field(element, "type"))
    is_part = kind in _KINDS and not has(element, "role") and not isinstance(element, (str, Message))
    return (
        Message("user", field(element, "text") if kind in ("text", "input_text") else element)
        if is_part
        else None
    )


def _parts_marks(elements: Sequence[Any]) -> bool:
    return all(_parts_read(element) is not None for element in elements)


def _part(text: str, near: Sequence[Message]) -> Message:
    beside = [one.element for one in near if isinstance(one, RawMessage)]
    return raw_message(Message("user", text), text_part(text, beside), PARTS)


def _parts_extended(dialect: Dialect, message: Message, text: str, behind: bool) -> tuple[Message, ...]:
    new = _part(text, (message,))
    return (message, new) if behind else (new, message)


def _parts_turn(side: Side, text: str, near: Sequence[Message]) -> Message:
    # This form has no turns. The model's reply is quoted, as in a prompt that is a text.
    return _part(f"The reply was:\n{text}" if side == "model" else text, near)


PARTS: Final = CHAT._replace(
    name="parts",
    marks=_parts_marks,
    read=_parts_read,
    systems=frozenset(),
    is_tool_result=lambda _: False,
    extend=_parts_extended,
    turn=_parts_turn,
)


def dialect_of(messages: Sequence[Message]) -> Dialect:
    """Return the dialect of a list of messages. For messages of our own, it is `CHAT`."""
    return next((message.dialect for message in messages if isinstance(message, RawMessage)), CHAT)
