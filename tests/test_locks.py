"""Locks that a forked child finds free."""

import os
import threading

import pytest

from schema_guard.locks import fork_safe_lock


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
def test_child_finds_lock_of_another_thread_free():
    """A thread that held the lock when its process forked is not there to release it."""
    lock, is_held, may_end = fork_safe_lock(), threading.Event(), threading.Event()

    def hold():
        with lock:
            is_held.set()
            may_end.wait(10.0)

    thread = threading.Thread(target=hold)
    thread.start()
    is_held.wait(10.0)
    child = os.fork()
    if not child:
        os._exit(0 if lock.acquire(timeout=5.0) else 1)
    may_end.set()
    thread.join()

    assert os.waitpid(child, 0)[1] == 0


def test_lock_is_reentrant():
    """The handler of a signal may take the lock that its own thread holds."""
    lock = fork_safe_lock()

    with lock:
        assert lock.acquire(timeout=0.0)
