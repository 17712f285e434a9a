# SPDX-License-Identifier: Apache-2.0
"""Whether a thread runs an event loop, which must not wait for a disk."""

from __future__ import annotations

import sys

__all__ = ["is_on_event_loop"]


def is_on_event_loop() -> bool:
    """Return whether this thread runs an event loop."""
    get_running_loop = getattr(sys.modules.get("asyncio"), "get_running_loop", None)
    if get_running_loop is None:
        return False
    try:
        get_running_loop()
    except RuntimeError:
        return False
    return True
