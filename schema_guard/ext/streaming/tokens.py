# SPDX-License-Identifier: Apache-2.0
"""The tokens of JSON, whole or partly written.

Every expression is possessive, so that no character is read twice.
"""

from __future__ import annotations

import re
from math import isinf
from typing import Any

_SPACES = r"[ \t\r\n]*+"
# Half of a surrogate pair is not a character.
_PLAIN = r'[^"\\\x00-\x1f\ud800-\udfff]*+'
_WHOLE = r"-?+(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?+(?:[eE][+-]?+[0-9]++)?+"
_BEGUN = r"-?+(?:(?:0|[1-9][0-9]*+)(?:\.(?:[0-9]++(?:[eE][+-]?+[0-9]*+)?+)?+|[eE][+-]?+[0-9]*+)?+)?+"
SPACE = re.compile(_SPACES)
# The whole part inside a string. The next character ends the string, begins an escape, or is invalid.
BODY = re.compile(rf'{_PLAIN}(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{{4}}){_PLAIN})*+')
ESCAPE_BEGUN = re.compile(r"\\(?:u[0-9a-fA-F]{0,3}+)?+\Z")
_BAD_ESCAPE = re.compile(r"\\(?:u[0-9a-fA-F]{0,3}+)?+")
NUMBER = re.compile(_WHOLE)
NUMBER_BEGUN = re.compile(_BEGUN)
NUMBER_PART = re.compile(r"[-+.0-9eE]*+")
# Literals that JSON does not have are read to their end, because their failure has a code of its own.
LITERALS = {"t": "true", "f": "false", "n": "null", "N": "NaN", "I": "Infinity"}
LITERAL_VALUES = {"true": True, "false": False, "null": None}
_ESCAPE = re.compile(r"\\(?:u(?:([dD][c-fC-F][0-9a-fA-F]{2})|[0-9a-fA-F]{4})|.)")

UNKNOWN: Any = object()
"""The value of a token that only the parser can read: a number beyond floats, or a text of lone surrogates."""


def number_of(raw: str) -> Any:
    """Return the value of a number as the parser reads it, or `UNKNOWN`."""
    try:
        if raw.isdecimal() or raw[1:].isdecimal():
            return int(raw)
    except ValueError:
        # More digits than Python converts.
        return UNKNOWN
    value = float(raw)
    return UNKNOWN if isinf(value) else value


def text_of(raw: str) -> Any:
    """Return the text between two quotes, or `UNKNOWN`."""
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
    r"""Return the position of the invalid character, from the end of the whole part of a string.

    >>> fault_in_string('a\\(', 1), fault_in_string('a\\u12g', 1)
    (2, 5)
    """
    escape = _BAD_ESCAPE.match(text, position)
    return escape.end() if escape else position


def length_of(raw: str) -> int:
    """Return the smallest number of characters that a piece of a string can have. Its escapes are whole."""
    if "\\" not in raw:
        return len(raw)
    # The second half of a surrogate pair is not a separate character.
    return len(raw) - sum(len(match[0]) - (match[1] is None) for match in _ESCAPE.finditer(raw))
