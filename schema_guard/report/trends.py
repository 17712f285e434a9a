# SPDX-License-Identifier: Apache-2.0
"""The plots of a report: the unhandled rate of each group of calls over time, with the calls behind each point.

Rules: all plots of a page have one axis of time; where there was no call there is nothing, no line and no bar; a bound
past the upper edge ends there. Times are UTC, so that the same store gives the same bytes everywhere.
"""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

from schema_guard.report.drawing import Plot, new_figure, percent_tick, short_number, write_axis
from schema_guard.report.inline_svg import COLOURS, inline_svg
from schema_guard.report.recorded import names_of
from schema_guard.report.words import bounded, moment, time_of
from schema_guard.text import plural

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from matplotlib.figure import Figure

    from schema_guard.report.figures import Configuration, Report
    from schema_guard.report.over_time import OverTime, TimedCalls
    from schema_guard.stats import Rate

MOST_PLOTS = 12
"""So many groups have a plot, the ones that are proved worst."""

_HOUR_S, _DAY_S = 3_600, 86_400
_TICKS_S = (_HOUR_S, 3 * _HOUR_S, 6 * _HOUR_S, 12 * _HOUR_S, *(n * _DAY_S for n in (1, 2, 4, 7, 14, 28)))
_MOST_TICKS, _MOST_LONG_TICKS = 5, 4
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

# The scale shows the bounds of so many calls whole; those of steps with few calls would leave the others no room.
_SHOWN_CALLS = 0.9
_LEAST_TOP = 0.01
_WIDEST_BAR = 12.0


def trends_of(report: Report) -> list[Plot]:
    """Draw the rates over time of the groups that are proved worst, in their order.

    Args:
        report: With its hours.
    """
    found = report.over_time
    span = found.span if found else None
    if not report.groups:
        return []
    if found is None or span is None:
        has_calls = any(group.calls for group in report.groups)
        missing = "no call has a known time" if has_calls else "no judged call is recorded"
        return [Plot("Unhandled over time", "", None, missing)]
    drawn = sorted(_worst(report, found)[:MOST_PLOTS])
    names = names_of(report)
    return [
        _trend(f"trend{number}", names[place], report.groups[place], found, found.series[place])
        for number, place in enumerate(drawn)
    ]


def _worst(report: Report, found: OverTime) -> list[int]:
    """Give the places of the groups that have points, the one that is proved worst first."""
    places = [place for place, points in enumerate(found.series) if points]
    return sorted(places, key=lambda place: -report.groups[place].unhandled.bounds.lower)


def _trend(
    name: str, title: str, group: Configuration, found: OverTime, points: Sequence[TimedCalls]
) -> Plot:
    (lowest, highest) = (
        min(points, key=lambda point: point.count / point.n),
        max(points, key=lambda point: point.count / point.n),
    )
    told = f"{bounded(group.unhandled)} % of {plural(group.calls, 'call')} unhandled"
    return Plot(
        title,
        f"{told}; a point is {_article(found.step)}",
        inline_svg(
            lambda: _trend_figure(found, points),
            name=name,
            title=f"Unhandled over time: {title}",
            description=f"{told}. Of {plural(len(points), 'step')} of {found.step} with calls the lowest is "
            f"{_at(lowest, found)}, the highest {_at(highest, found)}.",
        ),
    )


def _article(step: str) -> str:
    return step if step[0].isdigit() else f"{'an' if step == 'hour' else 'a'} {step}"


def _at(point: TimedCalls, found: OverTime) -> str:
    return f"{moment(point.at, hours=found.step_s < _DAY_S)}: {bounded(point.unhandled)} % of {plural(point.n, 'call')}"


def _trend_figure(found: OverTime, points: Sequence[TimedCalls]) -> Figure:
    first, end = found.span or (0, 1)
    figure, (upper, lower) = new_figure(262, left=52, bottom=42, panels=(3, 1))
    rates = [point.unhandled for point in points]
    top = _top(rates)
    middles = [point.at + found.step_s / 2 for point in points]
    # In units of the view box: what a step is wide.
    width = min(0.7 * found.step_s / (end - first) * 394, _WIDEST_BAR)
    for at, rate in zip(middles, rates, strict=True):
        low, high = (min(bound, top) for bound in (rate.bounds.lower, rate.bounds.upper))
        upper.plot(
            [at, at],
            [low, high],
            color=COLOURS["series1"],
            linewidth=width,
            alpha=0.28,
            solid_capstyle="butt",
        )
    for run in _runs(points, found.step_s):
        shown = [points[place].count / points[place].n for place in run]
        upper.plot(
            [middles[place] for place in run],
            shown,
            "-o",
            color=COLOURS["series1"],
            linewidth=1.6,
            markersize=min(max(width, 2.5), 5.0),
        )
    counts = [point.n for point in points]
    lower.bar(middles, counts, width=0.8 * found.step_s, color=COLOURS["muted"], alpha=0.6, linewidth=0)
    # What stands at 0 stands clear of the axis.
    upper.set_ylim(-0.03 * top, top)
    lower.set_ylim(0, max(counts) * 1.05)
    lower.set_yticks([0, max(counts)])
    upper.locator_params(axis="y", nbins=5)
    for axis, told in ((upper, "unhandled"), (lower, "calls")):
        axis.set_xlim(first, end)
        axis.set_title(told, loc="left", fontsize=12, color=COLOURS["muted"])
    ticks = list(_ticks(first, end))
    upper.set_xticks(ticks)
    upper.tick_params(labelbottom=False)
    lower.set_xticks(ticks)
    write_axis(lower, "x", lambda at: _tick(at, ticks))
    write_axis(upper, "y", percent_tick)
    write_axis(lower, "y", short_number)
    return figure


def _top(rates: Sequence[Rate]) -> float:
    """Give where the scale of rates ends: above every rate, and above the bounds of most calls."""
    left = _SHOWN_CALLS * sum(rate.n for rate in rates)
    bound = 0.0
    for rate in sorted(rates, key=lambda rate: rate.bounds.upper):
        bound = rate.bounds.upper
        left -= rate.n
        if left <= 0:
            break
    return min(max(1.1 * max(rate.rate or 0.0 for rate in rates), 1.05 * bound, _LEAST_TOP), 1.0)


def _runs(points: Sequence[TimedCalls], step_s: int) -> Iterator[list[int]]:
    """Give the places of points without a gap between them."""
    run: list[int] = []
    for place, point in enumerate(points):
        if run and point.at > points[run[-1]].at + step_s:
            yield run
            run = []
        run.append(place)
    yield run


def _ticks(first: int, end: int) -> Iterator[int]:
    """Give the times that the axis names: few, and whole ones."""
    span_s = end - first
    tick_s = next((one for one in _TICKS_S if span_s <= _MOST_TICKS * one), None)
    if tick_s is None:
        tick_s = ceil(span_s / (_MOST_LONG_TICKS * _TICKS_S[-1])) * _TICKS_S[-1]
    at = ceil(first / tick_s) * tick_s
    while at <= end:
        yield at
        at += tick_s


def _tick(at: float, ticks: Sequence[int]) -> str:
    """Write a time on an axis: the hour within days, the year across several."""
    time, span_s = time_of(at), ticks[-1] - ticks[0]
    day = f"{_MONTHS[time.month - 1]} {time.day}"
    if span_s > 300 * _DAY_S:
        return f"{_MONTHS[time.month - 1]} {time.year}"
    if len(ticks) > 1 and ticks[1] - ticks[0] < _DAY_S and time.hour:
        return f"{time.hour:02}:00"
    return day
