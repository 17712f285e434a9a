# SPDX-License-Identifier: Apache-2.0
"""The document of `report`: one section for each schema, its groups of calls the worst first.

Rules: a group of several configurations is followed by a row for each of them.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from schema_guard.configuration.early_stop import NOT_COMPARED, stops_early
from schema_guard.configuration.gateway_repair import in_words, repairers_of
from schema_guard.configuration.loss import loss_lines, without_schemas
from schema_guard.configuration.prompt import layout_of, without_layout
from schema_guard.configuration.thinking import thinking_of
from schema_guard.configuration.traffic import again_of, without_fallback
from schema_guard.decide.exclusions import unexplained
from schema_guard.decide.failing_places import failing_places
from schema_guard.pointer import pointer
from schema_guard.records.rows import TRIALS
from schema_guard.records.selection import NO_SEGMENT
from schema_guard.records.urls import command_on
from schema_guard.report.document import Document, Fact, Section, Table
from schema_guard.report.over_time import DAY_S
from schema_guard.report.words import (
    BOUNDS,
    CAUSES,
    RECORDED,
    bounded,
    excluded_cell,
    failed_text,
    failing,
    moment,
    readable,
    shortened,
    tokens,
)
from schema_guard.text import clip, percent, plural

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from schema_guard.decide.exclusions import Unexplained
    from schema_guard.report.asked_models import AskedModel
    from schema_guard.report.figures import By, Configuration, ExcludedFigures, Report
    from schema_guard.report.present_calls import PresentCalls
    from schema_guard.stats import Rate

_CODES = 8
PARSED = "parsed by your function"
# Reasoning is reported above this share of the output.
_MUCH_REASONING = 0.1
_MOST_FAILING = 3
_LAST_DAY = "in the 24 hours before the last call"


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
        *_configurations(report, names),
        *_fails_at(report, names),
        lost_records,
        *_rows(report),
        Fact("bounds", BOUNDS),
    )
    return Document(
        _headline(report, names),
        (*facts, *_next(report)),
        tuple(_section(report, *about, groups) for about, groups in schemas.items()),
    )


def _headline(report: Report, names: Sequence[str]) -> str:
    """Return the answer in one sentence: which functions fail, and which ones have calls of unknown cause."""
    own = [one for one in zip(names, report.groups, strict=True) if _is_own(one[1])]
    unknown = [f"{name}: {found.text}" for name, group in own if (found := _unexplained(group))]
    if len(unknown) > 1:
        unknown = [f"{plural(len(unknown), report.by)} have calls of unknown cause"]
    return "; ".join([_failures(report, names), *unknown])


def _is_own(group: Configuration) -> bool:
    """Return whether a group is in use, and not of trials."""
    return not group.is_gone and not (group.function or "").startswith(TRIALS)


def _failures(report: Report, names: Sequence[str]) -> str:
    """Return which functions fail now, and how often the worst one does."""
    groups = sorted(zip(names, report.groups, strict=True), key=_worst_first)
    own = [one for one in groups if _is_own(one[1])] or groups
    rated = [one for one in own if _in_use(one[1]).n]
    if not rated:
        of = plural(len({name for name, _ in own}), report.by)
        return f"{of}, and no call has a reply that can be validated"
    name, worst = rated[0]
    text = f"{name}: {_rate_text(report, worst)}"
    failed = len({name for name, group in rated if _in_use(group).count})
    of_all = len({name for name, _ in rated})
    if len(rated) == 1 or (failed and of_all == 1):
        return text
    of = plural(of_all, report.by)
    if not failed:
        is_changed = any(group.in_use for _, group in rated)
        return f"No call of {of} failed{' with the configurations in use' if is_changed else ''}{_since(report.since)}"
    return f"{failed} of {of} {'has' if failed == 1 else 'have'} failed calls. The worst is {text}"


def _in_use(group: Configuration) -> Rate:
    """Return the failure rate of a group's configurations in use."""
    return group.failed if group.in_use is None else group.in_use.failed


def _since(at: float | None, *, hours: bool = False) -> str:
    return "" if at is None else f" since {moment(at, hours=hours)}"


def _rate_text(report: Report, group: Configuration) -> str:
    """Return the failure rate of the newest calls in words, then that of all calls of the configurations in use."""
    rate, day, since = _in_use(group), group.last_day, _since(report.since)
    if group.in_use is not None:
        used = [name for name, one in _members(report, group) if one.calls and not one.is_gone]
        what = used[0] if len(used) == 1 else f"the {len(used)} configurations in use"
        since = f" with {what}{_since(group.in_use.since, hours=True)}"
    whole = _failed_text(rate, f"calls{since} failed")
    if day is None or _began_in(day, group):
        return whole
    if not day.failed.n:
        return f"{whole}, no validated reply {_LAST_DAY}"
    return f"{_failed_text(day.failed, f'calls {_LAST_DAY} failed')}, {percent(rate.count / rate.n)} of {rate.n:,}{since}"


def _began_in(day: PresentCalls, group: Configuration) -> bool:
    """Return whether the configurations in use began in the last day."""
    began = None if group.in_use is None else group.in_use.since
    return began is not None and day.since is not None and began >= day.since


def _members(report: Report, group: Configuration) -> list[tuple[str, Configuration]]:
    """Return the configurations of a group with their names."""
    members = report.members(group)
    return list(zip(_distinct_names(members), members, strict=True))


def _failed_text(rate: Rate, what: str) -> str:
    """Return a failure rate in words, with the bound that matters."""
    lower, upper = rate.bounds.lower, rate.bounds.upper
    bound = f"at least {percent(lower, -1)}" if lower else f"at most {percent(upper, 1)}"
    return failed_text(rate.count, rate.n, *([] if rate.lower is None else [bound]), what=what)


def _configurations(report: Report, names: Sequence[str]) -> Iterator[Fact]:
    """Yield the switches of the day before the last call, and the configurations in use that fail at different rates."""
    if report.by != "function":
        return
    ended = max((group.last_call or 0.0 for group in report.groups if _is_own(group)), default=0.0)
    for name, group in zip(names, report.groups, strict=True):
        whose, used, members = (
            f"{name}: " if len(set(names)) > 1 else "",
            group.in_use,
            _members(report, group),
        )
        if used is not None and used.is_switch and (used.since or 0.0) >= ended - DAY_S:
            gone = [one for one in members if one[1].is_gone]
            old, calls = max(gone, key=lambda one: one[1].last_call or 0.0, default=("another schema", group))
            rate = f": {_failed_text(calls.failed, 'its calls failed')}" if gone and calls.failed.n else ""
            yield Fact("switched", f"{whose}on {moment(used.since or 0.0)} UTC, from {old}{rate}")
        rates = [(one.failed, name) for name, one in members if one.failed.n and not one.is_gone]
        rates.sort(key=lambda one: -one[0].bounds.lower)
        if (
            _is_own(group)
            and rates
            and rates[0][0].bounds.lower > min(rate.bounds.upper for rate, _ in rates)
        ):
            listed = [
                f"{one} {percent(rate.rate or 0.0)} of {rate.n:,}" for rate, one in rates[:_MOST_FAILING]
            ]
            yield Fact("in use", f"{whose}{', '.join(listed)}")


def _next(report: Report) -> Iterator[Fact]:
    """Yield the command that decides about the function that fails most."""
    own = [group for group in report.groups if group.function and _is_own(group)]
    if own:
        worst = max(own, key=lambda group: group.present.lower or 0.0)
        yield Fact("next", command_on(report.store, "decide", "--function", str(worst.function)))


def _fails_at(report: Report, names: Sequence[str]) -> Iterator[Fact]:
    """Yield the place at which most failed replies fail, of the groups that fail most."""
    failing_groups = [
        (name, text)
        for name, group in sorted(zip(names, report.groups, strict=True), key=_worst_first)
        if not group.is_gone and (text := failing_text(group))
    ]
    for name, text in failing_groups[:_MOST_FAILING]:
        yield Fact("fails at", f"{name}: {text}" if len(names) > 1 else text)
    if len(failing_groups) > _MOST_FAILING:
        yield Fact("fails at", f"and {plural(len(failing_groups) - _MOST_FAILING, f'more {report.by}')}")


def _worst_first(named: tuple[str, Configuration]) -> float:
    return -(named[1].present.lower or 0.0)


def failing_text(group: Configuration) -> str:
    """Return the places at which most failed replies of the last day fail, or of those in use; `""` for none."""
    day, used = group.last_day, group.in_use or group
    is_older = day is not None and not _began_in(day, group)
    if day is not None and is_older and (places := failing_places(day.failures, day.violations)):
        return f"{failing(places)} {_LAST_DAY}"
    places = failing_places(used.failures or (), used.violations or ())
    return failing(places) if places else ""


def _rows(report: Report) -> Iterator[Fact]:
    if report.rows_since is not None:
        yield Fact(
            "rows",
            f"since {moment(report.rows_since, hours=False)}; older rows were deleted, and their calls are still counted",
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
        for member, configuration in zip(_distinct_names(members), members, strict=True):
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


def _distinct_names(members: Sequence[Configuration]) -> list[str]:
    """Return the names of the configurations of a group: their strategies, and their other differences."""
    layouts = {layout_of(configuration.settings or "") for configuration in members} - {None}
    words = {
        part: [_part(configuration, part, is_laid_out=len(layouts) > 1) for configuration in members]
        for part in ("function", "model", "provider", "settings", "version")
    }
    parts = {part: of_members for part, of_members in words.items() if len(set(of_members)) > 1}
    names = []
    for at, configuration in enumerate(members):
        differences = ", ".join(
            clip(of_members[at]) if part == "settings" else f"{part} {clip(of_members[at])}"
            for part, of_members in parts.items()
        )
        again = again_of(configuration.settings or "")
        place = f" in the place of {clip(again.after)}" if again is not None else ""
        names.append(
            f"{configuration.strategies}{place} ({differences})"
            if differences
            else f"{configuration.strategies}{place}"
        )
    return names


def _part(configuration: Configuration, part: str, *, is_laid_out: bool) -> str:
    named: str = getattr(configuration, part) or "none"
    if part == "function":
        return readable(named)
    if part != "settings":
        return named
    return _in_words(without_schemas(without_fallback(named if is_laid_out else without_layout(named))))


def _in_words(settings: str) -> str:
    """Return settings as `max_attempts=3 repair=lossless`, or as they are if they are not a JSON object."""
    try:
        parts = json.loads(settings)
        words = [f"{name}={_value(parts[name])}" for name in sorted(parts)]
    except (ValueError, TypeError):
        return settings
    return " ".join(words) or "default settings"


def _value(setting: Any) -> str:
    return setting if isinstance(setting, str) else json.dumps(setting, separators=(",", ":"))


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


def _unexplained(configuration: Configuration) -> Unexplained | None:
    """Return the calls of unknown cause, unless they are few."""
    excluded = ((way.code, way.exception, way.calls) for way in configuration.excluded)
    return unexplained(excluded, configuration.calls, 0.0)


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
    yield (
        f"{name}: {plural(configuration.attempts, 'attempt')} on {clip(configuration.model or 'an unknown model')} with "
        f"{configuration.strategies}. Tokens: {_tokens(configuration)}{of}. {_duration(configuration)}"
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
        yield f"{name}: {reasoning:,} of the output tokens are reasoning{_thinking_note(configuration)}"
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
        yield f"{name}: the type converted values in {configuration.coerced:,} of {calls}: {listed}"


def _thinking_note(configuration: Configuration) -> str:
    """Return a note if no recorded option sets the effort: calls with another effort are then counted together."""
    return "" if thinking_of(configuration.settings) else ", and no recorded option asks for it"


def _again(name: str, configuration: Configuration) -> Iterator[str]:
    """Yield the number of calls that continue the call before them."""
    if configuration.answered_again:
        yield (
            f"{name}: in {plural(configuration.answered_again, 'call')}, the tuned model gave no valid reply, and the prompt "
            "answered. Each is one call here: fixed by retry if the prompt's reply is valid, otherwise failed"
        )


def _exclusion_lines(name: str, configuration: Configuration) -> Iterator[str]:
    """Yield the calls that a rate, or every rate, leaves out."""
    if configuration.unseen:
        yield (
            f"{name}: in {plural(configuration.unseen, 'call')}, a library inside your function may have retried. schema_guard sees only "
            "the final result, so these calls have no data for clean, valid first time, and fixed by retry"
        )
    if repaired := repairers_of(configuration.settings):
        yield f"{name}: {in_words(repaired)}"
    textless = configuration.calls - configuration.unseen - configuration.clean.n
    if textless and not _is_parsed(configuration):
        why = ", because your function parsed it" if configuration.parsed else ""
        yield f"{name}: in {plural(textless, 'call')}, the text of the valid reply is unknown{why}. They have no data for clean"
    for traffic in configuration.traffic:
        if traffic is not None:
            yield f"{name}: {traffic.text}"
    if configuration.transport:
        yield f"{name}: excluded calls by cause: {', '.join(_causes(configuration))}"
    if unknown := _unexplained(configuration):
        failed = configuration.failed.count + unknown.calls
        rate = percent(failed / (configuration.calls + unknown.calls))
        yield f"{name}: {unknown.text}, and the cause is unknown. If these are failures, {rate} of calls failed"


def _causes(configuration: Configuration) -> Iterator[str]:
    """Yield the number of calls for each cause, with their exceptions."""
    causes: dict[str, list[ExcludedFigures]] = {}
    for calls in configuration.excluded:
        causes.setdefault(calls.cause, []).append(calls)
    for cause, several in causes.items():
        ways = [f"{way.exception or way.code} {way.calls:,}" for way in several[:_CODES]]
        more = len(several) - _CODES
        endings = ", ".join(map(clip, ways)) + (f" and {more} others" if more > 0 else "")
        yield f"{CAUSES[cause]} {sum(way.calls for way in several):,} ({endings})"


def _tokens(used: Configuration | AskedModel) -> str:
    if used.input_tokens is None and used.output_tokens is None:
        return "unknown"
    return f"{tokens(used.input_tokens)} input, {tokens(used.output_tokens)} output"


def _duration(configuration: Configuration) -> str:
    median, p95 = configuration.elapsed_p50_s, configuration.elapsed_p95_s
    if median is None or p95 is None:
        return "Duration: unknown"
    return f"Duration: median {median:.2f} s, p95 {p95:.2f} s"
