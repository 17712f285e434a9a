# SPDX-License-Identifier: Apache-2.0
"""What a fork waits for: locks that a child would inherit without anybody who lets go of them.

The lock of a module that another thread of the parent was importing: the child's own import of it would never end. What
this package imports at its first call is waited for; what others import is theirs to import before they fork. And the
locks that a thread takes when Python is done with it: OpenSSL takes one of its own when a thread ends that has used it,
and the first hash in a thread of the child would never end.
"""

from __future__ import annotations

import importlib
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from threading import Thread

_PACKAGE = __name__.partition(".")[0]
_POLL_S = 0.0005

# The locks of the modules that are being imported, by name: importlib tells it nobody, so that this may be empty some day.
_locks: dict[str, object] = getattr(getattr(importlib, "_bootstrap", None), "_module_locks", {})


def wait_for_imports(deadline: float) -> None:
    """Wait until no module of this package is being imported, at most until *deadline*, a time of the monotonic clock."""
    while any(name.startswith(_PACKAGE) for name in list(_locks)) and time.monotonic() < deadline:
        time.sleep(_POLL_S)


def wait_for_thread(ended: Thread | None, deadline: float) -> None:
    """Wait until the system has ended a thread that Python has ended, at most until *deadline*; only Linux tells it."""
    task = Path(f"/proc/self/task/{ended and ended.native_id}")
    while task.exists() and time.monotonic() < deadline:
        time.sleep(_POLL_S)
