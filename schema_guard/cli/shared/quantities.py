# SPDX-License-Identifier: Apache-2.0
"""Option types for quantities that people write in several forms: shares, durations, times, counts, dollars."""

from __future__ import annotations

import re
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

import click

from schema_guard.records.values import PointInTime
from schema_guard.text import safe

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_NUMBER = re.compile(r"(\d[\d_,]*\.?\d*|\.\d+)\s*([A-Za-z%]*)")
_SECONDS: Mapping[str, float] = {
    **dict.fromkeys(("ms", "msec", "millisecond", "milliseconds"), 0.001),
    **dict.fromkeys(("", "s", "sec", "secs", "second", "seconds"), 1.0),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), 60.0),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), 3_600.0),
    **dict.fromkeys(("d", "day", "days"), 86_400.0),
    **dict.fromkeys(("w", "week", "weeks"), 604_800.0),
}
_THOUSANDS: Mapping[str, float] = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "b": 10**9}
# A product of decimals such as 1.1 and 1,000 is not exact.
_ROUNDING = 1e-6
# A call's id is a UUID of version 7: its first 12 hex digits count the milliseconds since the epoch (RFC 9562, 5.7).
_CALL_ID = re.compile(r"[0-9a-f]{12}7[0-9a-f]{19}")


class Quantity(click.ParamType[Any]):
    """An option type for a quantity, which the error of a wrong value describes."""

    def __init__(self, name: str, forms: str, read: Callable[[str], Any]) -> None:
        """Build the type.

        Args:
            name: The placeholder of its value in the help, in small letters.
            forms: The forms that the error lists.
            read: Returns the quantity of a text, or None for a wrong text.
        """
        self.name, self.forms, self.read = name, forms, read

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the quantity. Return a default that already is one unchanged."""
        if not isinstance(value, str):
            return value
        found = self.read(value.strip())
        if found is None:
            self.fail(f"{safe(value)!r}: expected {self.forms}", param, ctx)
        return found


def _share(text: str) -> float | None:
    """Return a share as a fraction. A bare `2` is wrong because it could mean 2% or 200%."""
    match = _NUMBER.fullmatch(text)
    if match is None or match[2] not in ("", "%"):
        return None
    share = _number(match[1]) / (100 if match[2] else 1)
    return share if share <= 1 else None


def _rate(text: str) -> float | None:
    share = _share(text)
    return share if share is not None and 0 < share < 1 else None


def _duration(text: str) -> float | None:
    return seconds_in(text) or None


def _count(text: str) -> int | None:
    """Return a whole number with an optional scale behind it."""
    match = _NUMBER.fullmatch(text)
    if match is None or match[2].lower() not in _THOUSANDS:
        return None
    exact = _number(match[1]) * _THOUSANDS[match[2].lower()]
    number = round(exact)
    return number if number >= 1 and abs(exact - number) <= _ROUNDING else None


def _dollars(text: str) -> float | None:
    match = _NUMBER.fullmatch(text.removeprefix("$"))
    return None if match is None or match[2] else _number(match[1])


def seconds_in(text: str) -> float | None:
    """Return the seconds of a duration such as `1h30m`. None for any other text."""
    seconds, position, text = 0.0, 0, text.strip()
    while position < len(text):
        match = _NUMBER.match(text, position)
        if (
            match is None
            or match[2].lower() not in _SECONDS
            or (not match[2] and match.span() != (0, len(text)))
        ):
            return None
        seconds += _number(match[1]) * _SECONDS[match[2].lower()]
        position = match.end()
        while text[position : position + 1] == " ":
            position += 1
    return seconds if text else None


def _point(text: str) -> PointInTime | None:
    """Return a point in time. Dates and times without an offset are local."""
    moment = _moment(text)
    if moment is None:
        return None
    point = PointInTime(moment)
    point.text = text
    point.call_id = text if _CALL_ID.fullmatch(text) else None
    return point


def _moment(text: str) -> float | None:
    """Return the seconds since the epoch. None if the text is not a time."""
    back = {"today": 0, "yesterday": 1}.get(text.lower())
    if back is not None:
        day = datetime.now().astimezone().date() - timedelta(days=back)
        return datetime.combine(day, time.min).timestamp()
    if _CALL_ID.fullmatch(text):
        return int(text[:12], 16) / 1000
    age = seconds_in(text.lower().removesuffix("ago"))
    try:
        # A bare number is a date such as 20261101, or a typo.
        if age is not None and not text.replace(".", "").isdigit():
            return (datetime.now(UTC) - timedelta(seconds=age)).timestamp()
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError):
        return None


def _number(text: str) -> float:
    return float(text.replace(",", "").replace("_", ""))


SHARE = Quantity("share", "a share from 0 to 1 (100%), such as 1% or 0.01", _share)
RATE = Quantity("rate", "a share above 0 and below 1 (100%), such as 1% or 0.01", _rate)
DURATION = Quantity("duration", "a duration such as 500ms, 2.5s, 90m, 24h, or 7d", _duration)
MOMENT = Quantity(
    "time",
    "a date such as 2026-11-01 or 2026-11-01T08:00, yesterday, an age such as 90m, 24h, 7d, or a call's id",
    _point,
)
DOLLARS = Quantity("dollars", "an amount such as 5, 0.50, or $5", _dollars)
COUNT = Quantity("count", "a whole number of at least 1, such as 500, 1,000, or 500k", _count)
COUNT_OR_ALL = Quantity(
    "n",
    "a number of tasks such as 48 or 1,000, or all",
    lambda text: text if text == "all" else _count(text),
)
