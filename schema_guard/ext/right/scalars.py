# SPDX-License-Identifier: Apache-2.0
"""Scalars in one form, so that case, punctuation, and number formats make no difference."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from math import isfinite
from typing import TypeAlias

Folded: TypeAlias = bool | str | Decimal | None

_NOT_WORDS = re.compile(r"[\W_]+")
NUMBER = re.compile(
    r"[-+\N{MINUS SIGN}]?(?:\d{1,3}(?:[,'\N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE} ]\d{3})+|\d+)(?:\.\d+)?(?:[eE][-+]?\d{1,3})?"
)
_AROUND = re.compile(r"[\s%$\N{EURO SIGN}\N{POUND SIGN}]+")
_SEPARATORS = re.compile(r"[,'\s]")
_MOST_DIGITS = 100


def folded(value: object) -> Folded:
    """Return a scalar in the form that is compared.

    Numbers, and texts that hold only a number, become decimals, without thousands separators, percent sign, or currency
    sign. Other texts are casefolded, and each run of other characters than letters and digits becomes one blank.

    >>> folded("1,250.50") == folded(1250.5), folded("Desk, oak") == folded("desk oak"), folded(True) == folded(1)
    (True, True, False)
    """
    if value is None or isinstance(value, bool):
        # In Python, True equals 1. In JSON, it does not.
        return None if value is None else f"\0{value}"
    if isinstance(value, (int, float)):
        return _decimal(value)
    text = str(value)
    number = number_in(_AROUND.sub("", text)) if len(text) < _MOST_DIGITS else None
    if number is not None:
        return number
    return words(text) or text.strip()


def words(text: str) -> str:
    """Return a text casefolded, with one blank for each run of other characters than letters and digits."""
    return _NOT_WORDS.sub(" ", text.casefold()).strip()


def number_in(text: str) -> Decimal | None:
    """Return the number that a text consists of; None for any other text."""
    match = NUMBER.fullmatch(text)
    return plain_number(match[0]) if match else None


def plain_number(written: str) -> Decimal | None:
    """Return a number as `NUMBER` finds it, without separators; None beyond a decimal's range."""
    try:
        return Decimal(_SEPARATORS.sub("", written).replace("\N{MINUS SIGN}", "-"))
    except InvalidOperation:
        return None


def _decimal(number: float) -> Decimal | str:
    if isinstance(number, int):
        return Decimal(number) if abs(number) < 10**_MOST_DIGITS else f"\0{number:x}"
    return Decimal(repr(number)) if isfinite(number) else f"\0{number}"
