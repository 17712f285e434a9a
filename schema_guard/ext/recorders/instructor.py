# SPDX-License-Identifier: Apache-2.0
"""instructor: the calls of a client, each with all its attempts.

The hooks of instructor are not enough. They don't report how a call ends, so a cut-off reply would be a success. They
have no id either, so the attempts of two calls would be mixed up. Each call therefore receives hooks of its own.

Rules:
1. Replies are validated against the JSON Schema of the response model. instructor reports what its validators refuse.
   They aren't run again, because they may call a model.
2. The usage of an attempt is read when its reply arrives, because instructor adds later usage to the same object.
3. A stream is read while the caller reads it, and its reply is validated when the caller has finished.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from inspect import isawaitable
from time import perf_counter
from typing import TYPE_CHECKING, Any, TypeVar, Unpack, get_args, get_origin

from schema_guard.errors import InvalidArgument
from schema_guard.ext.recorders.observed_attempt import AttemptView
from schema_guard.ext.recorders.recording import RecorderSettings, Recording
from schema_guard.ext.recorders.requests import options_of, provider_of, requested
from schema_guard.providers.fields import field, words
from schema_guard.received.agents import refused_with
from schema_guard.received.replies import read
from schema_guard.received.streams import StreamReader
from schema_guard.text import clip
from schema_guard.values import Failure, Reply

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping

    from schema_guard.ext.recorders.recording import Opened
    from schema_guard.schema import Schema

__all__ = ["record"]

C = TypeVar("C")

_MOST_LINKS = 5
_UNSEEN = Failure("transport", "no_reply", "schema_guard did not see the text of the stream")


def record(
    client: C,
    **settings: Unpack[RecorderSettings],
) -> C:
    """Record every call that a client makes, without changing any call.

    >>> client = record(instructor.from_openai(OpenAI()))       # doctest: +SKIP

    schema_guard records calls of `create`, `create_partial`, `create_iterable`, and `create_with_completion`,
    sync and async. A call belongs to the function in `tags(function=...)`. Otherwise, the call belongs to the
    function in `metadata={"function": ...}` of the request, or to *function*.

    Args:
        client: A client from `instructor.from_...`.
        settings: Settings that every recorder accepts, such as `function` for calls without a name.

    Returns:
        The client.

    Raises:
        InvalidArgument: The client isn't an instructor client, or the store or the prices are invalid.
    """
    create = field(client, "create_fn")
    if not callable(create) or field(client, "hooks") is None:
        kind = clip(type(client).__name__)
        raise InvalidArgument(
            f"client={kind}: expected an instructor client, such as instructor.from_openai(...)"
        )
    recording = Recording("instructor", **settings)
    client.create_fn = partial(_create, recording, client, create)  # type: ignore[attr-defined]
    return client


def _create(recording: Recording, client: Any, create: Callable[..., Any], *args: Any, **options: Any) -> Any:
    """Make a call, and record its attempts."""
    if options.get("response_model") is None:
        with recording.safely():
            recording.count("tool_turns" if options.get("tools") else "without_schema")
        return create(*args, **options)
    watched = _ClientCall(recording, client, options)
    with recording.safely():
        options = {**options, "hooks": watched.hooked(options.get("hooks"))}
    try:
        result = create(*args, **options)
    except BaseException as error:
        watched.end(error)
        raise
    return watched.awaited(result) if isawaitable(result) else watched.pass_on(result)


class _ClientCall:
    """A call in progress."""

    def __init__(self, recording: Recording, client: Any, options: Mapping[str, Any]) -> None:
        self._recording = recording
        self._client = client
        self._request = options
        self._opened: Opened | None = None
        self._attempts: list[AttemptView] = []
        self._model: str | None = None
        self._is_started = False
        self._attempt: _Attempt | None = None

    # Events that instructor reports for each attempt.

    def hooked(self, hooks: Any) -> Any:
        """Return hooks that report the attempts to this object, after the existing hooks."""
        hooks = self._client.hooks if hooks is None else hooks
        own = type(hooks)()
        own.on("completion:kwargs", self._asks)
        own.on("completion:response", self._take_response)
        own.on("completion:error", self._raises)
        own.on("parse:error", self._refuses)
        return hooks + own

    def _asks(self, *_: Any, **sent: Any) -> None:
        with self._recording.safely():
            self._next()
            if not self._is_started:
                self._is_started = True
                self._begin(sent)
            self._attempt = _Attempt()

    def _take_response(self, response: Any) -> None:
        with self._recording.safely():
            if self._attempt is not None:
                self._attempt.take_response(response, is_stream=self._request.get("stream") is True)

    def _raises(self, error: Exception, **_: Any) -> None:
        if self._attempt is not None:
            self._attempt.error = error

    def _refuses(self, error: Exception, **_: Any) -> None:
        with self._recording.safely():
            if self._attempt is not None:
                self._attempt.refused = refused_with(error)

    def _begin(self, sent: Mapping[str, Any]) -> None:
        self._model = words(sent.get("model"))
        wire = requested(sent)
        schema = _schema(self._recording, self._request["response_model"], wire)
        if schema is None:
            return
        self._opened = self._recording.open(
            schema,
            function=words(field(self._request.get("metadata"), "function")),
            task=self._request.get("messages"),
            mode=_mode(self._client, sent) if wire is None else wire.mode,
            provider=provider_of(
                str(field(field(self._client, "provider"), "value")),
                is_responses="RESPONSES" in str(field(field(self._client, "mode"), "name")),
            ),
            options=options_of(sent),
        )
        if self._opened is not None:
            self._opened.enter()

    def _next(self, error: BaseException | None = None) -> None:
        """Store the attempt that has ended."""
        attempt, self._attempt = self._attempt, None
        if attempt is not None:
            self._attempts.append(attempt.finish(error)._replace(model=self._model))

    # Results for the caller.

    async def awaited(self, awaitable: Awaitable[Any]) -> Any:
        """Return the result of an asynchronous client."""
        try:
            value = await awaitable
        except BaseException as error:
            self.end(error)
            raise
        return self.pass_on(value)

    def pass_on(self, value: Any) -> Any:
        """Return the client's result. A stream of values ends when the caller has read it."""
        kind = type(value)
        if not hasattr(kind, "__next__") and not hasattr(kind, "__anext__"):
            self.end(None)
            return value
        if self._opened is not None:
            self._opened.leave()
        return self._values(value) if hasattr(kind, "__next__") else self._avalues(value)

    def _values(self, values: Iterator[Any]) -> Iterator[Any]:
        try:
            yield from values
        except BaseException as error:
            self.end(error)
            raise
        self.end(None)

    async def _avalues(self, values: AsyncIterator[Any]) -> AsyncIterator[Any]:
        try:
            async for value in values:
                yield value
        except BaseException as error:
            self.end(error)
            close = field(values, "aclose")
            if callable(close):
                await close()
            raise
        self.end(None)

    def end(self, error: BaseException | None) -> None:
        """Record the call, which has returned or raised."""
        with self._recording.safely():
            self._next(error)
            opened, self._opened = self._opened, None
            if opened is not None:
                opened.leave()
                opened.close(self._attempts)


class _Attempt:
    """One attempt.

    Attributes:
        refused: The reason why instructor rejected the reply; None if it accepted the reply.
        error: The exception of the request; None without one.
    """

    def __init__(self) -> None:
        self._started = perf_counter()
        self._elapsed_s: float | None = None
        self._reply: Reply | None = None
        self._stream: _Stream | None = None
        self.refused: Failure | None = None
        self.error: BaseException | None = None

    def take_response(self, response: Any, *, is_stream: bool) -> None:
        """Read the response of the attempt."""
        if is_stream:
            self._stream = _Stream(response)
        else:
            self._reply = read(response)
            self._elapsed_s = perf_counter() - self._started

    def finish(self, raised: BaseException | None) -> AttemptView:
        """Return the view of the attempt. *raised* is the exception that ended the call."""
        took = perf_counter() - self._started if self._elapsed_s is None else self._elapsed_s
        error = self.error or raised
        refused = self.refused
        if self._stream is not None and refused is None and isinstance(error, Exception):
            refused = self._stream.refused(error)
        reply = self._reply if self._stream is None else self._stream.reply(refused)
        if reply is None and self._stream is not None and error is None:
            reply = Reply(failure=_UNSEEN)
        if reply is None:
            return AttemptView(exception=error, elapsed_s=took)
        if refused is not None:
            return AttemptView(reply._replace(refused=refused), elapsed_s=took)
        # Leaving a complete stream, or being stopped after a reply, is no fault of the reply.
        return AttemptView(reply, error if isinstance(error, Exception) else None, elapsed_s=took)


class _Stream:
    """A stream that is read while the caller reads it."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._reader = StreamReader(stream)
        self._texts: list[str] = []
        self._is_over = False
        source = field(stream, "_iterator")
        if source is not None:
            # The SDKs of OpenAI and Anthropic, and those generated like them, store the source of a stream here.
            is_async = hasattr(type(source), "__anext__")
            stream._iterator = self._abeside(source) if is_async else self._beside(source)  # noqa: SLF001

    def _feed(self, chunk: Any) -> None:
        self._texts.append(self._reader.feed(chunk))

    def _beside(self, source: Iterator[Any]) -> Iterator[Any]:
        for chunk in source:
            self._feed(chunk)
            yield chunk
        self._is_over = True

    async def _abeside(self, source: AsyncIterator[Any]) -> AsyncIterator[Any]:
        async for chunk in source:
            self._feed(chunk)
            yield chunk
        self._is_over = True

    def refused(self, error: Exception) -> Failure | None:
        """Return the reason why instructor stopped reading, or None if the stream itself failed."""
        link: BaseException | None = error
        for _ in range(_MOST_LINKS):
            if link is None:
                break
            if callable(field(link, "errors")):
                return refused_with(link)
            # Parsers of growing JSON raise no more specific exception.
            if isinstance(link, ValueError) and type(link).__module__ in ("builtins", "json.decoder"):
                text = "".join(self._texts)
                code = "malformed" if "{" in text or "[" in text else "no_json"
                return (
                    Failure("syntax", code, f"instructor stopped reading: {clip(str(link), 200)}")
                    if text
                    else None
                )
            link = link.__cause__
        return None

    def reply(self, refused: Failure | None) -> Reply | None:
        """Return the reply, or None if it may be incomplete and nothing rejected it.

        Args:
            refused: The reason why instructor rejected the reply. instructor then stops reading.
        """
        if not self._texts:
            # litellm's streams store their chunks.
            chunks = field(self._stream, "chunks")
            for chunk in chunks if isinstance(chunks, list) else ():
                self._feed(chunk)
        if self._is_over or self._reader.is_ended:
            reply = self._reader.end()
            if not reply.instead:
                reply = reply._replace(text="".join([*self._texts, reply.text or ""]))
            return reply._replace(instead=False)
        if refused is None:
            return None
        return Reply("".join(self._texts), model=self._reader.model, failure=refused)


def _schema(recording: Recording, model: Any, wire: Any) -> Schema[Any] | None:
    """Return the JSON Schema of a response model. None, which is counted, if it is unknown, or for several tools."""
    # For any other type, instructor builds a model of its own, and sends it in the request.
    if isinstance(model, type) and hasattr(model, "model_json_schema"):
        schema = recording.schema_of(_whole(model))
        # Without the class, whose validators would run.
        return None if schema is None else recording.schema_of(schema.document, schema.name)
    if wire is not None and wire.source is not None:
        return recording.schema_of(wire.source, wire.name)
    if wire is None and get_origin(model) in (Iterable, list) and isinstance(get_args(model)[0], type):
        from instructor import IterableModel  # type: ignore[import-not-found,unused-ignore]

        return _schema(recording, IterableModel(get_args(model)[0]), None)
    recording.count("without_schema" if wire is None else "tool_turns")
    return None


def _whole(model: Any) -> Any:
    """Return the class inside `Partial[...]`, which allows missing values."""
    bases = model.__bases__
    return bases[0] if "PartialBase" in {base.__name__ for base in bases} else model


def _mode(client: Any, sent: Mapping[str, Any]) -> str:
    """Return the strategy of a request without a schema."""
    name = str(field(field(client, "mode"), "name"))
    if "TOOLS" in name:
        return "tool_call"
    if "STRUCTURED" in name or "SCHEMA" in name:
        return "strict_schema"
    return "json_mode" if field(sent.get("response_format"), "type") == "json_object" else "system_prompt"
