# SPDX-License-Identifier: Apache-2.0
"""A result of a benchmark as a document."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schema_guard.bench.result.headline import headline_of
from schema_guard.bench.result.ranking import names_of
from schema_guard.bench.result.sections import (
    content_section,
    cost_section,
    differences_line,
    differences_section,
    examples_section,
    failed_section,
    format_section,
    gaps_section,
    parts_section,
    shown,
)
from schema_guard.report.document import Fact
from schema_guard.report.words import BOUNDS
from schema_guard.text import plural

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from schema_guard.bench.result.values import BenchResult
    from schema_guard.report.document import Document

# With longer names, or with more of them, a table would be wider than a terminal.
_LONGEST_NAME, _LONGEST_HEADER = 19, 80


def document_of(result: BenchResult, store: str | None = None, *, examples: bool = False) -> Document:
    """Return a result as a document.

    Args:
        result: The result.
        store: URL of the store that a next command names.
        examples: Whether failed replies are shown. Without them, the document fits a terminal or a comment.
    """
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
        examples_section(result, labels) if examples else None,
    )
    findings = headline_of(result, store)
    *facts, next_step = findings.facts
    return findings._replace(
        facts=(*facts, *_facts(result, labels), next_step),
        sections=tuple(section for section in sections if section),
    )


def _labels(result: BenchResult) -> Sequence[str]:
    names = names_of(result)
    fits = (
        all(len(name) <= _LONGEST_NAME for name in names)
        and sum(len(n) + 2 for n in names) <= _LONGEST_HEADER
    )
    return names if fits else [f"#{number}" for number in range(1, len(names) + 1)]


def _facts(result: BenchResult, labels: Sequence[str]) -> Iterator[Fact]:
    setup = result.setup
    models = list(dict.fromkeys(shown(variant.model) for variant in result.variants))
    lost = sum(variant.lost for variant in result.variants)
    epochs = "" if setup.epochs == 1 else f", each task {setup.epochs} times"
    yield Fact("suite", f"{shown(setup.suite)} ({setup.suite_fingerprint}): {_planned_text(result)}")
    yield Fact("model" if len(models) == 1 else "models", ", ".join(models))
    yield Fact(
        "calls",
        f"{plural(len(result.calls), 'call')}, {lost or 'none'} of them lost; at most {plural(setup.max_attempts, 'attempt')} per call{epochs}",
    )
    yield Fact("plan", f"{setup.plan}, seed {setup.seed}, schema-guard {setup.library_version}")
    if setup.started_at is not None:
        yield Fact("began", setup.started_at)
    names = names_of(result)
    yield from (
        Fact(f"variant {label}", name) for label, name in zip(labels, names, strict=True) if label != name
    )
    yield Fact("differences", differences_line(result.comparisons))
    together = "" if len(names) == 1 else ". Bounds in the first line hold for all variants together"
    yield Fact("bounds", f"{BOUNDS}{together}")


def _planned_text(result: BenchResult) -> str:
    """Return the planned part of the suite."""
    setup = result.setup
    schemas = plural(len({call.schema for call in result.calls}), "schema")
    tasks = plural(setup.tasks, "task")
    return f"{schemas}, {tasks}" + (f" of {setup.suite_tasks:,}" if setup.tasks < setup.suite_tasks else "")
