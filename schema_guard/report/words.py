# SPDX-License-Identifier: Apache-2.0
"""How the figures of a report are written, the same on every page."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING

from schema_guard.decide.exclusions import FEWEST_UNKNOWN
from schema_guard.pointer import pointer
from schema_guard.text import clip

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from schema_guard.decide.failing_places import FailingPlace
    from schema_guard.records.counts.configurations import ExcludedCalls
    from schema_guard.report.figures import ExcludedFigures
    from schema_guard.stats import Rate

NO_DATA = "no data"
RECORDED = "as recorded"
EXCLUDED = "calls without a model reply, which don't count in any rate"
CAUSES = {
    "provider": "the provider's",
    "caller": "the caller's",
    "expected": "expected",
    "unknown": "unknown",
}
BOUNDS = "[low, high]: each limit holds with 95% confidence, at any time; n: number of calls"

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


def failing(places: Iterable[FailingPlace]) -> str:
    """Write the places at which most failed replies fail, with their counts.

    >>> from schema_guard.decide.failing_places import FailingPlace
    >>> failing([FailingPlace("/lines/*/price", "minimum", 95, 100), FailingPlace(None, "max_tokens", 30, 100)])
    '/lines/*/price (minimum) in 95 of 100 failed replies, the whole reply (max_tokens) in 30'
    """
    first, *others = [
        (f"{'the whole reply' if one.place is None else clip(pointer(one.place))} ({clip(one.code)})", one)
        for one in places
    ]
    text = (
        f"{first[0]} in {first[1].k:,} of {first[1].n:,} failed {'reply' if first[1].n == 1 else 'replies'}"
    )
    return ", ".join([text, *(f"{name} in {one.k:,}" for name, one in others)])


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


def excluded_cell(ways: Iterable[ExcludedFigures | ExcludedCalls]) -> str:
    """Write a number of excluded calls, and how many of them have an unknown cause, from five on.

    >>> from schema_guard.records.counts.configurations import ExcludedCalls
    >>> excluded_cell([ExcludedCalls("call_raised", "KeyError", 7), ExcludedCalls("expected", None, 2)])
    '9 (7 unknown)'
    """
    listed = list(ways)
    unknown = sum(way.calls for way in listed if way.cause == "unknown")
    calls = f"{sum(way.calls for way in listed):,}"
    return calls if unknown < FEWEST_UNKNOWN else f"{calls} ({unknown:,} unknown)"


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


def shortened(names: Sequence[str], size: int = 80) -> list[str]:
    """Cut names to *size* characters in their middle, so that no two different ones come out alike.

    >>> shortened(["shop.orders.extract_invoice", "shop.orders.extract_receipt", "triage"], 16)
    ['shop.…ct_invoice', 'shop.…ct_receipt', 'triage']
    """
    short_names = {name: _cut(name, size, "…") for name in names}
    counts = list(short_names.values())
    for name, short_name in short_names.items():
        if short_name != name and counts.count(short_name) > 1:
            short_names[name] = _cut(name, size, f"…{_digits(name)}…")
    return [short_names[name] for name in names]


def _cut(name: str, size: int, mark: str) -> str:
    if len(name) <= size:
        return name
    # An end tells more than a beginning: functions of one module begin alike.
    head = (size - len(mark)) // 3
    return name[:head] + mark + name[len(name) - (size - len(mark) - head) :]


def _digits(name: str) -> str:
    return sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:6]
