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
    for found in report.configurations:
        groups.setdefault((found.schema, found.schema_fingerprint, found.model), []).append(found)
    return Document(
        f"report: {plural(len(report.configurations), 'configuration')} of "
        f"{plural(len({found.schema_fingerprint for found in report.configurations}), 'schema')}",
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
            tuple((name, *_row(found)) for name, found in named),
        ),
        lines=tuple(line for name, found in named for line in _details(name, found)),
    )


def _names(configurations: Sequence[Configuration]) -> list[str]:
    """Give the strategies of each; where some have the same ones, also what tells them apart."""
    names = []
    for found in configurations:
        alike = [other for other in configurations if other.strategies == found.strategies]
        told = [
            f"{part} {clip(getattr(found, part) or 'none')}"
            for part in ("target", "settings", "version")
            if len({getattr(other, part) for other in alike}) > 1
        ]
        names.append(found.strategies + (f" ({', '.join(told)})" if told else ""))
    return names


def _row(found: Configuration) -> tuple[str, ...]:
    rates = (found.exact, found.first_pass, found.reasked, found.unhandled)
    return str(found.calls), *map(bounded, rates)


def _details(name: str, found: Configuration) -> Iterator[str]:
    used = f"{tokens(found.input_tokens)}/{tokens(found.output_tokens)}"
    seconds = f"{_seconds(found.elapsed_p50_s)}/{_seconds(found.elapsed_p95_s)}"
    yield f"{name} took {found.attempts} attempts, tokens in/out {used}, seconds p50/p95 {seconds}"
    if found.repaired.count:
        yield f"{name} repaired {found.repaired.count:g} calls: {bounded(found.repaired)} %"
    if found.failures:
        told = ", ".join(f"{kind} {code} {n}" for kind, code, n in found.failures[:_CODES])
        more = len(found.failures) - _CODES
        yield f"{name} failed: {told}{f' and {more} other codes' if more > 0 else ''}"
    if found.violations:
        told = ", ".join(f"{pointer(place)} {keyword} {n}" for place, keyword, n in found.violations)
        yield f"{name} broke: {told}"
    if found.transport:
        yield f"{name}: {found.transport} calls without a reply, outside of the rates"


def _seconds(seconds: float | None) -> str:
    return "?" if seconds is None else f"{seconds:.2f}"
