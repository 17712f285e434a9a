# SPDX-License-Identifier: Apache-2.0
"""A function's calls in production: the configurations in use, the number of calls, and the changes of their rate.

Rules: The latest calls show the present state of production, not all calls. A change counts for a configuration if it
was detected after the newest version of the configuration began. A new version is a new baseline, and a new version
that fails is a rise.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import datetime
from itertools import accumulate
from time import time
from typing import TYPE_CHECKING, Any, NamedTuple

from schema_guard.configuration.recorded_settings import again_of
from schema_guard.decide.evidence.changes import ChangeEvidence
from schema_guard.decide.evidence.reading import to_json
from schema_guard.decide.evidence.values import BurstEvidence, FunctionHistory
from schema_guard.decide.recorded.arrivals import MOST_ATTEMPTS, FunctionArrivals, StoreArrivals
from schema_guard.decide.recorded.configurations import (
    Problem,
    RecordedConfiguration,
    StreamKey,
    configurations_of,
    is_rated,
    is_trial,
    is_used,
    of_newest_schema,
    stream_key,
)
from schema_guard.decide.recorded.layouts import of_layout_in_use
from schema_guard.decide.recorded.stream import CallsInOrder, PartOfCalls, stream_of
from schema_guard.decide.recorded.volume import volume_of
from schema_guard.decide.recorded.weeks import Calendar, day_of
from schema_guard.records.counts.configurations import mean_of
from schema_guard.records.counts.tallies import together
from schema_guard.records.rows import CONFIGURATION_COLUMNS, Row
from schema_guard.text import clip, percent, plural

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import tzinfo

    from schema_guard.prices.sizes import Sizes
    from schema_guard.records import ConfigurationCounts, HourCounts, Store
    from schema_guard.stats import Bursts, Change

_DAY_S = 86_400
_HOUR_S = 3_600
_WEEK_S = 7 * _DAY_S
# The latest calls are those of the last week, or this many calls if that is more.
_LATEST_CALLS = 1_000

# Odds from which failures count as bursts, and the number of outages that is enough for that.
_BURSTY = 100
_OUTAGES_OF_BURSTS = 2

# Nine in ten estimates of the call at which a rate changed are wrong by at most this many calls.
_LATE = 232

# A fall within this many calls of a new version is attributed to the version.
_SETTLED = 50

# The place of the settings in a configuration. A call that a router repeats is one call with the one before it.
_SETTINGS = CONFIGURATION_COLUMNS.index("settings")

# A smaller change of a part of the traffic, or of a prompt's mean length, counts as none.
_MOVED = 0.1


class Gathering(NamedTuple):
    """The source of evidence, and the questions.

    Attributes:
        store: The store.
        everything: All rows of the store.
        before: The same, without the calls from *until* on.
        rows: Those of all strategies and trials in the segment; a rate counts them.
        arrivals: The last calls of the store.
        since: Only calls that started then or later count; None for all times.
        until: Only calls that started before then count; None for all times.
        versions: Earlier versions whose calls count too.
        sizes: Sizes of models, and the table of token prices; None looks no price up.
        zone: The time zone of weeks and days.
        notes: Receive the facts that a reader has to know.
    """

    store: Store
    everything: Sequence[ConfigurationCounts]
    before: Sequence[ConfigurationCounts]
    rows: Sequence[ConfigurationCounts]
    arrivals: StoreArrivals
    since: float | None
    until: float | None
    versions: frozenset[str]
    sizes: Sizes
    zone: tzinfo
    notes: list[str]


class Production:
    """A function's calls in production.

    Calls of one strategy and model are a stream, over all versions and segments. Configurations in use side by side have
    streams of their own, because the clocks of two machines can differ.

    Attributes:
        reading: The source of the calls.
        rows: The rows of all configurations and versions that are no trials.
        hours: The same by the hour.
        volume: The number of calls a month; None if the calls do not show it.
        configurations: The configurations, trials among them.
        clocks: How many calls have a time that cannot be right, as `FunctionArrivals.clocks` returns it.
    """

    def __init__(self, problem: Problem, reading: Gathering) -> None:
        """Read the calls of a function.

        Args:
            problem: The function under a schema, with all versions. Of its rows, those with the newest content of the
                schema and the layout in use are configurations.
            reading: The source of the calls.
        """
        self.reading = reading
        self.rows = tuple(row for row in problem.rows if not is_trial(row) and is_rated(row))
        wanted = {row.configuration for row in self.rows}
        all_hours = (
            reading.store.by_hour(since=reading.since, until=reading.until, function=problem.function)
            if self.rows
            else ()
        )
        self.hours = tuple(hour for hour in all_hours if hour.configuration in wanted)
        self.volume = volume_of(self.rows, self.hours) if self.rows else None
        arrived = self._arrivals()
        last = reading.arrivals.last((row.id for row in problem.rows), reading.until)
        rows = of_layout_in_use(of_newest_schema(problem.rows, last, reading.notes), reading.notes)
        configurations = configurations_of(
            rows,
            reading.notes,
            absences=arrived.absences,
            also_versions=reading.versions,
            sizes=reading.sizes,
        )
        self.configurations = arrived.with_uses(configurations, _latest(self.hours))
        self.clocks = arrived.clocks(time())
        self._keys = self._stream_keys()
        hours = self.hours
        own = (row for row in reading.everything if row.function == problem.function and is_used(row))
        starts = [row.first_started_at for row in own if row.first_started_at is not None]
        begins = reading.since, min(starts, default=None)
        calendar = Calendar.of(reading.zone, (hours[0].at, hours[-1].at), begins) if hours else None
        one_of_each = {self._keys[row.configuration]: row for row in self.rows}
        self._streams = {
            key: stream_of(self._beside(row), hours, calendar) for key, row in one_of_each.items()
        }

    def _arrivals(self) -> FunctionArrivals:
        """Return the calls of all times in their order of arrival."""
        reading, hours = self.reading, self.hours
        own: list[ConfigurationCounts] = []
        if self.rows:
            function, schema = self.rows[0].function, self.rows[0].schema_name
            own = [
                row
                for row in reading.rows
                if (row.function, row.schema_name) == (function, schema) and is_rated(row)
            ]
            if reading.since is not None:
                hours = tuple(reading.store.by_hour(until=reading.until, schema=schema, function=function))
        return FunctionArrivals(own, hours, reading.arrivals, until=reading.until, zone=reading.zone)

    def _stream_keys(self) -> dict[Row, StreamKey]:
        """Return the stream of each configuration."""
        keys = {row.configuration: stream_key(row) for row in self.rows}
        used = [one for one in self.configurations if one.arrival is not None and not one.arrival.is_gone]
        number = Counter(stream_key(one.first) for one in used)
        beside = [one for one in used if number[stream_key(one.first)] > 1]
        return keys | {
            row.configuration: (*stream_key(one.first), one.id) for one in beside for row in one.rows
        }

    def _beside(self, row: ConfigurationCounts) -> list[ConfigurationCounts]:
        """Return the rows of the stream that a configuration is in."""
        key = self._keys.get(row.configuration)
        return [other for other in self.rows if self._keys[other.configuration] == key]

    def stream(self, row: ConfigurationCounts) -> CallsInOrder | None:
        """Return the stream that a configuration is in."""
        return self._streams.get(self._keys.get(row.configuration, ()))

    def over_time(self, row: ConfigurationCounts) -> tuple[tuple[int, int, int], ...]:
        """Return the start, the calls, and the failed calls of each hour of a configuration's stream."""
        same = {other.configuration for other in self._beside(row)}
        return tuple(
            (hour.at, hour.calls, hour.failed)
            for hour in self.hours
            if hour.configuration in same and hour.calls
        )

    def changed(self, row: ConfigurationCounts) -> tuple[tuple[str, int], ...]:
        """Return the direction of each change of a configuration's stream, and the hour in which it likely began."""
        stream = self.stream(row)
        if stream is None:
            return ()
        placed = ((change.direction, stream.at(change.start)) for change in stream.changes)
        return tuple((direction, at) for direction, at in placed if at is not None)

    def since_change(
        self, configuration: RecordedConfiguration, later: Sequence[ConfigurationCounts]
    ) -> tuple[ConfigurationCounts, ...]:
        """Return the counts of a configuration from the hour of its last change on, or all counts without a change.

        *later* is the result of `after_alarm`, so its hours are not read again.
        """
        stream, until = self.stream(configuration.first), self.reading.until
        if stream is None or not stream.changes:
            return configuration.rows
        since, noticed = (stream.at(at) for at in (stream.changes[-1].start, stream.changes[-1].alarm_at))
        if since is None:
            return configuration.rows
        if noticed is None or (stream.weeks is not None and stream.weeks.parts):
            return self._within(configuration.rows, since, until)
        end = noticed + _HOUR_S if until is None else min(noticed + _HOUR_S, until)
        return (*self._within(configuration.rows, since, end), *later)

    def after_alarm(self, configuration: RecordedConfiguration) -> tuple[ConfigurationCounts, ...]:
        """Return the counts of a configuration in the hours after the detection of its last change.

        With a weekly pattern, these are the counts in the whole weeks after that.
        """
        stream, until = self.stream(configuration.first), self.reading.until
        if stream is None:
            return ()
        if stream.weeks is not None and stream.weeks.parts:
            own, start = stream.part(configuration.keys), stream.weeks.calendar.start
            whole = stream.whole_weeks(own)
            if whole:
                return self._within(configuration.rows, start(whole.start), start(whole.stop))
            since = stream.at(stream.begin_of(own)) or start(whole.start)
            return self._within(configuration.rows, since, until)
        at = stream.at(stream.changes[-1].alarm_at) if stream.changes else None
        return () if at is None else self._within(configuration.rows, at + _HOUR_S, until)

    def _within(
        self, rows: Sequence[ConfigurationCounts], since: float, until: float | None
    ) -> tuple[ConfigurationCounts, ...]:
        ids = [row.id for row in rows if row.id is not None]
        return tuple(self.reading.store.configurations(since=since, until=until, ids=ids, clusters=False))

    def evidence_of(self, configuration: RecordedConfiguration) -> dict[str, Any]:
        """Return a configuration's evidence from production: its share, arrival, changes, and bursts."""
        stream = self.stream(configuration.first)
        evidence: dict[str, Any] = {"traffic_share": configuration.share}
        if configuration.arrival is not None:
            evidence["arrival"] = to_json(configuration.arrival)
        if stream is None:
            return evidence
        own = stream.part(configuration.keys)
        evidence |= of_calls(stream, own, sum(row.calls for row in self.rows))
        if "bursts" in evidence:
            bursts = evidence["bursts"]
            self.reading.notes.append(
                f"{clip(configuration.id)}: failures come in bursts: {plural(bursts['entries'], 'burst')}, "
                f"{bursts['failures']} failures, the longest within {bursts['longest']} calls"
            )
        if "change" in evidence:
            change = evidence["change"]
            change |= self._when(change["at"], change["alarm_at"], stream, configuration)
        return evidence

    def _when(
        self, start: int, alarm_at: int, stream: CallsInOrder, configuration: RecordedConfiguration
    ) -> dict[str, Any]:
        """Return the days between which a rate changed, and what else changed, or nothing if the days are unknown."""
        begins, ends = stream.at(start), stream.at(alarm_at)
        if begins is None or ends is None:
            return {}
        day = day_of(begins, self.reading.zone)
        # The start is an estimate, and mostly a late one. So the cause can be earlier.
        earliest = stream.at(max(1, start - min(_LATE, start // 2))) or begins
        return {
            **self._first_failed(start, day, stream, configuration),
            "days": [day, day_of(ends, self.reading.zone)],
            "with": self._changed_between(self._beside(configuration.first), earliest, ends + _HOUR_S),
        }

    def _first_failed(
        self, start: int, day: str, stream: CallsInOrder, configuration: RecordedConfiguration
    ) -> dict[str, str]:
        """Return the first failed call since a change, by the order of arrival, or nothing if the day is enough.

        The day of the change isn't enough if it leaves out a failed call, or if clocks differ too much to identify the
        calls before the change. If the order of arrival of some calls since the change is unknown, the result is
        nothing too.
        """
        failed: list[tuple[int, str, float]] = []
        with self.reading.store.reading() as snapshot:
            for row in configuration.rows:
                if row.id is not None:
                    own = stream.part({row.configuration})
                    number = own.n - own.count_before(start)
                    calls = snapshot.last_calls(row.id, number, MOST_ATTEMPTS)
                    if len(calls) < number:
                        return {}
                    failed += filter(None, calls)
        times = [at for _, _, at in sorted(failed)]
        ordered = all(at > before - _HOUR_S for before, at in zip(accumulate(times, max), times, strict=True))
        # `--since` takes a day as one of this machine's time zone.
        begins = datetime.fromisoformat(day).timestamp()
        will_do = ordered and min(times, default=begins) >= begins
        return {} if will_do else {"first_failed": min(failed)[1]}

    def _changed_between(self, rows: Sequence[ConfigurationCounts], begins: float, ends: float) -> list[str]:
        """Return what else changed with the rate: version, settings, schema, snapshot, segments, length of prompts.

        Args:
            rows: The rows of the stream, of all versions.
            begins: Start of the hour in which the change most likely began.
            ends: End of the hour in which it was detected.
        """
        changes = []
        for name, word in (
            ("version", "version"),
            ("settings", "settings"),
            ("schema_fingerprint", "schema"),
        ):
            known = sorted(
                (row.first_started_at, getattr(row, name)) for row in rows if row.first_started_at is not None
            )
            before = {value for at, value in known if at < begins}
            new = [value for at, value in known if begins <= at <= ends and value not in before]
            if before and new:
                changes.append(f"{word} {clip(new[0])}")
        span = max(ends - begins, _DAY_S)
        earlier, later = (
            [row for row in self._within(rows, first, last) if row.calls]
            for first, last in ((begins - span, begins), (begins, ends))
        )
        if earlier and later:
            changes += [*_snapshots(earlier, later), *_segments(earlier, later), *_lengths(earlier, later)]
        return changes


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


def of_calls(stream: CallsInOrder, own: PartOfCalls, calls: int) -> dict[str, Any]:
    """Return the `history`, `weekly`, `bursts`, and `change` of evidence, from the order of calls.

    Args:
        stream: Calls of a strategy and model, over all versions and settings.
        own: The calls of the stream that count. Only these are counted after a change, because another version in the
            same stream says nothing about them.
        calls: Number of the function's calls in production.
    """
    outages = stream.outages
    history = FunctionHistory(calls, len(outages), stream.n - outages[-1] + 1 if outages else calls)
    evidence: dict[str, Any] = {"history": to_json(history)}
    weekly = stream.weekly_evidence(own)
    if weekly is not None:
        evidence["weekly"] = weekly
    bursts = _bursts(stream, own)
    if bursts.failures and (len(outages) >= _OUTAGES_OF_BURSTS or _is_bursty(stream, own, bursts)):
        evidence["bursts"] = to_json(BurstEvidence(*bursts[:-1]))
    late = [
        change
        for change in stream.changes
        if change.alarm_at >= own.first
        and not _is_of_version(change, own.first)
        and own.within(stream.spans(change), change.start)[0]
    ]
    if late:
        # An open rise in one part of the week is reported, even after a fall in another part.
        told = max(late, key=lambda one: (one.direction == "rise" and stream.is_open(one), one.alarm_at))
        evidence["change"] = _change(told, stream, own)
    return evidence


def _bursts(stream: CallsInOrder, own: PartOfCalls) -> Bursts:
    """Return the bursts of the calls that count. With a weekly pattern, only whole weeks count."""
    if stream.weeks is None or not stream.weeks.parts:
        return own.bursts(own.first)
    whole, starts = stream.whole_weeks(own), stream.weeks.starts
    return own.bursts(max(own.first, starts[whole.start]), starts[whole.stop] - 1)


def _is_of_version(change: Change, first: int) -> bool:
    """Return whether a rate fell because a version began. If so, all calls of the version count, at one rate."""
    return change.direction == "fall" and change.start < first + _SETTLED


def _is_bursty(stream: CallsInOrder, own: PartOfCalls, bursts: Bursts) -> bool:
    """Return whether the calls since the last change are evidence for bursts. *bursts* are those of all own calls.

    The failures of a weekly pattern come together too, but are not bursts.
    """
    if stream.weeks is not None and stream.weeks.parts:
        return False
    since = max([own.first, *(change.start for change in stream.changes)])
    return (bursts if since == own.first else own.bursts(since)).e_value >= _BURSTY


def _change(change: Change, stream: CallsInOrder, own: PartOfCalls) -> dict[str, Any]:
    spans = stream.spans(change)
    (n, k), (since_n, since_k) = (own.within(spans, at) for at in (change.alarm_at + 1, change.start))
    evidence = ChangeEvidence(
        change.direction,
        change.start,
        change.alarm_at,
        n,
        k,
        since_n,
        since_k,
        change.prior_n,
        change.prior_k,
        stream.is_open(change),
    )
    return {**to_json(evidence), **stream.change_in_weeks(change)}


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
        f"segment {clip(name or 'none')} has {percent(now.get(name, 0.0))} of the calls instead of "
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
    return [f"prompts have {now:,.0f} tokens instead of {before:,.0f}"]
