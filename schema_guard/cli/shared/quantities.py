# SPDX-License-Identifier: Apache-2.0
"""Option types for quantities that people write in several forms: shares, durations, times, counts, dollars."""

from __future__ import annotations

import re
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, NoReturn

import click

from schema_guard.records.values import PointInTime
from schema_guard.text import safe

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "COUNT",
    "DOLLARS",
    "DURATION",
    "MOMENT",
    "SHARE",
    "Dollars",
    "Duration",
    "Moment",
    "PointInTime",
    "Share",
]

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


class _Quantity(click.ParamType[Any]):
    """A quantity: its name in the help, and the forms that its error lists."""

    forms: str

    def refuse(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> NoReturn:
        """Raise the usage error, which names the option, the value, and the expected forms."""
        self.fail(f"{safe(str(value))!r}: expected {self.forms}", param, ctx)


class Share(_Quantity):
    """A share between 0 and 1: `1%` and `0.01` are the same.

    A bare whole number such as `2` is refused because it could mean 2% or 200%. `0` and `1` are shares.
    """

    name = "share"
    forms = "a share such as 1% or 0.01"

    def __init__(self, *, is_open: bool = False) -> None:
        """Build the type; *is_open* refuses 0 and 1 themselves."""
        self.is_open = is_open

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the share as a fraction."""
        if isinstance(value, float):
            return value
        match = _NUMBER.fullmatch(value.strip())
        if match is None or match[2] not in ("", "%"):
            self.refuse(value, param, ctx)
        share = _number(match[1]) / (100 if match[2] else 1)
        if not (0 < share < 1 if self.is_open else 0 <= share <= 1):
            between = "above 0 and below 1 (100%)" if self.is_open else "from 0 to 1 (100%)"
            self.fail(f"{safe(value)!r}: expected a share {between}, such as 1% or 0.01", param, ctx)
        return share


class Duration(_Quantity):
    """A duration in seconds: `2.5s`, `500ms`, `90m`, `24h`, `7d`, `2w`, `1h30m`; a bare number counts seconds."""

    name = "duration"
    forms = "a duration such as 500ms, 2.5s, 90m, 24h, or 7d"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the seconds, above 0."""
        if isinstance(value, float):
            return value
        seconds = seconds_in(value)
        if seconds is None or seconds <= 0:
            self.refuse(value, param, ctx)
        return seconds


class Moment(_Quantity):
    """A point in time: a date or time, `today`, `yesterday`, an age such as `24h`, or the id of a call.

    Dates and times without an offset are local.
    """

    name = "time"
    forms = "a date such as 2026-11-01 or 2026-11-01T08:00, yesterday, an age such as 90m, 24h, 7d, or a call's id"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the seconds since the epoch, UTC: a `PointInTime`."""
        if isinstance(value, float):
            return value
        moment = _moment(value.strip())
        if moment is None:
            self.refuse(value, param, ctx)
        point = PointInTime(moment)
        point.text = value.strip()
        point.call_id = point.text if _CALL_ID.fullmatch(point.text) else None
        return point


class Scaled(_Quantity):
    """A whole number with an optional scale behind it."""

    def __init__(self, name: str, scales: Mapping[str, float], forms: str) -> None:
        """Build the type from the factors of its scales."""
        self.name, self.scales, self.forms = name, scales, forms

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the number."""
        if isinstance(value, int):
            return value
        match = _NUMBER.fullmatch(value.strip())
        if match is None or match[2].lower() not in self.scales:
            self.refuse(value, param, ctx)
        exact = _number(match[1]) * self.scales[match[2].lower()]
        number = round(exact)
        if number < 1 or abs(exact - number) > _ROUNDING:
            self.refuse(value, param, ctx)
        return number


class Dollars(_Quantity):
    """An amount of money: `5`, `0.50`, `$5`."""

    name = "dollars"
    forms = "an amount such as 5, 0.50, or $5"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the amount, at least 0."""
        if isinstance(value, float):
            return value
        match = _NUMBER.fullmatch(value.strip().removeprefix("$"))
        if match is None or match[2]:
            self.refuse(value, param, ctx)
        return _number(match[1])


SHARE = Share()
DURATION = Duration()
MOMENT = Moment()
DOLLARS = Dollars()
COUNT = Scaled("count", _THOUSANDS, "a whole number of at least 1, such as 500, 1,000, or 500k")


def seconds_in(text: str) -> float | None:
    """Return the seconds of a duration such as `1h30m`; None if it is none."""
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


def _moment(text: str) -> float | None:
    """Return the seconds since the epoch; None if the text is no time."""
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
