# SPDX-License-Identifier: Apache-2.0
"""The open connections of this process to one file, which must be closed before a fork.

A forked child with a copy of a connection damages the file, because the locks of SQLite belong to the parent. So a
fork waits until every connection of the process is closed. New connections wait for the fork, and waits for a lock
end early.
"""

from __future__ import annotations

import time
from threading import Condition, RLock, get_ident
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class HurriedError(Exception):
    """A wait for a lock ended early, because the process is about to fork. The operation is repeated after the fork."""


def has_forked(path: Path) -> str:
    """Return the reason why a forked child does not open a file."""
    return (
        f"{path} had an open connection when this process was forked, so this process can't use it. Fork "
        "when no write is in progress, or start the process with spawn"
    )


class Connections:
    """Counts the open connections of one process to one file, and allows a fork when there are none.

    Attributes:
        is_hurried: Whether a fork waits for the connections to be closed.
        waits_since: Time since which a write waits for another process, on the monotonic clock. None if none does.
        write_start: Start of the turn of the current write, and its connection. None if there is none.
        is_inherited: Whether this process was forked while a connection of its parent was open.
    """

    def __init__(self) -> None:
        self._restart()
        self.is_inherited = False

    def _restart(self) -> None:
        # Entered instead of the Condition. A signal while a Condition is entered or left would leave its lock held.
        self._lock = RLock()
        self._changed = Condition(self._lock)
        self._threads: list[int] = []  # the thread that opened each connection
        self.is_hurried = False
        self.waits_since: float | None = None
        self.write_start: tuple[float, object] | None = None

    def opened(self) -> None:
        """Count a connection before it is opened. Wait while the process forks."""
        with self._lock:
            self._threads.append(get_ident())

    def closed(self) -> None:
        """Subtract a connection from the count when it is closed."""
        with self._lock:
            if self._threads:
                mine = get_ident()
                self._threads.remove(mine if mine in self._threads else self._threads[0])
            self._changed.notify_all()

    def is_broken_off(self) -> bool:
        """Return whether to end a wait for a lock early. Record the start of the wait."""
        if self.waits_since is None:
            self.waits_since = time.monotonic()
        return self.is_hurried

    def before_fork(self, deadline: float) -> None:
        """Wait until no other thread has a connection open, and let none open one until `after_fork`.

        Args:
            deadline: End of the longest wait, on the monotonic clock.
        """
        self.is_hurried = True
        if self._changed.acquire(timeout=max(0.0, deadline - time.monotonic())):
            mine = get_ident()
            self._changed.wait_for(
                lambda: all(thread == mine for thread in self._threads), max(0.0, deadline - time.monotonic())
            )

    def after_fork(self, *, in_child: bool) -> None:
        """Allow connections again in the parent. In the child, restart the count, and note if one was left open."""
        if in_child:
            left_open = bool(self._threads)
            self._restart()
            self.is_inherited = self.is_inherited or left_open
            return
        self.is_hurried = False
        try:
            self._changed.release()
        except RuntimeError:  # it could not be acquired in time
            return
