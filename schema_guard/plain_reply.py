# SPDX-License-Identifier: Apache-2.0
"""The usual reply, which is one valid JSON text and nothing else, or that in a fence or prose: from its text to its value.

Rules:
1. What is accepted here is what `judge` accepts with form `clean`, or `unwrapped` from the usual fence or short prose:
   `judge` itself goes this way first.
2. A usual reply is parsed and validated, and nothing else: its length says that it keeps to the limits, and the closed
   form of the schema that it is shallow and its numbers finite. Whatever one of them does not say is looked for.
3. What is not accepted is judged from what was found here, so that nothing is parsed, restored or checked twice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar

from schema_guard.arguments import (
    require_bool,
    require_kind,
    require_list,
    require_members,
    require_one_of,
    require_text,
)
from schema_guard.errors import InvalidArgument
from schema_guard.interruptions import is_interruption
from schema_guard.limits import DEFAULT_LIMITS, Limits
from schema_guard.parsing import NotJson, bounded, lengths, may_hold_number, parse, reader, refusal
from schema_guard.text import clip
from schema_guard.values import REPAIRS, Missed

if TYPE_CHECKING:
    from collections.abc import Callable

    from schema_guard.schema import Schema
    from schema_guard.values import Form

__all__ = [
    "DEFAULT_LIMITS",
    "UNREAD",
    "acceptor",
    "form_of",
    "require_terms",
    "restored",
]

V = TypeVar("V")
UNREAD: Final = NotJson("", "not parsed yet")
"""Stands where a text was not parsed, for it opens with no bracket."""
_BRACKETS = ("{", "[")
# An integer of so many digits may be too large for a float.
_DIGITS_OF_FLOAT = 308
# Most of the fences that models write.
_FENCE, _FENCE_END = "```json\n", "\n```"


def acceptor(schema: Schema[Any], limits: Limits = DEFAULT_LIMITS) -> Callable[[str], Any]:
    """Give what takes a reply's text and gives its value, in the schema's Python type, or a `Missed`.

    It takes a text that is one JSON object or array and nothing else, one JSON text in the usual fence, or one object or
    array in short prose, valid and within the limits; what it misses may still have a value, by the rules of `judge`.
    Checks are not made. It raises for no text.

    Raises:
        InvalidArgument: *schema* is no Schema.
    """
    try:
        known = schema.acceptor
    except AttributeError as error:
        raise InvalidArgument(
            f"judge: schema={clip(repr(schema))}: expected a Schema, as Schema.of gives it"
        ) from error
    if known is None or (known[0] is not limits and known[0] != limits):
        require_kind("limits", limits, Limits)
        known = schema.acceptor = limits, _acceptor(schema, limits)
    return known[1]


def require_terms(
    text: object, finish_reason: object, repair: object, checks: Any, restore: object, coerce: object
) -> None:
    """Raise `InvalidArgument` unless these are what `judge` takes.

    A reason to stop that it does not know counts as none: providers think of new ones.
    """
    if not isinstance(text, str):
        raise InvalidArgument(f"judge: text={clip(repr(text))}: expected a str. Decode bytes first")
    if finish_reason is not None:
        require_text("judge: finish_reason", finish_reason)
    if repair != "off":
        require_one_of("judge: repair", repair, REPAIRS)
    if checks != ():
        require_list("judge: checks", checks, "callables")
        require_members(
            "judge: checks", checks, callable, "a callable that returns a bool, None, or a message"
        )
    if restore is not None and not callable(restore):
        raise InvalidArgument(f"judge: restore={clip(repr(restore))}: expected a callable or None")
    require_bool("judge: coerce", coerce)


def _acceptor(schema: Schema[Any], limits: Limits) -> Callable[[str], Any]:
    closed = schema.closed_within(limits)
    is_closed = _never if closed is None else closed.is_valid
    is_decided = closed is not None and closed.is_schema_itself
    is_typed = schema.is_typed
    few, most = (min(each, closed.most_chars) if closed else each for each in lengths(limits))
    longest = limits.max_number_chars + 1
    read = reader()

    def accept(text: str) -> Any:
        reply, size = text, len(text)
        # To look at the first character is 350 instructions less than `startswith`, of the 16,000 of a small reply.
        if (not text or text[0] not in _BRACKETS) and not (text := _inside_fence(reply, most)):
            return _in_prose(reply, most, accept)
        if size > few and (size > most or may_hold_number(text, longest)):
            return _accepted(parse(text, limits), text, schema, limits)
        try:
            # Keys come back, values seldom do: a cache of keys alone was the fastest of jiter's three.
            value = read(text.encode(), catch_duplicate_keys=True, allow_inf_nan=False, cache_mode="keys")
        except ValueError as error:
            return Missed(refusal(error, text, limits))
        if is_closed(value):
            return restored(value, schema, limits, text) if is_typed else value
        value = bounded(value, text, limits)
        return Missed(value) if is_decided else _accepted(value, text, schema, limits)

    return accept


def _never(_: Any) -> bool:
    return False


def _inside_fence(text: str, most: int) -> str:
    """Give what stands in the usual fence, an empty text where a text is not that or has more than *most* characters.

    It is the one candidate of the reading rule if it is a JSON text: the rule takes a closing fence for the end of one.
    """
    if len(text) <= most and text.startswith(_FENCE) and text.endswith(_FENCE_END):
        return text[len(_FENCE) : -len(_FENCE_END)]
    return ""


def _in_prose(text: str, most: int, accept: Callable[[str], Any]) -> Any:
    """Give the value of prose of at most *most* characters that holds one JSON text, a valid one; else a `Missed`.

    What is not valid there is looked for by the whole rule: it may be, once it is repaired or read in parts.
    """
    if len(text) <= most:
        # The usual reply needs none of it, and it is 2 ms.
        from schema_guard.reading import only_part

        part = only_part(text)
        result = accept(part) if part else Missed(UNREAD)
        if type(result) is not Missed or result.failure is not None:
            return result
    return Missed(UNREAD)


def _accepted(value: Any, text: str, schema: Schema[Any], limits: Limits) -> Any:
    """Give what was read in a text and keeps to the limits in the schema's Python type, or a `Missed`."""
    if type(value) is NotJson or not schema.accepts(value, limits.max_steps):
        return Missed(value)
    return restored(value, schema, limits, text)


def form_of(text: str) -> Form:
    """Give the form in which a value stood in a text, of which an acceptor has taken it."""
    return "clean" if text.startswith(_BRACKETS) else "unwrapped"


def restored(value: Any, schema: Schema[Any], limits: Limits, text: str | None = None) -> Any:
    """Give a valid value in the schema's Python type; a `Missed` where the type refuses it. Its *text* spares writing it."""
    try:
        made = schema.restore(value, text)
    except Exception as error:  # noqa: BLE001 - it is looked at there
        return _refused_by_type(value, error, schema, limits)
    if schema.reader is not None and (text is None or _may_hold_large_integer(text)):
        from schema_guard.types.coercion import infinite  # few replies need it

        failure = infinite(value, made, schema.reader)
        return made if failure is None else Missed(value, failure)
    return made


def _may_hold_large_integer(text: str) -> bool:
    return len(text) > _DIGITS_OF_FLOAT and may_hold_number(text, _DIGITS_OF_FLOAT)


def _refused_by_type(value: Any, error: Exception, schema: Schema[Any], limits: Limits) -> Missed:
    if is_interruption(error):
        raise error
    from schema_guard.types.coercion import type_failure  # few replies need it

    assert schema.reader is not None
    violations = schema.violations_in(value, "", limits.max_steps)
    return Missed(value, type_failure(error, value, schema.reader, violations))
