# SPDX-License-Identifier: Apache-2.0
"""The thread that tells others of calls: whoever is told may be slow, and may fail, and no call waits for it.

Rules: offering takes no lock that is waited for; what comes while the queue is full is not told, and counted. Before a
fork the thread is between two calls, a tenth of a second is waited for that, so that no lock of others is held in the child.
"""

from __future__ import annotations

from queue import SimpleQueue
from threading import Event, Lock, RLock, Thread, current_thread
from typing import TYPE_CHECKING, Any, NamedTuple

from schema_guard.interruptions import is_interruption

if TYPE_CHECKING:
    from collections.abc import Callable

    from schema_guard.values import Outcome

__all__ = ["MOST_WAITING", "Dispatcher", "EndedCall"]

MOST_WAITING = 2_000
_FORK_WAIT_S = 0.1


class EndedCall(NamedTuple):
    """A call that has ended.

    Attributes:
        outcome: What came of it.
        span: Of the call.
        at_ns: When it ended, in nanoseconds since the epoch.
    """

    outcome: Outcome[Any]
    span: Any
    at_ns: int


class Dispatcher:
    """Hands ended calls on, one after the other, in a thread of its own."""

    def __init__(
        self, tell: Callable[[EndedCall], None], untold: Callable[[], None], started: Callable[[], None]
    ) -> None:
        self._tell = tell
        self._untold = untold
        self._started = started
        self.restart()

    def restart(self) -> None:
        """Begin with nothing, as a forked child does: what waits is its parent's."""
        self._queue: SimpleQueue[EndedCall | Event | None] = SimpleQueue()
        self._starting = RLock()
        self._telling = Lock()
        self._is_held = False
        self._thread: Thread | None = None

    def offer(self, ended: EndedCall) -> None:
        """Take a call to be told of."""
        if self._queue.qsize() >= MOST_WAITING:
            self._untold()
            return
        self._queue.put(ended)
        if self._thread is None:
            self._start()

    def flush(self, timeout_s: float) -> int:
        """Wait until what was offered before is told; gives about how many calls are not."""
        thread = self._thread
        if thread is None or thread is current_thread():
            return 0
        mark = Event()
        self._queue.put(mark)
        return 0 if mark.wait(timeout_s) else max(1, self._queue.qsize() - 1)

    def stop(self, timeout_s: float) -> int:
        """Flush and end the thread; the next call starts another."""
        remaining = self.flush(timeout_s)
        self._queue.put(None)
        return remaining

    def before_fork(self) -> None:
        """Hold the thread between two calls, if that can be had soon."""
        if self._thread is not current_thread():
            self._is_held = self._telling.acquire(timeout=_FORK_WAIT_S)

    def after_fork_in_parent(self) -> None:
        """Let the thread go on."""
        if self._is_held:
            self._is_held = False
            self._telling.release()

    def _start(self) -> None:
        with self._starting:
            if self._thread is not None:
                return
            self._thread = Thread(target=self._run, name="schema-guard-telemetry", daemon=True)
            try:
                self._thread.start()
            except BaseException as error:
                # A thread that runs all the same waits for this lock, and then ends.
                self._thread = None
                # RuntimeError: no thread to be had, or the interpreter is ending
                if not isinstance(error, RuntimeError) or is_interruption(error):
                    raise
                return
        self._started()

    def _run(self) -> None:
        with self._starting:
            if self._thread is not current_thread():
                return
        while (entry := self._queue.get()) is not None:
            if isinstance(entry, Event):
                entry.set()
                continue
            with self._telling:
                self._tell(entry)
        self._thread = None
        if not self._queue.empty():
            self._start()
