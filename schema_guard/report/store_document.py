# SPDX-License-Identifier: Apache-2.0
"""The document of `report`: one section for each schema, its groups of calls the worst first.

Rules: a group of several configurations is followed by a row for each of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from schema_guard.configuration.early_stop import NOT_COMPARED, stops_early
from schema_guard.configuration.recorded_settings import loss_lines, repair_in_words, repairers_of
from schema_guard.configuration.thinking import thinking_of
from schema_guard.pointer import pointer
from schema_guard.records.rows import TRIALS
from schema_guard.records.selection import NO_SEGMENT
from schema_guard.records.times import moment
from schema_guard.report.document import Document, Fact, Section, Table
from schema_guard.report.first_lines import (
    configuration_facts,
    distinct_names,
    failing_facts,
    headline,
    next_step,
    unexplained_of,
)
from schema_guard.report.words import BOUNDS, RECORDED, bounded, excluded_cell, readable, shortened, tokens
from schema_guard.text import clip, percent, plural

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from schema_guard.configuration.excluded_calls import ExcludedCalls
    from schema_guard.report.figures import By, Configuration, Report
    from schema_guard.report.pools import AskedModel

_CODES = 8
PARSED = "parsed by your function"
# Reasoning is reported above this share of the output.
_MUCH_REASONING = 0.1


def document_of(report: Report) -> Document:
    """Return a report as a document."""
    lost_records = Fact("lost records", _lost_records(report))
    if not report.configurations:
        nothing = report.nothing or f"no data, because no guarded call is recorded in {report.store}"
        return Document(nothing, (lost_records,))
    schemas: dict[tuple[str, str], list[tuple[str, Configuration]]] = {}
    names = [_name_of(group, report.by) for group in report.groups]
    for name, group in zip(shortened(names), report.groups, strict=True):
        schemas.setdefault((group.schema, group.schema_fingerprint), []).append((name, group))
    facts = (
        *configuration_facts(report, names),
        *failing_facts(report, names),
        lost_records,
        *_rows(report),
        Fact("bounds", BOUNDS),
    )
    return Document(
        headline(report, names),
        (*facts, *next_step(report)),
        tuple(_section(report, *about, groups) for about, groups in schemas.items()),
    )


def _rows(report: Report) -> Iterator[Fact]:
    if report.rows_since is not None:
        yield Fact(
            "rows",
            f"since {moment(report.rows_since, hours=False)}; older rows were deleted, but the counts still include their calls",
        )


def names_of(report: Report, size: int) -> list[str]:
    """Return a name for each group of a report in *size* characters, with its schema if there are several."""
    schemas = {(group.schema, group.schema_fingerprint) for group in report.groups}
    names = shortened([_name_of(group, report.by) for group in report.groups], size)
    if len(schemas) == 1:
        return names
    schema_names = shortened([group.schema for group in report.groups], size // 2)
    known = [schema for schema, _ in schemas]
    return [
        f"{name} ({schema}{f' {group.schema_fingerprint}' if known.count(group.schema) > 1 else ''})"
        for name, schema, group in zip(names, schema_names, report.groups, strict=True)
    ]


def _lost_records(report: Report) -> str:
    if not report.lost_records:
        return "none"
    reasons = ", ".join(f"{reason} {count:,}" for reason, count in sorted(report.lost_records.items()))
    return f"{reasons} (attempts that could not be stored)"


def _section(
    report: Report, schema: str, fingerprint: str, groups: Sequence[tuple[str, Configuration]]
) -> Section:
    rows: list[tuple[str, ...]] = []
    lines: list[str] = []
    shows_traffic = any(configuration.traffic for configuration in report.configurations)
    for name, group in groups:
        members = report.members(group)
        rows.append((name, *_row(group, is_marked=shows_traffic)))
        if len(members) == 1:
            lines += _details(name, members[0])
            continue
        for member, configuration in zip(distinct_names(members), members, strict=True):
            rows.append((f"  {member}", *_row(configuration, is_marked=shows_traffic)))
            lines += _details(f"{name} {member}", configuration)
        lines += _again(name, group)
        if group.failures is None:
            lines.append(f"{name}: {NOT_COMPARED}")
    names = (one.function or "" for _, group in groups for one in report.members(group))
    functions = sorted({name for name in names if name and not name.startswith(TRIALS)})
    # Rows by function or version name their function.
    shared = len(functions) > 1 and report.by in ("model", "segment")
    of = f", functions {', '.join(map(clip, functions))}" if shared else ""
    return Section(
        f"schema {clip(schema)} ({fingerprint}){of}",
        table=Table(
            (
                report.by,
                "n",
                "clean",
                "valid first time",
                "fixed by retry",
                "failed",
                "excluded",
                *(("traffic",) if shows_traffic else ()),
            ),
            tuple(rows),
            (0, 7) if shows_traffic else (0,),
        ),
        lines=tuple(lines),
    )


def _name_of(group: Configuration, by: By) -> str:
    if by == "segment":
        return group.segment or NO_SEGMENT
    if by == "model":
        return group.model or "unknown"
    return readable(group.function or "") + (f" {clip(group.version or '')}" if by == "version" else "")


def _row(configuration: Configuration, *, is_marked: bool) -> tuple[str, ...]:
    rates = (configuration.valid_first_time, configuration.fixed_by_retry, configuration.failed)
    traffic = (_traffic(configuration),) if is_marked else ()
    clean = PARSED if _is_parsed(configuration) else bounded(configuration.clean)
    return (
        f"{configuration.calls:,}",
        clean,
        *map(bounded, rates),
        excluded_cell(configuration.excluded),
        *traffic,
    )


def _is_parsed(configuration: Configuration) -> bool:
    """Return whether the function parsed all valid replies, so that their text is unknown."""
    return 0 < configuration.parsed == configuration.valid_first_time.count and not configuration.traffic


def _traffic(configuration: Configuration) -> str:
    """Return the part of the traffic that a rate is about."""
    parts = [RECORDED if traffic is None else traffic.short for traffic in configuration.traffic]
    return " + ".join(dict.fromkeys(parts)) or RECORDED


def _details(name: str, configuration: Configuration) -> Iterator[str]:
    known = configuration.attempts - configuration.unknown_usage
    of = f" (known for {plural(known, 'attempt')})" if 0 < known < configuration.attempts else ""
    way = "" if configuration.strategies in name.split() else f" with {configuration.strategies}"
    yield (
        f"{name}: {plural(configuration.attempts, 'attempt')} on {clip(configuration.model or 'an unknown model')}"
        f"{way}. Tokens: {_tokens(configuration)}{of}. {_duration(configuration)}"
    )
    yield from _models(name, configuration)
    if configuration.repaired.count:
        yield f"{name}: repaired replies: {configuration.repaired.count:,g}, {bounded(configuration.repaired)}"
    stopped = configuration.stopped
    if stopped is not None and stopped.judged:
        after = f", after a median of {stopped.median_characters:,} characters" if stopped.attempts else ""
        yield f"{name}: early stop ended {stopped.attempts:,} of {stopped.judged:,} replies{after}"
    is_first = stops_early(configuration.settings) and stopped is not None and stopped.attempts > 0
    first = " (only the first one of each stopped reply)" if is_first else ""
    if configuration.failures:
        listed = ", ".join(f"{kind} ({code}) {n:,}" for kind, code, n in configuration.failures[:_CODES])
        more = len(configuration.failures) - _CODES
        yield f"{name}: failed attempts by kind{first}: {listed}{f' and {more} other codes' if more > 0 else ''}"
    if configuration.violations:
        listed = ", ".join(
            f"{pointer(place)} ({keyword}) {n:,}" for place, keyword, n in configuration.violations
        )
        yield f"{name}: schema violations by location{first}: {listed}"
    yield from _coerced(name, configuration)
    if configuration.content:
        from schema_guard.extensions import load  # only checked values need the part

        yield from (f"{name}: {line}" for line in load("content").lines_of(configuration.content))
    if reasoning := _much_reasoning(configuration):
        yield f"{name}: {reasoning:,} of the output tokens are for reasoning{_thinking_note(configuration)}"
    for line in loss_lines(configuration.settings):
        yield f"{name}: {line}"
    yield from _exclusion_lines(name, configuration)


def _much_reasoning(configuration: Configuration) -> int:
    """Return the reasoning tokens if they are a good part of the output, otherwise 0."""
    reasoning, output = configuration.reasoning_tokens or 0, configuration.output_tokens or 0
    return reasoning if reasoning > _MUCH_REASONING * output else 0


def _models(name: str, configuration: Configuration) -> Iterator[str]:
    """Yield a line for each model of an escalation."""
    for one in configuration.models:
        yield f"{name}: model {clip(one.model)}: {plural(one.attempts, 'attempt')}, {one.failed:,} failed. Tokens: {_tokens(one)}"


def _coerced(name: str, configuration: Configuration) -> Iterator[str]:
    """Yield a line about the values that the schema's type converted."""
    if configuration.coerced:
        listed = ", ".join(f"{pointer(place)} {change} ({n})" for place, change, n in configuration.coercions)
        calls = plural(configuration.calls - configuration.unseen, "call")
        yield f"{name}: your type converted values in {configuration.coerced:,} of {calls}: {listed}"


def _thinking_note(configuration: Configuration) -> str:
    """Return a note if no recorded option sets the effort: calls with another effort are then counted together."""
    return "" if thinking_of(configuration.settings) else ", although no recorded option requests it"


def _again(name: str, configuration: Configuration) -> Iterator[str]:
    """Yield the number of calls that continue the call before them."""
    if configuration.answered_again:
        yield (
            f"{name}: in {plural(configuration.answered_again, 'call')}, the tuned model gave no valid reply, and the prompt "
            "answered. Each counts as one call: fixed by retry if the prompt's reply is valid, otherwise failed"
        )


def _exclusion_lines(name: str, configuration: Configuration) -> Iterator[str]:
    """Yield the calls that a rate, or every rate, leaves out."""
    if configuration.unseen:
        yield (
            f"{name}: in {plural(configuration.unseen, 'call')}, a library inside your function may have retried. schema_guard sees only "
            "the final result, so these calls have no data for clean, valid first time, and fixed by retry"
        )
    if repaired := repairers_of(configuration.settings):
        yield f"{name}: {repair_in_words(repaired)}"
    textless = configuration.calls - configuration.unseen - configuration.clean.n
    if textless and not _is_parsed(configuration):
        why = ", because your function parsed it" if configuration.parsed else ""
        yield f"{name}: in {plural(textless, 'call')}, the text of the valid reply is unknown{why}. They have no data for clean"
    for traffic in configuration.traffic:
        if traffic is not None:
            yield f"{name}: {traffic.text}"
    if configuration.transport:
        yield f"{name}: excluded calls by cause: {', '.join(_causes(configuration))}"
    if unknown := unexplained_of(configuration):
        failed = configuration.failed.count + unknown.calls
        rate = percent(failed / (configuration.calls + unknown.calls))
        yield f"{name}: {unknown.text}, and the cause is unknown. If these are failures, {rate} of calls failed"


def _causes(configuration: Configuration) -> Iterator[str]:
    """Yield the number of calls for each cause, with their exceptions."""
    causes: dict[str, list[ExcludedCalls]] = {}
    for calls in configuration.excluded:
        causes.setdefault(calls.cause, []).append(calls)
    for cause, several in causes.items():
        ways = [f"{way.exception or way.code} {way.calls:,}" for way in several[:_CODES]]
        more = len(several) - _CODES
        endings = ", ".join(map(clip, ways)) + (f" and {more} others" if more > 0 else "")
        yield f"{cause} {sum(way.calls for way in several):,} ({endings})"


def _tokens(used: Configuration | AskedModel) -> str:
    if used.input_tokens is None and used.output_tokens is None:
        return "unknown"
    return f"{tokens(used.input_tokens)} input, {tokens(used.output_tokens)} output"


def _duration(configuration: Configuration) -> str:
    median, p95 = configuration.elapsed_p50_s, configuration.elapsed_p95_s
    if median is None or p95 is None:
        return "Duration: unknown"
    return f"Duration: median {median:.2f} s, p95 {p95:.2f} s"
