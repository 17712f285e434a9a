# SPDX-License-Identifier: Apache-2.0
"""The dialect of a list of messages, by the provider if it's known, otherwise by the marks of the list."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from schema_guard.providers.dialects.bedrock import BEDROCK
from schema_guard.providers.dialects.chat import CHAT, SYSTEMS
from schema_guard.providers.dialects.dialect import RawMessage, raw_message
from schema_guard.providers.dialects.gemini import GEMINI
from schema_guard.providers.dialects.langchain import LANGCHAIN
from schema_guard.providers.dialects.parts import PARTS
from schema_guard.providers.dialects.responses import RESPONSES
from schema_guard.values import Message

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from schema_guard.providers.dialects.dialect import Dialect

__all__ = ["DIALECTS", "OF_PROVIDERS", "dialect_of", "messages_of"]

DIALECTS: Final = (LANGCHAIN, RESPONSES, GEMINI, PARTS, BEDROCK, CHAT)
"""In the order in which their marks are looked for; to add one: a file beside this one, and its row here."""

OF_PROVIDERS: Final[dict[str, Dialect]] = {
    "openai": CHAT,
    "llamacpp-llguidance": CHAT,
    "openai-responses": RESPONSES,
    "anthropic": CHAT,
    "google": GEMINI,
    "gemini": GEMINI,
    "bedrock": BEDROCK,
    **dict.fromkeys(("azure", "openrouter", "groq", "mistral", "cohere", "deepseek"), CHAT),
    **dict.fromkeys(("ollama", "lmstudio", "vllm", "sglang", "llamacpp"), CHAT),
    **dict.fromkeys(("outlines", "outlines-core", "outlines-api"), CHAT),
}
"""The dialect of each provider or model whose lists have but one."""


def messages_of(elements: Sequence[Any], provider: str | None = None) -> tuple[Message, ...] | None:
    """Give the messages that a list holds, each with its element; None when it is no list of messages.

    Messages of our own stay as they are.

    Args:
        elements: Whatever stands in the list.
        provider: Of the call; None when it is not known.
    """
    known = OF_PROVIDERS.get(provider or "", CHAT)
    if known.systems is SYSTEMS and all(map(_is_usual, elements)):
        # The usual list costs half as much when nothing is asked of the other dialects.
        return tuple([_as_usual(element, known) for element in elements]) or None
    foreign = [element for element in elements if not isinstance(element, Message)]
    if foreign and all(dialect.read(foreign[0]) is None for dialect in DIALECTS):
        # Looked at first, as lists of anything else may be long.
        return None
    for dialect in _candidates(foreign, provider):
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
    """Say whether an element is a dict of two texts, a role and a content."""
    return (
        type(element) is dict
        and len(element) == 2
        and type(element.get("role")) is str
        and type(element.get("content")) is str
    )


def _as_usual(element: dict[str, str], dialect: Dialect) -> Message:
    return raw_message(Message(element["role"], element["content"]), element, dialect)


def _candidates(elements: Sequence[Any], provider: str | None) -> Iterator[Dialect]:
    known = OF_PROVIDERS.get(provider or "")
    if known is not None:
        # A list that the provider's dialect cannot read is for something that stands between, as LangChain does.
        yield known
    for dialect in DIALECTS:
        if dialect is not known and elements and dialect.marks(elements):
            yield dialect
    if not elements:
        yield CHAT


def dialect_of(messages: Sequence[Message]) -> Dialect:
    """Give the dialect in which messages were given; that of plain ones for messages of our own."""
    return next((message.dialect for message in messages if isinstance(message, RawMessage)), CHAT)
