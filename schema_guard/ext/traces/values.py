# SPDX-License-Identifier: Apache-2.0
"""Values of an export: JSON inside of texts, places with dots, times and counts in all the units that tools use.

Rules: nothing here raises, whatever comes; what is not known is None, and what is not there `MISSING`.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from math import isfinite
from typing import Any, Final


class _Missing:
    """Stands for what is not there, where null is a value."""

    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = _Missing()

# Seconds, milliseconds, microseconds and nanoseconds since 1970 are told apart by their size: the first year that is
# read wrongly is 5138.
_UNITS: Final = ((1e17, 1e9), (1e14, 1e6), (1e11, 1e3))
_LARGEST_S: Final = 1e11


def decoded(value: Any) -> Any:
    """Return the value of a JSON text that is an object, a list or a text in quotes; everything else as it is."""
    if isinstance(value, str) and value[:1] in ("{", "[", '"') and value:
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value


def at(holder: Any, place: str) -> Any:
    """Give what stands at a place, `metadata.schema` or `messages.0.content`; `MISSING` when nothing does.

    A key may have dots itself, and JSON in texts is read on the way.
    """
    if type(holder) is dict:  # the usual case, and half of what an import takes
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
    """Give what stands below a key of an object, the longest key that there is first."""
    end = place.rfind(".")
    while end > 0:
        if place[:end] in holder:
            value = at(holder[place[:end]], place[end + 1 :])
            if value is not MISSING:
                return value
        end = place.rfind(".", 0, end)
    return MISSING


def first_of(holder: Any, *places: str) -> Any:
    """Give the first of some places at which something stands that is neither null nor an empty text; else None."""
    for place in places:
        value = at(holder, place)
        if value is not MISSING and value is not None and value != "":
            return value
    return None


def nested(flat: dict[str, Any]) -> Any:
    """Return an object whose keys have dots, `llm.output_messages.0.message.role`, as objects and lists in one another."""
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
    """Give a time in seconds since the epoch: of a number in any unit, an ISO text, or a datetime; UTC where none is said."""
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
    """Give a number of tokens; None for what is none."""
    number = amount(value)
    return int(number) if number is not None and number >= 0 and number == int(number) else None


def amount(value: Any) -> float | None:
    """Give a number that is finite, also of its text; None for what is none."""
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
    """Return a name: a text that is not empty, or a number as its text."""
    if isinstance(value, str):
        return value or None
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
