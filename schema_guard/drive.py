# SPDX-License-Identifier: Apache-2.0
"""The drivers of the loop: they call the user's function, and read the clock that the loop may not read.

Rules:
1. A driver decides nothing about a reply: it passes on what came, and ends the loop's attempt exactly once.
2. Whatever the function raises, a cancellation too, ends the attempt and reaches `finish` before it goes on. What lands
   in the loop itself (an interrupt, a handler of a signal) has ended it: it goes on as it is, and the loop is not fed again.
3. `run` and `arun`, `stream` and `astream` are the same steps: at one go and piece by piece, without and with `await`.
"""

from __future__ import annotations

import sys
from contextlib import aclosing
from time import perf_counter
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from schema_guard.loop import Done

# Readers are loaded with the loop, and not while a reply is read: that would be seconds of the attempt.
from schema_guard.received import retries  # noqa: F401
from schema_guard.received.cleanup import aclose, close, streams_of_exception, streams_under
from schema_guard.received.receiver import ANYBODYS
from schema_guard.received.stream_managers import opened
from schema_guard.values import UNKNOWN_USAGE, Ask, Chunk, End, More, Stop

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator

    from schema_guard.loop import Flow
    from schema_guard.received.receiver import Receiver
    from schema_guard.received.replies import Reply
    from schema_guard.received.streams import StreamReader
    from schema_guard.values import Judgement, Missed, Outcome

    Invoke: TypeAlias = Callable[[Ask], Any]
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
    """A first attempt whose function was called already, and how far it is.

    Attributes:
        ask: For which it was called.
        started: When, by `perf_counter`, as if it were gone on with at once.
        result: What it gave, which may have to be awaited.
        raised: What it raised in the place of that; None when it raised nothing.
        judged: As in `End`.
    """

    ask: Ask
    started: float
    result: Any
    raised: BaseException | None = None
    judged: Judgement[Any] | Missed | None = None

    def unwrap(self) -> Any:
        """Give what the function gave, or raise what it raised."""
        if self.raised is not None:
            raise self.raised
        return self.result


def is_spent(flow: Flow) -> bool:
    """Tell whether a loop takes no more: it has ended, be it by an exception that landed in it, or Python itself ends."""
    # A stream that nobody closed is closed when nothing can be imported and no row be written any more.
    return getattr(flow, "gi_frame", None) is None or sys.is_finalizing()


def is_async(result: Any) -> bool:
    """Say whether a function's result has to be awaited, or iterated with `async for`.

    A stream that can be iterated either way (litellm gives such) is not: it goes as the function goes that gave it.
    """
    kind = type(result)
    return kind is not str and (
        hasattr(kind, "__await__") or (hasattr(kind, "__anext__") and not hasattr(kind, "__next__"))
    )


def run(
    flow: Flow,
    invoke: Invoke,
    finish: Finish,
    receiver: Receiver = ANYBODYS,
    first: Pending | None = None,
) -> Driven | Pending:
    """Drive the loop to its end with a plain function.

    Args:
        flow: The loop, not yet started; with *first* it has given the first Ask.
        invoke: Calls the user's function for an Ask.
        finish: Is handed how the loop ended, once, also when this raises.
        receiver: Reads what the function gives and raises.
        first: The first attempt, where the function was called for it before.

    Returns:
        How it ended; or `Pending` when the function's first result has to be awaited: go on with `arun`.
    """
    step: Ask | More | Stop | Done[Any] = next(flow) if first is None else first.ask
    error = cause = None
    while type(step) is Ask:
        begun, first = first, None
        started, cause = perf_counter() if begun is None else begun.started, None
        try:
            result = invoke(step) if begun is None else begun.unwrap()
            if type(result) is not str:
                result = opened(result)
                if is_async(result):
                    return Pending(step, started, result)
            # The usual reply: nothing beside its text is known of it.
            reply = (
                result
                if type(result) is str and result[:1] == "{"
                else _received(flow, result, receiver, started)
            )
        except BaseException as raised:
            if is_spent(flow):
                raise
            # It is recorded, then raised again by the caller of this.
            reply, error, cause = _raised(receiver.raised(raised), raised, step)
            begun = None
        judged = None if begun is None else begun.judged
        step = flow.send(end(reply, perf_counter() - started, judged))
    return _done(step, error, cause, finish)


def _received(flow: Flow, result: Any, receiver: Receiver, started: float) -> Reply:
    """Give a reply; of a streamed one, what is not passed on in chunks."""
    if not hasattr(type(result), "__next__"):
        return receiver.read(result)
    incoming = _Incoming(flow, result, receiver, started)
    try:
        for chunk in result:
            if not incoming.take(chunk):
                break
        else:
            incoming.exhausted = True
    except BaseException:
        incoming.pass_on()
        raise
    finally:
        close(result, incoming.open_streams())
    return incoming.reply()


async def _areceived(flow: Flow, result: Any, receiver: Receiver, started: float) -> Reply:
    if not hasattr(type(result), "__anext__"):
        return receiver.read(result)
    incoming = _Incoming(flow, result, receiver, started)
    try:
        async for chunk in result:
            if not incoming.take(chunk):
                break
        else:
            incoming.exhausted = True
    except BaseException:
        incoming.pass_on()
        raise
    finally:
        await aclose(result, incoming.open_streams())
    return incoming.reply()


def _pieces(incoming: _Incoming, result: Any) -> Generator[str | None, None, None]:
    """Give each piece of a streamed reply, and close what it came from."""
    try:
        for chunk in result:
            text = incoming.chunk(chunk)
            if incoming.begins_anew:
                yield None
            yield text
            if incoming.stopped:
                return
        incoming.exhausted = True
    finally:
        close(result, incoming.open_streams())


async def _apieces(incoming: _Incoming, result: Any) -> AsyncGenerator[str | None, None]:
    try:
        async for chunk in result:
            text = incoming.chunk(chunk)
            if incoming.begins_anew:
                yield None
            yield text
            if incoming.stopped:
                return
        incoming.exhausted = True
    finally:
        await aclose(result, incoming.open_streams())


async def arun(
    flow: Flow,
    invoke: Invoke,
    finish: Finish,
    receiver: Receiver = ANYBODYS,
    first: Pending | None = None,
) -> Driven:
    """Drive the loop to its end with an asynchronous function; the arguments are those of `run`."""
    step: Ask | More | Stop | Done[Any] = next(flow) if first is None else first.ask
    error = cause = None
    while type(step) is Ask:
        begun, first = first, None
        started, cause = perf_counter() if begun is None else begun.started, None
        try:
            result = await _awaited(invoke(step) if begun is None else begun.unwrap())
            reply = (
                result
                if type(result) is str and result[:1] == "{"
                else await _areceived(flow, result, receiver, started)
            )
        except BaseException as raised:
            if is_spent(flow):
                raise
            reply, error, cause = _raised(receiver.raised(raised), raised, step)
            begun = None
        judged = None if begun is None else begun.judged
        step = flow.send(end(reply, perf_counter() - started, judged))
    driven = _done(step, error, cause, finish)
    if isinstance(error, GeneratorExit):
        # Who closes a coroutine lets it await nothing more.
        raise error
    return driven


def stream(
    flow: Flow, invoke: Invoke, finish: Finish, receiver: Receiver = ANYBODYS
) -> Generator[str | Ask | None, None, Driven | Pending]:
    """Drive the loop and yield each attempt, then its pieces of text as they come, None where they begin anew."""
    step = next(flow)
    error = cause = None
    while type(step) is Ask:
        yield step
        started, cause = perf_counter(), None
        try:
            result = opened(invoke(step))
            if is_async(result):
                return Pending(step, started, result)
            incoming = _Incoming(flow, result, receiver, started)
            if hasattr(type(result), "__next__"):
                yield from _pieces(incoming, result)
            else:
                yield incoming.whole(result)
            reply = incoming.reply()
        except BaseException as raised:
            if is_spent(flow):
                raise
            reply, error, cause = _raised(receiver.raised(raised), raised, step)
        step = flow.send(end(reply, perf_counter() - started))
    return _done(step, error, cause, finish)


async def astream(
    flow: Flow, invoke: Invoke, finish: Finish, receiver: Receiver = ANYBODYS
) -> AsyncGenerator[str | Ask | Driven | None, None]:
    """Drive the loop as `stream` does, with an asynchronous function; the last piece is how it ended."""
    step: Ask | More | Stop | Done[Any] = next(flow)
    error = cause = None
    while type(step) is Ask:
        yield step
        started, cause = perf_counter(), None
        try:
            result = await _awaited(invoke(step))
            incoming = _Incoming(flow, result, receiver, started)
            if hasattr(type(result), "__anext__"):
                async with aclosing(_apieces(incoming, result)) as pieces:
                    async for piece in pieces:
                        yield piece
            else:
                yield incoming.whole(result)
            reply = incoming.reply()
        except BaseException as raised:
            if is_spent(flow):
                raise
            reply, error, cause = _raised(receiver.raised(raised), raised, step)
        step = flow.send(end(reply, perf_counter() - started))
    driven = _done(step, error, cause, finish)
    if isinstance(error, GeneratorExit):
        raise error
    yield driven


def _reader(source: Any) -> StreamReader:
    from schema_guard.received.streams import StreamReader  # only streams need it

    return StreamReader(source)


class _Incoming:
    """One reply on its way from the function to the loop.

    Attributes:
        stopped: Whether no more is wanted of it.
        exhausted: Whether it has come to its own end.
        pending: Pieces of text that were not passed on yet.
        room: So many characters more of plain text may be kept, where one piece follows the other.
    """

    __slots__ = (
        "_flow",
        "_reader",
        "_receiver",
        "_source",
        "_started",
        "_under",
        "_whole",
        "exhausted",
        "pending",
        "room",
        "stopped",
    )

    def __init__(self, flow: Flow, source: Any, receiver: Receiver, started: float) -> None:
        self._flow = flow
        self._receiver = receiver
        self._source = source
        self._started = started
        self._reader: StreamReader | None = None
        self._under: list[Any] = []
        self._whole: Reply | None = None
        self.stopped = self.exhausted = False
        self.pending: list[str] = []
        self.room = 0

    def whole(self, result: Any) -> str:
        """Take a reply that came in one piece, and give its text."""
        reply = self._whole = self._receiver.read(result)
        return reply.text or ""

    @property
    def begins_anew(self) -> bool:
        """Whether what counts begins with the last chunk, so that what came before it is not judged."""
        return self._reader is not None and self._reader.begins_anew

    def chunk(self, chunk: Any) -> str:
        """Pass on the next piece of a stream, and give its text."""
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
            self.room = 0
        return text

    def take(self, chunk: Any) -> bool:
        """Take the next piece of a stream, and say whether more is wanted; a text may be kept for a while."""
        if self.room > 0 and type(chunk) is str and chunk:
            self.pending.append(chunk)
            self.room -= len(chunk)
            if self.room > 0:
                return True
            self.pass_on()
        else:
            self.chunk(chunk)
        return not self.stopped

    def pass_on(self) -> None:
        """Pass on what was kept.

        Before an exception too: it is less than is looked at, so that the exception is what ends the attempt; and where
        that has landed in the loop itself nothing is kept.
        """
        if self.pending:
            text = "".join(self.pending)
            self.pending.clear()
            self._send(text)

    def _send(self, text: str, *, beside: bool = False) -> None:
        answer = self._flow.send(Chunk(text, perf_counter() - self._started, beside))
        self.stopped = type(answer) is Stop
        self.room = answer.least if type(answer) is More else 0

    def open_streams(self) -> list[Any]:
        """Give the streams that are to be closed with the function's own; none where that ran to its end."""
        if self._reader is not None:
            self._receiver.streamed(self._reader.model)
        return [] if self.exhausted else self._under or streams_of_exception()

    def reply(self) -> Reply:
        """Give what is known when all has come."""
        if self._whole is not None:
            return self._whole
        reader = self._reader or _reader(self._source)
        reply = reader.end(is_left=self.stopped)
        if reader.grown is not None:
            reply = self._receiver.grown(reply, reader.grown)
        return reply._replace(text="".join(self.pending)) if self.pending and reply.text is None else reply


def _raised(
    reply: Reply, error: BaseException, ask: Ask
) -> tuple[Reply, BaseException | None, BaseException | None]:
    """Give the reply that stands for an exception, then the exception itself as error or as cause."""
    failure = reply.failure
    if failure is not None and failure.kind == "transport":
        return reply, error, None
    return reply, None, error


def end(reply: Reply | str, elapsed_s: float, judged: Judgement[Any] | Missed | None = None) -> End:
    """Give the end of an attempt, with what of the reply's text was not passed on in chunks; *judged* is that of `End`."""
    if type(reply) is str:
        return End(None, UNKNOWN_USAGE, elapsed_s, None, None, None, reply, judged=judged)
    assert not isinstance(reply, str)
    return End(
        reply.finish_reason,
        reply.usage,
        elapsed_s,
        reply.refusal,
        reply.failure,
        reply.model,
        reply.text or "",
        reply.exception,
        reply.unseen,
        reply.parsed,
        reply.refused,
        tuple(end(tried, 0.0) for tried in reply.tries) if reply.tries else (),
        reply.is_final,
        reply.call_model,
        reply.instead,
        reply.reasoned,
        reply.tool,
        retries=reply.retries,
        calls=reply.calls,
        judged=judged,
    )


def _done(step: Any, error: BaseException | None, cause: BaseException | None, finish: Finish) -> Driven:
    assert type(step) is Done
    finish(step)
    return Driven(step, error, cause)


async def _awaited(result: Any) -> Any:
    """Give a result when it has come; an iterator as an asynchronous one."""
    if hasattr(type(result), "__await__"):
        result = await result
    result = opened(result)
    kind = type(result)
    return _each(result) if hasattr(kind, "__next__") and not hasattr(kind, "__anext__") else result


async def _each(iterator: Any) -> AsyncGenerator[Any, None]:
    try:
        for chunk in iterator:
            yield chunk
    finally:
        close(iterator)
