# SPDX-License-Identifier: Apache-2.0
"""The plots of a result: what fails, what is right, cost against failures, and what fails where.

Rules: a plot shows figures of the result and nothing else; each has a sentence that tells the same without sight; a
plot without data is None, and the page says what is missing. Nothing depends on colour alone: variants differ by
their marks and carry their numbers. The best variant comes first.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from schema_guard.bench.result.ranking import ranked
from schema_guard.bench.result.sections import shown
from schema_guard.bench.result.values import MEASURES
from schema_guard.report.document import Tone
from schema_guard.report.drawing import (
    MARKS,
    SERIES,
    Plot,
    RateRow,
    label_rows,
    legend_below,
    legend_room,
    new_figure,
    percent_tick,
    rates_figure,
    short_number,
    top_down,
    write_axis,
)
from schema_guard.report.inline_svg import COLOURS, FONT_SIZE, inline_svg
from schema_guard.report.words import bounded, share
from schema_guard.text import clip, plural, safe, shortened

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from schema_guard.bench.result.ranking import Ranked
    from schema_guard.bench.result.values import BenchResult, Measure

# So many letters leave room for a number before, a rate and a state behind them.
_NAME_CHARS = 26

# Over so many variants the cells of the failure map hold whole numbers only, and a caption no names.
_FEW_COLUMNS = 6

# More rows than this are not told apart at a glance; the tables have them all.
_MOST_ROWS, _MOST_FAILURES = 12, 14

_NO_CALLS = "no call has a judged reply"

_TITLES: dict[Measure, str] = {
    "format": "Calls without a valid value",
    "content": "Calls with the right value",
}
_STATES = {Tone.GOOD: ", below", Tone.BAD: ", above", Tone.OPEN: ", not decided", Tone.PLAIN: ""}
_COLOURS = {Tone.GOOD: COLOURS["pass"], Tone.BAD: COLOURS["fail"], Tone.OPEN: COLOURS["open"]}
_MARKS = {Tone.GOOD: "o", Tone.BAD: "s", Tone.OPEN: "D"}

# Where the number of a point may stand, in units of the view box from the point, and how large a digit is.
_PLACES = ((7, 4), (-16, 4), (-4, 10), (-4, -19), (12, 12), (12, -18), (-24, 12), (-24, -18), (-26, 4))
_DIGIT, _ABOVE, _BELOW, _MARK = 8.5, 13.0, 4.0, 5.0


class _Shown(NamedTuple):
    """A variant under the name that has room in a plot."""

    name: str
    ranked: Ranked

    @property
    def number(self) -> int:
        return self.ranked.number

    @property
    def label(self) -> str:
        return f"{self.number} {self.name}"


class _Point(NamedTuple):
    """A variant on a plane."""

    shown: _Shown
    x: float
    y: float


def plots_of(result: BenchResult) -> tuple[list[Plot], int]:
    """Draw the plots of a result, and say how many of those that are drawn tell the answer by themselves."""
    ranking = ranked(result)
    names = shortened([safe(variant.name) for variant in ranking], _NAME_CHARS)
    variants = list(map(_Shown, names, ranking))
    first = [*(rates_plot(variants, measure, result.setup.target) for measure in MEASURES)]
    first.append(cost_plot(variants, result.setup.currency))
    return [*first, failures_plot(result, variants)], sum(plot.svg is not None for plot in first)


def rates_plot(variants: Sequence[_Shown], measure: Measure, target: float | None) -> Plot:
    """Draw a rate of every variant with its bounds: of failures against the target, where there is one."""
    title = _TITLES[measure]
    if not variants:
        return Plot(title, "", None, _NO_CALLS)
    goal = target if measure == "format" else None
    rows = [_row(variant, measure, goal) for variant in variants[:_MOST_ROWS]]
    rates = [
        (variant.name, variant.ranked.failed if measure == "format" else variant.ranked.right)
        for variant in variants
    ]
    description = "; ".join(f"{name}: {bounded(rate)} % of {plural(rate.n, 'task')}" for name, rate in rates)
    return Plot(
        title,
        _caption(variants, measure, goal),
        inline_svg(
            lambda: rates_figure(rows, "of the calls", target=goal),
            name="rates" if measure == "format" else "right",
            title=title,
            description=f"{description}.",
        ),
    )


def _caption(variants: Sequence[_Shown], measure: Measure, goal: float | None) -> str:
    together = f", which hold for all {len(variants)} together" if len(variants) > 1 else ""
    sentences = [f"Mark: the rate; line: its bounds{together}."]
    if goal is not None:
        sentences.append(
            "Circle: below the target, square: above, diamond: not decided. The scale is logarithmic."
        )
    elif any(measure in variant.ranked.beaten for variant in variants):
        sentences.append("Grey square: another one is shown to be better.")
    if len(variants) > _MOST_ROWS:
        sentences.append(f"{len(variants) - _MOST_ROWS} more are in the tables.")
    return " ".join(sentences)


def _row(variant: _Shown, measure: Measure, goal: float | None) -> RateRow:
    standing = variant.ranked
    rate = standing.failed if measure == "format" else standing.right
    if goal is None:
        beaten = measure in standing.beaten
        colour, mark, state = COLOURS["muted" if beaten else "series1"], "s" if beaten else "o", ""
    else:
        colour, mark, state = _COLOURS[standing.tone], _MARKS[standing.tone], _STATES[standing.tone]
    label = f"{variant.label}: {share(rate.rate)}%{state}"
    return RateRow(label, rate.rate or 0.0, rate.bounds.lower, rate.bounds.upper, colour, mark)


def cost_plot(variants: Sequence[_Shown], currency: str | None) -> Plot:
    """Draw what fails over what a call takes, with the variants that no other one beats in both."""
    unit = "output tokens a call" if currency is None else f"{safe(shown(currency))} a call"
    title = "Failures against cost"
    points = [
        _Point(variant, spent, variant.ranked.failed.rate or 0.0)
        for variant in variants
        if (spent := variant.ranked.spent(has_prices=currency is not None)) is not None
    ]
    if not points:
        return Plot(title, "", None, f"{unit} are unknown")
    front = pareto_front([(point.x, point.y) for point in points])
    description = "; ".join(f"{p.shown.name}: {p.x:.4g} {unit}, failed {share(p.y)}%" for p in points)
    best = ", ".join(p.shown.name for p in points if (p.x, p.y) in front)
    return Plot(
        title,
        "Low and left is better"
        + ("; the dashed line joins those that no other one beats in both." if len(front) > 1 else "."),
        inline_svg(
            lambda: _cost_figure(points, front, unit),
            name="cost",
            title=title,
            description=f"{description}. Not beaten in both: {best}.",
        ),
    )


def failures_plot(result: BenchResult, variants: Sequence[_Shown]) -> Plot:
    """Draw how often each kind of failure comes in each variant."""
    title = "What fails where"
    variants = sorted(variants, key=lambda one: one.number)
    counts: Counter[str] = Counter()
    cells: Counter[tuple[str, int]] = Counter()
    calls = {variant.number: variant.ranked.variant.calls for variant in variants}
    for failure in result.failures:
        if failure.variant + 1 not in calls:
            continue
        name = clip(safe(f"{failure.kind} {failure.keyword or failure.code}"), _NAME_CHARS)
        counts[name] += failure.attempts
        cells[name, failure.variant + 1] += failure.attempts
    names = sorted(counts, key=lambda name: (-counts[name], name))[:_MOST_FAILURES]
    if not names or not variants:
        return Plot(title, "", None, "no attempt failed" if variants else _NO_CALLS)
    per_100 = {(name, number): 100 * attempts / calls[number] for (name, number), attempts in cells.items()}
    description = "; ".join(
        f"{name}: {', '.join(f'{variant.name} {per_100.get((name, variant.number), 0):.1f}' for variant in variants)}"
        for name in names
    )
    return Plot(
        title,
        f"Failed attempts for 100 calls, by kind and keyword, or code where no keyword was broken. {_numbers(variants)}",
        inline_svg(
            lambda: _failures_figure(names, variants, per_100),
            name="failures",
            title=title,
            description=f"Failed attempts for 100 calls. {description}.",
        ),
    )


def _numbers(variants: Sequence[_Shown]) -> str:
    if len(variants) > _FEW_COLUMNS:
        return "Variants have the numbers of the other plots."
    return f"Variants: {', '.join(variant.label for variant in variants)}."


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


def places_of(
    points: Sequence[tuple[float, float]], texts: Sequence[str]
) -> list[tuple[float, float] | None]:
    """Give where the text of each point stands beside it, clear of all points and of each other; None without room.

    Args:
        points: In units of the view box.
        texts: A number each.

    Returns:
        Offsets of the left lower corners.
    """
    occupied = [(x - _MARK, y - _MARK, x + _MARK, y + _MARK) for x, y in points]
    places: list[tuple[float, float] | None] = []
    for (x, y), text in zip(points, texts, strict=True):
        boxes = (
            (at, (x + at[0], y + at[1] - _BELOW, x + at[0] + _DIGIT * len(text), y + at[1] + _ABOVE))
            for at in _PLACES
        )
        place = next((box for box in boxes if not any(_meet(box[1], other) for other in occupied)), None)
        places.append(None if place is None else place[0])
        occupied += [] if place is None else [place[1]]
    return places


def _meet(one: tuple[float, float, float, float], other: tuple[float, float, float, float]) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _styled(variants: Sequence[_Shown]) -> Iterator[tuple[_Shown, str, str]]:
    """Give every variant its colour and its mark; twenty variants have twenty different pairs."""
    for variant in variants:
        at = variant.number - 1
        yield variant, SERIES[at % len(SERIES)], MARKS[at % len(MARKS)]


def _cost_figure(points: Sequence[_Point], front: Sequence[tuple[float, float]], unit: str) -> Figure:
    room = legend_room(len(points))
    figure, (axis,) = new_figure(200 + room, left=52, bottom=room)
    axis.set_xlim(0, 1.12 * max(point.x for point in points) or 1)
    axis.set_ylim(0, min(1.15 * max(point.y for point in points), 1.05) or 0.05)
    axis.plot(*zip(*front, strict=True), color=COLOURS["ink"], linestyle=(0, (4, 3)), linewidth=1.2)
    for point, (variant, colour, mark) in zip(points, _styled([p.shown for p in points]), strict=True):
        axis.plot(
            point.x,
            point.y,
            mark,
            color=colour,
            markersize=8,
            label=variant.label,
            linestyle="none",
            clip_on=False,
        )
    if len(points) > 1:
        _number(axis, points)
    axis.set_xlabel(unit)
    axis.set_title("calls without a valid value", loc="left", fontsize=FONT_SIZE, color=COLOURS["muted"])
    axis.locator_params(axis="x", nbins=6)
    write_axis(axis, "x", short_number)
    write_axis(axis, "y", percent_tick)
    legend_below(axis)
    return figure


def _number(axis: Axes, points: Sequence[_Point]) -> None:
    """Write its number beside each point, where there is room: its mark is in the legend."""
    at = [tuple(map(float, axis.transData.transform((point.x, point.y)))) for point in points]
    texts = [str(point.shown.number) for point in points]
    for point, text, place in zip(points, texts, places_of([(x, y) for x, y in at], texts), strict=True):
        if place is not None:
            axis.annotate(text, (point.x, point.y), xytext=place, textcoords="offset points")


def _failures_figure(
    names: Sequence[str], variants: Sequence[_Shown], per_100: dict[tuple[str, int], float]
) -> Figure:
    from matplotlib.patches import Rectangle  # an extra, and half a second

    figure, (axis,) = new_figure(62 + 50 * len(names), left=14, bottom=34)
    axis.set_xlim(0, len(variants))
    label_rows(axis, names)
    most = max(per_100.values())
    for row, name in top_down(names):
        for at, variant in enumerate(variants):
            amount = per_100.get((name, variant.number), 0.0)
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
            axis.text(at + 0.5, row - 0.11, _cell(amount, len(variants)), ha="center", va="center")
    axis.set_xticks([at + 0.5 for at in range(len(variants))], [str(variant.number) for variant in variants])
    axis.tick_params(axis="x", length=0)
    axis.spines["bottom"].set_visible(False)
    return figure


def _cell(amount: float, number_of_variants: int) -> str:
    """Write failures for 100 calls in a cell, which is narrow where there are many variants."""
    if 0 < amount < 0.5:  # what would be rounded to 0
        return "<1"
    has_three_digits = amount >= 100
    return f"{amount:.0f}" if number_of_variants > _FEW_COLUMNS or has_three_digits else f"{amount:.3g}"
