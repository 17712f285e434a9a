# SPDX-License-Identifier: Apache-2.0
"""Run many calls at once: start them as slots become free, return them in order, and cancel them on an early stop.

Rules:
1. The next call is drawn only when it can start. So the caller decides at that moment whether to continue, for example
   because a budget is used up, a question is answered, or a provider is down.
2. The number of started calls that were not returned yet is bounded, so memory does not grow with the number of calls.
3. An early stop, such as an interrupt, cancels the running calls and keeps the finished ones.
"""

from __future__ import annotations

import asyncio
from collections import deque
from threading import Thread
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Iterator
    from concurrent.futures import Future

AT_ONCE = 4
"""Default number of calls at once: the slots of the local model. Hosted models take as many."""

T = TypeVar("T")


class _PendingCall(Protocol):
    """A call under way: a future of `asyncio`, or one of `concurrent.futures`."""

    def cancel(self) -> object: ...


C = TypeVar("C", bound=_PendingCall)


async def make_all(
    draw: Callable[[], T | None], make: Callable[[T], Awaitable[object]], *, at_once: int
) -> None:
    """Make calls in the order in which they are drawn, several at once, until none is left.

    Args:
        draw: Returns the input of the next call, or None if there is nothing to start now. Each running call draws
            again when it ends.
        make: Makes the call. If it raises, all calls end.
        at_once: Number of calls at once, >= 1.
    """

    async def work() -> None:
        while (drawn := draw()) is not None:
            await make(drawn)

    await asyncio.gather(*(work() for _ in range(at_once)))


class InOrder(Generic[C]):
    """Calls that run at the same time and are returned in the order in which they were started."""

    def __init__(self, begun: Iterator[C], *, ahead: int) -> None:
        """Prepare the calls without starting one.

        Args:
            begun: An iterator that starts a call for each item.
            ahead: Largest number of started calls that were not returned yet, >= 1.
        """
        self._start = begun
        self._ahead = ahead
        self._pending: deque[C] = deque()

    def __iter__(self) -> Iterator[C]:
        for call in self._start:
            self._pending.append(call)
            if len(self._pending) == self._ahead:
                yield self._pending.popleft()
        while self._pending:
            yield self._pending.popleft()

    def give_up(self) -> list[C]:
        """Cancel the started calls that were not returned yet, and return them."""
        given_up = list(self._pending)
        self._pending.clear()
        for call in given_up:
            call.cancel()
        return given_up


class LostInARow:
    """A count of the calls lost in a row. If a provider is down or a key is wrong, all calls are lost.

    Attributes:
        count: Number of calls lost in a row up to now.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self.count = 0

    def add(self, *, is_lost: bool) -> None:
        """Count a lost call, or start again at 0 after any other call."""
        self.count = self.count + 1 if is_lost else 0

    @property
    def are_too_many(self) -> bool:
        """Whether so many calls were lost in a row that the run must stop."""
        return self.count >= self._most


def ran_to_end(calls: Coroutine[Any, Any, None]) -> bool:
    """Run calls in a new event loop. Return False if an interrupt (Ctrl-C) ended them early."""

    async def run() -> bool:
        try:
            await calls
        except asyncio.CancelledError:
            # asyncio.run cancelled this task, and raises no KeyboardInterrupt if the task returns.
            return False
        return True

    return asyncio.run(run())


class LoopThread:
    """An event loop in its own thread, for calls from other threads, because a connection belongs to one event loop."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, name="schema-guard-loop", daemon=True)
        self._thread.start()

    def begin(self, call: Coroutine[Any, Any, T]) -> Future[T]:
        """Start a call."""
        return asyncio.run_coroutine_threadsafe(call, self._loop)

    def close(self) -> None:
        """Stop the loop and its thread. Running calls do not continue."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
