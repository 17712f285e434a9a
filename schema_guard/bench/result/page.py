# SPDX-License-Identifier: Apache-2.0
"""A result as one static page: its plots, every table, and examples of failed replies.

Rules: those of `report.page`; the same result gives the same bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from schema_guard.bench.result.document import whole_document_of
from schema_guard.report.page import check_extra, page

if TYPE_CHECKING:
    from schema_guard.bench.result.values import BenchResult


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

    return page(whole_document_of(result), plots=plots_of(result), title=title)
