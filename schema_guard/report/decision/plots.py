# SPDX-License-Identifier: Apache-2.0
"""The plots of a verdict: rates, evidence over calls, monthly costs, and what the answer depends on.

Rules: a plot shows figures of the verdict and nothing else (a path of evidence is computed from the counts
that the caller gives); each has a sentence that tells the same without sight; a plot without data is None,
and the page says what is missing. Nothing depends on colour alone: states differ by their marks.
"""

from __future__ import annotations

from itertools import cycle
from math import log, log10
from typing import TYPE_CHECKING, Any

from schema_guard.report.decision.rates import (
    NO_CALLS,
    Rated,
    rated_of,
    rates_plot,
    short_names,
)
from schema_guard.report.decision.sensitivity import sensitivities
from schema_guard.report.decision.words import calls, name_of, payback
from schema_guard.report.drawing import (
    MARKS,
    SERIES,
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
from schema_guard.stats import log_e_value
from schema_guard.text import dollars, months, odds, percent

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from matplotlib.figure import Figure

    Figures = Mapping[str, Any]
    Paths = Mapping[str, Sequence[tuple[int, float]]]

# Evidence past a million to one, or a thousand to one against, is drawn at the edge.
_MOST_EVIDENCE, _LEAST_EVIDENCE = 6.0, -3.0

# More points than a screen has columns show nothing more.
_MOST_POINTS = 400

_BOUNDARY_POINTS = 32
_BISECTIONS = 40

# A payback of ten horizons is as good as never, and would leave the others no room.
_MOST_HORIZONS = 10

# What changes the answer comes first; all of it stands in the table.
_MOST_FLIPS = 4

# Lines of the legend of the costs: two models, and beside them break-even and the present volume.
_COST_LEGEND = 2

# Volumes further apart than this need a logarithmic scale.
_FAR_APART = 20


def plots_of(figures: Figures, paths: Paths | None, trend: Plot) -> tuple[list[Plot], int]:
    """Draw the plots of a verdict's figures, and say how many of those that are drawn tell the answer by themselves.

    Args:
        figures: As `Verdict.as_dict` gives them.
        paths: By strategy: calls and failures so far, in the order of the calls; None when only the
            totals are known.
        trend: The rate over time.
    """
    first = [trend, rates_plot(figures), costs_plot(figures), paybacks_plot(figures)]
    second = [paths_plot(figures, paths) if paths else plane_plot(figures), sensitivity_plot(figures)]
    return [*first, *second], sum(plot.svg is not None for plot in first)


def paths_plot(figures: Figures, paths: Paths) -> Plot:
    """Draw the evidence for either side of the target, as odds, over the calls."""
    title, target, threshold = (
        "Evidence, call by call",
        figures["config"]["target"],
        1 / figures["alpha_each"],
    )
    paths = dict(zip(short_names(map(name_of, paths)), paths.values(), strict=True))
    ends = "; ".join(
        f"{name} after {calls(path[-1][0])} calls: below {_odds_at(path[-1], target, 'ok')}, "
        f"above {_odds_at(path[-1], target, 'bad')}"
        for name, path in paths.items()
    )
    return Plot(
        title,
        f"Each line is a strategy. One that crosses the dashed line ({odds(threshold)}) has decided the question, however "
        "often it was looked at. Odds past 1,000,000:1 stand at the edge.",
        inline_svg(
            lambda: _paths_figure(paths, target, log10(threshold)),
            name="paths",
            title=title,
            description=f"Odds of {odds(threshold)} decide. {ends}.",
        ),
    )


def plane_plot(figures: Figures) -> Plot:
    """Draw failures over calls with the counts at which the question is decided."""
    title, rated = "Failures over calls, and where they decide", rated_of(figures)
    if "alpha_each" not in figures:
        return Plot(title, "", None, "schemas are compared, each by its own bounds")
    if not rated:
        return Plot(title, "", None, NO_CALLS)
    target, evidence = figures["config"]["target"], -log(figures["alpha_each"])
    description = "; ".join(f"{name} {rate['k']:g} of {rate['n']:,}, {rate['state']}" for name, rate in rated)
    return Plot(
        title,
        "Above the upper line a rate is proved above the target, below the lower one it is proved below; between them "
        "more calls are needed. Without calls in their order only the totals are shown.",
        inline_svg(
            lambda: _plane_figure(rated, target, evidence),
            name="plane",
            title=title,
            description=f"{description}.",
        ),
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


def _odds_at(point: tuple[int, float], target: float, side: Any) -> str:
    n, k = point
    return odds(10.0 ** _log_odds(n, k, target, side, most=300.0))


def _log_odds(n: int, k: float, target: float, side: Any, *, most: float = _MOST_EVIDENCE) -> float:
    return min(log_e_value(k, n, target, side=side) / log(10), most)


def _paths_figure(paths: Paths, target: float, threshold: float) -> Figure:
    figure, panels = new_figure(
        330 + legend_room(len(paths)), left=98, bottom=legend_room(len(paths)), panels=(1, 1)
    )
    for axis, side, direction in zip(panels, ("bad", "ok"), ("above", "below"), strict=True):
        for (name, path), colour, mark in zip(paths.items(), cycle(SERIES), cycle(MARKS), strict=False):
            shown = _thinned(path)
            evidence = [max(_log_odds(n, k, target, side), _LEAST_EVIDENCE) for n, k in shown]
            axis.plot([n for n, _ in shown], evidence, color=colour, linewidth=1.8)
            axis.plot(shown[-1][0], evidence[-1], mark, color=colour, markersize=7, label=name)
        axis.axhline(threshold, color=COLOURS["ink"], linestyle=(0, (4, 3)), linewidth=1.2)
        axis.set_ylim(_LEAST_EVIDENCE - 0.3, _MOST_EVIDENCE + 0.3)
        axis.set_yticks([-2, 0, 2, 4, 6])
        axis.set_title(f"odds that the rate is {direction} {percent(target)}", loc="left", fontsize=FONT_SIZE)
        axis.locator_params(axis="x", nbins=5)
        write_axis(axis, "y", lambda value: odds(10.0**value))
        write_axis(axis, "x", short_number)
    panels[0].tick_params(labelbottom=False)
    panels[-1].set_xlabel("calls")
    legend_below(panels[-1])
    return figure


def _thinned(path: Sequence[tuple[int, float]]) -> list[tuple[int, float]]:
    """Give every so many points, the last among them."""
    step = -(-len(path) // _MOST_POINTS)
    return [*path[:-1:step], path[-1]]


def _plane_figure(rated: Sequence[Rated], target: float, evidence: float) -> Figure:
    figure, (axis,) = new_figure(266 + legend_room(len(rated)), left=46, bottom=legend_room(len(rated)))
    least = max(min(rate["n"] for _, rate in rated) / 3, 1)
    most = 3 * max(rate["n"] for _, rate in rated)
    counts = [least * (most / least) ** (step / (_BOUNDARY_POINTS - 1)) for step in range(_BOUNDARY_POINTS)]
    whole = sorted({max(round(n), 1) for n in counts})
    above = [_decides_bad(n, target, evidence) for n in whole]
    below = [(n, k) for n in whole if (k := _decides_ok(n, target, evidence)) is not None]
    top = 4 * max([*above, *(rate["k"] for _, rate in rated)])
    axis.set_xscale("log")
    axis.set_yscale("symlog", linthresh=1)
    axis.set_xlim(whole[0], whole[-1])
    mark_1_2_5(axis)
    axis.set_ylim(-0.15, top)
    axis.fill_between(whole, above, top, color=COLOURS["fail"], alpha=0.12, linewidth=0)
    axis.plot(whole, above, color=COLOURS["fail"], linewidth=1.6)
    if below:
        n_below, k_below = [n for n, _ in below], [k for _, k in below]
        axis.fill_between(n_below, -0.15, k_below, color=COLOURS["pass"], alpha=0.15, linewidth=0)
        axis.plot(n_below, k_below, color=COLOURS["pass"], linewidth=1.6)
    axis.text(0.02, 0.97, f"above {percent(target)}: decided", transform=axis.transAxes, va="top")
    axis.text(0.98, 0.03, f"below {percent(target)}: decided", transform=axis.transAxes, ha="right")
    for (name, rate), colour, mark in zip(rated, cycle(SERIES), cycle(MARKS), strict=False):
        axis.plot(rate["n"], rate["k"], mark, color=colour, markersize=8, label=name, linestyle="none")
    axis.set_xlabel("calls")
    axis.set_title("failed calls", loc="left", fontsize=FONT_SIZE, color=COLOURS["muted"])
    write_axis(axis, "x", short_number)
    write_axis(axis, "y", short_number)
    legend_below(axis)
    return figure


def _decides_ok(n: int, target: float, evidence: float) -> float | None:
    """Give the most failures in n calls that prove a rate below the target; None when not even 0 do."""
    if log_e_value(0, n, target, side="ok") < evidence:
        return None
    return _bisected(lambda k: log_e_value(k, n, target, side="ok") >= evidence, 0.0, target * n)


def _decides_bad(n: int, target: float, evidence: float) -> float:
    """Give the fewest failures in n calls that prove a rate above the target; n when not even n do."""
    return _bisected(lambda k: log_e_value(k, n, target, side="bad") < evidence, target * n, float(n))


def _bisected(holds: Callable[[float], bool], low: float, high: float) -> float:
    """Give where *holds*, true at *low*, ends."""
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return high


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
