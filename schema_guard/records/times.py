# SPDX-License-Identifier: Apache-2.0
"""The times of records as text, and as times of a calendar."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def moment(at: float, *, hours: bool = True) -> str:
    """Write a time in UTC, in the form that `--since` accepts.

    >>> moment(1_764_151_200), moment(1_764_151_200, hours=False)
    ('2025-11-26 10:00', '2025-11-26')
    """
    return time_of(at).isoformat(" ", "minutes")[: 16 if hours else 10]


def time_of(at: float) -> datetime:
    """Convert seconds since the epoch to a time in UTC, or to the nearest one that a calendar has.

    >>> time_of(1e15).year, time_of(-1e15).year
    (9999, 1)
    """
    try:
        return _EPOCH + timedelta(seconds=float(at))
    except OverflowError:
        return datetime(9999 if at > 0 else 1, 1, 1, tzinfo=UTC)
