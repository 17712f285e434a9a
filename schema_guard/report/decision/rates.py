# SPDX-License-Identifier: Apache-2.0
"""The steps against the target: every rate with its bounds, and the steps of which nothing is known.

Rules: those of `plots`. A step that is not measured has a row of its own: no data is not a rate of 0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from schema_guard.report.decision.words import TUNED
from schema_guard.report.drawing import Plot, RateRow, rates_figure
from schema_guard.report.inline_svg import COLOURS, inline_svg
from schema_guard.text import interval, percent, plural, safe, shortened

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    Figures = Mapping[str, Any]

NO_CALLS = "no strategy has a recorded call"
COLOUR_OF = {
    "pass": COLOURS["pass"],
    "fail": COLOURS["fail"],
    "inconclusive": COLOURS["open"],
    "unrated": COLOURS["muted"],
}
MARK_OF = {"pass": "o", "fail": "s", "inconclusive": "D", "unrated": "x"}
_STATES = {
    "pass": "below",
    "fail": "above",
    "inconclusive": "not decided",
    "unrated": "no rate of the traffic",
}

# So many letters leave room for a rate and a state beside them.
_NAME_SIZE = 26

# Rows beyond these are no more to be read at a glance.
_MOST_ROWS = 12


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
    unmeasured = [row["rung"] for row in figures.get("ladder", ()) if row["status"] == "untested"]
    description = "; ".join(
        f"{name} {percent(rate['rate'])} {interval(rate['lower'], rate['upper'])}, {rate['state']}"
        for name, rate in shown
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
            lambda: rates_figure([_row(*row) for row in shown], "calls that fail", target=target),
            name="rates",
            title=title,
            description=f"Target {percent(target)}. {description}.",
        ),
    )


def rated_of(figures: Figures) -> list[Rated]:
    """Give every rate with data under the name that is shown."""
    rates = figures.get("rates", figures.get("schemas", {}))
    rows = [Rated(name, rate) for name, rate in zip(short_names(rates), rates.values(), strict=True)]
    if "tuned" in figures:
        rows.append(Rated(TUNED, figures["tuned"]))
    return [rated for rated in rows if rated.figures["rate"] is not None]


def short_names(names: Iterable[str]) -> list[str]:
    """Cut names that somebody else chose, so that no two come out alike."""
    return shortened([safe(name) for name in names], _NAME_SIZE)


def _row(name: str, rate: Figures) -> RateRow:
    state = rate["state"]
    return RateRow(
        f"{name}: {percent(rate['rate'])}, {_STATES[state]}",
        rate["rate"],
        rate["lower"],
        rate["upper"],
        COLOUR_OF[state],
        MARK_OF[state],
    )
