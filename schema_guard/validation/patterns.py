# SPDX-License-Identifier: Apache-2.0
"""Estimate the cost of a regular expression from its text alone.

Rules:
1. Nothing here matches a text. An expression is read once, from left to right, without recursion.
2. An expression that is not well formed gets an arbitrary result. The engine that compiles it rejects it.

The fast engine runs an expression in time linear in the text, unless the expression looks around or back. Then the
engine backtracks, with a limit. Python's `re` always backtracks, without a limit, so no expression of a schema runs in
it.
"""

from __future__ import annotations

import re
from functools import cache
from typing import NamedTuple

# Measured with jsonschema-rs 0.61: "\p{L}" compiles in 220 us and 46 KB, one state of "[a-z]" in 0.3 us.
_PROPERTY_SIZE = 700
_WIDE_SIZE = 4
# A larger expression counts its repetitions instead of expanding them. At 10 MB, 200 bytes a state, it would fail.
MAX_STATES_EACH = 50_000
# Nested repetitions multiply, so sizes are cut off here.
_MOST = 10**9
# A repetition up to this bound is as safe as an expression that repeats the atom in its text.
_FEW = 10

# Compiled for the first expression, because most schemas have none.
_COUNTED = r"\{(\d{1,6})(,(\d{0,6}))?\}"
_ESCAPE = r"\\(?:[pP]\{[^}]*\}|u\{[^}]*\}|u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|c[A-Za-z]|k<[^>]*>|.)"
_CLASS = r"\[\^?(?:\\.|[^\]\\])*\]"
_OPEN = r"\((?:\?(?:<?[=!]|[:>]|P?<[^>]*>|[a-zA-Z-]+:)?)?"
_COUNTING = "(?:(?=)"
# Syntax that the fast engine accepts only as codes. Five digits tell them from those of an author.
_CODES = {
    "[]": r"[^\u{00000}-\u{10ffff}]", "[^]": r"[\u{00000}-\u{10ffff}]",
    "[": r"\u{0005b}", "]": r"\u{0005d}", "{": r"\u{0007b}", "}": r"\u{0007d}", r"\0": r"\u{00000}", r"\b": r"\u{00008}",
}  # fmt: skip
# `\0` before a digit is an octal code, which is invalid.
_TOKEN = rf"\\0\d|{_ESCAPE}|{_CLASS}|\{{\d+(?:,\d*)?\}}|."
_LOOK = ("(?=", "(?!", "(?<=", "(?<!")


class Traits(NamedTuple):
    """The traits of an expression that determine its cost.

    Attributes:
        size: Number of states of its automaton, with repetitions expanded.
        backtracks: Whether it looks around or back, so that no linear engine can run it.
        nested: Whether a repetition may repeat another one or a choice. If it backtracks, its time is exponential.
        degree: Exponent of the text's length in its time, if it backtracks and is not nested.
        simple: Whether only a few states are active at once, so that *size* does not matter to a linear engine.
    """

    size: int
    backtracks: bool
    nested: bool
    degree: int
    simple: bool


class _Group:
    """An open group of an expression. The outermost one is the whole expression."""

    __slots__ = ("atom", "looked", "looks", "repeats", "size", "start", "varies")

    def __init__(self, start: int = 0, looks: bool = False) -> None:
        self.start = start
        self.looks = looks
        self.size = 0
        self.repeats = 0
        self.looked = 0
        self.varies = False
        # The last atom, to which a repetition would apply: start, end, size, whether it varies.
        self.atom = (0, 0, 0, False)


class _Reading:
    """The state of reading an expression."""

    __slots__ = ("backtracks", "counted", "groups", "nested", "unbounded")

    def __init__(self) -> None:
        self.groups = [_Group()]
        self.backtracks = False
        self.nested = False
        self.unbounded = False
        self.counted: list[tuple[int, int]] = []


def traits(pattern: str) -> Traits:
    """Return the traits of an expression.

    >>> traits("^(a+)+$").nested, traits("^[a-z]{1,20}$").nested, traits("(?=a)b").backtracks
    (True, False, True)
    """
    reading = _read(pattern)
    size = sum(group.size for group in reading.groups)
    anchored = pattern.startswith("^") and "|" not in pattern
    repeats = max(sum(group.repeats for group in reading.groups), reading.groups[0].looked)
    simple = size <= _FEW or (anchored and not reading.unbounded and not reading.nested)
    return Traits(
        size, reading.backtracks, reading.nested, repeats + (not anchored), simple and not reading.backtracks
    )


def loosened(pattern: str) -> str:
    """Return an expression whose large repetitions are counted at run time instead of expanded.

    An empty lookahead before the repeated atom makes the fast engine backtrack there, with counters.

    >>> loosened("^(a{1,1000}){1,1000}$")
    '^(?:(?=)((?:(?=)a){1,1000})){1,1000}$'
    """
    inserted: list[tuple[int, int, str]] = []
    for start, end in _read(pattern).counted:
        inserted += [(start, 1, _COUNTING), (end, 0, ")")]
    # At one position, the end of an atom comes before the start of the next. Of two starts, the outer comes first.
    for at, _, text in sorted(inserted, key=lambda each: (each[0], each[1]), reverse=True):
        pattern = pattern[:at] + text + pattern[at:]
    return pattern


def coded(pattern: str) -> str:
    r"""Return an expression with codes in place of syntax that only ECMA 262 accepts.

    These are brackets and braces that open nothing, `[]`, `[^]`, `\0`, and `[\b]`.

    >>> coded(r"^{[[a]{2}$")
    '^\\u{0007b}[\\u{0005b}a]{2}$'
    """

    def code(token: re.Match[str]) -> str:
        text = token[0]
        if text[0] == "[" and text not in _CODES:
            return "[" + re.sub(r"\\0\d|\\.|\[", lambda part: _CODES.get(part[0], part[0]), text[1:])
        return text if text in ("[", r"\b") else _CODES.get(text, text)

    return _compiled(_TOKEN).sub(code, pattern)


def tightened(pattern: str) -> str:
    """Return an expression as its author wrote it: undo `loosened` and `coded`.

    >>> tightened(loosened("^(a{1,1000}){1,1000}$"))
    '^(a{1,1000}){1,1000}$'
    """
    for text, code in _CODES.items():
        pattern = pattern.replace(code, text)
    while (start := pattern.rfind(_COUNTING)) >= 0:
        depth, end = 1, start + len(_COUNTING)
        while depth and end < len(pattern):
            match = _atom_at(pattern, end)
            text = match[0] if match else pattern[end]
            depth += (text == "(") - (text == ")")
            end += len(text)
        pattern = pattern[:start] + pattern[start + len(_COUNTING) : end - 1] + pattern[end:]
    return pattern


@cache
def _compiled(token: str) -> re.Pattern[str]:
    return re.compile(token, re.DOTALL)


def _atom_at(pattern: str, at: int) -> re.Match[str] | None:
    """Return the match of an escape or a class at a position, each of which is one atom."""
    return _compiled(_ESCAPE).match(pattern, at) or _compiled(_CLASS).match(pattern, at)


def _read(pattern: str) -> _Reading:
    reading = _Reading()
    at = 0
    while at < len(pattern):
        at = _step(reading, pattern, at)
    return reading


def _step(reading: _Reading, pattern: str, at: int) -> int:
    """Read one token, and return the position of the next."""
    char, group = pattern[at], reading.groups[-1]
    if char == "(":
        opened = _compiled(_OPEN).match(pattern, at)
        assert opened is not None
        looks = opened[0] in _LOOK
        reading.backtracks |= looks or opened[0] == "(?>"
        reading.groups.append(_Group(start=at, looks=looks))
        return opened.end()
    if char == ")":
        _close(reading, at + 1)
        return at + 1
    if char == "|":
        group.varies = True
        group.atom = (at, at, 0, False)
        return at + 1
    if char in "*+?{":
        return _repeat(reading, pattern, at)
    return _atom(reading, pattern, at)


def _atom(reading: _Reading, pattern: str, at: int) -> int:
    group = reading.groups[-1]
    match = _atom_at(pattern, at)
    text = match[0] if match else pattern[at]
    if text.startswith(r"\k") or (text[:1] == "\\" and text[1:2] in "123456789" and len(text) > 1):
        reading.backtracks = True
    size = 0 if text in ("^", "$", r"\b", r"\B") else 1
    if re.search(r"\\[pP]", text):
        size = _PROPERTY_SIZE
    elif text == "." or text.startswith("[^") or not text.isascii() or text in (r"\D", r"\W", r"\S"):
        size = _WIDE_SIZE
    group.size += size
    group.atom = (at, at + len(text), size, False)
    return at + len(text)


def _close(reading: _Reading, end: int) -> None:
    if len(reading.groups) == 1:
        return
    inner = reading.groups.pop()
    group = reading.groups[-1]
    group.size = min(group.size + inner.size, _MOST)
    # A lookaround is decided once, so its attempts are not repeated.
    group.repeats += 0 if inner.looks else inner.repeats
    group.looked = max(group.looked, inner.looked, inner.repeats if inner.looks else 0)
    group.varies |= inner.varies
    group.atom = (inner.start, end, inner.size, inner.varies)


def _repeat(reading: _Reading, pattern: str, at: int) -> int:
    group = reading.groups[-1]
    counted = _compiled(_COUNTED).match(pattern, at)
    if pattern[at] == "{" and counted is None:
        return _atom(reading, pattern, at)
    low, high = _bounds(pattern[at], counted)
    end = counted.end() if counted else at + 1
    start, stop, size, varies = group.atom
    many = high is None or high > _FEW
    if many and counted and high is not None:
        reading.counted.append((start, stop))
    times = max(high or low, 1)
    group.size = min(group.size + size * (times - 1), _MOST)
    reading.unbounded |= high is None
    reading.nested |= many and varies
    group.repeats += many
    group.varies |= low != high and (high is None or high > 1)
    # A "?" or "+" directly after it makes it lazy or possessive.
    lazy = end < len(pattern) and pattern[end] in "?+"
    group.atom = (start, end, min(size * times, _MOST), True)
    return end + lazy


def _bounds(char: str, counted: re.Match[str] | None) -> tuple[int, int | None]:
    if counted is None:
        return {"*": (0, None), "+": (1, None), "?": (0, 1)}[char]
    low = int(counted[1])
    if counted[2] is None:
        return low, low
    return low, int(counted[3]) if counted[3] else None
