# SPDX-License-Identifier: Apache-2.0
"""What the roll-ups of stored attempts have to be, counted from the attempts alone, one page after the other.

Rules: pure. The calls of each input are not kept apart, for there can be as many inputs as calls: of a configuration's
inputs there is one number, the sum of what each call adds to it. The same number of what is stored is equal where
every input has the calls that it should have.
"""

from __future__ import annotations

import json
from array import array
from collections import defaultdict
from functools import lru_cache
from typing import TYPE_CHECKING

from schema_guard.light.digest import hex_digest
from schema_guard.records.counts.rollups import additions, configuration_of
from schema_guard.records.rows import COLUMNS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from schema_guard.records.counts.rollups import Addition, StoredRow
    from schema_guard.records.rows import Row

__all__ = ["Recounted", "input_weight", "recounted", "tallies_number"]

_STARTED_AT = COLUMNS.index("started_at")


def input_weight(key: bytes, n: int, k: int) -> int:
    """Give what an input of n judged calls, k of them failed, adds to the number of its configuration's inputs."""
    half = len(key) // 2
    return n * int.from_bytes(key[:half]) + k * int.from_bytes(key[half:])


@lru_cache(maxsize=10_000)
def _weight(*name: str | int) -> int:
    return int(hex_digest(json.dumps(name), 16), 16)


def tallies_number(tallies: Mapping[tuple[str, str], int], hours: Mapping[tuple[int, str], int]) -> int:
    """Give one number for tallies and counts by the hour; that of two together is the sum of theirs."""
    named = [*tallies.items(), *hours.items()]
    return sum(_weight(*name) * count for name, count in named)


class Recounted:
    """The roll-ups of one configuration, as its attempts have them.

    Attributes:
        tallies: By name and key, the key as text.
        hours: By hour and name.
        inputs: The sum of `input_weight`.
        outcomes: A character for each judged call, in order: 49, `"1"`, for failed, else 48.
        starts: `id` of the first attempt of each judged call.
        first_started_at: Of all attempts; None when none is known.
        last_started_at: As above.
    """

    def __init__(self) -> None:
        self.tallies: dict[tuple[str, str], int] = defaultdict(int)
        self.hours: dict[tuple[int, str], int] = defaultdict(int)
        self.inputs = 0
        self.outcomes = bytearray()
        self.starts = array("q")
        self.first_started_at: float | None = None
        self.last_started_at: float | None = None

    def add(self, addition: Addition) -> None:
        """Add what calls add."""
        for (tally, key), count in addition.tallies.items():
            self.tallies[tally, str(key)] += count
        for hour, calls in addition.hours.items():
            self.hours[hour] += calls
        self.inputs += sum(input_weight(key, n, k) for key, (n, k) in addition.inputs.items())
        self.outcomes += "".join(addition.outcomes).encode("ascii")
        self.starts.extend(addition.starts)

    def began(self, at: float) -> None:
        """Take an attempt's start in."""
        first, last = self.first_started_at, self.last_started_at
        self.first_started_at = at if first is None else min(first, at)
        self.last_started_at = at if last is None else max(last, at)


def recounted(counted: dict[Row, Recounted], rows: Iterable[StoredRow]) -> None:
    """Add whole calls to what was counted of those before them, by the values of `CONFIGURATION_COLUMNS`.

    Args:
        counted: Is added to.
        rows: In the order of storing.
    """
    rows = list(rows)
    for configuration, addition in additions(rows).items():
        counted.setdefault(configuration, Recounted()).add(addition)
    for _, row in rows:
        at = row[_STARTED_AT]
        if isinstance(at, float):
            counted.setdefault(configuration_of(row), Recounted()).began(at)
