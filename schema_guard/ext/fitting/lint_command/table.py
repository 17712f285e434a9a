# SPDX-License-Identifier: Apache-2.0
"""What each target does with each keyword, as a table."""

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


def document_of(targets: Sequence[str]) -> Document:
    """Give the table of some targets: a row for each keyword, and what holds for every schema of them."""
    tables = [rules_of(target) for target in targets]
    rows = tuple((keyword, *(_cell(table, keyword) for table in tables)) for keyword in sorted(KEYWORDS))
    columns = tuple(range(len(targets) + 1))
    lines = tuple(
        f"{target}: {'; '.join(table.always)}" for target, table in zip(targets, tables, strict=True)
    )
    return Document(
        "what becomes of a keyword",
        sections=(
            Section("keywords", _GLOSS, Table(("keyword", *targets), rows, columns)),
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
