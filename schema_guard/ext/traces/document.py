# SPDX-License-Identifier: Apache-2.0
"""The result of an import, as a document."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schema_guard.records.urls import command_on
from schema_guard.report.document import Document, Fact, Section, Table, Tone
from schema_guard.report.words import bounded
from schema_guard.stats import Rate
from schema_guard.text import clip, plural

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schema_guard.ext.traces.result import TraceImport


def document_of(result: TraceImport, store: str | None = None) -> Document:
    """Return the result of an import as a document. *store* is the URL of the store that a next command names."""
    done = "would be stored (dry run)" if result.dry_run else "stored"
    return Document(
        f"{_replies(result.replies)} from {plural(result.rows, 'row')}: {plural(result.stored, 'call')} {done}, {result.already_stored} already in the store",
        tuple(_facts(result, store)),
        tuple(_sections(result)),
        tone=Tone.BAD if result.unread else Tone.GOOD,
    )


def _replies(count: int) -> str:
    return "1 reply" if count == 1 else f"{count:,} replies"


def _facts(result: TraceImport, store: str | None) -> Iterator[Fact]:
    yield Fact("traffic", result.traffic.text)
    functions = [
        f"{clip(function)} ({clip(schema)}) {n}" for (function, schema), n in result.functions.most_common()
    ]
    yield Fact("functions", ", ".join(functions) or "none")
    yield Fact("calls", f"{result.calls}, {plural(result.attempts, 'attempt')}")
    failed = Rate.of(result.judged - result.valid, result.judged)
    yield Fact(
        "validated",
        f"{plural(result.judged, 'call')}, {result.valid} of them valid; failed: {bounded(failed)}"
        + ("" if result.traffic.is_rated else f" ({result.traffic.short})"),
    )
    excluded = [f"{n} {cause} ({code})" for (cause, code), n in result.excluded.most_common()]
    yield Fact("excluded", ", ".join(excluded) or "none")
    if result.repeated:
        yield Fact("repeated", f"{_replies(result.repeated)} that occur again in the files")
    if result.unread:
        yield Fact("unread", f"{plural(result.unread, 'place')} in the files (see below)")
    if not result.dry_run and result.calls:
        yield Fact("next", command_on(store, "report"))
        yield Fact("then", command_on(store, "decide"))


def _sections(result: TraceImport) -> Iterator[Section]:
    if result.failures:
        rows = tuple((kind, code, str(n)) for (kind, code), n in result.failures.most_common())
        yield Section("Failed calls", "", Table(("kind", "code", "calls"), rows, (0, 1)))
    if result.left_out:
        rows = tuple(
            (cause, str(counted.rows), ", ".join(map(clip, counted.places)))
            for cause, counted in result.left_out.items()
        )
        yield Section(
            "Left out",
            "Rows without an imported call.",
            Table(("reason", "rows", "first rows"), rows, (0, 2)),
        )
    if result.unreadable:
        lines = [f"{clip(part.place)}: {clip(part.why, 200)}" for part in result.unreadable]
        more = result.unread - len(lines)
        yield Section("Unread", "", lines=(*lines, *((f"and {more} more",) if more else ())))
