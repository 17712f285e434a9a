# SPDX-License-Identifier: Apache-2.0
"""The counts of the calls of one configuration that began in one hour, and how they are added.

Rules: Pure functions. Counts are only added. Money and time are added as integers, so no division of the calls into
batches changes a sum. An unknown amount is counted as unknown and adds nothing.
"""

from __future__ import annotations

import json
import sys
from array import array
from collections import Counter, defaultdict
from functools import lru_cache
from itertools import compress
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from schema_guard.configuration.early_stop import stops_replies
from schema_guard.interruptions import is_interruption
from schema_guard.records.counts.buckets import bucket
from schema_guard.records.counts.calls import (
    calls,
    configuration_of,
    hour_of,
    input_key,
    parts_of,
    results_of,
)
from schema_guard.records.rows import COLUMNS, LARGEST_COUNT, Row

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from schema_guard.records.counts.calls import StoredRow

K = TypeVar("K")

Tallies: TypeAlias = dict[str, dict[str, int]]
"""Counts by name and key.

By attempt number: `attempts` (all), `judged` (without transport failures), `failed_attempts` (the judged attempts that
failed), the sum of each column of `SUMS`, and as `..._unknown` the attempts that add nothing to this sum. By [kind, code]:
`failures` of attempts, and `failed` calls by their last failure. By [location, keyword]: `violations`. By
[location, change]: `coercions`. By bucket: `attempt_us`, `call_us` of judged calls, and if replies are stopped before
their end `whole_bytes`, `stopped_bytes`, and `stopped_at` of judged attempts. By [code, exception]: `excluded`, the calls
without a judged reply. By [model, snapshot]: `models`, the judged attempts that name one.
"""

SUMS = {
    "input_tokens": 1,
    "cached_input_tokens": 1,
    "output_tokens": 1,
    "reasoning_tokens": 1,
    "elapsed_s": 10**6,
    "cost": 10**9,
}
"""The columns that are summed, and the number by which a value is multiplied: seconds are added as microseconds."""

# Eleven days, or a million units of money. A larger number in one attempt is a mistake, so it is not known.
_LARGEST_NUMBER = 10.0**6

_SUMS = tuple(
    (name, f"{name}_unknown", units, LARGEST_COUNT if units == 1 else _LARGEST_NUMBER)
    for name, units in SUMS.items()
)
_MICROSECONDS = SUMS["elapsed_s"]

_STARTED_AT, _NUMBER, _KIND, _CODE, _VIOLATIONS, _COERCIONS, _ELAPSED, _EXCEPTION = (
    COLUMNS.index(name)
    for name in ("started_at", "number", "kind", "code", "violations", "coercions", "elapsed_s", "exception")
)
_AMOUNTS = slice(COLUMNS.index("input_tokens"), COLUMNS.index("input_tokens") + len(SUMS))
_MODEL = COLUMNS.index("reply_model")
_MODELS = slice(_MODEL, COLUMNS.index("snapshot") + 1)
_SETTINGS, _REPLY_BYTES, _STOPPED_AT = map(COLUMNS.index, ("settings", "reply_bytes", "stopped_at"))

_VALID, _FAILED = ord("0"), ord("1")


class RollUp:
    """Counts of calls of one configuration.

    Attributes:
        first_id: `id` of the first attempt.
        last_id: `id` of the last attempt.
        attempts: Number of attempts.
        starts: Start of the earliest and the latest call, in seconds since the epoch, UTC. None if not known.
        results: Calls by `RESULTS` and `PARTS`.
        tallies: Other counts.
        outcomes: A character for each validated call: `1` for failed, otherwise `0`. The calls of one hour are in the
            order of arrival.
        inputs: The `input_key` of each of these calls. 0 if it is not known.
    """

    __slots__ = ("attempts", "first_id", "inputs", "last_id", "outcomes", "results", "starts", "tallies")

    def __init__(self, first_id: int, last_id: int) -> None:
        self.first_id = first_id
        self.last_id = last_id
        self.attempts = 0
        self.starts: tuple[float, float] | None = None
        self.results: dict[str, int] = {}
        self.tallies: Tallies = {}
        self.outcomes = bytearray()
        self.inputs = array("q")

    @classmethod
    def of_row(cls, row: Sequence[Any]) -> RollUp:
        """Return the counts that `as_row` wrote."""
        rolled = cls(row[0], row[1])
        rolled.attempts = row[2]
        rolled.starts = None if row[3] is None or row[4] is None else (row[3], row[4])
        rolled.results, rolled.tallies = json.loads(row[5]), json.loads(row[6])
        rolled.outcomes += row[7]
        rolled.inputs = inputs_of(row[8] or b"")
        return rolled

    def as_row(self) -> tuple[Any, ...]:
        """Return the values of `ROLL_UP_COLUMNS`."""
        starts = self.starts or (None, None)
        texts = as_json(self.results), as_json(self.tallies)
        stored = self.first_id, self.last_id, self.attempts
        return (*stored, *starts, *texts, bytes(self.outcomes), inputs_as_bytes(self.inputs))

    def add(self, other: RollUp) -> None:
        """Add the counts of calls that come after these in `outcomes`."""
        self.first_id = min(self.first_id, other.first_id)
        self.last_id = max(self.last_id, other.last_id)
        self.attempts += other.attempts
        self.starts = spanned(self.starts, other.starts)
        add_counts(self.results, other.results)
        add_tallies(self.tallies, other.tallies)
        self.outcomes += other.outcomes
        self.inputs += other.inputs

    def known_inputs(self) -> dict[int, tuple[int, int]]:
        """Return the calls, and the failed calls, of each input that is known."""
        keys, failed = Counter(self.inputs), Counter(compress(self.inputs, _bits(self.outcomes)))
        return {key: (n, failed[key]) for key, n in keys.items() if key}

    def unknown_shapes(self) -> dict[str, int]:
        """Count the calls whose input is not known by their shape. Each counts as an input of its own."""
        if 0 not in self.inputs:
            return {}
        failed = list(compress(self.inputs, _bits(self.outcomes))).count(0)
        return {shape(1, 0): self.inputs.count(0) - failed, shape(1, 1): failed}


ROLL_UP_COLUMNS = (
    "first_id", "last_id", "attempts", "first_started_at", "last_started_at", "results", "tallies", "outcomes",
    "inputs",
)  # fmt: skip


def rolled_up(rows: Iterable[StoredRow]) -> dict[tuple[Row, int], RollUp]:
    """Count whole calls by configuration and hour.

    Args:
        rows: In the order of storing.
    """
    gathered: dict[tuple[Row, int], _Calls] = defaultdict(_Calls)
    for call in calls(rows):
        last = call[-1][1]
        gathered[configuration_of(last), hour_of(last[_STARTED_AT])].add(call)
    return {key: several.counted() for key, several in gathered.items()}


class _Calls:
    """Calls of one configuration that began in one hour. They are gathered first, and counted a column at a time."""

    def __init__(self) -> None:
        self._first_id = self._last_id = 0
        self._results: dict[tuple[str, ...], int] = defaultdict(int)
        self._tallies: dict[tuple[str, str | int], int] = defaultdict(int)
        self._outcomes = bytearray()
        self._inputs: list[int] = []
        self._attempts: dict[int, list[Any]] = defaultdict(list)  # by number
        self._started: list[float] = []
        self._single: list[Any] = []  # calls of a single attempt with a validated reply
        self._call_us: list[int] = []  # of the other calls

    def add(self, call: list[StoredRow]) -> None:
        """Add a call."""
        results, last = results_of(call), call[-1][1]
        self._results[results] += 1
        is_judged = results[0] != "transport"
        self._add_attempts(call, is_judged=is_judged)
        if not is_judged:
            self._tallies["excluded", pair(last[_CODE], last[_EXCEPTION])] += 1
            return
        if results[0] == "failed":
            self._tallies["failed", pair(last[_KIND], last[_CODE])] += 1
            self._outcomes.append(_FAILED)
        else:
            self._outcomes.append(_VALID)
        self._inputs.append(input_key(last) or 0)

    def _add_attempts(self, call: list[StoredRow], *, is_judged: bool) -> None:
        first: Any = call[0][1]
        # Calls come in the order of `id`.
        self._first_id = self._first_id or call[0][0]
        self._last_id = call[-1][0]
        if first[_STARTED_AT] is not None:
            self._started.append(first[_STARTED_AT])
        if len(call) == 1:
            self._attempts[first[_NUMBER] or 0].append(first)  # 0 if the number is not known
            if is_judged:
                self._single.append(first)
            return
        parts = parts_of(call)
        for place, (_, each) in enumerate(call):
            number: Any = each[_NUMBER] or 0
            self._attempts[number].append(each)
            if parts:
                self._add_try(each, number - parts, is_part=place < parts)
        known_us = _known_us([each for _, each in call])
        if is_judged and len(known_us) == len(call):
            self._call_us.append(sum(known_us))

    def _add_try(self, row: Any, number: int, *, is_part: bool) -> None:
        """Correct the counts of failed attempts for one of a call whose first attempts decide a part of the value."""
        tallies, kind = self._tallies, row[_KIND]
        if is_part:
            tallies["failures", pair(kind, row[_CODE])] -= 1
        if kind == "transport":
            return
        tallies["judged", row[_NUMBER]] -= 1
        tallies["failed_attempts", row[_NUMBER]] -= kind is not None
        if not is_part:
            tallies["judged", number] += 1
            tallies["failed_attempts", number] += kind is not None

    def counted(self) -> RollUp:
        """Return the counts of the calls."""
        rolled = RollUp(self._first_id, self._last_id)
        rolled.outcomes, rolled.inputs = self._outcomes, array("q", self._inputs)
        if self._started:
            rolled.starts = min(self._started), max(self._started)
        for names, number in self._results.items():
            add_counts(rolled.results, dict.fromkeys(names, number))
        for attempt, rows in self._attempts.items():
            rolled.attempts += len(rows)
            self._count(attempt, rows)
        self._count_buckets("call_us", self._call_us + _known_us(self._single))
        for (tally, key), count in self._tallies.items():
            if count:
                rolled.tallies.setdefault(tally, {})[str(key)] = count
        return rolled

    def _count(self, number: int, rows: list[Any]) -> None:
        """Count attempts of one number."""
        tallies = self._tallies
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
                known = _known(column, largest)
                tallies[name, number] += sum(known if units == 1 else [round(one * units) for one in known])
                tallies[unknown, number] += len(rows) - len(known)
        known_us = _known_us(rows)
        tallies["elapsed_s", number] += sum(known_us)
        tallies["elapsed_s_unknown", number] += len(rows) - len(known_us)
        self._count_buckets("attempt_us", known_us)

    def _count_pairs(self, name: str, listed: list[Any]) -> None:
        for key in [key for text in listed if text != "[]" for key in _pairs(text)]:
            self._tallies[name, key] += 1

    def _count_lengths(self, judged: list[Any]) -> None:
        """Count the lengths of replies, for calls that stop some of theirs."""
        known = [row for row in judged if row[_REPLY_BYTES] is not None]
        stopped = [row for row in known if row[_STOPPED_AT] is not None]
        whole = [row for row in known if row[_STOPPED_AT] is None]
        for name, lengths in (
            ("whole_bytes", [row[_REPLY_BYTES] for row in whole]),
            ("stopped_bytes", [row[_REPLY_BYTES] for row in stopped]),
            ("stopped_at", [row[_STOPPED_AT] for row in stopped]),
        ):
            self._count_buckets(name, lengths)

    def _count_buckets(self, name: str, several: list[int]) -> None:
        for lower, count in Counter(map(bucket, several)).items():
            self._tallies[name, lower] += count


def _known(column: Sequence[Any], largest: float) -> Sequence[Any]:
    """Return the known values of a column."""
    try:
        if min(column) >= 0 and max(column) <= largest:
            return column
    except (TypeError, ValueError) as error:  # the column contains None, or is empty
        if is_interruption(error):
            raise
    return [value for value in column if value is not None and 0 <= value <= largest]


def _known_us(rows: list[Any]) -> list[int]:
    """Return the known durations of attempts in microseconds."""
    known = _known([row[_ELAPSED] for row in rows], _LARGEST_NUMBER)
    return [round(seconds * _MICROSECONDS) for seconds in known]


def merge(hours: dict[K, RollUp], key: K, rolled: RollUp) -> None:
    """Add counts to those of a key that arrived before."""
    if key in hours:
        hours[key].add(rolled)
    else:
        hours[key] = rolled


def shape(n: int, k: int) -> str:
    """Return the key of the inputs with n calls, k of them failed."""
    return f"[{n},{k}]"


def shapes(rolled: RollUp) -> dict[str, int]:
    """Count the inputs of some calls by their calls and failed calls. Each unknown input is one of its own."""
    keys, failed = Counter(rolled.inputs), Counter(compress(rolled.inputs, _bits(rolled.outcomes)))
    n, k = keys.pop(0, 0), failed.pop(0, 0)
    # Most inputs have no failed call, so they are counted together.
    counted = Counter({(calls, 0): number for calls, number in Counter(keys.values()).items()})
    counted[1, 0] += n - k
    counted[1, 1] += k
    for key, failures in failed.items():
        counted[keys[key], 0] -= 1
        counted[keys[key], failures] += 1
    return {shape(*calls): number for calls, number in counted.items() if number}


def add_counts(counts: dict[str, int], more: Mapping[str, int]) -> None:
    """Add counts to others."""
    known = counts.get
    for key, count in more.items():
        counts[key] = known(key, 0) + count


def add_tallies(tallies: Tallies, more: Mapping[str, Mapping[str, int]]) -> None:
    """Add tallies to others."""
    for name, counts in more.items():
        mine = tallies.get(name)
        if mine is None:
            tallies[name] = dict(counts)
        else:
            add_counts(mine, counts)


def spanned(
    first: tuple[float, float] | None, second: tuple[float, float] | None
) -> tuple[float, float] | None:
    """Return the times that cover both. None if neither is known."""
    if first is None or second is None:
        return first or second
    return min(first[0], second[0]), max(first[1], second[1])


@lru_cache(maxsize=1_000)
def pair(first: Any, second: Any) -> str:
    """Return the key of a count with two names."""
    return as_json([first, second])


@lru_cache(maxsize=1_000)
def _pairs(listed: str) -> tuple[str, ...]:
    return tuple(pair(location, what) for location, what in json.loads(listed))


def as_json(document: object) -> str:
    """Return compact JSON."""
    return json.dumps(document, separators=(",", ":"))


def inputs_of(stored: bytes) -> array[int]:
    """Return the inputs that a roll-up has stored: eight bytes each, the least significant one first."""
    inputs = array("q")
    inputs.frombytes(stored)
    if sys.byteorder == "big":
        inputs.byteswap()
    return inputs


def inputs_as_bytes(inputs: array[int]) -> bytes:
    """Return inputs as a roll-up stores them."""
    if sys.byteorder == "big":
        inputs = inputs[:]
        inputs.byteswap()
    return inputs.tobytes()


def _bits(outcomes: bytes | bytearray) -> bytes:
    """Return a byte for each call: 1 for failed, otherwise 0."""
    return bytes(outcomes).translate(_AS_BITS)


_AS_BITS = bytes(code - _VALID if code in (_VALID, _FAILED) else code for code in range(256))
