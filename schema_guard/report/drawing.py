# SPDX-License-Identifier: Apache-2.0
"""What the plots of all pages have in common: their size, axes, rows, marks and colours.

Rules: a plot is as wide as a phone and as high as what it shows; what it shows it also says in a sentence for
who does not see it; nothing depends on colour alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log10
from typing import TYPE_CHECKING, Any, NamedTuple

from schema_guard.report.inline_svg import COLOURS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# In units of the view box: about what a phone is wide, so that letters stay legible there.
WIDTH = 400
RIGHT = 24

# A line of a legend.
_LEGEND_ROW = 21

# Over so many powers of ten there is room for the marks of the powers only.
_MANY_DECADES = 2.3

# What is so much smaller than a target is as good as 0.
_FAR_BELOW = 300

# What is marked within this share of the axis from its end is named to the other side.
_NEAR_EDGE = 0.15


@dataclass(frozen=True, slots=True)
class Plot:
    """A plot, or why there is none.

    Attributes:
        title: What it shows.
        caption: How to read it.
        svg: None where data is missing.
        missing: What is missing; `""` where nothing is.
    """

    title: str
    caption: str
    svg: str | None
    missing: str = ""


class RateRow(NamedTuple):
    """A rate in a row of its own.

    Attributes:
        label: What stands above it.
        rate: A fraction.
        lower: Of its bounds.
        upper: Of its bounds.
        colour: Of the mark and the line.
        mark: Its form.
    """

    label: str
    rate: float
    lower: float
    upper: float
    colour: str
    mark: str


def rates_figure(rows: Sequence[RateRow], title: str, *, target: float | None = None) -> Figure:
    """Draw rates with their bounds, one below the other.

    Args:
        rows: The first on top.
        title: What the rates are of.
        target: Makes the scale logarithmic, for what matters then are the ratios to it; what is too small stands at
            the left edge.
    """
    figure, (axis,) = new_figure(66 + 40 * len(rows), left=24)
    left = 0.0
    if target is None:
        axis.set_xlim(0, min(1.05 * max(row.upper for row in rows), 1.0))
        axis.locator_params(axis="x", nbins=6)
    else:
        smallest = min([target, *(row.rate for row in rows if row.rate > 0)])
        left = max(smallest / 10, target / _FAR_BELOW)
        axis.set_xscale("log")
        axis.set_xlim(left, min(max([target, *(row.upper for row in rows)]) * 1.3, 1.0))
        mark_1_2_5(axis)
    label_rows(axis, [row.label for row in rows])
    for at, row in top_down(rows):
        axis.plot([max(row.lower, left), row.upper], [at, at], color=row.colour, linewidth=3, alpha=0.55)
        axis.plot(max(row.rate, left), at, row.mark, color=row.colour, markersize=8, clip_on=False)
    if target is not None:
        _name_target(axis, target, len(rows))
    axis.set_xlabel(title)
    write_axis(axis, "x", percent_tick)
    return figure


def _name_target(axis: Axes, target: float, rows: int) -> None:
    lows, highs = ([row + end for row in range(rows)] for end in (-0.22, 0.16))  # not through the names
    axis.vlines([target] * rows, lows, highs, color=COLOURS["ink"], linestyle=(0, (4, 3)), linewidth=1.2)
    low, high = axis.get_xlim()
    is_near = log10(high / target) < log10(high / low) * _NEAR_EDGE
    axis.annotate(
        f"target {percent_tick(target)}",
        (target, 1),
        (0, 6),
        xycoords=axis.get_xaxis_transform(),
        textcoords="offset points",
        # Near an edge the name grows away from it.
        ha="right" if is_near else "center",
        va="bottom",
    )


def mark_1_2_5(axis: Axes) -> None:
    """Mark a logarithmic axis at 1, 2 and 5 of every power of ten, but for so many that they would touch."""
    from matplotlib.ticker import LogLocator  # an extra

    low, high = axis.get_xlim()
    subs = (1.0, 2.0, 5.0) if log10(high / low) < _MANY_DECADES else (1.0,)
    axis.xaxis.set_major_locator(LogLocator(subs=subs, numticks=12))


def new_figure(
    height: float, *, left: float, bottom: float = 44, panels: Sequence[float] = (1,)
) -> tuple[Figure, list[Axes]]:
    """Give a figure with panels one above the other; all sizes in units of the view box.

    Args:
        height: Of the whole.
        left: What is left free for labels.
        bottom: As *left*.
        panels: The shares of the height that they have of each other, from the top.
    """
    from matplotlib.figure import Figure  # an extra, and half a second

    figure = Figure(figsize=(WIDTH / 72, height / 72))
    gap, top = 34, 22
    free = height - top - bottom - gap * (len(panels) - 1)
    axes, below = [], height - top
    for share in panels:
        size = free * share / sum(panels)
        below -= size
        axes.append(
            figure.add_axes((left / WIDTH, below / height, (WIDTH - left - RIGHT) / WIDTH, size / height))
        )
        below -= gap
    for axis in axes:
        axis.tick_params(length=3, which="major")
        axis.tick_params(length=0, which="minor")
    return figure, axes


def write_axis(axis: Axes, side: str, words: Callable[[float], str]) -> None:
    """Let an axis write its values by *words*."""
    ruler = axis.xaxis if side == "x" else axis.yaxis
    ruler.set_major_formatter(lambda value, _: words(value))
    ruler.set_minor_formatter(lambda *_: "")


def label_rows(axis: Axes, names: Sequence[str]) -> None:
    """Make room for one row a name, the first on top, with the name above what the row shows."""
    axis.set_ylim(-0.5, len(names) - 0.25)
    axis.set_yticks([])
    axis.spines["left"].set_visible(False)
    for row, name in top_down(names):
        axis.text(0, row + 0.26, name, transform=axis.get_yaxis_transform(), va="bottom")


def top_down(names: Sequence[Any]) -> Iterator[tuple[int, Any]]:
    """Give each of the rows with its height on the axis, the first the highest."""
    return zip(range(len(names) - 1, -1, -1), names, strict=True)


def percent_tick(share: float) -> str:
    """Write a fraction on an axis, in percent.

    >>> percent_tick(0.125)
    '12.5%'
    """
    return f"{100 * share:.3g}%"


def short_number(count: float) -> str:
    """Write a number on an axis with three digits.

    >>> short_number(1500), short_number(2e6), short_number(20)
    ('1.5k', '2M', '20')
    """
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if count >= size:
            return f"{count / size:.3g}{letter}"
    return f"{count:.3g}"


def legend_room(rows: int) -> int:
    """Give the room that a legend of so many lines needs below an axis and its name."""
    return 50 + _LEGEND_ROW * rows


def legend_below(axis: Axes, *, columns: int = 1) -> None:
    """Put the legend below the axis, where the figure has left room."""
    axis.legend(
        loc="upper left",
        bbox_to_anchor=(-0.02, 0),
        bbox_transform=axis.transAxes,
        borderaxespad=3.1,
        ncols=columns,
        columnspacing=1.2,
    )
