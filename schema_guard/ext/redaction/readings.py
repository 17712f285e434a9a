# SPDX-License-Identifier: Apache-2.0
"""Other readings of a text: without its line ends, and with what a URL writes as `%20`.

What a mail program or a terminal has broken in two is found in them, and what stands encoded in a URL.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from itertools import islice
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

__all__ = ["OtherReading", "decoded", "unwrapped"]

_BREAK: Final = re.compile(r"[=\\]?(?:\r\n?|\n|(?:\\r)?\\n)[ \t>]{0,64}+")
_ENCODED: Final = re.compile(r"%[0-7][0-9A-Fa-f]")
_LONG_PART: Final = 12


class OtherReading:
    """A text in which some pieces are replaced by others, and where its characters stand in the text.

    Args:
        text: As it is.
        pieces: The pieces that are replaced, in order.
        instead: Gives what stands instead of one: a character, or nothing.

    Attributes:
        text: With the pieces replaced.
    """

    def __init__(
        self, text: str, pieces: Iterable[re.Match[str]], instead: Callable[[re.Match[str]], str]
    ) -> None:
        parts, at, size = [], 0, 0
        # Where stretches of both texts begin together; each piece is a stretch of its own.
        self._starts, self._places = [0], [0]
        self._pieces: set[int] = set()
        for piece in pieces:
            replacement = instead(piece)
            parts += [text[at : piece.start()], replacement]
            size += piece.start() - at
            if replacement:  # one character
                self._pieces.add(len(self._starts))
                self._starts.append(size)
                self._places.append(piece.start())
            size, at = size + len(replacement), piece.end()
            self._starts.append(size)
            self._places.append(at)
        parts.append(text[at:])
        self.text = "".join(parts)
        self._ends = [*self._places[1:], len(text)]

    @property
    def is_other(self) -> bool:
        """Whether a piece was replaced."""
        return len(self._starts) > 1

    def span(self, start: int, stop: int) -> tuple[int, int] | None:
        """Give where characters stand in the text; None when no piece is among them."""
        first, last = self._stretch(start), self._stretch(stop - 1)
        if first == last:
            return None
        return self._place(start, first), self._end(stop, last)

    def without_prose(self, start: int, stop: int) -> int:
        """Give where a run ends that began in a line, without the words of the lines behind it."""
        first, last = self._stretch(start), self._stretch(stop - 1)
        while last > first and not _continues_secret(self.text[self._starts[last] : stop]):
            stop, last = self._starts[last], last - 1
        return stop

    def _stretch(self, at: int) -> int:
        return bisect_right(self._starts, at) - 1

    def _place(self, at: int, stretch: int) -> int:
        return self._places[stretch] + at - self._starts[stretch]

    def _end(self, stop: int, stretch: int) -> int:
        return self._ends[stretch] if stretch in self._pieces else self._place(stop, stretch)


def unwrapped(text: str) -> Iterator[OtherReading]:
    """Give readings without line ends: without all, for what goes over many lines, and without every other one.

    The latter find what is broken in two just behind the end of a line.
    """
    for step, first in ((1, 0), (2, 0), (2, 1)):
        reading = OtherReading(text, islice(_BREAK.finditer(text), first, None, step), lambda piece: "")
        if not reading.is_other:
            return
        yield reading


def decoded(text: str) -> OtherReading:
    """Give the reading in which what a URL encodes stands as it is."""
    return OtherReading(text, _ENCODED.finditer(text), lambda piece: chr(int(piece[0][1:], 16)))


def _continues_secret(part: str) -> bool:
    """Say whether what stands at the beginning of a line goes on with a secret that began in the line before."""
    return len(part) >= _LONG_PART or any(c.isdigit() for c in part) or not part.isalpha()
