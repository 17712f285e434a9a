# SPDX-License-Identifier: Apache-2.0
"""A result as one static page: one screen with what was found, and below it, folded, every table and examples.

Rules: those of `report.page`; the same result gives the same bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from schema_guard.bench.result.document import whole_document_of
from schema_guard.bench.result.headline import TONES, headline_of
from schema_guard.bench.result.plots import plots_of
from schema_guard.report.page import Slide, check_extra, page

if TYPE_CHECKING:
    from schema_guard.bench.result.headline import Headline
    from schema_guard.bench.result.values import BenchResult
    from schema_guard.report.document import Document

# What of the head says what a result is of.
_WHOSE = ("suite", "model", "models", "calls", "began")


def result_page(result: BenchResult, *, title: str | None = None, store: str | None = None) -> str:
    """Give a result as an HTML document that needs no network and no script.

    Args:
        result: Of a run, or read from a file.
        title: What the page is about; None names the suite.
        store: URL of the store that a next command names. None for the default store.

    Raises:
        MissingExtra: jinja2 or matplotlib is not installed.
    """
    check_extra("result_page")
    document, (plots, first) = whole_document_of(result, store), plots_of(result)
    return page(document, plots=plots, title=title, slide=_slide(headline_of(result, store), document, first))


def _slide(findings: Headline, document: Document, plots: int) -> Slide:
    """Give what stands on the first screen; so many plots, the first, are on it."""
    return Slide(
        verdict=TONES[findings.tone],
        headline=findings.headline,
        whose="; ".join(fact.text for fact in document.facts if fact.label in _WHOSE),
        lines=tuple(f"{fact.label}: {fact.text}" for fact in findings.facts),
        plots=plots,
    )
