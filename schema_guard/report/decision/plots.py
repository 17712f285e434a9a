# SPDX-License-Identifier: Apache-2.0
"""The plots of a verdict: rates, monthly costs, and what the answer depends on.

A plot shows only figures of the verdict, and its description has the same figures in words. If data is missing, the page
names it instead. No plot depends on colour alone, because states differ by their marks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from schema_guard.report.decision.rates import (
    rates_plot,
)
from schema_guard.report.decision.sensitivity import sensitivities
from schema_guard.report.decision.words import calls, payback
from schema_guard.report.drawing import (
    Plot,
    label_rows,
    legend_below,
    legend_room,
    mark_1_2_5,
    mark_rows,
    new_figure,
    short_number,
    top_down,
    write_axis,
)
from schema_guard.report.inline_svg import COLOURS, FONT_SIZE, inline_svg
from schema_guard.text import dollars, months

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.figure import Figure

    Figures = Mapping[str, Any]

# A payback of ten horizons is as good as never, and would leave the others no room.
_MOST_HORIZONS = 10

# What changes the answer comes first; all of it stands in the table.
_MOST_FLIPS = 4

# Lines of the legend of the costs: two models, and beside them break-even and the present volume.
_COST_LEGEND = 2

# Volumes further apart than this need a logarithmic scale.
_FAR_APART = 20


def plots_of(figures: Figures, trend: Plot) -> tuple[list[Plot], int]:
    """Draw the plots of a verdict's figures, and say how many of those that are drawn tell the answer by themselves.

    Args:
        figures: As `Verdict.as_dict` gives them.
        trend: The rate over time.
    """
    first = [trend, rates_plot(figures), costs_plot(figures), paybacks_plot(figures)]
    return [*first, sensitivity_plot(figures)], sum(plot.svg is not None for plot in first)


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


def paybacks_plot(figures: Figures) -> Plot:
    """Draw the pessimistic payback as it is and under each change."""
    title = "What would change the answer"
    if "cost" not in figures:
        return Plot(title, "", None, _why_no_costs(figures))
    horizon = figures["config"]["horizon_months"]
    bars = [("as it is", figures["economics"]["pess"]["payback_months"])]
    flips = sorted(figures["cost"]["flips"], key=lambda flip: not flip["flips"])
    bars += [(flip["change"], flip["payback_months"]) for flip in flips[:_MOST_FLIPS]]
    description = "; ".join(f"{name}: {payback(duration)}" for name, duration in bars)
    return Plot(
        title,
        f"Months until tuning has paid back, both failure rates at their bad end, with one thing changed; dashed: {months(horizon)}, within "
        "which it must.",
        inline_svg(
            lambda: _paybacks_figure(bars, horizon),
            name="paybacks",
            title=title,
            description=f"{description}.",
        ),
    )


def sensitivity_plot(figures: Figures) -> Plot:
    """Draw how far the monthly saving moves with each assumption, the widest first."""
    title = "What the saving depends on"
    if "cost" not in figures:
        return Plot(title, "", None, _why_no_costs(figures))
    description = "; ".join(
        f"{one.name} {one.low_change} {dollars(one.low)}, {one.high_change} {dollars(one.high)}"
        for one in sensitivities(figures)
    )
    return Plot(
        title,
        "Saving a month when one thing is changed, from the pess column. Solid line: as it is; dashed line: what pays "
        "back just in time. Open mark: the first of the two values, filled mark: the second.",
        inline_svg(
            lambda: _sensitivity(figures),
            name="sensitivity",
            title=title,
            description=f"A month saves: {description}.",
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


def _paybacks_figure(bars: Sequence[tuple[str, float | None]], horizon: float) -> Figure:
    figure, (axis,) = new_figure(66 + 38 * len(bars), left=24)
    known = [duration for _, duration in bars if duration is not None]
    right = min(max([horizon, *known]) * 1.15, _MOST_HORIZONS * horizon)
    axis.set_xlim(0, right)
    label_rows(axis, [f"{name}: {payback(duration)}" for name, duration in bars])
    for row, (_, duration) in top_down(bars):
        pays = duration is not None and duration <= horizon
        shown = right if duration is None else min(duration, right)
        axis.barh(row, shown, height=0.36, color=COLOURS["pass" if pays else "fail"], alpha=0.75, linewidth=0)
    mark_rows(axis, horizon, len(bars))
    axis.set_xlabel("months")
    write_axis(axis, "x", lambda value: f"{value:g}")
    return figure


def _sensitivity(figures: Figures) -> Figure:
    found, money = sensitivities(figures), figures["economics"]
    now, needed = money["pess"]["saving_per_month"], money["upfront"] / figures["config"]["horizon_months"]
    figure, (axis,) = new_figure(66 + 38 * len(found), left=24)
    ends = [now, needed, *(end for one in found for end in (one.low, one.high))]
    room = 0.06 * ((max(ends) - min(ends)) or 1.0)
    axis.set_xlim(min(ends) - room, max(ends) + room)
    label_rows(axis, [f"{one.name}: {one.low_change}, {one.high_change}" for one in found])
    for row, one in top_down(found):
        axis.plot(
            [one.low, one.high],
            [row, row],
            color=COLOURS["tuned"],
            linewidth=7,
            alpha=0.45,
            solid_capstyle="butt",
        )
        axis.plot(one.low, row, "o", color=COLOURS["tuned"], markerfacecolor=COLOURS["paper"], markersize=7)
        axis.plot(one.high, row, "o", color=COLOURS["tuned"], markersize=7)
    mark_rows(axis, now, len(found), dashed=False)
    mark_rows(axis, needed, len(found))
    axis.set_xlabel("dollars saved a month")
    write_axis(axis, "x", _short_dollars)
    return figure
