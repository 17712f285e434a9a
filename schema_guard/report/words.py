# SPDX-License-Identifier: Apache-2.0
"""The figures and names of a report as text, the same in every form."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

from schema_guard.decide.failures import FEWEST_UNKNOWN
from schema_guard.pointer import pointer
from schema_guard.text import clip, interval, percent

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from schema_guard.configuration.excluded_calls import ExcludedCalls
    from schema_guard.decide.failures import FailingPlace
    from schema_guard.stats import Rate

NO_DATA = "no data"
RECORDED = "as recorded"
EXCLUDED = "calls without a model reply, which are not counted in any rate"
BOUNDS = "[low, high]: each bound holds with 95% confidence, at any time. n: number of calls"


def readable(function: str) -> str:
    """Write the name of a function, or the step, the function, and the id of a trial.

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

    >>> from schema_guard.decide.failures import FailingPlace
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


def known_percent(rate: float | None) -> str:
    """Write a fraction in percent, or that there is no data."""
    return NO_DATA if rate is None else percent(rate)


def bounded(rate: Rate) -> str:
    """Write a rate and its bounds in percent. Without bounds, write only the rate.

    >>> from schema_guard.stats import Rate
    >>> bounded(Rate(1, 2, 0.5, 0.031, 0.9)), bounded(Rate(1, 2, 0.5, None, None)), bounded(Rate(0, 0, None, None, None))
    ('50% [3.1, 90]', '50%', 'no data')
    """
    if rate.rate is None or rate.lower is None or rate.upper is None:
        return known_percent(rate.rate)
    return f"{percent(rate.rate)} {interval(rate.lower, rate.upper).replace('%', '')}"


def large(count: float) -> str:
    """Write a count that may be large: whole below a million, in millions and billions above.

    >>> large(9990), large(12_500_000), large(2e9)
    ('9,990', '12.5 million', '2.0 billion')
    """
    for size, word in ((1e9, "billion"), (1e6, "million")):
        if count >= size:
            return f"{count / size:,.1f} {word}"
    return f"{count:,.0f}"


def excluded_cell(ways: Iterable[ExcludedCalls]) -> str:
    """Write a number of excluded calls, and how many of them have an unknown cause, from five on.

    >>> from schema_guard.configuration.excluded_calls import ExcludedCalls
    >>> excluded_cell([ExcludedCalls("call_raised", "KeyError", 7), ExcludedCalls("expected", None, 2)])
    '9 (7 unknown)'
    """
    listed = list(ways)
    unknown = sum(way.calls for way in listed if way.cause == "unknown")
    calls = f"{sum(way.calls for way in listed):,}"
    return calls if unknown < FEWEST_UNKNOWN else f"{calls} ({unknown:,} unknown)"


def points(difference: float | None, lower: float, upper: float) -> str:
    """Write a difference of rates and its bounds in percentage points.

    >>> points(0.125, -0.0123, 0.25), points(None, -1, 1)
    ('+12 [-1.3, +25]', 'no data')
    """
    if difference is None:
        return NO_DATA
    shown = (percent(part, side)[:-1] for part, side in ((difference, 0), (lower, -1), (upper, 1)))
    middle, low, high = (text if text[0] in "-0" else f"+{text}" for text in shown)
    return f"{middle} [{low}, {high}]"


def tokens(number: float | None) -> str:
    """Write a number of tokens, or `unknown`."""
    return "unknown" if number is None else f"{number:,.0f}"


def shortened(names: Sequence[str], size: int = 80) -> list[str]:
    """Shorten names to *size* characters in their middle. Different names stay different.

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
    # More of the end stays, because functions of one module begin alike.
    head = (size - len(mark)) // 3
    return name[:head] + mark + name[len(name) - (size - len(mark) - head) :]


def _digits(name: str) -> str:
    return sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:6]
