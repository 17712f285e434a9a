# SPDX-License-Identifier: Apache-2.0
"""Buckets for durations and lengths: exact below 64, then 1/32 to 1/63 of the number wide."""

from __future__ import annotations

# Leading bits of a bucket's lower end. The width of a bucket is 1/32 to 1/63 of its lower end.
_BUCKET_BITS = 6


def bucket(number: int) -> int:
    """Return the least number of the bucket of a number, in microseconds or in bytes.

    Exact below 64. Above, the middle of a bucket is within 1/64 of everything in it.

    >>> bucket(63), bucket(1_000_000)
    (63, 999424)
    """
    spare = max(0, number.bit_length() - _BUCKET_BITS)
    return number >> spare << spare


def middle(lower: int) -> float:
    """Return the middle of a bucket.

    >>> middle(63), middle(999_424)
    (63.0, 1007615.5)
    """
    return lower + ((1 << max(0, lower.bit_length() - _BUCKET_BITS)) - 1) / 2
