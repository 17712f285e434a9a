# SPDX-License-Identifier: Apache-2.0
"""The failure of a reply that no continuation repairs, in the words in which the judge would tell it of a whole reply.

What was read is closed at the place where it cannot go on, and the engine is asked what is wrong there. What is wrong
because the rest is not written yet is left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from schema_guard.errors import InvalidArgument
from schema_guard.parsing import NotJson, parse
from schema_guard.pointer import join, pointer
from schema_guard.values import Failure, Violation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schema_guard.limits import Limits
    from schema_guard.schema import Schema
    from schema_guard.values import FailureKind

__all__ = ["DoomedPlace", "not_json", "refused"]

# What may hold once more is written.
_LATER = frozenset({
    "required", "minItems", "minProperties", "minLength", "contains", "minContains", "dependentRequired", "dependencies",
})  # fmt: skip
_MESSAGES = {
    "duplicate_key": "the same key twice in an object",
    "not_finite": "NaN or Infinity, which JSON does not have",
    "too_deep": "nested too deep",
    "number_too_long": "a number of too many characters",
}
# Asking the engine takes a copy of what was read.
_MAX_STEPS = 2_000_000
_KIND_NAMES = {"{": "object", "[": "array", '"': "string", "0": "number", "t": "boolean", "n": "null"}


class DoomedPlace(NamedTuple):
    """Where a reply cannot go on.

    Attributes:
        path: Keys and indices that lead to the value.
        keyword: What is broken there, as far as the conditions know.
        closed: What was read, closed to a JSON text.
        open_kind: Kind of a value of which more may come, so that it is told by its kind alone; None for a whole one.
        unnamed: The name that *closed* gives a member whose own is not read yet; None where it has none such.
    """

    path: Sequence[str | int]
    keyword: str
    closed: str
    open_kind: str | None = None
    unnamed: str | None = None


def not_json(text: str, limits: Limits, code: str) -> Failure:
    """Give the failure of a text that no continuation makes JSON.

    Args:
        text: As far as it was read.
        limits: Of replies.
        code: What it is if the parser alone would not tell it yet.
    """
    parsed = parse(text, limits)
    if type(parsed) is NotJson and parsed.code not in ("unfinished", "too_large"):
        return Failure("syntax", parsed.code, parsed.message)
    message = _MESSAGES.get(code, "expected JSON")
    return Failure("syntax", code, f"{message}, at character {len(text)} of the JSON text")


def refused(place: DoomedPlace, schema: Schema[Any], limits: Limits) -> Failure:
    """Give the failure of a value that no continuation makes valid."""
    first = _violation(place, schema, limits)
    kind: FailureKind = "value" if _is_value(first.keyword) else "structure"
    message = f"at {pointer(first.instance_location)}: expected {first.expected}, got {first.actual}"
    return Failure(kind, first.keyword, message, (first,))


def _is_value(keyword: str) -> bool:
    from schema_guard.validation.keywords import VALUE_KEYWORDS  # only failures need it

    return keyword in VALUE_KEYWORDS


def _violation(place: DoomedPlace, schema: Schema[Any], limits: Limits) -> Violation:
    location = join(place.path)
    violations = [
        violation
        for violation in _violations(place.closed, schema, limits)
        if f"{location}/".startswith(f"{violation.instance_location}/") and violation.keyword != "too_costly"
    ]
    begun = None if place.open_kind is None else _KIND_NAMES[place.open_kind]
    if not violations:
        expected = f"what {place.keyword!r} asks for" if place.keyword else "what the schema asks for"
        return Violation(
            location, "", place.keyword or "type", expected, begun or "what it can no longer become"
        )
    best = max(violations, key=lambda violation: _nearness(violation, location, place))
    if begun is not None and best.instance_location == location:
        best = best._replace(actual=begun)
    if place.unnamed is not None:
        best = best._replace(actual=best.actual.replace(repr(place.unnamed), "one more property"))
    return best


def _nearness(violation: Violation, location: str, place: DoomedPlace) -> tuple[bool, bool, int, bool]:
    """Rank a violation by how likely it is what was found: the same keyword there, else the nearest one around it."""
    is_there = violation.instance_location == location
    same = violation.keyword == place.keyword
    is_final = same or (is_there and place.open_kind is None) or violation.keyword not in _LATER
    return is_there and same, is_final, violation.instance_location.count("/"), same


def _violations(text: str, schema: Schema[Any], limits: Limits) -> list[Violation]:
    value = parse(text, limits)
    if type(value) is NotJson:
        return []
    try:
        return schema.violations(
            value, max_steps=min(_MAX_STEPS, limits.max_steps), max_depth=limits.max_depth
        )
    except InvalidArgument:
        return []
