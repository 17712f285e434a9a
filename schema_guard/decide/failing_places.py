# SPDX-License-Identifier: Apache-2.0
"""The places in a reply at which most failed replies fail.

Pure functions.
"""

from __future__ import annotations

from collections import Counter
from itertools import takewhile
from typing import TYPE_CHECKING, NamedTuple

from schema_guard.pointer import join, split

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from schema_guard.records.counts.configurations import FailureCount, ViolationCount

__all__ = ["WHOLE", "FailingPlace", "failing_places"]

# A place is named if at least so many replies fail there, and this share of the failed replies that have a place.
_LEAST, _FIRST = 5, 1 / 3
# A second place is named if at least this share of the failed replies fails there.
_SECOND = 0.2
# Failures of these kinds have no place.
WHOLE = ("syntax", "truncation", "refusal", "semantic")
_MOST_CODES = 3


class FailingPlace(NamedTuple):
    """A place at which replies fail.

    Attributes:
        place: JSON Pointer with `*` for each index. None if the reply fails as a whole, such as one that is cut off.
        code: The broken keyword, or the code of the failure. Several are separated by commas.
        k: Failed replies that fail there.
        n: All failed replies of the same calls.
    """

    place: str | None
    code: str
    k: int
    n: int


def failing_places(
    failures: Iterable[FailureCount], violations: Iterable[ViolationCount]
) -> tuple[FailingPlace, ...]:
    """Return the place at which most failed replies fail, and a second one if many fail there.

    Nothing is returned if fewer than 5 replies fail at each place, or less than a third of those that fail at any place.

    Places that fail equally often are one entry, with the deepest path that they have in common. If they have only the
    root in common, each is an entry.

    Args:
        failures: Failed attempts by kind and code.
        violations: Failed attempts by place and keyword. An attempt can have several.

    >>> from schema_guard.records.counts.configurations import FailureCount, ViolationCount
    >>> broken = [ViolationCount("/lines/*/price", "minimum", 95), ViolationCount("/team", "enum", 5)]
    >>> failing_places([FailureCount("value", "minimum", 95), FailureCount("value", "enum", 5)], broken)
    (FailingPlace(place='/lines/*/price', code='minimum', k=95, n=100),)
    """
    placed, whole = Counter[tuple[str | None, str]](), Counter[tuple[str | None, str]]()
    for location, keyword, k in violations:
        placed[location, keyword] += k
    n = 0
    coded = {code for _, code in placed}
    for kind, code, k in failures:
        n += k * (kind != "transport")
        if kind in WHOLE and code not in coded:
            whole[None, code] += k
    by_count: dict[int, list[tuple[str | None, str]]] = {}
    for (place, code), k in (placed + whole).items():
        by_count.setdefault(min(k, n), []).append((place, code))
    found: list[FailingPlace] = []
    has_place = max(n - sum(whole.values()), 0)
    for k in sorted(by_count, reverse=True):
        share = _SECOND * n if found else _FIRST * (n if None in dict(by_count[k]) else has_place)
        if k >= max(_LEAST, share):
            found += [FailingPlace(place, code, k, n) for place, code in _joined(by_count[k])]
    return tuple(found[:2])


def _joined(tied: Sequence[tuple[str | None, str]]) -> list[tuple[str | None, str]]:
    """Return one entry for places that have more than the root in common, otherwise one for each place."""
    places = {place for place, _ in tied if place}
    tokens = [split(place) for place in places]
    shared = [row[0] for row in takewhile(lambda row: len(set(row)) == 1, zip(*tokens, strict=False))]
    if shared and len(places) == len({place for place, _ in tied}):
        return [(join(shared), _codes(tied))]
    by_place: dict[str | None, list[tuple[str | None, str]]] = {}
    for place, code in tied:
        by_place.setdefault(place, []).append((place, code))
    return [(place, _codes(entries)) for place, entries in by_place.items()]


def _codes(tied: Iterable[tuple[str | None, str]]) -> str:
    return ", ".join(list(dict.fromkeys(code for _, code in tied))[:_MOST_CODES])
