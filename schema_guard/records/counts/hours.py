# SPDX-License-Identifier: Apache-2.0
"""What the calls of one hour add to the counts that are kept.

Rules: as those of `rollups`. Attempts are gathered first and counted at the end, a column at a time.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from schema_guard.configuration.continuation import resumes
from schema_guard.configuration.early_stop import stops_replies
from schema_guard.interruptions import is_interruption
from schema_guard.records.rows import COLUMNS, LARGEST_COUNT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schema_guard.records.rows import Row

# Seconds are added as microseconds, money as thousand-millionths of a unit: what a column of rows is times.
SUMS = {
    "input_tokens": 1,
    "cached_input_tokens": 1,
    "output_tokens": 1,
    "reasoning_tokens": 1,
    "elapsed_s": 10**6,
    "cost": 10**9,
}

# Eleven days, a million units of money: more in one attempt is a mistake, hence unknown, as LARGEST_COUNT
# is for tokens. Thousands of these still add up inside 64 bits.
_LARGEST_NUMBER = 10.0**6

_SUMS = tuple(
    (name, f"{name}_unknown", units, LARGEST_COUNT if units == 1 else _LARGEST_NUMBER)
    for name, units in SUMS.items()
)
_MICROSECONDS = SUMS["elapsed_s"]

# Bits of a bucket's lower end: its width is 1/32 to 1/63 of that.
_BUCKET_BITS = 6

_STARTED_AT, _NUMBER, _KIND, _CODE, _VIOLATIONS, _COERCIONS, _ELAPSED = (
    COLUMNS.index(name)
    for name in ("started_at", "number", "kind", "code", "violations", "coercions", "elapsed_s")
)
_AMOUNTS = slice(COLUMNS.index("input_tokens"), COLUMNS.index("input_tokens") + len(SUMS))
_MODEL = COLUMNS.index("reply_model")
_MODELS = slice(_MODEL, COLUMNS.index("snapshot") + 1)
_SETTINGS, _REPLY_BYTES, _STOPPED_AT, _FINISH = (
    COLUMNS.index(name) for name in ("settings", "reply_bytes", "stopped_at", "finish_reason")
)

HOUR_S = 3_600
LARGEST_HOUR = 10**9  # a hundred thousand years: a later start is a mistake, and in no hour's rates


class InputCalls:
    """The judged calls of an hour whose inputs are known, in order.

    Attributes:
        inputs: The input of each.
        failed: 1 for each that failed, else 0.
    """

    def __init__(self) -> None:
        self.inputs: list[bytes] = []
        self.failed: list[int] = []


class HourAddition:
    """What the calls of one configuration that began in one hour add to what is kept of that hour.

    Attributes:
        tallies: As `Addition.tallies`.
        results: How calls ended, each followed by the parts that it is in, and how many did so.
        first: `id` of the first attempt.
        places: Of the judged calls: which of `Addition.outcomes` they are.
        starts: When the earliest call began, and the latest; None when unknown.
    """

    def __init__(self, first: int) -> None:
        self.tallies: dict[tuple[str, str | int], int] = defaultdict(int)
        self.results: dict[tuple[str, ...], int] = defaultdict(int)
        self.first = first
        self.places: list[int] = []
        self.starts: tuple[float, float] | None = None
        self._attempts: dict[int, list[Any]] = defaultdict(list)  # by number
        self._began: list[float] = []
        self._single: list[Any] = []  # attempts that are a whole call with a judged reply
        self._call_us: list[int] = []  # of the other calls
        self._continued: set[int] = set()  # which of the attempts, by `id`, went on with the reply before

    def add_call(self, call: list[tuple[int, Row]], *, is_judged: bool) -> None:
        """Add the attempts of a call."""
        row: Any = call[0][1]
        if row[_STARTED_AT] is not None:
            self._began.append(row[_STARTED_AT])
        if len(call) == 1:
            self._attempts[row[_NUMBER] or 0].append(row)  # 0 of an attempt whose number is unknown
            if is_judged:
                self._single.append(row)
            return
        for _, each in call:
            self._attempts[each[_NUMBER] or 0].append(each)  # type: ignore[index] # a number, as the column says
        if resumes(row[_SETTINGS]):
            self._continued |= {id(each) for (_, before), (_, each) in pairwise(call) if _is_cut_off(before)}
        known_us = _known_us([each for _, each in call])
        if is_judged and len(known_us) == len(call):
            self._call_us.append(sum(known_us))

    def finish(self) -> None:
        """Count all that was added."""
        tallies = self.tallies
        for ways, calls in self.results.items():
            for name in ways:
                tallies["calls", name] += calls
        for number, rows in self._attempts.items():
            self._count(number, rows)
            known_us = _known_us(rows)
            tallies["elapsed_s", number] += sum(known_us)
            tallies["elapsed_s_unknown", number] += len(rows) - len(known_us)
            _count_buckets(tallies, "attempt_us", known_us)
        _count_buckets(tallies, "call_us", self._call_us + _known_us(self._single))
        if self._began:
            self.starts = min(self._began), max(self._began)

    def _count(self, number: int, rows: list[Any]) -> None:
        """Count attempts of one number, but for their time."""
        tallies = self.tallies
        tallies["attempts", number] += len(rows)
        for row in [row for row in rows if row[_KIND] is not None]:
            tallies["failures", pair(row[_KIND], row[_CODE])] += 1
        self._count_pairs("violations", [row[_VIOLATIONS] for row in rows])
        self._count_pairs("coercions", [row[_COERCIONS] for row in rows])
        judged = [row for row in rows if row[_KIND] != "transport"]
        if judged:
            tallies["judged", number] += len(judged)
            tallies["failed_attempts", number] += len(judged) - [row[_KIND] for row in judged].count(None)
            models = Counter([row[_MODELS] for row in judged if row[_MODEL] is not None])
            for (model, snapshot), attempts in models.items():
                tallies["models", pair(model, snapshot)] += attempts
            if stops_replies(judged[0][_SETTINGS]):
                self._count_lengths(judged)
        columns = zip(*[row[_AMOUNTS] for row in rows], strict=True)
        for (name, unknown, units, largest), column in zip(_SUMS, columns, strict=True):
            if name != "elapsed_s":
                total, known = _sum(column, units, largest)
                tallies[name, number] += total
                tallies[unknown, number] += len(rows) - known

    def _count_pairs(self, name: str, listed: list[Any]) -> None:
        for key in [key for text in listed if text != "[]" for key in pairs(text)]:
            self.tallies[name, key] += 1

    def _count_lengths(self, judged: list[Any]) -> None:
        """Count how long replies were, of calls that stop some of theirs.

        One that was gone on with is as long as it was when it was cut off: what is recorded of the attempt that went on
        are the bytes of both.
        """
        known = [row for row in judged if row[_REPLY_BYTES] is not None]
        stopped = [row for row in known if row[_STOPPED_AT] is not None]
        whole = [row for row in known if row[_STOPPED_AT] is None and id(row) not in self._continued]
        for name, lengths in (
            ("whole_bytes", [row[_REPLY_BYTES] for row in whole]),
            ("stopped_bytes", [row[_REPLY_BYTES] for row in stopped]),
            ("stopped_at", [row[_STOPPED_AT] for row in stopped]),
        ):
            _count_buckets(self.tallies, name, lengths)


def _is_cut_off(row: Row) -> bool:
    return row[_CODE] == "max_tokens" and row[_FINISH] == "length"


def hour_of(started_at: Any) -> int | None:
    """Give the hour in which a call began, since the epoch: at most `LARGEST_HOUR`, whatever the time; None for none."""
    if started_at is None:
        return None
    hour = started_at // HOUR_S
    return int(hour) if -LARGEST_HOUR < hour < LARGEST_HOUR else LARGEST_HOUR if hour > 0 else -LARGEST_HOUR


def _sum(column: Sequence[Any], units: int, largest: float) -> tuple[int, int]:
    """Add up what is known of a column; gives how many values that are, too."""
    try:
        are_known = min(column) >= 0 and max(column) <= largest
    except TypeError as error:  # None is among them
        if is_interruption(error):
            raise
        are_known = False
    known = (
        column if are_known else [value for value in column if value is not None and 0 <= value <= largest]
    )
    return sum(known) if units == 1 else sum([round(value * units) for value in known]), len(known)


def _known_us(rows: list[Any]) -> list[int]:
    """Give how many microseconds those attempts took of which that is known."""
    several = [row[_ELAPSED] for row in rows]
    try:
        are_known = min(several) >= 0 and max(several) <= _LARGEST_NUMBER
    except (TypeError, ValueError) as error:  # None is among them, or there are none
        if is_interruption(error):
            raise
        are_known = False
    if not are_known:
        several = [seconds for seconds in several if seconds is not None and 0 <= seconds <= _LARGEST_NUMBER]
    return [round(seconds * _MICROSECONDS) for seconds in several]


def _count_buckets(tallies: dict[tuple[str, str | int], int], name: str, several: list[int]) -> None:
    for lower, count in Counter(map(bucket, several)).items():
        tallies[name, lower] += count


def bucket(number: int) -> int:
    """Give the least number, of microseconds or of bytes, that is counted together with this one.

    Exact below 64. Above, the middle of a bucket is within 1/64 of everything in it.

    >>> bucket(63), bucket(1_000_000)
    (63, 999424)
    """
    spare = max(0, number.bit_length() - _BUCKET_BITS)
    return number >> spare << spare


def middle(lower: int) -> float:
    """Give the middle of the bucket that begins there.

    >>> middle(63), middle(999_424)
    (63.0, 1007615.5)
    """
    return (lower + greatest(lower)) / 2


def greatest(lower: int) -> int:
    """Give the largest number that is counted in the bucket which begins there.

    >>> greatest(63), greatest(999_424)
    (63, 1015807)
    """
    return lower + (1 << max(0, lower.bit_length() - _BUCKET_BITS)) - 1


@lru_cache(maxsize=1_000)
def pair(first: Any, second: Any) -> str:
    """Give the key under which what has two names is counted."""
    return json.dumps([first, second], separators=(",", ":"))


@lru_cache(maxsize=1_000)
def pairs(listed: str) -> tuple[str, ...]:
    """Return the keys of an attempt's violations or coercions."""
    return tuple(pair(location, what) for location, what in json.loads(listed))
