# SPDX-License-Identifier: Apache-2.0
"""The telemetry of a process, which counts calls, and reports them from its own thread.

Rules:
1. No call waits for telemetry: an exporter can be slow, and can fail. If the queue is full, a call is only counted.
2. Before a fork, the thread is between two calls, if that takes at most a tenth of a second. So the child has no lock of an
   exporter.
"""

from __future__ import annotations

import time
from queue import SimpleQueue
from threading import Event, Lock, RLock, Thread, current_thread
from typing import TYPE_CHECKING, Any, NamedTuple

from schema_guard.ext.telemetry.prometheus import exposition
from schema_guard.interruptions import is_interruption
from schema_guard.locks import fork_safe_lock
from schema_guard.records.process.threads import warn

if TYPE_CHECKING:
    from collections.abc import Callable

    from schema_guard.ext.telemetry.counters import Counters
    from schema_guard.ext.telemetry.otel import Signals
    from schema_guard.ext.telemetry.prometheus import MetricsEndpoint, TextFile
    from schema_guard.values import Call, Outcome

__all__ = ["MOST_WAITING", "EndedCall", "Faults", "Telemetry"]

_REPORT_EVERY_S = 60.0


class Faults:
    """Says what goes wrong with telemetry, once a minute of a kind, and raises nothing."""

    def __init__(self) -> None:
        self._reported_at: dict[str, float] = {}
        self._saying = fork_safe_lock()

    def say(self, what: str, error: Exception) -> None:
        """Say that something went wrong, by the name of its exception: a message may hold what was told."""
        if not self._saying.acquire(blocking=False):
            return  # another thread is at it: nobody waits here
        try:
            now, before = time.monotonic(), self._reported_at.get(what)
            due = before is None or now - before >= _REPORT_EVERY_S
            if due:
                self._reported_at[what] = now
        finally:
            self._saying.release()
        if due:
            warn("telemetry: %s, calls continue: %s", what, type(error).__name__)


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


class Telemetry:
    """Active telemetry. To create it, call `enable`."""

    def __init__(
        self,
        counters: Counters,
        signals: Signals | None,
        faults: Faults,
        started: Callable[[], None],
    ) -> None:
        self.counters = counters
        self._signals = signals
        self._faults = faults
        # Without signals, nothing is offered, so that it has no thread.
        self._dispatcher = Dispatcher(self._tell, counters.untold, started)
        self.outlets: list[TextFile | MetricsEndpoint] = []

    @property
    def port(self) -> int | None:
        """The port of the Prometheus endpoint, or None if there is no endpoint."""
        return next((port for outlet in self.outlets if (port := getattr(outlet, "port", None))), None)

    def text(self) -> str:
        """Return the counters in the text format of Prometheus, for your own endpoint."""
        return exposition(self.counters.read())

    def flush(self, timeout_s: float = 2.0) -> int:
        """Wait until the exporters have received all finished calls.

        Return the approximate number of calls that are still missing.
        """
        return self._dispatcher.flush(timeout_s)

    def begin(self, call: Callable[[], Call]) -> _Followed:
        """Start the telemetry of a call. If only counters are active, read its facts only at its end."""
        signals = self._signals
        return _Followed(
            self, None if signals is None else self.tried("no span could be begun", signals.start, call())
        )

    def enter(self, span: Any) -> Any:
        """Make a span the current span. Return the value to pass to `leave`."""
        if span is None or self._signals is None:
            return None
        return self.tried("no span could be entered", self._signals.enter, span)

    def leave(self, entered: Any) -> None:
        """Leave the span that `enter` made current."""
        if entered is not None and self._signals is not None:
            self._signals.leave(entered)

    def tried(self, what: str, call: Callable[..., Any], *args: Any) -> Any:
        """Call a function of an SDK.

        If the function raises an exception, log the exception with the text of *what*, and return None. If a
        signal handler raised the exception, raise it again.
        """
        try:
            return call(*args)
        except Exception as error:
            if is_interruption(error):
                raise
            self._faults.say(what, error)

    def end(self, outcome: Outcome[Any], span: Any) -> None:
        """Record the end of a call in the metrics, and report the call."""
        self.counters.count(outcome)
        if span is not None:
            self._dispatcher.offer(EndedCall(outcome, span, time.time_ns()))

    def stop(self, timeout_s: float = 2.0) -> int:
        """Report waiting calls, write the file a last time, and end all threads. Return the number of unreported calls."""
        remaining = self._dispatcher.stop(timeout_s)
        for outlet in self.outlets:
            outlet.stop()
        return remaining

    def before_fork(self) -> None:
        """Stop all telemetry until the fork is over."""
        self._dispatcher.before_fork()

    def after_fork_in_parent(self) -> None:
        """Resume telemetry in the parent process."""
        self._dispatcher.after_fork_in_parent()

    def after_fork_in_child(self) -> None:
        """Start without the calls of the parent process."""
        self.counters.restart()
        self._dispatcher.restart()
        for outlet in self.outlets:
            outlet.after_fork_in_child()

    def _tell(self, ended: EndedCall) -> None:
        assert self._signals is not None
        self.tried("a call could not be told", self._signals.tell, *ended)


class _Followed:
    """A call that is followed."""

    __slots__ = ("_span", "_telemetry")

    def __init__(self, telemetry: Telemetry, span: Any) -> None:
        self._telemetry = telemetry
        self._span = span

    def enter(self) -> Any:
        return self._telemetry.enter(self._span)

    def leave(self, entered: Any) -> None:
        self._telemetry.leave(entered)

    def end(self, outcome: Outcome[Any]) -> None:
        self._telemetry.tried("a call was not counted", self._telemetry.end, outcome, self._span)
