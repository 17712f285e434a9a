# SPDX-License-Identifier: Apache-2.0
"""Close the streams that a function reads, down to the connection.

Closing a generator of the user's leaves the SDK's stream under it open. The stream is in a reference cycle with its own
generator, so the server continues to send until the garbage collector runs. These functions find and close the stream.

Rules:
1. Close only an iterator with a response that can be closed, never a client, a session, or a file.
2. Search the objects that a generator refers to, and iterators among them, at most `_DEEPEST` levels deep.
3. Touch nothing under a generator that ran to its end, because it left its objects as intended.
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
    """Return the streams of SDKs that an iterator reads from, through any generators between them."""
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
    """Return the streams of SDKs in the variables of the functions that the current exception has ended."""
    error = sys.exception()
    frames = () if error is None else frames_of(error)
    held = (part for _, names in frames for part in names.values())
    return [part for part in held if _is_iterator(part) and _has_response(part)]


def _referents(holder: Any) -> Iterator[Any]:
    """Yield the objects that an iterator refers to: variables and loops of a generator, attributes of an object."""
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
    # Check the type, because a class of iterators has their methods too. A file is an iterator, but must stay open.
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
