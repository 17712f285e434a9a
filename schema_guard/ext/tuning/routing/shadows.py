# SPDX-License-Identifier: Apache-2.0
"""Calls that are made beside the answer, to measure: a bounded number of them, in a thread or in tasks of their own.

Rules: nothing here raises into who asked, waits for anything, or changes what was answered. What finds the queue full is
dropped and counted. A forked child starts with none. At the end of the process they are waited for as long as records are.
"""

from __future__ import annotations

import atexit
import os
import time
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import Condition, RLock, Thread, current_thread
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from schema_guard.drive import is_async
from schema_guard.interruptions import is_interruption
from schema_guard.records.writing.writer import EXIT_FLUSH_S

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Coroutine

__all__ = ["Shadows"]

# After so long without a call the thread ends; starting another is little beside a model's call.
_IDLE_S = 5.0


class Shadows:
    """Calls beside the answer.

    Attributes:
        made: That have ended, however.
        dropped: Those that were not made: too many were pending, no thread could start, or a loop was closed over them.
    """

    def __init__(self, most_pending: int) -> None:
        self.most_pending = most_pending
        self.restart()
        _LIVE.add(self)

    def restart(self) -> None:
        """Begin with none: when made, and in a forked child, which has neither thread nor tasks."""
        self._queue: SimpleQueue[Callable[[], object]] = SimpleQueue()
        self._lock = RLock()
        self._settled = Condition(self._lock)
        self._tasks: set[asyncio.Task[None]] = set()
        self._thread: Thread | None = None
        self.made = self.dropped = self.pending = 0

    def offer(self, call: Callable[[], object]) -> None:
        """Take a call to be made in the thread."""
        if not self._is_taken():
            return
        self._queue.put(call)
        with self._lock:
            if self._thread is None:
                self._thread = Thread(target=self._work, name="schema_guard shadows", daemon=True)
                try:
                    self._thread.start()
                except BaseException as error:
                    # A thread that runs all the same waits for this lock, and then ends.
                    self._thread = None
                    # RuntimeError: no thread to be had, or the interpreter is ending
                    if not isinstance(error, RuntimeError) or is_interruption(error):
                        raise
                    self._drop_all()

    def offer_task(self, call: Callable[[], Coroutine[Any, Any, object]]) -> None:
        """Take a call to be made in a task of the running loop."""
        if not self._is_taken():
            return
        from asyncio import get_running_loop  # there is one by now

        # A task that nobody holds may be collected while it runs.
        task = get_running_loop().create_task(_awaited(call))
        self._tasks.add(task)
        # One that is cancelled before its first step runs nothing of its own.
        task.add_done_callback(self._ended)

    def flush(self, timeout_s: float) -> int:
        """Wait for what is pending; gives how many still are. Those of tasks get on only while their loop runs."""
        deadline = time.monotonic() + timeout_s
        with self._lock:
            while self.pending and (remaining := deadline - time.monotonic()) > 0:
                self._settled.wait(remaining)
            return self.pending

    async def aflush(self, timeout_s: float) -> int:
        """Wait for what is pending, as `flush` does, and let the loop run."""
        from asyncio import wait  # there is a loop by now

        if self._tasks:
            await wait(set(self._tasks), timeout=timeout_s)
        return self.pending

    def _is_taken(self) -> bool:
        with self._lock:
            if self.pending >= self.most_pending:
                self.dropped += 1
                return False
            self.pending += 1
            return True

    def _end(self, *, is_made: bool = True) -> None:
        with self._lock:
            self.pending -= 1
            self.made += is_made
            self.dropped += not is_made
            self._settled.notify_all()

    def _drop_all(self) -> None:
        with suppress(Empty):
            while True:
                self._queue.get_nowait()
                self._end(is_made=False)

    def _work(self) -> None:
        with self._lock:
            if self._thread is not current_thread():
                return
        while True:
            try:
                call = self._queue.get(timeout=_IDLE_S)
            except Empty:
                with self._lock:
                    if self._queue.empty():
                        self._thread = None
                        return
                continue
            try:
                result = call()
                if is_async(result):
                    _run_alone(result)
            except BaseException:  # noqa: BLE001, S110 - it is recorded, and its answer is nobody's
                pass
            finally:
                self._end()

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._end(is_made=not task.cancelled())


async def _awaited(call: Callable[[], Coroutine[Any, Any, object]]) -> None:
    try:
        await call()
    except Exception as error:
        # Recorded, and its answer is nobody's.
        if is_interruption(error):
            raise


def _run_alone(result: Any) -> None:
    """Await what a plain function gave, in a loop of its own."""
    import asyncio  # only such functions need it

    async def awaited() -> None:
        await result

    asyncio.run(awaited())


_LIVE: WeakSet[Shadows] = WeakSet()


def _restart_all() -> None:
    for shadows in list(_LIVE):
        shadows.restart()


def _finish() -> None:
    deadline = time.monotonic() + EXIT_FLUSH_S
    for shadows in list(_LIVE):
        shadows.flush(max(0.0, deadline - time.monotonic()))


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_restart_all)
# Registered after the writer's, so it runs before it: what is recorded here is stored too.
atexit.register(_finish)
