# SPDX-License-Identifier: Apache-2.0
"""Has a failure rate risen? A detector that is asked after every call.

Rules: The first call that it sees comes after the given baseline. False alarms are as rare as agreed, however the rate
moves below the baseline.
"""

from __future__ import annotations

from numbers import Real
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from schema_guard.errors import InvalidArgument
from schema_guard.stats.checks import fraction
from schema_guard.text import clip

if TYPE_CHECKING:
    from collections.abc import Iterable

_RISES = (2, 4, 8)
_LARGEST_BASELINE = 0.5

# Sums up to it stay finite after one more call. A smaller alpha has no further effect.
_LARGEST_THRESHOLD = 1e300

_Sums: TypeAlias = tuple[float, float, float]


class _Ratio(NamedTuple):
    """How much likelier a raised rate makes a failed call, and one that is not failed."""

    failed: float
    ok: float


_Ratios: TypeAlias = tuple[_Ratio, _Ratio, _Ratio]


class Drift:
    """A monitor that raises an alarm if a failure rate rises above a baseline.

    While the rate stays at or below *p0*, the mean number of calls before a false alarm is at least 1/alpha. The
    monitor detects a rise fastest if the new rate is 2, 4, or 8 times *p0*. The monitor stops after the alarm, because
    the new rate needs a new baseline and a new monitor. Don't use one monitor in several threads at the same time.

    Args:
        p0: Highest acceptable failure rate, fixed before the first call: the upper bound of the baseline, or the
            target. The value must be above 0 and below 0.5, because the monitor looks for rates of at least twice *p0*.
        alpha: Reciprocal of the smallest acceptable mean number of calls before a false alarm, in (0, 1).

    Attributes:
        calls: Number of counted calls. The monitor stops counting at the alarm.
        alarm_at: Number of the call that raised the alarm, or None if there was no alarm. The first call is 1.

    Raises:
        InvalidArgument: The value of *p0* or *alpha* is out of its range.

    Source: Shin, Ramdas & Rinaldo (2024), E-detectors, NEJSDS 2(2):229-260. For each raised rate, the monitor updates
    the Shiryaev-Roberts sum M to LR (M + 1). In this formula, LR is the likelihood ratio of the call. The monitor
    raises the alarm when the mean of these sums reaches 1/alpha.

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
            InvalidArgument: The value of *failed* is neither True nor False.
        """
        if failed not in (True, False):
            raise InvalidArgument(f"failed={clip(repr(failed))}: expected True or False")
        if self.alarm_at is None:
            self.calls += 1
            self._sums = _after(self._sums, failed, self._ratios)
            if sum(self._sums) >= self._threshold:
                self.alarm_at = self.calls
        return self.alarm_at is not None


def packed(failed: Iterable[bool]) -> bytes:
    """Pack the outcomes of calls into bits, with eight bits in each byte.

    A 1 means a failed call. The first call is the highest bit of the first byte. The unused bits of the last byte are
    0.

    >>> packed([True, False, False, False, False, False, False, True, True]).hex()
    '8180'
    """
    digits = "".join("1" if one else "0" for one in failed)
    size = (len(digits) + 7) // 8
    # A base that is a power of 2 is read in linear time.
    return int(digits.ljust(8 * size, "0") or "0", base=2).to_bytes(size, "big")


def unpacked(bits: bytes, n: int) -> list[int]:
    """Return the numbers of the failed calls in a result of `packed`. The first call is 1.

    Args:
        bits: The bytes that `packed` returned.
        n: Number of calls. The function ignores the unused bits of the last byte.

    >>> unpacked(bytes.fromhex("8180"), 9)
    [1, 8, 9]
    """
    found = [8 * index + shift for index, byte in enumerate(bits) if byte for shift in _SET[byte]]
    while found and found[-1] > n:
        found.pop()
    return found


_SET = tuple(tuple(shift for shift in range(1, 9) if byte >> (8 - shift) & 1) for byte in range(256))


def _after(sums: _Sums, failed: bool, ratios: _Ratios) -> _Sums:
    """Return the sums after one more call."""
    (sum_1, sum_2, sum_3), (one, two, three) = sums, ratios
    if failed:
        return one.failed * (sum_1 + 1), two.failed * (sum_2 + 1), three.failed * (sum_3 + 1)
    return one.ok * (sum_1 + 1), two.ok * (sum_2 + 1), three.ok * (sum_3 + 1)


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
