# SPDX-License-Identifier: Apache-2.0
"""One JSON text -> its value, within the limits; or why not, by code.

jiter parses and refuses duplicate keys, NaN and lone surrogates. It has one ValueError for everything, turns
1e999 into inf and knows no limits but nesting: those are found here.
"""

from __future__ import annotations

import re
from functools import cache
from itertools import accumulate
from math import isinf
from typing import TYPE_CHECKING, Any, NamedTuple

from schema_guard.outside import is_from_outside

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
# Maps every digit and "+" to 0 and E to e, so that one search finds an exponent of three digits.
_EXPONENT = bytes.maketrans(b"123456789+E", b"0000000000e")
_LONG_EXPONENT = b"0e000"
# Maps every character of a number to 0 and all others to a space.
_NUMBER_BYTES = bytes(48 if byte in b"0123456789.eE+-" else 32 for byte in range(256))
# Every so many bytes are looked at for a long number first. A prime: columns of numbers repeat at even widths.
_STRIDE = 19
# What stands before each value but the first.
_BEFORE_VALUES = (b"{", b"[", b",", b":")
_NOT_BRACKETS = bytes(byte for byte in range(256) if byte not in b'{}[]"')
# How many more brackets are open behind a byte.
_OPENED = [(byte in b"{[") - (byte in b"}]") for byte in range(256)]
# The largest float has 309 digits: with fewer than this and an exponent of two digits a number is below 1e300.
_DIGITS = 200
_JITER_DEPTH = 200


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
    # A text of so many bytes has no more values and no longer number than that.
    if len(data) > limits.max_number_chars or len(data) > limits.max_nodes or len(data) > limits.max_bytes:
        refused = _beyond(text, data, limits)
        if refused is not None:
            return refused
    try:
        # Keys come back, values seldom do: a cache of keys alone was the fastest of jiter's three.
        value = (_from_json or _load())(
            data, catch_duplicate_keys=True, allow_inf_nan=False, cache_mode="keys"
        )
    except ValueError as error:
        return _refused(error, text, data, limits)
    # What is closed again takes two bytes a level, and jiter takes no more than 200 levels.
    if (
        2 * limits.max_depth < len(data)
        and limits.max_depth < _JITER_DEPTH
        and not _shallow(max(limits.max_depth, 0))(value)
    ):
        return _too_deep(limits)
    if _LONG_EXPONENT in data.translate(_EXPONENT) or (len(data) > _DIGITS and _holds_run(data, _DIGITS)):
        refused = _infinite(text)
        if refused is not None:
            return refused
    return value


def _refused(error: ValueError, text: str, data: bytes, limits: Limits) -> NotJson:
    if type(error) is not ValueError or is_from_outside(error):
        raise error
    return _too_deep(limits) if _is_deep(text, data, limits.max_depth) else _why(data, str(error))


_from_json: Callable[..., Any] | None = None


def _load() -> Callable[..., Any]:
    """Give jiter's parser, imported when it is first used."""
    global _from_json  # noqa: PLW0603 - a function that is bound once; the import costs a lookup each time
    if _from_json is None:
        from jiter import from_json

        _from_json = from_json
    return _from_json


def _beyond(text: str, data: bytes, limits: Limits) -> NotJson | None:
    """Say which limit a text exceeds. Counting whole is cheap and counts too much: it acquits or asks for a look."""
    size = len(data)
    if size > limits.max_bytes:
        return NotJson("too_large", f"{size} bytes, more than max_bytes={limits.max_bytes}")
    nodes = sum(map(data.count, _BEFORE_VALUES)) + 1 if size > limits.max_nodes else 0
    if nodes > limits.max_nodes or _holds_run(data, limits.max_number_chars + 1):
        return _look(_STRING.sub('""', text), limits)
    return None


@cache
def _shallow(levels: int) -> Callable[[Any], bool]:
    """Give what says whether no value lies deeper than so many levels: a schema, as that engine walks in C."""
    from jsonschema_rs import Draft202012Validator  # `import schema_guard` loads no third-party module

    inside = ({"$ref": f"#/$defs/{level}"} for level in range(1, levels + 1))
    chain: dict[str, Any] = {
        str(level): {"items": below, "additionalProperties": below} for level, below in enumerate(inside)
    }
    chain[str(levels)] = {"type": ["string", "number", "boolean", "null"]}
    return Draft202012Validator({"$ref": "#/$defs/0", "$defs": chain}, offline=True).is_valid


def _too_deep(limits: Limits) -> NotJson:
    return NotJson("too_deep", f"nested deeper than max_depth={limits.max_depth}")


def _holds_run(data: bytes, length: int) -> bool:
    """Say whether so many characters of numbers stand in a row, be it in a string."""
    few = length // _STRIDE
    if few and b"0" * few not in data[::_STRIDE].translate(_NUMBER_BYTES):
        return False
    return b"0" * length in data.translate(_NUMBER_BYTES)


def _is_deep(text: str, data: bytes, levels: int) -> bool:
    """Say whether more than so many brackets are open at once in a text that is no JSON.

    Strings are taken away, and pairs of brackets from the inside out, a level at a time: few texts have more than
    four, and no step counts brackets one by one.
    """
    if data.count(b"{") + data.count(b"[") <= levels:
        return False
    if b"\\" in data:
        data = data.replace(b"\\\\", b"").replace(b'\\"', b"")
    brackets = kept = data.translate(None, _NOT_BRACKETS).replace(b'""', b"")
    if b'"' in brackets:
        return _exceeds(_STRING.sub('""', text).encode().translate(None, _NOT_BRACKETS), levels)
    for _ in range(min(levels, 4)):
        kept = kept.replace(b"[]", b"").replace(b"{}", b"")
    return bool(kept) and _exceeds(brackets, levels)


def _exceeds(brackets: bytes, levels: int) -> bool:
    """Say whether so many brackets and more are open at once; quotes between them do not count."""
    return any(map(levels.__lt__, accumulate(map(_OPENED.__getitem__, brackets))))


def _look(bare: str, limits: Limits) -> NotJson | None:
    """Hold a text without its strings against the limits, exactly."""
    data = bare.encode()
    if _exceeds(data.translate(None, _NOT_BRACKETS), limits.max_depth):
        return _too_deep(limits)
    nodes = sum(map(data.count, _BEFORE_VALUES)) + 1
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
