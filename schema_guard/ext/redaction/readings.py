# SPDX-License-Identifier: Apache-2.0
"""Other readings of a text: with plain separators, without line ends, and with escapes undone.

They show values that a mail program split in two, and values that a URL or a JSON string encodes.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from itertools import islice
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_BREAK: Final = re.compile(r"[=\\]?(?:\r\n?|\n|(?:\\r)?\\n)[ \t>]{0,64}+")
# One encoded character of a URL, in UTF-8.
_URL_BYTES: Final = r"%(?:[0-7][0-9A-F]|[CD][0-9A-F]%[89AB][0-9A-F]|E[0-9A-F](?:%[89AB][0-9A-F]){2}|F[0-4](?:%[89AB][0-9A-F]){3})"
_INVISIBLE: Final = "[\u00ad\u200b-\u200f\u2060-\u2064\ufeff]"
# A JSON string in a JSON string doubles the backslashes.
_ESCAPES: Final = rf"(?<!\\)\\++(?:u[0-9A-F]{{4}}|x[0-9A-F]{{2}}|[\"'/bfnrt])|{_INVISIBLE}"
_URL: Final = re.compile(_URL_BYTES, re.IGNORECASE)
_ESCAPED: Final = re.compile(_ESCAPES, re.IGNORECASE)
_BOTH: Final = re.compile(f"{_URL_BYTES}|{_ESCAPES}", re.IGNORECASE)
# All patterns handle a single escape of a line end, a tab, or a quote, so these need no other reading.
_HAS_ESCAPES: Final = re.compile(rf"\\(?:u[0-9A-F]{{4}}|x[0-9A-F]{{2}}|/|\\)|{_INVISIBLE}", re.IGNORECASE)
_INVISIBLE_ONE: Final = re.compile(_INVISIBLE)
_CONTROLS: Final = {"n": "\n", "r": "\r", "t": "\t", "b": " ", "f": " "}

_ASCII_OF: Final = {
    **dict.fromkeys("\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000", " "),
    **dict.fromkeys("\u058a\u2010\u2011\u2012\u2013\u2014\u2015\u2043\u2212\ufe58\ufe63", "-"),
    **dict.fromkeys("\u00b7\u2024\u2219\u22c5\u30fb\uff61\ufe52", "."),
    **{chr(code): chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)},
    **{chr(zero + digit): str(digit) for zero in (0x660, 0x6F0, 0x966) for digit in range(10)},
}  # fmt: skip
_UNFOLDED: Final = re.compile(f"[{''.join(map(re.escape, _ASCII_OF))}]")
_LONG_PART: Final = 12


class OtherReading:
    """A text with some pieces replaced, and the places of its characters in the original text.

    Args:
        text: The original text.
        pieces: The pieces to replace, in order.
        instead: Function that returns the replacement of a piece: a character, or nothing.

    Attributes:
        text: The text with the pieces replaced.
    """

    def __init__(
        self, text: str, pieces: Iterable[re.Match[str]], instead: Callable[[re.Match[str]], str]
    ) -> None:
        parts, at, size = [], 0, 0
        # The beginnings of corresponding stretches in both texts. Each piece is a separate stretch.
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
        """Return the place of some characters in the original text, or None if no piece is among them."""
        first, last = self._stretch(start), self._stretch(stop - 1)
        if first == last:
            return None
        return self._place(start, first), self._end(stop, last)

    def place(self, start: int, stop: int) -> tuple[int, int]:
        """Return the place of some characters in the original text."""
        return self._place(start, self._stretch(start)), self._end(stop, self._stretch(stop - 1))

    def without_prose(self, start: int, stop: int) -> int:
        """Return the end of a run that began in an earlier line, without the words of later lines."""
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
    """Yield readings without line ends: without all, for values over many lines, and without every other one.

    The latter find values that were split just after a line end.
    """
    for step, first in ((1, 0), (2, 0), (2, 1)):
        reading = OtherReading(text, islice(_BREAK.finditer(text), first, None, step), lambda piece: "")
        if not reading.is_other:
            return
        yield reading


def folded(text: str) -> str:
    """Return a text of the same length with ASCII spaces, hyphens, points, and digits for their variants."""
    return text if text.isascii() else _UNFOLDED.sub(lambda match: _ASCII_OF[match[0]], text)


def decoded(text: str) -> Iterator[OtherReading]:
    """Yield readings with the escapes of URLs undone, with those of JSON strings undone, and with both undone."""
    has_url = "%" in text and _URL.search(text) is not None
    has_escapes = _HAS_ESCAPES.search(text) is not None
    for pattern, is_needed in ((_URL, has_url), (_ESCAPED, has_escapes), (_BOTH, has_url and has_escapes)):
        if is_needed:
            yield OtherReading(text, pattern.finditer(text), _character)


def _character(piece: re.Match[str]) -> str:
    """Return the character that an escape stands for, or nothing for an invisible one."""
    escape = piece[0]
    if escape.startswith("%"):
        return folded(bytes.fromhex(escape.replace("%", "")).decode("utf-8", "replace")[0])
    name = escape.lstrip("\\")
    if name == escape:
        return ""
    if len(name) > 1:
        character = chr(int(name[1:], 16))
        return "" if _INVISIBLE_ONE.fullmatch(character) else folded(character)
    return _CONTROLS.get(name.lower(), name)


def _continues_secret(part: str) -> bool:
    """Return whether the beginning of a line continues a secret that began in the line before."""
    return len(part) >= _LONG_PART or any(c.isdigit() for c in part) or not part.isalpha()
