# SPDX-License-Identifier: Apache-2.0
"""The plots of a result: rates, format against content, cost against failures, and what fails where.

Rules: a plot shows figures of the result and nothing else; each has a sentence that tells the same without sight; a
plot without data is None, and the page says what is missing. Nothing depends on colour alone: columns differ by
their marks and carry their numbers.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from schema_guard.bench.result.sections import shown
from schema_guard.report.drawing import (
    MARKS,
    SERIES,
    Plot,
    label_rows,
    legend_below,
    legend_room,
    new_figure,
    percent_tick,
    short_number,
    top_down,
    write_axis,
)
from schema_guard.report.inline_svg import COLOURS, FONT_SIZE, inline_svg
from schema_guard.report.words import bounded, share
from schema_guard.text import clip, safe

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from schema_guard.bench.result.values import BenchResult, ColumnResult

# So many letters leave room for the rates beside them.
_NAME_CHARS = 30

# Over so many columns the cells of the failure map hold whole numbers only, and a caption no names.
_FEW_COLUMNS = 6

# More rows than this are not told apart at a glance; the tables have them all.
_MOST_FAILURES = 14

_NO_CALLS = "no call has a judged reply"


class _Shown(NamedTuple):
    """A column with data: its number from 1, its name as it is shown, its figures."""

    number: int
    name: str
    column: ColumnResult

    @property
    def label(self) -> str:
        return f"{self.number} {self.name}"


class _Point(NamedTuple):
    """A column on a plane."""

    shown: _Shown
    x: float
    y: float


def plots_of(result: BenchResult) -> list[Plot]:
    """Draw the plots of a result."""
    columns = [
        _Shown(number, _short_name(safe(shown(column.name))), column)
        for number, column in enumerate(result.columns, 1)
        if column.calls
    ]
    return [
        rates_plot(columns),
        plane_plot(columns),
        cost_plot(columns, result.setup.currency),
        failures_plot(result, columns),
    ]


def rates_plot(columns: Sequence[_Shown]) -> Plot:
    """Draw first pass and unhandled of every column, with their bounds."""
    title = "How calls went"
    if not columns:
        return Plot(title, "", None, _NO_CALLS)
    told = "; ".join(
        f"{one.name}: first pass {bounded(one.column.first_pass)}, unhandled {bounded(one.column.unhandled)}"
        for one in columns
    )
    return Plot(
        title,
        "Circle: valid at the first attempt, without repair. Square: no attempt was valid. Line: the bounds.",
        inline_svg(
            lambda: _rates_figure(columns), name="rates", title=title, description=f"In percent. {told}."
        ),
    )


def plane_plot(columns: Sequence[_Shown]) -> Plot:
    """Draw right values over valid ones."""
    title = "Format against content"
    if not columns:
        return Plot(title, "", None, _NO_CALLS)
    told = "; ".join(
        f"{one.name}: valid {share(_valid(one))}%, right {share(_rate(one.column.right.rate))}%"
        for one in columns
    )
    return Plot(
        title,
        "Valid is not right: a column on the dashed line has only right values among its valid ones. Lines: the bounds.",
        inline_svg(lambda: _plane_figure(columns), name="plane", title=title, description=f"{told}."),
    )


def cost_plot(columns: Sequence[_Shown], currency: str | None) -> Plot:
    """Draw what fails over what a call takes, with the columns that no other one beats in both."""
    unit = "output tokens a call" if currency is None else f"{safe(shown(currency))} a call"
    title = "Failures against cost"
    points = [
        _Point(one, spent, _rate(one.column.unhandled.rate))
        for one in columns
        if (spent := _spent(one.column, has_prices=currency is not None)) is not None
    ]
    if not points:
        return Plot(title, "", None, f"{unit} are unknown")
    front = pareto_front([(point.x, point.y) for point in points])
    told = "; ".join(f"{p.shown.name}: {p.x:.4g} {unit}, unhandled {share(p.y)}%" for p in points)
    best = ", ".join(p.shown.name for p in points if (p.x, p.y) in front)
    return Plot(
        title,
        "The dashed line joins the columns that no other one beats in both. Low and left is better.",
        inline_svg(
            lambda: _cost_figure(points, front, unit),
            name="cost",
            title=title,
            description=f"{told}. Not beaten in both: {best}.",
        ),
    )


def failures_plot(result: BenchResult, columns: Sequence[_Shown]) -> Plot:
    """Draw how often each kind of failure comes in each column."""
    title = "What fails where"
    counts: Counter[str] = Counter()
    cells: Counter[tuple[str, int]] = Counter()
    calls = {one.number: one.column.calls for one in columns}
    for failure in result.failures:
        if failure.column + 1 not in calls:
            continue
        name = clip(safe(f"{failure.kind} {failure.keyword or failure.code}"), _NAME_CHARS)
        counts[name] += failure.attempts
        cells[name, failure.column + 1] += failure.attempts
    names = sorted(counts, key=lambda name: (-counts[name], name))[:_MOST_FAILURES]
    if not names or not columns:
        return Plot(title, "", None, "no attempt failed" if columns else _NO_CALLS)
    per_100 = {(name, number): 100 * attempts / calls[number] for (name, number), attempts in cells.items()}
    told = "; ".join(
        f"{name}: {', '.join(f'{one.name} {per_100.get((name, one.number), 0):.1f}' for one in columns)}"
        for name in names
    )
    return Plot(
        title,
        f"Failed attempts for 100 calls, by kind and keyword, or code where no keyword was broken. {_numbers(columns)}",
        inline_svg(
            lambda: _failures_figure(names, columns, per_100),
            name="failures",
            title=title,
            description=f"Failed attempts for 100 calls. {told}.",
        ),
    )


def _numbers(columns: Sequence[_Shown]) -> str:
    if len(columns) > _FEW_COLUMNS:
        return "Columns have the numbers of the other plots."
    return f"Columns: {', '.join(one.label for one in columns)}."


def pareto_front(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Give the points that no other one is below and left of, from the left.

    >>> pareto_front([(3, 1), (1, 3), (2, 3), (2, 2), (4, 1)])
    [(1, 3), (2, 2), (3, 1)]
    """
    front: list[tuple[float, float]] = []
    for point in sorted(set(points)):
        if not front or point[1] < front[-1][1]:
            front.append(point)
    return front


def _short_name(name: str) -> str:
    """Cut the middle out of a name that is too long: its model begins it, its strategy ends it."""
    if len(name) <= _NAME_CHARS:
        return name
    return f"{name[: _NAME_CHARS // 3]}…{name[1 - 2 * _NAME_CHARS // 3 :]}"


def _rate(rate: float | None) -> float:
    """Give a rate of a column that has calls."""
    assert rate is not None
    return rate


def _valid(one: _Shown) -> float:
    return 1 - _rate(one.column.unhandled.rate)


def _spent(column: ColumnResult, *, has_prices: bool) -> float | None:
    """Give the money, without prices the output tokens, of a call in which they are known."""
    spent, unknown = (
        (column.cost, column.unknown_cost) if has_prices else (column.output_tokens, column.unknown_tokens)
    )
    known = column.calls + column.lost - unknown
    return None if spent is None or known <= 0 else spent / known


def _styled(columns: Sequence[_Shown]) -> Iterator[tuple[_Shown, str, str]]:
    """Give every column its colour and its mark; twenty columns have twenty different pairs."""
    for one in columns:
        at = one.number - 1
        yield one, SERIES[at % len(SERIES)], MARKS[at % len(MARKS)]


def _rates_figure(columns: Sequence[_Shown]) -> Figure:
    figure, (axis,) = new_figure(66 + 46 * len(columns), left=24)
    axis.set_xlim(0, 1)
    label_rows(
        axis, [f"{one.label}: unhandled {share(_rate(one.column.unhandled.rate))}%" for one in columns]
    )
    for row, one in top_down(columns):
        for rate, colour, mark, height in (
            (one.column.first_pass, COLOURS["pass"], "o", row + 0.09),
            (one.column.unhandled, COLOURS["fail"], "s", row - 0.15),
        ):
            axis.plot([rate.lower or 0, rate.upper or 0], [height] * 2, color=colour, linewidth=3, alpha=0.5)
            axis.plot(_rate(rate.rate), height, mark, color=colour, markersize=7, clip_on=False)
    axis.set_xlabel("calls")
    write_axis(axis, "x", percent_tick)
    return figure


def _plane_figure(columns: Sequence[_Shown]) -> Figure:
    figure, (axis,) = _new_plane(columns)
    axis.set_xlim(-0.03, 1.03)
    axis.set_ylim(-0.03, 1.03)
    axis.plot([0, 1], [0, 1], color=COLOURS["faint"], linestyle=(0, (4, 3)), linewidth=1.2)
    for one, colour, mark in _styled(columns):
        unhandled, right = one.column.unhandled, one.column.right
        x, y = _valid(one), _rate(right.rate)
        axis.plot(
            [1 - (unhandled.upper or 0), 1 - (unhandled.lower or 0)],
            [y, y],
            color=colour,
            linewidth=1.6,
            alpha=0.45,
        )
        axis.plot([x, x], [right.lower or 0, right.upper or 0], color=colour, linewidth=1.6, alpha=0.45)
        _mark(axis, _Point(one, x, y), colour, mark)
    axis.set_xlabel("valid")
    axis.set_title("right", loc="left", fontsize=FONT_SIZE, color=COLOURS["muted"])
    write_axis(axis, "x", percent_tick)
    write_axis(axis, "y", percent_tick)
    legend_below(axis)
    return figure


def _new_plane(columns: Sequence[object]) -> tuple[Figure, list[Axes]]:
    return new_figure(266 + legend_room(len(columns)), left=52, bottom=legend_room(len(columns)))


def _mark(axis: Axes, point: _Point, colour: str, mark: str) -> None:
    one = point.shown
    axis.plot(
        point.x, point.y, mark, color=colour, markersize=8, label=one.label, linestyle="none", clip_on=False
    )
    axis.annotate(str(one.number), (point.x, point.y), xytext=(7, 5), textcoords="offset points")


def _cost_figure(points: Sequence[_Point], front: Sequence[tuple[float, float]], unit: str) -> Figure:
    figure, (axis,) = _new_plane(points)
    axis.set_xlim(0, 1.12 * max(point.x for point in points) or 1)
    axis.set_ylim(0, min(1.15 * max(point.y for point in points), 1.05) or 0.05)
    axis.plot(*zip(*front, strict=True), color=COLOURS["ink"], linestyle=(0, (4, 3)), linewidth=1.2)
    for point, (_, colour, mark) in zip(points, _styled([p.shown for p in points]), strict=True):
        _mark(axis, point, colour, mark)
    axis.set_xlabel(unit)
    axis.set_title("unhandled calls", loc="left", fontsize=FONT_SIZE, color=COLOURS["muted"])
    axis.locator_params(axis="x", nbins=6)
    write_axis(axis, "x", short_number)
    write_axis(axis, "y", percent_tick)
    legend_below(axis)
    return figure


def _failures_figure(
    names: Sequence[str], columns: Sequence[_Shown], per_100: dict[tuple[str, int], float]
) -> Figure:
    from matplotlib.patches import Rectangle  # an extra, and half a second

    figure, (axis,) = new_figure(62 + 50 * len(names), left=14, bottom=34)
    axis.set_xlim(0, len(columns))
    label_rows(axis, names)
    most = max(per_100.values())
    for row, name in top_down(names):
        for at, one in enumerate(columns):
            amount = per_100.get((name, one.number), 0.0)
            axis.add_patch(
                Rectangle(
                    (at + 0.03, row - 0.36),
                    0.94,
                    0.5,
                    facecolor=COLOURS["fail"],
                    edgecolor=COLOURS["faint"],
                    alpha=0.08 + 0.72 * amount / most,
                    linewidth=0.8,
                )
            )
            axis.text(at + 0.5, row - 0.11, _cell(amount, len(columns)), ha="center", va="center")
    axis.set_xticks([at + 0.5 for at in range(len(columns))], [str(one.number) for one in columns])
    axis.tick_params(axis="x", length=0)
    axis.spines["bottom"].set_visible(False)
    return figure


def _cell(amount: float, number_of_columns: int) -> str:
    """Write failures for 100 calls in a cell, which is narrow where there are many columns."""
    if 0 < amount < 0.5:  # what would be rounded to 0
        return "<1"
    has_three_digits = amount >= 100
    return f"{amount:.0f}" if number_of_columns > _FEW_COLUMNS or has_three_digits else f"{amount:.3g}"
