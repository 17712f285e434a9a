# SPDX-License-Identifier: Apache-2.0
"""The dialect of a list of messages, by the provider if it's known, otherwise by the marks of the list."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from schema_guard.providers.messages import CHAT, SYSTEMS, raw_message
from schema_guard.values import Message

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from schema_guard.providers.messages import Dialect


def messages_of(elements: Sequence[Any], provider: str | None = None) -> tuple[Message, ...] | None:
    """Return the messages in a list, each with its element. None if it is not a list of messages.

    Messages of our own type stay unchanged.

    Args:
        elements: The elements of the list.
        provider: Provider of the call. None if it is not known.
    """
    known = None if provider is None else _dialect_of(provider)
    usual = known or CHAT
    if usual.systems is SYSTEMS and all(map(_is_usual, elements)):
        # Skipping the other dialects halves the time for the usual list.
        return tuple([_as_usual(element, usual) for element in elements]) or None
    from schema_guard.providers.order import DIALECTS  # only unusual lists need it

    foreign = [element for element in elements if not isinstance(element, Message)]
    if foreign and all(dialect.read(foreign[0]) is None for dialect in DIALECTS):
        # Check this first, because lists of other values may be long.
        return None
    for dialect in _candidates(foreign, known):
        read = [element if isinstance(element, Message) else dialect.read(element) for element in elements]
        messages = [
            message if message is element else raw_message(message, element, dialect)
            for message, element in zip(read, elements, strict=True)
            if message is not None
        ]
        if messages and len(messages) == len(elements):
            return tuple(messages)
    return None


def _is_usual(element: Any) -> bool:
    """Return whether an element is a dict of two texts, a role and a content."""
    return (
        type(element) is dict
        and len(element) == 2
        and type(element.get("role")) is str
        and type(element.get("content")) is str
    )


def _as_usual(element: dict[str, str], dialect: Dialect) -> Message:
    return raw_message(Message(element["role"], element["content"]), element, dialect)


def _dialect_of(provider: str) -> Dialect | None:
    from schema_guard.providers.order import DIALECT_OF  # as in messages_of()

    return DIALECT_OF.get(provider)


def _candidates(elements: Sequence[Any], known: Dialect | None) -> Iterator[Dialect]:
    from schema_guard.providers.order import DIALECTS  # as in messages_of()

    if known is not None:
        # A list that the provider's dialect cannot read is for a library in between, such as LangChain.
        yield known
    for dialect in DIALECTS:
        if dialect is not known and elements and dialect.marks(elements):
            yield dialect
    if not elements:
        yield CHAT
