# SPDX-License-Identifier: Apache-2.0
"""Excluded calls: whose fault they are, and when it matters that nobody knows.

Rules: a call without a judged reply says nothing about the format, and its number and cause stand beside every rate.
The provider's faults, the caller's and expected ones never alarm. The others may be failures of the model that nobody
could see: where they are more than the target's share of all calls, no rate can be trusted before they are explained.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from schema_guard.configuration.excluded_calls import ways_of
from schema_guard.text import clip

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["FEWEST_UNKNOWN", "Unexplained", "unexplained"]

FEWEST_UNKNOWN = 5
"""Fewer calls of unknown cause may be bad luck."""

_NO_REPLY = "no_reply"
_NAMELESS = "an exception without a recorded type"


class Unexplained(NamedTuple):
    """Calls of which nobody knows whose fault they are, where these are too many.

    Attributes:
        calls: How many.
        of: Of all calls, those with a judged reply and those without.
        exceptions: Names of the types that were raised with their calls, the most frequent first.
        no_reply: Calls that raised nothing and gave no reply.
    """

    calls: int
    of: int
    exceptions: tuple[tuple[str, int], ...]
    no_reply: int

    @property
    def text(self) -> str:
        """All of it in words: `150 of 300 calls raised ValueError (100), KeyError (50)`."""
        names = [
            f"{clip(name)} ({calls:,})" if len(self.exceptions) > 1 or self.no_reply else clip(name)
            for name, calls in self.exceptions
        ]
        parts = [f"raised {', '.join(names)}"] if names else []
        if self.no_reply:
            parts.append(f"gave no reply ({self.no_reply:,})" if names else "gave no reply")
        return f"{self.calls:,} of {self.of:,} calls {' or '.join(parts)}"


def unexplained(
    excluded: Iterable[tuple[str, str | None, int]], judged: int, target: float
) -> Unexplained | None:
    """Return the calls of unknown cause; None if they are few, or no more than the target's share of all calls.

    Args:
        excluded: Code, exception's type and number of calls without a validated reply.
        judged: Calls with one.
        target: The share of calls that may fail.
    """
    ways = ways_of(excluded)
    unknown = [way for way in ways if way.cause == "unknown"]
    calls = sum(way.calls for way in unknown)
    of = judged + sum(way.calls for way in ways)
    if calls < FEWEST_UNKNOWN or calls <= target * of:
        return None
    named: Counter[str] = Counter()
    for way in unknown:
        if way.code != _NO_REPLY:
            named[way.exception or _NAMELESS] += way.calls
    return Unexplained(calls, of, tuple(named.most_common()), calls - named.total())
