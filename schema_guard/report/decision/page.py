# SPDX-License-Identifier: Apache-2.0
"""A verdict as one static page: one screen with the answer and its plots, and below it, folded, every table.

The first screen has the first lines of the head, so the page and the text never choose different facts. The same verdict
gives the same bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from schema_guard.report.decision.cost_plot import costs_plot
from schema_guard.report.decision.document import document_of
from schema_guard.report.decision.words import TUNED, label, meaning
from schema_guard.report.document import Tone
from schema_guard.report.drawing import HOW_TO_READ, MOST_ROWS, SIDES, Plot, RateRow, plot_rates
from schema_guard.report.over_time import TimedCalls
from schema_guard.report.page import Slide, check_extra, page
from schema_guard.report.trends import TrendMarks, trend_of
from schema_guard.report.words import shortened
from schema_guard.text import percent, safe

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from schema_guard.decide import Verdict

    Figures = Mapping[str, Any]

# The tone of each state.
_TONES = {"pass": Tone.GOOD, "fail": Tone.BAD, "inconclusive": Tone.OPEN, "unrated": Tone.PLAIN}
# Letters of a name that leave room for a rate and a state beside them.
_NAME_SIZE = 26


def decision_page(
    verdict: Verdict,
    *,
    hours: Iterable[tuple[int, int, int]] = (),
    changes: Iterable[tuple[str, int]] = (),
    title: str | None = None,
) -> str:
    """Return a verdict as an HTML document that needs no network and no script.

    Args:
        verdict: The result of `decide`.
        hours: For each hour with calls in production: its start in seconds since the epoch, its calls, and its failed
            calls. If empty, the page has no rate over time.
        changes: Direction of each change of that rate, `rise` or `fall`, and its time.
        title: Title of the page. None uses the title of the verdict.

    Raises:
        MissingExtra: jinja2 is not installed.
    """
    figures = verdict.as_dict()
    check_extra("decision_page")
    trend = trend_of(
        (TimedCalls(at, failed, calls) for at, calls, failed in hours),
        TrendMarks(figures["config"]["target"], tuple(changes)),
    )
    plots, document = [trend, rates_plot(figures), costs_plot(figures)], document_of(verdict)
    text = meaning(figures)
    headline = f"{text[0].upper()}{text[1:]}."
    slide = Slide.of(headline, document.facts, plots=len(plots), verdict=label(figures))
    return page(document, plots=plots, title=title, slide=slide)


def rates_plot(figures: Figures) -> Plot:
    """Draw every rate with its bounds against the target."""
    title, rated = "Against the target", _rated_of(figures)
    if not rated:
        return Plot(title, "", None, "no strategy has recorded calls")
    target = figures["config"]["target"]
    if len(rated) > MOST_ROWS:
        rated.sort(key=lambda one: -one[1]["lower"])
    caption = f"The mark is the rate, and the box shows its bounds. {HOW_TO_READ}"
    rows = [_row(*row, target) for row in rated]
    return plot_rates(title, caption, rows, "calls that fail", name="rates")


def _rated_of(figures: Figures) -> list[tuple[str, Figures]]:
    """Return every rate with data under the name that is shown."""
    rates = figures.get("rates", figures.get("schemas", {}))
    rows = list(zip(shortened([safe(name) for name in rates], _NAME_SIZE), rates.values(), strict=True))
    if "tuned" in figures:
        rows.append((TUNED, figures["tuned"]))
    return [rated for rated in rows if rated[1]["rate"] is not None]


def _row(name: str, rate: Figures, target: float) -> RateRow:
    tone = _TONES[rate["state"]]
    label = f"{name}: {percent(rate['rate'])}, {SIDES.get(tone, 'not a rate of your traffic')}"
    bounds = rate["lower"], rate["upper"]
    return RateRow(label, rate["rate"], *bounds, tone, target, is_muted=tone is Tone.PLAIN)
