# SPDX-License-Identifier: Apache-2.0
"""The figures of a report: rates with n and bounds, failures, places, tokens and seconds."""

from __future__ import annotations

from dataclasses import dataclass, fields, is_dataclass
from typing import TYPE_CHECKING, Any

from schema_guard.stats import Rate

if TYPE_CHECKING:
    from schema_guard.records import FailureCount, Store, ViolationCount
    from schema_guard.records.pools import Pool, Way


@dataclass(frozen=True, slots=True)
class Configuration:
    """What is recorded of one schema under one model, target, strategy, settings and version of the prompt.

    Attributes:
        schema: Name of the schema.
        schema_fingerprint: Of its content.
        model: None when no reply named one.
        target: Provider or engine whose options are used; None for text strategies.
        strategies: As `a>b` for an escalation.
        settings: Those that change results, as compact JSON.
        version: Of the function's prompt.
        calls: With at least one judged reply; the n of every rate.
        exact: Attempt 1 was nothing but valid JSON; a part of first_pass.
        first_pass: Attempt 1 was valid, without repair.
        reasked: Valid after a re-ask.
        repaired: Valid after repair.
        unhandled: No attempt was valid.
        transport: Calls without a judged reply, outside of every rate.
        attempts: All of them, transport included.
        failures: Attempts by kind and code, most frequent first.
        violations: The ten places and keywords that most attempts broke.
        input_tokens: Over all attempts whose usage is known; None when none is.
        output_tokens: As input_tokens.
        unknown_usage: Attempts whose output tokens are unknown.
        elapsed_s: Seconds over all attempts.
        elapsed_p50_s: Median of an attempt, within 1.6 %; None without attempts.
        elapsed_p95_s: 95th percentile of an attempt, within 1.6 %.
    """

    schema: str
    schema_fingerprint: str
    model: str | None
    target: str | None
    strategies: str
    settings: str
    version: str
    calls: int
    exact: Rate
    first_pass: Rate
    reasked: Rate
    repaired: Rate
    unhandled: Rate
    transport: int
    attempts: int
    failures: tuple[FailureCount, ...]
    violations: tuple[ViolationCount, ...]
    input_tokens: int | None
    output_tokens: int | None
    unknown_usage: int
    elapsed_s: float
    elapsed_p50_s: float | None
    elapsed_p95_s: float | None


@dataclass(frozen=True, slots=True)
class Report:
    """What a store holds.

    Attributes:
        store: URL of the store, without its password.
        configurations: By schema, model, target, strategies, settings and version; empty when nothing is recorded.
        drops: Attempts that could not be stored, by reason.
    """

    store: str
    configurations: tuple[Configuration, ...]
    drops: dict[str, int]


def report_on(
    store: Store, *, since: float | None = None, schema: str | None = None, function: str | None = None
) -> Report:
    """Read a store.

    Args:
        store: Where to read.
        since: Only calls that started at or after this, in seconds since the epoch.
        schema: Only this schema, by name or fingerprint.
        function: Only this function.

    Raises:
        StoreError: The store cannot be read.
    """
    # Here, for those who show a report that was read elsewhere: records are half of all that would be imported.
    from schema_guard.records.pools import pooled

    counted = store.configurations(since=since, schema=schema, function=function)
    return Report(store.url, tuple(map(_configuration, pooled(counted))), store.drops(since=since))


def _configuration(pool: Pool) -> Configuration:
    def rate(way: Way) -> Rate:
        return Rate.of(pool.calls(way), n)

    n, one, latency = pool.calls("calls"), pool.members[0], pool.attempt_latency
    return Configuration(
        schema=one.schema_name,
        schema_fingerprint=one.schema_fingerprint,
        model=one.model,
        target=one.target,
        strategies=one.strategies,
        settings=one.settings,
        version=one.version,
        calls=n,
        exact=rate("exact"),
        first_pass=rate("first_pass"),
        reasked=rate("reasked"),
        repaired=rate("repaired"),
        unhandled=rate("unhandled"),
        transport=pool.calls("transport"),
        attempts=pool.attempts,
        failures=pool.failures,
        violations=pool.violations,
        input_tokens=pool.tokens("input_tokens"),
        output_tokens=pool.tokens("output_tokens"),
        unknown_usage=pool.total("output_tokens").unknown,
        elapsed_s=pool.total("elapsed_s").known or 0.0,
        elapsed_p50_s=latency.percentile_s(50),
        elapsed_p95_s=latency.percentile_s(95),
    )


def as_json(report: Any) -> Any:
    """Give a report as plain JSON: the names of its fields, rates as fractions, None as null."""
    return _plain(report)


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if hasattr(value, "_asdict"):
        return {name: _plain(member) for name, member in value._asdict().items()}
    if isinstance(value, dict):
        return {name: _plain(member) for name, member in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(member) for member in value]
    return value
