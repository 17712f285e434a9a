# SPDX-License-Identifier: Apache-2.0
"""How the figures of a verdict are written, the same in its head, its tables and its plots."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from schema_guard.report.words import NO_DATA
from schema_guard.text import clip, interval, months, percent

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Figures = Mapping[str, Any]

COLUMNS = ("pess", "point", "opt")

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
        f"{name_of(name)}: {one['text']}" if named else str(one["text"]) for name, one in imported.items()
    ]


def hazards_of(hazards: Sequence[float | None]) -> str:
    """Write how often attempt 1, 2, ... fails."""
    return " ".join("-" if hazard is None else percent(hazard) for hazard in hazards)
