# SPDX-License-Identifier: Apache-2.0
"""The connections of this process to one file, which a fork must not find open.

A forked child that has a copy of a connection damages what it touches: the locks of SQLite are the parent's. So a fork
waits until every connection of the process is closed, new ones wait for the fork, and waits for a lock are broken off.
"""

from __future__ import annotations

import time
from threading import Condition, RLock, get_ident
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class HurriedError(Exception):
    """A wait for a lock was broken off, for the process is about to fork; what waited is done again afterwards."""


def has_forked(path: Path) -> str:
    """Return why a forked child does not touch a file."""
    return (
        f"{path} had an open connection when this process was forked, so this process can't use it. Fork "
        "when no write is in progress, or start the process with spawn"
    )


class Connections:
    """Counts the open connections of one process to one file, and lets a fork happen when there are none.

    Attributes:
        is_hurried: Whether a fork waits for the connections to be closed.
        waits_since: On the monotonic clock: since when a write waits for another process; None while none does.
        write_start: When the write under way had its turn, and its connection; None when there is none.
        is_inherited: Whether this process was forked while one of its parent's was open.
    """

    def __init__(self) -> None:
        self._restart()
        self.is_inherited = False

    def _restart(self) -> None:
        # Entered by itself: a signal that arrives as a Condition is entered or left leaves its lock held.
        self._lock = RLock()
        self._changed = Condition(self._lock)
        self._threads: list[int] = []  # by which each one was opened
        self.is_hurried = False
        self.waits_since: float | None = None
        self.write_start: tuple[float, object] | None = None

    def opened(self) -> None:
        """Count a connection before it is opened; waits while the process forks."""
        with self._lock:
            self._threads.append(get_ident())

    def closed(self) -> None:
        """Count a connection out when it is closed."""
        with self._lock:
            if self._threads:
                mine = get_ident()
                self._threads.remove(mine if mine in self._threads else self._threads[0])
            self._changed.notify_all()

    def is_broken_off(self) -> bool:
        """Return whether a wait for a lock, which is noted, is to be broken off."""
        if self.waits_since is None:
            self.waits_since = time.monotonic()
        return self.is_hurried

    def before_fork(self, deadline: float) -> None:
        """Wait until no other thread has a connection open, and let none open one until `after_fork`.

        Args:
            deadline: On the monotonic clock: how long to wait at most.
        """
        self.is_hurried = True
        if self._changed.acquire(timeout=max(0.0, deadline - time.monotonic())):
            mine = get_ident()
            self._changed.wait_for(
                lambda: all(thread == mine for thread in self._threads), max(0.0, deadline - time.monotonic())
            )

    def after_fork(self, *, in_child: bool) -> None:
        """Go on in the parent; in the child, begin anew with what was left open."""
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
