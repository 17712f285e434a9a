# SPDX-License-Identifier: Apache-2.0
"""Calls that are only observed. They run unchanged, and their results are validated and recorded afterward.

The loop runs here too, for one attempt. Its prompt is not sent, and its result doesn't reach the caller.
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
        """Make this call the parent of all calls that begin before `leave`. Return the argument of `leave`."""

    def leave(self, entered: Any) -> None:
        """Restore the parent from before `enter`."""

    @property
    def receiver(self) -> Receiver:
        """The reader of the function's results and exceptions."""

    def invoke_untouched(self) -> Any:
        """Call the user's function as its caller did."""

    def finish(self, done: Done[Any]) -> None:
        """Record the outcome."""


def observe(started: Observed) -> Any:
    """Call the function once, return its result unchanged, and record whether the result is valid."""
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
    """Call an asynchronous function, as `observe` does."""
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
    """Reads a stream along with the caller, and records it once: at its end, at its error, or when the caller leaves it."""

    # For an exception of a signal handler inside `__init__`, after which `__del__` still runs.
    _source: Any = None
    _reader: StreamReader | None = None

    def __init__(self, started: Observed, source: Any, clock: float) -> None:
        self._started, self._source, self._clock = started, source, clock
        self._reader = StreamReader(source)

    def __getattr__(self, name: str) -> Any:
        # The caller can still use the other attributes of the provider's stream.
        return getattr(self._source, name)

    def __del__(self) -> None:
        # The caller left the stream before its end, and didn't close it.
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
        """Close the stream before its end."""
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
        """Close the stream before its end."""
        self.leave(GeneratorExit())
        await aclose_alone(self._source)

    close = aclose

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


class _WatchedEither(_WatchedIterator, _WatchedAsync):
    """A stream with `__next__` and `__anext__`. It is closed in the way of its source."""

    def close(self) -> Any:
        """Close the stream before its end."""
        self.leave(GeneratorExit())
        closing = getattr(self._source, "close", None)
        return closing() if callable(closing) else None


def _seen(started: Observed, result: Any, clock: float) -> Any:
    """Record a complete result, or watch a stream. Return the result for the caller."""
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
    """Watch a stream that the caller will open."""

    def watch(source: Any, *, is_async: bool) -> _Watch:
        return (_WatchedAsync if is_async else _WatchedIterator)(started, source, clock)

    return watched(closed, watch, lambda error: _finish(started, started.receiver.raised(error), clock))


def _finish(started: Observed, reply: Reply, clock: float) -> None:
    if has_ended(started.flow):
        # An exception of a signal handler has ended the loop, and is on its way to the caller.
        return
    done = started.flow.send(with_time(reply, perf_counter() - clock))
    assert isinstance(done, Done)
    started.finish(done)
