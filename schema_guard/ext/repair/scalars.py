# SPDX-License-Identifier: Apache-2.0
"""Strings and numbers of broken JSON, written as JSON."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from schema_guard.ext.repair.patterns import QUOTES

if TYPE_CHECKING:
    from collections.abc import Callable

_VALID_BODY = re.compile(r'(?:[^"\\\x00-\x1f]++|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*+')
_SPECIAL = re.compile(r'["\\\x00-\x1f]')
_ESCAPED = re.compile(r'(\\(?:u[0-9a-fA-F]{4}|\r\n|.)?|["\x00-\x1f])', re.DOTALL)
_CONTROL = {chr(code): f"\\u{code:04x}" for code in range(32)}
_CONTROL |= {"\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f"}
_TO_ESCAPE = str.maketrans(_CONTROL | {'"': '\\"'})
_NEWLINE = re.compile(r"[\r\n]")
_OTHER_CONTROL = re.compile(r"[\x00-\x09\x0b\x0c\x0e-\x1f]")


_HEX = re.compile(r"([+-]?)0[xX]([0-9a-fA-F]{1,16})")
_LOOSE_NUMBER = re.compile(r"([+-]?)(0|[1-9][0-9]*+)?(?:\.([0-9]*+))?([eE][+-]?[0-9]++)?")
_SPLIT_NUMBER = re.compile(r"[+-]?[0-9]++(?:_[0-9]++)++")


def written(body: str, took: Callable[[str], None]) -> str:
    """Write the content of a string as a JSON string, and call *took* with each step."""
    if not _SPECIAL.search(body) or _VALID_BODY.fullmatch(body):
        return f'"{body}"'
    if "\\" in body:
        pieces = _ESCAPED.split(body)
        # Only a few are different, however many there are.
        escapes = {piece: _escaped(piece, took) for piece in dict.fromkeys(pieces[1::2])}
        pieces[1::2] = map(escapes.__getitem__, pieces[1::2])
        return f'"{"".join(pieces)}"'
    if _NEWLINE.search(body):
        took("raw_newline")
    if _OTHER_CONTROL.search(body):
        took("raw_control")
        return f'"{body.translate(_TO_ESCAPE)}"'
    # Ten times as fast as translate.
    body = body.replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r")
    return f'"{body}"'


def _escaped(piece: str, took: Callable[[str], None]) -> str:
    """Write one escape, quote, or control character of a string."""
    if piece[0] != "\\":
        if piece != '"':
            took("raw_newline" if piece in "\r\n" else "raw_control")
        return piece.translate(_TO_ESCAPE)
    char = piece[1:]
    if len(char) > 2 or (char and char in '"\\/bfnrt'):
        return piece
    if char in QUOTES:
        took("quote_escape")
        return char
    if char and char in "\r\n":
        took("line_continuation")
        return ""
    took("invalid_escape")
    return "\\\\" + char.translate(_TO_ESCAPE)


def loose_number(token: str) -> str | None:
    """Write a number of JSON5 or Python as JSON with the same value. Return None if it is neither."""
    hexadecimal = _HEX.fullmatch(token)
    if hexadecimal:
        return hexadecimal[1].strip("+") + str(int(hexadecimal[2], 16))
    if _SPLIT_NUMBER.fullmatch(token):
        token = token.replace("_", "")
    loose = _LOOSE_NUMBER.fullmatch(token)
    if loose is None or not (loose[2] or loose[3]):
        return None
    sign, whole, fraction, exponent = loose.groups()
    point = "" if fraction is None else "." + (fraction or "0")
    return sign.strip("+") + (whole or "0") + point + (exponent or "")


def unescaped(match: re.Match[str]) -> str:
    """Return the meaning of a backslash and the character after it."""
    char = match[1]
    if char in "nrt":
        return {"n": "\n", "r": "\r", "t": "\t"}[char]
    return char if char in '"\\/' else match[0]
