# SPDX-License-Identifier: Apache-2.0
"""Count the values of a reply that occur in its source.

The share of values that occur ranks models well, and shows when a function changes. One value that does not occur is
weak evidence: a model may write a right value in other words, and a wrong number often occurs elsewhere in the source.

Rules:
1. Null, true, false, empty texts, and the values of an `enum` or a `const` of the schema are not looked for.
2. A value occurs if its text does, without regard to case.
3. Otherwise, it occurs if its words do, in this order, between any other characters than letters and digits.
4. Otherwise, a number occurs if the source has an equal one, written in any form and with either sign.
5. Otherwise, an ISO 8601 date occurs if its year, its day, and its month (as a name, three letters, or a number) are within
   `DATE_WINDOW` characters.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import Any, Literal, NamedTuple, TypeAlias

from schema_guard.ext.right.scalars import NUMBER, Folded, folded, number_in, plain_number, words
from schema_guard.schema import Schema
from schema_guard.validation.references import subschemas

Kind: TypeAlias = Literal["long", "text", "number", "date"]
LONG, DATE_WINDOW = 60, 30

_MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december",
)  # fmt: skip
_DATE = re.compile(r"(\d{4})-(\d\d)-(\d\d)")
_WORD = re.compile(r"[^\W\d_]+|\d+")


class Grounding(NamedTuple):
    """The values of one reply that were looked for in its source, and those that occur.

    Attributes:
        sought: Kind of value -> number of values. Long texts have over 60 characters.
        grounded: Kind of value -> number of values that occur.
    """

    sought: dict[Kind, int]
    grounded: dict[Kind, int]

    @property
    def share(self) -> float | None:
        """The share of values that occur, in [0, 1]; None if none was looked for."""
        total = sum(self.sought.values())
        return sum(self.grounded.values()) / total if total else None


class Source:
    """A source text, prepared once for many values."""

    def __init__(self, text: str) -> None:
        self._text = text

    @cached_property
    def _lower(self) -> str:
        return self._text.lower()

    @cached_property
    def _words(self) -> str:
        return f" {words(self._text)} "

    @cached_property
    def _numbers(self) -> frozenset[Decimal]:
        numbers = (plain_number(match[0]) for match in NUMBER.finditer(self._text))
        return frozenset(abs(number) for number in numbers if number is not None)

    @cached_property
    def _tokens(self) -> dict[str, list[int]]:
        """Word or number, without leading zeros -> the places where it starts."""
        places: dict[str, list[int]] = {}
        for match in _WORD.finditer(self._lower):
            places.setdefault(match[0].lstrip("0") or "0", []).append(match.start())
        return places

    def holds(self, value: str | float) -> bool:
        """Return whether a value occurs in the text."""
        text = str(value)
        if text.lower() in self._lower:
            return True
        found = words(text)
        if found and f" {found} " in self._words:
            return True
        number = folded(value)
        if isinstance(number, Decimal):
            return abs(number) in self._numbers
        day = _date(text)
        return day is not None and self._holds_date(day)

    def _holds_date(self, day: date) -> bool:
        name = _MONTHS[day.month - 1]
        months = [*self._at(name), *self._at(name[:3]), *self._at(str(day.month))]
        return any(
            max(places) - min(places) <= DATE_WINDOW
            for year in self._at(str(day.year))
            for places in ((year, first, month) for first in self._at(str(day.day)) for month in months)
            if len(set(places)) == len(places)
        )

    def _at(self, token: str) -> list[int]:
        return self._tokens.get(token, [])


def ground(value: Any, source: Source, *, schema: Schema[Any] | None = None) -> Grounding:
    """Count the values of a reply that occur in its source.

    Args:
        value: The reply's JSON value.
        source: The text that the values should come from.
        schema: The schema, whose enum and const values are not looked for.

    >>> ground({"item": "Oak Desk", "total": 1250, "due": "2026-03-04"}, Source("An oak desk, 1,250 EUR, due 4 March 2026"))
    Grounding(sought={'text': 1, 'number': 1, 'date': 1}, grounded={'text': 1, 'number': 1, 'date': 1})
    """
    named = _named_values(schema) if schema is not None else frozenset()
    sought: Counter[Kind] = Counter()
    grounded: Counter[Kind] = Counter()
    for leaf in scalars(value):
        if leaf is None or isinstance(leaf, bool) or not str(leaf).strip() or folded(leaf) in named:
            continue
        kind = _kind(leaf)
        sought[kind] += 1
        if source.holds(leaf):
            grounded[kind] += 1
    return Grounding(dict(sought), dict(grounded))


def scalars(value: Any) -> Iterator[Any]:
    """Yield the scalars of a JSON value, in its order."""
    stack = [value]
    while stack:
        part = stack.pop()
        if isinstance(part, dict):
            stack += reversed(part.values())
        elif isinstance(part, list):
            stack += reversed(part)
        else:
            yield part


def _kind(leaf: str | float) -> Kind:
    if not isinstance(leaf, str) or number_in(leaf) is not None:
        return "number"
    if _date(leaf) is not None:
        return "date"
    return "long" if len(leaf) > LONG else "text"


def _date(text: str) -> date | None:
    parts = _DATE.match(text)
    try:
        return date(*map(int, parts.groups())) if parts else None
    except ValueError:
        return None


def _named_values(schema: Schema[Any]) -> frozenset[Folded]:
    """Return the values that an `enum` or a `const` of the schema names, folded."""
    keywords = [
        place.schema
        for place in subschemas(schema.document, "", schema.dialect)
        if isinstance(place.schema, dict)
    ]
    values = [
        value
        for one in keywords
        for value in (*one.get("enum", ()), *([one["const"]] if "const" in one else ()))
    ]
    return frozenset(folded(value) for value in values if not isinstance(value, (dict, list)))
