# SPDX-License-Identifier: Apache-2.0
"""Calls after the answer, for measurement: those of shadows and of second models.

A thread makes the calls of `def` functions, and tasks make those of `async def`.

Rules: such a call raises nothing into the answered call, delays nothing, and changes no answer. If too many are pending, a
new one is dropped and counted. A forked child starts with none.
"""

from __future__ import annotations

import atexit
import os
import time
from queue import Empty, SimpleQueue
from threading import Condition, RLock, Thread
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from schema_guard.drive import is_async
from schema_guard.interruptions import is_interruption
from schema_guard.records.writing.writer import EXIT_FLUSH_S

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

# The thread ends after this time without a call.
_IDLE_S = 5.0


class LaterCalls:
    """Calls after the answer.

    Attributes:
        most_pending: Maximum number of pending calls.
        waits_at_exit: Whether the end of the process waits for them as long as for records.
        made: Calls that have ended, valid or not.
        dropped: Calls that were not made: too many were pending, no thread could start, or their loop was closed.
        pending: Calls that have not ended.
        spent: Cost of the calls in this process, which their owner adds up.
    """

    def __init__(self, most_pending: int, *, waits_at_exit: bool = True) -> None:
        self.most_pending, self.waits_at_exit = most_pending, waits_at_exit
        self.restart()
        _LIVE.add(self)

    def restart(self) -> None:
        """Begin with none. A forked child has neither the thread nor the tasks of its parent."""
        self._queue: SimpleQueue[Callable[[], object]] = SimpleQueue()
        self._settled = Condition(RLock())
        self._tasks: set[asyncio.Task[None]] = set()
        self._thread: Thread | None = None
        self.made = self.dropped = self.pending = 0
        self.spent = 0.0

    def offer(self, call: Callable[[], object]) -> None:
        """Make a call in the thread."""
        if not self._is_taken():
            return
        self._queue.put(call)
        with self._settled:
            if self._thread is not None:
                return
            thread = Thread(target=self._work, name="schema_guard later calls", daemon=True)
            try:
                thread.start()
            except RuntimeError as error:
                # No thread is available, or the interpreter ends.
                if is_interruption(error):
                    raise
                self._queue.get()
                self._end(is_made=False)
            else:
                self._thread = thread

    def offer_task(self, call: Callable[[], Any]) -> None:
        """Make a call in a task of the running loop."""
        if not self._is_taken():
            return
        from asyncio import get_running_loop  # already imported by the running loop

        # Without a reference, the task could be garbage-collected while it runs.
        task = get_running_loop().create_task(_awaited(call))
        self._tasks.add(task)
        # A callback, because a task that is cancelled before its first step runs none of its code.
        task.add_done_callback(self._end_task)

    def flush(self, timeout_s: float) -> int:
        """Wait for pending calls, and return how many are left. Tasks continue only while their loop runs."""
        with self._settled:
            self._settled.wait_for(lambda: not self.pending, timeout_s)
            return self.pending

    async def aflush(self, timeout_s: float) -> int:
        """Wait for pending tasks, and let the loop run."""
        from asyncio import wait  # already imported by the running loop

        if self._tasks:
            await wait(set(self._tasks), timeout=timeout_s)
        return self.pending

    def _is_taken(self) -> bool:
        with self._settled:
            is_taken = self.pending < self.most_pending
            self.pending += is_taken
            self.dropped += not is_taken
            return is_taken

    def _end(self, *, is_made: bool = True) -> None:
        with self._settled:
            self.pending -= 1
            self.made += is_made
            self.dropped += not is_made
            self._settled.notify_all()

    def _end_task(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._end(is_made=not task.cancelled())

    def _work(self) -> None:
        while True:
            try:
                call = self._queue.get(timeout=_IDLE_S)
            except Empty:
                with self._settled:
                    if self._queue.empty():
                        self._thread = None
                        return
            else:
                self._make(call)
                del call  # with its arguments

    def _make(self, call: Callable[[], object]) -> None:
        try:
            if is_async(result := call()):
                import asyncio  # only plain functions that return an awaitable need it

                asyncio.run(_awaited(lambda: result))
        except BaseException:  # noqa: BLE001, S110 - it is recorded, and no caller waits for the result
            pass
        finally:
            self._end()


async def _awaited(call: Callable[[], Any]) -> None:
    try:
        await call()
    except Exception as error:
        # The error is recorded, and no caller waits for the result.
        if is_interruption(error):
            raise


_LIVE: WeakSet[LaterCalls] = WeakSet()


def _restart_all() -> None:
    for calls in list(_LIVE):
        calls.restart()


def _finish() -> None:
    deadline = time.monotonic() + EXIT_FLUSH_S
    for calls in list(_LIVE):
        if calls.waits_at_exit:
            calls.flush(max(0.0, deadline - time.monotonic()))


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_restart_all)
# Registered after the writer's, so it runs before it: the calls that end here are stored too.
atexit.register(_finish)
