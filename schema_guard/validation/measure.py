# SPDX-License-Identifier: Apache-2.0
"""Check that a Python value is JSON within the limits, and measure its size.

Nothing here recurses or raises. A list can hold itself, and an object of a foreign class can raise from any access.
"""

from __future__ import annotations

from math import isfinite, log10
from typing import TYPE_CHECKING, Any, NamedTuple

from schema_guard.interruptions import is_interruption
from schema_guard.limits import Limits
from schema_guard.parsing import NotJson

if TYPE_CHECKING:
    from collections.abc import Iterable

FOREIGN = "foreign"
"""The code of a value that no JSON text can hold."""
UNLIMITED = Limits(max_bytes=1 << 62, max_depth=1_000, max_nodes=1 << 62, max_number_chars=1 << 20)
"""Limits that no parsed JSON text exceeds."""
# An engine reads larger numbers as fractions or large integers. Each 20 digits take as long as a small number.
_LARGE, BITS = 1 << 63, 66
_DIGITS_A_BIT = log10(2)
_JSON_TYPES = "dict, list, str, int, float, bool, or None"


class ValueSize(NamedTuple):
    """The size of a JSON value.

    Attributes:
        nodes: Number of its values. A large number counts as more, because its digits are computed with.
        lengths: Lengths of its texts and keys.
        depth: Levels of nesting; 1 for a scalar.
        large: The part of *nodes* that large numbers add to the number of values.
    """

    nodes: int
    lengths: list[int]
    depth: int
    large: int = 0

    @property
    def chars(self) -> int:
        """Characters of the texts and keys."""
        return sum(self.lengths)


def measured(value: Any, limits: Limits, *, is_lenient: bool = False) -> ValueSize | NotJson:
    """Return the size of a JSON value, or the reason why it is no JSON value within the limits.

    Args:
        value: Any value.
        limits: Limits on depth, nodes, characters, and the digits of a number.
        is_lenient: Whether tuples and subclasses of str, int, and float count as JSON.
    """
    try:
        return _measured(value, limits, is_lenient=is_lenient)
    except _Refused as refused:
        return refused.reason
    except Exception as error:
        if is_interruption(error):
            raise
        # A subclass of a JSON type may raise anything.
        return NotJson(
            FOREIGN, f"a value of type {type(value).__name__!r} that raised {type(error).__name__}"
        )


def refusal_of(value: Any, limits: Limits) -> NotJson | None:
    """Return the reason why a value is no JSON value within the limits; None if it is one."""
    result = measured(value, limits)
    return result if isinstance(result, NotJson) else None


class _Refused(Exception):
    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.reason = NotJson(code, message)


def _measured(value: Any, limits: Limits, *, is_lenient: bool) -> ValueSize:
    level: list[Any] = [value]
    lengths: list[int] = []
    nodes = chars = large = 0
    for depth in range(1, limits.max_depth + 2):
        below: list[Any] = []
        known = len(lengths)
        for part in level:
            kind = type(part)
            if kind is str:
                lengths.append(_length(part))
            elif kind is int or kind is float:
                large += _large(part, limits)
            elif part is not None and kind is not bool:
                below += _inside(part, lengths, is_lenient=is_lenient)
                # A list that contains itself twice doubles with each level.
                _check_counts(nodes + len(level) + len(below), 0, limits)
        nodes, chars = nodes + len(level), chars + sum(lengths[known:])
        _check_counts(nodes, chars, limits)
        if not below:
            return ValueSize(nodes + large, lengths, depth, large)
        level = below
    raise _Refused("too_deep", f"nested deeper than max_depth={limits.max_depth}")


def _check_counts(nodes: int, chars: int, limits: Limits) -> None:
    if nodes > limits.max_nodes:
        raise _Refused("too_many_nodes", f"more values than max_nodes={limits.max_nodes}")
    if chars > limits.max_bytes:
        raise _Refused("too_large", f"{chars} characters or more, but max_bytes is {limits.max_bytes}")


def _inside(part: Any, lengths: list[int], *, is_lenient: bool) -> Iterable[Any]:
    """Return the values inside a value that is not a plain scalar, and add the lengths of its keys."""
    # Calls the methods of dict and list, because a subclass may override them.
    if isinstance(part, dict):
        keys = [*dict.keys(part)]
        foreign = next((key for key in keys if type(key) is not str), "")
        if type(foreign) is not str:
            raise _Refused(FOREIGN, f"a key of type {type(foreign).__name__!r}, but expected str")
        lengths += map(_length, keys)
        return dict.values(part)
    if isinstance(part, list):
        return list.__iter__(part)
    if not is_lenient or not isinstance(part, tuple | str | int | float):
        raise _Refused(FOREIGN, f"a value of type {type(part).__name__!r}, but expected {_JSON_TYPES}")
    if isinstance(part, tuple):
        return part
    return (
        (str(part),) if isinstance(part, str) else (float(part),) if isinstance(part, float) else (int(part),)
    )


def _large(number: float, limits: Limits) -> int:
    """Return the number of values that a large number adds to the count, or 0 for a small one."""
    if -_LARGE < number < _LARGE:
        return 0
    if not (type(number) is int or isfinite(number)):
        raise _Refused("not_finite", f"{number!r}, which is not a JSON number")
    bits, most = int(number).bit_length(), limits.max_number_chars
    if type(number) is int and bits * _DIGITS_A_BIT >= most and abs(number) >= 10**most:
        raise _Refused("number_too_long", f"a number with more than {most} digits")
    return 1 + bits // BITS


def _length(text: str) -> int:
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            message = f"a lone surrogate at character {error.start + 1} of a text"
            raise _Refused("bad_unicode", message) from None
    return len(text)
