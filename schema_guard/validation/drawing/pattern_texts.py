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
from typing import TYPE_CHECKING, Any, NamedTuple

from schema_guard.validation.patterns import for_python

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

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
    r"|\\c(?P<control>[A-Za-z])|(?P<name>\(\?<(?![=!]))|\\k<(?P<again>[^>]*)>|\\.",
    re.DOTALL,
)
# Most repetitions above the minimum, and characters that are drawn of a run. The last of them fills a longer run.
_MORE, _VARIED = 4, 24


class NoText(Exception):  # a fact that is found, never raised to a user
    """No text of these lengths is found."""


class _Node(NamedTuple):
    """A part of an expression.

    Attributes:
        kind: `"chars"`, `"anchor"`, `"parts"`, `"arms"`, `"repeat"`, `"group"`, or `"again"`.
        value: Its characters, its number of a group, or None.
        parts: The nodes inside.
        least: Fewest characters.
        most: Most characters.
    """

    kind: str
    value: Any = None
    parts: tuple[_Node, ...] = ()
    least: float = 0
    most: float = 0


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
        return "(?P<" if match["name"] else match[0]

    return _FOREIGN.sub(replaced, pattern)


@lru_cache(maxsize=1024)
def _expression(pattern: str) -> _Node:
    try:
        parsed = _parser.parse(for_python(_in_python(pattern)))
    except (re.error, OverflowError, RecursionError, ValueError):
        raise NoText from None
    read = _sequence(parsed)
    around = _Node("repeat", (0, inf), (_Node("chars", _PRINTABLE, (), 1, 1),), 0, inf)
    arms = []
    for arm in read.parts if read.kind == "arms" else (read,):
        before = () if _is_anchored(arm, 0) else (around,)
        after = () if _is_anchored(arm, -1) else (around,)
        arms.append(_joined((*before, arm, *after)))
    return _either(arms)


def _sequence(parsed: Iterable[tuple[Any, Any]]) -> _Node:
    return _joined(tuple(_node(kind, value) for kind, value in parsed))


def _joined(parts: tuple[_Node, ...]) -> _Node:
    if len(parts) == 1:
        return parts[0]
    return _Node("parts", None, parts, sum(part.least for part in parts), sum(part.most for part in parts))


def _either(arms: list[_Node]) -> _Node:
    if len(arms) == 1:
        return arms[0]
    return _Node("arms", None, tuple(arms), min(arm.least for arm in arms), max(arm.most for arm in arms))


def _node(kind: Any, value: Any) -> _Node:  # noqa: PLR0911 - one line for each kind
    if kind in (sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT):
        low, high, part = value[0], inf if value[1] is sre.MAXREPEAT else value[1], _sequence(value[2])
        return _Node(
            "repeat",
            (low, high),
            (part,),
            low * part.least,
            part.most * high if part.most and high else 0,
        )
    if kind is sre.BRANCH:
        return _either([_sequence(arm) for arm in value[1]])
    if kind is sre.SUBPATTERN:
        part = _sequence(value[3])
        return _Node("group", value[0], (part,), part.least, part.most)
    if kind is sre.ATOMIC_GROUP:
        return _sequence(value)
    if kind is sre.GROUPREF:
        return _Node("again", value, (), 0, inf)
    if kind is sre.AT:
        is_start = value in (sre.AT_BEGINNING, sre.AT_BEGINNING_STRING)
        is_end = value in (sre.AT_END, sre.AT_END_STRING)
        return _Node("anchor", 0 if is_start else -1 if is_end else None)
    if kind in (sre.LITERAL, sre.NOT_LITERAL, sre.IN, sre.ANY):
        members = value if kind is sre.IN else [(kind, value)]
        return _Node("chars", _characters(members), (), 1, 1)
    return _Node("parts")


def _characters(members: list[tuple[Any, Any]]) -> str:
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


def _is_anchored(node: _Node, end: int) -> bool:
    """Return whether an expression begins (*end* 0) or ends (*end* -1) with an anchor."""
    if node.kind == "anchor":
        return bool(node.value == end)
    if node.kind == "arms":
        return any(_is_anchored(part, end) for part in node.parts)
    return node.kind in ("parts", "group") and bool(node.parts) and _is_anchored(node.parts[end], end)


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
    return _Writer(pick).write(_expression(pattern), low, high)


class _Writer:
    def __init__(self, pick: Callable[[int, int], int]) -> None:
        self._pick = pick
        self._captured: dict[int, str] = {}

    def write(self, node: _Node, low: float, high: float) -> str:
        """Write a text with *low* to *high* characters."""
        if node.least > high or node.most < low:
            raise NoText
        if node.kind == "chars":
            return self._one_of(node.value)  # type: ignore[no-any-return]
        if node.kind == "arms":
            possible = [part for part in node.parts if part.least <= high and part.most >= low]
            return self.write(self._one_of(possible), low, high)
        if node.kind == "repeat":
            return self._times(node, low, high)
        if node.kind == "group":
            text = self._captured[node.value] = self.write(node.parts[0], low, high)
            return text
        return (
            self._captured.get(node.value, "")
            if node.kind == "again"
            else self._one_by_one(node.parts, low, high)
        )

    def _one_of(self, choices: Any) -> Any:
        if not choices:
            raise NoText
        return choices[self._pick(0, len(choices) - 1)]

    def _one_by_one(self, parts: tuple[_Node, ...], low: float, high: float) -> str:
        # The lengths of what follows each part, from the end: the whole minus a part fails if both are infinite.
        least, most = [0.0], [0.0]
        for part in reversed(parts):
            least.append(least[-1] + part.least)
            most.append(most[-1] + part.most)
        text = ""
        for remaining, part in zip(range(len(parts) - 1, -1, -1), parts, strict=True):
            lowest = max(part.least, low - len(text) - most[remaining])
            text += self.write(part, lowest, min(part.most, high - len(text) - least[remaining]))
        return text

    def _times(self, node: _Node, low: float, high: float) -> str:
        (part,), (first, last) = node.parts, node.value
        if low > 0 and part.most:
            first = max(first, 1 if part.most == inf else ceil(low / part.most))
        last = min(last, first + _MORE, high // part.least if part.least else inf)
        if first > last:
            raise NoText
        count = self._pick(first, int(last))
        varied = min(count, _VARIED) if part.kind == "chars" else count
        text = self._one_by_one((part,) * varied, low - (count - varied), high - (count - varied))
        return text + text[-1:] * (count - varied)
