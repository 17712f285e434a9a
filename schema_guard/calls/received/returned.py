# SPDX-License-Identifier: Apache-2.0
"""What a function returned, for one schema: its text, or the value that it had parsed already.

Rules, the first that fits:
1. A text is text. None is never a value: a model says null as text.
2. An instance of the schema's own class is the value, whatever its fields are called.
3. A dict with a key that marks replies and that the schema itself declares is data.
4. A provider's reply is read; where the SDK had parsed it too, that stands beside the text.
5. Wrappers of others are opened: pairs, `.parsed`, results of agents, raw and HTTP responses.
6. What is left and plain JSON is data, a bool or number only where the schema is about one.
Nothing here raises, whatever comes.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Final

from schema_guard.calls.fields import first
from schema_guard.calls.received.owned import declares, is_own, is_own_scalar, never_filled
from schema_guard.calls.received.refusals import refused_by
from schema_guard.calls.received.ways_out import way_out
from schema_guard.calls.received.wrappers import opened
from schema_guard.calls.replies import Reply, no_reply, read, read_shape, readers
from schema_guard.core.values import Failure, ParsedValue
from schema_guard.outside import is_from_outside

if TYPE_CHECKING:
    from schema_guard.core.schema import Schema

__all__ = ["grown", "returned"]

# Wrappers in wrappers: an HTTP response in a pair in a result.
_DEEPEST: Final = 4
# Where SDKs keep what they had parsed, beside the text.
_PARSED: Final = ("output_parsed", "parsed_output", "parsed")


def returned(given: object, schema: Schema[Any]) -> Reply:
    """Read what a function gave back; never raises.

    Args:
        given: Anything.
        schema: Of the guard: it says which values are its own.
    """
    try:
        return _read(given, schema, _DEEPEST) or refused(given)
    except Exception as error:
        if is_from_outside(error, lambda: _read(given, schema, _DEEPEST)):
            raise
        # A foreign object may raise anything from any access.
        return refused(given)


def grown(reply: Reply, value: object, schema: Schema[Any]) -> Reply:
    """Read the last chunk of a stream of growing values, if it is an instance of the schema's own class."""
    return returned(value, schema) if is_own(schema, value) else reply


def refused(given: object) -> Reply:
    """Give the reply for what cannot be judged: it says what to return instead of a value of that type."""
    failure = no_reply(given).failure
    assert failure is not None
    return Reply(failure=Failure("transport", "no_reply", way_out(given) or failure.message))


def _read(given: object, schema: Schema[Any], depth: int) -> Reply | None:  # noqa: PLR0911 - a rule each
    if isinstance(given, str | bytes | bytearray | Reply):
        return read(given)
    if given is None or depth == 0:
        return None
    if is_own(schema, given):
        return _own(given)
    if type(given) is dict and declares(schema, given.keys() & _markers()):
        return Reply(given=ParsedValue(given))
    reply = read_shape(given)
    if reply is not None:
        return _beside(given, reply, schema)
    reply = opened(given, lambda inner: _read(inner, schema, depth - 1))
    if reply is not None:
        return reply
    if isinstance(given, dict | list) or is_own_scalar(schema, given):
        return Reply(given=ParsedValue(given))
    return None


@cache
def _markers() -> frozenset[str]:
    return frozenset(marker for marker, _ in readers().replies)


def _own(given: object) -> Reply:
    """Read an instance of the schema's own class; instructor hangs the reply on it that it was made from."""
    from schema_guard.calls.received.instructor import reply_behind

    reply = reply_behind(given) or Reply()
    empty = never_filled(given)
    if empty:
        details = [{"type": "null_type", "loc": (name,), "msg": "a value", "input": None} for name in empty]
        return reply._replace(failure=reply.failure or refused_by(details))
    return reply._replace(given=ParsedValue(given, own=True), failure=None, refusal=None)


def _beside(given: object, reply: Reply, schema: Schema[Any]) -> Reply:
    """Add what the SDK had parsed to a reply whose text is known, where it is an instance of the schema's own class."""
    if reply.failure is not None or schema.annotation is None:
        return reply
    message = getattr(first(_kept(given, "choices")), "message", None)
    for holder in (given, message):
        for name in _PARSED:
            value = _kept(holder, name)
            if value is not None and is_own(schema, value):
                return reply._replace(given=ParsedValue(value, own=True))
    return reply


def _kept(holder: object, name: str) -> Any:
    """Give an attribute that an object, or its class, has as such: a Pydantic model is slow to say that it has none."""
    if name in getattr(holder, "__dict__", ()) or hasattr(type(holder), name):
        return getattr(holder, name, None)
    return None
