# SPDX-License-Identifier: Apache-2.0
"""Texts of the formats that are asserted, of a length between two bounds as far as a format has texts of it."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Callable

_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_NAMES = _LETTERS + "0123456789"
_LABEL = 60


def _word(least: float, most: float) -> st.SearchStrategy[str]:
    low = max(1, int(least))
    return st.text(_NAMES, min_size=low, max_size=int(min(max(low, most), low + 8)))


def _around(before: str, after: str = "") -> Callable[[float, float], st.SearchStrategy[str]]:
    """Give what puts a word between two texts, the longest that fits."""
    fixed = len(before) + len(after)
    return lambda least, most: _word(least - fixed, most - fixed).map(lambda word: f"{before}{word}{after}")


def _email(least: float, most: float) -> st.SearchStrategy[str]:
    # The local part has 64 characters at most.
    local = _word(1, min(8, most - 5))
    domain = _host(least - 8, most - 9)
    return st.tuples(local, domain).map("@".join) if most >= 14 else _around("", "@b.co")(least, most)


def _host(least: float, most: float) -> st.SearchStrategy[str]:
    long = int(max(0, least) // (_LABEL + 1))
    labels = "".join("a" * _LABEL + "." for _ in range(long))
    return _around(f"{labels}a", ".com" if most >= len(labels) + 6 else "")(
        least, min(most, len(labels) + 30)
    )


def _web(scheme: str, extra: str = "") -> Callable[[float, float], st.SearchStrategy[str]]:
    """Give addresses, the shortest ones where there is no space for more."""

    def addresses(least: float, most: float) -> st.SearchStrategy[str]:
        before = f"{scheme}example.com/{extra}"
        return _around(before if most > len(before) else "a:")(least, most)

    return addresses


def _fixed(strategy: st.SearchStrategy[str]) -> Callable[[float, float], st.SearchStrategy[str]]:
    return lambda least, most: strategy


_moments = st.datetimes()
_times = st.times().map(lambda time: time.isoformat("seconds") + "Z")
_durations = st.one_of(
    st.tuples(st.integers(1, 99), st.sampled_from("DWMY")).map(lambda part: f"P{part[0]}{part[1]}"),
    st.tuples(st.integers(0, 99), st.sampled_from("SMH")).map(lambda part: f"PT{part[0]}{part[1]}"),
)
FORMATS: dict[str, Callable[[float, float], st.SearchStrategy[str]]] = {
    "date": _fixed(st.dates().map(str)),
    "date-time": _fixed(_moments.map(lambda moment: moment.isoformat(timespec="seconds") + "Z")),
    "time": _fixed(_times),
    "duration": _fixed(_durations),
    "email": _email,
    "idn-email": _email,
    "hostname": _host,
    "idn-hostname": _host,
    "ipv4": _fixed(st.ip_addresses(v=4).map(str)),
    "ipv6": _fixed(st.ip_addresses(v=6).map(str)),
    "uri": _web("https://"),
    "iri": _web("https://", "é"),
    "uri-reference": lambda least, most: st.one_of(_around("/")(least, most), _web("https://")(least, most)),
    "iri-reference": _around("/é"),
    "uri-template": _around("/", "/{id}"),
    "uuid": _fixed(st.uuids().map(str)),
    "json-pointer": _around("/"),
    "relative-json-pointer": _around("1/"),
    "regex": _around("^", "$"),
}


def texts(name: str, least: float, most: float) -> st.SearchStrategy[str] | None:
    """Give texts of a format; None for a format that is not known."""
    return FORMATS[name](least, most) if name in FORMATS and least < inf else None
