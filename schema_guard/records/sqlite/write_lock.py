# SPDX-License-Identifier: Apache-2.0
"""The advisory lock under which the processes that share a SQLite file write, one at a time.

SQLite 3.7.0 to 3.51.2 can damage a WAL database when one connection checkpoints at the instant in which
another one writes. SQLite's own locks do not prevent that. This lock does, among our processes.
"""

from __future__ import annotations

import os
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from schema_guard.records.sqlite.connections import HurriedError

try:
    import fcntl
except ImportError:  # pragma: no cover - not on Windows
    fcntl = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_POLL_S = 0.002


_open_locks: set[int] = set()  # descriptors of lock files that this process has open


@contextmanager
def turn(path: Path, *, wait_s: float, is_hurried: Callable[[], bool] = bool) -> Iterator[None]:
    """Acquire the write lock of the database at *path* for a block.

    Raises:
        TimeoutError: The lock was not free within *wait_s*.
        HurriedError: *is_hurried* returned True, so the wait ended early.
        OSError: The lock file can't be opened.
    """
    if fcntl is None:  # pragma: no cover - not on Windows
        yield
        return
    lock = os.open(f"{path}-lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    _open_locks.add(lock)
    try:
        _acquire(lock, time.monotonic() + wait_s, is_hurried)
        try:
            yield
        finally:
            # Closing is not enough, because a process forked meanwhile has a copy of the descriptor.
            fcntl.flock(lock, fcntl.LOCK_UN)
    finally:
        if lock in _open_locks:  # otherwise this is a forked child, in which it is closed
            _open_locks.discard(lock)
            os.close(lock)


def _acquire(lock: int, deadline: float, is_hurried: Callable[[], bool]) -> None:
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if is_hurried():
                raise HurriedError from None
            if time.monotonic() > deadline:
                raise TimeoutError from None
            time.sleep(_POLL_S)
        else:
            return


def _close_in_child() -> None:
    """Close the copies of locks in a forked child, which would otherwise hold them as long as it lives."""
    while _open_locks:
        with suppress(OSError):
            os.close(_open_locks.pop())


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_close_in_child)
