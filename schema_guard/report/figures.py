# SPDX-License-Identifier: Apache-2.0
"""The figures of a report: rates with n and bounds, failures, places, tokens and seconds."""

from __future__ import annotations

from dataclasses import dataclass, fields, is_dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

from schema_guard.configuration.early_stop import stops_early, stops_replies
from schema_guard.configuration.excluded_calls import ExcludedCalls
from schema_guard.configuration.recorded_settings import traffic_of
from schema_guard.decide.recorded.arrivals import gone_of
from schema_guard.decide.recorded.configurations import is_rated, is_trial, settings_key
from schema_guard.errors import InvalidArgument
from schema_guard.records.selection import no_calls, rows_of
from schema_guard.report.over_time import OverTime, TimedCalls, over_time
from schema_guard.report.pools import AskedModel, added, answered_again, asked_models, pooled
from schema_guard.report.present_calls import MOST_PLACES, PresentCalls, in_use_of, last_days, rated
from schema_guard.stats import Rate
from schema_guard.text import dataclass_repr, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from schema_guard.configuration.recorded_settings import Traffic
    from schema_guard.records import Store
    from schema_guard.records.counts.configurations import (
        CoercionCount,
        ConfigurationCounts,
        FailureCount,
        ReplyLengths,
        ViolationCount,
    )
    from schema_guard.records.rows import Row

By: TypeAlias = Literal["function", "segment", "model", "version"]
GROUPINGS: tuple[By, ...] = ("function", "segment", "model", "version")
"""The groupings of calls under one schema."""

# Names that a group shares. A version belongs to a function. A segment and a model belong to all traffic of the schema.
_COMMON = {name: ("function", name) if name == "version" else (name,) for name in GROUPINGS}
_SCHEMA = ("schema_name", "schema_fingerprint")
_NAMES = ("function", "model", "provider", "strategies", "settings", "version", "segment")


class StoppedReplies(NamedTuple):
    """Replies that were stopped, because they could no longer become valid or repeated themselves.

    Attributes:
        attempts: Number of stopped replies.
        judged: Number of validated replies whose length is known.
        median_characters: The length at which they were stopped, within 1.6%. None if none was stopped.
    """

    attempts: int
    judged: int
    median_characters: int | None


@dataclass(frozen=True, slots=True)
class Configuration:
    """The results of one function and schema with one model, provider, strategy, settings, and version.

    A `Configuration` can also describe a group of such configurations, with the sums over all calls of the group. For a
    group, an attribute such as `model` is None if its values differ within the group.

    Attributes:
        schema: Name of the schema.
        schema_fingerprint: Fingerprint of the schema's content.
        function: Name of the guarded function.
        model: Name of the model, or None if no reply contains it.
        provider: Provider or engine whose options schema_guard uses, or None for strategies that set no options.
        strategies: Name of the strategy, or names such as `a>b` for an escalation from `a` to `b`.
        settings: Compact JSON of the settings that change results.
        version: Version of the function's prompt.
        segment: Segment of your traffic, or None if the calls have no segment.
        varies: Names of the attributes whose values differ between these calls.
        calls: Number of calls with at least one validated reply. This number is the denominator of `failed`. The
            denominator of `valid_first_time`, `fixed_by_retry`, and `repaired` is this number minus `unseen`.
        clean: Share of calls whose first reply contained nothing but valid JSON. `valid_first_time` includes these
            calls. The denominator of this rate excludes unseen calls and valid replies whose text is unknown.
        parsed: Number of calls in `valid_first_time` whose text is unknown, because the function returned parsed
            values.
        valid_first_time: Share of calls whose first attempt was valid without repair.
        fixed_by_retry: Share of calls whose reply was valid after a retry.
        repaired: Share of calls whose reply was valid after a repair.
        failed: Share of calls without a valid attempt.
        unseen: Number of calls in which a library inside the function made retries that schema_guard didn't see. These
            calls count only toward `failed`, because schema_guard knows only whether they failed.
        transport: Number of calls without a validated reply. No rate includes these calls.
        excluded: Number of calls in `transport` by party at fault, code, and exception, most frequent first.
        attempts: Number of all attempts, including transport failures.
        failures: Number of failed attempts by kind and code of the failure, most frequent first. The value is None for
            a group in which only some configurations stop replies early, because the numbers of such configurations
            can't be added.
        violations: The ten most frequent violations, by location and keyword. The value is None if `failures` is None.
        coerced: Number of calls in which the schema's Python type converted a value of the valid reply.
            `valid_first_time` and `fixed_by_retry` include these calls.
        coercions: At most ten locations of converted values, each with its number of replies. Conversions that can
            change the meaning of a value come first.
        input_tokens: Number of input tokens in all attempts with known usage, or None if no usage is known.
        output_tokens: Number of output tokens in all attempts with known usage, or None if no usage is known.
        unknown_usage: Number of attempts whose output tokens are unknown.
        reasoning_tokens: Number of output tokens that the model used for reasoning, or None if no usage is known.
        elapsed_s: Total duration of the attempts, in seconds, or None if no duration is known. The duration of an
            imported attempt can be unknown.
        elapsed_p50_s: Median duration of an attempt, in seconds, with an error of at most 1.6%, or None if no duration
            is known.
        elapsed_p95_s: 95th percentile of the duration of an attempt, in seconds, with an error of at most 1.6%, or None
            if no duration is known.
        traffic: The imported traffic that these calls belong to, or empty if you imported no calls. An item is None for
            calls that schema_guard recorded when your function made them.
        answered_again: For a group, the number of calls that a router repeated with the prompted model, because the
            tuned model returned no valid value. The repeated call and the first call count as one call. The result of
            the prompted model decides whether this call counts toward `fixed_by_retry` or `failed`.
        models: For an escalation, the counts of the attempts with each model. The value is empty for calls that use
            only one model.
        stopped: Number and length of the replies that schema_guard stopped early. The value is None if the settings
            stop no replies, or if the configurations of a group differ in more than the segment.
        last_day: For a group, the calls of the last day, or None if all calls of the report began within two days.
        in_use: For a group, the calls with the configurations in use, or None if no configuration is in use, or if the
            group's functions replaced none.
        is_gone: Whether the functions now use only other configurations.
        last_call: Start time of the last call, in seconds since the epoch (UTC), or None if it is unknown.
        content: Shares of right and wrong values, as measured by `Content`. The value is None for a group, or if
            `Content` checked no values.
    """

    __repr__ = dataclass_repr

    schema: str
    schema_fingerprint: str
    function: str | None
    model: str | None
    provider: str | None
    strategies: str | None
    settings: str | None
    version: str | None
    segment: str | None
    varies: tuple[str, ...]
    calls: int
    clean: Rate
    parsed: int
    valid_first_time: Rate
    fixed_by_retry: Rate
    repaired: Rate
    failed: Rate
    unseen: int
    transport: int
    excluded: tuple[ExcludedCalls, ...]
    attempts: int
    failures: tuple[FailureCount, ...] | None
    violations: tuple[ViolationCount, ...] | None
    coerced: int
    coercions: tuple[CoercionCount, ...]
    input_tokens: int | None
    output_tokens: int | None
    unknown_usage: int
    reasoning_tokens: int | None
    elapsed_s: float | None
    elapsed_p50_s: float | None
    elapsed_p95_s: float | None
    traffic: tuple[Traffic | None, ...] = ()
    answered_again: int = 0
    stopped: StoppedReplies | None = None
    models: tuple[AskedModel, ...] = ()
    last_day: PresentCalls | None = None
    in_use: PresentCalls | None = None
    is_gone: bool = False
    last_call: float | None = None
    content: dict[str, Any] | None = None

    @property
    def present(self) -> Rate:
        """The failure rate of the configurations in use, or of the last day if the two rates' bounds don't overlap."""
        day, whole = self.last_day, self.failed if self.in_use is None else self.in_use.failed
        return day.failed if day is not None and day.differs_from(whole) else whole

    @property
    def is_rated(self) -> bool:
        """Whether the rates describe your traffic, either all of it or a sample."""
        return all(traffic is None or traffic.is_rated for traffic in self.traffic)


@dataclass(frozen=True, slots=True)
class Report:
    """The counts and rates of the calls in a store.

    Attributes:
        store: URL of the store, without its password.
        configurations: The configurations of each function and schema, sorted by name. The value is empty if the store
            has no calls.
        lost_records: Number of attempts that schema_guard couldn't store, by reason.
        by: Field by which the report groups the calls of each schema.
        groups: The calls in `configurations`, grouped by the field `by`. For each schema, the group with the highest
            proven failure rate is first. Unless a group has no other calls, it omits imported failures, and calls from
            imports that cover an unknown share of your traffic.
        over_time: The failure rate of each group by hour, day, or week. The value is None if you didn't ask for these
            rates. A group that contains only imported failures has no rates over time.
        rows_since: Start time of the earliest call that still has rows, in seconds since the epoch (UTC). The value is
            None if schema_guard deleted no rows, or all rows.
        since: Start time of the earliest call, in seconds since the epoch (UTC), or None if no start time is known.
        nothing: A sentence with the filters and the number of other calls if no calls match the filters, otherwise
            None.
    """

    __repr__ = dataclass_repr

    store: str
    configurations: tuple[Configuration, ...]
    lost_records: dict[str, int]
    by: By = "function"
    groups: tuple[Configuration, ...] = ()
    over_time: OverTime | None = None
    rows_since: float | None = None
    since: float | None = None
    nothing: str | None = None

    def _repr_html_(self) -> Any:
        """Return the page for a notebook."""
        from schema_guard.extensions import load  # only notebooks call it

        return load("notebook").as_html(self)

    def members(self, group: Configuration) -> list[Configuration]:
        """Return the configurations that have at least one call in a group."""
        shared = ("schema", "schema_fingerprint", *_COMMON[self.by])
        return [
            configuration
            for configuration in self.configurations
            if all(getattr(configuration, name) == getattr(group, name) for name in shared)
        ]


def report_on(  # noqa: PLR0913 - the selection of calls, by name
    store: Store,
    *,
    since: float | None = None,
    until: float | None = None,
    schema: str | None = None,
    function: str | None = None,
    segment: str | None = None,
    by: By = "function",
    hours: bool = False,
) -> Report:
    """Read a store.

    Args:
        store: The store to read.
        since: Include only calls that started at this time or later, in seconds since the epoch.
        until: Include only calls that started before this time.
        schema: Include only calls with this schema. You can pass the name or the fingerprint of the schema.
        function: Include only calls of this function. You can pass its full name. You can also pass only the last part
            of its dotted name, if no other function has the same last part.
        segment: Include only calls of this segment.
        by: Field by which the report groups the calls of each schema.
        hours: Whether to also read the rates over time. These rates include the whole hours that contain *since* and
            *until*.

    Raises:
        InvalidArgument: The store has no calls with a name that you passed, or several functions have this name.
        StoreError: schema_guard can't read the store.
    """
    if by not in GROUPINGS:
        raise InvalidArgument(
            f"by={by!r}: expected one of {', '.join(GROUPINGS)}{did_you_mean(by, GROUPINGS)}"
        )
    which: dict[str, Any] = {
        "since": since,
        "until": until,
        "schema": schema,
        "function": function,
        "segment": segment,
    }
    counted = rows_of(store, **which)
    is_filtered = any(value is not None for value in which.values())
    # Segments of a configuration are added up, unless the report is by segment.
    apart = _NAMES if by == "segment" else _NAMES[:-1]
    gone, names = gone_of(store, counted, until), (*_SCHEMA, *_COMMON[by])
    day_of, grouped = last_days(store, counted, which, names, gone), pooled(counted, names)
    groups = [
        (_configuration(used, gone, last_day=day_of(group), in_use=in_use_of(used, counted, gone)), used)
        for group, used in zip(grouped, map(rated, grouped.values()), strict=True)
    ]
    groups.sort(key=lambda one: _by_schema_worst_first(one[0]))
    timed = _hours(store, (since, until), [used for _, used in groups]) if hours else None
    return Report(
        store.url,
        tuple(
            _configuration(rows, gone, content=_content(store, rows, since, until))
            for rows in pooled(map(_of_strategy, counted), (*_SCHEMA, *apart)).values()
        ),
        store.lost_records(since=since),
        by,
        tuple(group for group, _ in groups),
        None if timed is None else over_time(timed),
        store.rows_since(),
        min((row.first_started_at for row in counted if row.first_started_at is not None), default=None),
        no_calls(store, **which) if is_filtered and not counted else None,
    )


def _content(
    store: Store, rows: Iterable[ConfigurationCounts], since: float | None, until: float | None
) -> dict[str, Any] | None:
    """Return whether the values of configurations are right."""
    return store.content([row.id for row in rows if row.id is not None], since=since, until=until)


def _of_strategy(row: ConfigurationCounts) -> ConfigurationCounts:
    """Return a trial's counts without the output limits of its tasks, so that a strategy has one line."""
    return replace(row, settings=settings_key(row)) if is_trial(row) else row


def _hours(
    store: Store,
    times: tuple[float | None, float | None],
    groups: Sequence[Sequence[ConfigurationCounts]],
) -> list[list[TimedCalls]]:
    """Return the hours of each group."""
    timed: list[list[TimedCalls]] = [[] for _ in groups]
    hours_of = {
        row.configuration: timed[place]
        for place, group in enumerate(groups)
        for row in group
        if is_rated(row)
    }
    functions = {row.function for group in groups for row in group}
    function = functions.pop() if len(functions) == 1 else None
    again = {row.configuration for group in groups for row in answered_again(group)}
    for hour in store.by_hour(since=times[0], until=times[1], function=function) if hours_of else ():
        if hour.configuration in hours_of:
            # A call that the prompt saved and the one that the tuned model failed before it are one call.
            saved = hour.calls if hour.configuration in again else 0
            hours_of[hour.configuration].append(TimedCalls(hour.at, hour.failed - saved, hour.calls - saved))
    return timed


def _by_schema_worst_first(configuration: Configuration) -> tuple[str, str, bool, float, float]:
    # The failed share of imported failures isn't a rate, so it isn't worse than the others.
    worst = -(configuration.failed.lower or 0.0), -(configuration.failed.rate or 0.0)
    return configuration.schema, configuration.schema_fingerprint, not configuration.is_rated, *worst


def _configuration(
    members: Sequence[ConfigurationCounts], gone: Collection[Row], **more: Any
) -> Configuration:
    """Return the figures of configurations that are added up. *more* has the fields that their counts don't show."""
    first, counts = members[0], added(members)
    n, seen, latency = counts.calls, counts.calls - counts.unseen, counts.attempt_latency
    elapsed_s, input_tokens, output_tokens, reasoning_tokens = map(
        counts.total, ("elapsed_s", "input_tokens", "output_tokens", "reasoning_tokens")
    )
    traffic = dict.fromkeys(traffic_of(row.settings) for row in members)
    varies = tuple(name for name in _NAMES if len({getattr(row, name) for row in members}) > 1)
    names: dict[str, Any] = {name: None if name in varies else getattr(first, name) for name in _NAMES}
    is_mixed = len({stops_early(row.settings) for row in members}) > 1
    has_stopped = any(stops_replies(row.settings) for row in members) and set(varies) <= {"segment"}
    return Configuration(
        schema=first.schema_name,
        schema_fingerprint=first.schema_fingerprint,
        **names,
        varies=varies,
        calls=n,
        clean=Rate.of(counts.clean, counts.texts),
        parsed=counts.parsed,
        valid_first_time=Rate.of(counts.valid_first_time, seen),
        fixed_by_retry=Rate.of(counts.fixed_by_retry, seen),
        repaired=Rate.of(counts.repaired, seen),
        failed=Rate.of(counts.failed, n),
        unseen=counts.unseen,
        transport=counts.transport,
        excluded=counts.excluded,
        attempts=sum(sums.attempts for sums in counts.sums),
        failures=None if is_mixed else counts.failures,
        violations=None if is_mixed else counts.violations[:MOST_PLACES],
        coerced=counts.coerced,
        coercions=tuple(sorted(counts.coercions, key=_is_harmless)[:MOST_PLACES]),
        input_tokens=_whole(input_tokens.known),
        output_tokens=_whole(output_tokens.known),
        unknown_usage=output_tokens.unknown,
        reasoning_tokens=_whole(reasoning_tokens.known),
        elapsed_s=None if elapsed_s.known is None else round(elapsed_s.known, 6),
        elapsed_p50_s=latency.percentile_s(50),
        elapsed_p95_s=latency.percentile_s(95),
        traffic=tuple(traffic) if any(traffic) else (),
        answered_again=sum(row.calls for row in answered_again(members)),
        models=() if "model" in varies else asked_models(counts),
        stopped=_stopped(counts.lengths) if has_stopped else None,
        is_gone=all(row.configuration in gone for row in members),
        last_call=counts.last_started_at,
        **more,
    )


def _is_harmless(coercion: CoercionCount) -> bool:
    """Return whether a coercion keeps the meaning of a value. A number as a date, or a boolean as a number, may not."""
    before, _, after = coercion.change.partition(" -> ")
    from_number = before in ("number", "integer") and after in ("date", "date-time", "time", "duration")
    return not (from_number or (before == "boolean") is not (after == "boolean"))


def _whole(number: float | None) -> int | None:
    return None if number is None else int(number)


def _stopped(lengths: ReplyLengths) -> StoppedReplies:
    stopped, median = lengths.stopped.number, lengths.stopped_at.percentile(50)
    return StoppedReplies(stopped, stopped + lengths.whole.number, None if median is None else round(median))


def as_json(report: Any) -> Any:
    """Return a report as plain JSON, with field names as keys, rates as fractions, and null for None."""
    return _plain(report)


def _plain(value: Any) -> Any:
    if isinstance(value, TimedCalls):
        return {"at": value.at, "failed": _plain(value.failed)}
    if is_dataclass(value) and not isinstance(value, type):
        named = {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
        # Few stores have checked values.
        return {name: part for name, part in named.items() if part is not None or name != "content"}
    if hasattr(value, "_asdict"):
        cause = {"cause": value.cause} if isinstance(value, ExcludedCalls) else {}
        return cause | {name: _plain(member) for name, member in value._asdict().items()}
    if isinstance(value, dict):
        return {name: _plain(member) for name, member in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(member) for member in value]
    return value
