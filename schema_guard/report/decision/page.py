# SPDX-License-Identifier: Apache-2.0
"""A verdict as one static page: one screen with the answer and its plots, and below it, folded, every table.

Rules: those of `report.page`; the same verdict gives the same bytes.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

from schema_guard.errors import InvalidArgument
from schema_guard.report.decision.document import document_of
from schema_guard.report.decision.headline import slide_of
from schema_guard.report.decision.plots import plots_of
from schema_guard.report.over_time import HourOfGroup
from schema_guard.report.page import check_extra, page
from schema_guard.report.trends import TrendMarks, trend_of
from schema_guard.text import clip, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from schema_guard.decide import Verdict


def decision_page(
    verdict: Verdict,
    *,
    paths: Mapping[str, Sequence[tuple[int, float]]] | None = None,
    hours: Iterable[tuple[int, int, int]] = (),
    changes: Iterable[tuple[str, int]] = (),
    title: str | None = None,
) -> str:
    """Give a verdict as an HTML document that needs no network and no script.

    Args:
        verdict: As `decide` gives it.
        paths: By strategy id: the calls and the failed calls among them so far, in the order of the
            calls, so that calls rise and failures never fall. None draws the totals only.
        hours: For each hour with calls in production: its start in seconds since the epoch, its calls, and its failed
            calls. With none there is no rate over time.
        changes: Direction of each change of that rate, `rise` or `fall`, and when it was.
        title: What the page is about; None names the verdict.

    Raises:
        InvalidArgument: A path is of no strategy of this verdict, or its counts contradict themselves.
        MissingExtra: jinja2 or matplotlib is not installed.
    """
    figures = verdict.as_dict()
    _check_paths(figures, paths or {})
    check_extra("decision_page")
    trend = trend_of(
        (HourOfGroup(0, *hour) for hour in hours),
        TrendMarks(figures["config"]["target"], tuple(changes), _change_sentence(figures)),
    )
    plots, first = plots_of(figures, paths, trend)
    return page(document_of(verdict), plots=plots, title=title, slide=slide_of(figures, plots=first))


def _change_sentence(figures: Mapping[str, Any]) -> str:
    """Say when the rate of what is in use changed, and what changed then."""
    changes = [change["text"] for change in figures.get("change", {}).values()]
    return f"{changes[0][0].upper()}{changes[0][1:]}." if changes else ""


def _check_paths(figures: Mapping[str, Any], paths: Mapping[str, Sequence[tuple[int, float]]]) -> None:
    known = [*figures.get("rates", ()), *(("tuned",) if "tuned" in figures else ())]
    for name, path in paths.items():
        if name not in known:
            raise InvalidArgument(
                f"paths: expected ids of strategies of this verdict, got {clip(repr(name))}"
                f"{did_you_mean(name, known)}"
            )
        for (n_before, k_before), (n, k) in pairwise([(0, 0), *path]):
            if n <= n_before or not k_before <= k <= n:
                raise InvalidArgument(
                    f"paths[{clip(repr(name))}]: expected calls that rise, and failures that do not fall and are no more "
                    f"than the calls, got ({n}, {k}) after ({n_before}, {k_before})"
                )
        if not path:
            raise InvalidArgument(
                f"paths[{clip(repr(name))}]: expected at least one point, got none: leave it out"
            )
