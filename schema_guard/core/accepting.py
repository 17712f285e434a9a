# SPDX-License-Identifier: Apache-2.0
"""The usual reply, which is one JSON text and nothing else and valid: from its text to its value by the short way.

Rules:
1. What is accepted here is what `judge` accepts with form `exact`, for `judge` itself goes this way first.
2. What is not accepted is judged from what was found here, so that nothing is parsed, restored or checked twice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from schema_guard.core.reading.parse import NotJson, parse
from schema_guard.core.validation import failures
from schema_guard.core.values import Failure, Limits, Missed
from schema_guard.errors import InvalidArgument
from schema_guard.outside import is_from_outside
from schema_guard.text import clip

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from schema_guard.core.schema import Schema

__all__ = ["DEFAULT_LIMITS", "UNREAD", "acceptor", "refusal_of_checks", "restored"]

DEFAULT_LIMITS: Final = Limits()
UNREAD: Final = NotJson("", "not parsed yet")
"""Stands where a text was not parsed, for it opens with no bracket."""


def acceptor(schema: Schema[Any], limits: Limits = DEFAULT_LIMITS) -> Callable[[str], Any]:
    """Give what takes a reply's text and gives its value, in the schema's Python type, or a `Missed`.

    It takes a text that is one JSON object or array and nothing else, valid and within the limits; what it misses may
    still have a value, by the rules of `judge`. Checks are not made. It raises for no text. Making one is cheap.

    Raises:
        InvalidArgument: *schema* is no Schema.
    """
    try:
        accepts, max_steps = schema.accepts, limits.max_steps
    except AttributeError as error:
        raise InvalidArgument(
            f"judge: schema={clip(repr(schema))}: expected a Schema, as Schema.of gives it"
        ) from error

    def accept(text: str) -> Any:
        if text[:1] not in ("{", "[") or not text:
            return Missed(UNREAD)
        value = parse(text, limits)
        if type(value) is NotJson or not accepts(value, max_steps):
            return Missed(value)
        return restored(value, schema)

    return accept


def restored(value: Any, schema: Schema[Any]) -> Any:
    """Give a valid value in the schema's Python type; a `Missed` where the type refuses it."""
    try:
        return schema.restore(value)
    except Exception as error:
        if is_from_outside(error, lambda: schema.restore(value)):
            raise
        # A type that trips over a value has refused it.
        return Missed(value, failures.type_failure(error))


def refusal_of_checks(value: Any, checks: Sequence[Callable[[Any], str | None]]) -> Failure | None:
    """Give the failure of the first check that refuses a value; None when all of them take it."""
    for check in checks:
        failure = _refused_by(check, value)
        if failure is not None:
            return failure
    return None


def _refused_by(check: Callable[[Any], str | None], value: Any) -> Failure | None:
    name = getattr(check, "__name__", type(check).__name__)
    try:
        message = check(value)
    except Exception as error:
        if is_from_outside(error):
            raise
        # A check that trips over a value has refused it; the message says so.
        message = f"raised {type(error).__name__}: {error}"
    return None if message is None else Failure("semantic", name, clip(str(message), 300))
