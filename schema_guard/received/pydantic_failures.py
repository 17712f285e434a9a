# SPDX-License-Identifier: Apache-2.0
"""The errors of a Pydantic validation as a failure: kind, keyword and places, where the text itself is not known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from schema_guard.pointer import join, pointer
from schema_guard.providers.fields import field, items
from schema_guard.text import clip
from schema_guard.validation.violations import describe
from schema_guard.values import Failure, Violation

if TYPE_CHECKING:
    from schema_guard.values import FailureKind

__all__ = ["refused_by", "refused_text"]

_MOST = 50
# Pydantic's types of errors -> the keyword that a schema has for the same. What is not here is a validator's.
_STRUCTURE: Final = {
    "missing": "required", "missing_argument": "required", "extra_forbidden": "additionalProperties",
    "unexpected_keyword_argument": "additionalProperties", "int_from_float": "type", "none_required": "type",
    "union_tag_invalid": "oneOf", "union_tag_not_found": "oneOf", "no_such_attribute": "required",
}  # fmt: skip
_VALUE: Final = {
    "enum": "enum", "literal_error": "enum", "greater_than": "exclusiveMinimum", "greater_than_equal": "minimum",
    "less_than": "exclusiveMaximum", "less_than_equal": "maximum", "multiple_of": "multipleOf",
    "string_too_short": "minLength", "string_too_long": "maxLength", "string_pattern_mismatch": "pattern",
    "too_short": "minItems", "too_long": "maxItems", "finite_number": "type",
}  # fmt: skip
_FORMATS: Final = ("date", "time", "datetime", "timezone", "uuid", "url", "ip_", "decimal")
_ORDER: Final = ("syntax", "structure", "value", "semantic")


def refused_by(errors: object) -> Failure:
    """Give the failure for a list of Pydantic's error details; never raises."""
    pairs = [_violation_of(error) for error in items(errors)[:_MOST]]
    if not pairs:
        return Failure("semantic", "pydantic", "the function's own validation refused the reply")
    pairs.sort(key=lambda pair: _ORDER.index(pair[0]))
    kind, first = pairs[0]
    violations = tuple(violation for _, violation in pairs)
    message = "; ".join(f"at {pointer(v.instance_location)}: {v.expected}" for v in violations[:3])
    if kind == "syntax":
        return Failure(kind, first.keyword, message)
    return Failure(kind, "pydantic" if kind == "semantic" else first.keyword, message, violations)


def refused_text(errors: object) -> str | bytes | None:
    """Give the text that was no JSON: Pydantic's error details keep it."""
    details = items(errors)
    if len(details) == 1 and field(details[0], "type") == "json_invalid":
        text = field(details[0], "input")
        return text if isinstance(text, str | bytes) else None
    return None


def _violation_of(error: object) -> tuple[FailureKind, Violation]:
    name = str(field(error, "type"))
    kind, keyword = _classed(name)
    place: list[Any] = [part for part in field(error, "loc") or () if isinstance(part, str | int)]
    expected = clip(str(field(error, "msg") or name).removeprefix("Input should be "), 200)
    return kind, Violation(join(place), "", keyword, expected, describe(field(error, "input")))


def _classed(name: str) -> tuple[FailureKind, str]:
    if name == "json_invalid":
        return "syntax", "malformed"
    if name in _STRUCTURE:
        return "structure", _STRUCTURE[name]
    if name in _VALUE:
        return "value", _VALUE[name]
    if name.startswith(_FORMATS) and not name.endswith("_type"):
        return "value", "format"
    if name.endswith(("_type", "_parsing", "_attributes_type")):
        return "structure", "type"
    return "semantic", name
