# SPDX-License-Identifier: Apache-2.0
"""What is recorded, as a document: one section a schema and model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schema_guard.core.pointer import pointer
from schema_guard.report.document import Document, Fact, Section, Table
from schema_guard.report.words import BOUNDS, bounded, tokens
from schema_guard.text import clip, plural

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from schema_guard.report.figures import Configuration, Report

_CODES = 8


def document_of(report: Report) -> Document:
    """Give a report as a document."""
    dropped = Fact("dropped", _dropped(report))
    if not report.configurations:
        return Document(f"no data: no guarded call is recorded in {report.store}", (dropped,))
    groups: dict[tuple[str, str, str | None], list[Configuration]] = {}
    for one in report.configurations:
        groups.setdefault((one.schema, one.schema_fingerprint, one.model), []).append(one)
    return Document(
        f"report: {plural(len(report.configurations), 'configuration')} of "
        f"{plural(len({one.schema_fingerprint for one in report.configurations}), 'schema')}",
        (dropped, Fact("bounds", BOUNDS)),
        tuple(_section(*about, rows) for about, rows in groups.items()),
    )


def _dropped(report: Report) -> str:
    if not report.drops:
        return "none"
    told = ", ".join(f"{reason} {count}" for reason, count in sorted(report.drops.items()))
    return f"{told} (attempts that could not be stored)"


def _section(
    schema: str, fingerprint: str, model: str | None, configurations: Sequence[Configuration]
) -> Section:
    named = list(zip(_names(configurations), configurations, strict=True))
    return Section(
        f"schema {clip(schema)} ({fingerprint}), model {clip(model or 'unknown')}",
        table=Table(
            ("strategy", "n", "exact %", "first pass %", "after re-ask %", "unhandled %"),
            tuple((name, *_row(one)) for name, one in named),
        ),
        lines=tuple(line for name, one in named for line in _details(name, one)),
    )


def _names(configurations: Sequence[Configuration]) -> list[str]:
    """Give the strategies of each; where some have the same ones, also what tells them apart."""
    names = []
    for one in configurations:
        alike = [other for other in configurations if other.strategies == one.strategies]
        told = [
            f"{part} {clip(getattr(one, part) or 'none')}"
            for part in ("target", "settings", "version")
            if len({getattr(other, part) for other in alike}) > 1
        ]
        names.append(one.strategies + (f" ({', '.join(told)})" if told else ""))
    return names


def _row(one: Configuration) -> tuple[str, ...]:
    rates = (one.exact, one.first_pass, one.reasked, one.unhandled)
    return str(one.calls), *map(bounded, rates)


def _details(name: str, one: Configuration) -> Iterator[str]:
    used = f"{tokens(one.input_tokens)}/{tokens(one.output_tokens)}"
    seconds = f"{_seconds(one.elapsed_p50_s)}/{_seconds(one.elapsed_p95_s)}"
    yield f"{name} took {one.attempts} attempts, tokens in/out {used}, seconds p50/p95 {seconds}"
    if one.repaired.count:
        yield f"{name} repaired {one.repaired.count:g} calls: {bounded(one.repaired)} %"
    if one.failures:
        told = ", ".join(f"{kind} {code} {n}" for kind, code, n in one.failures[:_CODES])
        more = len(one.failures) - _CODES
        yield f"{name} failed: {told}{f' and {more} other codes' if more > 0 else ''}"
    if one.violations:
        told = ", ".join(f"{pointer(place)} {keyword} {n}" for place, keyword, n in one.violations)
        yield f"{name} broke: {told}"
    if one.transport:
        yield f"{name}: {one.transport} calls without a reply, outside of the rates"


def _seconds(seconds: float | None) -> str:
    return "?" if seconds is None else f"{seconds:.2f}"
