# SPDX-License-Identifier: Apache-2.0
"""How the figures of a verdict are written, the same in its head, its tables and its plots."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from schema_guard.report.words import NO_DATA
from schema_guard.text import clip, interval, months, percent, plural

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Figures = Mapping[str, Any]

COLUMNS = ("pess", "point", "opt")

DAYS_A_MONTH = 365.25 / 12
_SEVERAL = 2
_MOST_NAMED = 3

# As the tuned model stands among the strategies.
TUNED = "(tuned model)"


def name_of(text: str) -> str:
    """Write a name that somebody else chose: cut where it is long."""
    return clip(text, 60)


def calls(count: float) -> str:
    """Write a number of calls.

    >>> calls(71413.3)
    '71,413'
    """
    return f"{count:,.0f}"


def share(part: float) -> str:
    """Write a share that somebody asked for, in as few digits as it has.

    >>> share(0.01), share(0.005)
    ('1%', '0.5%')
    """
    return f"{100 * part:.6g}%"


_MISSED = {"format": "calls failed", "right": "values were wrong", "latency": "calls were too slow"}


def missed(what: str, k: float, n: int, lower: float, limit: float) -> str:
    """Write the rate of a target that is proved to be missed.

    >>> missed("format", 30, 900, 0.016, 0.01)
    '30 of 900 calls failed (3.33%), proved above 1.60%; the limit is 1%'
    """
    return (
        f"{k:,.6g} of {n:,} {_MISSED[what]} ({percent(k / n)}), proved above {percent(lower)}; the limit is "
        f"{share(limit)}"
    )


def failed(rate: Figures) -> str:
    """Write how often calls failed, and what that proves.

    >>> failed({"k": 0, "n": 400, "rate": 0.0, "lower": 0.0, "upper": 0.0094, "state": "pass"})
    '0 of 400 calls failed (0.00%), proved below 0.94%'
    """
    if rate["rate"] is None:
        return "no data yet"
    unit = "inputs" if float(rate["k"]) % 1 else "calls"
    text = f"{rate['k']:,.6g} of {rate['n']:,} {unit} failed ({percent(rate['rate'])})"
    if "undecided" in rate:
        return f"{text}; {rate['undecided']}"
    if rate["lower"] is None or rate["state"] == "unrated":
        return text
    if not rate["lower"]:
        return f"{text}, proved below {percent(rate['upper'])}"
    return f"{text}; the true share is between {percent(rate['lower'])} and {percent(rate['upper'])}"


def payback(duration: float | None) -> str:
    """Write a payback; None is never."""
    return "never" if duration is None else months(duration)


def rate_of(figures: Figures) -> str:
    """Write a rate with its counts and bounds; without data it is none."""
    if figures["rate"] is None:
        return NO_DATA
    counts = f"{figures['k']:g}/{figures['n']}"
    return f"{counts} = {percent(figures['rate'])}  {interval(figures['lower'], figures['upper'])}"


def state_of(figures: Figures) -> str:
    """Write the state of a rate."""
    return str(figures["state"]).replace("_", " ")


def imported_of(figures: Figures) -> list[str]:
    """Say of each strategy whose calls were imported what part of the traffic they are."""
    imported = figures.get("traffic", {})
    named = len(figures.get("rates", imported)) > 1
    return [
        f"{name_of(name)}: {traffic['text']}" if named else str(traffic["text"])
        for name, traffic in imported.items()
    ]


def hazards_of(hazards: Sequence[float | None]) -> str:
    """Write how often attempt 1, 2, ... fails."""
    return " ".join("-" if hazard is None else percent(hazard) for hazard in hazards)


def time_text(duration: float) -> str:
    """Write a number of months: of less than two in days, of less than two days in hours."""
    days = duration * DAYS_A_MONTH
    if duration >= _SEVERAL:
        return months(duration)
    return plural(round(days), "day") if days >= _SEVERAL else plural(max(round(24 * days), 1), "hour")


def listed(names: Sequence[str]) -> str:
    """Write the first names, and how many more there are."""
    listed = ", ".join(clip(name, 40) for name in names[:_MOST_NAMED])
    return f"{listed} and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else listed
