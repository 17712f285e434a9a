"""What a report needs to know of many calls, whichever function and segment they are of."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from schema_guard.records.configurations import C, FailureCount, Latency, ViolationCount, ranked

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from schema_guard.records.configurations import ConfigurationCounts

MAX_VIOLATIONS = 10

_Key: TypeAlias = tuple[str, str, str | None, str | None, str, str, str]


@dataclass(frozen=True, slots=True)
class Summary:
    """What is stored of one configuration: schema, model, target, strategy (or escalation), settings, version.

    calls = first_pass + repaired + reasked + unhandled. Sums are over attempts, transport included; a sum
    is None when no attempt's value is known.

    Attributes:
        schema_name: Of the schema.
        schema_fingerprint: Of the schema's content.
        model: None when unknown.
        target: Provider or engine whose options are used; None for text strategies.
        strategies: As `a>b` for an escalation.
        settings: Compact JSON.
        version: Of the function's prompt.
        calls: With at least one judged reply.
        first_pass: Attempt 1 was valid without repair.
        exact: The part of first_pass whose reply was nothing but the JSON.
        repaired: The valid attempt, whichever it was, was repaired or resumed.
        reasked: Valid at attempt 2 or later without repair.
        unhandled: No attempt was valid; ended by a transport failure after a judged reply included.
        transport: Calls without a judged reply; not in calls.
        attempts: Of all calls, transport included.
        failures: Of attempts, most frequent first.
        violations: The ten most frequent.
        input_tokens: Known ones.
        input_tokens_unknown: Attempts whose input tokens are unknown.
        output_tokens: Known ones.
        output_tokens_unknown: Attempts whose output tokens are unknown.
        cost: Of the attempts that have one.
        cost_unknown: Attempts without one.
        elapsed_s: Sum over attempts.
        elapsed_p50_s: Median over attempts, by nearest rank, within 1.6 %.
        elapsed_p95_s: 95th percentile over attempts, as elapsed_p50_s.
    """

    schema_name: str
    schema_fingerprint: str
    model: str | None
    target: str | None
    strategies: str
    settings: str
    version: str
    calls: int
    first_pass: int
    exact: int
    repaired: int
    reasked: int
    unhandled: int
    transport: int
    attempts: int
    failures: tuple[FailureCount, ...]
    violations: tuple[ViolationCount, ...]
    input_tokens: int | None
    input_tokens_unknown: int
    output_tokens: int | None
    output_tokens_unknown: int
    cost: float | None
    cost_unknown: int
    elapsed_s: float
    elapsed_p50_s: float | None
    elapsed_p95_s: float | None


def summarize(counted: Iterable[ConfigurationCounts]) -> list[Summary]:
    """Give one summary for each configuration, over its functions and segments; in the order of its names."""
    groups: dict[_Key, list[ConfigurationCounts]] = defaultdict(list)
    for counts in counted:
        groups[_key(counts)].append(counts)
    return [_summary(key, groups[key]) for key in sorted(groups, key=_order)]


def _key(counts: ConfigurationCounts) -> _Key:
    return (
        counts.schema_name,
        counts.schema_fingerprint,
        counts.model,
        counts.target,
        counts.strategies,
        counts.settings,
        counts.version,
    )


def _order(key: _Key) -> list[tuple[bool, str]]:
    return [(part is not None, part or "") for part in key]


def _summary(key: _Key, members: Sequence[ConfigurationCounts]) -> Summary:
    def calls(way: str) -> int:
        return sum(getattr(counts, way) for counts in members)

    def total(name: str) -> Any:
        """Add what is known; gives None when nothing is, and the attempts for which it is unknown."""
        totals = [getattr(sums, name) for counts in members for sums in counts.sums]
        known = [total.known for total in totals if total.known is not None]
        return (sum(known) if known else None), sum(total.unknown for total in totals)

    input_tokens, input_tokens_unknown = total("input_tokens")
    output_tokens, output_tokens_unknown = total("output_tokens")
    cost, cost_unknown = total("cost")
    elapsed_s, _ = total("elapsed_s")
    latency = _latency(counts.attempt_latency for counts in members)
    return Summary(
        *key,
        calls=calls("calls"),
        first_pass=calls("first_pass"),
        exact=calls("exact"),
        repaired=calls("repaired"),
        reasked=calls("reasked"),
        unhandled=calls("unhandled"),
        transport=calls("transport"),
        attempts=sum(sums.attempts for counts in members for sums in counts.sums),
        failures=_added(FailureCount, (counts.failures for counts in members)),
        violations=_added(ViolationCount, (counts.violations for counts in members))[:MAX_VIOLATIONS],
        input_tokens=input_tokens,
        input_tokens_unknown=input_tokens_unknown,
        output_tokens=output_tokens,
        output_tokens_unknown=output_tokens_unknown,
        cost=cost,
        cost_unknown=cost_unknown,
        elapsed_s=elapsed_s or 0.0,
        elapsed_p50_s=latency.percentile_s(50),
        elapsed_p95_s=latency.percentile_s(95),
    )


def _added(kind: type[C], several: Iterable[tuple[C, ...]]) -> tuple[C, ...]:
    counts: Counter[tuple[str, str]] = Counter()
    for counted in several:
        for first, second, attempts in counted:
            counts[first, second] += attempts
    return ranked(kind(*pair, attempts) for pair, attempts in counts.items())


def _latency(several: Iterable[Latency]) -> Latency:
    buckets: Counter[int] = Counter()
    for latency in several:
        buckets.update(dict(latency.buckets))
    return Latency(tuple(sorted(buckets.items())))
