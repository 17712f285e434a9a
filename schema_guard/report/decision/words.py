# SPDX-License-Identifier: Apache-2.0
"""How the figures of a verdict are written, the same in its head, its tables and its plots."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from schema_guard.decide.breaches import failed_text
from schema_guard.decide.economics import months
from schema_guard.report.words import NO_DATA, readable
from schema_guard.text import clip, interval, percent, plural

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Figures = Mapping[str, Any]

COLUMNS = ("pess", "point", "opt")

ALPHA = 0.05

DAYS_A_MONTH = 365.25 / 12
_SEVERAL = 2
_MOST_NAMED = 3

# As the tuned model stands among the strategies.
TUNED = "(tuned model)"


def name_of(text: str) -> str:
    """Write a name that somebody else chose, with a trial in words, and cut it if it is long."""
    return clip(" ".join(map(readable, text.split(" "))), 60)


def calls(count: float) -> str:
    """Write a number of calls.

    >>> calls(71413.3)
    '71,413'
    """
    return f"{count:,.0f}"


def failed(rate: Figures, target: float = 1.0, alpha: float = ALPHA) -> str:
    """Write how often calls failed, with the bounds of the true rate.

    >>> failed({"k": 0, "n": 400, "rate": 0.0, "lower": 0.0, "upper": 0.0094, "state": "pass"})
    '0% of calls failed (0 of 400; at most 0.94% with 95% confidence)'
    """
    if rate["rate"] is None:
        return "no data yet"
    what = "inputs failed" if float(rate["k"]) % 1 else "calls failed"
    bounds = []
    if rate["lower"] is not None and rate["state"] != "unrated" and "undecided" not in rate:
        bounds += [f"at least {percent(rate['lower'], -1, target)}"] if rate["lower"] else []
        bounds += [f"at most {percent(rate['upper'], 1, target)}"] if rate["upper"] < 1 else []
    text = failed_text(rate["k"], rate["n"], *bounds, alpha=alpha, what=what, target=target)
    return f"{text}; {rate['undecided']}" if "undecided" in rate else text


def payback(duration: float | None) -> str:
    """Write a payback; None is never."""
    return "never" if duration is None else months(duration)


def rate_of(figures: Figures) -> str:
    """Write a rate with its counts and bounds; without data it is none."""
    if figures["rate"] is None:
        return NO_DATA
    counts = f"{figures['k']:,.6g}/{figures['n']:,}"
    return f"{counts} = {percent(figures['rate'])} {interval(figures['lower'], figures['upper'])}"


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
