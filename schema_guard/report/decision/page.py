# SPDX-License-Identifier: Apache-2.0
"""A verdict as one static page: one screen with the answer and its plots, and below it, folded, every table.

Rules: those of `report.page`; the same verdict gives the same bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from schema_guard.report.decision.document import document_of
from schema_guard.report.decision.headline import slide_of
from schema_guard.report.decision.plots import plots_of
from schema_guard.report.over_time import HourOfGroup
from schema_guard.report.page import check_extra, page
from schema_guard.report.trends import TrendMarks, trend_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from schema_guard.decide import Verdict


def decision_page(
    verdict: Verdict,
    *,
    hours: Iterable[tuple[int, int, int]] = (),
    changes: Iterable[tuple[str, int]] = (),
    title: str | None = None,
) -> str:
    """Give a verdict as an HTML document that needs no network and no script.

    Args:
        verdict: As `decide` gives it.
        hours: For each hour with calls in production: its start in seconds since the epoch, its calls, and its failed
            calls. With none there is no rate over time.
        changes: Direction of each change of that rate, `rise` or `fall`, and when it was.
        title: What the page is about; None names the verdict.

    Raises:
        MissingExtra: jinja2 or matplotlib is not installed.
    """
    figures = verdict.as_dict()
    check_extra("decision_page")
    trend = trend_of(
        (HourOfGroup(0, *hour) for hour in hours),
        TrendMarks(figures["config"]["target"], tuple(changes), _change_sentence(figures)),
    )
    plots = plots_of(figures, trend)
    return page(document_of(verdict), plots=plots, title=title, slide=slide_of(figures, plots=len(plots)))


def _change_sentence(figures: Mapping[str, Any]) -> str:
    """Say when the rate of what is in use changed, and what changed then."""
    changes = [change["text"] for change in figures.get("change", {}).values()]
    return f"{changes[0][0].upper()}{changes[0][1:]}." if changes else ""
