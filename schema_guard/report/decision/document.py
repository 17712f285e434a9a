# SPDX-License-Identifier: Apache-2.0
"""A verdict as a document: the head, then the details.

Rules: those of the head and of the sections.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from schema_guard.report.as_text import as_text
from schema_guard.report.decision.head import facts_of
from schema_guard.report.decision.plain_words import label, meaning, tone_of
from schema_guard.report.decision.sections import sections_of
from schema_guard.report.document import Document, Fact, Section
from schema_guard.text import exact_percent, interval, odds, percent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from schema_guard.decide import Verdict

    Figures = Mapping[str, Any]

# Of the answer alone, as text: what a terminal shows at once.
_MOST_LINES = 25


def document_of(verdict: Verdict) -> Document:
    """Return a verdict as a document: the answer first in plain words, the details below it."""
    figures = verdict.as_dict()
    return Document(
        title=f"VERDICT: {label(figures)} - {meaning(figures)}",
        facts=tuple(facts_of(figures)),
        sections=(_why(figures), *sections_of(figures)),
        tone=tone_of(figures),
    )


def head_of(verdict: Verdict, *, width: int | None = None) -> Document:
    """Return the answer without details: a document of at most 25 lines of text in a width, as `as_text` takes it."""
    whole = document_of(verdict)
    more = Fact("more", "add --full for all figures, the playbook, and what would change the answer")
    facts = list(whole.facts)
    while True:
        head = whole._replace(facts=(*facts, more), sections=())
        if len(as_text(head, width=width).splitlines()) <= _MOST_LINES or not facts:
            return head
        facts.pop()


def _why(figures: Figures) -> Section:
    """Return the reasons of the verdict that neither its head nor a table has."""
    lines = [figures["why"]]
    if figures.get("not_fixable_by_decoding", {}).get("k"):
        target = figures["config"]["target"]
        unfixable = figures["not_fixable_by_decoding"]
        lines.append(
            f"{unfixable['k']:,.6g} failures are of a kind that strict decoding can't fix. Their rate is at least {percent(unfixable['lower'], -1, target)}, and the target is {exact_percent(target)}"
        )
    if "paired" in figures:
        paired = figures["paired"]
        lines.append(
            f"on the same inputs, the tuned model is {'proved' if paired['better'] else 'not proved'} to be better: odds "
            f"{odds(paired['e_value'])}, {interval(paired['lower'], paired['upper'])} fewer calls failed"
        )
    return Section("Why", lines=tuple(lines))
