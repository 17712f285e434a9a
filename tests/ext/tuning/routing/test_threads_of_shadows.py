"""The thread of shadows: a call needs none."""

import threading

import pytest

from schema_guard.ext.tuning.routing.shadows import Shadows


def test_no_thread_for_shadows_harms_no_call(monkeypatch):
    """A process that can't start a thread drops the shadow and counts it, and the next shadow tries again."""

    def refuse(thread):
        raise RuntimeError("can't start new thread")

    shadows = Shadows(10)
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        shadows.offer(lambda: None)

    assert (shadows.pending, shadows.made, shadows.dropped) == (0, 0, 1)
    shadows.offer(lambda: None)
    assert shadows.flush(5.0) == 0
    assert (shadows.made, shadows.dropped) == (1, 1)


def test_start_of_the_thread_that_is_interrupted_is_made_up_for(monkeypatch):
    """The shadow of an interrupted start is made by the thread of the next one."""

    class Interruption(BaseException):
        pass

    def interrupted(thread):
        raise Interruption

    shadows = Shadows(10)
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", interrupted)
        with pytest.raises(Interruption):
            shadows.offer(lambda: None)
    shadows.offer(lambda: None)

    assert shadows.flush(5.0) == 0
    assert shadows.made == 2
