"""A result as Markdown, short enough for a comment on a pull request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schema_guard.bench.result.account import (
    content_section,
    cost_section,
    differences_section,
    facts_of,
    failed_section,
    format_section,
    gaps_section,
    names_of,
    parts_section,
    shown,
)
from schema_guard.report.markdown import escaped, section_as_markdown

if TYPE_CHECKING:
    from schema_guard.bench.result.values import BenchResult


def result_as_markdown(result: BenchResult) -> str:
    """Give a result as Markdown with GitHub's tables; it ends with a line break."""
    labels = names_of(result)
    sections = (
        format_section(result, labels),
        content_section(result, labels),
        cost_section(result, labels),
        differences_section(result, labels),
        parts_section(result, labels, "group"),
        parts_section(result, labels, "schema"),
        failed_section(result, labels),
        gaps_section(result),
    )
    head = [f"# {escaped(f'Benchmark {shown(result.setup.suite)}')}"]
    head += ["\n".join(f"- {escaped(f'{label}: {text}')}" for label, text in facts_of(result))]
    return "\n\n".join([*head, *(section_as_markdown(section) for section in sections if section)]) + "\n"
