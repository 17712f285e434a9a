# SPDX-License-Identifier: Apache-2.0
"""The plots of a verdict: rates and monthly costs.

A plot shows only figures of the verdict, and its description has the same figures in words. If data is missing, the page
names it instead. No plot depends on colour alone, because states differ by their marks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from schema_guard.report.decision.words import TUNED, calls
from schema_guard.report.drawing import (
    Plot,
    RateRow,
    legend_below,
    legend_room,
    mark_1_2_5,
    new_figure,
    rates_figure,
    short_number,
    write_axis,
)
from schema_guard.report.inline_svg import COLOURS, FONT_SIZE, inline_svg
from schema_guard.report.words import shortened
from schema_guard.text import interval, months, percent, plural, safe

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from matplotlib.figure import Figure

    Figures = Mapping[str, Any]

# Lines of the legend of the costs: two models, and beside them break-even and the present volume.
_COST_LEGEND = 2

# Volumes further apart than this need a logarithmic scale.
_FAR_APART = 20


_NO_CALLS = "no strategy has a recorded call"
_COLOUR_OF = {
    "pass": COLOURS["pass"],
    "fail": COLOURS["fail"],
    "inconclusive": COLOURS["open"],
    "unrated": COLOURS["muted"],
}
_MARK_OF = {"pass": "o", "fail": "s", "inconclusive": "D", "unrated": "x"}
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


def plots_of(figures: Figures, trend: Plot) -> list[Plot]:
    """Draw the plots of a verdict's figures.

    Args:
        figures: As `Verdict.as_dict` gives them.
        trend: The rate over time.
    """
    return [trend, rates_plot(figures), costs_plot(figures)]


def rates_plot(figures: Figures) -> Plot:
    """Draw every rate with its bounds against the target, and name what is not measured."""
    title, rated = "Against the target", _rated_of(figures)
    if not rated:
        return Plot(title, "", None, _NO_CALLS)
    target = figures["config"]["target"]
    shown = sorted(rated, key=lambda one: -one[1]["lower"])[:_MOST_ROWS] if len(rated) > _MOST_ROWS else rated
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


def _rated_of(figures: Figures) -> list[tuple[str, Figures]]:
    """Give every rate with data under the name that is shown."""
    rates = figures.get("rates", figures.get("schemas", {}))
    rows = list(zip(_short_names(rates), rates.values(), strict=True))
    if "tuned" in figures:
        rows.append((TUNED, figures["tuned"]))
    return [rated for rated in rows if rated[1]["rate"] is not None]


def _short_names(names: Iterable[str]) -> list[str]:
    """Cut names that somebody else chose, so that no two come out alike."""
    return shortened([safe(name) for name in names], _NAME_SIZE)


def _row(name: str, rate: Figures) -> RateRow:
    state = rate["state"]
    return RateRow(
        f"{name}: {percent(rate['rate'])}, {_STATES[state]}",
        rate["rate"],
        rate["lower"],
        rate["upper"],
        _COLOUR_OF[state],
        _MARK_OF[state],
    )


def costs_plot(figures: Figures) -> Plot:
    """Draw what a month costs with either model, over the calls of a month."""
    title = "Cost of a month"
    if "cost" not in figures:
        return Plot(title, "", None, _why_no_costs(figures))
    money, volume = figures["economics"], figures["cost"]["calls_per_month"]
    crossing = money["break_even_calls_per_month"]
    break_even = "no volume pays" if crossing is None else f"break-even at {calls(crossing)} calls a month"
    return Plot(
        title,
        "Line: as expected; band: both failure rates from their good end to their bad end. The tuned model's cost holds hosting, refresh "
        f"and the upfront cost spread over {months(figures['config']['horizon_months'])}. Break-even: with both at their "
        "bad end (dotted).",
        inline_svg(
            lambda: _costs_figure(figures),
            name="costs",
            title=title,
            description=f"Now {calls(volume)} calls a month; {break_even}.",
        ),
    )


def _why_no_costs(figures: Figures) -> str:
    if "schemas" in figures:
        return "schemas are compared, not costs"
    return "no economics are given: costs, prices and what a failure costs"


def _short_dollars(amount: float) -> str:
    """Write an amount on an axis.

    >>> _short_dollars(1500), _short_dollars(-2e6), _short_dollars(20)
    ('$1.5k', '-$2M', '$20')
    """
    return f"{'-' if amount < 0 else ''}${short_number(abs(amount))}"


def _costs_figure(figures: Figures) -> Figure:
    money, cost = figures["economics"], figures["cost"]
    volume, crossing = cost["calls_per_month"], money["break_even_calls_per_month"]
    fixed = money["hosting_plus_refresh"] + money["upfront"] / figures["config"]["horizon_months"]
    figure, (axis,) = new_figure(220 + legend_room(_COST_LEGEND), left=58, bottom=legend_room(_COST_LEGEND))
    # Nothing upfront and nothing monthly: the lines meet at 0, which no logarithmic scale shows.
    marked = [volume, crossing] if crossing else [volume]
    far = max(marked) > _FAR_APART * min(marked)
    least, most = (min(marked) / 4 if far else 0.0), 1.4 * max(marked)
    steps = [step / 40 for step in range(41)]
    volumes = [least * (most / least) ** at if far else at * most for at in steps]
    for side, fixed_cost in (("prompt", 0.0), ("tuned", fixed)):
        pess, point, opt = (
            [fixed_cost + money[column][f"{side}_per_call"] * n for n in volumes]
            for column in ("pess", "point", "opt")
        )
        colour = COLOURS[side]
        axis.fill_between(volumes, pess, opt, color=colour, alpha=0.16, linewidth=0)
        axis.plot(volumes, pess, color=colour, linewidth=1.3, linestyle=(0, (1, 2)))
        axis.plot(
            volumes,
            point,
            color=colour,
            linewidth=2,
            linestyle="-" if side == "prompt" else (0, (6, 2)),
            label=side,
        )
    if far:
        axis.set_xscale("log")
        axis.set_yscale("log")
        mark_1_2_5(axis)
    else:
        axis.set_ylim(0, None)
    axis.set_xlim(volumes[0], volumes[-1])
    if crossing is not None:
        axis.plot(crossing, money["pess"]["prompt_per_call"] * crossing, "D", color=COLOURS["ink"], markersize=7,
                  label=f"break-even: {short_number(crossing)} calls", linestyle="none")  # fmt: skip
    axis.axvline(volume, color=COLOURS["ink"], linewidth=1, label=f"now: {short_number(volume)} calls")
    axis.set_xlabel("calls a month")
    legend_below(axis, columns=2)
    axis.set_title("dollars a month", loc="left", fontsize=FONT_SIZE, color=COLOURS["muted"])
    write_axis(axis, "x", short_number)
    write_axis(axis, "y", _short_dollars)
    return figure
