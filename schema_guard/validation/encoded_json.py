# SPDX-License-Identifier: Apache-2.0
"""Objects and arrays that a model sent as JSON inside a string."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from schema_guard.parsing import NotJson
from schema_guard.pointer import pointer
from schema_guard.values import Failure, Violation

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

# A decoded string can contain another one, and a list of violations is cut at a limit.
_ROUNDS: Final = 8

_NOTHING: Final = object()


def decoded(
    value: Any,
    violations: Sequence[Violation],
    broken: Callable[[Any], Sequence[Violation]],
    read: Callable[[str], Any],
) -> tuple[Any, Sequence[Violation] | None]:
    """Decode the objects and arrays in a value that were sent as JSON strings.

    Args:
        value: Plain JSON. It is not changed.
        violations: Its violations.
        broken: Returns the violations of another value.
        read: Returns the value of a JSON text, or a `NotJson`.

    Returns:
        The decoded value, and its violations. The violations are None if nothing was decoded.
    """
    left = None
    for _ in range(_ROUNDS):
        tree: dict[str, Any] = {}
        for violation in violations:
            if may_hold_json(violation):
                inner = tree
                for token in violation.path:
                    inner = inner.setdefault(token, {})
        after = _with(value, tree, read)
        if after is value:
            break
        value, violations = after, broken(after)
        left = violations
    return value, left


def _with(value: Any, tree: Mapping[str, Any], read: Callable[[str], Any]) -> Any:
    """Return the value with decoded strings at the places of the tree. Return the value itself if there is none."""
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


# `describe` shows white space in a string as a space or as an escape.
_BEFORE_JSON = frozenset(("{", "[", " ", "\\"))
_FIRST = len("string '")


def may_hold_json(violation: Violation) -> bool:
    r"""Return whether the actual value of a violation may be a string with the text of an object or array.

    >>> [may_hold_json(Violation("", "", "type", "", f"string {text!r}")) for text in ('{"a": 1}', "\n[1]", "twelve")]
    [True, True, False]
    """
    actual = violation.actual
    return actual[_FIRST : _FIRST + 1] in _BEFORE_JSON and actual.startswith("string")


def encoded_failure(failure: Failure, left: Sequence[Violation]) -> Failure:
    """Return an `encoded_value` failure if decoding JSON strings removed a structure failure's first violation.

    Otherwise, return *failure*.

    Args:
        failure: The failure of the value before its strings were decoded.
        left: The violations of the value after its strings were decoded.
    """
    if failure.kind != "structure":
        return failure
    first = failure.violations[0]
    if any((v.instance_location, v.keyword) == (first.instance_location, first.keyword) for v in left):
        return failure
    place = pointer(first.instance_location)
    message = f"at {place}: an object or array was sent as a JSON string; expected {first.expected}"
    return Failure("structure", "encoded_value", message, failure.violations)
