# SPDX-License-Identifier: Apache-2.0
"""Has a failure rate risen? A detector that is asked after every call.

Rules: the first call that it sees comes after the baseline that it is given; a false alarm costs no more
than was agreed, however the rate moves below the baseline; one call at a time and a long record at once
give the same alarm at the same call.
"""

from __future__ import annotations

from functools import lru_cache
from numbers import Real
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from schema_guard.errors import InvalidArgument
from schema_guard.stats.checks import count, fraction
from schema_guard.text import clip

if TYPE_CHECKING:
    from collections.abc import Iterable

_RISES = (2, 4, 8)
_LARGEST_BASELINE = 0.5

# Sums below it stay finite whatever eight calls do to them; an alpha that asks for more asks in vain.
_LARGEST_THRESHOLD = 1e300

# More than the two ways to add up 10^8 calls can differ by: a few roundings, of 1e-16 each, a call.
_SLACK = 1e-6

_Sums: TypeAlias = tuple[float, float, float]


class _Ratio(NamedTuple):
    """How much likelier a raised rate makes a failed call, and one that is not failed."""

    failed: float
    ok: float


_Ratios: TypeAlias = tuple[_Ratio, _Ratio, _Ratio]


class _ByteStep(NamedTuple):
    """What eight calls do to the three sums, M -> growth M + gain, and the total up to which none alarms."""

    growth_1: float
    gain_1: float
    growth_2: float
    gain_2: float
    growth_3: float
    gain_3: float
    safe: float


class Drift:
    """A monitor that raises an alarm if a failure rate is above a baseline.

    While the rate stays at or below *p0*, the mean number of calls to a false alarm is at least 1/alpha. The monitor
    is fastest for rates that rise to 2, 4, or 8 times *p0*. The monitor stops after the alarm, because the new rate
    needs a new baseline and a new monitor. The monitor isn't safe for several threads at once.

    Args:
        p0: Failure rate that is still good, fixed before the first call: the upper bound of the baseline, or the
            target. It must be above 0 and below 0.5, because the monitor looks for rates of at least twice *p0*.
        alpha: Reciprocal of the mean number of calls to a false alarm, in (0, 1).

    Attributes:
        calls: Number of calls, up to the alarm.
        alarm_at: Number of the call that raised the alarm, from 1. None before an alarm.

    Raises:
        InvalidArgument: *p0* or *alpha* is out of its range.

    Source: Shin, Ramdas & Rinaldo (2024), E-detectors, NEJSDS 2(2):229-260: the Shiryaev-Roberts sum M = LR (M + 1)
    for each raised rate. The monitor raises the alarm when the mean of these sums reaches 1/alpha.

    >>> drift = Drift(0.02)
    >>> [drift.update(failed) for failed in (False, True, True, True, True, True)]
    [False, False, False, False, False, True]
    """

    __slots__ = ("_ratios", "_sums", "_threshold", "alarm_at", "calls")

    def __init__(self, p0: float, *, alpha: float = 1e-4) -> None:
        self._ratios, self._threshold = _plan(p0, alpha)
        self._sums: _Sums = (0.0, 0.0, 0.0)
        self.calls = 0
        self.alarm_at: int | None = None

    def update(self, failed: bool) -> bool:
        """Count one call, and return whether this call or an earlier one raised the alarm.

        Raises:
            InvalidArgument: *failed* is neither true nor false.
        """
        if failed not in (True, False):
            raise InvalidArgument(f"failed={clip(repr(failed))}: expected True or False")
        if self.alarm_at is None:
            self.calls += 1
            self._sums = _after(self._sums, failed, self._ratios)
            if sum(self._sums) >= self._threshold:
                self.alarm_at = self.calls
        return self.alarm_at is not None


def first_alarm(bits: bytes, n: int, p0: float, *, alpha: float = 1e-4) -> int | None:
    """Return the number of the call at which `Drift` raises its alarm, or None without an alarm.

    The result is the same as with `Drift(p0, alpha=alpha).update` for each call in turn. A run over 10^7 calls takes
    half a second.

    Args:
        bits: Calls in order, as `packed` returns them. A bit of 1 is a failed call, and the first call is the highest
            bit of the first byte.
        n: Number of calls, at most eight for each byte. The function ignores further bits of the last byte.
        p0: See `Drift`.
        alpha: See `Drift`.

    Returns:
        The number of the call, from 1.

    Raises:
        InvalidArgument: *p0*, *alpha*, or *n* is out of its range.

    >>> first_alarm(packed([False] + 5 * [True]), 6, 0.02)
    6
    """
    ratios, threshold = _plan(p0, alpha)
    n = count("n", n, "the calls that the bits hold")
    if n > 8 * len(bits):
        raise InvalidArgument(
            f"n={n}: expected at most {8 * len(bits)}, because each byte of bits contains 8 calls"
        )
    number = _reached(bits[: (n + 7) // 8], ratios, threshold)
    return number if number is not None and number <= n else None


def packed(failed: Iterable[bool]) -> bytes:
    """Pack calls into bits, eight in each byte. A bit of 1 is a failed call, and the first call is the highest bit.

    The unused bits of the last byte are 0.

    >>> packed([True, False, False, False, False, False, False, True, True]).hex()
    '8180'
    """
    digits = "".join("1" if one else "0" for one in failed)
    size = (len(digits) + 7) // 8
    # A base that is a power of 2 is read in linear time.
    return int(digits.ljust(8 * size, "0") or "0", base=2).to_bytes(size, "big")


def unpacked(bits: bytes, n: int) -> list[int]:
    """Return the numbers of the failed calls in bits from `packed`. The first call is 1.

    Args:
        bits: Bits, as `packed` returns them.
        n: Number of calls. The function ignores further bits of the last byte.

    >>> unpacked(bytes.fromhex("8180"), 9)
    [1, 8, 9]
    """
    found = [8 * index + shift for index, byte in enumerate(bits) if byte for shift in _SET[byte]]
    while found and found[-1] > n:
        found.pop()
    return found


_SET = tuple(tuple(shift for shift in range(1, 9) if byte >> (8 - shift) & 1) for byte in range(256))


def _reached(bits: bytes, ratios: _Ratios, threshold: float) -> int | None:
    """Return the number of the first call at which the sums together reach the threshold.

    Eight calls in one step round otherwise than one by one do. Where that could matter, which is within
    _SLACK of the threshold, all is done again one by one.
    """
    doubtful, sure = threshold * (1 - _SLACK), threshold * (1 + _SLACK)
    steps = _byte_steps(ratios, doubtful)
    sum_1 = sum_2 = sum_3 = 0.0
    for index, byte in enumerate(bits):
        growth_1, gain_1, growth_2, gain_2, growth_3, gain_3, safe = steps[byte]
        if sum_1 + sum_2 + sum_3 < safe:
            sum_1 = growth_1 * sum_1 + gain_1
            sum_2 = growth_2 * sum_2 + gain_2
            sum_3 = growth_3 * sum_3 + gain_3
            continue
        number, sums = _through_byte((sum_1, sum_2, sum_3), byte, ratios, doubtful)
        if number is not None:
            return 8 * index + number if sum(sums) >= sure else _reached_one_by_one(bits, ratios, threshold)
        sum_1, sum_2, sum_3 = sums
    return None


def _reached_one_by_one(bits: bytes, ratios: _Ratios, threshold: float) -> int | None:
    """Return what `_reached` does, with the roundings of `Drift.update`."""
    sums = (0.0, 0.0, 0.0)
    for index, byte in enumerate(bits):
        number, sums = _through_byte(sums, byte, ratios, threshold)
        if number is not None:
            return 8 * index + number
    return None


def _through_byte(sums: _Sums, byte: int, ratios: _Ratios, threshold: float) -> tuple[int | None, _Sums]:
    """Return the number, 1 to 8, of the first call of a byte that reaches the threshold, and the sums there.

    Without such a call the number is None and the sums are those after the byte.
    """
    for number in range(1, 9):
        sums = _after(sums, bool(byte >> (8 - number) & 1), ratios)
        if sum(sums) >= threshold:
            return number, sums
    return None, sums


def _after(sums: _Sums, failed: bool, ratios: _Ratios) -> _Sums:
    """Return the sums after one more call."""
    (sum_1, sum_2, sum_3), (one, two, three) = sums, ratios
    if failed:
        return one.failed * (sum_1 + 1), two.failed * (sum_2 + 1), three.failed * (sum_3 + 1)
    return one.ok * (sum_1 + 1), two.ok * (sum_2 + 1), three.ok * (sum_3 + 1)


@lru_cache(maxsize=8)
def _byte_steps(ratios: _Ratios, threshold: float) -> tuple[_ByteStep, ...]:
    """Return the step of each of the 256 bytes."""
    return tuple(_byte_step(byte, ratios, threshold) for byte in range(256))


def _byte_step(byte: int, ratios: _Ratios, threshold: float) -> _ByteStep:
    """Give what a byte does, by what it does to sums of 0 and to their growth.

    After each of its calls the total is at most the largest growth times the total before it, plus the
    gains: so it stays below the threshold where the total before is small enough.
    """
    gains: _Sums = (0.0, 0.0, 0.0)
    growths = [1.0, 1.0, 1.0]
    most_gained = most_grown = 0.0
    for shift in range(7, -1, -1):
        failed = bool(byte >> shift & 1)
        gains = _after(gains, failed, ratios)
        growths = [
            growth * (ratio.failed if failed else ratio.ok)
            for growth, ratio in zip(growths, ratios, strict=True)
        ]
        most_gained = max(most_gained, sum(gains))
        most_grown = max(most_grown, *growths)
    growth_1, growth_2, growth_3 = growths
    gain_1, gain_2, gain_3 = gains
    safe = (threshold - most_gained) / most_grown
    return _ByteStep(growth_1, gain_1, growth_2, gain_2, growth_3, gain_3, safe)


def _plan(p0: float, alpha: float) -> tuple[_Ratios, float]:
    """Return the ratios of the three raised rates, and what their sums have to reach together.

    A raised rate that would be 1 or more has ratios of 0: its sum stays 0.
    """
    if not isinstance(p0, Real) or not 0 < float(p0) < _LARGEST_BASELINE:
        raise InvalidArgument(
            f"p0={clip(repr(p0))}: expected a number above 0 and below 0.5, so that the rate can double"
        )
    p0, alpha = float(p0), fraction("alpha", alpha)
    one, two, three = (
        _Ratio(rise * p0 / p0, (1 - rise * p0) / (1 - p0)) if rise * p0 < 1 else _Ratio(0.0, 0.0)
        for rise in _RISES
    )
    watched = sum(rise * p0 < 1 for rise in _RISES)
    return (one, two, three), min(watched / alpha, _LARGEST_THRESHOLD)
