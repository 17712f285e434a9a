# SPDX-License-Identifier: Apache-2.0
"""The driver of the loop. It calls the user's function, and reads the clock that the loop may not read.

It is written once, with `await`. For a plain function nothing in it waits, so `at_once` runs it to its end. A reply in one
piece and a streamed reply take the same steps.

Rules:
1. The driver decides nothing about a reply. It passes each text on, and ends the loop's attempt exactly once.
2. An exception of the function, a cancellation too, ends the attempt and reaches `finish` before it is raised again. An
   exception that is raised in the loop itself, by a signal for example, has ended the loop. The loop is not fed again.
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

    Prepare: TypeAlias = Callable[[Ask], Callable[[], Any]]
    Finish: TypeAlias = Callable[[Done[Any]], None]


class Driven(NamedTuple):
    """How a guarded call ended.

    Attributes:
        done: What came of it.
        error: What the function raised, to be raised again; None when it raised nothing.
        cause: The exception that carried the last reply which a provider rejected; None without one.
    """

    done: Done[Any]
    error: BaseException | None = None
    cause: BaseException | None = None

    @property
    def outcome(self) -> Outcome[Any]:
        """All that is known of the call, made when somebody asks for it first."""
        return self.done.outcome


class Pending(NamedTuple):
    """An attempt whose function was called already.

    Attributes:
        ask: For which it was called.
        started: When, by `perf_counter`, as if the driver had called it.
        result: The result of the function, which may have to be awaited.
        raised: What it raised in the place of that; None when it raised nothing.
        judged: As in `Reply`.
    """

    ask: Ask
    started: float
    result: Any
    raised: BaseException | None = None
    judged: Judgement[Any] | Missed | None = None

    def unwrap(self) -> Any:
        """Return the result of the function, or raise what it raised."""
        if self.raised is not None:
            raise self.raised
        return self.result


def has_ended(flow: Flow) -> bool:
    """Return whether a loop takes nothing more, because an exception has ended it or Python itself ends."""
    # A stream that nobody closed is closed when nothing can be imported and no row be written any more.
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
    prepare: Prepare,
    finish: Finish,
    receiver: Receiver = ANYBODYS,
    first: Pending | None = None,
) -> Driven | Pending:
    """Drive the loop to its end with a plain function, as `pieces` does.

    Returns:
        How it ended; or `Pending` when the function's first result has to be awaited: go on with `arun`.
    """
    ended: Driven | Pending = at_once(_last(pieces(flow, prepare, finish, receiver, first, waits=False)))
    return ended


async def arun(
    flow: Flow,
    prepare: Prepare,
    finish: Finish,
    receiver: Receiver = ANYBODYS,
    first: Pending | None = None,
) -> Driven:
    """Drive the loop to its end with an asynchronous function, as `pieces` does."""
    ended: Driven = await _last(pieces(flow, prepare, finish, receiver, first))
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
    raise AssertionError("a plain call has waited")


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
    prepare: Prepare,
    finish: Finish,
    receiver: Receiver = ANYBODYS,
    first: Pending | None = None,
    *,
    waits: bool = True,
) -> AsyncGenerator[str | Ask | Driven | Pending | None, None]:
    """Drive the loop to its end.

    Args:
        flow: The loop, not yet started; with *first* it has given the first Ask.
        prepare: Returns the call of the user's function for an Ask. An error in it is no failure of that function.
        finish: Called once with the end of the loop, also if the function raises. An exception in the loop itself ends the
            call without it.
        receiver: Reads what the function gives and raises.
        first: The first attempt, where the function was called for it before.
        waits: Whether the function's results may be awaited.

    Yields:
        The Ask of each attempt, then its pieces of text as they come. None comes before a text that begins anew. At
        last, how the call ended, or `Pending` if a plain function's result has to be awaited.
    """
    step: Any = next(flow) if first is None else first.ask
    reply: Reply | str
    error = cause = None
    while type(step) is Ask:
        yield step
        begun, first, cause = first, None, None
        started, judged = (perf_counter(), None) if begun is None else (begun.started, begun.judged)
        call = prepare(step) if begun is None else begun.unwrap
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
                # Of the usual reply nothing beside its text is known.
                reply = result if type(result) is str and result[:1] == "{" else receiver.read(result)
                yield reply if isinstance(reply, str) else reply.text or ""
        except BaseException as raised:  # noqa: BLE001 - it is recorded, then raised again by the caller of this
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
        # A coroutine or a generator that is closed may yield nothing more.
        raise error
    return Driven(done, error, cause)


async def _texts(incoming: _Incoming, result: Any, *, waits: bool) -> AsyncGenerator[str | None, None]:
    """Yield each text of a streamed reply; None before a text that begins anew."""
    awaits = waits and hasattr(type(result), "__anext__")
    try:
        async for chunk in result if awaits else _each(result):
            text = incoming.take(chunk)
            if incoming.begins_anew:
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
    """One reply on its way from the function to the loop.

    Attributes:
        stopped: Whether no more is wanted of it.
        exhausted: Whether it has come to its own end.
    """

    __slots__ = (
        "_flow", "_kept", "_reader", "_receiver", "_room", "_source", "_started", "_under", "exhausted", "stopped",
    )  # fmt: skip

    def __init__(self, flow: Flow, source: Any, receiver: Receiver, started: float) -> None:
        self._flow = flow
        self._receiver = receiver
        self._source = source
        self._started = started
        self._reader: StreamReader | None = None
        self._under: list[Any] = []
        self.stopped = self.exhausted = False
        # Texts that were not passed on yet, and how many characters more may be kept.
        self._kept: list[str] = []
        self._room = 0

    @property
    def begins_anew(self) -> bool:
        """Whether what counts begins with the last chunk, so that what came before it is not judged."""
        return self._reader is not None and self._reader.begins_anew

    def take(self, chunk: Any) -> str:
        """Take the next piece of a stream, and give its text; a text may be kept for a while."""
        if self._room > 0 and type(chunk) is str and chunk:
            self._kept.append(chunk)
            self._room -= len(chunk)
            if self._room <= 0:
                self.pass_on()
            return chunk
        reader = self._reader
        if reader is None:
            reader = self._reader = _reader(self._source)
            # A generator that an exception ends holds nothing any more: what is under it is found while it lives.
            self._under = streams_under(self._source)
        self.pass_on()
        if self.stopped:
            return ""
        text = reader.feed(chunk)
        self._send(text, beside=reader.is_outside_calls)
        if reader.is_over:
            self.stopped = True
        # What brings nothing is counted by the reader, in a row.
        if not (text and reader.is_past_head):
            self._room = 0
        return text

    def pass_on(self) -> None:
        """Pass on what was kept.

        Before an exception too: it is less than the loop looks at, so that the exception is what ends the attempt. If the
        exception was raised in the loop itself, nothing is kept.
        """
        if self._kept:
            text = "".join(self._kept)
            self._kept.clear()
            self._send(text)

    def _send(self, text: str, *, beside: bool = False) -> None:
        answer = self._flow.send(Chunk(text, perf_counter() - self._started, beside))
        self.stopped = type(answer) is Stop
        self._room = answer.least if type(answer) is More else 0

    def open_streams(self) -> list[Any]:
        """Give the streams that are to be closed with the function's own; none where that ran to its end."""
        if self._reader is not None:
            self._receiver.streamed(self._reader.model)
        return [] if self.exhausted else self._under or streams_of_exception()

    def reply(self) -> Reply:
        """Give what is known when all has come."""
        reader = self._reader or _reader(self._source)
        reply = reader.end(is_left=self.stopped)
        if reader.grown is not None:
            reply = self._receiver.grown(reply, reader.grown)
        return reply._replace(text="".join(self._kept)) if self._kept and reply.text is None else reply


def _raised(
    flow: Flow, receiver: Receiver, error: BaseException
) -> tuple[Reply, BaseException | None, BaseException | None]:
    """Return the reply that stands for an exception, then the exception itself as error or as cause."""
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
