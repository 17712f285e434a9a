# SPDX-License-Identifier: Apache-2.0
"""How a text that was cut off had gone on: a model that turns in circles is not fixed by a larger output limit."""

from __future__ import annotations

from typing import Final

__all__ = ["Repeats", "runaway"]

# Of 314 valid replies of real models none repeats a part so often over so many characters.
_PERIODS: Final = 6
_REPEATED: Final = 256
# What is looked at, from the end: a part that is repeated six times has at most a sixth of it.
_TAIL: Final = 16_384
# By these last characters the places are found where a part may have begun.
_NEEDLE: Final = 32
# An indentation has one line break, and no such width.
_BLANK: Final = 64


def runaway(text: str, *, periods: int = _PERIODS) -> str | None:
    """Say what a text repeats at its end, `"white space"` or `"a part of N characters"`; None where it does not.

    Args:
        text: As far as it came.
        periods: How often a part must stand there; >= 2.

    >>> runaway('{"total": 1,' + " " * 300)
    'white space'
    >>> runaway('{"total": 1' + "0" * 300)
    'a part of 1 character'
    """
    tail = text[-_TAIL:]
    space = tail[len(tail.rstrip()) :]
    if len(space) >= _BLANK or space.count("\n") >= periods:
        return "white space"
    period = _period(tail, periods)
    return None if period is None else f"a part of {period} character{'s' if period > 1 else ''}"


def _period(tail: str, periods: int) -> int | None:
    """Give the length of the part that is repeated at the end; None when nothing is, or not for long enough."""
    size = len(tail)
    if size < _REPEATED:
        return None
    needle = tail[-_NEEDLE:]
    at = size - _NEEDLE
    while True:
        # The next place to the left where the last characters stand too, overlapping ones included.
        at = tail.rfind(needle, 0, at + _NEEDLE - 1)
        period = size - _NEEDLE - at
        length = max(_REPEATED, periods * period)
        if at < 0 or length > size:
            return None
        if tail.endswith(tail[size - length : size - period]):
            return period


class Repeats:
    """Looks for a part that is repeated at the end of a text which is still being written.

    It looks again when the text has grown by a share of what is looked at, so that a character is read a bounded number
    of times whatever the pieces.
    """

    __slots__ = ("_due", "_periods", "_pieces", "_size")

    def __init__(self, periods: int) -> None:
        self._periods = periods
        self._pieces: list[str] = []
        self._size, self._due = 0, _BLANK

    def feed(self, text: str) -> str | None:
        """Read the next piece, and say as `runaway` does what is repeated at its end."""
        self._pieces.append(text)
        self._size += len(text)
        if self._size < self._due:
            return None
        tail = "".join(self._pieces)[-_TAIL:]
        self._pieces = [tail]
        self._size = len(tail)
        self._due = self._size + max(_BLANK, self._size // 8)
        return runaway(tail, periods=self._periods)
