"""A report as plain text: fits a terminal of 110 columns, pipes, and shows no stranger's text unescaped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schema_guard.core.pointer import pointer
from schema_guard.text import clip, safe

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schema_guard.report.figures import Configuration, Report
    from schema_guard.stats import Rate

NO_DATA = "no data"
BOUNDS_NOTE = (
    "[lower, upper]: each side holds with 95 % at every look, however often you look; n counts calls"
)


def as_text(report: Report) -> str:
    """Give a report as text that ends without a line break."""
    if not report.configurations:
        return f"{NO_DATA}: no guarded call is recorded in {safe(report.store)}{_drops(report)}"
    blocks = [_block(report, name) for name in dict.fromkeys(_heading(c) for c in report.configurations)]
    return "\n\n".join([*blocks, BOUNDS_NOTE]) + _drops(report)


def _heading(found: Configuration) -> tuple[str, str, str | None]:
    return found.schema, found.schema_fingerprint, found.model


def _block(report: Report, heading: tuple[str, str, str | None]) -> str:
    rows = [found for found in report.configurations if _heading(found) == heading]
    named = list(zip(_names(rows), rows, strict=True))
    name, fingerprint, model = heading
    lines = [f"schema {safe(clip(name))} ({fingerprint}), model {safe(clip(model or 'unknown'))}"]
    lines += table(
        ("strategy", "n", "exact %", "first pass %", "after re-ask %", "unhandled %"),
        [(name, *_row(found)) for name, found in named],
    )
    for name, found in named:
        lines += _details(name, found)
    return "\n".join(lines)


def _names(rows: Sequence[Configuration]) -> list[str]:
    """Give the strategies of each row; where rows have the same ones, also what tells them apart."""
    names = []
    for found in rows:
        alike = [row for row in rows if row.strategies == found.strategies]
        told = [
            f"{part} {safe(clip(getattr(found, part) or 'none'))}"
            for part in ("target", "settings", "version")
            if len({getattr(row, part) for row in alike}) > 1
        ]
        names.append(safe(found.strategies) + (f" ({', '.join(told)})" if told else ""))
    return names


def _row(found: Configuration) -> tuple[str, ...]:
    rates = (found.exact, found.first_pass, found.reasked, found.unhandled)
    return str(found.calls), *(percent(rate) for rate in rates)


def percent(rate: Rate) -> str:
    """Write a rate and its bounds in percent: `12.5 [3.1, 30.2]`, or `no data`."""
    if rate.rate is None or rate.lower is None or rate.upper is None:
        return NO_DATA
    return f"{100 * rate.rate:.1f} [{100 * rate.lower:.1f}, {100 * rate.upper:.1f}]"


def _details(name: str, found: Configuration) -> list[str]:
    tokens = f"{_count(found.input_tokens)}/{_count(found.output_tokens)}"
    seconds = f"{_seconds(found.elapsed_p50_s)}/{_seconds(found.elapsed_p95_s)}"
    lines = [f"  {name} took {found.attempts} attempts, tokens in/out {tokens}, seconds p50/p95 {seconds}"]
    if found.repaired.count:
        lines.append(f"  {name} repaired {found.repaired.count:g} calls: {percent(found.repaired)} %")
    if found.failures:
        told = ", ".join(f"{kind} {safe(code)} {n}" for kind, code, n in found.failures[:8])
        more = len(found.failures) - 8
        lines.append(f"  {name} failed: {told}{f' and {more} other codes' if more > 0 else ''}")
    if found.violations:
        told = ", ".join(
            f"{safe(pointer(place))} {safe(keyword)} {n}" for place, keyword, n in found.violations
        )
        lines.append(f"  {name} broke: {told}")
    if found.transport:
        lines.append(f"  {name}: {found.transport} calls without a reply, outside of the rates")
    return lines


def _drops(report: Report) -> str:
    if not report.drops:
        return "\ndropped: none"
    told = ", ".join(f"{safe(reason)} {count}" for reason, count in sorted(report.drops.items()))
    return f"\ndropped: {told} (attempts that could not be stored)"


def _count(tokens: int | None) -> str:
    return "?" if tokens is None else str(tokens)


def _seconds(seconds: float | None) -> str:
    return "?" if seconds is None else f"{seconds:.2f}"


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Give the lines of a table; columns are as wide as their widest cell, all but the first flush right."""
    cells = [list(header), *(list(row) for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(header))]
    return [
        "  "
        + "  ".join(
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in cells
    ]
