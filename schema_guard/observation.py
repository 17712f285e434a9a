# SPDX-License-Identifier: Apache-2.0
"""Observing a call: it runs as if nobody looked, and what it gave is judged and recorded when it is over.

The loop runs here too, for one attempt; but its prompt is not sent, and nothing of what it says reaches the caller.
"""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING, Any, Protocol, Self

from schema_guard.drive import has_ended, with_time
from schema_guard.loop import Done
from schema_guard.received.cleanup import aclose_alone, close_alone
from schema_guard.received.stream_managers import is_closed, watched
from schema_guard.received.streams import StreamReader
from schema_guard.values import Chunk

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from schema_guard.loop import Flow
    from schema_guard.received.receiver import Receiver
    from schema_guard.values import Reply


class Observed(Protocol):
    """A started call."""

    @property
    def flow(self) -> Flow:
        """The loop."""

    def enter(self) -> Any:
        """Make this the call that the running code was called inside of; gives what `leave` takes."""

    def leave(self, entered: Any) -> None:
        """End what `enter` began."""

    @property
    def receiver(self) -> Receiver:
        """What reads what the function gives and raises."""

    def invoke_untouched(self) -> Any:
        """Call the user's function as its caller did."""

    def finish(self, done: Done[Any]) -> None:
        """Record what came of it."""


def observe(started: Observed) -> Any:
    """Call the function once, return what it gave, and record what that is worth."""
    next(started.flow)
    clock = perf_counter()
    entered = started.enter()
    try:
        result = started.invoke_untouched()
    except BaseException as error:
        _finish(started, started.receiver.raised(error), clock)
        raise
    finally:
        started.leave(entered)
    return (_awaited if hasattr(type(result), "__await__") else _seen)(started, result, clock)


async def observe_async(started: Observed) -> Any:
    """Do as `observe` does with an asynchronous function."""
    result = observe(started)
    return await result if hasattr(type(result), "__await__") else result


async def _awaited(started: Observed, awaitable: Any, clock: float) -> Any:
    entered = started.enter()
    try:
        result = await awaitable
    except BaseException as error:
        _finish(started, started.receiver.raised(error), clock)
        raise
    finally:
        started.leave(entered)
    return _seen(started, result, clock)


class _Watch:
    """Reads along with a stream and records it once: at its end, at its error, or when it is given up."""

    # Of one that was interrupted before it had them.
    _source: Any = None
    _reader: StreamReader | None = None

    def __init__(self, started: Observed, source: Any, clock: float) -> None:
        self._started, self._source, self._clock = started, source, clock
        self._reader = StreamReader(source)

    def __getattr__(self, name: str) -> Any:
        # What a stream object of a provider offers beside its chunks stays within reach.
        return getattr(self._source, name)

    def __del__(self) -> None:
        # It was left before its end, and nobody has closed it.
        self.leave(GeneratorExit())

    def _saw(self, chunk: Any) -> Any:
        reader = self._reader
        if reader is not None:
            text = reader.feed(chunk)
            if text:
                self._started.flow.send(Chunk(text))
            if reader.is_over:
                self.leave(StopIteration())
        return chunk

    def leave(self, error: BaseException) -> None:
        """End the watch, if the stream has not ended."""
        reader, self._reader = self._reader, None
        if reader is None or has_ended(self._started.flow):
            return
        self._started.receiver.streamed(reader.model)
        ended = isinstance(error, (StopIteration, StopAsyncIteration))
        reply = reader.end() if ended else self._started.receiver.raised(error)
        if ended and reader.grown is not None:
            reply = self._started.receiver.grown(reply, reader.grown)
        _finish(self._started, reply, self._clock)


class _WatchedIterator(_Watch):
    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        entered = self._started.enter()
        try:
            return self._saw(next(self._source))
        except BaseException as error:
            self.leave(error)
            raise
        finally:
            self._started.leave(entered)

    def close(self) -> None:
        """Give the stream up."""
        self.leave(GeneratorExit())
        close_alone(self._source)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _WatchedAsync(_Watch):
    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        entered = self._started.enter()
        try:
            return self._saw(await anext(self._source))
        except BaseException as error:
            self.leave(error)
            raise
        finally:
            self._started.leave(entered)

    async def aclose(self) -> None:
        """Give the stream up."""
        self.leave(GeneratorExit())
        await aclose_alone(self._source)

    close = aclose

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


class _WatchedEither(_WatchedIterator, _WatchedAsync):
    """A stream that can be iterated either way stays one; it is closed as its source is."""

    def close(self) -> Any:
        """Give the stream up."""
        self.leave(GeneratorExit())
        closing = getattr(self._source, "close", None)
        return closing() if callable(closing) else None


def _seen(started: Observed, result: Any, clock: float) -> Any:
    """Record a result that is complete; watch one that is a stream. The caller gets what is returned."""
    kind = type(result)
    ways = hasattr(kind, "__next__"), hasattr(kind, "__anext__")
    if any(ways):
        watch = _WatchedEither if all(ways) else _WatchedIterator if ways[0] else _WatchedAsync
        return watch(started, result, clock)
    if is_closed(result):
        return _watched(started, result, clock)
    _finish(started, started.receiver.read(result), clock)
    return result


def _watched(started: Observed, closed: Any, clock: float) -> Any:
    """Watch the stream that the caller has yet to open."""

    def watch(source: Any, *, is_async: bool) -> _Watch:
        return (_WatchedAsync if is_async else _WatchedIterator)(started, source, clock)

    return watched(closed, watch, lambda error: _finish(started, started.receiver.raised(error), clock))


def _finish(started: Observed, reply: Reply, clock: float) -> None:
    if has_ended(started.flow):
        # Where an exception from outside has landed in the loop, it is on its way to the caller.
        return
    done = started.flow.send(with_time(reply, perf_counter() - clock))
    assert isinstance(done, Done)
    started.finish(done)
