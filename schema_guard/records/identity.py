# SPDX-License-Identifier: Apache-2.0
"""The identity of a call: its id, and its parent, which is the call inside which it began."""

from __future__ import annotations

import os
from contextvars import ContextVar
from itertools import count
from time import time
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from schema_guard.schema import Schema

CallStart: TypeAlias = "tuple[float, int, str, Schema[Any] | None]"
"""The facts about the start of a call: its time (seconds since the epoch), its number in this process, the part that all
ids of the process share, and its schema. Its id is built from them. Copied contexts keep it alive, so it has neither the
task nor the parent. It is a plain tuple because every call makes one: in 35 ns, and a named tuple in 225 ns."""

current_call: ContextVar[CallStart | None] = ContextVar("schema_guard_call", default=None)
"""The guarded or recorded call that runs now, which is the parent of new calls. None outside of calls."""

current_tools: ContextVar[frozenset[str]] = ContextVar("schema_guard_tools", default=frozenset())
"""Names of the tools whose calls an outer recorder records. A recorder inside it doesn't record them."""


class Tags(NamedTuple):
    """Tags of a block of code for the calls in it.

    Attributes:
        segment: Part of the traffic.
        cluster: Inputs that belong together.
        function: Name in records for the function of recorded calls. Guarded functions keep their own names.
    """

    segment: str | None = None
    cluster: str | None = None
    function: str | None = None


current_tags: ContextVar[Tags] = ContextVar("schema_guard_tags", default=Tags())  # noqa: B039 - a tuple
"""The tags of the innermost `tags(...)` block."""

# Bound once because the compiler otherwise creates a method object for each call of an imported name's method. That
# would take 400 instructions of the 25,000 of a small guarded call.
call_around, tags_around = current_call.get, current_tags.get
begin_inside, end_inside = current_call.set, current_call.reset


class _Series:
    """Ids of one process: a random start, then one more for each, which costs no system call.

    Attributes:
        middle: The part in the middle of all ids of this process.
        number: Counts the calls from a random start.
    """

    def __init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """Draw a new start, because a forked child must not continue with the numbers of its parent process."""
        random = int.from_bytes(os.urandom(10), "big")
        # RFC 9562: version 7, 12 bits, variant 10 and two bits more; the counter has the 60 bits after that.
        self.middle = f"7{random >> 68:03x}{8 | (random >> 66 & 3):x}"
        self.number = count(random & _COUNTER)


_COUNTER = 0x0FFFFFFFFFFFFFFF
series = _Series()
"""The ids of this process."""
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=series.restart)


def start_call(at: float, schema: Schema[Any] | None = None) -> CallStart:
    """Start a call.

    Args:
        at: The time, in seconds since the epoch.
        schema: Schema of the call. A recorder further inside with the same schema doesn't record the call again.
    """
    return at, next(series.number), series.middle, schema


class Origin(NamedTuple):
    """The context in which a call began.

    Attributes:
        start: The start of the call.
        outer: The start of its parent, or None without a parent.
        tags: The tags of the block in which it began.
    """

    start: CallStart
    outer: CallStart | None
    tags: Tags


def origin(schema: Schema[Any] | None) -> Origin:
    """Start a call now, in the current context."""
    return Origin(start_call(time(), schema), current_call.get(), current_tags.get())


def id_of(call: CallStart) -> str:
    """Return the id of a call: 32 hex digits of a UUID of version 7 (RFC 9562 s. 5.7), so ids sort by time.

    Unique across threads, processes, and machines, unless 74 random bits agree in one millisecond.
    """
    at, number, middle, _ = call
    return f"{int(at * 1000):012x}{middle}{number & _COUNTER:015x}"


def new_call_id(at: float) -> str:
    """Return a new id for an event at a time, in seconds since the epoch."""
    return id_of(start_call(at))


def current_call_id() -> str | None:
    """Return the id of the guarded or recorded call that runs now. None outside of calls."""
    call = current_call.get()
    return None if call is None else id_of(call)
