# SPDX-License-Identifier: Apache-2.0
"""A value that somebody had parsed already: that it is plain JSON within the limits, or why not.

Rules:
1. The codes are those of a text's failures; what no JSON text can hold is `foreign`, and told by its type alone.
2. Nothing here recurses or raises: a list may hold itself, and a foreign object may raise from any access.
"""

from __future__ import annotations

from math import isfinite, log10
from typing import TYPE_CHECKING, Any

from schema_guard.interruptions import is_interruption
from schema_guard.parsing import NotJson

if TYPE_CHECKING:
    from schema_guard.limits import Limits

__all__ = ["FOREIGN", "refusal_of"]

FOREIGN = "foreign"
_DIGITS_A_BIT = log10(2)


def refusal_of(value: Any, limits: Limits) -> NotJson | None:
    """Say why a value is no plain JSON value within the limits; None when it is one. Never raises."""
    try:
        return _refusal(value, limits)
    except Exception as error:
        if is_interruption(error):
            raise
        # A subclass of a JSON type may raise anything.
        return NotJson(FOREIGN, f"a value of type {type(value).__name__!r} raised {type(error).__name__}")


def _refusal(value: Any, limits: Limits) -> NotJson | None:
    level, nodes, size = [value], 0, 0
    for _ in range(limits.max_depth + 1):
        below: list[Any] = []
        for part in level:
            result = _look(part, below, limits)
            if isinstance(result, NotJson):
                return result
            size += result
            # A list that holds itself twice doubles with each level.
            if nodes + len(level) + len(below) > limits.max_nodes:
                return NotJson("too_many_nodes", f"more values than max_nodes={limits.max_nodes}")
        if size > limits.max_bytes:
            return NotJson("too_large", f"{size} characters or more, beyond max_bytes={limits.max_bytes}")
        if not below:
            return None
        nodes += len(level)
        level = below
    return NotJson("too_deep", f"nested deeper than max_depth={limits.max_depth}")


def _look(part: Any, below: list[Any], limits: Limits) -> NotJson | int:
    """Give the characters of a value's own texts, or why it is refused; what is inside of it goes below."""
    # By the methods of dict and list themselves: a subclass may have others.
    if isinstance(part, dict):
        below += dict.values(part)
        return _refused_keys(part) or sum(map(len, dict.keys(part)))
    if isinstance(part, list):
        below += list.__iter__(part)
        return 0
    return _refused_scalar(part, limits) or (len(part) if type(part) is str else 0)


def _refused_keys(members: dict[Any, Any]) -> NotJson | None:
    for key in dict.keys(members):
        if type(key) is not str:
            return NotJson(FOREIGN, f"a key of type {type(key).__name__!r}: JSON has only texts for keys")
        if not key.isascii():
            refused = _refused_text(key)
            if refused is not None:
                return refused
    return None


def _refused_scalar(value: Any, limits: Limits) -> NotJson | None:
    if value is None or value is True or value is False:
        return None
    kind = type(value)
    if kind is str:
        return None if value.isascii() else _refused_text(value)
    if kind is float:
        return None if isfinite(value) else NotJson("not_finite", f"{value!r}, which JSON does not have")
    if kind is int:
        digits = int(value.bit_length() * _DIGITS_A_BIT)
        if digits > limits.max_number_chars:
            return NotJson(
                "number_too_long", f"a number of {digits} digits, more than {limits.max_number_chars}"
            )
        return None
    return NotJson(FOREIGN, f"a value of type {kind.__name__!r}")


def _refused_text(text: str) -> NotJson | None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        return NotJson("bad_unicode", f"a lone surrogate at character {error.start + 1} of a text")
    return None
