"""A clock that a test moves, so that a test can record weeks of calls within a second."""

import sys
import time
from contextlib import contextmanager

START = 1_780_000_000.0
"""2026-05-28, 20:26:40 UTC."""


class Clock:
    """The wall clock and the stopwatch of this process, as schema_guard reads them.

    Attributes:
        now: Seconds since the epoch.
        spent: Seconds on the stopwatch.
    """

    def __init__(self, now=START):
        self.now = now
        self.spent = 0.0

    def time(self):
        return self.now

    def perf_counter(self):
        return self.spent


@contextmanager
def stopped_clock(now=START):
    """Make schema_guard read a clock that moves only when the test moves it.

    Modules can bind `time.time` to names of their own. This replaces each of these bindings.
    """
    clock = Clock(now)
    pairs = [(getattr(time, name), getattr(clock, name)) for name in ("time", "perf_counter")]
    _rebind(pairs)
    try:
        yield clock
    finally:
        _rebind([(fake, real) for real, fake in pairs])


def _rebind(pairs):
    for real, fake in pairs:
        for name, module in list(sys.modules.items()):
            if name == "time" or name.partition(".")[0] == "schema_guard":
                for key in [key for key, value in vars(module).items() if _is(value, real)]:
                    setattr(module, key, fake)


def _is(value, other):
    # Each access creates a new bound method, so two of them are equal but not identical.
    return value is other or (callable(value) and type(value) is type(other) and value == other)
