# SPDX-License-Identifier: Apache-2.0
"""The providers, and the one order in which their shapes are tried.

To add a provider, add a file beside this one, and its row in `PROVIDERS`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

from schema_guard.providers import (
    anthropic,
    bedrock,
    cohere,
    common,
    compatible,
    decisions,
    gemini,
    groq,
    haystack,
    langchain,
    llama_index,
    llamacpp,
    lmstudio,
    mirascope,
    mistral,
    ollama,
    openai_chat,
    openai_responses,
    outlines,
    smolagents,
)
from schema_guard.providers.messages import CHAT, PARTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from schema_guard.providers.provider import Provider, ReadChunk, ReadEvent, Stream
    from schema_guard.values import FinishReason

    R = TypeVar("R")

PROVIDERS: Final = (
    langchain.PROVIDER,  # before all whose messages have parts of the same kinds
    haystack.PROVIDER,  # before openai_chat, because these messages have tool calls too
    llama_index.PROVIDER,
    mirascope.PROVIDER,
    smolagents.PROVIDER,  # before openai_chat, because these messages have the role of an assistant too
    groq.PROVIDER,
    anthropic.PROVIDER,  # before openai_chat, because its message has the role of an assistant too
    openai_responses.PROVIDER,
    bedrock.PROVIDER,
    openai_chat.PROVIDER,
    mistral.PROVIDER,
    llamacpp.PROVIDER,
    lmstudio.PROVIDER,
    gemini.PROVIDER,  # before the readers of errors, because an error may be one of several fields of its replies
    ollama.PROVIDER,
    cohere.PROVIDER,
    compatible.PROVIDER,
    outlines.PROVIDER,
    decisions.PROVIDER,
    common.PROVIDER,
)
"""If a field marks the replies of several providers, the first one here that knows a reply reads it."""

# The fields that most shapes have, the most common first, because a Pydantic object is slow to look up a missing field.
# All other fields follow, in the order of the providers.
_IN_REPLIES: Final = ("choices", "content", "output", "candidates", "message", "response")
_IN_CHUNKS: Final = ("choices", "type", "candidates", "message", "response", "content", "data")


_EVENTS: Final[dict[str, ReadEvent]] = {
    kind: reader for provider in PROVIDERS for kind, reader in provider.events.items()
}
_SILENT: Final = tuple(beginning for provider in PROVIDERS for beginning in provider.silent)


def _typed(stream: Stream, event: object, kind: object) -> str | None:
    """Read an event by its `type`."""
    if not isinstance(kind, str):
        return None
    reader = _EVENTS.get(kind)
    if reader is not None:
        return reader(stream, event)
    return "" if kind.startswith(_SILENT) else None


class Readers:
    """The readers of all providers, combined.

    Attributes:
        replies: Each field that marks a whole reply, with its readers, in order.
        chunks: Each field that marks a chunk of a stream, likewise.
        rejections: Readers for exceptions, in order.
        finish_reasons: Finish reason of each stop word, for all providers. A gateway passes on another provider's word.
        rejecting: The stop words for output of the model that the provider could not use.
    """

    __slots__ = ("chunks", "finish_reasons", "rejecting", "rejections", "replies")

    def __init__(self, providers: tuple[Provider, ...]) -> None:
        typed: dict[str, ReadChunk] = {"type": _typed}
        self.replies = _in_order(_IN_REPLIES, [provider.replies for provider in providers])
        self.chunks = _in_order(_IN_CHUNKS, [typed, *(provider.chunks for provider in providers)])
        self.rejections = [provider.rejection for provider in providers if provider.rejection is not None]
        self.finish_reasons: dict[str, FinishReason] = {
            word: reason
            for provider in providers
            for reason, known in provider.stop_words.items()
            for word in known.split()
        }
        self.rejecting: frozenset[str] = frozenset().union(*(provider.rejecting for provider in providers))


def _in_order(fields: tuple[str, ...], tables: Iterable[Mapping[str, R]]) -> list[tuple[str, tuple[R, ...]]]:
    readers: dict[str, list[R]] = {marker: [] for marker in fields}
    for table in tables:
        for marker, reader in table.items():
            readers.setdefault(marker, []).append(reader)
    return [(marker, tuple(known)) for marker, known in readers.items()]


READERS: Final = Readers(PROVIDERS)

DIALECTS: Final = (*(known.messages for known in PROVIDERS if known.messages is not None), PARTS, CHAT)
"""The dialects of lists of messages, in the order in which their marks are checked."""
DIALECT_OF: Final = {name: known.messages or CHAT for known in PROVIDERS for name in known.options}
"""Provider or engine -> the dialect of its lists."""
