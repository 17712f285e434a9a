# SPDX-License-Identifier: Apache-2.0
"""Texts that a regular expression of ECMA 262 matches, of a length between two bounds.

Rules:
1. An expression is searched for: where it is not anchored, any text may stand around what it matches, and does
   only where the length asks for it.
2. What looks around or at word boundaries is taken for empty: whether a text matches is asked of the engine.
3. Characters are printable ASCII wherever the expression allows one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from math import ceil, inf
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

    Pick: TypeAlias = Callable[[int, int], int]

_PRINTABLE = (
    "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-_. " + "!\"#$%&'()*+,/:;<=>?@[\\]^`{|}~"
)
_DIGITS = "0123456789"
_WORD = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_"
_SPACE = " \t\n\r\f\v"
_CLASSES = {
    "d": _DIGITS,
    "w": _WORD,
    "s": _SPACE,
    "D": "".join(c for c in _PRINTABLE if c not in _DIGITS),
    "W": "".join(c for c in _PRINTABLE if c not in _WORD),
    "S": _PRINTABLE.replace(" ", ""),
}
# A few letters of each kind stand for a property of Unicode: those of ASCII are in it, or none is.
_PROPERTIES = {
    "L": _WORD[:26] + _WORD[36:62] + "é", "Ll": _WORD[:26] + "é", "Lu": _WORD[36:62] + "É", "N": _DIGITS,
    "Nd": _DIGITS, "P": "-_.!?", "S": "+<=>$", "Z": " ", "Zs": " ", "M": "\u0301", "Letter": _WORD[:26] + "é",
    "Alphabetic": _WORD[:26] + "é", "Number": _DIGITS, "Punctuation": "-_.!?",
}  # fmt: skip
_CONTROLS = {"n": "\n", "r": "\r", "t": "\t", "f": "\f", "v": "\v", "0": "\0", "a": "\a", "e": "\x1b"}
_ESCAPE = re.compile(
    r"\\(?:(?P<property>[pP])\{\^?(?:[^}=]*=)?(?P<name>[^}]*)\}|[ux]\{(?P<code>[0-9a-fA-F]+)\}"
    r"|u(?P<four>[0-9a-fA-F]{4})|x(?P<two>[0-9a-fA-F]{2})|c(?P<control>[A-Za-z])|k<(?P<group>[^>]*)>"
    r"|(?P<back>[1-9]\d?)|(?P<plain>.))",
    re.DOTALL,
)
_COUNT = re.compile(r"\{(\d{1,6})(,(\d{0,6}))?\}")
_OPENING = re.compile(
    r"\((?:\?(?:(?P<look><?[=!])|P?<(?P<name>[^>]*)>|[a-zA-Z-]*(?P<flags>\))|[a-zA-Z-]*:|>))?"
)
_POSIX = re.compile(r"\[:\^?[a-z]+:\]")
# How many more times than it must something is repeated.
_MORE = 4
# Characters of a run that are drawn; a longer one goes on with the last of them.
_VARIED = 24


@dataclass(frozen=True)
class Chars:
    """One of some characters."""

    text: str
    least: float = 1
    most: float = 1


@dataclass(frozen=True)
class Anchor:
    """The start (`^`) or the end (`$`)."""

    sign: str
    least: float = 0
    most: float = 0


@dataclass(frozen=True)
class Sequence:
    """One after the other."""

    parts: tuple[Node, ...]
    least: float
    most: float


@dataclass(frozen=True)
class Arms:
    """One of them."""

    parts: tuple[Node, ...]
    least: float
    most: float


@dataclass(frozen=True)
class Repeat:
    """So many times the same expression."""

    part: Node
    low: int
    high: float
    least: float
    most: float


@dataclass(frozen=True)
class Captured:
    """A numbered group."""

    part: Node
    number: int
    least: float
    most: float


@dataclass(frozen=True)
class Again:
    """What a group matched, once more; its length is that of the group."""

    number: int
    least: float = 0
    most: float = inf


Node: TypeAlias = Chars | Anchor | Sequence | Arms | Repeat | Captured | Again
_EMPTY = Sequence((), 0, 0)


class NoText(Exception):  # a fact that is found, never raised to a user
    """No text of these lengths is found."""


def sequence(parts: list[Node]) -> Node:
    """Put expressions one after the other."""
    if len(parts) == 1:
        return parts[0]
    return Sequence(tuple(parts), sum(part.least for part in parts), sum(part.most for part in parts))


def repeat(part: Node, low: int, high: float) -> Node:
    """Repeat an expression."""
    return Repeat(part, low, high, part.least * low, part.most * high if part.most and high else 0)


def arms(parts: list[Node]) -> Node:
    """Let one of some expressions match."""
    if len(parts) == 1:
        return parts[0]
    return Arms(tuple(parts), min(part.least for part in parts), max(part.most for part in parts))


class _Reader:
    """One expression, read from left to right."""

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.at = 0
        self.groups = 0
        self.named: dict[str, int] = {}

    def choice(self) -> Node:
        """Read up to the end of a group."""
        runs = [self.run()]
        while self._next("|"):
            runs.append(self.run())
        return arms(runs)

    def run(self) -> Node:
        """Read up to the end of an arm."""
        parts: list[Node] = []
        while self.at < len(self.pattern) and self.pattern[self.at] not in "|)":
            parts.append(self._repeated(self._atom()))
        return sequence(parts)

    def _next(self, sign: str) -> bool:
        if self.pattern.startswith(sign, self.at):
            self.at += len(sign)
            return True
        return False

    def _repeated(self, part: Node) -> Node:
        signs = {"*": (0, inf), "+": (1, inf), "?": (0, 1)}
        while self.at < len(self.pattern):
            count = _COUNT.match(self.pattern, self.at)
            if self.pattern[self.at] in signs:
                low, high = signs[self.pattern[self.at]]
                self.at += 1
            elif count:
                low = int(count[1])
                high = low if count[2] is None else int(count[3]) if count[3] else inf
                self.at = count.end()
            else:
                break
            # Lazy or possessive: the same texts.
            if not self._next("?"):
                self._next("+")
            part = repeat(part, int(low), high)
        return part

    def _atom(self) -> Node:
        sign = self.pattern[self.at]
        if sign == "(":
            return self._group()
        if sign == "[":
            self.at += 1
            return Chars(self._class())
        if sign == "\\":
            return self._escaped()
        self.at += 1
        if sign in "^$":
            return Anchor(sign)
        return Chars(_PRINTABLE if sign == "." else sign)

    def _group(self) -> Node:
        opening = _OPENING.match(self.pattern, self.at)
        assert opening is not None
        self.at = opening.end()
        if opening["flags"]:
            return _EMPTY
        number = 0
        if opening[0] == "(" or opening["name"]:
            self.groups += 1
            number = self.groups
            if opening["name"]:
                self.named[opening["name"]] = number
        inside = self.choice()
        self._next(")")
        if opening["look"]:
            return _EMPTY
        return Captured(inside, number, inside.least, inside.most) if number else inside

    def _escaped(self) -> Node:
        match = _ESCAPE.match(self.pattern, self.at)
        if match is None:
            self.at += 1
            return Chars("\\")
        self.at = match.end()
        if match["back"]:
            return Again(int(match["back"]))
        if match["group"]:
            return Again(self.named.get(match["group"], 0))
        if match["plain"] and match["plain"] in "AzZ":
            return Anchor("^" if match["plain"] == "A" else "$")
        if match["plain"] and match["plain"] in "bB":
            return _EMPTY
        return Chars(_characters(match))

    def _class(self) -> str:
        inverted = self._next("^")
        characters: dict[str, None] = {}
        first = True
        while self.at < len(self.pattern) and (first or self.pattern[self.at] != "]"):
            if self.pattern[self.at] == "]":
                # "[]" of ECMA matches nothing, "[^]" everything.
                break
            first = False
            characters.update(dict.fromkeys(self._member()))
        self.at += 1
        if inverted:
            return "".join(c for c in _PRINTABLE if c not in characters) or "é"
        return _readable(characters)

    def _member(self) -> str:
        """Read a character, a range, a class or a nested class."""
        posix = _POSIX.match(self.pattern, self.at)
        if posix:
            self.at = posix.end()
            return _WORD
        low = self._single()
        if (
            len(low) != 1
            or not self.pattern.startswith("-", self.at)
            or self.pattern.startswith("-]", self.at)
        ):
            return low
        start = self.at
        self.at += 1
        high = self._single()
        if len(high) != 1:
            self.at = start
            return low
        last = min(ord(high), ord(low) + 200)
        return "".join(map(chr, range(ord(low), last + 1)))

    def _single(self) -> str:
        match = _ESCAPE.match(self.pattern, self.at)
        if match is None:
            self.at += 1
            return self.pattern[self.at - 1]
        self.at = match.end()
        return "\b" if match["plain"] == "b" else _characters(match)


def _characters(match: re.Match[str]) -> str:
    """Give the characters that an escape stands for."""
    code = match["code"] or match["four"] or match["two"]
    if code:
        return chr(int(code, 16))
    if match["control"]:
        return chr(ord(match["control"]) % 32)
    if match["property"]:
        known = _PROPERTIES.get(match["name"], _WORD[:26])
        return known if match["property"] == "p" else "".join(c for c in _PRINTABLE if c not in known)
    plain = match["plain"] or match[0][1:]
    return _CLASSES.get(plain) or _CONTROLS.get(plain, plain)


def _readable(characters: dict[str, None]) -> str:
    """Give the characters of a class in the order in which they are simple; the printable ones if there are any."""
    printable = "".join(c for c in _PRINTABLE if c in characters)
    if printable and len(printable) < len(characters):
        return printable
    return printable or "".join(c for c in characters if not "\ud800" <= c <= "\udfff")


@lru_cache(maxsize=1024)
def expression(pattern: str) -> Node:
    """Read an expression, with what may stand around what it matches."""
    reader = _Reader(pattern)
    choices = []
    while reader.at < len(pattern):
        choices.append(reader.choice())
        # A ")" that closes nothing stands for itself.
        if reader.at < len(pattern):
            reader.at += 1
    read = sequence(choices)
    tops = read.parts if isinstance(read, Arms) else (read,)
    return arms([_padded(arm) for arm in tops])


def _padded(node: Node) -> Node:
    around = repeat(Chars(_PRINTABLE), 0, inf)
    before = [] if _anchored(node, 0) else [around]
    after = [] if _anchored(node, -1) else [around]
    return sequence([*before, node, *after])


def _anchored(node: Node, end: int) -> bool:
    """Say whether an expression begins (*end* 0) or ends (*end* -1) with an anchor."""
    if isinstance(node, Sequence):
        return bool(node.parts) and _anchored(node.parts[end], end)
    if isinstance(node, Captured):
        return _anchored(node.part, end)
    if isinstance(node, Arms):
        return any(_anchored(part, end) for part in node.parts)
    return isinstance(node, Anchor)


def text_of(node: Node, low: float, high: float, pick: Pick) -> str:
    """Draw a text.

    Args:
        node: Of an expression.
        low: Fewest characters.
        high: Most characters; may be inf.
        pick: Draws an int between two bounds.

    Raises:
        NoText: There is none of such a length.
    """
    return _Writer(pick).write(node, low, high)


class _Writer:
    def __init__(self, pick: Pick) -> None:
        self._pick = pick
        self._captured: dict[int, str] = {}

    def write(self, node: Node, low: float, high: float) -> str:
        """Write a text with between *low* and *high* characters."""
        if node.least > high or node.most < low:
            raise NoText
        if isinstance(node, Chars):
            return self._char(node.text)
        if isinstance(node, Sequence):
            return self._one_by_one(node.parts, low, high)
        if isinstance(node, Repeat):
            return self._times(node, low, high)
        if isinstance(node, Arms):
            return self._arm(node.parts, low, high)
        if isinstance(node, Captured):
            text = self._captured[node.number] = self.write(node.part, low, high)
            return text
        return self._captured.get(node.number, "") if isinstance(node, Again) else ""

    def _char(self, text: str) -> str:
        if not text:
            raise NoText
        return text[self._pick(0, len(text) - 1)]

    def _arm(self, parts: tuple[Node, ...], low: float, high: float) -> str:
        possible = [part for part in parts if part.least <= high and part.most >= low]
        if not possible:
            raise NoText
        return self.write(possible[self._pick(0, len(possible) - 1)], low, high)

    def _one_by_one(self, parts: tuple[Node, ...], low: float, high: float) -> str:
        # What the parts from each one on take, from behind: the whole minus a part fails where both are infinite.
        least, most = [0.0], [0.0]
        for part in reversed(parts):
            least.append(least[-1] + part.least)
            most.append(most[-1] + part.most)
        text = ""
        for remaining, part in zip(range(len(parts) - 1, -1, -1), parts, strict=True):
            lowest = max(part.least, low - len(text) - most[remaining])
            text += self.write(part, lowest, min(part.most, high - len(text) - least[remaining]))
        return text

    def _times(self, node: Repeat, low: float, high: float) -> str:
        part = node.part
        first = node.low
        if low > 0 and part.most:
            first = max(first, 1 if part.most == inf else ceil(low / part.most))
        last = min(node.high, first + _MORE, high // part.least if part.least else inf)
        if first > last:
            raise NoText
        count = self._pick(first, int(last))
        varied = min(count, _VARIED) if isinstance(part, Chars) else count
        text = self._one_by_one((part,) * varied, low - (count - varied), high - (count - varied))
        return text + text[-1:] * (count - varied)
