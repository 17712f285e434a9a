# SPDX-License-Identifier: Apache-2.0
"""The failures of a text: what the schema refuses in its value, what the schema's type refuses, and how it was cut off."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from schema_guard.limits import Limits
from schema_guard.pointer import pointer
from schema_guard.values import Failure, Violation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schema_guard.parsing import NotJson
    from schema_guard.schema import Schema
    from schema_guard.values import FinishReason

__all__ = [
    "FINISHED",
    "REASONING_EXHAUSTED",
    "REFUSED",
    "cut_off",
    "encoded_failure",
    "may_hold_json",
    "not_json",
    "schema_failure",
]

FINISHED: Final = ("stop", "tool_call")
"""Finish reasons of a model that was not cut off."""
REFUSED: Final = {
    "refusal": Failure("refusal", "refusal", "the model refused"),
    "content_filter": Failure("refusal", "content_filter", "the provider's content filter stopped the reply"),
}
"""Finish reason -> the failure of a reply that the model, or a filter, refused to give."""
REASONING_EXHAUSTED: Final = Failure(
    "truncation",
    "reasoning_exhausted",
    "cut off at the output limit while the model reasoned: it wrote no reply",
)
"""The failure of a reply all of whose output was reasoning: a larger limit does not fix it."""


def schema_failure(value: Any, schema: Schema[Any], limits: Limits, text: str = "") -> Failure:
    """Give the failure for a value that `accepts` has refused, told by its most relevant violation.

    *text* is what it was parsed from, alone or among other things; empty when that is not known.
    """
    from schema_guard.validation.violations import failure_of  # only failures need it

    return failure_of(schema.violations_in(value, text, limits.max_steps))


# White space in a string as `describe` shows it is a space or is escaped.
_BEFORE_JSON = frozenset(("{", "[", " ", "\\"))
_FIRST = len("string '")


def may_hold_json(violation: Violation) -> bool:
    r"""Say whether what came may be a string that is the text of an object or array.

    >>> [may_hold_json(Violation("", "", "type", "", f"string {text!r}")) for text in ('{"a": 1}', "\n[1]", "twelve")]
    [True, True, False]
    """
    actual = violation.actual
    return actual[_FIRST : _FIRST + 1] in _BEFORE_JSON and actual.startswith("string")


def encoded_failure(failure: Failure, left: Sequence[Violation] | None) -> Failure:
    """Give the failure of a value that holds JSON strings: theirs, if its first violation is gone with them.

    Args:
        failure: The value's as it stands.
        left: The violations of the value with these strings decoded. None if it holds none.
    """
    if failure.kind != "structure" or left is None:
        return failure
    first = failure.violations[0]
    if any((v.instance_location, v.keyword) == (first.instance_location, first.keyword) for v in left):
        return failure
    place = pointer(first.instance_location)
    message = f"at {place}: an object or array was sent as a JSON string; expected {first.expected}"
    return Failure("structure", "encoded_value", message, failure.violations)


def cut_off(text: str, code: str, message: str) -> Failure:
    """Give the failure for a text that was cut off: one that turned in circles is another than one that was too long."""
    from schema_guard.validation.runaway import runaway

    repeated = runaway(text)
    if repeated is None:
        return Failure("truncation", code, message)
    return Failure("truncation", "runaway", f"cut off while it repeated {repeated}")


def not_json(refused: NotJson, document: str, finish_reason: FinishReason | None) -> Failure:
    """Give the failure for a text that is no JSON, or ends inside of it."""
    if refused.code != "unfinished":
        return Failure("syntax", refused.code, refused.message)
    if finish_reason == "length":
        return cut_off(document, "max_tokens", "cut off at the output limit inside a JSON text")
    if finish_reason in FINISHED:
        return Failure("syntax", "malformed", "the JSON text is not closed, and the model had finished")
    return cut_off(document, "unfinished", "the text ends inside a JSON text")
