# SPDX-License-Identifier: Apache-2.0
"""Locks and cached values that a forked child finds free."""

from __future__ import annotations

import os
from threading import RLock
from typing import TYPE_CHECKING
from weakref import WeakSet

if TYPE_CHECKING:
    from functools import cached_property
    from typing import Any
else:

    class cached_property:  # noqa: N801 - its name in `functools`
        """`functools.cached_property` without a lock.

        On Python 3.11, that of `functools` holds a lock of its class, and a child that is forked meanwhile waits for
        it forever. Two threads may compute a value at once. Both get the one that was ready first.
        """

        def __init__(self, compute: Any) -> None:
            self._compute = compute
            self.__doc__ = compute.__doc__

        def __set_name__(self, owner: type, name: str) -> None:
            self._name = name

        def __get__(self, instance: Any, owner: type | None = None) -> Any:
            if instance is None:
                return self
            return instance.__dict__.setdefault(self._name, self._compute(instance))


__all__ = ["cached_property", "fork_safe_lock"]

_locks: WeakSet[RLock] = WeakSet()


def fork_safe_lock() -> RLock:
    """Return a lock that a forked child finds free, whichever thread of its parent held it.

    It is reentrant, because a signal handler or the garbage collector may run a guarded call anywhere.
    """
    lock = RLock()
    _locks.add(lock)
    return lock


def _free_in_child() -> None:
    for lock in list(_locks):
        lock._at_fork_reinit()  # type: ignore[attr-defined] # noqa: SLF001 - as threading does


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_free_in_child)
