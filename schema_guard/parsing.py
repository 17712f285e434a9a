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

from schema_guard.interruptions import is_interruption

if TYPE_CHECKING:
    from collections.abc import Callable

    from schema_guard.limits import Limits


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


# What only refused texts need is compiled by the first of them.
# JSON strings, to look at a text without them. Possessive: a text of quotes and backslashes stays linear.
_STRING = r'(?s)"(?:[^"\\]++|\\.)*+"?'
_NUMBER = r"-?[0-9][0-9.eE+-]*"
_POSITION = r" at line (\d+) column (\d+)$"
_NOT_FINITE = rb"-?(?:NaN|Infinity)"
# Maps every character of a number to 0 and all others to a space.
_NUMBER_BYTES = bytes(48 if byte in b"0123456789.eE+-" else 32 for byte in range(256))
# Every so many bytes are looked at for a long number first. A prime: columns of numbers repeat at even widths.
_STRIDE = 47
# What stands before each value but the first.
_BEFORE_VALUES = (b"{", b"[", b",", b":")
_NOT_BRACKETS = bytes(byte for byte in range(256) if byte not in b'{}[]"')
# How many more brackets are open behind a byte.
_OPENED = [(byte in b"{[") - (byte in b"}]") for byte in range(256)]
_JITER_DEPTH = 201


def parse(text: str, limits: Limits) -> Any:
    """Parse one JSON text; white space around it is allowed.

    Never raises, whatever the text. Linear in its length.

    Returns:
        The value, or a `NotJson`, which no value is an instance of.
    """
    try:
        data = text.encode()
        refused = _beyond(text, data, limits)
        if refused is not None:
            return refused
        # Keys come back, values seldom do: a cache of keys alone was the fastest of jiter's three.
        value = reader()(data, catch_duplicate_keys=True, allow_inf_nan=False, cache_mode="keys")
    except ValueError as error:
        return refusal(error, text, limits)
    return bounded(value, text, limits)


def bounded(value: Any, text: str, limits: Limits) -> Any:
    """Return the value of a text, or a `NotJson` if it is nested too deep or contains an infinite number."""
    if _levels(limits.max_depth)(value):
        return value
    bare = re.sub(_STRING, '""', text)
    if _exceeds(bare.encode().translate(None, _NOT_BRACKETS), limits.max_depth):
        return _too_deep(limits)
    return _infinite(bare)


def refusal(error: ValueError, text: str, limits: Limits) -> NotJson:
    """Return why a text is no JSON text within the limits, from the error that jiter raised."""
    if isinstance(error, UnicodeEncodeError):
        return NotJson("bad_unicode", f"a lone surrogate at character {error.start + 1}")
    if type(error) is not ValueError or is_interruption(error):
        raise error
    data = text.encode()
    refused = _beyond(text, data, limits)
    if refused is not None:
        return refused
    return _too_deep(limits) if _is_deep(text, data, limits.max_depth) else _why(data, str(error))


def lengths(limits: Limits) -> tuple[int, int]:
    """Return the lengths up to which a JSON text is surely within the limits, whatever its characters.

    The first length holds for every text. The second, larger one holds for a text without a long number. At most two of
    three characters start a value, as in `[[],[],[]]`. A character is at most 4 bytes.
    """
    most = min(limits.max_bytes // 4, (3 * limits.max_nodes - 2) // 2)
    return min(most, limits.max_number_chars), most


def may_hold_number(text: str, length: int) -> bool:
    """Return whether a text may contain a number of *length* characters. It reads few characters of the text."""
    few = text[::_STRIDE].encode("ascii", "replace").translate(_NUMBER_BYTES)
    return b"0" * (length // _STRIDE) in few


@cache
def reader() -> Callable[..., Any]:
    """Give jiter's parser, imported when it is first used."""
    from jiter import from_json

    return from_json


def _beyond(text: str, data: bytes, limits: Limits) -> NotJson | None:
    """Return which limit a text exceeds. Counting whole is cheap and counts too much: it acquits or asks for a look."""
    if len(text) <= lengths(limits)[0]:
        return None
    size = len(data)
    if size > limits.max_bytes:
        return NotJson("too_large", f"{size} bytes, more than max_bytes={limits.max_bytes}")
    nodes = sum(map(data.count, _BEFORE_VALUES)) + 1 if size > limits.max_nodes else 0
    longest = limits.max_number_chars + 1
    if nodes > limits.max_nodes or (
        may_hold_number(text, longest) and b"0" * longest in data.translate(_NUMBER_BYTES)
    ):
        return _look(re.sub(_STRING, '""', text), limits)
    return None


@cache
def _levels(levels: int) -> Callable[[Any], bool]:
    """Return what says whether a value has no more levels than so many, and finite numbers alone.

    It is a schema, for that engine walks in C; and no infinite number is a number to it.
    """
    from jsonschema_rs import Draft202012Validator  # `import schema_guard` loads no third-party module

    # jiter takes no more than that.
    levels = min(max(levels, 0), _JITER_DEPTH)
    scalars = ["string", "number", "boolean", "null"]
    inside = ({"$ref": f"#/$defs/{level}"} for level in range(1, levels + 1))
    chain: dict[str, Any] = {
        str(level): {"type": [*scalars, "array", "object"], "items": below, "additionalProperties": below}
        for level, below in enumerate(inside)
    }
    chain[str(levels)] = {"type": scalars}
    return Draft202012Validator({"$ref": "#/$defs/0", "$defs": chain}, offline=True).is_valid


def _too_deep(limits: Limits) -> NotJson:
    return NotJson("too_deep", f"nested deeper than max_depth={limits.max_depth}")


def _is_deep(text: str, data: bytes, levels: int) -> bool:
    """Return whether more than so many brackets are open at once in a text that is no JSON.

    Strings are taken away, and pairs of brackets from the inside out, a level at a time: few texts have more than
    four, and no step counts brackets one by one.
    """
    if data.count(b"{") + data.count(b"[") <= levels:
        return False
    if b"\\" in data:
        data = data.replace(b"\\\\", b"").replace(b'\\"', b"")
    brackets = rest = data.translate(None, _NOT_BRACKETS).replace(b'""', b"")
    if b'"' in brackets:
        return _exceeds(re.sub(_STRING, '""', text).encode().translate(None, _NOT_BRACKETS), levels)
    for _ in range(min(levels, 4)):
        rest = rest.replace(b"[]", b"").replace(b"{}", b"")
    return bool(rest) and _exceeds(brackets, levels)


def _exceeds(brackets: bytes, levels: int) -> bool:
    """Return whether so many brackets and more are open at once; quotes between them do not count."""
    return any(map(levels.__lt__, accumulate(map(_OPENED.__getitem__, brackets))))


def _look(bare: str, limits: Limits) -> NotJson | None:
    """Hold a text without its strings against the limits, exactly."""
    data = bare.encode()
    if _exceeds(data.translate(None, _NOT_BRACKETS), limits.max_depth):
        return _too_deep(limits)
    nodes = sum(map(data.count, _BEFORE_VALUES)) + 1
    if nodes > limits.max_nodes:
        return NotJson("too_many_nodes", f"about {nodes} values, more than max_nodes={limits.max_nodes}")
    longest = max((len(number[0]) for number in re.finditer(_NUMBER, bare)), default=0)
    if longest > limits.max_number_chars:
        return NotJson(
            "number_too_long", f"a number of {longest} characters, more than {limits.max_number_chars}"
        )
    return None


def _infinite(bare: str) -> NotJson:
    """Name the first number that no float holds, in a text without its strings."""
    numbers = (number[0] for number in re.finditer(_NUMBER, bare))
    first = next((n for n in numbers if ("." in n or "e" in n.lower()) and isinf(float(n))), "")
    return NotJson("not_finite", f"the number {first[:20]} is too large for a float")


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
    place = re.search(_POSITION, message)
    where = place[0] if place else ""
    offset = _offset(data, int(place[1]), int(place[2])) if place else 0
    if message.startswith("trailing characters"):
        return NotJson("malformed", message, offset)
    for words, code, meaning in _MEANINGS:
        if message.startswith(words):
            return NotJson(code, meaning + where)
    not_finite = re.compile(_NOT_FINITE)
    if not_finite.match(data, offset) or not_finite.match(data, max(0, offset - 1)):
        return NotJson("not_finite", f"NaN or Infinity, which JSON does not have{where}")
    return NotJson("malformed", message)


def _offset(data: bytes, line: int, column: int) -> int:
    start = 0
    for _ in range(line - 1):
        start = data.find(b"\n", start) + 1
    return max(0, start + column - 1)


def is_same(one: Any, other: Any) -> bool:
    """Return whether two values are one JSON value: 1 is 1.0 and isn't true, and the order of keys doesn't count.

    >>> is_same({"a": [1, True]}, {"a": [1.0, True]}), is_same(1, True)
    (True, False)
    """
    from jsonschema_rs import canonical  # `import schema_guard` loads no third-party module

    return canonical.json.to_string(one) == canonical.json.to_string(other)
