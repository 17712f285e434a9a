# SPDX-License-Identifier: Apache-2.0
"""What a process asks for before it ends, so that its last records are stored.

A process that returns, raises or is interrupted by Ctrl-C needs nothing of this: what is pending is written at exit.
The library installs no signal handler by itself.
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

__all__ = ["flush", "flush_on_sigterm"]


def flush(timeout_s: float = 2.0) -> int:
    """Wait until what any store of this process was handed is stored or lost.

    Args:
        timeout_s: How long to wait at most, for all stores together.

    Returns:
        The attempts that are still pending.

    Raises:
        InvalidArgument: *timeout_s* is no number.
    """
    require_seconds("timeout_s", timeout_s, least=None)
    deadline = time.monotonic() + timeout_s
    return sum(writer.flush(max(0.0, deadline - time.monotonic())) for writer in live_writers())


def flush_on_sigterm() -> None:
    """Store what is pending when this process is told to end by SIGTERM, which by default ends it at once.

    The process then ends as it would have: by the signal, with its exit status. It takes two seconds at most. To be
    called in the main thread, when nobody else handles the signal: servers that do (gunicorn, Celery, uvicorn) end
    by running Python, which stores what is pending, or offer a hook for `schema_guard.flush()`.

    Raises:
        InvalidArgument: This is not the main thread, or SIGTERM has a handler, or is ignored.
    """
    if current_thread() is not main_thread():
        raise InvalidArgument("flush_on_sigterm() was called in another thread: call it in the main thread")
    before = signal.getsignal(signal.SIGTERM)
    if before is _flush_and_end:
        return
    if before is not signal.SIG_DFL:
        raise InvalidArgument(
            f"SIGTERM is handled already, by {before!r}: call schema_guard.flush() in that handler instead"
        )
    signal.signal(signal.SIGTERM, _flush_and_end)


def _flush_and_end(number: int, frame: FrameType | None) -> None:
    try:
        flush(EXIT_FLUSH_S)
    finally:
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
