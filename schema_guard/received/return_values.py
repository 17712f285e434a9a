# SPDX-License-Identifier: Apache-2.0
"""Read the result of a function for one schema: its text, or the value that it already parsed.

Rules, of which the first that fits applies:
1. A text is text. None is never a value, because a model expresses null as text.
2. An instance of the schema's own class is the value, whatever the names of its fields.
3. A dict with a key that marks replies and that the schema itself declares is data.
4. A provider's reply is read. If the SDK parsed it too, the parsed value is added to the text.
5. Wrappers of other libraries are opened: DSPy predictions, pairs, `.parsed`, agent results, raw and HTTP responses.
6. Any other plain JSON is data. A bool or number is data only if the schema is about one.
Nothing here raises for any value.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from schema_guard.interruptions import is_interruption
from schema_guard.providers.fields import first
from schema_guard.received import dspy
from schema_guard.received.advice import advice_for
from schema_guard.received.parsed_values import never_filled
from schema_guard.received.pydantic_errors import refused_by
from schema_guard.received.replies import PARSED, markers, no_reply, read, read_shape
from schema_guard.received.wrappers import unwrap
from schema_guard.values import Failure, ParsedValue, Reply

if TYPE_CHECKING:
    from schema_guard.received.parsed_values import TypedValues

# Wrappers in wrappers: an HTTP response in a pair in a result.
_DEEPEST: Final = 4


def read_result(result: object, own: TypedValues) -> Reply:
    """Read the result of a function. Never raises.

    Args:
        result: Any value.
        own: Facts of the guard's schema about values.
    """
    try:
        return _read(result, own, _DEEPEST) or refused(result)
    except Exception as error:
        if is_interruption(error):
            raise
        # A foreign object may raise anything from any access.
        return refused(result)


def grown(reply: Reply, value: object, own: TypedValues) -> Reply:
    """Read the last chunk of a stream of growing values, if it is an instance of the schema's own class.

    llama-index yields a copy of the class that takes any value, until the values are valid.
    """
    if any(kind.__name__ == "FlexibleModel" for kind in type(value).__mro__):
        return reply._replace(parsed=ParsedValue(_set_fields(value)), failure=None)
    return read_result(value, own) if own.is_instance(value) else reply


def _set_fields(value: Any) -> Any:
    return value.model_dump(mode="json", exclude_unset=True)


def refused(result: object) -> Reply:
    """Return the reply for a value that cannot be validated, with advice on the value to return instead."""
    failure = no_reply(result).failure
    assert failure is not None
    return Reply(failure=Failure("transport", "no_reply", advice_for(result) or failure.message))


def _read(result: object, own: TypedValues, depth: int) -> Reply | None:  # noqa: PLR0911 - a rule each
    if isinstance(result, str | bytes | bytearray | Reply):
        return read(result)
    if result is None or depth == 0:
        return None
    result = _last_value(result)
    if own.is_instance(result):
        return _read_instance(result)
    if type(result) is dict and not own.names.isdisjoint(markers()) and _is_data(result, own):
        return Reply(parsed=ParsedValue(result))
    reply = read_shape(result)
    if reply is not None:
        return _with_parsed_value(result, reply, own)
    reply = dspy.returned(result, own) or unwrap(result, lambda inner: _read(inner, own, depth - 1))
    if reply is not None:
        return reply
    if isinstance(result, dict | list) or own.is_schema_scalar(result):
        return Reply(parsed=ParsedValue(result))
    return None


def _is_data(document: dict[Any, Any], own: TypedValues) -> bool:
    """Return whether a dict has a key that marks replies and that the schema declares."""
    return any(name in document for name in markers() & own.names)


def _read_instance(value: object) -> Reply:
    """Read an instance of the schema's own class, and the reply that instructor attached to it."""
    reply = _attached_reply(value) or Reply()
    empty = never_filled(value)
    if empty:
        details = [{"type": "null_type", "loc": (name,), "msg": "a value", "input": None} for name in empty]
        return reply._replace(failure=reply.failure or refused_by(details))
    return reply._replace(parsed=ParsedValue(value, is_instance=True), failure=None, refusal=None)


def _with_parsed_value(result: object, reply: Reply, own: TypedValues) -> Reply:
    """Add the SDK's parsed value to a reply with a known text, if it is an instance of the schema's own class."""
    if reply.failure is not None or own.annotation is None or type(result) is dict:
        return reply
    message = getattr(first(getattr(result, "__dict__", {}).get("choices")), "message", None)
    for holder in (result, message):
        kind: Any = type(holder)
        attributes = getattr(holder, "__dict__", ())
        for name in PARSED:
            if name not in attributes and name not in _offered(kind):
                continue
            value = getattr(holder, name, None)
            if value is not None and own.is_instance(value):
                return reply._replace(parsed=ParsedValue(value, is_instance=True))
    return reply


@lru_cache(256)
def _offered(kind: Any) -> tuple[str, ...]:
    """Return the names that a class has as properties, because looking up missing names on Pydantic objects is slow."""
    return tuple(name for name in PARSED if hasattr(kind, name))


# Values of instructor.


def _attached_reply(value: object) -> Reply | None:
    """Return the reply that instructor attached to a value. None if there is none.

    The number of its retries is not known. The usage is that of all its tries.
    """
    raw = getattr(value, "__dict__", {}).get("_raw_response")
    return None if raw is None else (read_shape(raw) or Reply())._replace(unseen=True)


def _last_value(value: object) -> object:
    """Return the last of the values that `create_partial` collected from a stream, and any other value unchanged."""
    if not isinstance(value, list) or not value:
        return value
    raw = getattr(value, "__dict__", {}).get("_raw_response")
    return value[-1] if hasattr(type(raw), "__next__") else value
