"""Strikes a call with a signal at each point at which Python runs handlers of signals, one point after the other."""

import gc
import signal
import sys
from contextlib import contextmanager
from contextvars import copy_context
from pathlib import Path

import schema_guard

PACKAGE = str(Path(schema_guard.__file__).parent)


class Limit(TimeoutError, ValueError, RuntimeError, TypeError, LookupError, ArithmeticError):
    """An exception that a handler raises, of each class that a library may take for an answer."""


def escapes(call, *, step=1, within=()):
    """Return the points whose exception did not come out of the call as itself, and how many points there were.

    Points are those in the files of the library, and in files whose names hold a text of *within*.

    Python runs handlers when a function begins, and when one that is written in C returns. It calls a profiler there.
    """
    # A call that is struck before it puts a context variable back leaves it to this copy.
    return copy_context().run(_escapes, call, step, within)


def _escapes(call, step, within):
    lost, number = [], 1
    with _signals((PACKAGE, *within)) as strike:
        while (point := strike.during(call, number)) is not None:
            if point:
                lost.append(point)
            number += step
    return lost, number - 1


class _Strike:
    def __init__(self, within):
        self.within = within
        self.error = None
        self.finalized = []

    def handle(self, number, frame):
        raise self.error

    def during(self, call, number):
        """Return None if the call has fewer points, "" if the exception came out, otherwise the point."""
        self.error, point, seen = Limit("from outside"), None, 0
        self.finalized.clear()

        def profile(frame, event, function):
            nonlocal point, seen
            if event in ("call", "c_return") and any(
                part in frame.f_code.co_filename for part in self.within
            ):
                seen += 1
                if seen == number:
                    sys.setprofile(None)
                    point = f"{frame.f_code.co_filename}:{frame.f_lineno} {event} {getattr(function, '__name__', '')}"
                    signal.raise_signal(signal.SIGUSR1)

        sys.setprofile(profile)
        try:
            call()
        except Limit as error:
            if error is self.error:
                return ""
        except Exception as error:
            if point is None:
                raise
            point = f"{point}: {error!r}"
        finally:
            sys.setprofile(None)
        # An exception in a finalizer goes nowhere: Python itself reports it.
        return "" if self.error in self.finalized else point


@contextmanager
def _signals(within):
    strike = _Strike(within)
    handler = signal.signal(signal.SIGUSR1, strike.handle)
    hook, sys.unraisablehook = sys.unraisablehook, lambda text: strike.finalized.append(text.exc_value)
    gc.disable()
    try:
        yield strike
    finally:
        gc.enable()
        sys.unraisablehook = hook
        signal.signal(signal.SIGUSR1, handler)
