# SPDX-License-Identifier: Apache-2.0
"""What a provider's file has to tell: how its replies, chunks and exceptions are known, and what is in them.

Rules:
1. No SDK is imported and no class is named: a shape is told by its fields, whether attributes or keys.
2. A value that only looks like a reply (the user's own `choices` or `candidates`) is not taken for one: a reader
   asks for a second sign before it believes the first, and gives None for what is another's.
3. A reader says what came in the provider's own words; what that means is judged in one place for all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeAlias, TypeVar

from schema_guard.interruptions import value_or
from schema_guard.providers.failures import provider_error
from schema_guard.providers.fields import field
from schema_guard.providers.model_output import arguments_of, tool_of
from schema_guard.values import UNKNOWN_USAGE, Failure, FinishReason, Usage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from schema_guard.providers.messages import Dialect
    from schema_guard.providers.model_output import Written
    from schema_guard.providers.request_options import ProviderOptions

K = TypeVar("K")


class RawReply(NamedTuple):
    """A whole reply in its provider's own words.

    Attributes:
        written: What the model wrote; None when nothing was received that could be judged.
        stop_word: Why the model stopped: a text, an enum's member, or None.
        usage: Tokens, each None when unknown.
        model: Name of the model, where the reply has it.
        failure: Why there is no text to judge, or why it is not to be; None leaves it to the rest.
        otherwise: The finish reason where nobody knows the stop word.
        source: The provider's reply inside a framework's response. It is read instead if its shape is known.
    """

    written: Written | None
    stop_word: object = None
    usage: Usage = UNKNOWN_USAGE
    model: object = None
    failure: Failure | None = None
    otherwise: FinishReason | None = None
    source: object = None


class Rejection(NamedTuple):
    """What an exception says that stands for a reply: the provider, or its SDK, threw away what the model wrote.

    Attributes:
        content: The text, or the reply, that the exception still holds; None when it holds none.
        finish_reason: Why the model stopped.
        failure: What was wrong.
    """

    content: object
    finish_reason: FinishReason
    failure: Failure


class Stream(Protocol):
    """What a provider's file tells of the chunks of one stream, beside the text that each of them adds.

    Attributes:
        usage: Tokens, as far as they are known.
        model: Name of the model; None until a chunk tells it.
        is_ended: Whether a chunk has said that the reply is complete.
    """

    usage: Usage
    model: str | None
    is_ended: bool

    def state(self, kind: Callable[[], K]) -> K:
        """Return what a file keeps from one chunk to the next: the one value of *kind*, made when first asked for."""

    def fail(self, failure: Failure | None) -> None:
        """Note what is wrong, unless something was before."""

    def stop(self, word: object) -> None:
        """Note that the reply is complete, and the stop word that says why it ended."""

    def note_stop(self, word: object) -> None:
        """Note the stop word of a stream whose end has an event of its own."""

    def end_as(self, raw: RawReply) -> None:
        """Note that the reply is complete, and what a last event says that holds all of it."""

    def restart(self) -> None:
        """Begin a further turn of an agent, whose reply replaces the one before."""

    def name_model(self, model: object) -> None:
        """Note the name of the model; the first stands."""

    def refuse(self, text: object) -> None:
        """Note the words of a refusal, or a piece of them."""

    def think(self) -> None:
        """Note that the model has reasoned."""

    def call(
        self, index: object, text: str | None, *, call_id: object = None, tool: str | None = None
    ) -> str:
        """Take a piece of the arguments of a tool call, and give it; of a second call, which is a failure, nothing."""

    def whole_parts(self, written: Written) -> str:
        """Return the text of a chunk that holds whole parts, and each tool call whole."""

    def feed_event(self, chunk: object) -> str | None:
        """Return the text of a provider's event, or None when no known shape fits."""


ReadReply: TypeAlias = "Callable[[object, Any], RawReply | None]"
"""Is handed a reply and the value of the field by which it is known; gives None for another's."""
ReadChunk: TypeAlias = "Callable[[Stream, object, Any], str | None]"
"""The same for a chunk of a stream: gives the text that it adds, and tells the stream all else."""
ReadEvent: TypeAlias = "Callable[[Stream, object], str | None]"
"""The same for a chunk whose `type` is known."""
ReadException: TypeAlias = "Callable[[BaseException], Rejection | None]"
"""Gives None for an exception that stands for no reply."""


class Provider(NamedTuple):
    """How one provider's replies are known, and what reads them.

    Attributes:
        stop_words: Its words for a finish reason, in lower case, with blanks between them.
        rejecting: Those of its stop words by which it says that it could not use what the model wrote.
        replies: Field -> what reads a whole reply that has it.
        chunks: Field -> what reads a chunk of a stream that has it.
        events: Value of a chunk's `type` -> what reads it.
        silent: Beginnings of the types of its other events, which add nothing.
        rejection: Reads an exception of its, or of its SDK's; None when none stands for a reply.
        messages: The form of its lists of messages. Default: a role and a content.
        options: The arguments for a format, by each name that users know the provider by.
    """

    stop_words: Mapping[FinishReason, str] = {}
    rejecting: frozenset[str] = frozenset()
    replies: Mapping[str, ReadReply] = {}
    chunks: Mapping[str, ReadChunk] = {}
    events: Mapping[str, ReadEvent] = {}
    silent: tuple[str, ...] = ()
    rejection: ReadException | None = None
    messages: Dialect | None = None
    options: Mapping[str, ProviderOptions] = {}


def adds_nothing(stream: Stream, event: object) -> str:
    """Read an event that says nothing about the reply."""
    return ""


def pieces(stream: Stream, calls: Iterable[object]) -> str:
    """Return the text that pieces of tool calls add. Each has the index and the id of its call."""
    texts = [
        stream.call(field(call, "index"), arguments_of(call), call_id=field(call, "id"), tool=tool_of(call))
        for call in calls
    ]
    return "".join(texts)


def broken(stream: Stream, event: object) -> str:
    """Read a provider's error that came in the place of a chunk."""
    error = field(event, "error")
    stream.fail(provider_error(event if error is None else error))
    return ""


def error_bodies(error: BaseException) -> Iterator[object]:
    """Give every place in which an SDK's error keeps what the provider said."""
    body = field(error, "body")
    yield from (body, field(body, "error"))
    response = field(error, "response")
    yield from (field(response, "error"), field(response, "Error"))
    # Google's package keeps the body itself; the response of its asynchronous client reads it with `await` alone.
    details = field(error, "details")
    yield field(details, "error")
    read_json = field(response, "json")
    if body is None and details is None and callable(read_json):
        # An unread or broken body says nothing.
        yield field(value_or(None, read_json), "error")
