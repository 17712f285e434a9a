# SPDX-License-Identifier: Apache-2.0
"""The first lines of a report: which functions fail now, and which configurations are in use.

Rules: functions without calls in the last 14 days, and replaced configurations, are not part of the headline.
"""

from __future__ import annotations

import json
from math import inf
from typing import TYPE_CHECKING, Any

from schema_guard.configuration.recorded_settings import (
    again_of,
    layout_of,
    without_fallback,
    without_layout,
    without_schemas,
)
from schema_guard.decide.breaches import failed_text
from schema_guard.decide.failures import failing_places, unexplained
from schema_guard.records.rows import TRIALS
from schema_guard.records.times import moment
from schema_guard.records.urls import command_on
from schema_guard.report.document import Fact
from schema_guard.report.over_time import DAY_S
from schema_guard.report.words import failing, readable
from schema_guard.text import clip, percent, plural

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from schema_guard.decide.failures import Unexplained
    from schema_guard.report.figures import Configuration, Report
    from schema_guard.report.present_calls import PresentCalls
    from schema_guard.stats import Rate

_MOST_FAILING = 3
# As long as `decide` counts a function among those that share alpha.
_IDLE_S = 14 * DAY_S
_LAST_DAY = "in the 24 hours before the last call"


def headline(report: Report, names: Sequence[str]) -> str:
    """Return the answer in one sentence: which functions fail, and which ones have calls of unknown cause."""
    own = [one for one in zip(names, report.groups, strict=True) if _is_own(one[1])]
    unknown = [f"{name}: {found.text}" for name, group in own if (found := unexplained_of(group))]
    if len(unknown) > 1:
        unknown = [f"{plural(len(unknown), report.by)} have excluded calls with an unknown cause"]
    return "; ".join([_failures(report, names), *unknown])


def _title(report: Report, names: Sequence[str], group: Configuration) -> str:
    """Return the name of a group, with its schema if a group of another schema has this name too."""
    name = names[report.groups.index(group)]
    same = {other.schema for other, its in zip(report.groups, names, strict=True) if its == name}
    return f"{name} (schema {clip(group.schema)})" if len(same) > 1 else name


def _is_own(group: Configuration) -> bool:
    """Return whether a group is in use, and not of trials."""
    return not group.is_gone and not (group.function or "").startswith(TRIALS)


def _is_idle(report: Report, group: Configuration) -> bool:
    """Return whether a group had no calls in the 14 days before the last call of the report."""
    return (group.last_call or inf) < _ended(report) - _IDLE_S


def _ended(report: Report) -> float:
    """Return when the last call in the report began that is of no trial."""
    return max((group.last_call or 0.0 for group in report.groups if _is_own(group)), default=0.0)


def _failures(report: Report, names: Sequence[str]) -> str:
    """Return which functions fail now, and how often the worst one does."""
    groups = sorted(zip(names, report.groups, strict=True), key=_worst_first)
    own = [one for one in groups if _is_own(one[1]) and not _is_idle(report, one[1])] or groups
    rated = [one for one in own if _in_use(one[1]).n]
    if not rated:
        of = plural(len({name for name, _ in own}), report.by)
        return f"{of}, and no call has a reply that can be validated"
    worst = rated[0][1]
    text = f"{_title(report, names, worst)}: {_rate_text(report, worst)}"
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
        if day.failures:
            return f"{whole}. None of the calls {_LAST_DAY} has a reply that can be validated"
        return f"{whole}. It had no calls {_LAST_DAY}"
    newest = _failed_text(day.failed, f"calls failed {_LAST_DAY}")
    return (
        newest
        if day.failed.n == rate.n
        else f"{newest}. Of all {rate.n:,} calls{since}, {percent(rate.count / rate.n)} failed"
    )


def _began_in(day: PresentCalls, group: Configuration) -> bool:
    """Return whether the configurations in use began in the last day."""
    began = None if group.in_use is None else group.in_use.since
    return began is not None and day.since is not None and began >= day.since


def _members(report: Report, group: Configuration) -> list[tuple[str, Configuration]]:
    """Return the configurations of a group with their names."""
    members = report.members(group)
    return list(zip(distinct_names(members), members, strict=True))


def _failed_text(rate: Rate, what: str) -> str:
    """Return a failure rate in words, with the bound that matters."""
    lower, upper = rate.bounds.lower, rate.bounds.upper
    bound = f"at least {percent(lower, -1)}" if lower else f"at most {percent(upper, 1)}"
    return failed_text(rate.count, rate.n, *([] if rate.lower is None else [bound]), what=what)


def configuration_facts(report: Report, names: Sequence[str]) -> Iterator[Fact]:
    """Yield the switches of the day before the last call, and the configurations in use that fail at different rates."""
    if report.by != "function":
        return
    ended = _ended(report)
    for name, group in zip(names, report.groups, strict=True):
        if _is_own(group) and _is_idle(report, group):
            last = moment(group.last_call or 0.0, hours=False)
            yield Fact("idle", f"{_title(report, names, group)}: last called on {last}")
        whose = f"{name}: " if len(set(names)) > 1 else ""
        used, members = group.in_use, _members(report, group)
        if used is not None and used.is_switch and (used.since or 0.0) >= ended - DAY_S:
            gone = [one for one in members if one[1].is_gone]
            old, calls = max(gone, key=lambda one: one[1].last_call or 0.0, default=("another schema", group))
            rate = (
                f". Before, {_failed_text(calls.failed, 'calls failed')}" if gone and calls.failed.n else ""
            )
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


def next_step(report: Report) -> Iterator[Fact]:
    """Yield the command that decides about the function that fails most."""
    own = [group for group in report.groups if group.function and _is_own(group)]
    if own:
        worst = max(own, key=lambda group: (not _is_idle(report, group), group.present.lower or 0.0))
        yield Fact("next", command_on(report.store, "decide", "--function", str(worst.function)))


def failing_facts(report: Report, names: Sequence[str]) -> Iterator[Fact]:
    """Yield the place at which most failed replies fail, of the groups that fail most."""
    failing_groups = [
        (group, text)
        for _, group in sorted(zip(names, report.groups, strict=True), key=_worst_first)
        if not group.is_gone and not _is_idle(report, group) and (text := failing_text(group))
    ]
    for group, text in failing_groups[:_MOST_FAILING]:
        yield Fact("fails at", f"{_title(report, names, group)}: {text}" if len(names) > 1 else text)
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


def distinct_names(members: Sequence[Configuration]) -> list[str]:
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


def unexplained_of(configuration: Configuration) -> Unexplained | None:
    """Return the calls of unknown cause, unless they are few."""
    return unexplained(configuration.excluded, configuration.calls, 0.0)
