# SPDX-License-Identifier: Apache-2.0
"""Counts of recorded configurations, for reports, decisions, and the detection of changes."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from math import ceil
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from schema_guard.records.counts.buckets import middle
from schema_guard.records.rows import CONFIGURATION_COLUMNS, Row

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from schema_guard.configuration.excluded_calls import ExcludedCalls
    from schema_guard.records.counts.rollups import Tallies


C = TypeVar("C", "FailureCount", "ViolationCount", "CoercionCount")

_MICROSECONDS = 10**6


class FailureCount(NamedTuple):
    """Number of attempts that failed in one way."""

    kind: str
    code: str
    attempts: int


class ViolationCount(NamedTuple):
    """Number of attempts that violated one keyword at one declared location."""

    location: str
    keyword: str
    attempts: int


class CoercionCount(NamedTuple):
    """Number of replies in which a type converted one declared location: `string -> integer`."""

    location: str
    change: str
    attempts: int


class ModelCount(NamedTuple):
    """Number of validated replies that named one model.

    Attributes:
        model: Name without the date of its snapshot.
        snapshot: The dated name. None if the reply has none.
        attempts: Validated attempts.
    """

    model: str
    snapshot: str | None
    attempts: int


class ClusterCount(NamedTuple):
    """Number of inputs with n validated calls, k of which failed."""

    n: int
    k: int
    inputs: int


class Total(NamedTuple):
    """A sum over attempts.

    Attributes:
        known: Sum over the attempts for which it is known. None if it is known for none.
        unknown: Attempts for which it is unknown.
    """

    known: float | None
    unknown: int


class AttemptSums(NamedTuple):
    """Total usage of all attempts with one number, including transport failures.

    Attributes:
        number: 1 for the first attempts of the calls.
        attempts: Number of these attempts.
        input_tokens: Includes cached ones. A whole number, as all tokens are.
        cached_input_tokens: The part of input_tokens that was cached.
        output_tokens: Includes reasoning.
        reasoning_tokens: The part of output_tokens that was reasoning.
        elapsed_s: Seconds, each attempt rounded to a millionth.
        cost: Each attempt rounded to a thousand-millionth of a unit.
    """

    number: int
    attempts: int
    input_tokens: Total
    cached_input_tokens: Total
    output_tokens: Total
    reasoning_tokens: Total
    elapsed_s: Total
    cost: Total


def mean_of(sums: Iterable[AttemptSums], name: str) -> float | None:
    """Return the mean of an amount over the attempts for which it is known. None if it is known for none."""
    totals: list[tuple[Total, int]] = [(getattr(one, name), one.attempts) for one in sums]
    attempts = sum(count - total.unknown for total, count in totals)
    return sum(total.known or 0 for total, _ in totals) / attempts if attempts else None


class Histogram(NamedTuple):
    """Numbers counted in buckets: durations in microseconds, or lengths of replies.

    Attributes:
        buckets: The least number of each bucket, and its count of numbers, in rising order.
    """

    buckets: tuple[tuple[int, int], ...] = ()

    @property
    def number(self) -> int:
        """Count of the numbers."""
        return sum(count for _, count in self.buckets)

    @property
    def size(self) -> float:
        """Their sum, within 1.6%."""
        return sum(middle(lower) * count for lower, count in self.buckets)

    def percentile(self, percent: float) -> float | None:
        """Return a percentile by nearest rank, within 1/64 (1.6%) of it. None without data.

        Args:
            percent: In (0, 100]. 50 is the median.

        >>> Histogram(((40, 1), (63, 2))).percentile(50)
        63.0
        """
        rank = ceil(percent * self.number / 100)
        for lower, count in self.buckets:
            rank -= count
            if rank <= 0:
                return middle(lower)
        return None

    def percentile_s(self, percent: float) -> float | None:
        """Return a percentile of durations, in seconds."""
        found = self.percentile(percent)
        return None if found is None else found / _MICROSECONDS


class ReplyLengths(NamedTuple):
    """Lengths of the validated replies of a configuration that stops some of them before their end.

    Attributes:
        stopped_at: Stopped replies: number of characters at the stop.
        stopped: Stopped replies: bytes of the text that arrived.
        whole: All other replies: bytes.
    """

    stopped_at: Histogram = Histogram()
    stopped: Histogram = Histogram()
    whole: Histogram = Histogram()


@dataclass(frozen=True, slots=True)
class ConfigurationCounts:
    """Counts of the calls of one function with one configuration in one segment.

    Rates exclude calls without a validated reply. `transport` counts these calls, and `excluded` counts them by cause.
    `calls` counts all calls with a validated reply. `calls` is the sum of `valid_first_time`, `repaired`,
    `fixed_by_retry`, `failed`, and `unseen - unseen_failed`.

    A call is unseen if a library inside the function retried, and schema_guard didn't see the attempts. In this case,
    schema_guard knows whether the call failed, but not which attempt was valid. Therefore, an unseen call counts only
    toward the rate `failed`.

    The denominator of the rate `failed` is `calls`. The denominator of `valid_first_time`, `repaired`, and
    `fixed_by_retry` is `calls - unseen`. The denominator of `clean` is `texts`, because schema_guard doesn't know the
    text of a parsed value.

    Attributes:
        id: ID of the configuration in this store, or None if it is unknown.
        function: Name of the guarded function.
        schema_name: Name of the schema.
        schema_fingerprint: Fingerprint of the schema's content.
        model: Name of the model, or None if it is unknown.
        provider: Provider or engine whose options schema_guard uses, or None for strategies that set no options.
        strategies: Name of the strategy, or names such as `a>b` for an escalation from `a` to `b`.
        settings: The guard's settings as compact JSON.
        version: Version of the function's prompt.
        tuned: Whether the model was fine-tuned for this task.
        segment: Segment of your traffic, or None if the calls have no segment.
        first_started_at: Start time of the earliest call, in seconds since the epoch (UTC), or None if it is unknown.
        last_started_at: Start time of the latest call, in seconds since the epoch (UTC), or None if it is unknown.
        calls: Number of calls with at least one validated reply.
        valid_first_time: Number of calls whose first attempt was valid without repair.
        clean: Number of calls in `valid_first_time` whose reply contained nothing but JSON.
        parsed: Number of calls in `valid_first_time` whose text is unknown, because the function parsed the reply.
        coerced: Number of calls in which the schema's Python type converted a value of the valid reply.
        textless: Number of calls in `valid_first_time` whose text is unknown, including the calls in `parsed`.
        repaired: Number of calls whose valid attempt schema_guard repaired, whether it was the first or a later
            attempt.
        fixed_by_retry: Number of calls whose second or later attempt was valid without repair.
        failed: Number of calls without a valid attempt, including calls that a transport failure ended after a
            validated reply.
        unseen: Number of calls in which a library made retries that schema_guard didn't see.
        unseen_failed: Number of the calls in `unseen` that failed.
        transport: Number of calls without a validated reply. `calls` doesn't include these calls.
        excluded: Number of calls in `transport` for each cause, most frequent first.
        clusters: Number of inputs that have *n* calls and *k* failures, for each *n* and *k*. The value is empty if
            each input has only one call. Calls with the same `cluster` tag count as one input. Without this tag, calls
            with the same task count as one input.
        attempts: For each attempt number from 1, the number of validated attempts, and the number of failed ones among
            them. Neither number includes transport failures.
        sums: Sums of the tokens, the time, and the cost of the attempts, by attempt number.
        failures: Failures of all attempts with their counts, most frequent first.
        final_failures: Failures of the last attempts of failed calls, with their counts, most frequent first.
        violations: Violations of the schema in all attempts, with their counts, most frequent first.
        coercions: Conversions in all attempts with their counts, most frequent first.
        models: Models whose names the validated replies contain, with their counts, most frequent first.
        call_latency: Histogram of the durations of calls with a validated reply. It omits calls that have an attempt of
            unknown duration. The duration of a call is the sum of the durations of its attempts.
        attempt_latency: Histogram of the durations of all attempts, including transport failures.
        outcomes: One bit for each call in `calls`: 1 if the call failed, otherwise 0. The bits of the calls of one hour
            are adjacent, in the order of arrival. The hours are sorted by `tallies.place_of`. The first call is the
            most significant bit of the first byte. The bits after the last call are 0.
        lengths: Lengths of validated replies, or empty if the settings don't stop replies early.
        results: Number of calls for each key in `calls.RESULTS` and `calls.PARTS`. You can add these numbers and
            `tallies` to those of other configurations.
        tallies: The other counts of these calls, as a `rollups.Tallies` object.
    """

    id: int | None
    function: str
    schema_name: str
    schema_fingerprint: str
    model: str | None
    provider: str | None
    strategies: str
    settings: str
    version: str
    tuned: bool
    segment: str | None
    first_started_at: float | None
    last_started_at: float | None
    calls: int
    valid_first_time: int
    clean: int
    parsed: int
    textless: int
    coerced: int
    repaired: int
    fixed_by_retry: int
    failed: int
    unseen: int
    unseen_failed: int
    transport: int
    excluded: tuple[ExcludedCalls, ...]
    clusters: tuple[ClusterCount, ...]
    attempts: tuple[tuple[int, int], ...]
    sums: tuple[AttemptSums, ...]
    failures: tuple[FailureCount, ...]
    final_failures: tuple[FailureCount, ...]
    violations: tuple[ViolationCount, ...]
    coercions: tuple[CoercionCount, ...]
    models: tuple[ModelCount, ...]
    call_latency: Histogram
    attempt_latency: Histogram
    outcomes: bytes
    lengths: ReplyLengths
    results: Mapping[str, int] = field(repr=False, compare=False)
    tallies: Tallies = field(repr=False, compare=False)

    @property
    def configuration(self) -> Row:
        """The values of this configuration in the columns of `rows.CONFIGURATION_COLUMNS`."""
        return tuple(getattr(self, name) for name in CONFIGURATION_COLUMNS)

    @property
    def texts(self) -> int:
        """Number of calls with known attempts and known text, which is the denominator of `clean`."""
        return self.calls - self.unseen - self.textless

    @property
    def failure_kinds(self) -> dict[str, int]:
        """Number of failed calls by the kind of their last failure."""
        kinds: Counter[str] = Counter()
        for kind, _, calls in self.final_failures:
            kinds[kind] += calls
        return dict(kinds)

    def total(self, amount: str) -> Total:
        """Return the sum of one field of `AttemptSums` over all attempts."""
        totals: list[Total] = [getattr(sums, amount) for sums in self.sums]
        known = [total.known for total in totals if total.known is not None]
        return Total(sum(known) if known else None, sum(total.unknown for total in totals))

    @property
    def inputs(self) -> int:
        """Number of distinct inputs, which is the denominator of a rate if calls repeat inputs."""
        return sum(count for _, _, count in self.clusters) if self.clusters else self.calls


class HourCounts(NamedTuple):
    """The counts of the calls with one configuration in one hour, as in `ConfigurationCounts`.

    Attributes:
        at: Start of the hour, in seconds since the epoch (UTC), which is a multiple of 3,600.
        configuration: Values of the columns in `rows.CONFIGURATION_COLUMNS`, as in `ConfigurationCounts.configuration`.
    """

    at: int
    configuration: Row
    calls: int
    failed: int
    transport: int


def ranked(counted: Iterable[C]) -> tuple[C, ...]:
    """Return counts in order: most frequent first, equal ones by name."""
    return tuple(sorted(counted, key=lambda count: (-count.attempts, count)))
