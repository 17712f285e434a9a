# SPDX-License-Identifier: Apache-2.0
"""Objects and arrays that a model sent as JSON inside a string."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from schema_guard.parsing import NotJson
from schema_guard.pointer import split
from schema_guard.validation.failures import may_hold_json

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from schema_guard.values import Violation

__all__ = ["decoded"]

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
        value: Plain JSON; it is not changed.
        violations: What the schema refuses of it.
        broken: Gives what the schema refuses of another value.
        read: Gives the value of a JSON text, or a `NotJson`.

    Returns:
        The value, and what the schema refuses of it. None if nothing in it was decoded.
    """
    left = None
    for _ in range(_ROUNDS):
        tree: dict[str, Any] = {}
        for violation in violations:
            if may_hold_json(violation):
                inner = tree
                for token in split(violation.instance_location):
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
