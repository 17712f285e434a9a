# SPDX-License-Identifier: Apache-2.0
"""Gemini's contents: a role and parts, as dicts or objects, or texts and parts that stand loose in the list.

The roles are `user` and `model`, the system's text stands elsewhere. Loose ones that follow each other are one turn
of the user's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from schema_guard.providers.dialects.dialect import (
    Dialect,
    RawMessage,
    Side,
    instance,
    joined,
    raw_message,
    rest_of,
    with_field,
    with_text,
    word,
)
from schema_guard.providers.fields import field, has
from schema_guard.values import Message

__all__ = ["GEMINI"]

_PARTS = (
    "inline_data", "inlineData", "file_data", "fileData", "function_call", "functionCall", "function_response",
    "functionResponse", "executable_code", "executableCode", "code_execution_result", "codeExecutionResult",
    "file_uri", "fileUri",
)  # fmt: skip
_CALLS, _RESULTS = ("function_call", "functionCall"), ("function_response", "functionResponse")


def _is_loose(element: Any) -> bool:
    """Say whether an element is a text, a part of a turn, or a file or image to become one."""
    if isinstance(element, str):
        return True
    if isinstance(element, Mapping):
        return (
            not has(element, "role")
            and not has(element, "type")
            and any(has(element, n) for n in ("text", *_PARTS))
        )
    if has(element, "role") or has(element, "content"):
        return False
    is_file = has(element, "uri") and has(element, "mime_type")
    return has(element, "inline_data") or is_file or type(element).__module__.startswith("PIL.")


def _marks(elements: Sequence[Any]) -> bool:
    return any(has(element, "parts") and not has(element, "content") for element in elements) or all(
        _read(element) is not None for element in elements
    )


def _read(element: Any) -> Message | None:
    if isinstance(element, list):
        return Message("user", element) if element and all(_is_loose(part) for part in element) else None
    if has(element, "parts"):
        if not isinstance(element, Mapping) and not has(element, "role"):
            return None
        role = field(element, "role")
        if role is not None and word(role) is None:
            return None
        return Message(word(role) or "user", field(element, "parts"), rest_of(element, "role", "parts"))
    if not _is_loose(element):
        return None
    is_call = any(field(element, name) is not None for name in _CALLS)
    return Message("model" if is_call else "user", element)


def _is_tool_result(message: Message) -> bool:
    parts = message.content if isinstance(message.content, (list, tuple)) else (message.content,)
    return message.role in ("function", "tool") or any(
        field(part, name) is not None for part in parts for name in _RESULTS
    )


def _extended(message: Message, text: str, behind: bool) -> tuple[Message, ...]:
    if not isinstance(message, RawMessage):
        return ()
    element = message.element
    if isinstance(element, str):
        both = joined(text, element, behind=behind)
        return (raw_message(Message(message.role, both), both, GEMINI),)
    if isinstance(element, list):
        content = with_text(element, text, behind=behind, part=lambda text, _: text)
        return (raw_message(Message(message.role, content), content, GEMINI),)
    if not has(element, "parts"):
        new = raw_message(Message(message.role, text), text, GEMINI)
        return (message, new) if behind else (new, message)
    content = with_text(message.content, text, behind=behind, part=_part)
    changed = None if content is None else with_field(element, "parts", content)
    if changed is None:
        return ()
    return (raw_message(Message(message.role, content, message.fields), changed, GEMINI),)


def _part(text: str, beside: Sequence[Any]) -> Any:
    """Give a part of text in the class of the parts beside it."""
    mapping = {"text": text}
    classes = [type(part) for part in beside if not isinstance(part, (str, Mapping))]
    if beside and all(isinstance(part, str) for part in beside):
        return text
    element = instance(classes, mapping, mapping)
    if element is None:
        # Vertex AI's own class.
        element = instance([getattr(kind, "from_text", None) for kind in classes], mapping, mapping)
    return mapping if element is None else element


def _turn(side: Side, text: str, near: Sequence[Message]) -> Message:
    message = Message(side, [{"text": text}])
    elements = [one.element for one in near if isinstance(one, RawMessage)]
    mapping: dict[str, Any] = {"role": side, "parts": [{"text": text}]}
    element = None
    # A function that is given objects alone may read them as such. The SDK takes an object beside a loose part that is
    # a dict for a file, and a dict beside anything for what it is.
    if all(has(one, "parts") and not isinstance(one, Mapping) for one in elements):
        element = instance(_classes(elements), mapping, {"role": side})
    return raw_message(message, mapping if element is None else element, GEMINI)


def _classes(elements: Sequence[Any]) -> Iterator[Any]:
    """Give the classes of turns, from the base up: those that stand for one role take no other."""
    for element in elements:
        yield from [kind for kind in type(element).__mro__ if kind.__name__ == "Content"]
        yield type(element)


GEMINI: Final = Dialect(
    name="gemini",
    marks=_marks,
    read=_read,
    systems=frozenset({"system"}),
    users=frozenset({"user"}),
    is_tool_result=_is_tool_result,
    extended=_extended,
    turn=_turn,
)
