# SPDX-License-Identifier: Apache-2.0
"""Waits before a fork, for locks that a child would inherit without a thread that releases them.

The first kind is the lock of a module that another thread of the parent is importing. The child's own import of this
module would never end. The fork waits for modules that this package imports at its first call. Other packages have to
import their modules before they fork. If the import takes longer, the child imports the module again. The second kind
are locks of a thread that Python has already ended. OpenSSL takes one when a thread ends that has used it, and the
first hash in a thread of the child would never end.
"""

from __future__ import annotations

import importlib
import os
import sys
import time
from pathlib import Path
from threading import get_ident
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from threading import Thread

_PACKAGE = __name__.partition(".")[0]
_POLL_S = 0.0005

# Locks of the modules that are being imported, by name. This is private to importlib, so it may be empty some day.
_locks: dict[str, Callable[[], object]] = getattr(getattr(importlib, "_bootstrap", None), "_module_locks", {})


def wait_for_imports(deadline: float) -> None:
    """Wait until no other thread imports a module of this package, at most until *deadline* on the monotonic clock."""
    while any(name.startswith(_PACKAGE) for name in _locks_of_others()) and time.monotonic() < deadline:
        time.sleep(_POLL_S)


def _forget_imports() -> None:
    """Drop the unfinished imports of the parent's other threads, so that a forked child can import these modules.

    A thread that imports a module of this package can be slow, or wait for a lock that the forking thread holds: a
    signal handler may fork in the middle of an import.
    """
    locks = _locks_of_others()
    importing = {owner for name, owner in locks.items() if name.startswith(_PACKAGE) and owner is not None}
    for name, owner in locks.items():
        if name.startswith(_PACKAGE) or owner in importing:
            del _locks[name]
            spec = getattr(sys.modules.get(name), "__spec__", None)
            if getattr(spec, "_initializing", False):
                del sys.modules[name]


def _locks_of_others() -> dict[str, object]:
    """Return the modules that other threads import, and the ident of each thread (None before it has the lock)."""
    locks = {name: ref() for name, ref in list(_locks.items())}
    owners = {name: getattr(lock, "owner", None) for name, lock in locks.items() if lock is not None}
    return {name: owner for name, owner in owners.items() if owner != get_ident()}


def wait_for_thread(ended: Thread | None, deadline: float) -> None:
    """Wait until the system has ended a thread that Python has ended, at most until *deadline*. Works only on Linux."""
    task = Path(f"/proc/self/task/{ended and ended.native_id}")
    while task.exists() and time.monotonic() < deadline:
        time.sleep(_POLL_S)


# The first fork imports this module, and the new function runs in its child too.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_imports)
