# SPDX-License-Identifier: Apache-2.0
"""The plots of a report: the failure rate of each group of calls over time, with the calls behind each point.

Rules: all plots of a page have one axis of time; where there was no call there is nothing, no line and no bar; a bound
past the upper edge ends there. Times are UTC, so that the same store gives the same bytes everywhere.
"""

from __future__ import annotations

from functools import lru_cache
from math import ceil
from typing import TYPE_CHECKING, NamedTuple

from schema_guard.report.drawing import (
    RIGHT,
    WIDTH,
    Plot,
    RateRow,
    new_figure,
    percent_tick,
    rates_figure,
    short_number,
    write_axis,
)
from schema_guard.report.inline_svg import COLOURS, FONT_SIZE, inline_svg
from schema_guard.report.over_time import MOST_PLOTS, over_time
from schema_guard.report.store_document import names_of
from schema_guard.report.words import bounded, moment, share, shortened, time_of
from schema_guard.stats import Rate
from schema_guard.text import percent, plural, safe

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from schema_guard.report.figures import Configuration, Report
    from schema_guard.report.over_time import HourOfGroup, OverTime, TimedCalls

# In characters: beside the rates in the rows of the first plot, and above a plot.
_NAME_SIZE, _TITLE_SIZE = 28, 56

_HOUR_S, _DAY_S = 3_600, 86_400
_TICKS_S = (_HOUR_S, 3 * _HOUR_S, 6 * _HOUR_S, 12 * _HOUR_S, *(n * _DAY_S for n in (1, 2, 4, 7, 14, 28)))
_MOST_TICKS, _MOST_LONG_TICKS = 5, 4
_LAST_TICK = 0.06  # before the end, so that half of what is written there has room
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

# The scale shows the bounds of so many calls whole; those of steps with few calls would leave the others no room.
_SHOWN_CALLS = 0.9
_LEAST_TOP = 0.01
_WIDEST_BAR = 12.0
_LEFT = 52
_PLOTTED = WIDTH - _LEFT - RIGHT


class _Axis(NamedTuple):
    """The axis of time that all plots of a page have: its steps, in seconds and in words, and its ends."""

    step_s: int
    step: str
    first: int
    end: int


class TrendMarks(NamedTuple):
    """What is marked in a plot of a rate over time.

    Attributes:
        target: The share that may fail.
        changes: Direction of each change, `rise` or `fall`, and when it was.
        note: What is known of the last one; `""` where nothing is.
    """

    target: float
    changes: tuple[tuple[str, int], ...] = ()
    note: str = ""


def trend_of(counted: Iterable[HourOfGroup], beside: TrendMarks) -> Plot:
    """Draw one rate over time beside its target, with its changes.

    Args:
        counted: Hours, all of one group.
        beside: What is marked.
    """
    title, history = "Failed calls over time", over_time(counted, 1)
    if history.span is None:
        return Plot(title, "", None, "no hours of calls are known here")
    points = history.series[0]
    rate = Rate.of(sum(point.count for point in points), sum(point.n for point in points))
    return _trend("trend", title, rate, _Axis(history.step_s, history.step, *history.span), points, beside)


def trends_of(report: Report) -> list[Plot]:
    """Draw the rates of all groups that are proved worst, and each of them over time.

    Args:
        report: With its hours.
    """
    history = report.over_time
    span = history.span if history else None
    if not report.groups:
        return []
    if history is None or span is None:
        counted = [group for group in report.groups if group.calls]
        missing = "no call has a known time" if counted else "no judged call is recorded"
        if counted and not any(group.is_rated for group in counted):
            missing = "the calls were imported, and no rate of the traffic can be read from them"
        return [Plot("Failure rate over time", "", None, missing)]
    names, axis = names_of(report, _TITLE_SIZE), _Axis(history.step_s, history.step, *span)
    drawn = _worst(report.groups, history)[:MOST_PLOTS]
    plots = [
        _trend(f"trend{number}", names[place], report.groups[place].failed, axis, history.series[place])
        for number, place in enumerate(drawn)
    ]
    if len(drawn) == 1:
        return plots
    return [_overview([(names[place], report.groups[place].failed) for place in drawn]), *plots]


def _worst(groups: Sequence[Configuration], history: OverTime) -> list[int]:
    """Give the places of the groups that have points, the one that is proved worst first."""
    places = [place for place, points in enumerate(history.series) if points]
    return sorted(places, key=lambda place: -groups[place].failed.bounds.lower)


def _overview(rated: Sequence[tuple[str, Rate]]) -> Plot:
    title = "Failed calls"
    names = shortened([safe(name) for name, _ in rated], _NAME_SIZE)
    description = "; ".join(
        f"{name}: {bounded(rate)} % of {rate.n:,}" for name, (_, rate) in zip(names, rated, strict=True)
    )
    rows = [
        RateRow(
            f"{name}: {share(rate.rate)}% of {rate.n:,}",
            rate.rate or 0.0,
            rate.bounds.lower,
            rate.bounds.upper,
            COLOURS["series1"],
            "o",
        )
        for name, (_, rate) in zip(names, rated, strict=True)
    ]
    return Plot(
        title,
        "Mark: the share of calls that no attempt made valid; line: its bounds. Proved worst first.",
        inline_svg(
            lambda: rates_figure(rows, "calls"),
            name="overview",
            title=title,
            description=f"{description}.",
        ),
    )


# A page that follows its store draws anew what has changed.
@lru_cache(8 * MOST_PLOTS)
def _trend(
    name: str,
    title: str,
    rate: Rate,
    axis: _Axis,
    points: tuple[TimedCalls, ...],
    beside: TrendMarks | None = None,
) -> Plot:
    lowest, *_, highest = sorted((points[0], *points), key=lambda point: point.count / point.n)
    summary = f"{bounded(rate)} % of {plural(rate.n, 'call')} failed"
    return Plot(
        title,
        f"{summary}; a point is {_article(axis.step)}{_marks(beside)}",
        inline_svg(
            lambda: _trend_figure(axis, points, beside),
            name=name,
            title=f"Failure rate over time: {title}" if beside is None else title,
            description=f"{summary}. Of {plural(len(points), 'step')} of {axis.step} with calls the lowest is "
            f"{_at(lowest, axis)}, the highest {_at(highest, axis)}.",
        ),
    )


def _marks(beside: TrendMarks | None) -> str:
    """Say what else is in a plot; without anything a caption ends here."""
    if beside is None:
        return ""
    directions = {direction for direction, _ in beside.changes}
    marks = [f"dashed line: the target of {percent(beside.target)}"]
    marks += [
        f"{mark}: the rate {went}"
        for mark, word, went in (("▲", "rise", "rose"), ("▼", "fall", "fell"))
        if word in directions
    ]
    return f"; {'; '.join(marks)}. {beside.note}".rstrip()


def _article(step: str) -> str:
    return step if step[0].isdigit() else f"{'an' if step == 'hour' else 'a'} {step}"


def _at(point: TimedCalls, axis: _Axis) -> str:
    return f"{moment(point.at, hours=axis.step_s < _DAY_S)}: {bounded(point.failed)} % of {plural(point.n, 'call')}"


def _trend_figure(time: _Axis, points: Sequence[TimedCalls], beside: TrendMarks | None) -> Figure:
    figure, (upper, lower) = new_figure(246, left=_LEFT, bottom=26, panels=(3, 1))
    middles = [point.at + time.step_s / 2 for point in points]
    # In units of the view box, in which lines are measured too.
    step = time.step_s / (time.end - time.first) * _PLOTTED
    _draw_rates(upper, time, points, min(0.7 * step, _WIDEST_BAR))
    if beside is not None:
        _draw_beside(upper, time, beside)
    counts = [point.n for point in points]
    lower.vlines(middles, 0, counts, color=COLOURS["muted"], linewidth=0.8 * step, alpha=0.6)
    lower.set_ylim(0, max(counts) * 1.05)
    lower.set_yticks([max(counts)])
    for axis, label in ((upper, "failed"), (lower, "calls")):
        axis.set_xlim(time.first, time.end)
        axis.set_title(label, loc="left", fontsize=FONT_SIZE, color=COLOURS["muted"])
    ticks = list(_ticks(time.first, time.end))
    upper.set_xticks(ticks)
    upper.tick_params(labelbottom=False)
    lower.set_xticks(ticks)
    write_axis(lower, "x", lambda at: _tick(at, ticks))
    write_axis(upper, "y", percent_tick)
    write_axis(lower, "y", short_number)
    return figure


def _draw_rates(axis: Axes, time: _Axis, points: Sequence[TimedCalls], width: float) -> None:
    middles = [point.at + time.step_s / 2 for point in points]
    rates = [point.failed for point in points]
    top = _top(rates)
    lows = [min(rate.bounds.lower, top) for rate in rates]
    highs = [min(rate.bounds.upper, top) for rate in rates]
    axis.vlines(middles, lows, highs, color=COLOURS["series1"], linewidth=width, alpha=0.28)
    for run in _runs(points, time.step_s):
        axis.plot(
            [middles[place] for place in run],
            [points[place].count / points[place].n for place in run],
            "-o",
            color=COLOURS["series1"],
            linewidth=1.6,
            markersize=min(max(width, 2.5), 5.0),
        )
    # What stands at 0 stands clear of the axis.
    axis.set_ylim(-0.03 * top, top)
    axis.locator_params(axis="y", nbins=5)


def _draw_beside(axis: Axes, time: _Axis, beside: TrendMarks) -> None:
    top = max(axis.get_ylim()[1], min(1.15 * beside.target, 1.0))
    axis.set_ylim(-0.03 * top, top)
    axis.axhline(beside.target, color=COLOURS["ink"], linestyle=(0, (4, 3)), linewidth=1.2)
    for direction, at in beside.changes:
        if time.first <= at < time.end:
            colour = COLOURS["fail" if direction == "rise" else "pass"]
            axis.axvline(at, color=colour, linewidth=1.4, alpha=0.5)
            mark = "^" if direction == "rise" else "v"
            axis.plot(at, top, mark, color=colour, markersize=8, clip_on=False)


def _top(rates: Sequence[Rate]) -> float:
    """Give where the scale of rates ends: above every rate, and above the bounds of most calls."""
    remaining = _SHOWN_CALLS * sum(rate.n for rate in rates)
    bound = 0.0
    for rate in sorted(rates, key=lambda rate: rate.bounds.upper):
        bound = rate.bounds.upper
        remaining -= rate.n
        if remaining <= 0:
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
    while at <= end - _LAST_TICK * span_s:
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
