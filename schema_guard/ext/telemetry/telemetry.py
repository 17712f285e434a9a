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
from typing import TYPE_CHECKING, Any

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

_REPORT_EVERY_S = 60.0


class Faults:
    """Log each kind of telemetry fault once a minute, and raise nothing."""

    def __init__(self) -> None:
        self._reported_at: dict[str, float] = {}
        self._saying = fork_safe_lock()

    def say(self, what: str, error: Exception) -> None:
        """Log a fault by the name of its exception, because a message may contain reported text."""
        if not self._saying.acquire(blocking=False):
            return  # another thread logs now, and this one must not wait
        try:
            now, before = time.monotonic(), self._reported_at.get(what)
            due = before is None or now - before >= _REPORT_EVERY_S
            if due:
                self._reported_at[what] = now
        finally:
            self._saying.release()
        if due:
            warn("telemetry: %s: %s. Calls continue", what, type(error).__name__)


MOST_WAITING = 2_000
_FORK_WAIT_S = 0.1


class Telemetry:
    """Active telemetry. To create it, call `enable`.

    Ended calls wait in a queue for a thread that hands them to the exporters. Without signals, there is no thread.
    """

    def __init__(
        self,
        counters: Counters,
        signals: Signals | None,
        faults: Faults,
        started: Callable[[], None],
    ) -> None:
        self.counters, self.signals = counters, signals
        self._faults, self._started = faults, started
        self.outlets: list[TextFile | MetricsEndpoint] = []
        self._restart()

    def _restart(self) -> None:
        """Start without calls, as a forked child does. Waiting calls belong to its parent."""
        # The outcome of each call, its span, and the nanoseconds since the epoch when it ended.
        self._queue: SimpleQueue[tuple[Outcome[Any], Any, int] | Event | None] = SimpleQueue()
        self._starting = RLock()
        self._telling = Lock()
        self._is_held = False
        self._thread: Thread | None = None

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
        thread = self._thread
        if thread is None or thread is current_thread():
            return 0
        mark = Event()
        self._queue.put(mark)
        return 0 if mark.wait(timeout_s) else max(1, self._queue.qsize() - 1)

    def begin(self, call: Callable[[], Call]) -> _Followed:
        """Start the telemetry of a call. If only counters are active, read its facts only at its end."""
        signals = self.signals
        return _Followed(
            self, None if signals is None else self.tried("starting a span failed", signals.start, call())
        )

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

    def report(self, outcome: Outcome[Any], span: Any) -> None:
        """Add a call that has ended to the queue. If the queue is full, only count the call."""
        if self._queue.qsize() >= MOST_WAITING:
            self.counters.untold()
            return
        self._queue.put((outcome, span, time.time_ns()))
        if self._thread is None:
            self._start()

    def stop(self, timeout_s: float = 2.0) -> int:
        """Report waiting calls, write the file a last time, and end all threads. Return the number of unreported calls."""
        remaining = self.flush(timeout_s)
        self._queue.put(None)
        for outlet in self.outlets:
            outlet.stop()
        return remaining

    def before_fork(self) -> None:
        """Stop the thread between two calls until the fork is over, if that is possible soon."""
        if self._thread is not current_thread():
            self._is_held = self._telling.acquire(timeout=_FORK_WAIT_S)

    def after_fork_in_parent(self) -> None:
        """Let the thread continue."""
        if self._is_held:
            self._is_held = False
            self._telling.release()

    def after_fork_in_child(self) -> None:
        """Start without the calls of the parent process."""
        self.counters.restart()
        self._restart()
        for outlet in self.outlets:
            outlet.after_fork_in_child()

    def _start(self) -> None:
        with self._starting:
            if self._thread is not None:
                return
            self._thread = Thread(target=self._run, name="schema-guard-telemetry", daemon=True)
            try:
                self._thread.start()
            except BaseException as error:
                # If the thread runs anyway, it waits for this lock, and then ends.
                self._thread = None
                # RuntimeError: no thread is available, or the interpreter is ending
                if not isinstance(error, RuntimeError) or is_interruption(error):
                    raise
                return
        self._started()

    def _run(self) -> None:
        with self._starting:
            if self._thread is not current_thread():
                return
        assert self.signals is not None
        while (entry := self._queue.get()) is not None:
            if isinstance(entry, Event):
                entry.set()
                continue
            with self._telling:
                self.tried("reporting a call failed", self.signals.tell, *entry)
        self._thread = None
        if not self._queue.empty():
            self._start()


class _Followed:
    """A call with telemetry."""

    __slots__ = ("_span", "_telemetry")

    def __init__(self, telemetry: Telemetry, span: Any) -> None:
        self._telemetry = telemetry
        self._span = span

    def enter(self) -> Any:
        signals = self._telemetry.signals
        if self._span is None or signals is None:
            return None
        return self._telemetry.tried("entering a span failed", signals.enter, self._span)

    def leave(self, entered: Any) -> None:
        if entered is not None and self._telemetry.signals is not None:
            self._telemetry.signals.leave(entered)

    def end(self, outcome: Outcome[Any]) -> None:
        self._telemetry.tried("counting a call failed", self._end, outcome)

    def _end(self, outcome: Outcome[Any]) -> None:
        self._telemetry.counters.count(outcome)
        if self._span is not None:
            self._telemetry.report(outcome, self._span)
