# SPDX-License-Identifier: Apache-2.0
"""Validate a user's documents for which this library publishes a schema, and report their faults.

Rules:
1. Only the published schema validates a document. Contradictions that no schema can express are reported in the same
   form.
2. A fault is one `InvalidArgument`. It names the document, the place as a JSON Pointer, the expected value, the actual
   value, and the fix. The fix is the nearest known name, or the schema's `description` of the place.
"""

from __future__ import annotations

from collections.abc import Mapping
from sys import float_info
from typing import TYPE_CHECKING, Any, NamedTuple

from schema_guard.errors import InvalidArgument
from schema_guard.pointer import join, pointer, split
from schema_guard.text import clip, did_you_mean, safe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from schema_guard.schema import Schema
    from schema_guard.values import Violation

# More than any document needs. Limits are for replies, but these documents are the user's own.
_MOST_STEPS = 5_000_000_000
# No document with a published schema has ten levels.
_DEEPEST = 30
# Options that a violation lists.
_MOST_REPORTED = 8


class Conflict(NamedTuple):
    """A place that contradicts others of the same document, which no schema can express."""

    location: str
    expected: str
    got: Any
    advice: str = ""

    @property
    def got_text(self) -> str:
        """The value at that place, in words."""
        from schema_guard.validation.violations import describe  # only faults need it

        return describe(self.got)


class _NotJson(Exception):
    """A value that JSON does not have."""

    def __init__(self, value: object, path: tuple[str | int, ...]) -> None:
        super().__init__()
        self.value, self.path = value, path


def judged(
    document: Any,
    schema: Schema[Any],
    name: str,
    conflicts: Callable[[Any], Iterable[Conflict]] = lambda _: (),
) -> Any:
    """Validate a document against its schema, and return it as plain JSON.

    Args:
        document: JSON values. A mapping counts as an object, and a tuple as an array.
        schema: The published schema.
        name: Name of the document in messages, such as `"evidence"` or a path.
        conflicts: Returns the contradictions in a valid document.

    Raises:
        InvalidArgument: The document is not JSON, breaks the schema, or contradicts itself. The message has the most
            relevant fault.
    """
    try:
        plain = _plain(document, ())
    except _NotJson as error:
        raise _no_json(name, error.value, error.path) from None
    try:
        broken = schema.violations(plain, max_steps=_MOST_STEPS)
    except InvalidArgument as error:
        raise InvalidArgument(f"{safe(name)}: {error}") from error
    if broken:
        first = broken[0]
        advice = _advice(schema.document, first, plain)
        raise fault(name, first.instance_location, expected=first.expected, got=first.actual, advice=advice)
    for wrong in conflicts(plain):
        location, expected, _, advice = wrong
        raise fault(name, location, expected=expected, got=wrong.got_text, advice=advice)
    return plain


def fault(name: str, location: str, *, expected: str, got: str, advice: str = "") -> InvalidArgument:
    """Return the error for a wrong value at a place of a document."""
    message = f"{name} at {clip(pointer(location))}: expected {expected}, got {got}"
    # A suggestion begins with a period, because it is a new sentence.
    separator = ": " if advice and not advice.startswith(". ") else ""
    return InvalidArgument(safe(f"{message}{separator}{advice}"))


def _plain(value: Any, path: tuple[str | int, ...]) -> Any:
    """Return a value in JSON's own types."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, (int, float)) and -float_info.max <= value <= float_info.max:
        return int(value) if isinstance(value, int) else float(value)
    if len(path) <= _DEEPEST:
        if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
            return {key: _plain(member, (*path, key)) for key, member in value.items()}
        if isinstance(value, (list, tuple)):
            return [_plain(member, (*path, index)) for index, member in enumerate(value)]
    raise _NotJson(value, path)


def _no_json(name: str, value: Any, path: tuple[str | int, ...]) -> InvalidArgument:
    from schema_guard.validation.violations import describe  # only failures need it

    expected, got = "a JSON value", f"a {type(value).__name__}"
    if isinstance(value, (int, float)):
        expected, got = "a finite number", describe(value)
    elif isinstance(value, Mapping) and len(path) <= _DEEPEST:
        expected, got = "an object whose keys are texts", "another key"
    elif isinstance(value, (Mapping, list, tuple)):
        expected, got = f"at most {_DEEPEST} levels of nesting", "more"
    return fault(name, join(path), expected=expected, got=got)


def _advice(document: Any, broken: Violation, instance: Any) -> str:
    """Return the fix for a broken keyword, as far as the schema describes it."""
    keywords, description = _subschema(document, broken.keyword_location)
    value = instance
    for token in split(broken.instance_location):
        value = value[int(token) if isinstance(value, list) else token]
    if broken.keyword == "additionalProperties":
        known = list(keywords["properties"])
        unknown = next(key for key in value if key not in known)
        return f"known are {' '.join(known)}{did_you_mean(unknown, known)}"
    if broken.keyword == "required":
        missing = [key for key in keywords["required"] if key not in value]
        known = keywords.get("properties", {})
        described = ((key, known.get(key, {}).get("description", "")) for key in missing)
        return "add " + "; ".join(f"{key!r}" + (f", {text}" if text else "") for key, text in described)
    if broken.keyword != "enum":
        return description
    known = [str(option) for option in keywords["enum"]]
    near = did_you_mean(value, known)
    listed = [f"known are {' '.join(known)}"] if len(known) > _MOST_REPORTED else []
    return "; ".join(filter(None, [description, *listed])) + near


def _subschema(document: Any, keyword_location: str) -> tuple[Any, str]:
    """Return the subschema that holds a keyword, and the description nearest to it."""
    place, description = document, document.get("description", "")
    for step in split(keyword_location)[:-1]:
        path = split(place["$ref"]) if step == "$ref" else [step]
        place = document if step == "$ref" else place
        for key in path:
            place = place[int(key) if isinstance(place, list) else key]
        # Under `properties`, it may be a property with that name.
        if isinstance(place, dict) and isinstance(place.get("description"), str):
            description = place["description"]
    return place, description
