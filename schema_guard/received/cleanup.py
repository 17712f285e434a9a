# SPDX-License-Identifier: Apache-2.0
"""Closing what a function was streaming, down to the connection.

A generator of the user's that is closed leaves the SDK's stream under it open: the stream stands in a circle with its own
generator, so that the server goes on sending until the garbage collector comes by. So the stream is looked for and closed.

Rules:
1. Closed is only an iterator that has a response to close: never a client, a session or a file.
2. It is looked for in what a generator holds, and in iterators that it holds, within `_DEEPEST` steps.
3. A generator that ran to its end has left what it holds as it wanted to: nothing under it is touched.
"""

from __future__ import annotations

import gc
import io
import sys
from types import CellType
from typing import TYPE_CHECKING, Any, Final

from schema_guard.providers.fields import field
from schema_guard.received.traceback_reply import frames_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_DEEPEST: Final = 8
_MOST_VISITED: Final = 1_000


def streams_under(source: object) -> list[Any]:
    """Return the streams of SDKs that an iterator reads from, however many generators are between them."""
    streams: list[Any] = []
    seen = {id(source)}
    level: list[Any] = [] if _has_response(source) else [source]
    for _ in range(_DEEPEST):
        below: list[Any] = []
        for part in (part for holder in level for part in _referents(holder)):
            if id(part) in seen or not _is_iterator(part) or len(seen) > _MOST_VISITED:
                continue
            seen.add(id(part))
            (streams if _has_response(part) else below).append(part)
        level = below
    return streams


def streams_of_exception() -> list[Any]:
    """Give the streams of SDKs that stood in the functions which the exception under way has ended."""
    error = sys.exception()
    frames = () if error is None else frames_of(error)
    held = (part for _, names in frames for part in names.values())
    return [part for part in held if _is_iterator(part) and _has_response(part)]


def _referents(holder: Any) -> Iterator[Any]:
    """Yield what an iterator refers to: the variables and open loops of a generator, the attributes of an object."""
    own = getattr(holder, "__dict__", None)
    for part in gc.get_referents(holder):
        if isinstance(part, CellType):
            yield from gc.get_referents(part)
        elif type(part) is dict and part is own:
            yield from own.values()
        elif type(part) is tuple:
            yield from part
        else:
            yield part


def _is_iterator(part: object) -> bool:
    kind = type(part)
    # A class whose instances are iterators has their methods, and is none; a file is one.
    return (hasattr(kind, "__next__") or hasattr(kind, "__anext__")) and not isinstance(part, io.IOBase)


def _has_response(part: object) -> bool:
    response = field(part, "response")
    return any(callable(field(response, name)) for name in ("close", "aclose"))


def close(iterator: Any, under: Iterable[Any] = ()) -> None:
    """Close an iterator that can be closed, and the streams under it."""
    streams = [*streams_under(iterator), *under]
    try:
        close_alone(iterator)
    finally:
        for stream in streams:
            close_alone(stream if hasattr(stream, "close") else stream.response)


def close_alone(iterator: Any) -> None:
    """Close an iterator that can be closed, and nothing else."""
    closing = getattr(iterator, "close", None)
    if callable(closing):
        closing()


async def aclose(iterator: Any, under: Iterable[Any] = ()) -> None:
    """Close an asynchronous iterator that can be closed, and the streams under it."""
    streams = [*streams_under(iterator), *under]
    try:
        await aclose_alone(iterator)
    finally:
        for stream in streams:
            can_close = hasattr(stream, "close") or hasattr(stream, "aclose")
            await aclose_alone(stream if can_close else stream.response)


async def aclose_alone(iterator: Any) -> None:
    """Close an asynchronous iterator that can be closed, and nothing else."""
    for name in ("aclose", "close"):
        closing = getattr(iterator, name, None)
        if callable(closing):
            closed = closing()
            if hasattr(type(closed), "__await__"):
                await closed
            return
