"""A result as plain text: fits a terminal of 110 columns, pipes, and shows no stranger's text unescaped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schema_guard.bench.result.account import (
    asked,
    content_section,
    cost_section,
    differences_section,
    failed_section,
    format_section,
    gaps_section,
    models_of,
    names_of,
    parts_section,
    settings_of,
    shown,
)
from schema_guard.report.as_text import BOUNDS_NOTE, table
from schema_guard.text import safe

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from schema_guard.bench.result.values import BenchResult
    from schema_guard.report.decision_sections import Section

# With longer names, or with more of them, a table would be wider than a terminal.
_LONGEST_NAME, _LONGEST_HEADER = 19, 80


def result_as_text(result: BenchResult) -> str:
    """Give a result as text that ends without a line break."""
    labels = _labels(result)
    sections = (
        format_section(result, labels),
        failed_section(result, labels),
        content_section(result, labels),
        cost_section(result, labels),
        differences_section(result, labels),
        parts_section(result, labels, "difficulty"),
        parts_section(result, labels, "group"),
        parts_section(result, labels, "schema"),
        gaps_section(result),
    )
    blocks = [_heading(result, labels), *(section_as_text(section) for section in sections if section)]
    return "\n\n".join([*blocks, BOUNDS_NOTE])


def _labels(result: BenchResult) -> Sequence[str]:
    names = names_of(result)
    fits = (
        all(len(name) <= _LONGEST_NAME for name in names)
        and sum(len(n) + 2 for n in names) <= _LONGEST_HEADER
    )
    return names if fits else [f"#{number}" for number in range(1, len(names) + 1)]


def _heading(result: BenchResult, labels: Sequence[str]) -> str:
    setup, models = result.setup, models_of(result)
    began = "" if setup.started_at is None else f", {safe(setup.started_at)}"
    who = f"model {models[0]}" if len(models) == 1 else f"{len(models)} models"
    lines = [
        f"suite {shown(setup.suite)} ({safe(setup.suite_fingerprint)}): {asked(result)}",
        f"{who}, {settings_of(result)}{began}",
        *(f"stopped: {safe(reason)}" for reason in setup.stopped),
    ]
    names = names_of(result)
    if labels != names:
        lines += [f"  {label} {name}" for label, name in zip(labels, names, strict=True)]
    return "\n".join(lines)


def section_as_text(section: Section) -> str:
    """Give a section as text: its title, its table, its lines."""
    return "\n".join(_lines(section))


def _lines(section: Section) -> Iterator[str]:
    yield section.title[0].lower() + section.title[1:]
    if section.table:
        yield from table(section.table.header, section.table.rows)
    yield from (f"  {line}" for line in section.lines)
