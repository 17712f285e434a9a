# SPDX-License-Identifier: Apache-2.0
"""The plot of monthly costs on the page of a verdict: the prompt and a tuned model, over the calls of a month.

The plot shows only figures of the verdict, and its description has the same figures in words.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from schema_guard.decide.economics import months
from schema_guard.report.decision.words import calls
from schema_guard.report.drawing import RIGHT, WIDTH, Plot, Scale, Svg, short_number
from schema_guard.text import dollars

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Figures = Mapping[str, Any]

# Volumes further apart than this need a logarithmic scale.
_FAR_APART = 20


def costs_plot(figures: Figures) -> Plot:
    """Draw the cost of a month with either model, by the number of calls in a month."""
    title = "Cost per month"
    if "cost" not in figures:
        return Plot(title, "", None, _why_no_costs(figures))
    money, volume = figures["economics"], figures["cost"]["calls_per_month"]
    crossing = money["break_even_calls_per_month"]
    break_even = "tuning never pays" if crossing is None else f"break-even at {calls(crossing)} calls a month"
    return Plot(
        title,
        "The line is the expected cost. The area shows the bounds of both failure rates, with the worse case dotted. "
        "The tuned model's cost includes hosting, refresh, and the upfront cost spread over "
        f"{months(figures['config']['horizon_months'])}. Break-even is for the worse case.",
        _draw_costs(figures, title, f"Now {calls(volume)} calls a month; {break_even}."),
    )


def _why_no_costs(figures: Figures) -> str:
    if "schemas" in figures:
        return "the verdict compares schemas, not costs"
    return "the evidence has no economics, such as prices and the cost of a failure"


def _short_dollars(amount: float) -> str:
    """Write an amount on an axis.

    >>> _short_dollars(1500), _short_dollars(-2e6), _short_dollars(20)
    ('$1.5k', '-$2M', '$20')
    """
    return f"{'-' if amount < 0 else ''}${short_number(abs(amount))}"


def _draw_costs(figures: Figures, title: str, description: str) -> str:
    money, volume = figures["economics"], figures["cost"]["calls_per_month"]
    crossing = money["break_even_calls_per_month"]
    fixed = money["hosting_plus_refresh"] + money["upfront"] / figures["config"]["horizon_months"]
    # Nothing upfront and nothing monthly: the lines meet at 0, which no logarithmic scale shows.
    marked = [volume, crossing] if crossing else [volume]
    far = max(marked) > _FAR_APART * min(marked)
    least, most = (min(marked) / 4 if far else 0.0), 1.4 * max(marked)
    volumes = [least * (most / least) ** (at / 40) if far else at / 40 * most for at in range(41)]
    costs = {
        (side, column): [start + money[column][f"{side}_per_call"] * n for n in volumes]
        for side, start in (("prompt", 0.0), ("tuned", fixed))
        for column in ("pess", "point", "opt")
    }
    across = Scale(volumes[0], volumes[-1], 58, WIDTH - RIGHT, far)
    up = _money_scale([cost for several in costs.values() for cost in several], is_log=far)
    drawing = Svg("costs", title, description, 262)
    drawing.text(0, 14, "dollars a month", color="muted")
    for side, dash in (("prompt", "none"), ("tuned", "8 3")):
        pess, point, opt = (
            [(across(n), up(cost)) for n, cost in zip(volumes, costs[side, column], strict=True)]
            for column in ("pess", "point", "opt")
        )
        drawing.area([*pess, *reversed(opt)], side)
        drawing.line(pess, side, 1.3, "1 3")
        drawing.line(point, side, 2, dash)
    drawing.line([(across(volume), up.start), (across(volume), up.end)], "ink")
    if crossing is not None:
        cost = money["pess"]["prompt_per_call"] * crossing
        tooltip = f"break-even: {calls(crossing)} calls, {dollars(cost)} a month"
        drawing.mark(across(crossing), up(cost), "diamond", "ink", tooltip, 4)
    drawing.axis_below(across, up.start, short_number, "calls a month")
    drawing.axis_left(up, 58, _short_dollars)
    _draw_legend(drawing, volume, crossing)
    return str(drawing)


def _money_scale(costs: Sequence[float], *, is_log: bool) -> Scale:
    positive = [cost for cost in costs if cost > 0]
    low = min(positive, default=1.0) if is_log else min(0.0, *costs)
    high = max(*positive, low, 0.0) if positive else low + 1
    return Scale(low, high if high > low else low + 1, 190, 26, is_log)


def _draw_legend(drawing: Svg, volume: float, crossing: float | None) -> None:
    for x, side, dash in ((0, "prompt", "none"), (80, "tuned", "8 3")):
        drawing.line([(x, 246), (x + 20, 246)], side, 2, dash)
        drawing.text(x + 24, 250, side)
    drawing.line([(152, 239), (152, 253)], "ink")
    drawing.text(158, 250, f"now: {short_number(volume)}")
    if crossing is not None:
        drawing.mark(250, 246, "diamond", "ink", "", 4)
        drawing.text(259, 250, f"break-even: {short_number(crossing)}")
