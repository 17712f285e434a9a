# SPDX-License-Identifier: Apache-2.0
"""Texts that a regular expression of ECMA 262 matches, with a length between two bounds.

Rules:
1. The parser of Python's `re` reads the expression.
2. An expression matches anywhere in a text. Unless it is anchored, other characters surround the match if the length
   requires it.
3. Lookarounds and word boundaries are ignored. The caller checks whether the text matches.
4. Characters are printable ASCII if the expression allows one.
"""

from __future__ import annotations

import re
from functools import lru_cache
from math import ceil, inf
from re import _constants as sre  # type: ignore[attr-defined]
from re import _parser  # type: ignore[attr-defined]
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

_PRINTABLE = (
    "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-_. " + "!\"#$%&'()*+,/:;<=>?@[\\]^`{|}~"
)
_DIGITS, _SPACE = "0123456789", " \t\n\r\f\v"
_WORD = _PRINTABLE[:62] + "_"
_CLASSES = {
    sre.CATEGORY_DIGIT: _DIGITS,
    sre.CATEGORY_WORD: _WORD,
    sre.CATEGORY_SPACE: _SPACE,
    sre.CATEGORY_NOT_DIGIT: "".join(c for c in _PRINTABLE if c not in _DIGITS),
    sre.CATEGORY_NOT_WORD: "".join(c for c in _PRINTABLE if c not in _WORD),
    sre.CATEGORY_NOT_SPACE: _PRINTABLE.replace(" ", ""),
}
# Python has no properties of Unicode, so a few characters replace each. The first letter of a name is enough.
_PROPERTIES = {"Ll": "a-zé", "Lu": "A-ZÉ", "N": "0-9", "P": ".!?", "S": "+<=>$", "Z": " ", "M": "\u0301"}
_FOREIGN = re.compile(
    r"(?P<in>\[(?:\\.|[^\]\\])*\])|\\(?P<sign>[pP])\{(?P<property>[^}]*)\}|\\u\{(?P<code>[0-9a-fA-F]+)\}"
    r"|\\c(?P<control>[A-Za-z])|(?P<name>\(\?<(?![=!]))|\\k<(?P<again>[^>]*)>|\\.|\$|\[",
    re.DOTALL,
)
_CHARACTERS = (sre.LITERAL, sre.NOT_LITERAL, sre.IN, sre.ANY)
_STARTS, _ENDS = (sre.AT_BEGINNING, sre.AT_BEGINNING_STRING), (sre.AT_END, sre.AT_END_STRING)
# Most repetitions above the minimum, and characters that are drawn of a run. The last of them fills a longer run.
_MORE, _VARIED = 4, 24


class NoText(Exception):  # a fact that is found, never raised to a user
    """No text of these lengths is found."""


def _in_python(pattern: str, *, in_class: bool = False) -> str:
    """Return an expression in the syntax of Python, as far as this is possible."""

    def replaced(match: re.Match[str]) -> str:
        if match["in"] and not in_class:
            return "[" + _in_python(match["in"][1:-1], in_class=True) + "]"
        if match["sign"]:
            name = match["property"].rpartition("=")[2]
            found = _PROPERTIES.get(name) or _PROPERTIES.get(name[:1], "a-zA-Zé")
            return found if in_class else f"[{'^' if match['sign'] == 'P' else ''}{found}]"
        if match["code"] or match["control"]:
            code = int(match["code"], 16) if match["code"] else ord(match["control"]) % 32
            return f"\\U{code:08x}"
        if match["again"]:
            return f"(?P={match['again']})"
        if in_class:
            # Python warns of a "[" in a class, which may mean a nested set one day.
            return r"\[" if match[0] == "[" else match[0]
        # Python's "$" also matches before a last newline.
        return "(?P<" if match["name"] else r"\Z" if match[0] == "$" else match[0]

    return _FOREIGN.sub(replaced, pattern)


@lru_cache(maxsize=1024)
def _arms(pattern: str) -> list[list[Any]]:
    """Return the alternatives of an expression, each as the parts that follow each other."""
    try:
        parsed = _parser.parse(_in_python(pattern))
    except (re.error, OverflowError, RecursionError, ValueError):
        raise NoText from None
    is_choice = len(parsed) == 1 and parsed[0][0] is sre.BRANCH
    around = _parser.parse(".*")
    return [
        [
            *([] if _is_anchored(arm, 0) else [around]),
            *_parts(arm),
            *([] if _is_anchored(arm, -1) else [around]),
        ]
        for arm in (parsed[0][1][1] if is_choice else [parsed])
    ]


def _parts(parsed: Any) -> list[Any]:
    """Return the parts of an expression, each as an expression."""
    return [parsed[at : at + 1] for at in range(len(parsed))]


def _is_anchored(parsed: Any, end: int) -> bool:
    """Return whether an expression begins (*end* 0) or ends (*end* -1) with an anchor."""
    if not len(parsed):
        return False
    kind, value = parsed[end]
    if kind is sre.BRANCH:
        return any(_is_anchored(arm, end) for arm in value[1])
    if kind is sre.SUBPATTERN:
        return _is_anchored(value[3], end)
    return kind is sre.AT and value in (_STARTS if end == 0 else _ENDS)


def _width(parts: list[Any]) -> tuple[float, float]:
    """Return the fewest and the most characters of parts that follow each other."""
    widths = [part.getwidth() for part in parts]
    most = sum(width[1] for width in widths)
    return sum(width[0] for width in widths), most if most < sre.MAXREPEAT else inf


@lru_cache(maxsize=1024)
def _characters(members: tuple[tuple[Any, Any], ...]) -> str:
    """Return the characters of a class in the order in which they are simple, the printable ones if there are any."""
    found: dict[str, None] = {}
    inverted = False
    for kind, value in members:
        inverted |= kind in (sre.NEGATE, sre.NOT_LITERAL)
        if kind is sre.CATEGORY:
            found.update(dict.fromkeys(_CLASSES.get(value, "")))
        elif kind is sre.RANGE:
            found.update(dict.fromkeys(map(chr, range(value[0], min(value[1], value[0] + 200) + 1))))
        elif kind is sre.ANY:
            found.update(dict.fromkeys(_PRINTABLE))
        elif kind is not sre.NEGATE:
            found[chr(value)] = None
    if inverted:
        return "".join(c for c in _PRINTABLE if c not in found) or "é"
    printable = "".join(c for c in _PRINTABLE if c in found)
    return printable or "".join(c for c in found if not "\ud800" <= c <= "\udfff")


def text_of(pattern: str, low: float, high: float, pick: Callable[[int, int], int]) -> str:
    """Draw a text that probably matches a regular expression.

    Args:
        pattern: The expression.
        low: Fewest characters.
        high: Most characters, or inf.
        pick: Draws an int between two bounds.

    Raises:
        NoText: No such text is found.
    """
    writer = _Writer(pick)
    possible = [arm for arm in _arms(pattern) if _fits(arm, low, high)]
    return writer.write(writer.one_of(possible), low, high)


def _fits(parts: list[Any], low: float, high: float) -> bool:
    least, most = _width(parts)
    return least <= high and most >= low


class _Writer:
    def __init__(self, pick: Callable[[int, int], int]) -> None:
        self._pick = pick
        self._captured: dict[int, str] = {}

    def one_of(self, choices: Any) -> Any:
        """Draw one of some choices."""
        if not choices:
            raise NoText
        return choices[self._pick(0, len(choices) - 1)]

    def write(self, parts: list[Any], low: float, high: float) -> str:
        """Write a text of parts that follow each other, with *low* to *high* characters."""
        # The lengths of what follows each part, from the end: the whole minus a part fails if both are infinite.
        widths = [_width([part]) for part in parts]
        behind = [(0.0, 0.0)]
        for least, most in reversed(widths):
            behind.append((behind[-1][0] + least, behind[-1][1] + most))
        text = ""
        for part, (least, most), (rest, room) in zip(parts, widths, behind[-2::-1], strict=True):
            lowest = max(least, low - len(text) - room)
            highest = min(most, high - len(text) - rest)
            if lowest > highest:
                raise NoText
            text += self._one(part, lowest, highest)
        return text

    def _one(self, part: Any, low: float, high: float) -> str:
        kind, value = part[0]
        if kind is sre.BRANCH:
            return self.write(_parts(self.one_of([a for a in value[1] if _fits([a], low, high)])), low, high)
        if kind in (sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT):
            first, last, repeated = value
            return self._times(first, last, repeated, low, high)
        if kind is sre.SUBPATTERN:
            text = self._captured[value[0]] = self.write(_parts(value[3]), low, high)
            return text
        if kind is sre.ATOMIC_GROUP:
            return self.write(_parts(value), low, high)
        if kind is sre.GROUPREF:
            return self._captured.get(value, "")
        is_character = kind in _CHARACTERS
        return self.one_of(_characters(_members(kind, value))) if is_character else ""

    def _times(self, first: Any, last: Any, part: Any, low: float, high: float) -> str:
        least, most = _width([part])
        if low > 0 and most:
            first = max(first, 1 if most == inf else ceil(low / most))
        last = min(inf if last is sre.MAXREPEAT else last, first + _MORE, high // least if least else inf)
        if first > last:
            raise NoText
        count = self._pick(first, int(last))
        varied = min(count, _VARIED) if len(part) == 1 and part[0][0] in _CHARACTERS else count
        text = self.write(_parts(part) * varied, low - (count - varied), high - (count - varied))
        return text + text[-1:] * (count - varied)


def _members(kind: Any, value: Any) -> tuple[tuple[Any, Any], ...]:
    return tuple(value) if kind is sre.IN else ((kind, value),)
