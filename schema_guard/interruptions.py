# SPDX-License-Identifier: Apache-2.0
"""Exceptions that interrupt our code while it reads something that may raise one of its own.

A soft time limit, a test's timeout and every other handler of a signal raises wherever the program happens to be. Where
that is a place at which we take an exception for an answer, it must go on as itself all the same.
"""

from __future__ import annotations

from itertools import pairwise

TYPE_CHECKING = False  # what type checkers take for true; importing typing costs 9 ms

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

__all__ = ["is_interruption"]


def is_interruption(error: BaseException, access: Callable[[], object] | None = None) -> bool:
    """Tell whether an exception is not the answer of what was looked at.

    It is not where the handler of a signal has raised it, be it in our code or in that of the object; and, if it can be
    looked at twice, where it does not come a second time: then somebody has thrown it into this thread.

    Args:
        error: What was caught.
        access: Does again what had raised it, where that changes nothing.

    Raises:
        Exception: The handler of a signal raised it during *access*.
    """
    trace = error.__traceback__
    while trace is not None:
        if _handles_a_signal(trace.tb_frame):
            return True
        trace = trace.tb_next
    if access is None:
        return False
    try:
        access()
    except Exception as second:
        if is_interruption(second):
            raise
        return type(second) is not type(error)
    return True


def _handles_a_signal(frame: FrameType) -> bool:
    """Tell whether a function was called by a signal: its arguments are a number and the frame that it interrupted."""
    interrupted, code = frame.f_back, frame.f_code
    # Arguments that stand in *args are a tuple behind the named ones.
    count = code.co_argcount + code.co_kwonlyargcount + bool(code.co_flags & 4)
    if interrupted is None or not count:
        return False
    given = [frame.f_locals.get(name) for name in code.co_varnames[:count]]
    flat = [part for value in given for part in (value if type(value) is tuple else (value,))]
    return any(isinstance(number, int) and where is interrupted for number, where in pairwise(flat))
