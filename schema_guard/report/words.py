# SPDX-License-Identifier: Apache-2.0
"""How the figures of a report are written, the same on every page."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from schema_guard.stats import Rate

NO_DATA = "no data"
RECORDED = "as recorded"
EXCLUDED = "calls without a judged reply: they say nothing about the format, and are in no rate"
CAUSES = {
    "provider": "the provider's",
    "caller": "the caller's",
    "expected": "expected",
    "unknown": "unknown",
}
BOUNDS = "[lower, upper]: each side holds with 95 % at every look, however often you look; n counts calls"

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def readable(function: str) -> str:
    """Write the name of what was called: of a trial what it tried, for whom, and its id.

    >>> readable("playbook:01a216e48433:few_shot:shop.extract"), readable("playbook:01a216e48433:few_shot"), readable("shop.extract")
    ('few_shot for shop.extract, trial 01a216e48433', 'few_shot, trial 01a216e48433', 'shop.extract')
    """
    kind, _, name = function.partition(":")
    trial, _, tried = name.partition(":")
    if kind == "bench" and trial and not tried:
        return f"bench {trial}"
    if kind != "playbook" or not tried:
        return function
    step, _, whose = tried.partition(":")
    return f"{step} for {whose}, trial {trial}" if whose else f"{step}, trial {trial}"


def share(rate: float | None) -> str:
    """Write a fraction in percent, under a header that says so: one decimal and no sign.

    >>> share(0.125), share(None)
    ('12.5', 'no data')
    """
    return NO_DATA if rate is None else f"{100 * rate:.1f}"


def bounded(rate: Rate) -> str:
    """Write a rate and its bounds in percent: `12.5 [3.1, 30.2]`; without bounds the rate alone.

    >>> from schema_guard.stats import Rate
    >>> bounded(Rate(1, 2, 0.5, None, None)), bounded(Rate(0, 0, None, None, None))
    ('50.0', 'no data')
    """
    if rate.rate is None or rate.lower is None or rate.upper is None:
        return share(rate.rate)
    return f"{share(rate.rate)} [{share(rate.lower)}, {share(rate.upper)}]"


def points(difference: float | None, lower: float, upper: float) -> str:
    """Write a difference of rates and its bounds in points of percent.

    >>> points(0.125, -0.01, 0.25), points(None, -1, 1)
    ('+12.5 [-1.0, +25.0]', 'no data')
    """
    if difference is None:
        return NO_DATA
    return f"{100 * difference:+.1f} [{100 * lower:+.1f}, {100 * upper:+.1f}]"


def tokens(number: float | None) -> str:
    """Write a number of tokens; `?` where it is not known."""
    return "?" if number is None else f"{number:.0f}"


def moment(at: float, *, hours: bool = True) -> str:
    """Write a time, UTC, as `--since` takes it.

    >>> moment(1_764_151_200), moment(1_764_151_200, hours=False)
    ('2025-11-26 10:00', '2025-11-26')
    """
    return time_of(at).isoformat(" ", "minutes")[: 16 if hours else 10]


def time_of(at: float) -> datetime:
    """Give a time, UTC; what lies beyond all calendars as their edge.

    >>> time_of(1e15).year, time_of(-1e15).year
    (9999, 1)
    """
    try:
        return _EPOCH + timedelta(seconds=float(at))
    except OverflowError:
        return datetime(9999 if at > 0 else 1, 1, 1, tzinfo=UTC)
