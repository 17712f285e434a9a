# SPDX-License-Identifier: Apache-2.0
"""Exceptions that interrupt our code while it reads something that may raise an exception of its own.

The handler of a signal raises wherever the program happens to be: a soft time limit of Celery, the job limit of RQ, a
handler of SIGALRM. Our code catches what foreign objects raise. It never catches what a handler raises.
"""

from __future__ import annotations

TYPE_CHECKING = False  # what type checkers take for true; importing typing costs 9 ms

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType
    from typing import Any, TypeVar

    R = TypeVar("R")
    D = TypeVar("D")

_CO_VARARGS = 4


def value_or(default: D, read: Callable[..., R], *args: Any, **kwargs: Any) -> R | D:
    """Return what foreign code returns; *default* if it raises an exception of its own."""
    try:
        return read(*args, **kwargs)
    except Exception as error:
        if is_interruption(error):
            raise
        return default


def is_interruption(error: BaseException) -> bool:
    """Return whether the handler of a signal raised an exception, in our code or in a foreign object's."""
    trace = error.__traceback__
    while trace is not None:
        if _is_handler(trace.tb_frame):
            return True
        trace = trace.tb_next
    return False


def _is_handler(frame: FrameType) -> bool:
    """Return whether a signal called a function: an argument is the frame that it interrupted."""
    code, interrupted = frame.f_code, frame.f_back
    count = code.co_argcount + code.co_kwonlyargcount + bool(code.co_flags & _CO_VARARGS)
    if interrupted is None or not count:
        return False
    arguments = [frame.f_locals.get(name) for name in code.co_varnames[:count]]
    return any(
        part is interrupted for value in arguments for part in (value if type(value) is tuple else (value,))
    )
