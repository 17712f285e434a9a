# SPDX-License-Identifier: Apache-2.0
"""A reply that is one scalar, without quotes or in the notation of another language."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from schema_guard.ext.repair.scanner import readings
from schema_guard.limits import Limits
from schema_guard.parsing import NotJson, parse
from schema_guard.pointer import split

if TYPE_CHECKING:
    from collections.abc import Iterator


# A longer scalar is prose.
_LONGEST: Final = 400
_MOST_LISTED: Final = 5_000
_DEEPEST: Final = 8
_LIMITS: Final = Limits()


def scalars(text: str, document: Any, *, finished: bool) -> Iterator[tuple[Any, tuple[str, ...]]]:
    """Yield the possible scalars of a reply without quotes and brackets, each with the names of its steps.

    Args:
        text: The reply, without the text around its value.
        document: The schema. A text is a value only if the schema lists it.
        finished: Whether the model is not known to have been cut off.

    >>> list(scalars("True", {"type": "boolean"}, finished=True))
    [(True, ('python_literal',))]
    >>> list(scalars("in progress", {"enum": ["in progress", "done"]}, finished=True))
    [('in progress', ('unquoted_string',))]
    """
    if not text or len(text) > _LONGEST:
        return
    listed = list(islice(_listed(document, document, 0), _MOST_LISTED))
    if text in listed:
        yield text, ("unquoted_string",)
    for reading in readings(text, level="lossless", finished=finished).repaired:
        value = parse(reading.text, _LIMITS)
        is_listed = not isinstance(value, str) or (value in listed and value != text)
        if is_listed and not isinstance(value, dict | list | NotJson):
            yield value, reading.steps


def _listed(schema: Any, document: Any, depth: int) -> Iterator[Any]:
    """Yield the values that a schema lists, also through references and unions."""
    if not isinstance(schema, dict) or depth > _DEEPEST:
        return
    enum = schema.get("enum")
    yield from enum if isinstance(enum, list) else ()
    if "const" in schema:
        yield schema["const"]
    for keyword in ("anyOf", "oneOf", "allOf"):
        arms = schema.get(keyword)
        for arm in arms if isinstance(arms, list) else ():
            yield from _listed(arm, document, depth + 1)
    reference = schema.get("$ref")
    if isinstance(reference, str) and reference[:1] == "#":
        yield from _listed(_at(document, reference[1:]), document, depth + 1)


def _at(document: Any, location: str) -> Any:
    """Return the value at a place of a document, or None if there is none."""
    value = document
    for token in split(location):
        value = value.get(token) if isinstance(value, dict) else None
    return value
