# SPDX-License-Identifier: Apache-2.0
"""Early stop: whether the replies of a function, or of a recorded configuration, are stopped before their end.

A stopped reply fails for its first fault, and a whole reply for all of its faults. So kinds, codes, and places of
failures are not compared between calls that stop and calls that don't. Rates are compared, because no valid reply is
ever stopped.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from schema_guard.configuration.recorded_settings import parsed

if TYPE_CHECKING:
    from schema_guard.limits import Limits

EARLY_STOP: Final = "early_stop"
"""The key of the settings. Its value is true if schema_guard stops streams; other settings lack the key."""

NOT_COMPARED: Final = (
    "calls with and without early_stop are not compared by kinds and places of failures, because a stopped reply shows "
    "only its first fault"
)
"""The note in place of an omitted comparison."""


def stopping(early_stop: bool, limits: Limits, *, observe: bool) -> tuple[bool, Limits]:
    """Return whether a function may stop its streams, and its limits. An observed function never stops a reply."""
    if not observe or limits.max_repeats is None:
        return early_stop and not observe, limits
    from dataclasses import replace  # rarely needed, and it imports inspect

    return False, replace(limits, max_repeats=None)


def stops_early(settings: str | None) -> bool:
    """Return whether calls of a configuration stop replies that can no longer become valid.

    >>> stops_early('{"early_stop":true,"max_attempts":3}'), stops_early('{"max_attempts":3}'), stops_early(None)
    (True, False, False)
    """
    return parsed(settings).get(EARLY_STOP) is True


def stops_replies(settings: str | None) -> bool:
    """Return whether calls of a configuration stop any replies: as `stops_early`, or replies that repeat themselves.

    The kind of a failure is the same for a stopped and a whole reply that repeats itself.

    >>> stops_replies('{"early_stop":true}'), stops_replies('{"limits":{"max_repeats":6}}'), stops_replies("[]")
    (True, True, False)
    """
    limits = parsed(settings).get("limits")
    return stops_early(settings) or (isinstance(limits, dict) and limits.get("max_repeats") is not None)
