# SPDX-License-Identifier: Apache-2.0
"""Parse one JSON text to its value, within the limits, or to a code that explains the fault.

jiter parses, and rejects duplicate keys, NaN, and lone surrogates. It raises ValueError for every fault, reads 1e999 as
inf, and limits only the nesting. This module finds the code of each fault, and checks the other limits.
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
    """Reason why a text is not a JSON text.

    Attributes:
        code: A code of failure kind `syntax`, or `unfinished` if the text ends inside JSON.
        message: The fault, with line and column if known.
        end: End of a complete JSON text, in bytes, if only the text after it is wrong. Otherwise None.
    """

    code: str
    message: str
    end: int | None = None


# Only rejected texts need these patterns, so the first such text compiles them. The pattern of strings is possessive, so
# that a text of quotes and backslashes takes linear time.
_STRING = r'(?s)"(?:[^"\\]++|\\.)*+"?'
_NUMBER = r"-?[0-9][0-9.eE+-]*"
_POSITION = r" at line (\d+) column (\d+)$"
_NOT_FINITE = rb"-?(?:NaN|Infinity)"
# Maps every character of a number to 0 and all others to a space.
_NUMBER_BYTES = bytes(48 if byte in b"0123456789.eE+-" else 32 for byte in range(256))
# Distance in bytes of the first search for a long number. A prime, because columns of numbers repeat at even widths.
_STRIDE = 47
# Bytes before each value but the first.
_BEFORE_VALUES = (b"{", b"[", b",", b":")
_NOT_BRACKETS = bytes(byte for byte in range(256) if byte not in b'{}[]"')
# Change in the number of open brackets after a byte.
_OPENED = [(byte in b"{[") - (byte in b"}]") for byte in range(256)]
_JITER_DEPTH = 201


def parse(text: str, limits: Limits) -> Any:
    """Parse one JSON text. White space around it is allowed.

    Never raises for any text. Linear in its length.

    Returns:
        The value, or a `NotJson`, which no value is an instance of.
    """
    try:
        data = text.encode()
        refused = _beyond(text, data, limits)
        if refused is not None:
            return refused
        # Keys repeat, and values seldom do. A cache of only keys was the fastest of jiter's three.
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
    """Return the reason why a text is not a JSON text within the limits, from jiter's error."""
    if isinstance(error, UnicodeEncodeError):
        return NotJson("bad_unicode", f"the text has a lone surrogate at character {error.start + 1}")
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
    """Return jiter's parser, which is imported at the first use."""
    from jiter import from_json

    return from_json


def _beyond(text: str, data: bytes, limits: Limits) -> NotJson | None:
    """Return the fault if a text exceeds a limit. A fast upper bound decides whether to count exactly."""
    if len(text) <= lengths(limits)[0]:
        return None
    size = len(data)
    if size > limits.max_bytes:
        return NotJson("too_large", f"the text has {size} bytes, but max_bytes is {limits.max_bytes}")
    nodes = sum(map(data.count, _BEFORE_VALUES)) + 1 if size > limits.max_nodes else 0
    longest = limits.max_number_chars + 1
    if nodes > limits.max_nodes or (
        may_hold_number(text, longest) and b"0" * longest in data.translate(_NUMBER_BYTES)
    ):
        return _look(re.sub(_STRING, '""', text), limits)
    return None


@cache
def _levels(levels: int) -> Callable[[Any], bool]:
    """Return a function that checks that a value has at most so many levels, and only finite numbers.

    It is the validator of a schema, because that engine runs in C. To this engine, an infinite number is not a number.
    """
    from jsonschema_rs import Draft202012Validator  # `import schema_guard` loads no third-party module

    # jiter accepts no deeper nesting.
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
    return NotJson("too_deep", f"the text is nested deeper than max_depth={limits.max_depth}")


def _is_deep(text: str, data: bytes, levels: int) -> bool:
    """Return whether more than so many brackets are open at once in a text that is not JSON.

    Strings are removed, and pairs of brackets from the inside out, one level at a time. Few texts have more than four
    levels, and no step counts brackets one by one.
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
    """Return whether more than so many brackets are open at once. Quotes between them do not count."""
    return any(map(levels.__lt__, accumulate(map(_OPENED.__getitem__, brackets))))


def _look(bare: str, limits: Limits) -> NotJson | None:
    """Compare a text without its strings with the limits, exactly."""
    data = bare.encode()
    if _exceeds(data.translate(None, _NOT_BRACKETS), limits.max_depth):
        return _too_deep(limits)
    nodes = sum(map(data.count, _BEFORE_VALUES)) + 1
    if nodes > limits.max_nodes:
        return NotJson(
            "too_many_nodes", f"the text has about {nodes} values, but max_nodes is {limits.max_nodes}"
        )
    longest = max((len(number[0]) for number in re.finditer(_NUMBER, bare)), default=0)
    if longest > limits.max_number_chars:
        return NotJson(
            "number_too_long", f"a number has {longest} characters, more than {limits.max_number_chars}"
        )
    return None


def _infinite(bare: str) -> NotJson:
    """Return the fault for the first number that no float can represent, in a text without its strings."""
    numbers = (number[0] for number in re.finditer(_NUMBER, bare))
    first = next((n for n in numbers if ("." in n or "e" in n.lower()) and isinf(float(n))), "")
    return NotJson("not_finite", f"the number {first[:20]} is too large for a float")


# Beginnings of jiter's errors, and their meaning. All other errors are `malformed`.
_MEANINGS = (
    ("EOF", "unfinished", "the text ends inside JSON"),
    ("Detected duplicate key", "duplicate_key", "an object has the same key twice"),
    ("recursion limit", "too_deep", "the text is nested deeper than 200 levels"),
    ("lone leading surrogate", "bad_unicode", "the text has a lone surrogate"),
    ("unexpected end of hex escape", "bad_unicode", "the text has a lone surrogate"),
    ("invalid unicode", "bad_unicode", "the text has bytes that are not UTF-8"),
)


def _why(data: bytes, message: str) -> NotJson:
    """Return the fault for an error of jiter's, by its words and its place."""
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
        return NotJson("not_finite", f"the text has NaN or Infinity, which JSON does not allow,{where}")
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
