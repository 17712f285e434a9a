# SPDX-License-Identifier: Apache-2.0
"""Drawings of a page as SVG: scales, marks, and rows of rates.

Rules: A drawing refers to nothing outside it, and its colors are those of the page's style sheet. It is as wide as a phone.
Each mark has a tooltip with its figures, and a description has them for readers who don't see it. Nothing depends on color
alone. The same figures give the same bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor, log10
from typing import TYPE_CHECKING, NamedTuple
from xml.etree import ElementTree as ET

from schema_guard.report.document import Tone
from schema_guard.text import interval, plural, safe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

# In units of the view box: about the width of a phone, so that letters stay legible there.
WIDTH = 400
RIGHT = 24
FONT_SIZE = 13

_ROW, _TOP, _BOTTOM = 46, 24, 44
# Half the size of a mark, and half the height of a bar of bounds.
_MARK, _BAR = 5, 5
# The width of a letter, if the browser has no narrower font.
_LETTER = 0.6 * FONT_SIZE
# Over more powers of ten than this, the marks 2 and 5 would touch.
_MANY_DECADES = 2.3
# A rate that is so much smaller than its target is drawn as 0.
_FAR_BELOW = 300
_MOST_TICKS = 5

MOST_ROWS = 12
"""Most rows that readers can tell apart at a glance."""
SIDES = {Tone.GOOD: "below", Tone.BAD: "above", Tone.OPEN: "not decided"}
"""The side of the target of each tone, in words."""
HOW_TO_READ = "A circle is below the target, a square above it, and a diamond needs more data. The scale is logarithmic."
"""How to read rates beside their target."""
# The mark of each tone, so that nothing depends on color alone.
_MARKS = {Tone.GOOD: "circle", Tone.BAD: "square", Tone.OPEN: "diamond", Tone.PLAIN: "circle"}


@dataclass(frozen=True, slots=True)
class Plot:
    """A drawing, or the reason why there is none.

    Attributes:
        title: Subject of the drawing.
        caption: How to read it.
        svg: None if data is missing.
        missing: The reason why there is none; `""` if there is one.
    """

    title: str
    caption: str
    svg: str | None
    missing: str = ""


class RateRow(NamedTuple):
    """A rate in a row of its own.

    Attributes:
        label: The text above its mark.
        rate: A fraction.
        lower: Its lower bound.
        upper: Its upper bound.
        tone: Its side of the target, which sets its mark and its color.
        target: The share that may fail. None if there is no target.
        is_muted: Whether it is grey, because it decides nothing.
    """

    label: str
    rate: float
    lower: float
    upper: float
    tone: Tone = Tone.PLAIN
    target: float | None = None
    is_muted: bool = False

    @property
    def color(self) -> str:
        """The color of the mark and the bar, as the style sheet names it."""
        if self.is_muted:
            return "muted"
        return "series1" if self.tone is Tone.PLAIN else self.tone.value


class Scale(NamedTuple):
    """A mapping of values to units of the view box."""

    low: float
    high: float
    start: float
    end: float
    is_log: bool = False

    def __call__(self, value: float) -> float:
        """Return the place of a value. A value beyond an end is drawn at that end."""
        value = min(max(value, self.low), self.high)
        if self.is_log:
            share = log10(value / self.low) / log10(self.high / self.low)
        else:
            share = (value - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)

    def ticks(self) -> list[float]:
        """Return a few round values between the ends."""
        if self.is_log:
            steps = (1, 2, 5) if log10(self.high / self.low) < _MANY_DECADES else (1,)
            powers = range(floor(log10(self.low)), ceil(log10(self.high)) + 1)
            values = [float(f"{step}e{power}") for power in powers for step in steps]
            return [value for value in values if self.low <= value <= self.high]
        power = floor(log10((self.high - self.low) / _MOST_TICKS))
        sizes = [float(f"{step}e{power}") for step in (1, 2, 5, 10)]
        size = next((one for one in sizes if (self.high - self.low) / one <= _MOST_TICKS), sizes[-1])
        return [at * size for at in range(ceil(self.low / size), floor(self.high / size) + 1)]


class Svg:
    """An SVG element in the making.

    Args:
        name: Begins each id in it. Two drawings of a page have different names.
        title: Subject of the drawing.
        description: The subject for readers who don't see it.
        height: In units of the view box.
    """

    def __init__(self, name: str, title: str, description: str, height: float) -> None:
        self._root = ET.Element("svg", {
            "viewBox": f"0 0 {WIDTH} {height:g}", "role": "img", "font-size": str(FONT_SIZE),
            "aria-labelledby": f"{name}-title {name}-description",
        })  # fmt: skip
        for tag, word, text in (("title", "title", title), ("desc", "description", description)):
            ET.SubElement(self._root, tag, {"id": f"{name}-{word}"}).text = safe(text)

    def __str__(self) -> str:
        """Return the element as text."""
        return ET.tostring(self._root, encoding="unicode")

    def _add(self, tag: str, tooltip: str = "", **attributes: float | str) -> ET.Element:
        written = {
            name.replace("_", "-"): value if isinstance(value, str) else f"{value:.5g}"
            for name, value in attributes.items()
        }
        element = ET.SubElement(self._root, tag, written)
        if tooltip:
            ET.SubElement(element, "title").text = safe(tooltip)
        return element

    def line(
        self, points: Iterable[tuple[float, float]], color: str, width: float = 1.2, dash: str = "none"
    ) -> None:
        """Join points by a line."""
        path = " ".join(f"{x:.5g},{y:.5g}" for x, y in points)
        self._add("polyline", points=path, fill="none", stroke=_var(color), stroke_width=width, stroke_dasharray=dash)  # fmt: skip

    def area(self, points: Iterable[tuple[float, float]], color: str) -> None:
        """Fill an area. Its outline keeps it visible on every ground."""
        path = " ".join(f"{x:.5g},{y:.5g}" for x, y in points)
        self._add("polygon", points=path, fill=_var(color), fill_opacity=0.16, stroke=_var(color), stroke_width=0.8)  # fmt: skip

    def bar(self, x: tuple[float, float], y: tuple[float, float], color: str, tooltip: str = "") -> None:
        """Draw a box between two places on each axis. Its outline keeps it visible on every ground."""
        (left, right), (top, bottom) = sorted(x), sorted(y)
        self._add(
            "rect", tooltip, x=left, y=top, width=right - left, height=max(bottom - top, 0.5), fill=_var(color),
            fill_opacity=0.22, stroke=_var(color), stroke_width=1,
        )  # fmt: skip

    def text(self, x: float, y: float, text: str, *, anchor: str = "start", color: str = "ink") -> None:
        """Write a text, whose end stays inside the drawing."""
        wide = len(text) * _LETTER
        left = x - wide * {"start": 0, "middle": 0.5, "end": 1}[anchor]
        left = max(min(left, WIDTH - wide), 0)
        x = left + wide * {"start": 0, "middle": 0.5, "end": 1}[anchor]
        self._add("text", x=x, y=y, fill=_var(color), text_anchor=anchor).text = safe(text)

    def mark(self, x: float, y: float, shape: str, color: str, tooltip: str, size: float = _MARK) -> None:
        """Draw a mark with its tooltip."""
        if shape == "circle":
            self._add("circle", tooltip, cx=x, cy=y, r=size, fill=_var(color))
            return
        corners = {
            "square": "-1,-1 1,-1 1,1 -1,1",
            "diamond": "0,-1.3 1.3,0 0,1.3 -1.3,0",
            "rise": "0,-1 1,1 -1,1",
            "fall": "0,1 1,-1 -1,-1",
        }[shape]
        pairs = [corner.split(",") for corner in corners.split()]
        path = " ".join(f"{x + size * float(dx):.5g},{y + size * float(dy):.5g}" for dx, dy in pairs)
        self._add("polygon", tooltip, points=path, fill=_var(color))

    def axis_below(self, scale: Scale, y: float, words: Callable[[float], str], title: str = "") -> None:
        """Draw a horizontal axis with its ticks, and its title below them."""
        self.line([(scale.start, y), (scale.end, y)], "muted")
        for value in scale.ticks():
            self.tick_below(scale(value), y, words(value))
        if title:
            self.text((scale.start + scale.end) / 2, y + 36, title, anchor="middle", color="muted")

    def tick_below(self, x: float, y: float, text: str) -> None:
        """Draw a tick of a horizontal axis."""
        self.line([(x, y), (x, y + 4)], "muted")
        self.text(x, y + 18, text, anchor="middle", color="muted")

    def axis_left(self, scale: Scale, x: float, words: Callable[[float], str]) -> None:
        """Draw a vertical axis with its ticks."""
        self.line([(x, scale.start), (x, scale.end)], "muted")
        for value in scale.ticks():
            self.line([(x - 4, scale(value)), (x, scale(value))], "muted")
            self.text(x - 7, scale(value) + 4, words(value), anchor="end", color="muted")


def _var(color: str) -> str:
    return f"var(--{color})"


def plot_rates(title: str, caption: str, rows: Sequence[RateRow], axis: str, *, name: str) -> Plot:
    """Draw rates with their bounds, one below the other, each with its label at its mark.

    Args:
        title: As `Plot` has it.
        caption: As `Plot` has it.
        rows: The first is on top. The tables have those beyond `MOST_ROWS`.
        axis: The title of the axis.
        name: As `Svg` takes it.
    """
    left_out = len(rows) - MOST_ROWS
    rows = rows[:MOST_ROWS]
    bounds = [f"{row.label} {interval(row.lower, row.upper)}" for row in rows]
    bottom = _TOP + _ROW * len(rows)
    targets = {row.target for row in rows if row.target is not None}
    target = f"Target {percent_tick(min(targets))}. " if len(targets) == 1 else ""
    drawing = Svg(name, title, f"{target}{'; '.join(bounds)}.", bottom + _BOTTOM)
    scale = _rates_scale(rows)
    if target:
        drawing.text(scale(min(targets)), 14, f"target {percent_tick(min(targets))}", anchor="middle")
    for place, (row, tooltip) in enumerate(zip(rows, bounds, strict=True)):
        label, y = _TOP + _ROW * place + 14, _TOP + _ROW * place + 30
        drawing.bar((scale(row.lower), scale(row.upper)), (y - _BAR, y + _BAR), row.color, tooltip)
        if row.target is not None:  # not through the labels
            drawing.line([(scale(row.target), y - 9), (scale(row.target), y + 11)], "ink", dash="4 3")
        drawing.mark(scale(row.rate), y, _MARKS[row.tone], row.color, tooltip)
        drawing.text(scale(row.rate), label, row.label, anchor="middle")
    drawing.axis_below(scale, bottom, percent_tick, axis)
    more = (
        f" {plural(left_out, 'more row')} {'is' if left_out == 1 else 'are'} in the tables."
        if left_out > 0
        else ""
    )
    return Plot(title, caption + more, str(drawing))


def _rates_scale(rows: Sequence[RateRow]) -> Scale:
    targets = [row.target for row in rows if row.target is not None]
    highest = max([*targets, *(row.upper for row in rows)])
    if not targets:
        return Scale(0.0, min(1.05 * highest, 1.0) or 1.0, RIGHT, WIDTH - RIGHT)
    smallest = min([*targets, *(row.rate for row in rows if row.rate > 0)])
    low = max(smallest / 10, min(targets) / _FAR_BELOW)
    return Scale(low, min(highest * 1.3, 1.0), RIGHT, WIDTH - RIGHT, is_log=True)


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
