# SPDX-License-Identifier: Apache-2.0
"""The page of a result, inside a frame that runs no script."""

from __future__ import annotations

import json
from html import escape
from typing import TYPE_CHECKING, Any

from schema_guard.bench.result.page import result_page
from schema_guard.bench.result.values import BenchResult
from schema_guard.decide.verdict import Verdict
from schema_guard.errors import MissingExtra
from schema_guard.report.decision.page import decision_page
from schema_guard.report.document import Document, Fact, Quote, Section, Table, Tone
from schema_guard.report.page import page
from schema_guard.report.report_page import report_page
from schema_guard.text import plural

if TYPE_CHECKING:
    from schema_guard.report import Report
    from schema_guard.values import Attempt, Outcome

_MOST_CHARS = 4_000
_LOW_PX, _HIGH_PX = 480, 640


def as_html(result: Outcome[Any] | Report | Verdict | BenchResult) -> str | None:
    """Return a result as HTML for a notebook, or None if jinja2 isn't installed, so that the notebook shows its text."""
    height = _HIGH_PX
    try:
        if isinstance(result, Verdict):
            text = decision_page(result)
        elif isinstance(result, BenchResult):
            text = result_page(result)
        elif isinstance(result, tuple):
            text, height = page(_document_of(result), title="schema-guard outcome"), _LOW_PX
        else:
            text = report_page(result)
    except MissingExtra:
        return None
    # `sandbox` forbids scripts and forms. The attribute is escaped once more than the texts of the page.
    return f'<iframe sandbox style="width:100%;height:{height}px;border:0" srcdoc="{escape(text)}"></iframe>'


def _document_of(outcome: Outcome[Any]) -> Document:
    attempts = plural(len(outcome.attempts), "attempt")
    if outcome.failure is None:
        title, tone = f"{outcome.call.function} returned a valid value after {attempts}", Tone.GOOD
    else:
        title, tone = f"{outcome.call.function} failed after {attempts}", Tone.BAD
    rows = tuple(map(_row, outcome.attempts))
    # Few columns, so that the result of an attempt shows in a narrow cell.
    columns = ("attempt", "result", "output tokens", "seconds")
    sections = [Section("Attempts", table=Table(columns, rows, (0, 1)))]
    if outcome.ok:
        value = json.dumps(outcome.value, ensure_ascii=False, default=repr)[:_MOST_CHARS]
        sections.insert(0, Section("Result", quotes=(Quote("Value", "", value),)))
    schema = Fact("schema", f"{outcome.call.schema_name} ({outcome.call.schema_fingerprint})")
    return Document(title, (schema,), tuple(sections), tone)


def _row(attempt: Attempt) -> tuple[str, ...]:
    failure = attempt.failure
    tokens = attempt.usage.output_tokens
    return (
        f"{attempt.number}, {attempt.strategy}",
        attempt.form or "valid" if failure is None else f"{failure.kind}: {failure.message}",
        "unknown" if tokens is None else f"{tokens:,}",
        f"{attempt.elapsed_s:.2f}",
    )
