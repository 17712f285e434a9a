# SPDX-License-Identifier: Apache-2.0
"""Texts of the formats of JSON Schema. Their length is between two bounds if the format has such texts."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

    from schema_guard.validation.drawing.sources import ChoiceSource

    Texts: TypeAlias = Callable[[ChoiceSource, float, float], str]

_NAMES = "abcdefghijklmnopqrstuvwxyz0123456789"
_LABEL = 60
_START = datetime(2000, 1, 1, tzinfo=UTC)


def _word(source: ChoiceSource, least: float, most: float) -> str:
    low = max(1, int(least))
    size = source.between(low, int(min(max(low, most), low + 8)))
    return "".join(_NAMES[source.between(0, len(_NAMES) - 1)] for _ in range(size))


def _around(before: str, after: str = "") -> Texts:
    """Return a function that draws a word between two texts."""
    fixed = len(before) + len(after)
    return lambda source, least, most: f"{before}{_word(source, least - fixed, min(most, 60) - fixed)}{after}"


def _email(source: ChoiceSource, least: float, most: float) -> str:
    if most < 14:
        return _around("", "@b.co")(source, least, most)
    # The local part has at most 64 characters.
    return f"{_word(source, 1, min(8, most - 5))}@{_host(source, least - 8, most - 9)}"


def _host(source: ChoiceSource, least: float, most: float) -> str:
    labels = ("a" * _LABEL + ".") * int(max(0, least) // (_LABEL + 1))
    after = ".com" if most >= len(labels) + 6 else ""
    return labels + _around("a", after)(source, least - len(labels), min(most - len(labels), 30))


def _web(scheme: str, extra: str = "") -> Texts:
    before = f"{scheme}example.com/{extra}"
    return lambda source, least, most: _around(before if most > len(before) else "a:")(source, least, most)


def _uuid(source: ChoiceSource, least: float, most: float) -> str:
    digits = f"{source.between(0, 2**128 - 1):032x}"
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def _duration(source: ChoiceSource, least: float, most: float) -> str:
    units = ("D", "W", "M", "Y", "S", "M", "H")
    unit = source.index(len(units))
    return f"P{'T' if unit > 3 else ''}{source.between(1, 99)}{units[unit]}"


def _time(source: ChoiceSource, least: float, most: float) -> str:
    seconds = source.between(0, 86_399)
    return f"{time(seconds // 3600, seconds // 60 % 60, seconds % 60)}Z"


FORMATS: dict[str, Texts] = {
    "date": lambda source, *_: str(
        date.fromordinal(_START.toordinal() + source.between(-730_000, 2_900_000))
    ),
    "date-time": lambda source, *_: (
        (_START + timedelta(seconds=source.between(-(10**10), 10**11))).isoformat()[:19] + "Z"
    ),
    "time": _time,
    "duration": _duration,
    "email": _email,
    "idn-email": _email,
    "hostname": _host,
    "idn-hostname": _host,
    "ipv4": lambda source, *_: ".".join(str(source.between(0, 255)) for _ in range(4)),
    "ipv6": lambda source, *_: ":".join(f"{source.between(0, 65_535):x}" for _ in range(8)),
    "uri": _web("https://"),
    "iri": _web("https://", "é"),
    "uri-reference": _around("/"),
    "iri-reference": _around("/é"),
    "uri-template": _around("/", "/{id}"),
    "uuid": _uuid,
    "json-pointer": _around("/"),
    "relative-json-pointer": _around("1/"),
    "regex": _around("^", "$"),
}
