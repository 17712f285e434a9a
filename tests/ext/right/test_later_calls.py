"""The thread of calls after the answer: a call needs none."""

import threading

import pytest

from schema_guard.ext.right.later_calls import LaterCalls


def test_no_thread_for_later_calls_harms_no_call(monkeypatch):
    """A process that can't start a thread drops the call and counts it, and the next call tries again."""

    def refuse(thread):
        raise RuntimeError("can't start new thread")

    calls = LaterCalls(10)
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        calls.offer(lambda: None)

    assert (calls.pending, calls.made, calls.dropped) == (0, 0, 1)
    calls.offer(lambda: None)
    assert calls.flush(5.0) == 0
    assert (calls.made, calls.dropped) == (1, 1)


def test_start_of_the_thread_that_is_interrupted_is_made_up_for(monkeypatch):
    """The call of an interrupted start is made by the thread of the next one."""

    class Interruption(BaseException):
        pass

    def interrupted(thread):
        raise Interruption

    calls = LaterCalls(10)
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", interrupted)
        with pytest.raises(Interruption):
            calls.offer(lambda: None)
    calls.offer(lambda: None)

    assert calls.flush(5.0) == 0
    assert calls.made == 2
