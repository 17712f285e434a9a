# SPDX-License-Identifier: Apache-2.0
"""Values that a schema refuses and its Python type converts, and the failures of values that the type refuses, too.

Rules:
1. A type may convert a value. It may not drop, invent, or widen. The value that it writes back must meet its own schema.
2. A key that the schema refuses stays refused, because the type then forbids extra keys.
3. A failure has its places from the type, and its words from the schema. A type accepts a broken `format` if it can read
   the text.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from schema_guard.interruptions import is_interruption, value_or
from schema_guard.limits import DEFAULT_LIMITS, Limits
from schema_guard.parsing import may_hold_number
from schema_guard.pointer import declared_location, join, part_at, pointer, split, subschema
from schema_guard.text import clip
from schema_guard.validation.measure import refusal_of
from schema_guard.validation.violations import MAX_VIOLATIONS, TOO_COSTLY, describe, failure_of
from schema_guard.values import Coercion, Failure, Violation

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from schema_guard.types.reader import TypeProblem, TypeReader

_REFUSED_KEYS = ("additionalProperties", "unevaluatedProperties", "falseSchema", "propertyNames")
_MOST_SHOWN = 3
# The largest float has 309 digits.
_DIGITS_OF_FLOAT = 308
_OF_FLOATS = Limits(max_number_chars=_DIGITS_OF_FLOAT, max_depth=1_000)


class Coerced(NamedTuple):
    """A value that the type read, and what it converted."""

    value: Any
    coercions: tuple[Coercion, ...]


def coerce(
    value: Any, reader: TypeReader, violations: Sequence[Violation], is_written: Callable[[Any], bool]
) -> Coerced | Failure:
    """Read a value that the schema of a type refuses by the type.

    Args:
        value: A JSON value.
        reader: Of the type.
        violations: The schema's violations, formats included.
        is_written: Returns whether the type can have written a JSON value.
    """
    if violations[0].keyword == TOO_COSTLY:
        return failure_of(violations)
    # Violations beyond the listed ones can be about keys.
    is_closed = len(violations) >= MAX_VIOLATIONS or any(v.keyword in _REFUSED_KEYS for v in violations)
    document = json.dumps(value)
    read = reader.read_closed if is_closed else reader.read
    try:
        made = read(document)
    except Exception as error:
        if is_interruption(error):
            raise
        return _type_failure(error, value, reader, violations)
    try:
        written = reader.write(made)
    except Exception as error:
        if is_interruption(error):
            raise
        # If a value cannot be written back, the type can have lost a part of it.
        return failure_of(violations)
    if not is_written(written):
        return failure_of(violations)
    return Coerced(made, _coercions(value, written, violations, reader.document))


def read(
    value: Any, text: str | None, reader: TypeReader, violations: Callable[[], Sequence[Violation]]
) -> Any:
    """Return a valid JSON value in the Python type, or the failure of a value that the type refuses.

    Args:
        value: A JSON value that the schema accepts.
        text: JSON text of the value, or None.
        reader: Of the type.
        violations: Returns the schema's violations, formats included.
    """
    try:
        made = reader.read(json.dumps(value) if text is None else text)
    except Exception as error:
        if is_interruption(error):
            raise
        return _type_failure(error, value, reader, violations())
    if text is None or (len(text) > _DIGITS_OF_FLOAT and may_hold_number(text, _DIGITS_OF_FLOAT)):
        return _infinite(value, made, reader) or made
    return made


def refusal_by_type(
    value: Any, reader: TypeReader, violations: Callable[[], Sequence[Violation]], *, is_refused: bool
) -> Failure | None:
    """Return the failure of a value that must not be converted. None if the schema and its type accept it.

    Args:
        value: A JSON value.
        reader: Of the type.
        violations: Returns the schema's violations, formats included.
        is_refused: Whether the schema refuses it, without its formats.
    """
    document = json.dumps(value)
    places = []
    try:
        reader.read(document)
    except Exception as error:
        if is_interruption(error):
            raise
        if not is_refused:
            return _type_failure(error, value, reader, violations())
        places = [_place(problem, value) for problem in reader.problems(error) or ()]
    if not is_refused:
        return None
    listed = violations()
    # A text that the type can read does not violate a format.
    relevant = [v for v in listed if v.keyword != "format" or any(_is_about(v, place) for place in places)]
    return failure_of(relevant or listed)


def _type_failure(
    error: Exception, value: Any, reader: TypeReader, violations: Sequence[Violation]
) -> Failure:
    """Return the failure of a value that a type refused.

    Args:
        error: The exception of the type.
        value: A JSON value.
        reader: Of the type.
        violations: The schema's violations, formats included.
    """
    problems = reader.problems(error)
    if problems is None:
        # An exception of a type means that it refused the value.
        return Failure("semantic", type(error).__name__, clip(str(error) or type(error).__name__, 300))
    places = [_place(problem, value) for problem in problems]
    structural = [
        v for v in violations if v.keyword != TOO_COSTLY and any(_is_about(v, place) for place in places)
    ]
    semantic = [
        Violation(join(place.path), "", problem.code, clip(problem.message, 200), describe(place.part))
        for problem, place in zip(problems, places, strict=True)
        if not any(_is_about(v, place) for v in structural)
    ]
    if any(v.keyword != "format" for v in structural) or not semantic:
        return failure_of([*structural, *semantic][:MAX_VIOLATIONS])
    ordered = [*semantic, *structural][:MAX_VIOLATIONS]
    message = "; ".join(f"at {pointer(v.instance_location)}: {v.expected}" for v in ordered[:_MOST_SHOWN])
    return Failure("semantic", "pydantic", message, tuple(ordered))


def _infinite(value: Any, made: Any, reader: TypeReader) -> Failure | None:
    """Return the failure of a value with an integer that its type made infinite. None for any other value."""
    if refusal_of(value, _OF_FLOATS) is None:
        return None
    refused = value_or(None, lambda: refusal_of(reader.write(made), DEFAULT_LIMITS))
    if refused is None or refused.code != "not_finite":
        return None
    return Failure("semantic", "not_finite", "the reply has an integer that is too large for a float")


class _Place(NamedTuple):
    """The place at which a type refused a value: keys and indexes, the part, and whether the last key is missing."""

    path: tuple[str | int, ...]
    part: Any
    is_missing: bool


def _place(problem: TypeProblem, value: Any) -> _Place:
    """Return the place of a problem, without the branches of unions that Pydantic adds to it."""
    path: list[str | int] = []
    for step in problem.location:
        if (isinstance(value, dict) and step in value) or (
            isinstance(value, list) and type(step) is int and 0 <= step < len(value)
        ):
            path.append(step)
            value = value[step]
    last = problem.location[-1] if problem.location else None
    if problem.code.startswith("missing") and isinstance(value, dict) and isinstance(last, str):
        return _Place((*path, last), value, is_missing=True)
    return _Place(tuple(path), value, is_missing=False)


def _is_about(violation: Violation, place: _Place) -> bool:
    """Return whether a violation is at, above, or below a place."""
    steps, path = violation.path, [str(step) for step in place.path]
    if violation.keyword == "required" and len(path) > len(steps):
        return place.is_missing and path[:-1] == steps
    shared = min(len(steps), len(path))
    return steps[:shared] == path[:shared]


def _coercions(
    value: Any, written: Any, violations: Sequence[Violation], document: Any
) -> tuple[Coercion, ...]:
    """Return the conversions, one for each place that the schema refused."""
    coercions: dict[Coercion, None] = {}
    for violation in violations:
        location, steps = declared_location(violation, indices=False), violation.path
        keywords = split(violation.keyword_location)[:-1]
        refused = [(location, violation.got, steps, keywords)]
        if violation.keyword == "required":
            present, required = part_at(value, steps), subschema(document, keywords).get("required", ())
            refused = [
                (location + join([name]), "another key", [*steps, name], [*keywords, "properties", name])
                for name in required
                if name not in present
            ]
        for place, before, path, declared in refused:
            part, schema = part_at(written, path, _ABSENT), subschema(document, declared)
            coercions[Coercion(place, before, _kind(part, schema))] = None
    return tuple(coercions)


_ABSENT = object()


def _kind(value: Any, schema: dict[str, Any]) -> str:
    """Return the kind of a written value, or its format. If the value is absent, return what the schema declares."""
    declared = schema.get("format") or schema.get("type")
    if isinstance(declared, str) and (value is _ABSENT or (isinstance(value, str) and "format" in schema)):
        return declared
    if value is _ABSENT:
        return "value"
    if isinstance(value, int) and not isinstance(value, bool):
        return "integer"
    return describe(value).partition(" ")[0]
