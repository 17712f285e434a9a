# SPDX-License-Identifier: Apache-2.0
"""The tokens of JSON, whole and as far as they were written.

Every expression is possessive: no character is looked at twice.
"""

from __future__ import annotations

import re
from math import isinf
from typing import Any

_SPACES = r"[ \t\r\n]*+"
# No half of a pair of surrogates is a character.
_PLAIN = r'[^"\\\x00-\x1f\ud800-\udfff]*+'
_WHOLE = r"-?+(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?+(?:[eE][+-]?+[0-9]++)?+"
_BEGUN = r"-?+(?:(?:0|[1-9][0-9]*+)(?:\.(?:[0-9]++(?:[eE][+-]?+[0-9]*+)?+)?+|[eE][+-]?+[0-9]*+)?+)?+"
SPACE = re.compile(_SPACES)
# The inside of a string, as far as it is whole: the next character ends it, begins an escape, or is wrong.
BODY = re.compile(rf'{_PLAIN}(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{{4}}){_PLAIN})*+')
ESCAPE_BEGUN = re.compile(r"\\(?:u[0-9a-fA-F]{0,3}+)?+\Z")
_BAD_ESCAPE = re.compile(r"\\(?:u[0-9a-fA-F]{0,3}+)?+")
NUMBER = re.compile(_WHOLE)
NUMBER_BEGUN = re.compile(_BEGUN)
NUMBER_PART = re.compile(r"[-+.0-9eE]*+")
# What JSON does not have is read to its end: then the judge has a word of its own for it.
LITERALS = {"t": "true", "f": "false", "n": "null", "N": "NaN", "I": "Infinity"}
LITERAL_VALUES = {"true": True, "false": False, "null": None}
_ESCAPE = re.compile(r"\\(?:u(?:([dD][c-fC-F][0-9a-fA-F]{2})|[0-9a-fA-F]{4})|.)")

UNKNOWN: Any = object()
"""The value of a token that only the parser gives: a number beyond floats, a text of lone surrogates."""


def number_of(raw: str) -> Any:
    """Return the value of a number as the parser makes it, or `UNKNOWN`."""
    try:
        if raw.isdecimal() or raw[1:].isdecimal():
            return int(raw)
    except ValueError:
        # More digits than Python turns into a number.
        return UNKNOWN
    value = float(raw)
    return UNKNOWN if isinf(value) else value


def text_of(raw: str) -> Any:
    """Give the text that stands between two quotes, or `UNKNOWN`."""
    if "\\" not in raw:
        return raw
    import json  # most texts have no escapes

    text = json.loads(f'"{raw}"')
    try:
        text.encode()
    except UnicodeEncodeError:
        return UNKNOWN
    return text


def fault_in_string(text: str, position: int) -> int:
    r"""Return the position of the character that is wrong, from where the whole part of a string ends.

    >>> fault_in_string('a\\(', 1), fault_in_string('a\\u12g', 1)
    (2, 5)
    """
    escape = _BAD_ESCAPE.match(text, position)
    return escape.end() if escape else position


def length_of(raw: str) -> int:
    """Return how many characters a piece of a string has at least, its escapes whole."""
    if "\\" not in raw:
        return len(raw)
    # The second half of a pair of surrogates is no character of its own.
    return len(raw) - sum(len(match[0]) - (match[1] is None) for match in _ESCAPE.finditer(raw))
