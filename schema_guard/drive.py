# SPDX-License-Identifier: Apache-2.0
"""The driver of the loop. It calls the user's function, and reads the clock that the loop may not read.

It is written once, with `await`. For a plain function nothing in it waits, so `at_once` runs it to its end. A reply in one
piece and a streamed reply take the same steps.

Rules:
1. The driver decides nothing about a reply. It passes each text on, and ends the loop's attempt exactly once.
2. Every exception of the function, such as a cancellation, ends the attempt. If it carries no reply, it also ends the call:
   `finish` records the call, and then the exception is raised again.
3. An exception that is raised in the loop itself, or while the arguments of an attempt are bound, ends the call without a
   record. Examples are a check that returns the wrong type, a `KeyboardInterrupt` in a check, and an exception of a signal
   handler.
"""

from __future__ import annotations

import sys
from contextlib import aclosing
from time import perf_counter
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from schema_guard.loop import Done
from schema_guard.received.cleanup import aclose, close, streams_of_exception, streams_under
from schema_guard.received.receiver import ANYBODYS
from schema_guard.received.stream_managers import opened
from schema_guard.values import Ask, Chunk, More, Reply, Stop

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Coroutine, Generator

    from schema_guard.loop import Flow
    from schema_guard.received.receiver import Receiver
    from schema_guard.received.streams import StreamReader
    from schema_guard.values import Judgement, Missed, Outcome

    Bind: TypeAlias = Callable[[Ask], Callable[[], Any]]
    Finish: TypeAlias = Callable[[Done[Any]], None]


class Driven(NamedTuple):
    """The end of a guarded call.

    Attributes:
        done: The end of its loop.
        error: The exception of the function, to raise again. None without one.
        cause: The exception that carried the last reply. It isn't raised again, but a `GuardFailed` has it as its cause.
    """

    done: Done[Any]
    error: BaseException | None = None
    cause: BaseException | None = None

    @property
    def outcome(self) -> Outcome[Any]:
        """The outcome of the call, built at the first access."""
        return self.done.outcome


class Pending(NamedTuple):
    """An attempt for which the function was already called: by the fast path, or before its result must be awaited.

    Attributes:
        ask: The request for the attempt.
        started: The time of the call by `perf_counter`, as if the driver had made it.
        result: The result of the function, which may have to be awaited.
        raised: The exception of the function, or None.
        judged: As in `Reply`.
    """

    ask: Ask
    started: float
    result: Any
    raised: BaseException | None = None
    judged: Judgement[Any] | Missed | None = None

    def unwrap(self) -> Any:
        """Return the result of the function, or raise its exception."""
        if self.raised is not None:
            raise self.raised
        return self.result


def has_ended(flow: Flow) -> bool:
    """Return whether a loop accepts no more events, because an exception has ended it or Python exits."""
    # Python closes open streams at its exit, when nothing can be imported or written.
    return getattr(flow, "gi_frame", None) is None or sys.is_finalizing()


def is_async(result: Any) -> bool:
    """Return whether a function's result has to be awaited, or iterated with `async for`.

    A stream that can be iterated either way, such as litellm's, is iterated as its function is called.
    """
    kind = type(result)
    return kind is not str and (
        hasattr(kind, "__await__") or (hasattr(kind, "__anext__") and not hasattr(kind, "__next__"))
    )


def _is_stream(result: Any) -> bool:
    kind = type(result)
    return kind is not str and (hasattr(kind, "__next__") or hasattr(kind, "__anext__"))


def run(
    flow: Flow,
    bind: Bind,
    finish: Finish,
    receiver: Receiver = ANYBODYS,
    first: Pending | None = None,
) -> Driven | Pending:
    """Drive the loop to its end with a plain function, as `pieces` does.

    Returns:
        The end of the call, or a `Pending` for `arun` if the result of the function must be awaited.
    """
    ended: Driven | Pending = at_once(_last(pieces(flow, bind, finish, receiver, first, waits=False)))
    return ended


async def arun(
    flow: Flow,
    bind: Bind,
    finish: Finish,
    receiver: Receiver = ANYBODYS,
    first: Pending | None = None,
) -> Driven:
    """Drive the loop to its end with an asynchronous function, as `pieces` does."""
    ended: Driven = await _last(pieces(flow, bind, finish, receiver, first))
    return ended


async def _last(given: AsyncGenerator[Any, None]) -> Any:
    last = None
    async for piece in given:
        last = piece
    return last


def at_once(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Return the result of a coroutine in which nothing waits."""
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return stop.value
    raise AssertionError("internal error: the coroutine of a synchronous call waited. Report this as a bug")


def iterated(values: AsyncGenerator[Any, None]) -> Generator[Any, None, None]:
    """Yield the values of an asynchronous generator in which nothing waits."""
    try:
        while True:
            try:
                value = at_once(anext(values))
            except StopAsyncIteration:
                return
            yield value
    finally:
        at_once(values.aclose())


async def pieces(
    flow: Flow,
    bind: Bind,
    finish: Finish,
    receiver: Receiver = ANYBODYS,
    first: Pending | None = None,
    *,
    waits: bool = True,
) -> AsyncGenerator[str | Ask | Driven | Pending | None, None]:
    """Drive the loop to its end.

    Args:
        flow: The loop. It has started if there is a *first*.
        bind: Returns the user's function with the arguments for an Ask. Its own errors are not those of the function.
        finish: Called once with the end of the loop, also if the function raises. An exception in the loop itself ends the
            call without it.
        receiver: Reads the function's results and exceptions.
        first: The first attempt, if the function was already called for it.
        waits: Whether the function's results may be awaited.

    Yields:
        The Ask of each attempt, then its pieces of text as they arrive. None if the pieces before it no longer count. The
        last item is a `Driven`, or a `Pending` if the result of a plain function must be awaited.
    """
    step: Any = next(flow) if first is None else first.ask
    reply: Reply | str
    error = cause = None
    while type(step) is Ask:
        yield step
        pending, first, cause = first, None, None
        started, judged = (perf_counter(), None) if pending is None else (pending.started, pending.judged)
        call = bind(step) if pending is None else pending.unwrap
        try:
            result = call()
            result = opened(await result if waits and hasattr(type(result), "__await__") else result)
            if not waits and is_async(result):
                step = Pending(step, started, result)
                break
            if _is_stream(result):
                incoming = _Incoming(flow, result, receiver, started)
                async with aclosing(_texts(incoming, result, waits=waits)) as texts:
                    async for text in texts:
                        yield text
                reply = incoming.reply()
            else:
                # A text that starts with an object is a reply without further facts, so nothing needs to read it.
                reply = result if type(result) is str and result[:1] == "{" else receiver.read(result)
                yield reply if isinstance(reply, str) else reply.text or ""
        except BaseException as raised:  # noqa: BLE001 - recorded, and raised by `outcome_of` if it is the error
            reply, error, cause = _raised(flow, receiver, raised)
            judged = None
        step = flow.send(with_time(reply, perf_counter() - started, judged))
    if type(step) is Done:
        step = _driven(step, error, cause, finish)
    yield step


def _driven(
    done: Done[Any], error: BaseException | None, cause: BaseException | None, finish: Finish
) -> Driven:
    finish(done)
    if isinstance(error, GeneratorExit):
        # A closed coroutine or generator may not yield again.
        raise error
    return Driven(done, error, cause)


async def _texts(incoming: _Incoming, result: Any, *, waits: bool) -> AsyncGenerator[str | None, None]:
    """Yield each text of a streamed reply. None if the texts before it no longer count."""
    awaits = waits and hasattr(type(result), "__anext__")
    try:
        async for chunk in result if awaits else _each(result):
            text = incoming.take(chunk)
            if incoming.drops_earlier_text:
                yield None
            yield text
            if incoming.stopped:
                return
        incoming.exhausted = True
    except BaseException:
        incoming.pass_on()
        raise
    finally:
        if awaits:
            await aclose(result, incoming.open_streams())
        else:
            close(result, incoming.open_streams())


async def _each(iterator: Any) -> AsyncGenerator[Any, None]:
    for chunk in iterator:
        yield chunk


def _reader(source: Any) -> StreamReader:
    from schema_guard.received.streams import StreamReader  # only streams need it

    return StreamReader(source)


class _Incoming:
    """A streamed reply between the function and the loop.

    The caller gets each text at once. For the loop, small texts are buffered as long as it has no use for them.

    Attributes:
        stopped: Whether the rest of the stream is not needed.
        exhausted: Whether the stream has reached its own end.
    """

    __slots__ = (
        "_buffer", "_flow", "_missing", "_reader", "_receiver", "_source", "_started", "_streams", "exhausted", "stopped",
    )  # fmt: skip

    def __init__(self, flow: Flow, source: Any, receiver: Receiver, started: float) -> None:
        self._flow = flow
        self._receiver = receiver
        self._source = source
        self._started = started
        self._reader: StreamReader | None = None
        self._streams: list[Any] = []
        self.stopped = self.exhausted = False
        # Texts that the loop has not received, and the number of characters until it needs them.
        self._buffer: list[str] = []
        self._missing = 0

    @property
    def drops_earlier_text(self) -> bool:
        """Whether the texts before the last chunk no longer count, because a tool call replaces them."""
        return self._reader is not None and self._reader.drops_earlier_text

    def take(self, chunk: Any) -> str:
        """Read the next chunk of a stream, and return its text. The loop may get the text later."""
        if self._missing > 0 and type(chunk) is str and chunk:
            self._buffer.append(chunk)
            self._missing -= len(chunk)
            if self._missing <= 0:
                self.pass_on()
            return chunk
        reader = self._reader
        if reader is None:
            reader = self._reader = _reader(self._source)
            # Found now, because a generator that has ended no longer refers to the SDK's streams that it reads.
            self._streams = streams_under(self._source)
        self.pass_on()
        if self.stopped:
            return ""
        text = reader.feed(chunk)
        self._send(text, beside=reader.is_outside_calls)
        if reader.is_over:
            self.stopped = True
        # The reader must see every chunk until text arrives, because it counts empty chunks.
        if not (text and reader.is_past_head):
            self._missing = 0
        return text

    def pass_on(self) -> None:
        """Send the buffered texts to the loop.

        They are sent before an exception, too. They are too short for the loop to stop the reply, so the exception ends
        the attempt. If the loop itself raised the exception, the buffer is empty.
        """
        if self._buffer:
            text = "".join(self._buffer)
            self._buffer.clear()
            self._send(text)

    def _send(self, text: str, *, beside: bool = False) -> None:
        answer = self._flow.send(Chunk(text, perf_counter() - self._started, beside))
        self.stopped = type(answer) is Stop
        self._missing = answer.min_chars if type(answer) is More else 0

    def open_streams(self) -> list[Any]:
        """Return the SDK's streams to close with the function's stream. Empty if that has reached its end.

        It also reports the model that the stream has named.
        """
        if self._reader is not None:
            self._receiver.streamed(self._reader.model)
        return [] if self.exhausted else self._streams or streams_of_exception()

    def reply(self) -> Reply:
        """Return the reply at the end of the stream."""
        reader = self._reader or _reader(self._source)
        reply = reader.end(is_left=self.stopped)
        if reader.grown is not None:
            reply = self._receiver.grown(reply, reader.grown)
        return reply._replace(text="".join(self._buffer)) if self._buffer and reply.text is None else reply


def _raised(
    flow: Flow, receiver: Receiver, error: BaseException
) -> tuple[Reply, BaseException | None, BaseException | None]:
    """Return the reply that an exception carries or stands for, then the exception as error or as cause of `Driven`."""
    if has_ended(flow):
        raise error
    reply = receiver.raised(error)
    is_error = reply.failure is not None and reply.failure.kind == "transport"
    return (reply, error, None) if is_error else (reply, None, error)


def with_time(reply: Reply | str, elapsed_s: float, judged: Judgement[Any] | Missed | None = None) -> Reply:
    """Return the reply of an attempt with its time, and with the result of the acceptor if there is one."""
    if isinstance(reply, str):
        return Reply(reply, elapsed_s=elapsed_s, judged=judged)
    return reply._replace(elapsed_s=elapsed_s, judged=judged)
