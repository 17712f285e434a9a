# SPDX-License-Identifier: Apache-2.0
"""What is known of a function's calls in production: which configurations have them now, how many come, what changed.

Rules: what is in production now is read from the latest calls, not from all. A change counts for a configuration when it
was noticed after its newest version had begun: a new version is a new baseline, and one that fails is a rise with it.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, tzinfo
from itertools import accumulate
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from schema_guard.configuration.traffic import again_of
from schema_guard.decide.evidence.reading import to_json
from schema_guard.decide.recorded.arrivals import MOST_ATTEMPTS, FunctionArrivals, StoreArrivals, Uses
from schema_guard.decide.recorded.configurations import (
    RecordedConfiguration,
    StreamKey,
    is_rated,
    is_trial,
    stream_key,
)
from schema_guard.decide.recorded.stream import CallsInOrder, PartOfCalls, stream_of
from schema_guard.decide.recorded.volume import Volume, volume_of
from schema_guard.decide.recorded.weeks import Calendar, WeekSettings, day_of
from schema_guard.records.counts.configurations import mean_of
from schema_guard.records.counts.tallies import together
from schema_guard.records.rows import CONFIGURATION_COLUMNS, Row
from schema_guard.text import clip, percent, plural

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from schema_guard.records import ConfigurationCounts, HourCounts, Store
    from schema_guard.stats import Bursts, Change

_DAY_S = 86_400
_HOUR_S = 3_600
_WEEK_S = 7 * _DAY_S
# The latest calls are those of a week when they are so many, else the last so many.
_LATEST_CALLS = 1_000

# Odds at which failures are taken to come in bursts, and how many outages are enough for that.
_BURSTY = 100
_OUTAGES_OF_BURSTS = 2

# Nine in ten estimates of the call at which a rate changed are no further off than this.
_LATE = 232

# The calls of a new version within which a fall is taken to have come with it.
_SETTLED = 50

# The place of the settings in a configuration. What is asked again is one call with the one before it.
_SETTINGS = CONFIGURATION_COLUMNS.index("settings")

# A part of the traffic, or the mean length of a prompt, that moved by less has not changed.
_MOVED = 0.1


class Production(NamedTuple):
    """A function's calls in production.

    Attributes:
        rows: Of all its configurations and versions, none of them a trial.
        hours: The same by the hour.
        latest: Of the latest calls, how many each configuration has.
        volume: How many calls come; None if they tell no volume.
        streams: Of each strategy and model, over all versions and segments. Configurations in use side by side have
            streams of their own, because the clocks of two machines can differ.
        until: The end of the time of the calls; None if it has no end.
        zone: The time zone of its weeks and days.
        uses: Which configurations are in use, by the order in which the calls arrived.
        clocks: How many calls have a time that cannot be right, as `FunctionArrivals.clocks` returns it.
        keys: The stream of each configuration.
        calendar: The weeks of the function; None without calls.
    """

    rows: tuple[ConfigurationCounts, ...]
    hours: tuple[HourCounts, ...]
    latest: Mapping[Row, int]
    volume: Volume | None
    streams: Mapping[StreamKey, CallsInOrder]
    until: float | None = None
    zone: tzinfo = UTC
    uses: Uses = Uses({}, frozenset())
    keys: Mapping[Row, StreamKey] = MappingProxyType({})
    calendar: Calendar | None = None
    clocks: Mapping[str, int] | None = None

    @property
    def n(self) -> int:
        """Judged calls."""
        return sum(row.calls for row in self.rows)

    def arrivals(
        self, everything: Iterable[ConfigurationCounts], last: StoreArrivals, all_hours: Store | None
    ) -> FunctionArrivals:
        """Return the calls in their order of arrival.

        Args:
            everything: The rows of the store, of all times.
            last: The last calls of the store.
            all_hours: A store to read the hours again; None if these hours have no beginning.
        """
        hours: Sequence[HourCounts] = self.hours
        own: list[ConfigurationCounts] = []
        if self.rows:
            function, schema = self.rows[0].function, self.rows[0].schema_name
            own = [
                row
                for row in everything
                if (row.function, row.schema_name) == (function, schema) and is_rated(row)
            ]
            if all_hours is not None:
                hours = all_hours.by_hour(until=self.until, schema=schema, function=function)
        return FunctionArrivals(own, hours, last, until=self.until, zone=self.zone)

    def used(self, configurations: Iterable[RecordedConfiguration], uses: Uses) -> Production:
        """Return this with the uses of its configurations, and with its streams."""
        keys = {row.configuration: stream_key(row) for row in self.rows}
        in_use: dict[StreamKey, list[RecordedConfiguration]] = defaultdict(list)
        for configuration in configurations:
            use = uses.of(configuration.rows)
            if use is not None and not use.is_gone:
                in_use[stream_key(configuration.first)].append(configuration)
        for key, same in in_use.items():
            if len(same) > 1:
                keys |= {row.configuration: (*key, one.id) for one in same for row in one.rows}
        grouped: dict[StreamKey, list[ConfigurationCounts]] = defaultdict(list)
        for row in self.rows:
            grouped[keys[row.configuration]].append(row)
        streams = {key: stream_of(group, self.hours, self.calendar) for key, group in grouped.items()}
        return self._replace(uses=uses, keys=keys, streams=streams)

    def beside(self, row: ConfigurationCounts) -> list[ConfigurationCounts]:
        """Return the rows of the stream that a configuration is in."""
        key = self.keys.get(row.configuration)
        return [other for other in self.rows if self.keys.get(other.configuration) == key]

    def share(self, rows: Iterable[ConfigurationCounts]) -> float:
        """Return the share of the latest calls that some configurations have; 0 when there are none."""
        total = sum(self.latest.values())
        return sum(self.latest.get(row.configuration, 0) for row in rows) / total if total else 0.0

    def stream(self, row: ConfigurationCounts) -> CallsInOrder | None:
        """Return the stream that a configuration is in."""
        key = self.keys.get(row.configuration)
        return None if key is None else self.streams.get(key)

    def over_time(self, row: ConfigurationCounts) -> tuple[tuple[int, int, int], ...]:
        """Return the start, the calls, and the failed calls of each hour of a configuration's stream."""
        same = {other.configuration for other in self.beside(row)}
        return tuple(
            (hour.at, hour.calls, hour.failed)
            for hour in self.hours
            if hour.configuration in same and hour.calls
        )

    def changed(self, row: ConfigurationCounts) -> tuple[tuple[str, int], ...]:
        """Return the direction of each change of a configuration's stream, and when the hour began in which it is likeliest."""
        stream = self.stream(row)
        if stream is None:
            return ()
        placed = ((change.direction, stream.at(change.start)) for change in stream.changes)
        return tuple((direction, at) for direction, at in placed if at is not None)

    def since_change(
        self, configuration: RecordedConfiguration, store: Store, later: Sequence[ConfigurationCounts]
    ) -> tuple[ConfigurationCounts, ...]:
        """Return the counts of a configuration from the hour on in which its rate last changed; all without a change.

        The result of `after_alarm` is *later*, so that its hours are not read again.
        """
        stream = self.stream(configuration.first)
        if stream is None or not stream.changes:
            return configuration.rows
        since, noticed = (stream.at(at) for at in (stream.changes[-1].start, stream.changes[-1].alarm_at))
        if since is None:
            return configuration.rows
        if noticed is None or (stream.weeks is not None and stream.weeks.parts):
            return _within(store, configuration.rows, since, self.until)
        until = noticed + _HOUR_S if self.until is None else min(noticed + _HOUR_S, self.until)
        return (*_within(store, configuration.rows, since, until), *later)

    def after_alarm(
        self, configuration: RecordedConfiguration, store: Store
    ) -> tuple[ConfigurationCounts, ...]:
        """Return the counts of a configuration in the hours after its last change was noticed.

        With a weekly pattern, these are the counts in the whole weeks after that.
        """
        stream = self.stream(configuration.first)
        if stream is None:
            return ()
        if stream.weeks is not None and stream.weeks.parts:
            own, start = stream.part(configuration.keys), stream.weeks.calendar.start
            whole = stream.whole_weeks(own)
            if whole:
                return _within(store, configuration.rows, start(whole.start), start(whole.stop))
            since = stream.at(stream.begin_of(own)) or start(whole.start)
            return _within(store, configuration.rows, since, self.until)
        at = stream.at(stream.changes[-1].alarm_at) if stream.changes else None
        return () if at is None else _within(store, configuration.rows, at + _HOUR_S, self.until)


NO_CALLS = Production((), (), {}, None, {})
"""A function without calls in production."""


def production_of(
    rows: Iterable[ConfigurationCounts],
    store: Store,
    *,
    since: float | None = None,
    until: float | None = None,
    weeks: WeekSettings = WeekSettings(),  # noqa: B008 - a constant
) -> Production:
    """Return a function's calls that are no trials, without their streams and uses.

    Args:
        rows: Of one function and schema, of all versions.
        store: Where they are.
        since: Of when on the rows are; None for all times.
        until: The end of that time; None for all times.
        weeks: The time zone of the weeks, and where they begin.
    """
    own = tuple(row for row in rows if not is_trial(row) and is_rated(row))
    if not own:
        return NO_CALLS
    wanted = {row.configuration for row in own}
    all_hours = store.by_hour(since=since, until=until, function=own[0].function)
    hours = tuple(hour for hour in all_hours if hour.configuration in wanted)
    calendar = weeks.calendar(hours[0].at, hours[-1].at, since) if hours else None
    volume = volume_of(own, hours)
    return Production(own, hours, _latest(hours), volume, {}, until, weeks.zone, calendar=calendar)


def _latest(hours: Sequence[HourCounts]) -> dict[Row, int]:
    """Return the calls of the last week, or the last thousand if those are more."""
    calls: dict[Row, int] = defaultdict(int)
    begins = None
    ends = hours[-1].at + _HOUR_S if hours else 0
    for hour in reversed(hours):
        is_earlier = begins is not None and hour.at < begins and hour.at < ends - _WEEK_S
        if is_earlier and sum(calls.values()) >= _LATEST_CALLS:
            break
        if (hour.calls or hour.transport) and again_of(str(hour.configuration[_SETTINGS])) is None:
            begins = hour.at
            calls[hour.configuration] += hour.calls + hour.transport
    return dict(calls)


def of_strategy(
    configuration: RecordedConfiguration, production: Production, store: Store, notes: list[str]
) -> dict[str, Any]:
    """Return what a configuration in production adds to its evidence: its share, its changes, its bursts, its inputs."""
    stream = production.stream(configuration.first)
    evidence: dict[str, Any] = {"traffic_share": production.share(configuration.rows)}
    use = production.uses.of(configuration.rows)
    if use is not None:
        evidence["arrival"] = to_json(use)
    if stream is None:
        return evidence
    own = stream.part(configuration.keys)
    evidence |= of_calls(stream, own, production.n)
    if "bursts" in evidence:
        bursts = evidence["bursts"]
        notes.append(
            f"{clip(configuration.id)}: failures come in bursts: {plural(bursts['entries'], 'burst')}, "
            f"{bursts['failures']} failures, the longest within {bursts['longest']} calls"
        )
    if "change" in evidence:
        change = evidence["change"]
        change |= _when(change["at"], change["alarm_at"], stream, configuration, production, store)
    return evidence


def of_calls(stream: CallsInOrder, own: PartOfCalls, calls: int) -> dict[str, Any]:
    """Return what the order of calls says: the `history`, `bursts` and `change` of evidence.

    Args:
        stream: Calls of a strategy and model, over all versions and settings.
        own: Those of them that are judged. What is counted since a change is counted of these alone: another version in
            the same stream does not answer for them.
        calls: Of the function in production.
    """
    outages = stream.outages
    evidence: dict[str, Any] = {
        "history": {
            "calls": calls,
            "outages": len(outages),
            "since_outage": stream.n - outages[-1] + 1 if outages else calls,
        }
    }
    weekly = stream.weekly_evidence(own)
    if weekly is not None:
        evidence["weekly"] = weekly
    bursts = _bursts(stream, own)
    if bursts.failures and (len(outages) >= _OUTAGES_OF_BURSTS or _is_bursty(stream, own, bursts)):
        evidence["bursts"] = {
            name: getattr(bursts, name) for name in ("entries", "at_risk", "failures", "calls", "longest")
        }
    late = [
        change
        for change in stream.changes
        if change.alarm_at >= own.first
        and not _is_of_version(change, own.first)
        and own.within(stream.spans(change), change.start)[0]
    ]
    if late:
        # An open rise in one part of the week is told, also after a fall in another one.
        told = max(late, key=lambda one: (stream.is_open_rise(one), one.alarm_at))
        evidence["change"] = _change(told, stream, own)
    return evidence


def _bursts(stream: CallsInOrder, own: PartOfCalls) -> Bursts:
    """Give the bursts of the calls that are judged: with a weekly pattern, those of whole weeks."""
    if stream.weeks is None or not stream.weeks.parts:
        return own.bursts(own.first)
    whole, starts = stream.whole_weeks(own), stream.weeks.starts
    return own.bursts(max(own.first, starts[whole.start]), starts[whole.stop] - 1)


def _is_of_version(change: Change, first: int) -> bool:
    """Return whether a rate fell because a version began: then it is that version's only rate, and all its calls count."""
    return change.direction == "fall" and change.start < first + _SETTLED


def _is_bursty(stream: CallsInOrder, own: PartOfCalls, bursts: Bursts) -> bool:
    """Return whether the calls since the last change are evidence for bursts; *bursts* are those of all of them.

    The failures of a weekly pattern come together too. They are no bursts.
    """
    if stream.weeks is not None and stream.weeks.parts:
        return False
    since = max([own.first, *(change.start for change in stream.changes)])
    return (bursts if since == own.first else own.bursts(since)).e_value >= _BURSTY


def _change(change: Change, stream: CallsInOrder, own: PartOfCalls) -> dict[str, Any]:
    spans = stream.spans(change)
    (n, k), (since_n, since_k) = (own.within(spans, at) for at in (change.alarm_at + 1, change.start))
    return {
        **stream.change_in_weeks(change),
        "direction": change.direction,
        "at": change.start,
        "alarm_at": change.alarm_at,
        "n": n,
        "k": k,
        "since_n": since_n,
        "since_k": since_k,
        "prior_n": change.prior_n,
        "prior_k": change.prior_k,
        "open": stream.is_open(change),
        "with": [],
    }


def _when(
    start: int,
    alarm_at: int,
    stream: CallsInOrder,
    configuration: RecordedConfiguration,
    production: Production,
    store: Store,
) -> dict[str, Any]:
    """Give the days between which a rate changed, and what else changed then; nothing where that is not known."""
    begins, ends = stream.at(start), stream.at(alarm_at)
    if begins is None or ends is None:
        return {}
    same, day = production.beside(configuration.first), day_of(begins, production.zone)
    return {
        **_first_failed(start, day, stream, configuration, store),
        "days": [day, day_of(ends, production.zone)],
        "with": changed_between(same, store, stream.at(_earliest(start)) or begins, ends + _HOUR_S),
    }


def _first_failed(
    start: int, day: str, stream: CallsInOrder, configuration: RecordedConfiguration, store: Store
) -> dict[str, str]:
    """Return the first failed call since a change, by the order of arrival; nothing if the day of the change will do.

    The day will not do if it leaves out a failed call, or if clocks are too different to tell the calls before the change.
    """
    failed: list[tuple[int, str, float]] = []
    for row in configuration.rows:
        if row.id is not None:
            calls, _ = stream.part({row.configuration}).since(start)
            with store.reading() as snapshot:
                failed += snapshot.failed_calls(row.id, calls, MOST_ATTEMPTS)
    failed.sort()
    times = [at for _, _, at in failed]
    # `--since` takes a day as one of this machine's time zone.
    begins = datetime.fromisoformat(day).timestamp()
    is_in_order = all(at > before - _HOUR_S for before, at in zip(accumulate(times, max), times, strict=True))
    return {} if not failed or (is_in_order and min(times) >= begins) else {"first_failed": failed[0][1]}


def _earliest(start: int) -> int:
    """Return the call at which what changed a rate can have come: the start is an estimate, and mostly a late one."""
    return max(1, start - min(_LATE, start // 2))


def changed_between(
    rows: Sequence[ConfigurationCounts],
    store: Store,
    begins: float,
    ends: float,
) -> list[str]:
    """Return what else moved when a rate changed: version, settings, snapshot, parts of the traffic, length of prompts.

    Args:
        rows: Of the stream, of all versions.
        store: The store of these rows.
        begins: When the hour began in which the change is likeliest to have begun.
        ends: When the hour ended in which it was noticed.
    """
    changes = []
    for name, word in (("version", "version"), ("settings", "settings"), ("schema_fingerprint", "schema")):
        values = [
            (row.first_started_at or 0.0, getattr(row, name))
            for row in rows
            if row.first_started_at is not None
        ]
        before = {value for at, value in values if at < begins}
        new = [value for at, value in sorted(values) if begins <= at <= ends and value not in before]
        if before and new:
            changes.append(f"{word} {clip(new[0])}")
    span = max(ends - begins, _DAY_S)
    earlier, later = (
        [row for row in _within(store, rows, first, last) if row.calls]
        for first, last in ((begins - span, begins), (begins, ends))
    )
    if earlier and later:
        changes += _snapshots(earlier, later)
        changes += _segments(earlier, later)
        changes += _lengths(earlier, later)
    return changes


def _within(
    store: Store, rows: Sequence[ConfigurationCounts], since: float, until: float | None
) -> tuple[ConfigurationCounts, ...]:
    ids = [row.id for row in rows if row.id is not None]
    return tuple(store.configurations(since=since, until=until, ids=ids, clusters=False))


def _snapshots(earlier: Sequence[ConfigurationCounts], later: Sequence[ConfigurationCounts]) -> list[str]:
    before, now = (
        {model.snapshot for row in rows for model in row.models if model.snapshot}
        for rows in (earlier, later)
    )
    return [f"model snapshot {clip(name)}" for name in sorted(now - before)] if before else []


def _segments(earlier: Sequence[ConfigurationCounts], later: Sequence[ConfigurationCounts]) -> list[str]:
    before, now = (_shares(rows) for rows in (earlier, later))
    moved = {name: now.get(name, 0.0) - before.get(name, 0.0) for name in before.keys() | now.keys()}
    return [
        f"segment {clip(name or 'none')} is {percent(now.get(name, 0.0))} of the calls, was "
        f"{percent(before.get(name, 0.0))}"
        for name, by in sorted(moved.items(), key=lambda item: -abs(item[1]))
        if abs(by) > _MOVED
    ][:2]


def _shares(rows: Sequence[ConfigurationCounts]) -> dict[str | None, float]:
    total = sum(row.calls for row in rows)
    shares: dict[str | None, float] = defaultdict(float)
    for row in rows:
        shares[row.segment] += row.calls / total
    return shares


def _lengths(earlier: Sequence[ConfigurationCounts], later: Sequence[ConfigurationCounts]) -> list[str]:
    before, now = (mean_of(together(rows).sums[:1], "input_tokens") for rows in (earlier, later))
    if before is None or now is None or abs(now - before) <= _MOVED * before:
        return []
    return [f"prompts have {now:,.0f} tokens, had {before:,.0f}"]
