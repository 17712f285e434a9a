"""A result as one static page: its plots, every table, and examples of failed replies.

Rules: those of `report.page`; the same result gives the same bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from schema_guard.bench.result.account import (
    content_section,
    cost_section,
    differences_section,
    facts_of,
    failure_sections,
    format_section,
    gaps_section,
    matrix_section,
    names_of,
    parts_section,
    shown,
)
from schema_guard.bench.result.values import MEASURES
from schema_guard.report.page import Quote, check_extra, page
from schema_guard.text import plural, safe

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schema_guard.bench.result.values import BenchResult, FailedExample


def result_page(result: BenchResult, *, title: str | None = None) -> str:
    """Give a result as an HTML document that needs no network and no script.

    Args:
        result: Of a run, or read from a file.
        title: What the page is about; None names the suite.

    Raises:
        MissingExtra: jinja2 or matplotlib is not installed.
    """
    check_extra("result_page")
    from schema_guard.bench.result.plots import plots_of  # needs an extra

    labels = names_of(result)
    sections = (
        format_section(result, labels),
        content_section(result, labels),
        cost_section(result, labels),
        differences_section(result, labels),
        *(matrix_section(result, labels, measure) for measure in MEASURES),
        parts_section(result, labels, "difficulty"),
        parts_section(result, labels, "group"),
        parts_section(result, labels, "schema"),
        *failure_sections(result, labels),
        gaps_section(result),
    )
    suite = shown(result.setup.suite)
    return page(
        title=safe(f"schema-guard bench: {suite}" if title is None else title),
        heading=f"{plural(len(labels), 'column')} on the suite {suite}",
        good=not result.setup.stopped,
        facts=facts_of(result),
        plots=plots_of(result),
        sections=[section for section in sections if section],
        quotes=[_quote(example, labels) for example in result.examples],
    )


def _quote(example: FailedExample, labels: Sequence[str]) -> Quote:
    epoch = f", epoch {example.epoch}" if example.epoch else ""
    return Quote(
        heading=f"{labels[example.column]}: {example.kind} {shown(example.code)}",
        gloss=(
            f"{shown(example.schema)}, task {shown(example.task)}{epoch}, attempt {example.attempt}: "
            f"{safe(example.message)}"
        ),
        text=None if example.reply is None else safe(example.reply),
    )
