# SPDX-License-Identifier: Apache-2.0
"""Excluded calls: calls without a validated reply, by the way in which they ended and the party at fault."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Literal, NamedTuple, TypeAlias

Cause: TypeAlias = Literal["provider", "caller", "expected", "unknown"]

CAUSES: dict[str, Cause] = {
    "provider_error": "provider",
    "stream_cut": "provider",
    "cancelled": "caller",
    "expected": "expected",
}
"""The party at fault for a failure code of the kind `transport`; `unknown` for every other code."""


def cause_of(code: str) -> Cause:
    """Return the party at fault for a code of the kind `transport`.

    >>> cause_of("stream_cut"), cause_of("call_raised")
    ('provider', 'unknown')
    """
    return CAUSES.get(code, "unknown")


class ExcludedCalls(NamedTuple):
    """Excluded calls that ended in one way.

    Attributes:
        code: Code of the failure.
        exception: Name of the exception's type. None if it is unknown.
        calls: Number of calls, without a validated reply.
    """

    code: str
    exception: str | None
    calls: int

    @property
    def cause(self) -> Cause:
        """The party at fault."""
        return cause_of(self.code)


def ways_of(excluded: Iterable[tuple[str, str | None, int]]) -> tuple[ExcludedCalls, ...]:
    """Add up excluded calls that ended in one way: most frequent first, equal ones by name."""
    counts: Counter[tuple[str, str | None]] = Counter()
    for code, exception, calls in excluded:
        counts[code, exception] += calls
    counted = (ExcludedCalls(code, exception, calls) for (code, exception), calls in counts.items())
    return tuple(sorted(counted, key=lambda count: (-count.calls, count.code, count.exception or "")))
