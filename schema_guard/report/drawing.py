# SPDX-License-Identifier: Apache-2.0
"""What the plots of all pages have in common: their size, axes, rows, marks and colours.

Rules: a plot is as wide as a phone and as high as what it shows; what it shows it also says in a sentence for
who does not see it; nothing depends on colour alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from schema_guard.report.inline_svg import COLOURS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# In units of the view box: about what a phone is wide, so that letters stay legible there.
WIDTH = 460
RIGHT = 24

SERIES = tuple(COLOURS[f"series{number}"] for number in range(1, 5))
MARKS = ("o", "s", "D", "^", "v")


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

    made = Figure(figsize=(WIDTH / 72, height / 72))
    gap, top = 34, 22
    free = height - top - bottom - gap * (len(panels) - 1)
    axes, below = [], height - top
    for share in panels:
        size = free * share / sum(panels)
        below -= size
        axes.append(
            made.add_axes((left / WIDTH, below / height, (WIDTH - left - RIGHT) / WIDTH, size / height))
        )
        below -= gap
    for axis in axes:
        axis.tick_params(length=3, which="major")
        axis.tick_params(length=0, which="minor")
    return made, axes


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


def mark_rows(axis: Axes, at: float, rows: int, *, dashed: bool = True) -> None:
    """Draw an upright line through what rows show, and not through their names."""
    axis.vlines(
        [at] * rows,
        [row - 0.22 for row in range(rows)],
        [row + 0.16 for row in range(rows)],
        color=COLOURS["ink"],
        linestyle=(0, (4, 3)) if dashed else "-",
        linewidth=1.2 if dashed else 1.0,
    )


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


def legend_below(axis: Axes) -> None:
    """Put the legend below the axis, where the figure has left room."""
    axis.legend(loc="upper left", bbox_to_anchor=(-0.02, 0), bbox_transform=axis.transAxes, borderaxespad=3.4)
