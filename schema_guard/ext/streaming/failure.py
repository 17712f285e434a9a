# SPDX-License-Identifier: Apache-2.0
"""The failure of a reply that no continuation can repair, in the words of the failure of a whole reply.

The text so far is closed at the place where it can't continue, and the engine reports its violations. Violations that
only mean that the rest isn't written yet are left out.
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

# Keywords that may still hold when more is written.
_LATER = frozenset({
    "required", "minItems", "minProperties", "minLength", "contains", "minContains", "dependentRequired", "dependencies",
})  # fmt: skip
_MESSAGES = {
    "duplicate_key": "an object has the same key twice",
    "not_finite": "the text has NaN or Infinity, which JSON does not allow",
    "too_deep": "the text is nested too deeply",
    "number_too_long": "a number has too many characters",
}
# The engine validates a copy of the text so far.
_MAX_STEPS = 2_000_000
_KIND_NAMES = {"{": "object", "[": "array", '"': "string", "0": "number", "t": "boolean", "n": "null"}


class Refusal(NamedTuple):
    """A place in a text where a value can't continue.

    Attributes:
        end: End of the part of the text that is used. *rest* and the closing brackets are added to it.
        rest: Text that makes the value complete.
        keyword: The violated keyword; empty if only the engine knows it.
        inside: Whether the place is the current member or item, not the object or array that contains it.
        closed: Whether the innermost object or array is closed.
        open_kind: Kind of a value that may still grow; None for a whole one.
        decided: The position after the deciding character; None if it is *end*.
        unnamed: The name that *rest* gives a member whose own name isn't read yet, otherwise None.
    """

    end: int
    rest: str
    keyword: str
    inside: bool = False
    closed: bool = False
    open_kind: str | None = None
    decided: int | None = None
    unnamed: str | None = None


def not_json(text: str, limits: Limits, code: str) -> Failure:
    """Return the failure of a text that no continuation makes JSON.

    Args:
        text: The text so far.
        limits: Limits of replies.
        code: Code of the failure if the parser alone can't report it yet.
    """
    parsed = parse(text, limits)
    if type(parsed) is NotJson and parsed.code not in ("unfinished", "too_large"):
        return Failure("syntax", parsed.code, parsed.message)
    message = _MESSAGES.get(code, "expected JSON")
    return Failure("syntax", code, f"{message}, at character {len(text)} of the JSON text")


def refused(
    refusal: Refusal, path: Sequence[str | int], closed: str, schema: Schema[Any], limits: Limits
) -> Failure:
    """Return the failure of a value that no continuation makes valid.

    Args:
        refusal: The refusal.
        path: Keys and indices that lead to the value.
        closed: The text that was read, closed to a JSON text.
        schema: The schema.
        limits: Limits of replies.
    """
    from schema_guard.validation.keywords import VALUE_KEYWORDS  # only failures need it

    first = _violation(refusal, join(path), _violations(closed, schema, limits))
    kind: FailureKind = "value" if first.keyword in VALUE_KEYWORDS else "structure"
    message = f"at {pointer(first.instance_location)}: expected {first.expected}, got {first.actual}"
    return Failure(kind, first.keyword, message, (first,))


def _violation(refusal: Refusal, location: str, known: list[Violation]) -> Violation:
    """Return the violation at a place that fits a refusal."""
    keyword, begun = refusal.keyword, _KIND_NAMES.get(refusal.open_kind or "")
    known = [violation for violation in known if violation.keyword != "too_costly"]
    around = [one for one in known if f"{location}/".startswith(f"{one.instance_location}/")]
    # If the reply clearly means one of several alternatives, the engine reports only the violations inside it.
    inside = [one for one in known if one.instance_location.startswith(f"{location}/")]
    violations = (
        [one for one in around if one.keyword == keyword or one.keyword not in _LATER] or inside or around
    )
    if not violations:
        expected = f"what {keyword!r} asks for" if keyword else "what the schema asks for"
        return Violation(location, "", keyword or "type", expected, begun or "what it can no longer become")

    def nearness(violation: Violation) -> tuple[bool, bool, int, bool]:
        """Rank the keyword at the place first, then the nearest violation around it."""
        is_there, same = violation.instance_location == location, violation.keyword == keyword
        is_final = same or (is_there and begun is None) or violation.keyword not in _LATER
        return is_there and same, is_final, violation.instance_location.count("/"), same

    best = max(violations, key=nearness)
    if begun is not None and best.instance_location == location:
        best = best._replace(actual=begun)
    if refusal.unnamed is not None:
        best = best._replace(actual=best.actual.replace(repr(refusal.unnamed), "one more property"))
    return best


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
