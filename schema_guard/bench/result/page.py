# SPDX-License-Identifier: Apache-2.0
"""Write a result as one static page: one screen with the answer, and below it, folded, every table and examples.

The rules are those of `report.page`. The same result gives the same bytes. A plot shows only figures of the result, and
a sentence states the same for readers who can't see it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from schema_guard.bench.result.document import document_of
from schema_guard.bench.result.ranking import ranked
from schema_guard.bench.result.values import MEASURES
from schema_guard.report.document import Tone
from schema_guard.report.drawing import HOW_TO_READ, SIDES, Plot, RateRow, plot_rates
from schema_guard.report.page import Slide, check_extra, page
from schema_guard.report.words import known_percent, shortened
from schema_guard.text import safe

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schema_guard.bench.result.ranking import Ranked
    from schema_guard.bench.result.values import BenchResult, Measure

# This many characters leave room for a number before the name, and a rate and a state after it.
_NAME_CHARS = 26
_TITLES: dict[Measure, str] = {
    "format": "Calls without a valid value",
    "content": "Calls with the right value",
}
_TAUGHT_TITLE = "Calls that agree with the teacher"


def result_page(result: BenchResult, *, store: str | None = None) -> str:
    """Return a result as an HTML document that needs no network and no script.

    Args:
        result: The result of a run, or one read from a file.
        store: URL of the store that a next command names. None for the default store.

    Raises:
        MissingExtra: jinja2 is not installed.
    """
    check_extra("result_page")
    document, variants = document_of(result, store, examples=True), ranked(result)
    titles = _TITLES if result.setup.teacher is None else {**_TITLES, "content": _TAUGHT_TITLE}
    plots = [_rates_plot(variants, measure, result.setup.target, titles[measure]) for measure in MEASURES]
    drawn = sum(plot.svg is not None for plot in plots)
    slide = Slide.of(document.title, document.facts, plots=drawn)
    return page(document, plots=plots, slide=slide)


def _rates_plot(variants: Sequence[Ranked], measure: Measure, target: float | None, title: str) -> Plot:
    """Draw a rate of every variant with its bounds, the best first. Failures are drawn against the target, if any."""
    if not variants:
        return Plot(title, "", None, "no call has a validated reply")
    goal = target if measure == "format" else None
    names = shortened([safe(one.variant.name) for one in variants], _NAME_CHARS)
    rows = [_row(name, one, measure, goal) for name, one in zip(names, variants, strict=True)]
    caption, name = _caption(variants, measure, goal), "rates" if measure == "format" else "right"
    return plot_rates(title, caption, rows, "of the calls", name=name)


def _caption(variants: Sequence[Ranked], measure: Measure, goal: float | None) -> str:
    together = f" The bounds of all {len(variants)} variants together are correct with 95% confidence."
    sentences = [
        f"The mark shows the rate, and the box shows its bounds.{together if len(variants) > 1 else ''}"
    ]
    if goal is not None:
        sentences.append(HOW_TO_READ)
    elif any(measure in one.beaten for one in variants):
        sentences.append("A grey square means that another variant is proved to be better.")
    return " ".join(sentences)


def _row(name: str, one: Ranked, measure: Measure, goal: float | None) -> RateRow:
    rate = one.failed if measure == "format" else one.right
    is_beaten = goal is None and measure in one.beaten
    tone = one.tone if goal is not None else Tone.BAD if is_beaten else Tone.PLAIN
    state = "" if goal is None else f", {SIDES[tone]}"
    label = f"{one.number} {name}: {known_percent(rate.rate)}{state}"
    return RateRow(label, rate.rate or 0.0, rate.bounds.lower, rate.bounds.upper, tone, goal, is_beaten)
