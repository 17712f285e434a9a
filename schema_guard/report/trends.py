# SPDX-License-Identifier: Apache-2.0
"""Failure rates over time as plots, all of a page with one axis of time and one scale.

Rules: A step without a call has no mark and no line. A point has its bounds in its tooltip, and the last point also as a
box: boxes at every point would make a function without failures look as busy as one with many. If most days have fewer
than 100 calls, a point is a week. Times are UTC, so that the same store gives the same bytes everywhere.
"""

from __future__ import annotations

from dataclasses import replace
from math import ceil
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

from schema_guard.records.times import moment, time_of
from schema_guard.report.drawing import RIGHT, WIDTH, Plot, Scale, Svg, percent_tick, short_number
from schema_guard.report.over_time import DAY_S, WEEK_S, joined, over_time, step_text
from schema_guard.text import interval, percent, plural

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import date

    from schema_guard.report.over_time import OverTime, TimedCalls

_HOUR_S = 3_600
_TICKS_S = (_HOUR_S, 3 * _HOUR_S, 6 * _HOUR_S, 12 * _HOUR_S, *(n * DAY_S for n in (1, 2, 4, 7, 14, 28)))
_MOST_TICKS, _MOST_LONG_TICKS = 5, 4
_LAST_TICK = 0.06  # before the end, so that half of its label has room
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

_LEAST_TOP = 0.01
# A day with fewer calls has no reliable rate.
_FEW_CALLS = 100
# With at most this many weeks, shorter steps are shown.
_FEWEST_WEEKS = 2

_LEFT, _HIGH, _LOW, _CALLS = 52, 26, 140, 176
_LARGEST_MARK, _SMALLEST_MARK = 4.0, 1.8


class TrendMarks(NamedTuple):
    """The marks in a plot of a rate over time.

    Attributes:
        target: The share that may fail. None if no target is known.
        changes: Direction of each change, `rise` or `fall`, and its time.
    """

    target: float | None = None
    changes: tuple[tuple[str, int], ...] = ()


class Steps(NamedTuple):
    """The points of one plot, and the length of their step in seconds."""

    step_s: int
    points: tuple[TimedCalls, ...]


def trend_of(hours: Iterable[TimedCalls], marks: TrendMarks) -> Plot:
    """Draw one rate over time beside its target, with its changes."""
    title, history = "Failed calls over time", over_time([hours])
    steps = steps_of(history)
    if history.span is None:
        return Plot(title, "", None, "the report has no calls with a known hour")
    plot = draw_trend("trend", title, steps[0], axes_of(steps, [marks.target]), marks)
    return replace(plot, caption=f"{plot.caption}. {legend([marks])}.")


def steps_of(history: OverTime) -> list[Steps]:
    """Return the points of each group: weeks in place of shorter steps if most of its days have few calls."""
    return [_steps(Steps(history.step_s, points)) for points in history.series]


def _steps(steps: Steps) -> Steps:
    if steps.step_s >= WEEK_S or not steps.points:
        return steps
    weeks = joined(steps.points, WEEK_S)
    is_few = median(day.n for day in joined(steps.points, DAY_S)) < _FEW_CALLS
    return Steps(WEEK_S, weeks) if is_few and len(weeks) > _FEWEST_WEEKS else steps


def axes_of(several: Sequence[Steps], targets: Sequence[float | None]) -> tuple[Scale, Scale]:
    """Return the axes of time and of rates that all plots of a page have."""
    starts = [point.at for steps in several for point in steps.points]
    ends = [point.at + steps.step_s for steps in several for point in steps.points]
    rates = [point.count / point.n for steps in several for point in steps.points]
    top = max([1.1 * max(rates), _LEAST_TOP, *(1.15 * target for target in targets if target is not None)])
    return Scale(min(starts), max(ends), _LEFT, WIDTH - RIGHT), Scale(0.0, min(top, 1.0), _LOW, _HIGH)


def draw_trend(name: str, title: str, steps: Steps, axes: tuple[Scale, Scale], marks: TrendMarks) -> Plot:
    """Draw a rate over time on the axes of its page."""
    points, step = steps.points, step_text(steps.step_s)
    lowest, *_, highest = sorted((points[0], *points), key=lambda point: point.count / point.n)
    description = f"The lowest of {plural(len(points), 'point')} is {_at(lowest, steps)}. The highest is {_at(highest, steps)}."
    drawing = Svg(name, f"Failure rate over time: {title}", description, 204)
    across, up = axes
    drawing.text(0, 14, "failed", color="muted")
    drawing.axis_left(up, _LEFT, percent_tick)
    if marks.target is not None:
        drawing.line([(_LEFT, up(marks.target)), (WIDTH - RIGHT, up(marks.target))], "ink", dash="4 3")
    for direction, at in marks.changes:
        if across.low <= at < across.high:
            color, word = ("fail", "rose") if direction == "rise" else ("pass", "fell")
            drawing.line([(across(at), _HIGH), (across(at), _CALLS)], color, 1.4)
            drawing.mark(across(at), _HIGH - 4, direction, color, f"{moment(at)}: the rate {word}", 6)
    _draw_points(drawing, steps, across, up)
    _draw_calls(drawing, steps, across)
    return Plot(title, f"Each point is {_article(step)}", str(drawing))


def _draw_points(drawing: Svg, steps: Steps, across: Scale, up: Scale) -> None:
    wide = across(across.low + steps.step_s) - across.start
    size = min(max(0.4 * wide, _SMALLEST_MARK), _LARGEST_MARK)
    placed = [
        (across(point.at + steps.step_s / 2), up(point.count / point.n), point) for point in steps.points
    ]
    x, _, last = placed[-1]
    bounds = last.failed.bounds
    drawing.bar(
        (x - size - 2, x + size + 2), (up(bounds.lower), up(bounds.upper)), "series1", _at(last, steps)
    )
    for run in _runs(steps):
        drawing.line([placed[at][:2] for at in run], "series1", 1.6)
    for x, y, point in placed:
        drawing.mark(x, y, "circle", "series1", _at(point, steps), size)


def _draw_calls(drawing: Svg, steps: Steps, across: Scale) -> None:
    most = max(point.n for point in steps.points)
    up = Scale(0, most, _CALLS, _CALLS - 20)
    wide = across(across.low + steps.step_s) - across.start
    for point in steps.points:
        x = across(point.at)
        drawing.bar((x + 0.1 * wide, x + 0.9 * wide), (_CALLS, up(point.n)), "muted")
    drawing.text(_LEFT - 7, _CALLS - 12, short_number(most), anchor="end", color="muted")
    drawing.text(_LEFT - 7, _CALLS + 3, "calls", anchor="end", color="muted")
    drawing.line([(_LEFT, _CALLS), (WIDTH - RIGHT, _CALLS)], "muted")
    ticks = list(_ticks(across.low, across.high))
    for at in ticks:
        drawing.tick_below(across(at), _CALLS, _tick(at, ticks))


def legend(several: Iterable[TrendMarks]) -> str:
    """Return how to read plots with such marks."""
    marked = list(several)
    directions = {direction for marks in marked for direction, _ in marks.changes}
    listed = ["Box: the bounds of the last point"]
    listed += ["Dashed line: the target"] if any(marks.target is not None for marks in marked) else []
    listed += [
        f"{mark}: the rate {went}"
        for mark, word, went in (("▲", "rise", "rose"), ("▼", "fall", "fell"))
        if word in directions
    ]
    return ". ".join(listed)


def _article(step: str) -> str:
    return step if step[0].isdigit() else f"{'an' if step == 'hour' else 'a'} {step}"


def _at(point: TimedCalls, steps: Steps) -> str:
    day = moment(point.at, hours=steps.step_s < DAY_S)
    week = "the week from " if steps.step_s == WEEK_S else ""
    bounds = point.failed.bounds
    return f"{week}{day}: {percent(point.count / point.n)} of {plural(point.n, 'call')} failed {interval(bounds.lower, bounds.upper)}"


def _runs(steps: Steps) -> Iterator[list[int]]:
    """Yield the places of points without a gap between them."""
    run: list[int] = []
    for place, point in enumerate(steps.points):
        if run and point.at > steps.points[run[-1]].at + steps.step_s:
            yield run
            run = []
        run.append(place)
    yield run


def _ticks(first: float, end: float) -> Iterator[int]:
    """Yield the times that the axis names: few, and whole ones."""
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
    if span_s > 300 * DAY_S:
        return f"{_MONTHS[time.month - 1]} {time.year}"
    if len(ticks) > 1 and ticks[1] - ticks[0] < DAY_S and time.hour:
        return f"{time.hour:02}:00"
    return short_day(time)


def short_day(time: date) -> str:
    """Write a day without its year.

    >>> short_day(time_of(1_763_683_200))
    'Nov 21'
    """
    return f"{_MONTHS[time.month - 1]} {time.day}"
