# SPDX-License-Identifier: Apache-2.0
"""The values of an export: JSON inside texts, places with dots, and times and counts in all the units that tools use.

Rules: the functions never raise an exception, whatever the value. Unknown values are None, and missing ones `MISSING`.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from math import isfinite
from typing import Any, Final


class _Missing:
    """The type of a missing value, because null is a value."""

    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = _Missing()

# The size of a number decides whether it is seconds, milliseconds, microseconds, or nanoseconds since 1970. The first
# misread year is 5138.
_UNITS: Final = ((1e17, 1e9), (1e14, 1e6), (1e11, 1e3))
_LARGEST_S: Final = 1e11


def decoded(value: Any) -> Any:
    """Return the value of a JSON text that is an object, a list, or a quoted text. Return anything else unchanged."""
    if isinstance(value, str) and value[:1] in ("{", "[", '"') and value:
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value


def at(holder: Any, place: str) -> Any:
    """Return the value at a place, `metadata.schema` or `messages.0.content`; `MISSING` if there is none.

    A key may contain dots, and JSON in texts is parsed on the way.
    """
    if type(holder) is dict:  # the usual case, and half of the time of an import
        if place in holder:
            return holder[place]
        return _below(holder, place) if "." in place else MISSING
    holder = decoded(holder)
    if isinstance(holder, list):
        head, _, rest = place.partition(".")
        if not head.isdecimal() or int(head) >= len(holder):
            return MISSING
        return at(holder[int(head)], rest) if rest else holder[int(head)]
    return at(dict(holder), place) if isinstance(holder, dict) else MISSING


def _below(holder: dict[str, Any], place: str) -> Any:
    """Return the value below a key of an object. The longest existing key is tried first."""
    end = place.rfind(".")
    while end > 0:
        if place[:end] in holder:
            value = at(holder[place[:end]], place[end + 1 :])
            if value is not MISSING:
                return value
        end = place.rfind(".", 0, end)
    return MISSING


def first_of(holder: Any, *places: str) -> Any:
    """Return the first value at some places that is neither null nor an empty text, or None."""
    for place in places:
        value = at(holder, place)
        if value is not MISSING and value is not None and value != "":
            return value
    return None


def nested(flat: dict[str, Any]) -> Any:
    """Return an object whose keys have dots, `llm.output_messages.0.message.role`, as nested objects and lists."""
    grown: dict[str, Any] = {}
    for key, value in flat.items():
        inside = _inside(value)
        if inside is None:
            continue
        parts = key.split(".")
        holder = grown
        for part in parts[:-1]:
            below = holder.setdefault(part, {})
            if not isinstance(below, dict):
                below = holder[part] = {}
            holder = below
        known = holder.get(parts[-1])
        holder[parts[-1]] = (
            {**known, **inside} if isinstance(known, dict) and isinstance(inside, dict) else inside
        )
    return _listed(grown)


def _inside(value: Any) -> Any:
    if isinstance(value, dict):
        return nested(value)
    return [_inside(member) for member in value] if isinstance(value, list) else value


def _listed(grown: Any) -> Any:
    if not isinstance(grown, dict):
        return grown
    below = {key: _listed(value) for key, value in grown.items()}
    if below and all(key.isdecimal() for key in below):
        return [below[key] for key in sorted(below, key=int)]
    return below


def seconds(value: Any) -> float | None:
    """Return a time, in any unit, as ISO text, or as a datetime, in seconds since the epoch. Default zone: UTC."""
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()
    if isinstance(value, str):
        try:
            return seconds(float(value))
        except ValueError:
            pass
        try:
            return seconds(datetime.fromisoformat(value.strip()))
        except (ValueError, OverflowError):
            return None
    if not isinstance(value, int | float) or isinstance(value, bool) or not value > 0 or not isfinite(value):
        return None
    instant = next((value / unit for least, unit in _UNITS if value >= least), float(value))
    return instant if instant < _LARGEST_S else None


def count(value: Any) -> int | None:
    """Return a number of tokens, or None for any other value."""
    number = amount(value)
    return int(number) if number is not None and number >= 0 and number == int(number) else None


def amount(value: Any) -> float | None:
    """Return a finite number, also from its text, or None for any other value."""
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    try:
        return float(value) if isfinite(value) else None
    except OverflowError:
        return None


def text(value: Any) -> str | None:
    """Return a name: a text that is not empty, or a number as its text. Return None for any other value."""
    if isinstance(value, str):
        return value or None
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
