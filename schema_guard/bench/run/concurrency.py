# SPDX-License-Identifier: Apache-2.0
"""Many calls at once: begun when there is room for one, taken in their order, given up when it is enough.

Rules:
1. What is called next is asked for when its call may begin, never before. So whoever says what is next decides at that
   moment whether anything is: a budget that is used up, a question that is answered, a provider that is down.
2. What is begun and not taken is bounded: memory does not grow with the number of calls.
3. Whoever stops early gives up what is under way. An interrupt is such a stop, and what was finished stays.
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
    """Make calls in the order in which they are drawn, so many at once, until none is to be drawn.

    Args:
        draw: Gives what to call for; None when there is nothing to begin now. It is asked again by each of the calls
            that are under way when that one ends.
        make: Makes the call; what it raises ends all.
        at_once: Calls at once, >= 1.
    """

    async def work() -> None:
        while (drawn := draw()) is not None:
            await make(drawn)

    await asyncio.gather(*(work() for _ in range(at_once)))


class InOrder(Generic[C]):
    """Calls that are begun side by side and taken in the order in which they were begun."""

    def __init__(self, begun: Iterator[C], *, ahead: int) -> None:
        """Begin nothing yet.

        Args:
            begun: Begins a call when it is asked for the next one.
            ahead: Calls at the most that are begun and not taken, >= 1.
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
        """Cancel the calls that were begun and not taken, and give them."""
        given_up = list(self._pending)
        self._pending.clear()
        for call in given_up:
            call.cancel()
        return given_up


class LostInARow:
    """Counts the calls that were lost one after the other: a provider that is down, or a wrong key, loses them all.

    Attributes:
        count: Of them, up to now.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self.count = 0

    def add(self, *, is_lost: bool) -> None:
        """Count a call; one that was not lost begins anew."""
        self.count = self.count + 1 if is_lost else 0

    @property
    def are_too_many(self) -> bool:
        """Whether it is time to stop."""
        return self.count >= self._most


def ran_to_end(calls: Coroutine[Any, Any, None]) -> bool:
    """Run calls in an event loop of their own; False when an interrupt (Ctrl-C) has ended them before their end."""

    async def run() -> bool:
        try:
            await calls
        except asyncio.CancelledError:
            # asyncio.run has cancelled us, and raises no KeyboardInterrupt for whoever returns.
            return False
        return True

    return asyncio.run(run())


class LoopThread:
    """An event loop in a thread of its own, for calls of other threads: connections belong to one event loop."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, name="schema-guard-loop", daemon=True)
        self._thread.start()

    def begin(self, call: Coroutine[Any, Any, T]) -> Future[T]:
        """Begin a call."""
        return asyncio.run_coroutine_threadsafe(call, self._loop)

    def close(self) -> None:
        """End the loop and its thread; calls that are under way go no further."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
