# SPDX-License-Identifier: Apache-2.0
"""The threads of a process: those that run an event loop, and those of this library."""

from __future__ import annotations

import logging
import sys
import threading

from schema_guard.interruptions import is_interruption

_logger = logging.getLogger("schema_guard")


def is_on_event_loop() -> bool:
    """Check whether this thread runs an event loop, which may not wait."""
    # The public function raises RuntimeError if there is none, which the handler of a signal may raise too.
    get_running_loop = getattr(sys.modules.get("asyncio"), "_get_running_loop", None)
    return get_running_loop is not None and get_running_loop() is not None


def warn(message: str, *values: object) -> None:
    """Log a warning from a thread that must not end if a handler or filter of the log raises."""
    try:
        _logger.warning(message, *values)
    except Exception as error:
        if is_interruption(error):
            raise
        threading.excepthook(threading.ExceptHookArgs([type(error), error, error.__traceback__, None]))
