# SPDX-License-Identifier: Apache-2.0
"""Detection of rises and falls of a failure rate. The detector starts again after each change.

Rules: The detector uses only the order of the calls. An alarm at a call depends only on that call and earlier calls.
All calls since the last change bound the normal rate, so the detector needs no minimum number of calls. It detects a
rise only at a failed call, and a fall only at a call that didn't fail.
"""

from __future__ import annotations

from bisect import bisect_left
from math import exp, log, log1p
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

from schema_guard.errors import InvalidArgument
from schema_guard.stats.checks import count
from schema_guard.stats.rates import bounds

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Direction: TypeAlias = Literal["rise", "fall"]

_FIRST_BLOCK = 50
_KEPT_BLOCKS = 4
_RISES = (1.5, 2.5, 4.0, 8.0, 16.0)
_FALLS = (0.5, 0.2, 0.05)
_LARGEST_RATE = 0.95
_ALPHA = 0.05
# Both sides together: (1 - 2 * 0.05) * 225,000 / 2 is more than 100,000 calls to a false alarm, in the mean.
_CALLS_TO_FALSE_ALARM = 225_000
_ENOUGH_TO_RISE = _CALLS_TO_FALSE_ALARM * len(_RISES)
_ENOUGH_TO_FALL = _CALLS_TO_FALSE_ALARM * len(_FALLS)
_LARGEST_LOG = 700.0  # of a float


class Change(NamedTuple):
    """A rise or fall in a failure rate.

    Attributes:
        direction: Direction of the change: `"rise"` or `"fall"`.
        start: Number of the call at which the change most likely began. The first call is 1.
        alarm_at: Number of the call at which the change was detected.
        prior_n: Number of calls before *start*, counted from the previous change, or from the first call if there is
            none.
        prior_k: Number of failed calls among the *prior_n* calls before *start*.
    """

    direction: Direction
    start: int
    alarm_at: int
    prior_n: int
    prior_k: int


def changes(failed: Sequence[int], n: int) -> list[Change]:
    """Return the changes in the failure rate of a sequence of calls.

    A live monitor of the same calls would detect each change at the call `alarm_at`. While the rate is constant, the
    mean number of calls before a false alarm is at least 100,000. For a rise from 0.3% to 3% after 4,000 calls, the
    median detection delay is about 330 calls. Smaller changes take longer to detect. No change can be detected in the
    first 50 calls. After a change, the function starts a new search at the call `start`.

    Args:
        failed: Numbers of the failed calls in ascending order. The first call is 1.
        n: Number of calls.

    Raises:
        InvalidArgument: The value of *n* isn't a valid number of calls, or is below the number of the last failed call.

    Source: Shin, Ramdas & Rinaldo (2024), E-detectors, NEJSDS 2(2):229-260, for Shiryaev-Roberts sums of likelihood
    ratios. Each block of calls has a constant baseline, which is a bound from `bounds` for all calls between the last
    change and the block. Blocks begin after 50, 100, and 200 calls, and so on. A block starts new sums at each of its
    calls until the next block begins. At most four blocks are active at the same time.

    >>> changes(range(1_001, 1_021), 1_020)
    [Change(direction='rise', start=1001, alarm_at=1005, prior_n=1000, prior_k=0)]
    """
    n = count("n", n, "the calls")
    if failed and failed[-1] > n:
        raise InvalidArgument(
            f"n={n}: expected at least {failed[-1]}, which is the number of the last failed call"
        )
    found: list[Change] = []
    start, quiet_until = 1, 0
    while (change := _Watch(failed, n, start).first(after=quiet_until)) is not None:
        found.append(change)
        start, quiet_until = change.start, change.alarm_at
    return found


class _Sum:
    """One sum of likelihood ratios: a rate against the baseline of its block."""

    __slots__ = ("clean", "failed", "log_clean", "log_failed")

    def __init__(self, rate: float, baseline: float) -> None:
        self.log_failed, self.log_clean = log(rate / baseline), log1p(-rate) - log1p(-baseline)
        self.failed, self.clean = exp(self.log_failed), exp(self.log_clean)


class _Block:
    """Calls whose sums have one baseline.

    Attributes:
        first: Number of the first call that starts sums in the block.
        last: Number of the last such call.
        rises: Sums for a rise. Empty if the upper bound of the rate is at least `_LARGEST_RATE`.
        falls: Sums for a fall. Empty if the lower bound of the rate is 0.
    """

    __slots__ = ("falls", "first", "last", "rises")

    def __init__(self, k: int, n: int, first: int) -> None:
        known = bounds(k, n, alpha=_ALPHA)
        self.first, self.last = first, first + n - 1
        higher = {min(known.upper * factor, _LARGEST_RATE) for factor in _RISES}
        self.rises = [_Sum(rate, known.upper) for rate in sorted(higher) if rate > known.upper]
        self.falls = [_Sum(known.lower * factor, known.lower) for factor in _FALLS] if known.lower > 0 else []


class _Watch:
    """The calls from a given one on, watched until their rate changes.

    Args:
        failed: Numbers of all failed calls.
        n: Number of the last call.
        start: Number of the first watched call.
    """

    def __init__(self, failed: Sequence[int], n: int, start: int) -> None:
        self._failed, self._n, self._start = failed, n, start
        self._first_index = bisect_left(failed, start)
        self._blocks: list[_Block] = []
        self._sums: list[_Sum] = []  # of all blocks: those for a fall, then those for a rise
        self._values: list[float] = []  # value of each sum
        self._falls = 0  # number of sums for a fall
        self._started: list[float] = []  # for each sum, the amount that starts with a call
        self._steps: dict[int, list[tuple[float, float, float, float]]] = {}  # by the length of the run
        self._at = start - 1  # number of the last processed call
        self._opens = start + _FIRST_BLOCK

    def first(self, *, after: int) -> Change | None:
        """Return the first change detected after a call, or None."""
        for index in range(self._first_index, len(self._failed)):
            position = self._failed[index]
            run = position - 1 - self._at
            alarm = None
            if position >= self._opens:
                alarm = self._clean_until(position - 1, index, after)
                self._open(position, index)
            elif run and position - 1 > after and self._falls_after(run) >= _ENOUGH_TO_FALL:
                alarm = self._noticed(run, after)
            if alarm is not None:
                return self._change("fall", alarm, index)
            if self._fail(position) and position > after:
                return self._change("rise", position, index + 1)
        alarm = self._clean_until(self._n, len(self._failed), after)
        return None if alarm is None else self._change("fall", alarm, len(self._failed))

    def _open(self, position: int, index: int) -> None:
        """Open a block if one begins at *position*. *index* is the number of all failed calls before it."""
        if position == self._opens:
            seen = position - self._start
            self._blocks = [
                *self._blocks[1 - _KEPT_BLOCKS :],
                _Block(index - self._first_index, seen, position),
            ]
            self._opens += seen
            self._arrange()

    def _arrange(self) -> None:
        """Put the sums of all blocks into one order."""
        known = dict(zip(map(id, self._sums), self._values, strict=True))
        newest = self._blocks[-1]
        falls = [(one, block is newest) for block in self._blocks for one in block.falls]
        rises = [(one, block is newest) for block in self._blocks for one in block.rises]
        self._sums, self._falls = [one for one, _ in (*falls, *rises)], len(falls)
        self._values = [known.get(id(one), 0.0) for one in self._sums]
        self._started = [float(is_newest) for _, is_newest in (*falls, *rises)]
        self._steps = {}

    def _clean_until(self, last: int, index: int, after: int) -> int | None:
        """Process the calls up to *last*, none of which failed. Return the call that shows a fall, or None."""
        while self._at < last:
            self._open(self._at + 1, index)
            until = min(last, self._opens - 1)
            values = self._after_clean(until - self._at)
            if sum(values[: self._falls]) >= _ENOUGH_TO_FALL and until > after:
                return self._noticed(until - self._at, after)
            self._at, self._values = until, values
        return None

    def _noticed(self, run: int, after: int) -> int:
        """Return the first call after *after*, in a run without failures, at which a fall is detected."""
        low, high = max(0, after - self._at), run  # with each such call the sums only grow
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if self._falls_after(middle) >= _ENOUGH_TO_FALL else (middle, high)
        return self._at + high

    def _falls_after(self, run: int) -> float:
        """Return the total of the sums for a fall after further calls that did not fail."""
        sums = zip(self._values[: self._falls], self._steps_of(run), strict=False)
        return sum([value * grown + more for value, (grown, more, _, _) in sums])

    def _after_clean(self, run: int) -> list[float]:
        """Return the sums after *run* further calls that didn't fail."""
        sums = zip(self._values, self._steps_of(run), strict=True)
        return [value * grown + more for value, (grown, more, _, _) in sums]

    def _fail(self, position: int) -> bool:
        """Process the calls up to *position*, the only failed one. Return whether it shows a rise.

        No block may open before it.
        """
        sums = zip(self._values, self._steps_of(position - 1 - self._at), strict=True)
        self._values = [
            (value * grown + more + started) * failed for value, (grown, more, started, failed) in sums
        ]
        self._at = position
        return sum(self._values[self._falls :]) >= _ENOUGH_TO_RISE

    def _steps_of(self, run: int) -> list[tuple[float, float, float, float]]:
        """Return the effect on each sum of a run of calls without failures, and of a failed call after it."""
        known = self._steps.get(run)
        if known is None:
            sums = zip(self._sums, self._started, strict=True)
            known = [(*_grown(one, run, started), started, one.failed) for one, started in sums]
            self._steps[run] = known
        return known

    def _change(self, direction: Direction, alarm: int, index: int) -> Change:
        """Return the detected change. *index* is the number of all failed calls up to the alarm."""
        failed = self._failed[self._first_index : index]
        starts = [found for block in self._blocks for found in _starts(block, direction, failed, alarm)]
        start = max(starts)[1]
        k = bisect_left(self._failed, start) - self._first_index
        return Change(direction, start, alarm, start - self._start, k)


def _grown(one: _Sum, run: int, started: float) -> tuple[float, float]:
    """Return the factor of a sum after calls that did not fail, and the amount of the sums that start in them."""
    grown = exp(min(run * one.log_clean, _LARGEST_LOG))
    return grown, started * one.clean * (grown - 1) / (one.clean - 1)


def _starts(
    block: _Block, direction: Direction, failed: Sequence[int], alarm: int
) -> Iterator[tuple[float, int]]:
    """Yield the products of each sum of a block, as logarithms, with the call at which they start.

    The function tries only starts whose product can be the largest. A rise most likely begins with a failed call, and a
    fall with the call after one. The first and the last call that start a product in the block are also tried.
    """
    first, last = block.first, min(block.last, alarm)
    step = 0 if direction == "rise" else 1
    begun = {first, last} | {at + step for at in failed if first <= at + step <= last}
    starts = [(at, len(failed) - bisect_left(failed, at)) for at in begun]
    for one in block.rises if direction == "rise" else block.falls:
        for at, bad in starts:
            yield bad * one.log_failed + (alarm - at + 1 - bad) * one.log_clean, at
