# SPDX-License-Identifier: Apache-2.0
"""What a regular expression may cost, from its text alone.

Rules:
1. Nothing here matches anything: an expression is read once, from left to right, without recursion.
2. An expression that is not well formed gets some answer; the engine that compiles it has the last word.

The fast engine runs an expression in time linear in the text unless it looks around or back; then it backtracks,
with a limit. Python's `re` always backtracks, without one, so it matches no expression of a schema.
"""

from __future__ import annotations

import re
from functools import cache
from typing import NamedTuple

# Measured with jsonschema-rs 0.61: "\p{L}" compiles in 220 us and 46 KB, one state of "[a-z]" in 0.3 us.
_PROPERTY_SIZE = 700
_WIDE_SIZE = 4
# An expression of more states is counted instead of written out; at 10 MB, 200 bytes a state, it would be refused.
MAX_STATES_EACH = 50_000
# Repetitions of repetitions multiply; beyond this the number says no more.
_MOST = 10**9
# A repetition up to this bound is no more dangerous than writing its atom out.
_FEW = 10

# Compiled when the first expression is read, for most schemas have none.
_COUNTED = r"\{(\d{1,6})(,(\d{0,6}))?\}"
_ESCAPE = r"\\(?:[pP]\{[^}]*\}|u\{[^}]*\}|u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|c[A-Za-z]|k<[^>]*>|.)"
_CLASS = r"\[\^?(?:\\.|[^\]\\])*\]"
_OPEN = r"\((?:\?(?:<?[=!]|[:>]|P?<[^>]*>|[a-zA-Z-]+:)?)?"
_COUNTING = "(?:(?=)"
# What the fast engine takes only by its code, written as no author writes it.
_CODES = {
    "[]": r"[^\u{00000}-\u{10ffff}]", "[^]": r"[\u{00000}-\u{10ffff}]",
    "[": r"\u{0005b}", "]": r"\u{0005d}", "{": r"\u{0007b}", "}": r"\u{0007d}", r"\0": r"\u{00000}", r"\b": r"\u{00008}",
}  # fmt: skip
# `\0` before a digit is an octal code, which is no expression.
_TOKEN = rf"\\0\d|{_ESCAPE}|{_CLASS}|\{{\d+(?:,\d*)?\}}|."
_LOOK = ("(?=", "(?!", "(?<=", "(?<!")


class Traits(NamedTuple):
    """What an expression may cost.

    Attributes:
        size: States of its automaton, repetitions written out.
        backtracks: Whether it looks around or back, so that no linear engine runs it.
        nested: Whether a repetition may repeat another one or a choice: exponential when it backtracks.
        degree: Exponent of the text's length when it backtracks and is not nested.
        simple: Whether it can be in a few states at once only, so that *size* does not matter to a linear engine.
    """

    size: int
    backtracks: bool
    nested: bool
    degree: int
    simple: bool


class _Group:
    """A group that is being read; the outermost is the whole expression."""

    __slots__ = ("atom", "looked", "looks", "repeats", "size", "start", "varies")

    def __init__(self, start: int = 0, looks: bool = False) -> None:
        self.start = start
        self.looks = looks
        self.size = 0
        self.repeats = 0
        self.looked = 0
        self.varies = False
        # The last atom, which a repetition that follows would repeat: start, end, size, whether it varies.
        self.atom = (0, 0, 0, False)


class _Reading:
    """What was read so far."""

    __slots__ = ("backtracks", "counted", "groups", "nested", "unbounded")

    def __init__(self) -> None:
        self.groups = [_Group()]
        self.backtracks = False
        self.nested = False
        self.unbounded = False
        self.counted: list[tuple[int, int]] = []


def traits(pattern: str) -> Traits:
    """Read what an expression may cost.

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
    """Rewrite an expression with large counted repetitions so that they are counted and not written out.

    An empty lookahead before the repeated atom makes the fast engine backtrack there, with counters.

    >>> loosened("^(a{1,1000}){1,1000}$")
    '^(?:(?=)((?:(?=)a){1,1000})){1,1000}$'
    """
    inserted: list[tuple[int, int, str]] = []
    for start, end in _read(pattern).counted:
        inserted += [(start, 1, _COUNTING), (end, 0, ")")]
    # At one place the end of an atom comes before the start of the next; at one start the outer comes first.
    for at, _, text in sorted(inserted, key=lambda each: (each[0], each[1]), reverse=True):
        pattern = pattern[:at] + text + pattern[at:]
    return pattern


def coded(pattern: str) -> str:
    r"""Write the code of what ECMA 262 takes as it is: brackets and braces that open nothing, `[]`, `[^]`, `\0`, and `[\b]`.

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
    """Undo `loosened` and `coded`, for people.

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
    """Find an escape or a class at a place, which are read as one."""
    return _compiled(_ESCAPE).match(pattern, at) or _compiled(_CLASS).match(pattern, at)


def _read(pattern: str) -> _Reading:
    reading = _Reading()
    at = 0
    while at < len(pattern):
        at = _step(reading, pattern, at)
    return reading


def _step(reading: _Reading, pattern: str, at: int) -> int:
    """Read one token; give where the next one starts."""
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
    # A lookaround is decided once: what it tried is not tried again.
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
    # A "?" or "+" right behind makes it lazy or possessive.
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
