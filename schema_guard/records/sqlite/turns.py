# SPDX-License-Identifier: Apache-2.0
"""The advisory lock under which the processes that share a SQLite file write, one at a time.

SQLite 3.7.0 to 3.51.2 can damage a WAL database when one connection checkpoints at the instant in which
another one writes. SQLite's own locks do not prevent that; this lock does, among our processes.
"""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

try:
    import fcntl
except ImportError:  # pragma: no cover - not on Windows
    fcntl = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_POLL_S = 0.002


@contextmanager
def turn(path: Path, *, wait_s: float) -> Iterator[None]:
    """Hold the lock of the database at *path*; TimeoutError after *wait_s*, OSError if it has no lock file."""
    if fcntl is None:  # pragma: no cover - not on Windows
        yield
        return
    lock = os.open(f"{path}-lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        _acquire(lock, time.monotonic() + wait_s)
        try:
            yield
        finally:
            # Closing is not enough: a process forked meanwhile holds a copy of the descriptor.
            fcntl.flock(lock, fcntl.LOCK_UN)
    finally:
        os.close(lock)


def _acquire(lock: int, deadline: float) -> None:
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise TimeoutError from None
            time.sleep(_POLL_S)
        else:
            return
