# SPDX-License-Identifier: Apache-2.0
"""Which configurations of a function are in use, by the order in which calls arrived.

Rules: A configuration is in use until it is gone. It is gone when it has been absent for at least `LEAST_ABSENCE` calls of
the function, and for at least twice its longest earlier absence. So a configuration that is used only at night is in use
during the day, and a configuration that was replaced is gone after ten calls. The main configuration is the one in use that
has the most calls since another one left.
"""

from __future__ import annotations

from collections import Counter
from itertools import islice, takewhile
from typing import TYPE_CHECKING, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

LEAST_ABSENCE = 10
"""A configuration can be gone only after this many calls of its function without one of its own."""

LARGE_PART = 0.4
"""If several configurations each have at least this part of the calls, any of them can be the main one."""

K = TypeVar("K", bound="Hashable")


class Arrival(NamedTuple):
    """A summary of the order of arrival of a configuration's calls.

    Attributes:
        absent: Calls of the function since its last call.
        longest_absence: The most calls of the function between two of its own calls.
        last_day: Day of its last call. None if unknown.
        hours: The hours of the day at which it is called, from one up to another. None without such a pattern.
    """

    absent: int
    longest_absence: int
    last_day: str | None = None
    hours: tuple[int, int] | None = None

    @property
    def is_gone(self) -> bool:
        """Whether the configuration is no longer in use."""
        return self.absent >= max(LEAST_ABSENCE, 2 * self.longest_absence)


def absences(hours: Sequence[Mapping[K, int]], calls: Sequence[K]) -> dict[K, Arrival]:
    """Return how long each configuration was absent.

    Args:
        hours: Calls by configuration in each earlier hour, in the order of time. The calls of an hour count as evenly
            mixed.
        calls: The configuration of each later call, in the order of arrival.

    >>> {key: one[:2] for key, one in absences([], ["a", "b", "a", "a", "a", "b", "a"]).items()}
    {'a': (0, 1), 'b': (1, 3)}
    """
    last: dict[K, int] = {}
    longest: dict[K, int] = {}
    n = 0
    for hour in hours:
        total = sum(hour.values())
        for key, count in hour.items():
            if count:
                mixed = (total - count) // (count + 1)
                longest[key] = max(longest.get(key, 0), n - last.get(key, n), mixed)
        last |= {key: n + total for key, count in hour.items() if count}
        n += total
    for key in calls:
        if key in last:
            longest[key] = max(longest[key], n - last[key])
        else:
            longest[key] = 0
        n += 1
        last[key] = n
    return {key: Arrival(n - at, longest[key]) for key, at in last.items()}


def calls_in_use(
    hours: Sequence[Mapping[K, int]], calls: Sequence[K], found: Mapping[K, Arrival], latest: int
) -> dict[K, int]:
    """Return the calls of each configuration in use since another one left.

    Args:
        hours: Hours in the form of `absences`.
        calls: Calls in the form of `absences`.
        found: The result of `absences`. Calls of other configurations are not counted.
        latest: The most of the last calls that count.
    """
    gone = {key for key, absence in found.items() if absence.is_gone}
    last = list(takewhile(lambda key: key not in gone, islice(reversed(calls), latest)))
    counts = Counter(key for key in last if key in found)
    n = len(last)
    if n == len(calls):
        for hour in reversed(hours):
            if n >= latest or not gone.isdisjoint(hour):
                break
            counts.update({key: count for key, count in hour.items() if key in found})
            n += sum(hour.values())
    return dict(counts)


def main_of(counts: Mapping[K, int], found: Mapping[K, Arrival], lowers: Mapping[K, float]) -> K | None:
    """Return the main configuration: the one with the most calls.

    If several have a large part of the calls, it is the one of these with the highest lower bound of the failure rate.

    >>> calls = ["a"] * 100 + ["b"] * 12
    >>> found = absences([], calls)
    >>> main_of(calls_in_use([], calls, found, 1_000), found, {})
    'b'
    """
    large = [key for key, count in counts.items() if count >= LARGE_PART * sum(counts.values())]
    if len(large) > 1:
        return max(large, key=lambda key: (lowers.get(key, 0.0), counts[key], -found[key].absent))
    # Of configurations with equal counts, the one that was called last.
    return max(counts, key=lambda key: (counts[key], -found[key].absent), default=None)


def before(hours: Sequence[Mapping[K, int]], calls: Sequence[K]) -> list[dict[K, int]]:
    """Return the hours without the calls that are known one by one, which are the last ones of each configuration.

    >>> before([{"a": 3}, {"a": 2, "b": 1}], ["b", "a"])
    [{'a': 3}, {'a': 1}]
    """
    known = Counter(calls)
    kept: list[dict[K, int]] = []
    for hour in reversed(hours):
        rest = {key: count - min(count, known[key]) for key, count in hour.items()}
        for key, count in hour.items():
            known[key] -= min(count, known[key])
        kept.append({key: count for key, count in rest.items() if count})
    return [hour for hour in reversed(kept) if hour]


def rounded_up(functions: int) -> int:
    """Return a number of functions, rounded up to 1, 2, 5, 10, 20, 50, and so on. So it changes seldom.

    >>> [rounded_up(n) for n in (0, 1, 2, 3, 9, 21, 101)]
    [1, 1, 2, 5, 10, 50, 200]
    """
    power = 1
    while True:
        for step in (1, 2, 5):
            if step * power >= functions:
                return step * power
        power *= 10


def part_of_alpha(functions: int, is_priority: bool | None) -> float:
    """Return the part of alpha that a function has.

    Args:
        functions: Of the store.
        is_priority: True for the function that has half of alpha, and False for those that share the other half. None
            stands for equal parts.

    >>> part_of_alpha(3, None), part_of_alpha(3, True), part_of_alpha(3, False)
    (0.2, 0.5, 0.1)
    """
    shared = rounded_up(functions)
    if is_priority is None or shared == 1:
        return 1 / shared
    return 1 / 2 if is_priority else 1 / (2 * shared)
