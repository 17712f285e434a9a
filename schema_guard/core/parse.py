"""One JSON text -> its value, within the limits; or why not, by code.

jiter parses and refuses duplicate keys, NaN and lone surrogates. It has one ValueError for everything, turns
1e999 into inf and knows no limits but nesting: those are found here.
"""

from __future__ import annotations

import re
from math import isinf
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from schema_guard.core.values import Limits


class NotJson(NamedTuple):
    """Why a text is no JSON text.

    Attributes:
        code: A code of failure kind `syntax`, or `unfinished` when the text ends inside JSON.
        message: What is wrong, with line and column where known.
        end: Where a complete JSON text ended, in bytes, when only what follows it is wrong; else None.
    """

    code: str
    message: str
    end: int | None = None


# JSON strings, to look at a text without them. Possessive: a text of quotes and backslashes stays linear.
_STRING = re.compile(r'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
_NUMBER = re.compile(r"-?[0-9][0-9.eE+-]*")
_POSITION = re.compile(r" at line (\d+) column (\d+)$")
_NOT_FINITE = re.compile(rb"-?(?:NaN|Infinity)")
# Maps every digit to 0 and E to e, and drops "+", so that one search finds an exponent of two digits.
_EXPONENT = bytes.maketrans(b"123456789E", b"000000000e")
# Maps every character of a number to 0 and all others to a space.
_NUMBER_BYTES = bytes(48 if byte in b"0123456789.eE+-" else 32 for byte in range(256))
_NOT_BRACKETS = bytes(byte for byte in range(256) if byte not in b'{}[]"')
# The largest float has 309 digits.
_DIGITS = 300


def parse(text: str, limits: Limits) -> Any:
    """Parse one JSON text; white space around it is allowed.

    Never raises, whatever the text. Linear in its length.

    Returns:
        The value, or a `NotJson`, which no value is an instance of.
    """
    try:
        data = text.encode()
    except UnicodeEncodeError as error:
        return NotJson("bad_unicode", f"a lone surrogate at character {error.start + 1}")
    refused = _beyond(text, data, limits)
    if refused is not None:
        return refused
    try:
        value = (_from_json or _load())(data, catch_duplicate_keys=True, allow_inf_nan=False)
    except ValueError as error:
        return _why(data, str(error))
    # Only an exponent makes a number of few digits infinite, and only 309 digits one without.
    if b"0e0" in data.translate(_EXPONENT, b"+") or (len(data) > _DIGITS and _holds_run(data, _DIGITS)):
        refused = _infinite(text)
        if refused is not None:
            return refused
    return value


_from_json: Callable[..., Any] | None = None


def _load() -> Callable[..., Any]:
    """Give jiter's parser, imported when it is first used."""
    global _from_json  # noqa: PLW0603 - a function that is bound once; the import costs a lookup each time
    if _from_json is None:
        from jiter import from_json  # noqa: PLC0415

        _from_json = from_json
    return _from_json


def _beyond(text: str, data: bytes, limits: Limits) -> NotJson | None:
    """Say which limit a text exceeds. Counting whole is cheap and counts too much: it acquits or asks for a look."""
    size = len(data)
    if size > limits.max_bytes:
        return NotJson("too_large", f"{size} bytes, more than max_bytes={limits.max_bytes}")
    # A text of so many bytes has no more levels, no more values and no longer number than that.
    openers = data.count(b"{") + data.count(b"[") if size > min(limits.max_depth, limits.max_nodes) else 0
    nodes = openers + data.count(b",") + data.count(b":") + 1 if size > limits.max_nodes else 0
    if (
        nodes <= limits.max_nodes
        and (openers <= limits.max_depth or _is_shallow(data, limits.max_depth))
        and (size <= limits.max_number_chars or not _holds_run(data, limits.max_number_chars + 1))
    ):
        return None
    return _look(_STRING.sub('""', text), limits)


def _holds_run(data: bytes, length: int) -> bool:
    """Say whether so many characters of numbers stand in a row, be it in a string."""
    return b"0" * length in data.translate(_NUMBER_BYTES)


def _is_shallow(data: bytes, levels: int) -> bool:
    """Say that no value lies deeper than so many levels; False where that takes a closer look.

    Strings are taken away, then pairs of brackets from the inside out, a level at a time: each step is one search
    through what is left, without a step of Python for each bracket.
    """
    if b"\\" in data:
        data = data.replace(b"\\\\", b"").replace(b'\\"', b"")
    kept = data.translate(None, _NOT_BRACKETS).replace(b'""', b"")
    if b'"' in kept:
        return False
    for _ in range(levels):
        if not kept:
            return True
        shorter = kept.replace(b"[]", b"").replace(b"{}", b"")
        if len(shorter) == len(kept):
            return False
        kept = shorter
    return not kept


def _look(bare: str, limits: Limits) -> NotJson | None:
    """Hold a text without its strings against the limits, exactly."""
    depth = 0
    for token in re.finditer(r"[\[{]|[\]}]", bare):
        depth += 1 if token[0] in "[{" else -1
        if depth > limits.max_depth:
            return NotJson("too_deep", f"nested deeper than max_depth={limits.max_depth}")
    nodes = sum(bare.count(char) for char in "{[,:") + 1
    if nodes > limits.max_nodes:
        return NotJson("too_many_nodes", f"about {nodes} values, more than max_nodes={limits.max_nodes}")
    longest = max((len(number[0]) for number in _NUMBER.finditer(bare)), default=0)
    if longest > limits.max_number_chars:
        return NotJson(
            "number_too_long", f"a number of {longest} characters, more than {limits.max_number_chars}"
        )
    return None


def _infinite(text: str) -> NotJson | None:
    """Find a number that no float holds."""
    for number in _NUMBER.finditer(_STRING.sub('""', text)):
        if ("." in number[0] or "e" in number[0].lower()) and isinf(float(number[0])):
            return NotJson("not_finite", f"the number {number[0][:20]} is too large for a float")
    return None


# How jiter's errors begin, and what they mean; the rest is `malformed`.
_MEANINGS = (
    ("EOF", "unfinished", "the text ends inside JSON"),
    ("Detected duplicate key", "duplicate_key", "the same key twice in an object"),
    ("recursion limit", "too_deep", "nested deeper than 200 levels"),
    ("lone leading surrogate", "bad_unicode", "a lone surrogate"),
    ("unexpected end of hex escape", "bad_unicode", "a lone surrogate"),
    ("invalid unicode", "bad_unicode", "bytes that are not UTF-8"),
)


def _why(data: bytes, message: str) -> NotJson:
    """Find the code for an error of jiter's, by its words and its place."""
    place = _POSITION.search(message)
    where = place[0] if place else ""
    offset = _offset(data, int(place[1]), int(place[2])) if place else 0
    if message.startswith("trailing characters"):
        return NotJson("malformed", message, offset)
    for words, code, meaning in _MEANINGS:
        if message.startswith(words):
            return NotJson(code, meaning + where)
    if _NOT_FINITE.match(data, offset) or _NOT_FINITE.match(data, max(0, offset - 1)):
        return NotJson("not_finite", f"NaN or Infinity, which JSON does not have{where}")
    return NotJson("malformed", message)


def _offset(data: bytes, line: int, column: int) -> int:
    start = 0
    for _ in range(line - 1):
        start = data.find(b"\n", start) + 1
    return max(0, start + column - 1)
