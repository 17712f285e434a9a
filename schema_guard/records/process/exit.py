# SPDX-License-Identifier: Apache-2.0
"""Functions that a process calls before it ends, so that its last records are stored.

A process that returns, raises, or is interrupted by Ctrl-C needs none of them, because pending records are written at
exit. The library installs no signal handler unless you call `flush_on_sigterm`.
"""

from __future__ import annotations

import os
import signal
import time
from threading import current_thread, main_thread
from typing import TYPE_CHECKING

from schema_guard.arguments import require_seconds
from schema_guard.errors import InvalidArgument
from schema_guard.records.writing.writer import EXIT_FLUSH_S, live_writers

if TYPE_CHECKING:
    from types import FrameType


def flush(timeout_s: float = 2.0) -> int:
    """Wait until all stores of this process have stored or lost their pending attempts.

    Args:
        timeout_s: Maximum waiting time for all stores together, in seconds.

    Returns:
        Number of attempts that are still pending.

    Raises:
        InvalidArgument: The value of *timeout_s* isn't a number.
    """
    require_seconds("timeout_s", timeout_s, least=None)
    deadline = time.monotonic() + timeout_s
    return sum(writer.flush(max(0.0, deadline - time.monotonic())) for writer in live_writers())


def flush_on_sigterm() -> None:
    """Store pending attempts when this process receives SIGTERM, which otherwise ends it at once.

    Storing takes at most two seconds. Afterward, the signal ends the process, with the usual exit status. Call this
    function in the main thread. Don't call this function if a server such as gunicorn, Celery, or uvicorn handles the
    signal. These servers end Python normally, which stores pending attempts, or have a hook in which you can call
    `schema_guard.flush()`.

    Raises:
        InvalidArgument: The current thread isn't the main thread, SIGTERM already has a handler, or the process ignores
            SIGTERM.
    """
    if current_thread() is not main_thread():
        raise InvalidArgument("flush_on_sigterm() was called in another thread. Call it in the main thread")
    before = signal.getsignal(signal.SIGTERM)
    if before is _flush_and_end:
        return
    if before is not signal.SIG_DFL:
        raise InvalidArgument(
            f"SIGTERM already has the handler {before!r}. Call schema_guard.flush() in that handler instead"
        )
    signal.signal(signal.SIGTERM, _flush_and_end)


def _flush_and_end(number: int, frame: FrameType | None) -> None:
    try:
        flush(EXIT_FLUSH_S)
    finally:
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
