# SPDX-License-Identifier: Apache-2.0
"""A look through an instance, level by level: that it is JSON, and how much of it there is at which depth.

Rule: nothing here recurses, for an instance may be nested so as to exhaust the stack.
"""

from __future__ import annotations

from math import isfinite
from typing import Any, NamedTuple

from schema_guard.errors import InvalidArgument
from schema_guard.limits import Limits

_LIMITS = Limits()
# The first number of more digits than a reply may have in one.
# Numbers beyond are fractions or large integers to an engine; each 20 digits of one take as long as a small number.
_LARGE, BITS = 1 << 63, 66
_TOO_LONG = 10**_LIMITS.max_number_chars


class Level(NamedTuple):
    """The values of an instance at one depth.

    Attributes:
        nodes: How many. A large number counts as more, because its digits are computed with.
        chars: Characters of its texts, and of the keys that led here.
        lengths: Of those texts.
        large: How many of the nodes are large numbers.
    """

    nodes: int
    chars: int
    lengths: list[int]
    large: int = 0


def measure(  # noqa: C901 - a branch a kind of value
    instance: Any, max_depth: int = _LIMITS.max_depth, *, is_json: bool = False
) -> list[Level]:
    """Look through an instance level by level.

    Args:
        instance: Of any kind.
        max_depth: Levels that it may be nested.
        is_json: Whether it is known to be what a JSON text holds: then only its depth is looked at.

    Raises:
        InvalidArgument: It is not JSON, is nested too deep, or holds what no JSON text holds.
    """
    levels = []
    values, keys = [instance], [""]
    for _ in range(max_depth + 1):
        lengths = [len(text) for text in keys if text]
        large = 0
        below: list[Any] = []
        keys_below: list[str] = []
        for value in values:
            kind = type(value)
            if kind is str:
                lengths.append(len(value))
                if not (is_json or value.isascii()):
                    _check_text(value)
            elif kind is dict:
                keys_below += value
                below += value.values()
            elif kind is list:
                below += value
            elif kind is int or kind is float:
                if not is_json:
                    _check_number(value)
                if not -_LARGE < value < _LARGE:
                    large += 1 + int(value).bit_length() // BITS
            elif value is not None and kind is not bool:
                below += _unusual(value, keys_below)
        levels.append(Level(len(values) + large, sum(lengths), lengths, large))
        if not below:
            return levels
        if not is_json:
            _check_keys(keys_below)
        values, keys = below, keys_below
    raise InvalidArgument(f"instance: expected a value nested at most {max_depth} levels deep")


def _unusual(value: Any, keys: list[str]) -> list[Any]:
    """Give the values inside a value of a subclass of JSON's types."""
    if isinstance(value, dict):
        keys += value
        return list(value.values())
    if isinstance(value, (list, tuple)):
        return list(value)
    if isinstance(value, str):
        _check_text(value)
        return []
    if isinstance(value, (int, float)):
        _check_number(value)
        return []
    raise InvalidArgument(
        f"instance holds a {type(value).__name__}: expected dict, list, str, int, float, bool or None"
    )


def _check_number(value: float) -> None:
    if isinstance(value, int):
        if not -_TOO_LONG < value < _TOO_LONG:
            raise InvalidArgument(f"instance holds a number of more than {_LIMITS.max_number_chars} digits")
    elif not isfinite(value):
        raise InvalidArgument(f"instance holds {value!r}: JSON has no such number")


def _check_text(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InvalidArgument(
            f"instance holds a lone surrogate at character {error.start + 1} of a text"
        ) from error


def _check_keys(keys: list[str]) -> None:
    for key in keys:
        if not isinstance(key, str):
            raise InvalidArgument(f"instance has a key of type {type(key).__name__}: expected str")
        if not key.isascii():
            _check_text(key)
