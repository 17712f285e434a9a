# SPDX-License-Identifier: Apache-2.0
"""Text without quotes in broken JSON: keys, literals, words, and numbers in any notation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schema_guard.ext.repair.patterns import (
    CALL,
    CUT_LITERALS,
    CUT_NUMBER,
    GROUPED,
    JSON_NUMBER,
    KEY,
    KEY_END_QUOTE,
    KEY_NO_COLON,
    KEY_TEXT,
    LITERALS,
    NO_VALUES,
    PLAIN_KEY,
    SIMPLE,
    TEXT_END,
    TOKEN,
    VALUE_ENDS,
    WORD,
    ZEROS,
)
from schema_guard.ext.repair.scalars import loose_number, written

if TYPE_CHECKING:
    import re

    from schema_guard.ext.repair.cursor import Cursor


def bare_key(scan: Cursor) -> bool:
    """Read a key without quotes. Return False if there is none."""
    key = KEY.match(scan.text, scan.at)
    if key:
        scan.took("unquoted_key" if PLAIN_KEY.fullmatch(key[1]) else "unquoted_text")
        return _write_key(scan, key[1], key.end(1))
    key = KEY_END_QUOTE.match(scan.text, scan.at)
    if key:
        scan.took("guessed_quote")
        return _write_key(scan, key[1], key.end() - 1)
    key = KEY_TEXT.match(scan.text, scan.at)
    if key and key[1].strip():
        scan.took("unquoted_text")
        return _write_key(scan, key[1].strip(), key.end() - 1)
    key = KEY_NO_COLON.match(scan.text, scan.at)
    if key:
        scan.took("unquoted_key")
        return _write_key(scan, key[1], key.end())
    return False


def _write_key(scan: Cursor, key: str, at: int) -> bool:
    scan.emit(written(key, scan.took))
    scan.at = at
    return True


def bare(scan: Cursor) -> bool:
    """Read a value that begins with a letter: a literal, a word, or text. Return False if a call opens around it."""
    call = CALL.match(scan.text, scan.at)
    if call:
        scan.took("call_wrapper")
        scan.at = call.end()
        scan.push("(", "(")
        return False
    word = WORD.match(scan.text, scan.at)
    literal = _literal(scan, word) if word else None
    if word and literal:
        scan.emit(literal)
        scan.at = word.end()
        return True
    simple = SIMPLE.match(scan.text, scan.at) if scan.kinds else None
    if simple and not any(literal.startswith(simple[0].lower()) for literal in LITERALS):
        scan.took("unquoted_string")
        scan.emit(f'"{simple[0]}"')
        scan.at = simple.end()
        return True
    return _bare_text(scan, "unquoted_text")


def _literal(scan: Cursor, word: re.Match[str]) -> str | None:
    """Return the literal that a word means, or None if it is text."""
    if not VALUE_ENDS.match(scan.text, word.end()):
        return None
    written, lower = word[0], word[0].lower()
    if written in ("true", "false", "null"):
        return written
    if lower in LITERALS:
        scan.took("python_literal" if written in ("True", "False", "None") else "literal_case")
        return LITERALS[lower]
    if lower in NO_VALUES:
        scan.took("not_a_value")
        return "null"
    if word.end() >= scan.size:
        for known, literal in CUT_LITERALS.items():
            if known.startswith(written):
                scan.took("truncated_literal")
                return literal
    return None


def _bare_text(scan: Cursor, step: str) -> bool:
    role = scan.role
    end = TEXT_END[role].search(scan.text, scan.at, scan.size)
    assert end is not None
    body = scan.text[scan.at : end.start()].strip()
    scan.took(step)
    scan.emit(written(body, scan.took))
    quoted = bool(end["stray"])
    if quoted:
        scan.took("guessed_quote")
    scan.at = end.start() + quoted
    return True


def number(scan: Cursor) -> bool:
    """Read a number, or text that begins like one. Return False if the text was cut off in it and it is left out."""
    grouped = GROUPED.match(scan.text, scan.at) if scan.role == "member" else None
    if grouped:
        scan.offer("numbers", scan.at)
        if scan.chosen != "numbers":
            scan.took("digit_grouping")
            return _write_number(scan, grouped[0].replace(",", ""), grouped.end())
        scan.took("number_as_string")
        return _write_number(scan, f'"{grouped[0]}"', grouped.end())
    token = TOKEN.match(scan.text, scan.at)
    assert token is not None
    written = _as_number(scan, token[0]) if VALUE_ENDS.match(scan.text, token.end()) else None
    if written is not None:
        if token.end() >= scan.size and not scan.finished:
            scan.offer("drop_cut", scan.at)
        return _write_number(scan, written, token.end())
    if token.end() >= scan.size and token[0] in "+-":
        scan.at = scan.size
        return False
    return _bare_text(scan, "number_as_string")


def _write_number(scan: Cursor, written: str, end: int) -> bool:
    scan.at = end
    if end >= scan.size and scan.chosen == "drop_cut" and scan.kinds:
        return False
    scan.emit(written)
    return True


def _as_number(scan: Cursor, token: str) -> str | None:
    """Write a token as a JSON number. Return None if it is text."""
    if JSON_NUMBER.fullmatch(token):
        return token
    at_end = scan.at + len(token) >= scan.size and not scan.finished
    written = loose_number(token)
    if written is not None:
        scan.took("truncated_number" if at_end else "number_syntax")
        return written
    cut = CUT_NUMBER.fullmatch(token)
    if cut:
        scan.took("truncated_number")
        return cut[1]
    if token.lstrip("+-").lower() in NO_VALUES:
        scan.took("not_a_value")
        return "null"
    zeros = ZEROS.fullmatch(token)
    if zeros:
        scan.offer("numbers", scan.at)
        if scan.chosen == "numbers":
            scan.took("leading_zero")
            return zeros[1] + (zeros[2].lstrip("0") or "0")
    return None
