# SPDX-License-Identifier: Apache-2.0
"""Values that were sent in another writing than the schema's: JSON inside of a string, and a scalar without quotes.

Rules:
1. Only what the schema refuses is looked at, so a text that may be a text stays one.
2. Nothing is guessed: what is given back is for the caller to validate, whole.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from schema_guard.ext.repair.readings import repair
from schema_guard.parsing import NotJson, parse
from schema_guard.pointer import split
from schema_guard.validation.failures import may_hold_json
from schema_guard.values import Limits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from schema_guard.values import Violation

__all__ = ["decoded", "scalars"]

# A value may hold strings that hold strings; and of many wrong items only so many are told at once.
_ROUNDS: Final = 8
# A scalar that is longer is prose.
_LONGEST: Final = 400
_MOST_LISTED: Final = 5_000
_DEEPEST: Final = 8
_LIMITS: Final = Limits()

_NOTHING: Final = object()


def decoded(
    value: Any,
    told: Iterable[Violation],
    broken: Callable[[Any], Iterable[Violation]],
    read: Callable[[str], Any],
) -> tuple[Any, bool]:
    """Give a value in which objects and arrays that were sent as JSON strings are what they say.

    Args:
        value: Plain JSON; it is not changed.
        told: What the schema refuses of it.
        broken: Gives what the schema refuses of another value.
        read: Gives the value of a JSON text, or a `NotJson`.

    Returns:
        The value, and whether anything in it was decoded.
    """
    found = False
    for _ in range(_ROUNDS):
        tree: dict[str, Any] = {}
        for violation in told:
            if may_hold_json(violation):
                inner = tree
                for token in split(violation.instance_location):
                    inner = inner.setdefault(token, {})
        after = _with(value, tree, read)
        if after is value:
            break
        value, found, told = after, True, broken(after)
    return value, found


def _with(value: Any, tree: Mapping[str, Any], read: Callable[[str], Any]) -> Any:
    """Give the value with what is decoded at the places of the tree; itself where nothing is."""
    if isinstance(value, str):
        inside = read(value) if not tree and value.lstrip()[:1] in ("{", "[") and value else _NOTHING
        return value if inside is _NOTHING or type(inside) is NotJson else inside
    if isinstance(value, dict):
        changed = {key: _with(value[key], below, read) for key, below in tree.items() if key in value}
        return {**value, **changed} if any(changed[key] is not value[key] for key in changed) else value
    if isinstance(value, list):
        at = {int(key): below for key, below in tree.items() if key.isdecimal() and int(key) < len(value)}
        items = {index: _with(value[index], below, read) for index, below in at.items()}
        if all(items[index] is value[index] for index in items):
            return value
        return [items.get(index, item) for index, item in enumerate(value)]
    return value


def scalars(text: str, document: Any, *, finished: bool) -> Iterator[tuple[Any, tuple[str, ...]]]:
    """Give the scalars that a reply without quotes and brackets may mean, each with the names of its steps.

    Args:
        text: The reply, without what stands around its value.
        document: The schema: a text is a value only where the schema lists it.
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
    for reading in repair(text, level="lossless", finished=finished):
        value = parse(reading.text, _LIMITS)
        is_listed = not isinstance(value, str) or (value in listed and value != text)
        if is_listed and not isinstance(value, dict | list | NotJson):
            yield value, reading.steps


def _listed(schema: Any, document: Any, depth: int) -> Iterator[Any]:
    """Give what a schema lists as its values, through references and unions."""
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
    """Give what stands at a place of a document; None where nothing does, or no place is named."""
    found = document
    for token in split(location):
        found = found.get(token) if isinstance(found, dict) else None
    return found
