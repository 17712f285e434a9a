# SPDX-License-Identifier: Apache-2.0
"""The rungs against the target: every rate with its bounds, and the rungs of which nothing is known.

Rules: those of `plots`. A rung that is not measured has a row of its own: no data is not a rate of 0.
"""

from __future__ import annotations

from math import log10
from typing import TYPE_CHECKING, Any, NamedTuple

from schema_guard.report.decision.words import TUNED
from schema_guard.report.drawing import (
    Plot,
    label_rows,
    mark_rows,
    new_figure,
    percent_tick,
    top_down,
    write_axis,
)
from schema_guard.report.inline_svg import COLOURS, inline_svg
from schema_guard.text import interval, percent, plural, safe, shortened

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    Figures = Mapping[str, Any]

NO_CALLS = "no strategy has a recorded call"
COLOUR_OF = {
    "pass": COLOURS["pass"],
    "fail": COLOURS["fail"],
    "inconclusive": COLOURS["open"],
    "unrated": COLOURS["muted"],
}
MARK_OF = {"pass": "o", "fail": "s", "inconclusive": "D", "unrated": "x"}
_STATES = {"inconclusive": "not decided", "unrated": "no rate of the traffic"}

# So many letters leave room for a rate and a state beside them.
_NAME_SIZE = 28

# Rows beyond these are no more to be read at a glance.
_MOST_ROWS = 12

# Over so many powers of ten there is room for the marks of the powers only.
_MANY_DECADES = 2.7

# A target within this share of the axis from its end.
_NEAR_EDGE = 0.15


class Rated(NamedTuple):
    """A rate with data, under the name that is shown."""

    name: str
    figures: Figures


def rates_plot(figures: Figures) -> Plot:
    """Draw every rate with its bounds against the target, and name what is not measured."""
    title, rated = "Against the target", rated_of(figures)
    if not rated:
        return Plot(title, "", None, NO_CALLS)
    target = figures["config"]["target"]
    shown = (
        sorted(rated, key=lambda one: -one.figures["lower"])[:_MOST_ROWS]
        if len(rated) > _MOST_ROWS
        else rated
    )
    left_out = len(rated) - len(shown)
    unmeasured = [step["rung"] for step in figures.get("ladder", ()) if step["status"] == "untested"]
    told = "; ".join(
        f"{name} {percent(found['rate'])} {interval(found['lower'], found['upper'])}, {found['state']}"
        for name, found in shown
    )
    more = [f"Not measured: {', '.join(unmeasured)}."] if unmeasured else []
    more += [f"{plural(left_out, 'more')} below, proved less bad."] if left_out else []
    return Plot(
        title,
        " ".join(
            [
                "Mark: the rate; line: its bounds. Circle: below the target, square: above, diamond: not decided.",
                "The scale is logarithmic, with what is too small at its left edge.",
                *more,
            ]
        ),
        inline_svg(
            lambda: _rates_figure(shown, target),
            name="rates",
            title=title,
            description=f"Target {percent(target)}. {told}.",
        ),
    )


def rated_of(figures: Figures) -> list[Rated]:
    """Give every rate with data under the name that is shown."""
    rates = figures.get("rates", figures.get("schemas", {}))
    found = [Rated(name, rate) for name, rate in zip(short_names(rates), rates.values(), strict=True)]
    if "tuned" in figures:
        found.append(Rated(TUNED, figures["tuned"]))
    return [rated for rated in found if rated.figures["rate"] is not None]


def short_names(names: Iterable[str]) -> list[str]:
    """Cut names that somebody else chose, so that no two come out alike."""
    return shortened([safe(name) for name in names], _NAME_SIZE)


def mark_1_2_5(axis: Axes) -> None:
    """Mark a logarithmic axis at 1, 2 and 5 of every power of ten, but for so many that they would touch."""
    from matplotlib.ticker import LogLocator

    low, high = axis.get_xlim()
    subs = (1.0, 2.0, 5.0) if log10(high / low) < _MANY_DECADES else (1.0,)
    axis.xaxis.set_major_locator(LogLocator(subs=subs, numticks=12))


def _rates_figure(rated: Sequence[Rated], target: float) -> Figure:
    figure, (axis,) = new_figure(66 + 40 * len(rated), left=24)
    positive = [found["rate"] for _, found in rated if found["rate"] > 0]
    left = min([target, *positive]) / 10
    right = min(max([target, *(found["upper"] for _, found in rated)]) * 1.3, 1.0)
    axis.set_xscale("log")
    axis.set_xlim(left, right)
    mark_1_2_5(axis)
    label_rows(
        axis,
        [
            f"{name}: {percent(found['rate'])}, {_STATES.get(found['state'], found['state'])}"
            for name, found in rated
        ],
    )
    for row, (_, found) in top_down(rated):
        colour, mark = COLOUR_OF[found["state"]], MARK_OF[found["state"]]
        axis.plot(
            [max(found["lower"], left), found["upper"]], [row, row], color=colour, linewidth=3, alpha=0.55
        )
        axis.plot(max(found["rate"], left), row, mark, color=colour, markersize=8)
    mark_rows(axis, target, len(rated))
    axis.annotate(
        f"target {percent(target)}",
        (target, 1),
        (0, 6),
        xycoords=axis.get_xaxis_transform(),
        textcoords="offset points",
        # Near an edge the name grows away from it.
        ha="right" if log10(right / target) < log10(right / left) * _NEAR_EDGE else "center",
        va="bottom",
    )
    axis.set_xlabel("calls that stay unhandled")
    write_axis(axis, "x", percent_tick)
    return figure
