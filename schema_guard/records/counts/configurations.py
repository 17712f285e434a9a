# SPDX-License-Identifier: Apache-2.0
"""What is recorded of configurations: the counts that a report, a decision and a change detector need."""

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
    """How many attempts failed in one way."""

    kind: str
    code: str
    attempts: int


class ViolationCount(NamedTuple):
    """How many attempts broke one keyword at one declared location."""

    location: str
    keyword: str
    attempts: int


class CoercionCount(NamedTuple):
    """In how many replies a type converted one declared location: `string -> integer`."""

    location: str
    change: str
    attempts: int


class ModelCount(NamedTuple):
    """How many judged replies named one model.

    Attributes:
        model: Without the date of its snapshot.
        snapshot: The dated name; None when the reply gave none.
        attempts: That were judged.
    """

    model: str
    snapshot: str | None
    attempts: int


class ClusterCount(NamedTuple):
    """How many inputs had n validated calls, k of which failed."""

    n: int
    k: int
    inputs: int


class Total(NamedTuple):
    """A sum over attempts.

    Attributes:
        known: Over the attempts for which it is known; None when it is for none.
        unknown: Attempts for which it is unknown.
    """

    known: float | None
    unknown: int


class AttemptSums(NamedTuple):
    """What all attempts of one number took, transport failures included.

    Attributes:
        number: 1 for the first attempts of the calls.
        attempts: That were made.
        input_tokens: Cached ones included; a whole number, as all tokens are.
        cached_input_tokens: The part of input_tokens that was cached.
        output_tokens: Reasoning included.
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
    """Return the mean of an amount over the attempts for which it is known; None if it is known for none."""
    totals: list[tuple[Total, int]] = [(getattr(one, name), one.attempts) for one in sums]
    attempts = sum(count - total.unknown for total, count in totals)
    return sum(total.known or 0 for total, _ in totals) / attempts if attempts else None


class Histogram(NamedTuple):
    """Numbers counted in buckets: durations in microseconds, or lengths of replies.

    Attributes:
        buckets: The least number of each bucket, and how many numbers it has, in rising order.
    """

    buckets: tuple[tuple[int, int], ...] = ()

    @property
    def number(self) -> int:
        """How many numbers are counted."""
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
    """How long the judged replies of a configuration were that stops some of them before their end.

    Attributes:
        stopped_at: Of the stopped ones: characters after which they were.
        stopped: Of the same: bytes of the text that came.
        whole: Bytes of those that were not stopped.
    """

    stopped_at: Histogram = Histogram()
    stopped: Histogram = Histogram()
    whole: Histogram = Histogram()


@dataclass(frozen=True, slots=True)
class ConfigurationCounts:
    """What is recorded of one configuration of one function in one segment.

    What a call counts as. One without a validated reply is excluded from the rates. It is in `transport`, and in
    `excluded` by its cause. Every other one is in `calls`, and in one of these five:
    calls = valid_first_time + repaired + fixed_by_retry + failed + (unseen - unseen_failed).
    A call is unseen when a library inside the function had asked again and its tries are not known: whether
    it failed is known, at which attempt it was valid is not, so that it counts for `failed` alone.
    Hence the n of `failed` is `calls`. The n of `valid_first_time`, `repaired`, and `fixed_by_retry` is `calls - unseen`.
    The n of `clean` is `texts`, because a parsed value does not show its text.

    Attributes:
        id: In this store; None if it is not known.
        function: Name of the guarded function.
        schema_name: Of the schema.
        schema_fingerprint: Of the schema's content.
        model: None when unknown.
        provider: Provider or engine whose options are used; None for text strategies.
        strategies: As `a>b` for an escalation.
        settings: Compact JSON.
        version: Of the function's prompt.
        tuned: Whether the model is one that was fine-tuned for this.
        segment: Part of the traffic; None when not tagged.
        first_started_at: When the earliest call began, in seconds since the epoch, UTC; None when unknown.
        last_started_at: When the latest call began.
        calls: With at least one judged reply.
        valid_first_time: Attempt 1 was valid without repair.
        clean: The part of valid_first_time whose reply was nothing but the JSON.
        parsed: The part of valid_first_time whose text is unknown, because the function had parsed it already.
        coerced: Calls whose valid reply the schema's Python type had to convert.
        textless: The part of valid_first_time whose text is unknown; parsed is a part of it.
        repaired: The valid attempt, whichever it was, was repaired.
        fixed_by_retry: Valid at attempt 2 or later without repair.
        failed: No attempt was valid; ended by a transport failure after a judged reply included.
        unseen: Calls in which a library had asked again and its tries are not known.
        unseen_failed: The part of unseen that failed.
        transport: Calls without a judged reply; not in calls.
        excluded: The same by their cause, most frequent first.
        clusters: Inputs by their n and k, when an input has more than one call; else empty. Calls with one
            `cluster` tag, else one task, are of one input.
        attempts: For each attempt number from 1, the judged attempts and the failed ones among them;
            transport failures are in neither.
        sums: What the attempts took, by attempt number.
        failures: Of all attempts, most frequent first.
        final_failures: Of the last attempts of failed calls, most frequent first.
        violations: Of all attempts, most frequent first.
        coercions: As violations.
        models: Of the judged attempts whose reply names its model, most frequent first.
        call_latency: Of judged calls: the sum over the attempts of each, where all of them are known.
        attempt_latency: Of all attempts, transport failures included.
        outcomes: A bit for each of `calls`, 1 for failed. The calls of one hour come together, in the order of arrival.
            The hours are in the order of `tallies.place_of`. The first call is the most significant bit of the first
            byte. The bits after the last call are 0.
        lengths: Of judged replies; empty where the settings stop none.
        results: Calls by `calls.RESULTS` and `calls.PARTS`. They and the tallies can be added to those of others.
        tallies: Other counts, as `rollups.Tallies`.
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
        """The values of `rows.CONFIGURATION_COLUMNS`."""
        return tuple(getattr(self, name) for name in CONFIGURATION_COLUMNS)

    @property
    def texts(self) -> int:
        """Calls whose tries are all known, without the textless ones: the n of clean."""
        return self.calls - self.unseen - self.textless

    @property
    def failure_kinds(self) -> dict[str, int]:
        """Failed calls by the kind of their last failure."""
        kinds: Counter[str] = Counter()
        for kind, _, calls in self.final_failures:
            kinds[kind] += calls
        return dict(kinds)

    def total(self, amount: str) -> Total:
        """Return what all attempts took of one amount of `AttemptSums`."""
        totals: list[Total] = [getattr(sums, amount) for sums in self.sums]
        known = [total.known for total in totals if total.known is not None]
        return Total(sum(known) if known else None, sum(total.unknown for total in totals))

    @property
    def inputs(self) -> int:
        """Distinct inputs: the n of a rate when calls repeat them."""
        return sum(count for _, _, count in self.clusters) if self.clusters else self.calls


class HourCounts(NamedTuple):
    """What is recorded of one configuration in one hour; the counts are those of `ConfigurationCounts`.

    Attributes:
        at: When the hour began, in seconds since the epoch, UTC: a multiple of 3,600.
        configuration: Values of `rows.CONFIGURATION_COLUMNS`, as `ConfigurationCounts.configuration`.
    """

    at: int
    configuration: Row
    calls: int
    failed: int
    transport: int


def ranked(counted: Iterable[C]) -> tuple[C, ...]:
    """Put counts in order: most frequent first, equal ones by name."""
    return tuple(sorted(counted, key=lambda count: (-count.attempts, count)))
