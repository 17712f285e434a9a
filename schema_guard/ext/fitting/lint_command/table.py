# SPDX-License-Identifier: Apache-2.0
"""The table of keywords and providers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schema_guard.ext.fitting.rules.rule import KEYWORDS
from schema_guard.ext.fitting.rules.tables import rules_of
from schema_guard.report.document import Document, Section, Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schema_guard.ext.fitting.rules.rule import Rules

__all__ = ["document_of"]

_GLOSS = (
    "yes: taken and enforced; in part: some uses are not, `lint` says which; rejected, ignored, narrowed: what becomes of "
    "a schema with it; with ?: likely, not known"
)


def document_of(providers: Sequence[str]) -> Document:
    """Return the table of some providers: a row for each keyword, and the rules for every schema."""
    tables = [rules_of(provider) for provider in providers]
    rows = tuple((keyword, *(_cell(table, keyword) for table in tables)) for keyword in sorted(KEYWORDS))
    columns = tuple(range(len(providers) + 1))
    lines = tuple(
        f"{provider}: {'; '.join(table.always)}" for provider, table in zip(providers, tables, strict=True)
    )
    return Document(
        "what becomes of a keyword",
        sections=(
            Section("keywords", _GLOSS, Table(("keyword", *providers), rows, columns)),
            Section("for every schema", lines=lines),
        ),
    )


def _cell(table: Rules, keyword: str) -> str:
    named = [rule for rule in table.rules if rule.keyword == keyword]
    whole = next((rule for rule in named if rule.applies is None), None)
    if whole is not None:
        return whole.effect + ("" if whole.confidence == "high" else "?")
    if keyword in table.takes:
        return "in part" if named else "yes"
    return table.others + ("" if table.confidence == "high" else "?")
