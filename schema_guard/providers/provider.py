# SPDX-License-Identifier: Apache-2.0
"""The parts of a provider's file: how to recognize its replies, chunks, and exceptions, and how to read them.

Rules:
1. No SDK is imported and no class is named. The fields of a shape identify it, as attributes or as keys.
2. A value that only resembles a reply (the user's own `choices` or `candidates`) is not read as one. A reader requires
   a second sign beside the first, and returns None for a value of another provider.
3. A reader returns the provider's own words. One place interprets them for all providers.
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
        written: Output of the model. None if nothing was received that could be validated.
        stop_word: The reason why the model stopped: a text, an enum's member, or None.
        usage: Tokens. Each field is None if unknown.
        model: Name of the model, if the reply has it.
        failure: Reason why there is no text, or why it must not be validated. None if the other fields decide.
        otherwise: The finish reason if the stop word is unknown.
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
    """Content of an exception that replaces a reply, because the provider or its SDK rejected the output of the model.

    Attributes:
        content: The text, or the reply, that the exception still has. None if it has none.
        finish_reason: The reason why the model stopped.
        failure: The fault.
    """

    content: object
    finish_reason: FinishReason
    failure: Failure


class Stream(Protocol):
    """Receiver of the data in the chunks of one stream, besides the text that a chunk adds.

    Attributes:
        usage: Tokens, as far as they are known.
        model: Name of the model. None until a chunk has it.
        is_ended: Whether a chunk reported that the reply is complete.
    """

    usage: Usage
    model: str | None
    is_ended: bool

    def state(self, kind: Callable[[], K]) -> K:
        """Return the provider's own state of the stream: the one value of *kind*, created at the first request."""

    def fail(self, failure: Failure | None) -> None:
        """Record a failure, unless there is one already."""

    def stop(self, word: object) -> None:
        """Record that the reply is complete, and the stop word with the reason."""

    def note_stop(self, word: object) -> None:
        """Record the stop word, for a stream with a separate event for its end."""

    def end_as(self, raw: RawReply) -> None:
        """Record that the reply is complete, and the whole reply from its last event."""

    def restart(self) -> None:
        """Start a further turn of an agent. Its reply replaces the earlier one."""

    def name_model(self, model: object) -> None:
        """Record the name of the model. Only the first name counts."""

    def refuse(self, text: object) -> None:
        """Record the text of a refusal, or a piece of it."""

    def think(self) -> None:
        """Record that the model has reasoned."""

    def call(
        self, index: object, text: str | None, *, call_id: object = None, tool: str | None = None
    ) -> str:
        """Add a piece of a tool call's arguments, and return it. Return `""` for a second call, which is a failure."""

    def whole_parts(self, written: Written) -> str:
        """Return the text of a chunk that contains whole parts and whole tool calls."""

    def feed_event(self, chunk: object) -> str | None:
        """Return the text of a provider's event, or None if no known shape fits."""


ReadReply: TypeAlias = "Callable[[object, Any], RawReply | None]"
"""Function of a reply and the value of the field that marks it. Its result is None for another provider's reply."""
ReadChunk: TypeAlias = "Callable[[Stream, object, Any], str | None]"
"""The same for a chunk of a stream. Its result is the text that the chunk adds; all other facts go to the stream."""
ReadEvent: TypeAlias = "Callable[[Stream, object], str | None]"
"""The same for a chunk with a known `type`."""
ReadException: TypeAlias = "Callable[[BaseException], Rejection | None]"
"""Function whose result is None for an exception that stands for no reply."""


class Provider(NamedTuple):
    """The signs of one provider's replies, and the readers for them.

    Attributes:
        stop_words: Its words for a finish reason, in lower case, separated by blanks.
        rejecting: Its stop words for output of the model that it could not use.
        replies: Field -> reader for a whole reply that has this field.
        chunks: Field -> reader for a chunk of a stream that has this field.
        events: Value of a chunk's `type` -> reader for this chunk.
        silent: Prefixes of the types of its other events, which add nothing.
        rejection: Reader for exceptions of the provider or its SDK. None if no exception replaces a reply.
        messages: The form of its lists of messages. Default: a role and a content.
        options: The arguments for a format, by each name that users have for the provider.
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
    """Read an event that has no information about the reply."""
    return ""


def pieces(stream: Stream, calls: Iterable[object]) -> str:
    """Return the text that pieces of tool calls add. Each has the index and the id of its call."""
    texts = [
        stream.call(field(call, "index"), arguments_of(call), call_id=field(call, "id"), tool=tool_of(call))
        for call in calls
    ]
    return "".join(texts)


def broken(stream: Stream, event: object) -> str:
    """Read a provider's error that replaces a chunk."""
    error = field(event, "error")
    stream.fail(provider_error(event if error is None else error))
    return ""


def error_bodies(error: BaseException) -> Iterator[object]:
    """Yield the content of each place in which an SDK's error stores the provider's message."""
    body = field(error, "body")
    yield from (body, field(body, "error"))
    response = field(error, "response")
    yield from (field(response, "error"), field(response, "Error"))
    # Google's package stores the body on the error. The response of its asynchronous client needs `await` to read it.
    details = field(error, "details")
    yield field(details, "error")
    read_json = field(response, "json")
    if body is None and details is None and callable(read_json):
        # An unread or broken body counts as None.
        yield field(value_or(None, read_json), "error")
