# SPDX-License-Identifier: Apache-2.0
"""The fast path of a reply that is one JSON object or array and nothing else, from its text to its value.

Rules:
1. `judge` starts with this path. A reply that it misses may still have a value by the rules of `judge`.
2. The usual reply is parsed and validated, and nothing else. Its length shows that it is within the limits of a text. A
   closed schema shows that it is shallow and has finite numbers. Otherwise, `parse` checks these limits.
3. `judge` continues with the result of a miss, so a value is not read by the type or checked twice. A JSON text with text
   after it is parsed again, and a refused value is validated again for its violations.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from schema_guard.arguments import require_kind
from schema_guard.errors import InvalidArgument
from schema_guard.limits import DEFAULT_LIMITS, Limits
from schema_guard.parsing import NotJson, bounded, lengths, may_hold_number, parse, reader, refusal
from schema_guard.text import clip
from schema_guard.values import Failure, Missed

if TYPE_CHECKING:
    from collections.abc import Callable

    from schema_guard.schema import Schema

_BRACKETS = ("{", "[")


def acceptor(schema: Schema[Any], limits: Limits = DEFAULT_LIMITS) -> Callable[[str], Any]:
    """Return a function from the text of a reply to its value in the schema's Python type, or to a `Missed`.

    It accepts a text that is one JSON object or array and nothing else, valid and within the limits. It runs no checks. It
    raises for no text.

    Raises:
        InvalidArgument: *schema* is no Schema.
    """
    try:
        known = schema.acceptor
    except AttributeError as error:
        raise InvalidArgument(
            f"judge: schema={clip(repr(schema))}: expected a Schema, such as Schema.of(...)"
        ) from error
    if known is None or (known[0] is not limits and known[0] != limits):
        require_kind("limits", limits, Limits)
        known = schema.acceptor = limits, _acceptor(schema, limits)
    return known[1]


def _acceptor(schema: Schema[Any], limits: Limits) -> Callable[[str], Any]:
    any_text, any_without_long_number = lengths(limits) if schema.is_closed_within(limits) else (0, 0)
    longest = limits.max_number_chars + 1
    read, is_valid, is_typed = reader(), schema.conditions.is_valid, schema.is_typed

    def accept(text: str) -> Any:
        # Reading the first character takes 350 instructions less than `startswith`, of the 16,000 of a small reply.
        if not text or text[0] not in _BRACKETS:
            return Missed()
        size = len(text)
        if size > any_text and (size > any_without_long_number or may_hold_number(text, longest)):
            value = parse(text, limits)
            if type(value) is NotJson or not schema.accepts(value, limits.max_steps):
                return Missed(value)
        else:
            try:
                # Keys repeat, and values seldom do. A cache of only keys was the fastest of jiter's three.
                value = read(text.encode(), catch_duplicate_keys=True, allow_inf_nan=False, cache_mode="keys")
            except ValueError as error:
                return Missed(refusal(error, text, limits))
            if not is_valid(value):
                return Missed(bounded(value, text, limits))
        if not is_typed:
            return value
        made = schema.convert(value, text)
        return Missed(value, made) if type(made) is Failure else made

    return accept
